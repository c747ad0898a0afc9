package linear

import (
	"math/big"
	"slices"
)

// Conflict names what a proof of infeasibility is about: no point obeys all of it.
type Conflict struct {
	Rows   []int // Ascending.
	Lowers []int // Columns whose lower bound counts, ascending.
	Uppers []int // Columns whose upper bound counts, ascending.
	Whole  bool  // Columns must be whole, too.
}

// Size returns how many rules there are.
func (c Conflict) Size() int { return len(c.Rows) + len(c.Lowers) + len(c.Uppers) }

// Conflict returns what a certificate of infeasibility, which must be valid, is about.
// Prices name exactly the rows and bounds that have weight in them. A tree names the rows
// that have weight in a leaf or a cut, and all bounds of columns.
func (c Certificate) Conflict(p Programme) Conflict {
	if c.Prices != nil {
		return pricedConflict(p, *c.Prices)
	}
	found := Conflict{Whole: true}
	if c.Tree != nil {
		found.Rows = c.Tree.rows(len(p.Rows))
	}
	for j, column := range p.Columns {
		if column.Lower != nil {
			found.Lowers = append(found.Lowers, j)
		}
		if column.Upper != nil {
			found.Uppers = append(found.Uppers, j)
		}
	}
	return found
}

func pricedConflict(p Programme, prices Vector) Conflict {
	var found Conflict
	total := make([]big.Rat, len(p.Columns))
	for i, r := range p.Rows {
		y := prices.At(i)
		if y.Sign() == 0 {
			continue
		}
		found.Rows = append(found.Rows, i)
		for _, t := range r.Terms {
			total[t.Column].Add(&total[t.Column], new(big.Rat).Mul(y, t.Coeff.Big()))
		}
	}
	for j := range total {
		switch total[j].Sign() {
		case 1: // The reduced price is minus the sum.
			found.Lowers = append(found.Lowers, j)
		case -1:
			found.Uppers = append(found.Uppers, j)
		}
	}
	return found
}

// rows lists the rows of the programme that have weight in a leaf or a cut. All rows may
// have taken part in implied bounds; without any weight at all, they are what is left.
func (t Tree) rows(count int) []int {
	var all []int
	take := func(c Combination) {
		for _, i := range c.Rows {
			if i < count {
				all = append(all, i)
			}
		}
	}
	for _, c := range t.Cuts {
		take(c.Weights)
	}
	for _, n := range t.Nodes {
		if n.Leaf != nil {
			take(n.Leaf.Prices)
		}
	}
	if len(all) == 0 {
		for i := range count {
			all = append(all, i)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
