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
func (fc *face) exchange(x []int64) {
	activity := make([]int64, len(fc.rows))
	totals := make([]int64, len(fc.need))
	for j, c := range fc.columns {
		for _, t := range c.terms {
			activity[t.at] += t.coeff * x[j]
		}
		if c.party >= 0 {
			totals[c.party] += x[j]
		}
	}
	byCost := fc.columnsByCost()
	for range maxExchanges {
		moved := false
		for _, columns := range byCost {
			if from, to, ok := fc.improving(columns, x, totals, activity); ok {
				fc.shift(x, activity, from, -1)
				fc.shift(x, activity, to, 1)
				totals[fc.columns[from].party]--
				totals[fc.columns[to].party]++
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}

func (fc *face) columnsByCost() [][]int {
	var all []int
	for j, c := range fc.columns {
		if c.party >= 0 && fc.need[c.party] > 0 && fc.lower[j] < fc.upper[j] {
			all = append(all, j)
		}
	}
	compare := func(a, b int) int {
		for _, s := range fc.stages {
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
func (fc *face) improving(columns []int, x, totals, activity []int64) (from, to int, ok bool) {
	var givers, takers []int
	for _, j := range columns {
		if x[j] > fc.lower[j] && totals[fc.columns[j].party] > 0 {
			givers = append(givers, j)
		}
		if x[j] < fc.upper[j] && totals[fc.columns[j].party] >= 0 {
			takers = append(takers, j)
		}
	}
	quotient := func(last int64) func(a, b int) int {
		return func(a, b int) int {
			p, q := fc.columns[a].party, fc.columns[b].party
			return cmp.Or(fc.compareQuotients(p, 2*totals[p]+last, q, 2*totals[q]+last), cmp.Compare(p, q))
		}
	}
	slices.SortStableFunc(givers, func(a, b int) int { return quotient(-1)(b, a) })
	slices.SortStableFunc(takers, quotient(1))
	for _, j := range givers {
		for _, k := range takers {
			p, q := fc.columns[j].party, fc.columns[k].party
			gain := fc.compareQuotients(p, 2*totals[p]-1, q, 2*totals[q]+1)
			if gain < 0 || gain == 0 && q >= p {
				break
			}
			if p != q && fc.canShift(j, k, activity) {
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
func (fc *face) canShift(j, k int, activity []int64) bool {
	change := func(i int) int64 { return fc.coefficient(k, i) - fc.coefficient(j, i) }
	for _, c := range []int{j, k} {
		for _, t := range fc.columns[c].terms {
			r, after := fc.rows[t.at], activity[t.at]+change(t.at)
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
