// Package measure decides the terms of the lexicon on data: it binds every definition of
// package governor/lexicon to the computation that exists for it, in allocator/fairness
// and verifier/privacy, and computes the few that no other package does.
//
// It stands above the pillars, so that the lexicon itself can stand below them and a
// charter can name words without knowing who computes them.
package measure

import (
	"fmt"
	"strings"

	"comity/exact"
	"comity/governor/lexicon"
)

// Of returns the check of a term, or nil for an id that is not in the lexicon: every term
// has one.
func Of(id string) lexicon.Check {
	switch id {
	case "fairness.leximin":
		return leximin
	case "fairness.maximin":
		return maximin
	case "fairness.proportional":
		return proportional
	case "fairness.envy_free_weighted":
		return envyFree
	case "fairness.gini":
		return gini
	case "fairness.theil_t":
		return theilT
	case "fairness.theil_l":
		return theilL
	case "fairness.atkinson":
		return atkinson
	case "fairness.jain":
		return jain
	case "fairness.demographic_parity":
		return demographicParity
	case "fairness.equal_opportunity":
		return equalOpportunity
	case "bias.forecast":
		return forecastBias
	case "bias.coverage":
		return coverage
	case "trust.lower_bound":
		return lowerBound
	case "privacy.dp":
		return differentialPrivacy
	case "poisoning.low_and_slow":
		return lowAndSlow
	case "poisoning.false_alarm_rate":
		return falseAlarmRate
	default:
		return ofProcess(id)
	}
}

// ofProcess returns the check of a term that compares records.
func ofProcess(id string) lexicon.Check {
	switch id {
	case "neutrality.anonymity":
		return anonymity
	case "neutrality.noninterference":
		return noninterference
	case "neutrality.reproducible":
		return reproducible
	case "explanation.counterfactual":
		return counterfactual
	case "explanation.dual":
		return dual
	case "commitment.kept":
		return commitmentKept
	case "need.unmet":
		return unmetNeed
	case "consent":
		return consent
	default:
		return nil
	}
}

// Split takes a term as a charter may write it, with a parameter in brackets:
// "fairness.atkinson(1/2)" is fairness.atkinson with e=1/2.
func Split(term string) (id string, settings []string) {
	if rest, ok := strings.CutPrefix(term, "fairness.atkinson("); ok {
		if e, ok := strings.CutSuffix(rest, ")"); ok {
			return "fairness.atkinson", []string{"e=" + e}
		}
	}
	return term, nil
}

// atMost decides whether a value is at most the bound of that name, if one is given.
func atMost(v lexicon.Verdict, what string, value exact.Rat, g lexicon.Given, name string) lexicon.Verdict {
	bound, bounded := g.Number(name)
	return compared(v, value.Cmp(bound) <= 0, bounded, [3]string{what, "at most", "above"}, name+" "+bound.String())
}

// atLeast is atMost for the bound at_least.
func atLeast(v lexicon.Verdict, what string, value exact.Rat, g lexicon.Given) lexicon.Verdict {
	const name = "at_least"
	bound, bounded := g.Number(name)
	return compared(v, value.Cmp(bound) >= 0, bounded, [3]string{what, "at least", "below"}, name+" "+bound.String())
}

// compared completes a verdict with what was compared, in words: what it is, how it
// relates to the bound if it holds, and how if not.
func compared(v lexicon.Verdict, within, bounded bool, words [3]string, bound string) lexicon.Verdict {
	switch {
	case !bounded:
		v.Holds, v.Rule = true, "no bound was named, so that every value holds"
	case within:
		v.Holds, v.Rule = true, fmt.Sprintf("%s is %s %s", words[0], words[1], bound)
	default:
		v.Holds, v.Rule = false, fmt.Sprintf("%s is %s %s", words[0], words[2], bound)
	}
	return v
}

// Decimals of values that are not rational, and of the ends of their intervals, which are
// rounded outwards.
const (
	valueDecimals = 12
	endDecimals   = 15
)

// enclosed is a value between two others: its middle, and its ends rounded outwards.
func enclosed(low, high exact.Rat) (v lexicon.Verdict, least, most exact.Rat) {
	half, _ := exact.Ratio(1, 2) // Not a division by 0.
	least, most = down(low, endDecimals), down(high.Neg(), endDecimals).Neg()
	v.Value = decimal(low.Add(high).Mul(half), valueDecimals)
	v.Low, v.High = decimal(least, endDecimals), decimal(most, endDecimals)
	return v, least, most
}

// estimated is an exact value of a sample, with an interval for what it estimates.
func estimated(value, low, high exact.Rat) (v lexicon.Verdict, least, most exact.Rat) {
	v, least, most = enclosed(low, high)
	v.Value = value.String()
	return v, least, most
}
