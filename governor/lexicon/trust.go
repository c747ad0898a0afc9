package lexicon

func trustTerms() []Term {
	return []Term{lowerBound(), lowAndSlow(), falseAlarmRate(), commitmentKept(), consent()}
}

func lowerBound() Term {
	return Term{
		ID: "trust.lower_bound", Version: 1,
		Definition: english("A cautious estimate, from the record of commitments kept and broken with old ones counting less, of how often a party keeps its commitments."),
		Formula:    "the quantile (1/20) of Beta(a + sum kept 2^(-age/h), b + sum broken 2^(-age/h)), with half-life h",
		Class:      Interval,
		Inputs: []Input{
			{Name: "kept", Kind: Whole, Unit: "commitments", Low: "0", High: "1000000", Meaning: "commitments kept, one row for each age"},
			{Name: "broken", Kind: Whole, Unit: "commitments", Low: "0", High: "1000000", Meaning: "commitments broken"},
			{Name: "age_days", Aliases: []string{"age"}, Kind: Number, Unit: "days", Low: "0", High: "36500", Optional: true, Default: "0", Meaning: "how long ago that was"},
		},
		Parameters: []Parameter{
			{Name: "a", Unit: "commitments", Low: "1/100", High: "1000000", Default: "8", Meaning: "kept commitments that are taken as given at the start"},
			{Name: "b", Unit: "commitments", Low: "1/100", High: "1000000", Default: "2", Meaning: "broken commitments that are taken as given at the start"},
			{Name: "half_life_days", Unit: "days", Low: "1", High: "36500", Default: "180", Meaning: "after how long a commitment counts half"},
			{Name: "quantile", Unit: "share", Low: "1/1000", High: "1/2", Default: "1/20", Meaning: "the share of the distribution below the value"},
			atLeast("share"),
		},
		Check:  "the lower end of the interval is at least at_least",
		Limits: "It explains a record to people. It is no threshold: what a party is accused of rests on e-values.",
		Source: "Jøsang and Ismail, \"The Beta Reputation System\" (2002); the distribution function as the series of DLMF 8.17.8",
		Vectors: []Vector{
			{Data: "kept,broken\n0,0\n", Value: "0.570864", Holds: true},
			{Data: "kept,broken\n", Parameters: map[string]string{"a": "8", "b": "2", "at_least": "0.6"}, Value: "0.570864", Holds: false},
			{Data: "kept,broken,age_days\n6,0,0\n2,2,180\n", Parameters: map[string]string{"a": "1", "b": "1"}, Value: "0.570864", Holds: true},
		},
	}
}

// The thresholds of a cumulative sum, in standard deviations.

func allowance() Parameter {
	return Parameter{Name: "k", Unit: "standard deviations", Low: "0", High: "4", Default: "1/4", Meaning: "what is forgiven in each period"}
}

func lowAndSlow() Term {
	return Term{
		ID: "poisoning.low_and_slow", Version: 1,
		Definition: english("A party's reports drift one way until the sum passes a threshold, while every single report stays inside its band."),
		Formula:    "S_0 = 0; S_t = max(0, S_(t-1) - z_t - k); for upward drift with + z_t; crossing when either sum exceeds h; band: |z_t| <= band",
		Class:      Statistical,
		Inputs: []Input{
			{Name: "z", Aliases: []string{"residual"}, Kind: Number, Unit: "standard deviations", Low: "-1000000", High: "1000000", Meaning: "report minus expectation, in standard deviations, one row for each period, in order of time"},
		},
		Parameters: []Parameter{
			allowance(),
			{Name: "h", Unit: "standard deviations", Low: "1/1000", High: "1000", Default: "4", Meaning: "the threshold of the sum"},
			{Name: "band", Unit: "standard deviations", Low: "0", High: "1000000", Default: "2", Meaning: "what a single report may differ"},
		},
		Check:  "a sum crosses h, and no report up to then is outside its band; the value is the largest sum up to there",
		Limits: "It explains a drift to people and is no threshold: see poisoning.false_alarm_rate for how often honest data cross, and trust detect for evidence with a bound.",
		Source: "Page, \"Continuous inspection schemes\", Biometrika 41 (1954)",
		Vectors: []Vector{
			{Data: "z\n-1\n-1\n-1\n-1\n-1\n-1\n", Value: "9/2", Holds: true},
			{Data: "z\n1\n1\n1\n1\n1\n1\n", Value: "9/2", Holds: true},
			{Data: "z\n-1\n-1\n-3\n-1\n-1\n", Value: "17/4", Holds: false},
			{Data: "z\n-1/2\n1/2\n-1/2\n", Value: "1/4", Holds: false},
		},
	}
}

