package health

import (
	"fmt"
	"slices"

	"comity/canon"
	"comity/pack"
	"comity/party"
	"comity/quantity"
)

// What parties need and can take is the scenario's own assumption, the same rule for
// everybody, so that only population makes a difference.
const (
	// frontlineShare is the population per health or social worker at the front line; the
	// first tranche of the COVAX Facility (2020) reckoned with 3 %.
	frontlineShare = 50
	// storeShare and storeLeast size the cold stores: ten doses per thousand people, and
	// one store of 10,000 doses at least, which is what a small island has.
	storeShare, storeLeast = 100, 10_000
	// Every supplyWeeks weeks the pool has doses for supplyPercent of the people, in equal
	// weekly parts: scarce, so that the rules decide.
	supplyPercent, supplyWeeks = 3, 8
	// maxWeek bounds the arithmetic at twenty years.
	maxWeek = 1040
)

// assumption starts the source of every fact that is not one.
const assumption = "scenario assumption: "

func (p place) facts() []pack.Fact {
	people := 1000 * p.population
	return []pack.Fact{
		p.populationFact(),
		{
			Name: "frontline", Value: people / frontlineShare, Unit: "people",
			Source: assumption + "one person in fifty works in front-line health and social care",
		},
		{
			Name: "cold_chain_capacity", Value: max(people/storeShare, storeLeast), Unit: "doses",
			Source: assumption + "cold stores hold ten doses per thousand people, 10,000 at least",
		},
	}
}

// needs computes declarations from the members' facts alone.
type needs []place

// Declare implements pack.Needs. One dose protects one person, front-line workers first;
// "unvaccinated" are the others, so that the two groups share no person.
// A delivery is used in four equal weekly parts, so that of even deliveries the last
// three are still in store with 3/4, 1/2 and 1/4: one and a half weeks' worth.
func (n needs) Declare(id party.ID, week int, received quantity.Amount) (map[string]canon.Int, error) {
	i := slices.IndexFunc(n, func(p place) bool { return p.id == id })
	if i < 0 {
		return nil, fmt.Errorf("declaration of %q: %w", id, pack.ErrUnknown)
	}
	people := 1000 * n[i].population
	got := int64(received)
	if week < 0 || week > maxWeek {
		return nil, fmt.Errorf("declaration of %s in week %d: %w; weeks are 0 to %d", id, week, pack.ErrPeriod, maxWeek)
	}
	if got < 0 || got > people {
		return nil, fmt.Errorf("declaration of %s: %w: %d doses for %d people", id, pack.ErrReceived, got, people)
	}
	frontline := people / frontlineShare
	return map[string]canon.Int{
		"population":             canon.Int(people),
		"frontline_unvaccinated": canon.Int(frontline - min(frontline, got)),
		"unvaccinated":           canon.Int(people - max(frontline, got)),
		"cold_chain_capacity":    canon.Int(max(people/storeShare, storeLeast)),
		"stock":                  canon.Int(3 * got / (2 * int64(max(week, 2)))),
	}, nil
}

// Supply implements pack.Needs: the weekly doses of the pool.
func (n needs) Supply(week int) (map[string]canon.Int, error) {
	if week < 0 || week > maxWeek {
		return nil, fmt.Errorf("supply of week %d: %w; weeks are 0 to %d", week, pack.ErrPeriod, maxWeek)
	}
	var people int64
	for _, p := range n {
		people += 1000 * p.population
	}
	return map[string]canon.Int{"doses": canon.Int(people * supplyPercent / 100 / supplyWeeks)}, nil
}
