package solve

import (
	"context"
	"fmt"
)

const (
	// shrink is how much finer the next scale is: its segments together still cover one
	// of the coarser ones to each side. It is a power of two, so that steps round nothing.
	shrink = segments
	// maxRounds bounds the programmes at one scale. One or two are usual.
	maxRounds = 40
)

// even moves x to the point of the face with the smallest sum of squared unmet needs,
// each divided by the need. It is proximity scaling (Hochbaum and Shanthikumar,
// "Convex separable optimization is not much harder than linear optimization", 1990):
// the concave value of each party, -(D-X)²/(2D), is replaced by its values at points
// some units apart around X, which makes a linear programme. Their distance is in
// proportion to the need and shrinks to one unit; each programme starts where the last
// one stopped. Moves are measured from the present point in steps, the distance for the
// largest need, so that a solver sees small numbers only. On a face of a nash stage the
// values are its logarithms.
//
// At one unit the programme is the whole-unit problem itself. Its solution may still
// hold fractions, which even rounds and returns; that cannot happen where the rows are
// sums over nested groups (totally unimodular). It returns false if x need not be whole
// or best, because of these or because the solver finds no optimum.
func (fc *face) even(ctx context.Context, s Solver, x []int64) (bool, []remainder, error) {
	if fc.trims() {
		fc = fc.trim()
	}
	for j := range x {
		x[j] = min(max(x[j], fc.lower[j]), fc.upper[j])
	}
	m := fc.newModel()
	if len(m.columns) == 0 {
		return true, nil, nil
	}
	step := int64(1)
	for step < m.widest/(segments*m.curves.opening()) {
		step *= shrink
	}
	if fc.trimmed != nil {
		m.anew()
	} else {
		m.begin(fc, fc.basis)
	}
	for ; ; step /= shrink {
		rest, ok, err := fc.settle(ctx, s, m, x, step)
		if err != nil || !ok || step == 1 {
			fc.form.vertex = &vertex{fc, m, m.lp.From, m.prices}
			return ok && len(rest) == 0, rest, err
		}
	}
}

// settle moves x to the best point of the face at one scale. It returns false if the
// solver finds none.
func (fc *face) settle(ctx context.Context, s Solver, m *model, x []int64, step int64) ([]remainder, bool, error) {
	for range maxRounds {
		m.centre(fc, x, step)
		solution, err := fc.keeping(ctx, s, m.lp, m.spread(x), fmt.Sprintf("even out at steps of %d units", step))
		if err != nil {
			return nil, false, err
		}
		if solution.Status != Optimal || len(solution.Primal) != len(m.lp.Cost) {
			return nil, false, nil
		}
		inside := m.inside(solution.Primal)
		rest := fc.move(x, m, solution.Primal)
		m.follow(solution.Basis)
		m.prices = solution.Dual
		if inside {
			return rest, true, nil
		}
	}
	return nil, false, fmt.Errorf("%w: unmet needs at steps of %d units do not settle in %d rounds", ErrSolver, step, maxRounds)
}
