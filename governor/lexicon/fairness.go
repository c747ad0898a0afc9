package lexicon

import "comity"

// Columns and parameters that several terms share.

func quantities() Input {
	return Input{Name: "x", Aliases: []string{"quantity", "value", "amount"}, Kind: Number, Unit: "any, one for all rows", Low: "0", Meaning: "the quantity compared, one row for each party"}
}

func weights() Input {
	return Input{Name: "w", Aliases: []string{"weight"}, Kind: Number, Unit: "any, one for all rows", Low: "0", Optional: true, Default: "1", Meaning: "the weight of the row, above 0, such as heads"}
}

func atMost(unit string) Parameter {
	return Parameter{Name: "at_most", Unit: unit, Low: "0", Meaning: "the bound that a charter names"}
}

func atLeast(unit string) Parameter {
	return Parameter{Name: "at_least", Unit: unit, Low: "0", Meaning: "the bound that a charter names"}
}

func confidence() Parameter {
	return Parameter{Name: "confidence", Unit: "share", Low: "1/2", High: "999999/1000000", Default: "19/20", Meaning: "how often the interval holds the true value, at least"}
}

func english(sentence string) comity.Text { return comity.Text{"en": sentence} }

// oneToFour are the quantities of the design's examples.
const oneToFour = "x\n1\n2\n3\n4\n"

func fairnessTerms() []Term {
	return []Term{leximin(), maximin(), proportional(), envyFree(), gini(), theilT(), theilL(), atkinson(), jain(), demographicParity(), equalOpportunity()}
}

func leximin() Term {
	other := Input{Name: "y", Aliases: []string{"other"}, Kind: Number, Unit: "that of x", Low: "0", Meaning: "the quantity under the outcome that x is compared with"}
	return Term{
		ID: "fairness.leximin", Version: 1,
		Definition: english("Of two outcomes the fairer one gives more to whoever has least; if these are equal, to whoever has second least; and so on."),
		Formula:    "sort x and y upward; at the first place k where they differ, x is better if x_(k) > y_(k)",
		Class:      Exact,
		Inputs:     []Input{quantities(), other}, Parameters: []Parameter{},
		Check:  "x is at least as good as y; the value is 1 if x is better, 0 if both have the same quantities in any order, -1 if y is better",
		Limits: "It compares two outcomes; that no feasible outcome is better is proved by the allocation's certificate.",
		Source: "Sen, \"Collective Choice and Social Welfare\" (1970), chapter 9",
		Vectors: []Vector{
			{Data: "x,y\n2,1\n2,9\n5,9\n", Value: "1", Holds: true},
			{Data: "x,y\n1,2\n9,2\n9,5\n", Value: "-1", Holds: false},
			{Data: "x,y\n5,2\n2,5\n", Value: "0", Holds: true},
			// The frontier u2 = 1 - u1^2: its leximin point against its Nash point.
			{Data: "x,y\n0.618034,0.577350\n0.618034,0.666667\n", Value: "1", Holds: true},
		},
	}
}

func maximin() Term {
	other := Input{Name: "y", Aliases: []string{"other"}, Kind: Number, Unit: "that of x", Low: "0", Optional: true, Meaning: "the quantity under the outcome that x is compared with; without it only the bound is checked"}
	return Term{
		ID: "fairness.maximin", Version: 1,
		Definition: english("Of two outcomes the fairer one gives more to whoever has least."),
		Formula:    "maximise min x_i",
		Class:      Exact,
		Inputs:     []Input{quantities(), other}, Parameters: []Parameter{atLeast("that of x")},
		Check:  "min x_i is at least min y_i and at least at_least, as far as these are given; the value is min x_i",
		Limits: "It compares two outcomes; that no feasible outcome is better is proved by the allocation's certificate.",
		Source: "Rawls, \"A Theory of Justice\" (1971), section 26",
		Vectors: []Vector{
			{Data: "x,y\n2,1\n2,9\n5,9\n", Value: "2", Holds: true},
			{Data: "x,y\n0.618034,0.577350\n0.618034,0.666667\n", Value: "309017/500000", Holds: true},
			{Data: oneToFour, Parameters: map[string]string{"at_least": "2"}, Value: "1", Holds: false},
		},
	}
}

