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
	f := newForm(p, canon.Digest{})
	f.aim(f.stages[0])
	w, err := bestWorth(ctx, p, f, s)
	if err != nil {
		return nil, err
	}
	fc := newFace(f, w)
	for j := range w.start {
		w.start[j] = start(fc.lower[j], fc.upper[j])
	}
	x, whole, err := fc.even(ctx, s, w.start)
	if err != nil || !whole {
		return nil, err
	}
	return f.units(x), nil
}

// Order returns the places of columns, rows and parties in canonical order.
func Order(p comity.Problem, lot canon.Digest) (columns, rows, parties []int) {
	o := canonicalOrder(p, lot)
	return o.columns, o.rows, o.parties
}
