// Package dispatch finds the cheapest dispatch of a grid. It approaches the optimum from
// both sides until package dc accepts the proof: quadratic costs by tangents from below,
// by what they really are at feasible outputs from above.
//
// It computes in floating point and is not trusted: what it returns has been stated by
// dc, which knows no solver.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"comity/allocator/basis"
	"comity/allocator/linear"
	"comity/allocator/network/dc"
	"comity/allocator/solve"
	"comity/exact"
)

// ErrNoProof says that the solver's answers could not be turned into a proof.
var ErrNoProof = errors.New("no certificate of the dispatch")

const (
	// maxRounds bounds the programmes that are solved for one case.
	maxRounds = 16
	// firstTangents are drawn at equal distances before anything is known.
	firstTangents = 9
	// sections is into how many parts the distance of two tangents is divided each round.
	sections = 10
	// outputPlaces is how finely outputs and tangents are written: thousandths of a watt.
	outputPlaces = 9
	// firstMargin, in MW for each MVA of base, is how far limits are drawn in for the
	// solver. It mostly beats its tolerance of 1e-9 by far; where it does not, the next
	// margin is a hundred times as wide.
	firstMargin = 1e-10
	widening    = 100
	maxMargin   = 1e-3
	// maxExact is the largest grid in buses whose vertex is solved exactly where nothing
	// else proves it: its numbers get as many digits as there are buses, times twenty.
	maxExact = 300
)

// Engine proposes. It is not trusted.
type Engine interface {
	solve.Solver
	basis.Engine
}

// Solve settles a case: its certificate is optimal with a gap of at most the given share
// of the objective, or a millionth where that is more, or it is infeasible; dc.Check
// accepts it. It fails with dc.ErrCase if the model is not defined for the case,
// dc.ErrUndecided if outputs do not decide the flows, solve.ErrSolver if the engine
// fails, and ErrNoProof if its proposals prove nothing, or too little.
func Solve(ctx context.Context, c dc.Case, gap exact.Rat, engine Engine) (dc.Certificate, error) {
	g, err := dc.NewGrid(c)
	if err != nil {
		return dc.Certificate{}, err
	}
	s := &search{of: c, grid: g, relaxation: newRelaxation(g, engine), margin: firstMargin, gap: gap.Big()}
	s.begin()
	for range maxRounds {
		done, err := s.round(ctx)
		if errors.Is(err, ErrNoProof) && len(g.Buses) <= maxExact {
			done, err = true, s.exactly(ctx, engine, err)
		}
		if err != nil {
			return dc.Certificate{}, err
		}
		if done {
			return g.State(c, s.found)
		}
	}
	return dc.Certificate{}, fmt.Errorf("%w: after %d rounds the gap is above %s of the objective", ErrNoProof, maxRounds, gap)
}

// exactly settles a case whose limits leave no room around the flows, by an exact vertex
// of the whole programme. Quadratic costs get the tangents that there are.
func (s *search) exactly(ctx context.Context, engine Engine, refused error) error {
	p := s.grid.Programme(s.of.Name, s.tangents)
	found, err := basis.Solve(ctx, p.Programme, engine)
	if err != nil {
		return errors.Join(refused, err)
	}
	s.found = dc.Certificate{Status: found.Status, Tangents: s.tangents, Prices: *found.Prices, Point: found.Point}
	if found.Status == linear.Infeasible {
		return nil
	}
	next, err := s.grid.State(s.of, s.found)
	if err != nil {
		return errors.Join(refused, err)
	}
	s.objective, s.bound = next.Objective.Big(), next.Bound.Big()
	if !s.closeEnough() {
		return fmt.Errorf("%w: the limits leave no room, and with tangents only the gap is %s", ErrNoProof, next.Gap.Big().FloatString(outputPlaces))
	}
	return nil
}