func proportional() Term {
	return Term{
		ID: "fairness.proportional", Version: 1,
		Definition: english("Everybody receives in proportion to a weight that was agreed beforehand."),
		Formula:    "x_i / w_i is the same for all i",
		Class:      Exact,
		Inputs:     []Input{quantities(), weights()}, Parameters: []Parameter{},
		Check:  "all x_i / w_i are equal; the value is max x_i / w_i - min x_i / w_i",
		Limits: "Whole units can rarely be split exactly; a charter that divides whole units names a rounding too.",
		Source: "Steinhaus, \"The problem of fair division\", Econometrica 16 (1948)",
		Vectors: []Vector{
			{Data: "x,w\n2,1\n2,1\n4,2\n", Value: "0", Holds: true},
			{Data: "x,w\n3,1\n2,1\n3,2\n", Value: "3/2", Holds: false},
		},
	}
}

func envyFree() Term {
	return Term{
		ID: "fairness.envy_free_weighted", Version: 1,
		Definition: english("Nobody, by the own valuation and counted per unit of entitlement, would rather have what another received."),
		Formula:    "u_i(x_i) / w_i >= u_i(x_j) / w_j for all i and j; EF1: after taking from x_j the one item that i values most",
		Class:      Exact,
		Inputs: []Input{
			{Name: "agent", Kind: Word, Unit: "id", Meaning: "who values the item, one row for each agent and item"},
			{Name: "item", Kind: Word, Unit: "id", Meaning: "what is valued"},
			{Name: "worth", Kind: Number, Unit: "any, one for each agent", Low: "0", Meaning: "what the item is worth to the agent; worth adds up over items"},
			{Name: "owner", Kind: Word, Unit: "id", Meaning: "the agent who received the item"},
			{Name: "w", Aliases: []string{"weight"}, Kind: Number, Unit: "any, one for all agents", Low: "0", Optional: true, Default: "1", Meaning: "the entitlement of the agent, above 0"},
		},
		Parameters: []Parameter{{Name: "but_one", Unit: "items", Low: "0", High: "1", Whole: true, Default: "0", Meaning: "1 asks for EF1 only, 0 for no envy at all"}},
		Check:      "no agent envies another, or, with but_one=1, none does after one item is taken away; the value is the strongest that is true: EF, EF1 or none",
		Limits:     "Valuations are as stated; that they are sincere is not checked.",
		Source:     "Foley (1967); for weights Chakraborty, Igarashi, Suksompong and Zick, \"Weighted envy-freeness in indivisible item allocation\", ACM TEAC 9 (2021), definitions 2.1 and 2.2",
		Vectors: []Vector{
			{Data: "agent,item,worth,owner\na,p,6,a\na,q,5,b\na,r,1,b\nb,p,6,a\nb,q,5,b\nb,r,1,b\n", Value: "EF", Holds: true},
			{Data: "agent,item,worth,owner\na,p,6,a\na,q,5,a\na,r,1,b\nb,p,6,a\nb,q,5,a\nb,r,1,b\n", Parameters: map[string]string{"but_one": "1"}, Value: "none", Holds: false},
			{Data: "agent,item,worth,owner\na,p,6,a\na,q,5,b\na,r,1,a\nb,p,6,a\nb,q,5,b\nb,r,1,a\n", Value: "EF1", Holds: false},
			{Data: "agent,item,worth,owner\na,p,6,a\na,q,5,b\na,r,1,a\nb,p,6,a\nb,q,5,b\nb,r,1,a\n", Parameters: map[string]string{"but_one": "1"}, Value: "EF1", Holds: true},
		},
	}
}

