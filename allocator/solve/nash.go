package solve

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// nash reaches the greatest product of gains: from the point at which the least gain is
// largest, by the same search for whole units as evenness, over logarithms.
func (h *search) nash(ctx context.Context, st stage) error {
	kept := make([]float64, len(h.need))
	for k := range kept {
		kept[k] = math.NaN()
	}
	var l level
	point, err := h.cutting(func() (point []float64, err error) {
		l, err = h.face.raise(ctx, h.solver, st.alike(h.form), h.x, kept)
		return l.point, err
	})
	if err != nil {
		return err
	}
	if l.at <= 0 {
		return fmt.Errorf("%w: no plan gives every party more than it has without an agreement (stage %s, %d parties)", ErrInfeasible, st.ID, len(h.need))
	}
	inner := *h
	face := *h.face
	inner.face, inner.x = &face, h.face.near(point)
	if len(h.p.Limits) > 0 {
		// A coarse model lets nobody fall below a small gain, so it must begin where limits are kept.
		if x, err := h.inward(ctx, point[:len(h.columns)]); err == nil {
			inner.x = x
		}
	}
	face.nash = newGains(h.form, st, inner.x)
	x, err := inner.finish(ctx)
	if err != nil {
		return err
	}
	if len(h.p.Limits) > 0 && !st.gains(h.form, x) {
		// Limits kept the search from going on; everybody gains where it began.
		if x, err = h.inward(ctx, floats(inner.x)); err != nil {
			return err
		}
	}
	h.x = x
	h.hints = append(h.hints, hint{})
	for k := range h.need {
		if err := h.keep(h.face.heldRow(st, k, x)); err != nil {
			return err
		}
	}
	return nil
}

// gains tells whether every party has more than without an agreement.
func (s stage) gains(f *form, x []int64) bool {
	worth := slices.Clone(s.outside)
	for k, members := range f.members {
		for _, j := range members {
			worth[k] -= s.costs[j] * x[j]
		}
		if worth[k] >= 0 {
			return false
		}
	}
	return true
}

// alike is the stage in which every party's gain counts by the size of its own unit.
func (s stage) alike(f *form) stage {
	s.per = slices.Repeat([]int64{1}, len(f.need))
	for k, members := range f.members {
		for _, j := range members {
			s.per[k] = max(s.per[k], s.costs[j], -s.costs[j])
		}
	}
	return s
}

// heldRow is the row that keeps what a party has.
func (fc *face) heldRow(st stage, party int, x []int64) row {
	terms, _, _ := fc.worthTerms(st, party)
	sum := int64(0)
	for _, t := range terms {
		sum += t.coeff * x[t.at]
	}
	return row{terms: terms, lower: &sum, at: -1}
}
