package solve

import (
	"context"
	"errors"
	"math"
	"slices"

	"comity/allocator/certificate"
)

const (
	// outermost and innermost are how far whole units are looked for from the border of
	// limits, as powers of two of the way to a point inside.
	outermost = 30
	innermost = 1
	// closeWorth is the share of a worth that rounding inwards may cost before single
	// units are searched by branching.
	closeWorth = 1e-4
)

// inward returns whole units near a point that keep all rules. A limit is a curved
// surface, and whole units next to a point on it lie outside as often as not; so it is
// left towards a point inside, no farther than needed.
func (h *search) inward(ctx context.Context, point []float64) ([]int64, error) {
	x, err := h.face.repair(point)
	if err == nil || len(h.p.Limits) == 0 {
		return x, err
	}
	inside, err := h.inside(ctx)
	if err != nil {
		return nil, err
	}
	for bits := outermost; bits >= innermost && inside != nil; bits-- {
		if x, err := h.face.repair(between(point, inside, math.Ldexp(1, -bits))); err == nil {
			return x, nil
		}
	}
	if h.face.holds(h.x) && certificate.Feasible(h.p, h.units(h.x)) == nil {
		return h.x, nil
	}
	return nil, errFractions
}

// inside returns a point inside all limits, nil if none is known: where parties are served
// most equally, or else where an earlier stage found whole units.
func (h *search) inside(ctx context.Context) ([]float64, error) {
	point, err := h.equal(ctx)
	if point == nil && err == nil && h.face.holds(h.x) && certificate.Feasible(h.p, h.units(h.x)) == nil {
		point = floats(h.x)
	}
	return point, err
}

// near tells whether whole units are worth about as much as a point.
func (s stage) near(point []float64, x []int64) bool {
	want, dearest := s.value(point), 0.0
	for _, cost := range s.costs {
		dearest = max(dearest, math.Abs(float64(cost)))
	}
	return s.value(floats(x)) >= want-max(closeWorth*math.Abs(want), dearest/2)
}

// better searches whole units by branching, and returns those at hand, if any, where that
// finds none that are worth more.
func (h *search) better(ctx context.Context, st stage, start, x []int64) ([]int64, error) {
	found, err := h.integers(ctx, start)
	if x != nil && (errors.Is(err, errFractions) || err == nil && st.worth(found).Cmp(st.worth(x)) < 0) {
		return x, nil
	}
	return found, err
}

func floats(x []int64) []float64 {
	list := make([]float64, len(x))
	for j, v := range x {
		list[j] = float64(v)
	}
	return list
}

// equal returns the point at which the least served party gets most, nil if even that
// breaks a limit.
func (h *search) equal(ctx context.Context) ([]float64, error) {
	limit := h.p.Limits[h.order.limits[0]]
	st := stage{costs: make([]int64, len(h.columns)), per: pick(limit.Per, h.order.parties)}
	st.ID, st.Kind = limit.ID, certificate.Maximin
	for j, c := range h.columns {
		if c.party >= 0 {
			st.costs[j] = 1
		}
	}
	l, err := h.face.raise(ctx, h.solver, st, h.x, slices.Repeat([]float64{math.NaN()}, len(h.need)))
	if err != nil || h.breaks(l.point[:len(h.columns)]) {
		return nil, err
	}
	return l.point[:len(h.columns)], nil
}

// breaks tells whether a point breaks a limit.
func (f *form) breaks(point []float64) bool {
	totals := f.sums(point)
	for _, limit := range f.p.Limits {
		if served, sum := f.served(limit, totals); violated(limit, served, sum) != nil {
			return true
		}
	}
	return false
}

func (f *form) sums(point []float64) []float64 {
	totals := make([]float64, len(f.need))
	for k, members := range f.members {
		for _, j := range members {
			totals[k] += point[j]
		}
	}
	return totals
}

// between returns the point so far from a to b.
func between(a, b []float64, part float64) []float64 {
	point := make([]float64, len(a))
	for j := range point {
		point[j] = a[j] + float64(part*(b[j]-a[j]))
	}
	return point
}

// value is a stage's worth of a point.
func (s stage) value(point []float64) float64 {
	sum := 0.0
	for j, cost := range s.costs {
		sum += float64(float64(cost) * point[j])
	}
	return sum
}
