package lexicon

func processTerms() []Term {
	return []Term{anonymity(), noninterference(), reproducible(), counterfactual(), dual(), differentialPrivacy(), unmetNeed()}
}

func anonymity() Term {
	return Term{
		ID: "neutrality.anonymity", Version: 1,
		Definition: english("Who receives what depends on the data alone and not on whose data they are: if parties swap their data, they swap their results."),
		Formula:    "F(pi(data)) = pi(F(data)) for a renaming pi of the parties",
		Class:      Exact,
		Inputs: []Input{
			{Name: "party", Kind: Word, Unit: "id", Meaning: "the party, one row for each"},
			{Name: "renamed", Kind: Word, Unit: "id", Meaning: "the party that has its data in the second run"},
			{Name: "before", Kind: Word, Unit: "any", Meaning: "what `party` receives in the first run"},
			{Name: "after", Kind: Word, Unit: "that of before", Meaning: "what `party` receives in the second run"},
		},
		Parameters: []Parameter{},
		Check:      "the renaming is one, and after(renamed(p)) is before(p) for every party p, bit for bit; the value is how many parties differ",
		Limits:     "It checks the renaming of the table, not all; both runs are as stated.",
		Source:     "May, \"A set of independent necessary and sufficient conditions for simple majority decision\", Econometrica 20 (1952), condition II",
		Vectors: []Vector{
			{Data: "party,renamed,before,after\nKEN,NOR,120,80\nNOR,KEN,80,120\nFJI,FJI,40,40\n", Value: "0", Holds: true},
			{Data: "party,renamed,before,after\nKEN,NOR,120,81\nNOR,KEN,80,119\nFJI,FJI,40,40\n", Value: "2", Holds: false},
		},
	}
}

func noninterference() Term {
	return Term{
		ID: "neutrality.noninterference", Version: 1,
		Definition: english("What a charter forbids to matter does not matter: changing it changes nothing in the result."),
		Formula:    "digest(F(data)) = digest(F(data with another value of the forbidden field))",
		Class:      Exact,
		Inputs: []Input{
			{Name: "field", Kind: Word, Unit: "name", Meaning: "the forbidden input that was changed, one row for each change"},
			{Name: "before", Kind: Word, Unit: "digest", Meaning: "the digest of the solution before the change"},
			{Name: "after", Kind: Word, Unit: "digest", Meaning: "its digest after the change"},
		},
		Parameters: []Parameter{},
		Check:      "every before is its after; the value is how many differ",
		Limits:     "It checks the changes of the table, not all; the digests are as stated, and solving again confirms them.",
		Source:     "Goguen and Meseguer, \"Security policies and security models\", IEEE Symposium on Security and Privacy (1982)",
		Vectors: []Vector{
			{Data: "field,before,after\nparty.name,sha256:0f,sha256:0f\nparty.id,sha256:0f,sha256:0f\n", Value: "0", Holds: true},
			{Data: "field,before,after\nparty.name,sha256:0f,sha256:1f\n", Value: "1", Holds: false},
		},
	}
}

func reproducible() Term {
	return Term{
		ID: "neutrality.reproducible", Version: 1,
		Definition: english("Whoever repeats the computation from the same inputs gets the same result, on any machine."),
		Formula:    "the digests of at least two machines, for the same inputs, seed and version, are equal",
		Class:      Exact,
		Inputs: []Input{
			{Name: "machine", Kind: Word, Unit: "id", Meaning: "who computed, one row for each"},
			{Name: "digest", Kind: Word, Unit: "digest", Meaning: "the digest of the result"},
		},
		Parameters: []Parameter{},
		Check:      "there are two machines or more and one digest; the value is how many different digests there are",
		Limits:     "The digests are as stated; `comity audit replay` computes one more.",
		Source:     "Comity, charter schema, section 10",
		Vectors: []Vector{
			{Data: "machine,digest\nnairobi,sha256:0f\noslo,sha256:0f\n", Value: "1", Holds: true},
			{Data: "machine,digest\nnairobi,sha256:0f\noslo,sha256:1f\n", Value: "2", Holds: false},
			{Data: "machine,digest\nnairobi,sha256:0f\n", Value: "1", Holds: false},
		},
	}
}

func counterfactual() Term {
	return Term{
		ID: "explanation.counterfactual", Version: 1,
		Definition: english("The smallest change of one declared number that would have changed the party's result by a stated amount."),
		Formula:    "min |change| over the changes with |outcome(change) - outcome(0)| >= by",
		Class:      Exact,
		Inputs: []Input{
			{Name: "change", Kind: Number, Unit: "that of the input", Meaning: "how much the input was changed, one row for each problem solved again; one row has 0"},
			{Name: "outcome", Kind: Number, Unit: "that of the allocation", Meaning: "what the party then receives"},
		},
		Parameters: []Parameter{
			{Name: "by", Unit: "that of the outcome", Low: "0", Required: true, Meaning: "the stated amount, above 0"},
			{Name: "claimed", Unit: "that of the change", Low: "0", Meaning: "the size of the change that an explanation names"},
		},
		Check:  "there is such a change, and its size is the claimed one if that is given; the value is the size, or none",
		Limits: "Smallest among the changes of the table; `comity allocate explain` solves every one again.",
		Source: "Wachter, Mittelstadt and Russell, \"Counterfactual explanations without opening the black box\", Harvard JOLT 31 (2018)",
		Vectors: []Vector{
			{Data: "change,outcome\n0,1000\n10,1000\n20,1117\n-30,880\n", Parameters: map[string]string{"by": "100", "claimed": "20"}, Value: "20", Holds: true},
			{Data: "change,outcome\n0,1000\n10,1000\n20,1117\n-30,880\n", Parameters: map[string]string{"by": "100", "claimed": "30"}, Value: "20", Holds: false},
			{Data: "change,outcome\n0,1000\n10,1000\n", Parameters: map[string]string{"by": "100"}, Value: "none", Holds: false},
		},
	}
}

