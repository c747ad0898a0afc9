package solve

import (
	"cmp"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/quantity"
)

// form is a problem in canonical order, without names.
type form struct {
	p       comity.Problem
	order   order
	columns []column
	rows    []row // Those of the problem, then floors that earlier stages leave.
	need    []int64
	members [][]int // Columns by party.
	stages  []stage
	cuts    []cut   // Consequences of limits, found so far.
	basis   *Basis  // Where the last programme of greatest worth stopped, or nil.
	vertex  *vertex // Where the search for evenness stopped, or nil.
	// extended says that programmes hold limits exactly, by more columns. What cuts that
	// gives are in found.
	extended bool
	found    []comity.Cut
}

// column has the cost of the stage at hand.
type column struct {
	cost, lower, upper int64
	party              int // -1 for a means.
	terms              []term
}

// row is a constraint; at is the place of its price in a proof.
type row struct {
	lower, upper *int64
	terms        []term
	at           int
}

// stage is an aim in canonical order.
type stage struct {
	comity.Stage
	costs               []int64
	per, outside, power []int64
}

// term is a coefficient at a row of a column, or at a column of a row.
type term struct {
	at    int
	coeff int64
}

func newForm(p comity.Problem, lot canon.Digest) *form {
	f := &form{
		p:       p,
		order:   canonicalOrder(p, lot),
		columns: make([]column, len(p.Columns)),
		rows:    make([]row, len(p.Rows)),
		need:    make([]int64, len(p.Needs)),
		members: make([][]int, len(p.Needs)),
	}
	partyAt := inverse(f.order.parties)
	for k, from := range f.order.parties {
		f.need[k] = int64(p.Needs[from].Amount)
	}
	for j, from := range f.order.columns {
		c := p.Columns[from]
		k := -1
		if c.Party != "" {
			at, _ := findNeed(p.Needs, c.Party) // It is there by check.
			k = partyAt[at]
			f.members[k] = append(f.members[k], j)
		}
		f.columns[j] = column{lower: int64(c.Lower), upper: int64(c.Upper), party: k}
	}
	columnAt, degrees := inverse(f.order.columns), make([]int, len(p.Columns))
	for i, from := range f.order.rows {
		r := p.Rows[from]
		f.rows[i] = row{lower: plain(r.Lower), upper: plain(r.Upper), at: from, terms: make([]term, 0, len(r.Terms))}
		for _, t := range r.Terms {
			degrees[columnAt[t.Column]]++
		}
	}
	for j, terms := range carved[term](degrees) {
		f.columns[j].terms = terms
	}
	for i, from := range f.order.rows {
		for _, t := range p.Rows[from].Terms {
			c := &f.columns[columnAt[t.Column]]
			c.terms = append(c.terms, term{i, int64(t.Coeff)})
		}
	}
	for j, c := range f.columns {
		for _, t := range c.terms {
			f.rows[t.at].terms = append(f.rows[t.at].terms, term{j, t.coeff})
		}
	}
	for _, s := range p.Stages {
		f.stages = append(f.stages, stage{
			Stage: s, costs: pick(s.Costs, f.order.columns),
			per: pick(s.Per, f.order.parties), outside: pick(s.Outside, f.order.parties), power: pick(s.Power, f.order.parties),
		})
	}
	return f
}

// aim makes the costs of the columns those of a stage.
func (f *form) aim(s stage) {
	for j := range f.columns {
		f.columns[j].cost = s.costs[j]
	}
}

// clone returns a form to which rows can be added without changing this one.
func (f *form) clone() *form {
	g := *f
	g.columns, g.rows = slices.Clone(f.columns), slices.Clone(f.rows)
	for j := range g.columns {
		g.columns[j].terms = slices.Clip(g.columns[j].terms)
	}
	return &g
}

// add adds a row.
func (f *form) add(r row) {
	for _, t := range r.terms {
		f.columns[t.at].terms = append(f.columns[t.at].terms, term{len(f.rows), t.coeff})
	}
	f.rows = append(f.rows, r)
}

// pick lists values in canonical order; an absent list stays absent.
func pick[V ~int64](values []V, order []int) []int64 {
	if values == nil {
		return nil
	}
	list := make([]int64, len(order))
	for k, from := range order {
		list[k] = int64(values[from])
	}
	return list
}

// units puts the values of the form's columns back into the problem's order.
func (f *form) units(x []int64) []quantity.Amount {
	units := make([]quantity.Amount, len(x))
	for j, at := range f.order.columns {
		units[at] = quantity.Amount(x[j])
	}
	return units
}

// prices puts the prices of the form's rows back into the problem's order.
func (f *form) prices(y []int64) []canon.Int {
	prices := make([]canon.Int, len(y))
	for i, r := range f.rows {
		prices[r.at] = canon.Int(y[i])
	}
	return prices
}

func plain(a *quantity.Amount) *int64 {
	if a == nil {
		return nil
	}
	v := int64(*a)
	return &v
}

func inverse(order []int) []int {
	at := make([]int, len(order))
	for k, from := range order {
		at[from] = k
	}
	return at
}

func findNeed(needs []comity.Need, id party.ID) (int, bool) {
	return slices.BinarySearchFunc(needs, id, func(n comity.Need, id party.ID) int { return cmp.Compare(n.Party, id) })
}