func falseAlarmRate() Term {
	return Term{
		ID: "poisoning.false_alarm_rate", Version: 1,
		Definition: english("How often in a year the cumulative sum of an honest party would pass its threshold by chance alone."),
		Formula:    "52 / mean number of weeks until a one-sided sum S_t = max(0, S_(t-1) - z_t - k) exceeds h, for independent normal z_t of mean `shift` and variance 1",
		Class:      Statistical,
		Inputs: []Input{
			{Name: "k", Kind: Number, Unit: "standard deviations", Low: "0", High: "4", Meaning: "what is forgiven in each week; one row with the thresholds of the charter"},
			{Name: "h", Kind: Number, Unit: "standard deviations", Low: "1/1000", High: "20", Meaning: "the threshold of the sum"},
		},
		Parameters: []Parameter{
			{Name: "shift", Unit: "standard deviations", Low: "-4", High: "1", Default: "0", Meaning: "the mean of the reports: 0 for honest data, below 0 for how soon a lie is seen"},
			{Name: "runs", Unit: "crossings", Low: "100", High: "100000", Whole: true, Default: "5000", Meaning: "how many crossings are simulated"},
			{Name: "seed", Unit: "none", Low: "0", High: "9007199254740991", Whole: true, Default: "0", Meaning: "the number that fixes the simulation"},
			confidence(),
			atMost("crossings per year"),
		},
		Check:  "the upper end of the interval is at most at_most",
		Limits: "Simulated, in thousandths of a standard deviation. Real reports depend on one another and have heavier tails: they cross more often.",
		Source: "Page, \"Continuous inspection schemes\", Biometrika 41 (1954); the noise is that of verifier/privacy/noise",
		Vectors: []Vector{
			{Data: "k,h\n1/4,4\n", Parameters: map[string]string{"at_most": "1"}, Value: "0.69", Sampled: true, Holds: true},
			{Data: "k,h\n1/4,8\n", Parameters: map[string]string{"runs": "500", "at_most": "0.01"}, Value: "0.068", Sampled: true, Holds: false},
			{Data: "k,h\n1/4,4\n", Parameters: map[string]string{"shift": "-1/2"}, Value: "3.91", Sampled: true, Holds: true},
			{Data: "k,h\n1/4,8\n", Parameters: map[string]string{"shift": "-1/2"}, Value: "1.825", Sampled: true, Holds: true},
		},
	}
}

func commitmentKept() Term {
	flag := func(name, meaning string) Input {
		return Input{Name: name, Kind: Whole, Unit: "0 or 1", Low: "0", High: "1", Meaning: meaning}
	}
	return Term{
		ID: "commitment.kept", Version: 1,
		Definition: english("What was promised arrived in time, signed, in the named form and consistent with itself."),
		Formula:    "kept_i = received_i <= due_i and signed_i and schema_i and consistent_i",
		Class:      Exact,
		Inputs: []Input{
			{Name: "commitment", Kind: Word, Unit: "id", Meaning: "the clause and period, one row for each"},
			{Name: "due", Kind: Instant, Unit: "UTC", Meaning: "the deadline"},
			{Name: "received", Kind: Instant, Unit: "UTC", Optional: true, Meaning: "the time in the log; empty if nothing arrived"},
			flag("signed", "1 if the party's signature is valid"),
			flag("schema", "1 if the record has the named schema"),
			flag("consistent", "1 if it passes the consistency checks"),
		},
		Parameters: []Parameter{{Name: "at_least", Unit: "share", Low: "0", High: "1", Default: "1", Meaning: "the share of commitments that must be kept"}},
		Check:      "the share of commitments kept is at least at_least",
		Limits:     "Times, signatures and schemas are as the table states them; `comity audit replay` recomputes them from the log.",
		Source:     "Comity, charter schema, section 10",
		Vectors: []Vector{
			{Data: "commitment,due,received,signed,schema,consistent\nd.series/1,2027-03-01T06:00:00Z,2027-03-01T06:00:00Z,1,1,1\nd.series/2,2027-03-08T06:00:00Z,2027-03-07T22:10:00Z,1,1,1\n", Value: "1", Holds: true},
			{Data: "commitment,due,received,signed,schema,consistent\nd.series/1,2027-03-01T06:00:00Z,2027-03-01T06:00:01Z,1,1,1\nd.series/2,2027-03-08T06:00:00Z,,0,0,0\n", Value: "0", Holds: false},
		},
	}
}

func consent() Term {
	return Term{
		ID: "consent", Version: 1,
		Definition: english("A party agrees to a text if enough of its officers have signed exactly this text, and nothing else counts as agreement."),
		Formula:    "at least `threshold` of the party's keys have valid Ed25519 seals on the digest, in the name of the body; no seal is invalid",
		Class:      Exact,
		Inputs: []Input{
			{Name: "body", Kind: Word, Unit: "id", Meaning: "the body that the text is of, the same in all rows"},
			{Name: "digest", Kind: Word, Unit: "sha256:HEX", Meaning: "the digest of the text, the same in all rows"},
			{Name: "key", Kind: Word, Unit: "verifier key", Meaning: "a key of the party, one row for each, in the order of the charter"},
			{Name: "signature", Kind: Word, Unit: "base64", Optional: true, Meaning: "its seal; empty if it has not signed"},
		},
		Parameters: []Parameter{{Name: "threshold", Unit: "keys", Low: "1", High: "1000", Whole: true, Required: true, Meaning: "how many of the keys must sign"}},
		Check:      "every seal is valid, and there are at least threshold of them; the value is how many seals there are",
		Limits:     "That a key is the party's, the charter says; that its holder understood the text, nobody can check.",
		Source:     "Comity, docs/format/seal.md; Ed25519: RFC 8032",
		Vectors:    consentVectors(),
	}
}