func dual() Term {
	return Term{
		ID: "explanation.dual", Version: 1,
		Definition: english("Each binding rule has a price, what one unit of relief would be worth, and a rule that does not bind has the price 0."),
		Formula:    "slack_i >= 0, price_i >= 0 and slack_i price_i = 0 for every rule i",
		Class:      Exact,
		Inputs: []Input{
			{Name: "rule", Kind: Word, Unit: "id", Meaning: "the clause, one row for each"},
			{Name: "slack", Kind: Number, Unit: "that of the rule", Meaning: "by how much the solution stays inside the rule"},
			{Name: "price", Kind: Number, Unit: "objective per unit of the rule", Meaning: "what a unit of relief is worth"},
		},
		Parameters: []Parameter{},
		Check:      "all three conditions hold for every rule; the value is how many rules break one",
		Limits:     "These conditions are necessary; that the prices prove the optimum is checked by `comity allocate check`.",
		Source:     "Schrijver, \"Theory of Linear and Integer Programming\" (1986), section 7.9",
		Vectors: []Vector{
			{Data: "rule,slack,price\nc.budget,0,3/2\nc.cold,400,0\n", Value: "0", Holds: true},
			{Data: "rule,slack,price\nc.budget,1,3/2\nc.cold,-1,0\n", Value: "2", Holds: false},
		},
	}
}

func differentialPrivacy() Term {
	return Term{
		ID: "privacy.dp", Version: 1,
		Definition: english("Whatever is published would have been almost as likely without any one person's data, and the total of all releases stays within a stated budget."),
		Formula:    "epsilon of rho = sum rho_i at failure probability delta - sum delta_i, by min over a > 0 of rho (1+a) + (ln(1/delta) - ln(1+a))/a - ln(1+1/a)",
		Class:      UpperBound,
		Inputs: []Input{
			{Name: "rho", Kind: Number, Unit: "none", Low: "0", High: "1048576", Meaning: "the cost of a release in zero-concentrated differential privacy, one row for each"},
			{Name: "delta", Kind: Number, Unit: "probability", Low: "0", High: "1", Optional: true, Default: "0", Meaning: "the probability that rho does not hold for"},
		},
		Parameters: []Parameter{
			{Name: "delta", Unit: "probability", Low: "0", High: "1/2", Default: "1/1000000", Meaning: "the failure probability of the budget, above the sum of the releases' own"},
			{Name: "epsilon", Unit: "none", Low: "0", Meaning: "the budget that a charter names"},
		},
		Check:  "the value is at most epsilon",
		Limits: "That each release had the noise its cost says is checked where it was made; the unit, person or party, is that of the costs.",
		Source: "Bun and Steinke (2016); Canonne, Kamath and Steinke, \"The Discrete Gaussian for Differential Privacy\" (2020), proposition 12; accountant: verifier/privacy",
		Vectors: []Vector{
			{Data: "rho\n1/8\n1/8\n1/4\n", Parameters: map[string]string{"epsilon": "6"}, Value: "5.221535013700", Holds: true},
			{Data: "rho\n1/8\n1/8\n1/4\n", Parameters: map[string]string{"epsilon": "1"}, Value: "5.221535013700", Holds: false},
		},
	}
}

func unmetNeed() Term {
	return Term{
		ID: "need.unmet", Version: 1,
		Definition: english("How much of what is required was not supplied, all parties together; surplus in one place makes up for nothing in another."),
		Formula:    "sum of max(0, requirement_i - received_i)",
		Class:      Exact,
		Inputs: []Input{
			{Name: "requirement", Aliases: []string{"required", "need"}, Kind: Number, Unit: "that of the pack", Low: "0", Meaning: "what the pack's formula requires, one row for each party"},
			{Name: "received", Aliases: []string{"supply"}, Kind: Number, Unit: "that of the requirement", Low: "0", Meaning: "what the party received"},
		},
		Parameters: []Parameter{{Name: "at_most", Unit: "that of the requirement", Low: "0", Default: "0", Meaning: "the unmet need that a charter allows"}},
		Check:      "the value is at most at_most",
		Limits:     "The requirement is as stated; the pack has its formula.",
		Source:     "Comity, charter schema, section 10",
		Vectors: []Vector{
			{Data: "requirement,received\n100,120\n50,50\n", Value: "0", Holds: true},
			{Data: "requirement,received\n100,120\n50,20\n", Value: "30", Holds: false},
		},
	}
}
