package campaign

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// Strategy is a rule by which the stock is divided.
type Strategy string

// The strategies. The first two fix what a country gets, and inside it health workers
// come first, then the oldest; the others aim at the fewest deaths.
const (
	Proportional Strategy = "PROP"   // In proportion to people.
	Observed     Strategy = "OBS"    // In proportion to the doses given so far.
	Optimum      Strategy = "OPT"    // The fewest deaths.
	WorkersFirst Strategy = "OPT2F"  // The same, a health worker's counting Weight times.
	Floored      Strategy = "FLOOR3" // The fewest deaths, each country having courses for Floor of its people.
)

// Strategies lists them all.
func Strategies() []Strategy {
	return []Strategy{Proportional, Observed, Optimum, WorkersFirst, Floored}
}

// Supply is the courses for a share of all people, rounded down.
func (f Facts) Supply(share exact.Rat) int64 {
	all := new(big.Int)
	for _, c := range f.Countries {
		all.Add(all, big.NewInt(c.people()))
	}
	return share.Mul(exact.FromBig(new(big.Rat).SetInt(all))).Floor().Int64()
}

// Problem is the division of so many courses by a strategy.
func (f Facts) Problem(strategy Strategy, supply int64) (comity.Problem, error) {
	if err := f.check(); err != nil {
		return comity.Problem{}, err
	}
	if !slices.Contains(Strategies(), strategy) {
		var names []string
		for _, s := range Strategies() {
			names = append(names, string(s))
		}
		return comity.Problem{}, fmt.Errorf("%w %.20q; give one of %s", ErrStrategy, strategy, strings.Join(names, ", "))
	}
	if supply < 0 {
		return comity.Problem{}, fmt.Errorf("%w: %d courses", ErrData, supply)
	}
	p := comity.Problem{Unit: "course"}
	stage := comity.Stage{ID: "deaths_averted", Kind: certificate.Weighted}
	var worths []exact.Rat
	all := comity.Row{ID: "c.supply", Clause: "c.supply", Upper: new(quantity.Amount(supply))}
	for _, c := range f.Countries {
		row := comity.Row{}
		var most int64
		groups := f.groups(c)
		slices.SortFunc(groups, func(a, b group) int { return strings.Compare(a.id, b.id) })
		for _, g := range groups {
			term := comity.Term{Column: len(p.Columns), Coeff: 1}
			row.Terms, all.Terms = append(row.Terms, term), append(all.Terms, term)
			p.Columns = append(p.Columns, comity.Column{ID: string(c.ID) + "/" + g.id, Party: c.ID, Upper: quantity.Amount(g.cap)})
			worths = append(worths, f.worth(strategy, g))
			most += g.cap
		}
		p.Needs = append(p.Needs, comity.Need{Party: c.ID, Amount: quantity.Amount(most)})
		if f.rule(strategy, c, supply, most, &row) {
			p.Rows = append(p.Rows, row)
		}
	}
	p.Rows = append(p.Rows, all)
	scale, err := whole(worths)
	if err != nil {
		return comity.Problem{}, err
	}
	stage.Scale = canon.Int(scale.Int64())
	for _, w := range worths {
		cost := w.Mul(exact.FromBig(new(big.Rat).SetInt(scale)))
		stage.Costs = append(stage.Costs, canon.Int(cost.Floor().Int64()))
	}
	p.Stages = []comity.Stage{stage}
	return p, nil
}

// rule writes the row that a strategy has for one country, if it has one. Rows of
// countries come before that of the supply: "c.country/" sorts before "c.supply".
func (f Facts) rule(strategy Strategy, c Country, supply, most int64, row *comity.Row) bool {
	row.Clause, row.ID = "c.country", "c.country/"+string(c.ID)
	switch strategy {
	case Proportional:
		var all int64
		for _, other := range f.Countries {
			all += other.people()
		}
		row.Upper = new(quantity.Amount(share(supply, c.people(), all)))
	case Observed:
		row.Upper = new(quantity.Amount(share(supply, c.Doses, f.AllDoses)))
	case Floored:
		floor := f.Terms.Floor.Mul(exact.Int(c.people())).Floor().Int64()
		row.Lower = new(quantity.Amount(min(floor, most)))
	case Optimum, WorkersFirst:
		return false
	}
	return true
}

// worth is what one course counts in a group. Where countries' totals are fixed, the
// order inside them is all that is left to decide, and any falling worths state it.
func (f Facts) worth(strategy Strategy, g group) exact.Rat {
	switch {
	case strategy == Proportional || strategy == Observed:
		return exact.Int(int64(g.priority))
	case strategy == WorkersFirst && g.id == workers:
		return g.fatality.Mul(f.Terms.Weight)
	default:
		return g.fatality
	}
}

// whole returns the least number that makes all worths whole.
func whole(worths []exact.Rat) (*big.Int, error) {
	const most = 1 << 40 // As program.MaxCost: with prices of 20 binary digits 63 bits hold it.
	scale, gcd := big.NewInt(1), new(big.Int)
	for _, w := range worths {
		den := w.Big().Denom()
		gcd.GCD(nil, nil, scale, den)
		scale.Mul(scale, gcd.Quo(den, gcd))
		if scale.Cmp(big.NewInt(most)) > 0 {
			return nil, fmt.Errorf("%w: fatalities have too many digits: their common denominator exceeds 2^40; round them to 12 decimals", ErrData)
		}
	}
	return scale, nil
}

// Effect is what a division of courses brings.
type Effect struct {
	Deaths  exact.Rat // Averted, by direct effect.
	Courses int64
	Workers int64 // Courses for health workers.
	Served  int   // Countries that get any.
}

// Effect counts what units, in the order of the problem's columns, bring.
func (f Facts) Effect(p comity.Problem, units []quantity.Amount) (Effect, error) {
	fatality := map[string]exact.Rat{}
	for _, c := range f.Countries {
		for _, g := range f.groups(c) {
			fatality[string(c.ID)+"/"+g.id] = g.fatality
		}
	}
	var e Effect
	served := map[party.ID]bool{}
	for j, c := range p.Columns {
		value, ok := fatality[c.ID]
		if !ok || j >= len(units) {
			return Effect{}, fmt.Errorf("%w: column %s of another campaign", ErrData, c.ID)
		}
		e.Deaths = e.Deaths.Add(value.Mul(exact.Int(int64(units[j]))))
		e.Courses += int64(units[j])
		if strings.HasSuffix(c.ID, "/"+workers) {
			e.Workers += int64(units[j])
		}
		if units[j] > 0 {
			served[c.Party] = true
		}
	}
	e.Served = len(served)
	e.Deaths = e.Deaths.Mul(f.Terms.AttackRate).Mul(f.Terms.Efficacy)
	return e, nil
}