// closeEnough tells whether the gap is as small as was asked for.
func (s *search) closeEnough() bool {
	allowed := new(big.Rat).Mul(s.gap, new(big.Rat).Abs(s.objective))
	if least := big.NewRat(1, 1_000_000); allowed.Cmp(least) < 0 { // For costs about zero.
		allowed = least
	}
	return new(big.Rat).Sub(s.objective, s.bound).Cmp(allowed) <= 0
}

// search approaches the optimum from both sides.
type search struct {
	of         dc.Case
	grid       *dc.Grid
	relaxation *relaxation
	margin     float64 // For each MVA of base.
	gap        *big.Rat
	tangents   [][]exact.Rat
	output     []*big.Rat // Of the best dispatch, or nil.
	objective  *big.Rat   // Of these.
	bound      *big.Rat   // Of what was found last.
	found      dc.Certificate
}

func (s *search) begin() {
	s.tangents = make([][]exact.Rat, len(s.grid.Generators))
	for k, from := range s.grid.Generators {
		s.tangents[k] = []exact.Rat{}
		if !from.Cost.IsQuadratic() {
			continue
		}
		step := from.Max.Sub(from.Min).Big()
		step.Quo(step, big.NewRat(firstTangents-1, 1))
		for n := range firstTangents {
			s.touch(k, new(big.Rat).Add(from.Min.Big(), new(big.Rat).Mul(step, big.NewRat(int64(n), 1))))
		}
	}
}

// round solves one programme and tells whether the case is settled.
func (s *search) round(ctx context.Context) (done bool, err error) {
	p := s.grid.Programme(s.of.Name, s.tangents)
	base, _ := s.grid.Base.Float64()
	answer, err := s.relaxation.solve(ctx, s.tangents, s.margin*base)
	if err != nil {
		return false, err
	}
	if !answer.feasible {
		return true, s.infeasible(ctx, p)
	}
	output := balanced(s.grid, answer.output)
	objective, err := s.grid.Worth(output)
	if err != nil {
		if s.margin *= widening; s.margin > maxMargin {
			return false, fmt.Errorf("%w: %w", ErrNoProof, err)
		}
	} else if s.objective == nil || objective.Cmp(s.objective) < 0 {
		s.output, s.objective = output, objective
	}
	if s.objective != nil {
		prices := quantised(p.Programme, answer.prices(p))
		bound, err := p.Bound(prices)
		if err != nil {
			return false, fmt.Errorf("%w: %w", ErrNoProof, err)
		}
		output := vector(s.output)
		s.found = dc.Certificate{Status: linear.Optimal, Tangents: slices.Clone(s.tangents), Prices: prices, Output: &output}
		s.bound = bound
		if s.closeEnough() {
			return true, nil
		}
	}
	s.narrow(output)
	return false, nil
}

// narrow divides the distance between the tangents on both sides of where the solver
// went: the next optimum mostly lies between them, and the error shrinks with the square
// of the distance.
func (s *search) narrow(output []*big.Rat) {
	for k, at := range output {
		points := s.tangents[k]
		next, found := slices.BinarySearchFunc(points, exact.FromBig(at), exact.Rat.Cmp)
		if found || next == 0 || next == len(points) {
			continue // The tangent there is as good as the cost itself.
		}
		from := points[next-1].Big()
		step := new(big.Rat).Sub(points[next].Big(), from)
		step.Quo(step, big.NewRat(sections, 1))
		for n := range int64(sections - 1) {
			s.touch(k, new(big.Rat).Add(from, new(big.Rat).Mul(step, big.NewRat(n+1, 1))))
		}
	}
}

// touch adds one tangent, unless it is there or outside the limits.
func (s *search) touch(k int, output *big.Rat) {
	at, from := exact.FromBig(decimal(output, outputPlaces)), s.grid.Generators[k]
	if at.Cmp(from.Min) < 0 || at.Cmp(from.Max) > 0 || len(s.tangents[k]) == dc.MaxTangents {
		return
	}
	if n, found := slices.BinarySearchFunc(s.tangents[k], at, exact.Rat.Cmp); !found {
		s.tangents[k] = slices.Insert(slices.Clone(s.tangents[k]), n, at)
	}
}

