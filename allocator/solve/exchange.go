package solve

import (
	"cmp"
	"math/bits"
	"slices"

	"comity/allocator/certificate"
)

// maxExchanges bounds the units that are moved one by one. Floating point leaves a
// handful; a problem that needs more was solved badly and is left as it is.
const maxExchanges = 10_000

// exchange moves single units from party to party, at equal worth, while that makes
// the sum of squared unmet needs smaller, in whole-number arithmetic: floating point
// cannot tell Webster quotients apart that differ in the sixteenth digit. Equal
// quotients go to the party that comes first in the canonical order.
func (f *face) exchange(x []int64) {
	activity := make([]int64, len(f.rows))
	totals := make([]int64, len(f.need))
	for j, c := range f.columns {
		for _, t := range c.terms {
			activity[t.at] += t.coeff * x[j]
		}
		if c.party >= 0 {
			totals[c.party] += x[j]
		}
	}
	byCost := f.columnsByCost()
	for range maxExchanges {
		moved := false
		for _, columns := range byCost {
			if from, to, ok := f.improving(columns, x, totals, activity); ok {
				f.shift(x, activity, from, -1)
				f.shift(x, activity, to, 1)
				totals[f.columns[from].party]--
				totals[f.columns[to].party]++
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}

func (f *face) columnsByCost() [][]int {
	var all []int
	for j, c := range f.columns {
		if c.party >= 0 && f.need[c.party] > 0 && f.lower[j] < f.upper[j] {
			all = append(all, j)
		}
	}
	compare := func(a, b int) int {
		for _, s := range f.stages {
			if c := cmp.Compare(s.costs[a], s.costs[b]); c != 0 && s.Kind == certificate.Weighted && s.Slack.Sign() == 0 {
				return c
			}
		}
		return 0
	}
	slices.SortStableFunc(all, compare)
	var groups [][]int
	for from := 0; from < len(all); {
		end := from
		for end < len(all) && compare(all[end], all[from]) == 0 {
			end++
		}
		groups = append(groups, all[from:end])
		from = end
	}
	return groups
}

// improving finds the best pair of columns between which one unit should move.
func (f *face) improving(columns []int, x, totals, activity []int64) (from, to int, ok bool) {
	var givers, takers []int
	for _, j := range columns {
		if x[j] > f.lower[j] && totals[f.columns[j].party] > 0 {
			givers = append(givers, j)
		}
		if x[j] < f.upper[j] && totals[f.columns[j].party] >= 0 {
			takers = append(takers, j)
		}
	}
	quotient := func(last int64) func(a, b int) int {
		return func(a, b int) int {
			p, q := f.columns[a].party, f.columns[b].party
			return cmp.Or(f.compareQuotients(p, 2*totals[p]+last, q, 2*totals[q]+last), cmp.Compare(p, q))
		}
	}
	slices.SortStableFunc(givers, func(a, b int) int { return quotient(-1)(b, a) })
	slices.SortStableFunc(takers, quotient(1))
	for _, j := range givers {
		for _, k := range takers {
			p, q := f.columns[j].party, f.columns[k].party
			gain := f.compareQuotients(p, 2*totals[p]-1, q, 2*totals[q]+1)
			if gain < 0 || gain == 0 && q >= p {
				break
			}
			if p != q && f.canShift(j, k, activity) {
				return j, k, true
			}
		}
	}
	return 0, 0, false
}

// compareQuotients compares a/need(p) with b/need(q), for a and b not below 0.
func (f *form) compareQuotients(p int, a int64, q int, b int64) int {
	leftHigh, leftLow := bits.Mul64(size(a), size(f.need[q]))
	rightHigh, rightLow := bits.Mul64(size(b), size(f.need[p]))
	return cmp.Or(cmp.Compare(leftHigh, rightHigh), cmp.Compare(leftLow, rightLow))
}

// canShift tells whether every row still holds after a unit moves from j to k.
func (f *face) canShift(j, k int, activity []int64) bool {
	change := func(i int) int64 { return f.coefficient(k, i) - f.coefficient(j, i) }
	for _, c := range []int{j, k} {
		for _, t := range f.columns[c].terms {
			r, after := f.rows[t.at], activity[t.at]+change(t.at)
			if r.lower != nil && after < *r.lower || r.upper != nil && after > *r.upper {
				return false
			}
		}
	}
	return true
}

func (f *form) coefficient(j, i int) int64 {
	at, ok := slices.BinarySearchFunc(f.columns[j].terms, i, func(t term, i int) int { return cmp.Compare(t.at, i) })
	if !ok {
		return 0
	}
	return f.columns[j].terms[at].coeff
}

func (f *form) shift(x, activity []int64, j int, by int64) {
	x[j] += by
	for _, t := range f.columns[j].terms {
		activity[t.at] += by * t.coeff
	}
}