func gini() Term {
	return Term{
		ID: "fairness.gini", Version: 1,
		Definition: english("How unequal quantities are, as half the mean difference between any two of them over their mean: 0 if all are equal, near 1 if one has all."),
		Formula:    "sum_ij w_i w_j |x_i - x_j| / (2 W^2 mu), with W = sum w_i and mu = sum w_i x_i / W; with weights 1: sum |x_i - x_j| / (2 n^2 mu)",
		Class:      Exact,
		Inputs:     []Input{quantities(), weights()}, Parameters: []Parameter{atMost("none")},
		Check:  "the value is at most at_most",
		Limits: "Not defined if all quantities are 0.",
		Source: "Gini, \"Variabilità e mutabilità\" (1912); weighted: Lerman and Yitzhaki, Journal of Econometrics 42 (1989), equation 3",
		Vectors: []Vector{
			{Data: oneToFour, Parameters: map[string]string{"at_most": "0.25"}, Value: "1/4", Holds: true},
			{Data: oneToFour, Parameters: map[string]string{"at_most": "0.20"}, Value: "1/4", Holds: false},
			{Data: "x\n7\n7\n7\n", Value: "0", Holds: true},
			{Data: "x,w\n1,1\n3,2\n", Value: "4/21", Holds: true},
		},
	}
}

func theilT() Term {
	return Term{
		ID: "fairness.theil_t", Version: 1,
		Definition: english("How unequal quantities are, counted so that differences among those who have much weigh most: 0 if all are equal, ln n if one has all."),
		Formula:    "(1/W) sum w_i (x_i/mu) ln(x_i/mu); a quantity of 0 counts 0",
		Class:      Interval,
		Inputs:     []Input{quantities(), weights()}, Parameters: []Parameter{atMost("none")},
		Check:  "the upper end of the interval is at most at_most",
		Limits: "Not defined if all quantities are 0.",
		Source: "Theil, \"Economics and Information Theory\" (1967), chapter 4; weighted: Shorrocks, Econometrica 48 (1980)",
		Vectors: []Vector{
			{Data: oneToFour, Value: "0.10644014", Holds: true},
			{Data: oneToFour, Parameters: map[string]string{"at_most": "0.1"}, Value: "0.10644014", Holds: false},
		},
	}
}

func theilL() Term {
	return Term{
		ID: "fairness.theil_l", Version: 1,
		Definition: english("How unequal quantities are, counted so that differences among those who have little weigh most: 0 if all are equal."),
		Formula:    "(1/W) sum w_i ln(mu/x_i)",
		Class:      Interval,
		Inputs:     []Input{quantities(), weights()}, Parameters: []Parameter{atMost("none")},
		Check:  "the upper end of the interval is at most at_most",
		Limits: "Not defined if a quantity is 0.",
		Source: "Theil, \"Economics and Information Theory\" (1967), chapter 4",
		Vectors: []Vector{
			{Data: oneToFour, Value: "0.12177727", Holds: true},
			{Data: oneToFour, Parameters: map[string]string{"at_most": "0.1"}, Value: "0.12177727", Holds: false},
		},
	}
}

func atkinson() Term {
	return Term{
		ID: "fairness.atkinson", Version: 1,
		Definition: english("The share of the total that could be given up without loss if what is left were spread evenly, for a stated aversion to inequality."),
		Formula:    "1 - (mean of x^(1-e))^(1/(1-e)) / mu; for e = 1: 1 - geometric mean / mu; means with weights w",
		Class:      Interval,
		Inputs:     []Input{quantities(), weights()},
		Parameters: []Parameter{
			{Name: "e", Unit: "none", Low: "0", High: "64", Required: true, Meaning: "the aversion to inequality, above 0; the literature uses 1/2 to 3"},
			atMost("none"),
		},
		Check:  "the upper end of the interval is at most at_most",
		Limits: "Not defined if all quantities are 0. What the aversion is, people decide. fairness.atkinson(1/2) is short for e=1/2.",
		Source: "Atkinson, \"On the measurement of inequality\", Journal of Economic Theory 2 (1970), equation 20",
		Vectors: []Vector{
			{Data: oneToFour, Parameters: map[string]string{"e": "1/2"}, Value: "0.05558586", Holds: true},
			{Data: oneToFour, Parameters: map[string]string{"e": "1"}, Value: "0.11465446", Holds: true},
			{Data: oneToFour, Parameters: map[string]string{"e": "1", "at_most": "0.1"}, Value: "0.11465446", Holds: false},
		},
	}
}

