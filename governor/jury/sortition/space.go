package sortition

import (
	"math/big"

	"comity/governor/jury"
)

// term is how often a member of a group counts in a row.
type term struct {
	row   int
	count int64
}

// space is what the search needs of a pool: whole numbers of members of each group
// between 0 and its size, and rows over them. Cuts are rows, too.
type space struct {
	form  jury.Form
	cuts  []jury.Cut
	sizes []int64
	terms [][]term // Of each group, by row.
	lower []int64
	upper []int64
}

// loose stands for a row without a lower bound: cuts have only an upper one.
const loose = -1 << 40

func newSpace(f jury.Form) *space {
	s := &space{form: f}
	for _, r := range f.Rows {
		s.lower, s.upper = append(s.lower, int64(r.Min)), append(s.upper, int64(r.Max))
	}
	for _, g := range f.Groups {
		s.sizes = append(s.sizes, int64(len(g.People)))
		terms := make([]term, len(g.Rows))
		for k, r := range g.Rows {
			terms[k] = term{r, 1}
		}
		s.terms = append(s.terms, terms)
	}
	return s
}

// cut adds a rule that every panel obeys.
func (s *space) cut(c jury.Cut) {
	row := len(s.lower)
	s.cuts = append(s.cuts, c)
	s.lower, s.upper = append(s.lower, loose), append(s.upper, c.Bound)
	for _, w := range c.Weights {
		s.terms[w.At] = append(s.terms[w.At], term{row, w.Value})
	}
}

// totals returns the value of each row for numbers of members.
func (s *space) totals(counts []int64) []int64 {
	total := make([]int64, len(s.lower))
	for g, n := range counts {
		if n == 0 {
			continue
		}
		for _, t := range s.terms[g] {
			total[t.row] += n * t.count
		}
	}
	return total
}

// holds tells whether numbers of members are a panel.
func (s *space) holds(counts []int64) bool {
	for g, n := range counts {
		if n < 0 || n > s.sizes[g] {
			return false
		}
	}
	for r, n := range s.totals(counts) {
		if n < s.lower[r] || n > s.upper[r] {
			return false
		}
	}
	return true
}

// admits tells whether expected numbers of members obey bounds and rows: the panels'
// convex hull lies within what it accepts.
func (s *space) admits(expected []*big.Rat) bool {
	total := make([]*big.Rat, len(s.lower))
	for r := range total {
		total[r] = new(big.Rat)
	}
	product := new(big.Rat)
	for g, y := range expected {
		if y.Sign() < 0 || y.Cmp(new(big.Rat).SetInt64(s.sizes[g])) > 0 {
			return false
		}
		for _, t := range s.terms[g] {
			total[t.row].Add(total[t.row], product.Mul(y, new(big.Rat).SetInt64(t.count)))
		}
	}
	for r, y := range total {
		if y.Cmp(new(big.Rat).SetInt64(s.lower[r])) < 0 || y.Cmp(new(big.Rat).SetInt64(s.upper[r])) > 0 {
			return false
		}
	}
	return true
}
