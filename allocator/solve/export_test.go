package solve

import (
	"context"

	"comity"
	"comity/canon"
	"comity/quantity"
)

// EvenFrom evens out from a given start and without the final exchange of single
// units, in the order of the problem's columns.
func EvenFrom(ctx context.Context, p comity.Problem, s Solver, start func(low, high int64) int64) ([]quantity.Amount, error) {
	h := newSearch(newForm(p, canon.Digest{}), s, false)
	if err := h.weighted(ctx, h.stages[0]); err != nil {
		return nil, err
	}
	for j := range h.x {
		h.x[j] = start(h.face.lower[j], h.face.upper[j])
	}
	whole, _, err := h.face.even(ctx, s, h.x)
	if err != nil || !whole {
		return nil, err
	}
	return h.units(h.x), nil
}

// Order returns the places of columns, rows and parties in canonical order.
func Order(p comity.Problem, lot canon.Digest) (columns, rows, parties []int) {
	o := canonicalOrder(p, lot)
	return o.columns, o.rows, o.parties
}
