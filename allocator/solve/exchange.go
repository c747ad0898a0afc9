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
	m := fc.newMarket(x)
	groups := m.stalls()
	left := maxExchanges
	for moved := true; moved; {
		moved = false
		for _, stalls := range groups {
			for from, to, ok := m.improving(stalls); ok && left > 0; from, to, ok = m.improving(stalls) {
				m.move(from, -1)
				m.move(to, 1)
				moved = true
				left--
			}
		}
	}
}

// market is where units change hands.
type market struct {
	*face
	x, activity, totals []int64
	private             []bool // By row: all its columns are of one party.
}

// stall lists columns of equal cost that have the same coefficients in all rows that
// parties share, so that for these rows one may stand for the other.
type stall []int

func (fc *face) newMarket(x []int64) *market {
	m := &market{face: fc, x: x, activity: fc.activity(x), totals: make([]int64, len(fc.need)), private: make([]bool, len(fc.rows))}
	for k := range fc.need {
		m.totals[k] = fc.total(x, k)
	}
	for i, r := range fc.rows {
		m.private[i] = !slices.ContainsFunc(r.terms, func(t term) bool {
			return fc.columns[t.at].party != fc.columns[r.terms[0].at].party
		})
	}
	return m
}

// stalls returns the stalls among which units may move: together they have equal costs
// and equal coefficients in every row that must meet a number exactly. Those of one
// party alone are left out.
func (m *market) stalls() [][]stall {
	shared, exactly := make([][]term, len(m.columns)), make([][]term, len(m.columns))
	var all []int
	for j, c := range m.columns {
		if c.party < 0 || m.need[c.party] == 0 || !m.free(j) {
			continue
		}
		all = append(all, j)
		for _, t := range c.terms {
			r := m.rows[t.at]
			switch {
			case m.private[t.at]:
			case r.lower != nil && r.upper != nil && *r.lower == *r.upper:
				exactly[j] = append(exactly[j], t)
			default:
				shared[j] = append(shared[j], t)
			}
		}
	}
	together := func(a, b int) int {
		return cmp.Or(m.compareCosts(a, b), slices.CompareFunc(exactly[a], exactly[b], compareTerms))
	}
	slices.SortStableFunc(all, func(a, b int) int {
		return cmp.Or(together(a, b), slices.CompareFunc(shared[a], shared[b], compareTerms))
	})
	var groups [][]stall
	for _, columns := range runs(all, together) {
		several := slices.ContainsFunc(columns, func(j int) bool { return m.columns[j].party != m.columns[columns[0]].party })
		if several {
			var group []stall
			for _, s := range runs(columns, func(a, b int) int { return slices.CompareFunc(shared[a], shared[b], compareTerms) }) {
				group = append(group, s)
			}
			groups = append(groups, group)
		}
	}
	return groups
}

// runs cuts a sorted list where neighbours differ.
func runs(list []int, compare func(a, b int) int) [][]int {
	var parts [][]int
	for from := 0; from < len(list); {
		end := from + 1
		for end < len(list) && compare(list[from], list[end]) == 0 {
			end++
		}
		parts = append(parts, list[from:end:end])
		from = end
	}
	return parts
}

// compareCosts compares columns by what they cost in every stage that must stay at its
// best; others are kept by rows.
func (m *market) compareCosts(a, b int) int {
	for _, s := range m.stages {
		if c := cmp.Compare(s.costs[a], s.costs[b]); c != 0 && s.Kind == certificate.Weighted && s.Slack.Sign() == 0 {
			return c
		}
	}
	return 0
}

func compareTerms(a, b term) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.coeff, b.coeff))
}

// improving finds the best pair of columns between which one unit should move: from
// the party with the highest quotient that can give to the one with the lowest that
// can take.
func (m *market) improving(stalls []stall) (from, to int, ok bool) {
	var givers, takers []int
	for _, s := range stalls {
		givers = m.best(givers, s, m.canGive, m.compareGivers)
		takers = m.best(takers, s, m.canTake, m.compareTakers)
	}
	slices.SortFunc(givers, m.compareGivers)
	slices.SortFunc(takers, m.compareTakers)
	for _, j := range givers {
		for _, k := range takers {
			if m.columns[j].party == m.columns[k].party {
				continue
			}
			if !m.gains(j, k) {
				break
			}
			if m.canShift(j, k) {
				return j, k, true
			}
		}
	}
	return 0, 0, false
}