// infeasible proves that nothing is feasible, asking about the true limits and not those
// drawn in.
func (s *search) infeasible(ctx context.Context, p dc.Programme) error {
	answer, err := s.relaxation.solve(ctx, s.tangents, 0)
	switch {
	case err != nil:
		return err
	case answer.feasible:
		return fmt.Errorf("%w: the solver finds dispatches within the limits, but none within limits drawn in by %g of base", ErrNoProof, s.margin)
	}
	ray, largest := answer.prices(p), 0.0
	for _, v := range ray {
		largest = max(largest, v, -v)
	}
	var refused error
	for _, sign := range []float64{1, -1} { // Solvers differ in what they call a ray.
		for i := range ray {
			ray[i] *= sign / largest
		}
		largest = 1
		prices := quantised(p.Programme, ray)
		if _, refused = linear.StateInfeasible(p.Programme, prices); refused == nil {
			s.found = dc.Certificate{Status: linear.Infeasible, Tangents: s.tangents, Prices: prices}
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrNoProof, refused)
}

// balanced writes a solver's outputs as decimals within their limits, and moves the few
// milliwatts that generation and load then differ by to generators that have room.
func balanced(g *dc.Grid, proposed []float64) []*big.Rat {
	missing := map[int]*big.Rat{}
	for _, b := range g.Buses {
		if missing[b.Root] == nil {
			missing[b.Root] = new(big.Rat)
		}
		missing[b.Root].Add(missing[b.Root], b.Load)
	}
	output := make([]*big.Rat, len(g.Generators))
	for k, from := range g.Generators {
		v := new(big.Rat)
		if v.SetFloat64(proposed[k]) == nil {
			v = new(big.Rat)
		}
		output[k] = between(decimal(v, outputPlaces), from.Min.Big(), from.Max.Big())
		root := g.Buses[from.At].Root
		missing[root].Sub(missing[root], output[k])
	}
	for k, from := range g.Generators {
		left := missing[g.Buses[from.At].Root]
		if output[k].Cmp(from.Min.Big()) == 0 || output[k].Cmp(from.Max.Big()) == 0 {
			continue // Leave those at a limit there: prices say that it pays.
		}
		next := between(new(big.Rat).Add(output[k], left), from.Min.Big(), from.Max.Big())
		left.Sub(left, new(big.Rat).Sub(next, output[k]))
		output[k] = next
	}
	for k, from := range g.Generators { // What is left then goes anywhere.
		left := missing[g.Buses[from.At].Root]
		next := between(new(big.Rat).Add(output[k], left), from.Min.Big(), from.Max.Big())
		left.Sub(left, new(big.Rat).Sub(next, output[k]))
		output[k] = next
	}
	return output
}

func between(x, low, high *big.Rat) *big.Rat {
	switch {
	case x.Cmp(low) < 0:
		return low
	case x.Cmp(high) > 0:
		return high
	}
	return x
}

func vector(x []*big.Rat) linear.Vector {
	common := big.NewInt(1)
	for _, v := range x {
		divisor := new(big.Int).GCD(nil, nil, common, v.Denom())
		common.Mul(common, divisor.Quo(v.Denom(), divisor))
	}
	numerators := make([]*big.Int, len(x))
	for k, v := range x {
		numerators[k] = new(big.Int).Quo(common, v.Denom())
		numerators[k].Mul(numerators[k], v.Num())
	}
	return linear.NewVector(numerators, common)
}

// decimal returns the next decimal of some places that is not above x.
func decimal(x *big.Rat, places int64) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(places), nil)
	n := new(big.Int).Mul(x.Num(), scale)
	n.Div(n, x.Denom()) // Rounds down, as the divisor is positive.
	return new(big.Rat).SetFrac(n, scale)
}
