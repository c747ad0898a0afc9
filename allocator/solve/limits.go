package solve

import (
	"context"
	"math"
	"slices"

	"comity/allocator/certificate"
)

const (
	// maxInward bounds the programmes of one weighted stage under limits.
	maxInward = 80
	// inward is how close to the bound the value of a point that keeps the limits must
	// come: a part in ten million.
	inward = 1e-7
	// step is how far the inner point follows the best one that was found.
	step = 0.5
)

// limited reaches a weighted stage under limits. A limit is a curved surface, and cuts at
// the points that a programme proposes touch it nowhere near the optimum. So a point
// inside, at which parties are served as equally as rows allow, is joined with the
// proposal, and the cut is made where the line leaves the limits (Ben-Ameur and Neto,
// "Acceleration of cutting-plane and column generation algorithms", 2007). The points
// there keep all rules but whole units, and show how good a plan can be.
func (h *search) limited(ctx context.Context, st stage) (worth, []float64, error) {
	inside, err := h.equal(ctx)
	if err != nil {
		return worth{}, nil, err
	}
	var w worth
	var best []float64
	for range maxInward {
		if w, err = bestWorth(ctx, h.face, h.solver, h.x); err != nil {
			return w, nil, err
		}
		if !h.breaks(w.point) {
			return w, w.point, nil
		}
		if inside == nil {
			if !h.separate(h.sums(w.point)) {
				return w, nil, nil
			}
			continue
		}
		low, high := 0.0, 1.0
		for range 50 {
			if middle := (low + high) / 2; h.breaks(between(inside, w.point, middle)) {
				high = middle
			} else {
				low = middle
			}
		}
		edge := between(inside, w.point, low)
		if best == nil || st.value(edge) > st.value(best) {
			best = edge
		}
		if st.value(w.point)-st.value(best) <= inward*math.Abs(st.value(w.point)) {
			return w, best, nil
		}
		if outside := between(inside, w.point, high+(1-high)*cutNoise); !h.separate(h.sums(outside)) && !h.separate(h.sums(w.point)) {
			return w, best, nil
		}
		inside = between(inside, best, step)
	}
	return w, best, nil
}

// equal returns the point at which the least served party gets most, nil if even that
// breaks a limit.
func (h *search) equal(ctx context.Context) ([]float64, error) {
	st := stage{costs: make([]int64, len(h.columns)), per: pick(h.p.Limits[0].Per, h.order.parties)}
	st.ID, st.Kind = h.p.Limits[0].ID, certificate.Maximin
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