// best appends the first two columns of a stall in an order, of different parties.
func (m *market) best(list []int, s stall, can func(int) bool, compare func(a, b int) int) []int {
	first, second := -1, -1
	for _, j := range s {
		switch {
		case !can(j):
		case first < 0 || compare(j, first) < 0:
			if first >= 0 && m.columns[first].party != m.columns[j].party {
				second = first
			}
			first = j
		case m.columns[j].party != m.columns[first].party && (second < 0 || compare(j, second) < 0):
			second = j
		}
	}
	for _, j := range []int{first, second} {
		if j >= 0 {
			list = append(list, j)
		}
	}
	return list
}

// canGive tells whether a column may lose a unit, as far as its party alone is concerned.
func (m *market) canGive(j int) bool {
	return m.x[j] > m.lower[j] && m.totals[m.columns[j].party] > 0 && m.inPrivate(j, -1)
}

// canTake tells whether a column may get a unit, as far as its party alone is concerned.
func (m *market) canTake(j int) bool {
	return m.x[j] < m.upper[j] && m.totals[m.columns[j].party] >= 0 && m.inPrivate(j, 1)
}

func (m *market) inPrivate(j int, by int64) bool {
	for _, t := range m.columns[j].terms {
		if m.private[t.at] && !m.keeps(t.at, by*t.coeff) {
			return false
		}
	}
	return true
}

// keeps tells whether a row keeps its bounds when its sum changes.
func (m *market) keeps(i int, change int64) bool {
	r, after := m.rows[i], m.activity[i]+change
	return (r.lower == nil || after >= *r.lower) && (r.upper == nil || after <= *r.upper)
}

// gains tells whether a unit that moves from j to k makes needs more evenly met, or
// leaves that as it is and comes to an earlier party.
func (m *market) gains(j, k int) bool {
	p, q := m.columns[j].party, m.columns[k].party
	gain := m.compareQuotients(p, 2*m.totals[p]-1, q, 2*m.totals[q]+1)
	return gain > 0 || gain == 0 && q < p
}

func (m *market) compareGivers(a, b int) int {
	p, q := m.columns[a].party, m.columns[b].party
	return cmp.Or(m.compareQuotients(q, 2*m.totals[q]-1, p, 2*m.totals[p]-1), cmp.Compare(q, p), cmp.Compare(a, b))
}

func (m *market) compareTakers(a, b int) int {
	p, q := m.columns[a].party, m.columns[b].party
	return cmp.Or(m.compareQuotients(p, 2*m.totals[p]+1, q, 2*m.totals[q]+1), cmp.Compare(p, q), cmp.Compare(a, b))
}

// compareQuotients compares a/need(p) with b/need(q), for a and b not below 0.
func (f *form) compareQuotients(p int, a int64, q int, b int64) int {
	leftHigh, leftLow := bits.Mul64(size(a), size(f.need[q]))
	rightHigh, rightLow := bits.Mul64(size(b), size(f.need[p]))
	return cmp.Or(cmp.Compare(leftHigh, rightHigh), cmp.Compare(leftLow, rightLow))
}

// canShift tells whether every row still holds after a unit moves from j to k.
func (m *market) canShift(j, k int) bool {
	for _, c := range []int{j, k} {
		for _, t := range m.columns[c].terms {
			if !m.keeps(t.at, m.coefficient(k, t.at)-m.coefficient(j, t.at)) {
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

func (m *market) move(j int, by int64) {
	m.totals[m.columns[j].party] += by
	m.shift(m.x, m.activity, j, by)
}

func (f *form) shift(x, activity []int64, j int, by int64) {
	x[j] += by
	for _, t := range f.columns[j].terms {
		activity[t.at] += by * t.coeff
	}
}
