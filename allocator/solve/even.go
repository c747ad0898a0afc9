package solve

import (
	"context"
	"fmt"
)

const (
	// shrink is how much finer the next scale is: its segments together still cover one
	// of the coarser ones to each side. It is a power of two, so that steps round nothing.
	shrink = 4
	// maxRounds bounds the programmes at one scale. Two or three are usual.
	maxRounds = 40
)

// even moves x to the point of the face with the smallest sum of squared unmet needs,
// each divided by the need. It is proximity scaling (Hochbaum and Shanthikumar,
// "Convex separable optimization is not much harder than linear optimization", 1990):
// the concave value of each party, -(D-X)²/(2D), is replaced by its values at points s
// units apart around X, which makes a linear programme; s shrinks to one unit. Steps
// are measured in s from the present point, so that a solver sees small numbers only.
//
// At one unit the programme is the whole-unit problem itself. It returns false if its
// solution is not whole, which cannot happen where the rows are sums over nested
// groups (totally unimodular).
func (fc *face) even(ctx context.Context, s Solver, x []int64) ([]int64, bool, error) {
	for j := range x {
		x[j] = min(max(x[j], fc.lower[j]), fc.upper[j])
	}
	step := int64(1)
	for step*segments < fc.curves().widest() {
		step *= shrink
	}
	whole := true
	for ; whole && step > 0; step /= shrink {
		var err error
		if whole, err = fc.settle(ctx, s, x, step); err != nil {
			return nil, false, err
		}
	}
	return x, whole, nil
}

// settle moves x to the best point of the face at one scale. It returns false if the
// solver finds none, or at a scale of one unit none of whole units.
func (fc *face) settle(ctx context.Context, s Solver, x []int64, step int64) (bool, error) {
	for range maxRounds {
		m := fc.model(x, step)
		if len(m.columns) == 0 {
			return true, nil
		}
		solution, err := ask(ctx, s, m.lp, fmt.Sprintf("even out at steps of %d units", step))
		if err != nil {
			return false, err
		}
		if solution.Status != Optimal || len(solution.Primal) != len(m.lp.Cost) {
			return false, nil
		}
		inside := m.inside(solution.Primal)
		whole := fc.move(x, m, solution.Primal)
		if inside {
			return whole || step > 1, nil
		}
	}
	return false, fmt.Errorf("%w: unmet needs at steps of %d units do not settle in %d rounds", ErrSolver, step, maxRounds)
}