func jain() Term {
	return Term{
		ID: "fairness.jain", Version: 1,
		Definition: english("How equal quantities are: 1 if all are equal, 1/n if one of n has all."),
		Formula:    "(sum w_i x_i)^2 / (W sum w_i x_i^2); with weights 1: (sum x)^2 / (n sum x^2)",
		Class:      Exact,
		Inputs:     []Input{quantities(), weights()}, Parameters: []Parameter{atLeast("none")},
		Check:  "the value is at least at_least",
		Limits: "Not defined if all quantities are 0.",
		Source: "Jain, Chiu and Hawe, DEC-TR-301 (1984), equation 2",
		Vectors: []Vector{
			{Data: oneToFour, Parameters: map[string]string{"at_least": "4/5"}, Value: "5/6", Holds: true},
			{Data: oneToFour, Parameters: map[string]string{"at_least": "0.9"}, Value: "5/6", Holds: false},
			{Data: "x\n0\n0\n9\n", Value: "1/3", Holds: true},
		},
	}
}

func counts(of string) []Input {
	return []Input{
		{Name: "group", Kind: Word, Unit: "id", Meaning: "the group, one row for each"},
		{Name: "yes", Aliases: []string{"positive", "accepted"}, Kind: Whole, Unit: "people", Low: "0", Meaning: "how many of them were answered yes"},
		{Name: "of", Aliases: []string{"total", "n"}, Kind: Whole, Unit: "people", Low: "1", High: "1000000000000", Meaning: of},
	}
}

func demographicParity() Term {
	return Term{
		ID: "fairness.demographic_parity", Version: 1,
		Definition: english("The largest difference between two groups in the share of people who were answered yes."),
		Formula:    "max over groups g, h of P(yes | g) - P(yes | h), with Newcombe's interval at Bonferroni's level over all pairs",
		Class:      Statistical,
		Inputs:     counts("how many people the group has"),
		Parameters: []Parameter{confidence(), atMost("share")},
		Check:      "the upper end of the interval is at most at_most: the data show it, at the confidence",
		Limits:     "Few people give a wide interval: then neither the bound nor its breach is shown. The interval's coverage is that of Newcombe's method: close, not exact.",
		Source:     "Newcombe, \"Interval estimation for the difference between independent proportions\", Statistics in Medicine 17 (1998), method 10",
		Vectors: []Vector{
			{Data: "group,yes,of\na,30,100\nb,45,100\n", Value: "3/20", Holds: true},
			{Data: "group,yes,of\na,30,100\nb,45,100\n", Parameters: map[string]string{"at_most": "0.2"}, Value: "3/20", Holds: false},
			{Data: "group,yes,of\na,3000,10000\nb,4500,10000\n", Parameters: map[string]string{"at_most": "0.2"}, Value: "3/20", Holds: true},
		},
	}
}

func equalOpportunity() Term {
	return Term{
		ID: "fairness.equal_opportunity", Version: 1,
		Definition: english("The largest difference between two groups in the share of people answered yes among those who truly qualify."),
		Formula:    "max over groups g, h of P(yes | g, qualified) - P(yes | h, qualified), with an interval as fairness.demographic_parity",
		Class:      Statistical,
		Inputs:     counts("how many people of the group truly qualify"),
		Parameters: []Parameter{confidence(), atMost("share")},
		Check:      "the upper end of the interval is at most at_most: the data show it, at the confidence",
		Limits:     "As fairness.demographic_parity; and who truly qualifies is as stated.",
		Source:     "Hardt, Price and Srebro, \"Equality of opportunity in supervised learning\", NIPS 2016, definition 2.2",
		Vectors: []Vector{
			{Data: "group,yes,of\na,45,50\nb,40,50\n", Value: "1/10", Holds: true},
			{Data: "group,yes,of\na,45,50\nb,40,50\n", Parameters: map[string]string{"at_most": "1/10"}, Value: "1/10", Holds: false},
		},
	}
}
