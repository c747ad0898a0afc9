package lexicon

func biasTerms() []Term { return []Term{forecastBias(), coverage()} }

func truth() Input {
	return Input{Name: "truth", Aliases: []string{"observed"}, Kind: Number, Unit: "that of the forecast", Low: "0", Meaning: "what came to pass"}
}

func forecastBias() Term {
	return Term{
		ID: "bias.forecast", Version: 1,
		Definition: english("By what share forecasts lay above, or below, what came to pass, all periods together."),
		Formula:    "sum(forecast - truth) / sum(truth), with the interval of a circular block bootstrap of public chance",
		Class:      Statistical,
		Inputs: []Input{
			{Name: "forecast", Aliases: []string{"median", "prediction"}, Kind: Number, Unit: "any", Meaning: "the median forecast, one row for each period, in order of time"},
			truth(),
		},
		Parameters: []Parameter{
			confidence(),
			{Name: "block", Unit: "rows", Low: "1", High: "1000", Whole: true, Default: "4", Meaning: "how many successive periods are drawn together, at most all"},
			{Name: "resamples", Unit: "draws", Low: "100", High: "10000", Whole: true, Default: "1000", Meaning: "how often the periods are drawn again"},
			{Name: "seed", Unit: "none", Low: "0", High: "9007199254740991", Whole: true, Default: "0", Meaning: "the number that fixes the draws, named before the data are known"},
			atMost("share"),
		},
		Check:  "with at_most: the interval lies within -at_most to at_most; without: the interval holds 0, so that no bias is shown",
		Limits: "Periods that depend on one another for longer than a block make the interval too narrow; so do few periods.",
		Source: "Politis and Romano, \"A circular block-resampling procedure for stationary data\" (1992)",
		Vectors: []Vector{
			{Data: "forecast,truth\n110,100\n90,100\n120,100\n", Parameters: map[string]string{"block": "1"}, Value: "1/15", Holds: true},
			{Data: "forecast,truth\n110,100\n112,100\n120,100\n", Parameters: map[string]string{"block": "1"}, Value: "7/50", Holds: false},
			{Data: "forecast,truth\n110,100\n112,100\n120,100\n", Parameters: map[string]string{"block": "1", "at_most": "1/5"}, Value: "7/50", Holds: true},
		},
	}
}

func coverage() Term {
	return Term{
		ID: "bias.coverage", Version: 1,
		Definition: english("The share of periods in which what came to pass lay inside the interval that was forecast."),
		Formula:    "number of rows with lower <= truth <= upper, over the number of rows, with Wilson's interval",
		Class:      Statistical,
		Inputs: []Input{
			{Name: "lower", Aliases: []string{"low"}, Kind: Number, Unit: "any", Meaning: "the lower end of the forecast interval, one row for each period"},
			{Name: "upper", Aliases: []string{"high"}, Kind: Number, Unit: "that of lower", Meaning: "its upper end"},
			{Name: "truth", Aliases: []string{"observed"}, Kind: Number, Unit: "that of lower", Meaning: "what came to pass"},
		},
		Parameters: []Parameter{
			{Name: "nominal", Unit: "share", Low: "0", High: "1", Default: "9/10", Meaning: "the share that the forecaster promised"},
			confidence(),
		},
		Check:  "the nominal share lies inside the interval: the data do not refute the promise, at the confidence",
		Limits: "Counts periods as independent; where they depend on one another, the interval is too narrow.",
		Source: "Wilson, \"Probable inference, the law of succession, and statistical inference\", JASA 22 (1927)",
		Vectors: []Vector{
			{Data: "lower,upper,truth\n0,10,5\n0,10,1\n0,10,0\n0,10,10\n0,10,7\n0,10,3\n0,10,2\n0,10,9\n0,10,8\n0,10,11\n", Value: "9/10", Holds: true},
			{Data: "lower,upper,truth\n0,10,15\n0,10,11\n0,10,12\n0,10,10\n0,10,17\n0,10,13\n", Value: "1/6", Holds: false},
		},
	}
}
