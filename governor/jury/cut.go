package jury

import (
	"cmp"
	"fmt"
	"slices"
)

// maxSteps bounds the search that proves one cut: about a second of computing.
const maxSteps = 2_000_000

// maxCells bounds the memory of that search: groups times rows, 80 MB.
const maxCells = 10_000_000

// Cut is a rule that every panel obeys although the rows alone do not say so: the
// weighted number of members of groups is at most Bound.
//
// It is proved by a search through all panels that leaves out only what the prices
// exclude: for any panel c, with D_g as for Level,
//
//	Scale w.c <= sum_r y_r b_r + sum_g (Scale w_g - D_g) c_g
//
// so that a partial choice whose right-hand side stays below Scale (Bound + 1), the rest
// chosen at best, holds no panel above Bound.
type Cut struct {
	Weights []Price `json:"weights"` // Of groups, ascending.
	Bound   int64   `json:"bound"`
	Scale   int64   `json:"scale"`            // Of the prices, at least 1.
	Prices  []Price `json:"prices,omitempty"` // Of rows, ascending; they speed the search up, any will do.
}

// CheckCut searches for a panel that breaks a cut. It fails with ErrCertificate if there
// is one, and if 2,000,000 steps do not settle it.
func (f Form) CheckCut(c Cut) error {
	_, err := f.ProveCut(c)
	return err
}

// ProveCut does what CheckCut does and tells how many steps it took.
func (f Form) ProveCut(c Cut) (steps int, err error) {
	if err := ordered(c.Weights, len(f.Groups), -MaxWeight, MaxWeight); err != nil {
		return 0, fmt.Errorf("weights: %w", err)
	}
	if c.Scale < 1 || c.Scale > MaxPrice || c.Bound < -MaxPrice || c.Bound > MaxPrice {
		return 0, fmt.Errorf("%w: scale %d, bound %d", ErrCertificate, c.Scale, c.Bound)
	}
	if len(f.Groups)*len(f.Rows) > maxCells {
		return 0, fmt.Errorf("%w: a cut over %d groups and %d rows is too large to prove", ErrCertificate, len(f.Groups), len(f.Rows))
	}
	base := checker{form: f}
	price, rest, err := base.priced(c.Prices)
	if err != nil {
		return 0, err
	}
	s := newCutSearch(f, c, price)
	switch {
	case !s.open(0, rest):
		return s.steps, nil
	case s.steps > maxSteps:
		return s.steps, fmt.Errorf("%w: %d steps do not prove a cut with bound %d", ErrCertificate, maxSteps, c.Bound)
	}
	return s.steps, fmt.Errorf("%w: a panel exceeds the bound %d of a cut", ErrCertificate, c.Bound)
}

// cutSearch goes through the groups in turn, those that decide most first.
type cutSearch struct {
	form  Form
	order []int   // Of groups.
	value []int64 // Scale w_g - D_g, by place in order.
	worth []int64 // Scale w_g, by place in order.
	best  []int64 // What the groups from a place on add at most.
	spare [][]int // By place: how many people of each row stand from there on.
	count []int   // Members chosen so far, by row.
	got   int64   // What they weigh, times Scale.
	need  int64   // What a panel above the bound weighs, times Scale.
	steps int
}

func newCutSearch(f Form, c Cut, price []int64) *cutSearch {
	value, worth := make([]int64, len(f.Groups)), make([]int64, len(f.Groups))
	for _, w := range c.Weights {
		value[w.At], worth[w.At] = c.Scale*w.Value, c.Scale*w.Value
	}
	s := &cutSearch{form: f, count: make([]int, len(f.Rows)), need: c.Scale * (c.Bound + 1)}
	for g := range f.Groups {
		value[g] -= price[g]
		s.order = append(s.order, g)
	}
	slices.SortStableFunc(s.order, func(a, b int) int { return cmp.Compare(max(value[b], -value[b]), max(value[a], -value[a])) })
	n := len(s.order)
	s.value, s.worth = make([]int64, n), make([]int64, n)
	s.best, s.spare = make([]int64, n+1), make([][]int, n+1)
	s.spare[n] = make([]int, len(f.Rows))
	for k := n - 1; k >= 0; k-- {
		g := s.order[k]
		s.value[k], s.worth[k] = value[g], worth[g]
		s.best[k] = s.best[k+1] + max(0, value[g])*int64(len(f.Groups[g].People))
		s.spare[k] = slices.Clone(s.spare[k+1])
		for _, r := range f.Groups[g].Rows {
			s.spare[k][r] += len(f.Groups[g].People)
		}
	}
	return s
}

// open tells whether the groups from place k on may be chosen so that a panel reaches
// the need; reached is what the choice so far makes of the right-hand side.
func (s *cutSearch) open(k int, reached int64) bool {
	s.steps++
	if s.steps > maxSteps {
		return true
	}
	if reached+s.best[k] < s.need {
		return false
	}
	for r, row := range s.form.Rows {
		if s.count[r] > row.Max || s.count[r]+s.spare[k][r] < row.Min {
			return false
		}
	}
	if k == len(s.order) {
		return s.got >= s.need
	}
	group := s.form.Groups[s.order[k]]
	for n := range len(group.People) + 1 {
		if s.value[k] > 0 { // The better end first.
			n = len(group.People) - n
		}
		s.add(k, n)
		found := s.open(k+1, reached+int64(n)*s.value[k])
		s.add(k, -n)
		if found {
			return true
		}
	}
	return false
}

// add chooses n more people of the group at place k.
func (s *cutSearch) add(k, n int) {
	s.got += int64(n) * s.worth[k]
	for _, r := range s.form.Groups[s.order[k]].Rows {
		s.count[r] += n
	}
}
