package charter

import (
	"slices"
	"strconv"
	"strings"

	"comity"
	"comity/party"
)

// How far data travels (design: charter schema, section data).
const (
	Nothing       = "nothing"        // It stays home and is used there.
	AggregateOnly = "aggregate_only" // Only sums over members leave home.
	SignedPlain   = "signed_plain"   // The party signs it and everybody reads it.
)

// Namespaces of inputs.
const (
	perParty   = "party"   // A value that each recipient declares for itself.
	forAll     = "supply"  // A value that one party declares for all.
	sumOfAll   = "total"   // A party value summed over the recipients.
	ofForecast = "picture" // From the frozen picture.
	ofPeriod   = "period"  // About the period at hand.
)

// PeriodNumber is the input that counts the periods of a plan, from 1.
const PeriodNumber = ofPeriod + ".number"

// Namespaces returns the words with which the name of an input may begin.
func Namespaces() []string { return []string{perParty, forAll, sumOfAll, ofForecast, ofPeriod} }

// forecastWeeks are the horizons of which the picture offers a ratio.
const forecastWeeks = 4

// Clause returns the data clause with the given id.
func Clause(c comity.Charter, id string) (comity.DataClause, bool) {
	i := slices.IndexFunc(c.Data, func(d comity.DataClause) bool { return d.ID == id })
	if i < 0 {
		return comity.DataClause{}, false
	}
	return c.Data[i], true
}

// PartyOf returns the party with the given id.
func PartyOf(c comity.Charter, id party.ID) (comity.Party, bool) {
	i := slices.IndexFunc(c.Parties, func(p comity.Party) bool { return p.ID == id })
	if i < 0 {
		return comity.Party{}, false
	}
	return c.Parties[i], true
}

// Members returns the parties that take part in federated computations, ascending:
// those that some aggregate_only clause names.
func Members(c comity.Charter) []party.ID {
	return from(c, func(d comity.DataClause) bool { return d.LeavesHome == AggregateOnly })
}

// Recipients returns the parties among which the resource is divided, ascending:
// those that declare party values.
func Recipients(c comity.Charter) []party.ID {
	return from(c, func(d comity.DataClause) bool { return d.As == perParty })
}

func from(c comity.Charter, choose func(comity.DataClause) bool) []party.ID {
	var ids []party.ID
	for _, d := range c.Data {
		if choose(d) {
			ids = append(ids, d.From...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Inputs returns the names that expressions of c may use, ascending:
//
//	party.VALUE, supply.VALUE  as a data clause declares them
//	total.VALUE                the sum of party.VALUE over the recipients
//	picture.ratio_wN           forecast median N weeks ahead over the place's own
//	                           reference level, for N from 1 to 4
//	period.number              in a plan of several periods: which one, from 1
func Inputs(c comity.Charter) []string {
	names := []string{}
	if c.Scope.Periods > 1 {
		names = append(names, PeriodNumber)
	}
	for week := range forecastWeeks {
		names = append(names, ofForecast+".ratio_w"+string(rune('1'+week)))
	}
	for _, d := range c.Data {
		for _, v := range d.Values {
			names = append(names, d.As+"."+v)
			if d.As == perParty {
				names = append(names, sumOfAll+"."+v)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Declared returns the names under which the values of d are declared, in its order:
// "doses", or "doses/1" to "doses/N" by period.
func Declared(d comity.DataClause, periods int) []string {
	if !d.ByPeriod {
		return slices.Clone(d.Values)
	}
	names := make([]string, 0, len(d.Values)*periods)
	for _, v := range d.Values {
		for t := 1; t <= periods; t++ {
			names = append(names, v+"/"+strconv.Itoa(t))
		}
	}
	return names
}

// OfPeriod tells whether e differs from one period of a plan to another.
func OfPeriod(c comity.Charter, e comity.Expr) bool {
	return slices.ContainsFunc(InputsOf(e), func(name string) bool { return isOfPeriod(c, name) })
}

func isOfPeriod(c comity.Charter, name string) bool {
	space, value, _ := strings.Cut(name, ".")
	if space == sumOfAll {
		space = perParty
	}
	return name == PeriodNumber || slices.ContainsFunc(c.Data, func(d comity.DataClause) bool {
		return d.ByPeriod && d.As == space && slices.Contains(d.Values, value)
	})
}
