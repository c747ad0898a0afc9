// Package campaign declares a vaccination campaign: whom a scarce stock of courses
// reaches in every country, and by which strategy.
//
// People are grouped by age band; health workers, who are of working age, are a group of
// their own. One course averts, in the group that gets it, attack rate times efficacy
// times the group's infection fatality ratio: the direct effect alone, which is what can
// be compared across strategies without a model of transmission (WHO, "Fair allocation
// mechanism for COVID-19 vaccines through the COVAX Facility", 9 September 2020, divides
// by population first and by risk later).
package campaign

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"comity/exact"
	"comity/party"
)

var (
	// ErrData says that the facts of a campaign do not fit together.
	ErrData = errors.New("campaign data do not fit together")
	// ErrStrategy says that there is no such strategy.
	ErrStrategy = errors.New("unknown strategy")
)

// Band is one age band, with both ends; the last one has no upper end.
type Band struct {
	From, To int       // Years; To is 0 for "and above".
	Fatality exact.Rat // Share of the infected who die.
}

// Country is what the campaign knows of one country.
type Country struct {
	ID            party.ID
	People        []int64 // By band.
	HealthWorkers int64   // Estimated; at most half of the people of working age are counted.
	Doses         int64   // Given so far; what the observed strategy shares by.
}

// Facts is all that a campaign depends on.
type Facts struct {
	Bands     []Band
	Countries []Country // Ascending by id.
	AllDoses  int64     // Given so far everywhere, also outside Countries.
	Terms     Terms
}

// Terms are the numbers that the parties agree on.
type Terms struct {
	AttackRate exact.Rat // Share of everybody who is infected without the campaign.
	Efficacy   exact.Rat // Share of deaths among the infected that a course averts.
	Uptake     exact.Rat // Largest share of a group that takes the course.
	FromAge    int       // Years: younger people are not eligible.
	WorkFrom   int       // Years: health workers are taken from these ages,
	WorkTo     int       // to these, both included.
	Weight     exact.Rat // Of health workers in the strategy workers-first.
	Floor      exact.Rat // Share of its people for whom each country gets courses in the strategy floor.
}

// Usual are the terms of the reference cases: attack rate 3/10, efficacy 9/10 and uptake
// 4/5 are round numbers of the first year of COVID-19, 15 years the licence of the first
// vaccines, 3 % the first tranche of the COVAX facility.
func Usual() Terms {
	ratio := func(a, b int64) exact.Rat { return exact.FromBig(big.NewRat(a, b)) }
	return Terms{
		AttackRate: ratio(3, 10), Efficacy: ratio(9, 10), Uptake: ratio(4, 5), FromAge: 15, WorkFrom: 20, WorkTo: 64,
		Weight: ratio(2, 1), Floor: ratio(3, 100),
	}
}

// group is one part of a country's people.
type group struct {
	id       string
	fatality exact.Rat
	cap      int64 // Courses that it takes up.
	priority int   // Health workers first, then the oldest: larger is earlier.
}

const (
	workers = "workers"
	// fatalityDigits is how many decimals of a mean fatality are kept, cut off.
	fatalityDigits = 12
	maxPeople      = 1 << 40 // A hundred times the people on earth.
)

// check refuses facts that do not fit together.
func (f Facts) check() error {
	if len(f.Bands) == 0 || len(f.Countries) == 0 {
		return fmt.Errorf("%w: %d age bands, %d countries; give at least one of each", ErrData, len(f.Bands), len(f.Countries))
	}
	one := exact.Int(1)
	for _, b := range f.Bands {
		if b.Fatality.Sign() < 0 || b.Fatality.Cmp(one) > 0 {
			return fmt.Errorf("%w: fatality %s at age %d; it is a share from 0 to 1", ErrData, b.Fatality, b.From)
		}
	}
	for i, c := range f.Countries {
		if i > 0 && f.Countries[i-1].ID >= c.ID {
			return fmt.Errorf("%w: country %s after %s; each once, ascending", ErrData, c.ID, f.Countries[i-1].ID)
		}
		if len(c.People) != len(f.Bands) {
			return fmt.Errorf("%w: %s has %d age bands, fatalities are known for %d", ErrData, c.ID, len(c.People), len(f.Bands))
		}
		if bad := slices.IndexFunc(append(slices.Clone(c.People), c.HealthWorkers, c.Doses), func(n int64) bool { return n < 0 || n > maxPeople }); bad >= 0 {
			return fmt.Errorf("%w: %s has a number of people below 0 or above %d", ErrData, c.ID, int64(maxPeople))
		}
	}
	return nil
}

// people is how many live in a country.
func (c Country) people() int64 {
	var sum int64
	for _, n := range c.People {
		sum += n
	}
	return sum
}

// groups splits a country's people: health workers are taken from the bands of working
// age in proportion, rounded down, and have those bands' mean fatality.
func (f Facts) groups(c Country) []group {
	var working int64
	atWork := make([]bool, len(f.Bands))
	for i, b := range f.Bands {
		atWork[i] = b.From >= f.Terms.WorkFrom && b.To != 0 && b.To <= f.Terms.WorkTo
		if atWork[i] {
			working += c.People[i]
		}
	}
	staff := min(c.HealthWorkers, working/2)
	var taken int64
	deaths := new(big.Rat)
	out := make([]group, 0, len(f.Bands)+1)
	for i, b := range f.Bands {
		rest := c.People[i]
		if atWork[i] {
			part := share(staff, c.People[i], working)
			taken += part
			rest -= part
			deaths.Add(deaths, new(big.Rat).Mul(b.Fatality.Big(), big.NewRat(c.People[i], 1)))
		}
		g := group{id: fmt.Sprintf("age-%02d", b.From), fatality: b.Fatality, priority: i + 1}
		if b.From >= f.Terms.FromAge {
			g.cap = f.takeUp(rest)
		}
		out = append(out, g)
	}
	mean := exact.Int(0)
	if working > 0 {
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(fatalityDigits), nil)
		deaths.Mul(deaths, new(big.Rat).SetFrac(scale, big.NewInt(working)))
		mean = exact.FromBig(new(big.Rat).SetFrac(new(big.Int).Quo(deaths.Num(), deaths.Denom()), scale))
	}
	return append(out, group{id: workers, fatality: mean, cap: f.takeUp(taken), priority: len(f.Bands) + 1})
}

// takeUp is how many of a group take the course, rounded down.
func (f Facts) takeUp(people int64) int64 {
	return f.Terms.Uptake.Mul(exact.Int(people)).Floor().Int64()
}

// share returns whole·part/all, rounded down.
func share(whole, part, all int64) int64 {
	if all == 0 {
		return 0
	}
	x := new(big.Int).Mul(big.NewInt(whole), big.NewInt(part))
	return x.Quo(x, big.NewInt(all)).Int64()
}
