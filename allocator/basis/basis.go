// Package basis settles a general linear programme with a proof: it takes the vertex
// that a floating-point solver stopped at, solves the vertex's equations in rational
// numbers, and states the certificate that package linear checks.
//
// The solver only names which bounds are active. What it gets wrong, the exact check
// refuses; a wrong proposal costs an answer and never gives a wrong one.
package basis

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"comity/allocator/linear"
)

var (
	// ErrNoProof says that the solver's answer could not be turned into a proof.
	ErrNoProof = errors.New("no certificate")
	// ErrTooLarge says that a programme exceeds the sizes that are computed with.
	ErrTooLarge = errors.New("programme too large")
)

// Limits of one programme. Exact elimination of 10,000 active rows is a matter of
// minutes; the arrays that a solver gets are bounded apart from that.
const (
	maxColumns = 1 << 18
	maxRows    = 1 << 17
	maxTerms   = 1 << 22
)

// State is where a column or row stands at a vertex.
type State int

// The places. Free is a column or row without bounds that stands at zero.
const (
	AtLower State = iota
	Basic
	AtUpper
	Free
)

// Vertex is what a solver stopped at. Without Optimal there is nothing else in it.
type Vertex struct {
	Optimal       bool
	Columns, Rows []State   // As many Basic ones as there are rows.
	Primal        []float64 // By column.
}

// Solve settles a programme: its certificate says optimal, infeasible or unbounded, and
// has passed linear.Check. The gap of an optimal one is zero without columns of whole
// numbers up to 2,000 rows, at most 1e-5 of the objective beyond that, and with columns
// of whole numbers what branching within its limits left. It fails with ErrNoProof if the
// proposals of the engine prove nothing.
func Solve(ctx context.Context, p linear.Programme, engine Engine) (linear.Certificate, error) {
	if err := check(p); err != nil {
		return linear.Certificate{}, err
	}
	if p.Whole() {
		return wholeNumbers(ctx, p, engine)
	}
	if len(p.Rows) > exactRows {
		if c, ok, err := roundedProof(ctx, p, engine); ok || err != nil {
			return c, err
		}
	}
	pair, found, err := optimum(ctx, p, engine)
	switch {
	case err != nil:
		return linear.Certificate{}, err
	case !found:
		return noOptimum(ctx, p, engine)
	}
	return stated(linear.StateOptimal(p, pair.point, pair.prices))
}

func check(p linear.Programme) error {
	if err := linear.CheckShape(p); err != nil {
		return err
	}
	terms := 0
	for _, r := range p.Rows {
		terms += len(r.Terms)
	}
	if len(p.Columns) == 0 || len(p.Columns) > maxColumns || len(p.Rows) > maxRows || terms > maxTerms {
		return fmt.Errorf("%w: %d columns, %d rows, %d coefficients; allowed are 1 to %d, %d and %d",
			ErrTooLarge, len(p.Columns), len(p.Rows), terms, maxColumns, maxRows, maxTerms)
	}
	return nil
}

func stated(c linear.Certificate, err error) (linear.Certificate, error) {
	if err != nil {
		return linear.Certificate{}, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	return c, nil
}

// pair is an exact vertex: a point and the prices that go with it.
type pair struct{ point, prices linear.Vector }

// optimum returns an exactly optimal vertex of a programme without whole numbers, or
// none where the engine says that there is none.
func optimum(ctx context.Context, p linear.Programme, engine Engine) (best pair, found bool, err error) {
	lp, refused := lower(p), error(nil)
	for round := range uint(maxRounds) {
		vertex, err := engine.Vertex(ctx, lp, nil)
		if err != nil || !vertex.Optimal {
			// Under magnification that is no finding; the first refusal says more.
			return pair{}, false, errors.Join(err, refused)
		}
		if best, err = newVertex(p, vertex).solve(ctx); err != nil {
			return pair{}, false, err
		}
		if refused = meets(p, best); refused == nil {
			return best, true, nil
		}
		lp = zoomed(p, best, (round+1)*zoomBits)
	}
	return pair{}, false, fmt.Errorf("after %d rounds: %w", maxRounds, refused)
}

// meets accepts a point and prices that prove each other optimal.
func meets(p linear.Programme, at pair) error {
	objective, err := linear.Objective(p, at.point)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	bound, err := linear.Bound(p, at.prices)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	if objective.Cmp(bound) != 0 {
		return fmt.Errorf("%w: the point is worth %.60s, the prices prove %.60s", ErrNoProof, objective.RatString(), bound.RatString())
	}
	return nil
}

// noOptimum proves that a programme is infeasible or else unbounded.
func noOptimum(ctx context.Context, p linear.Programme, engine Engine) (linear.Certificate, error) {
	elastic := newElastic(p)
	least, found, err := optimum(ctx, elastic, engine)
	if err != nil {
		return linear.Certificate{}, err
	}
	if !found {
		return linear.Certificate{}, fmt.Errorf("%w: the solver finds no least violation of the rows", ErrNoProof)
	}
	violation, err := linear.Objective(elastic, least.point)
	if err != nil {
		return linear.Certificate{}, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	if violation.Sign() > 0 {
		return stated(linear.StateInfeasible(p, least.prices))
	}
	direction, found, err := optimum(ctx, newSteps(p), engine)
	if err != nil {
		return linear.Certificate{}, err
	}
	if !found {
		return linear.Certificate{}, fmt.Errorf("%w: the solver finds no direction", ErrNoProof)
	}
	if p.Whole() {
		return endless(ctx, p, direction.point, engine)
	}
	point := make([]*big.Int, len(p.Columns)) // Without the columns of violations, all zero.
	for j := range point {
		point[j] = least.point.Numerators[j].Big()
	}
	return stated(linear.StateUnbounded(p, linear.NewVector(point, least.point.Denominator.Big()), direction.point))
}
