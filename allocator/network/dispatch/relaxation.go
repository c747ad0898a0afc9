package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity/allocator/network/dc"
	"comity/allocator/solve"
	"comity/exact"
)

const (
	// maxPasses bounds how often branches are added for one programme.
	maxPasses = 200
	// maxAdded bounds the branches that are added at a time, the worst ones first.
	maxAdded = 100
)

// relaxation proposes dispatches, in floating point. Its programme has outputs and costs
// alone: the flow on a branch is a weighted sum of what is injected, and of the limits
// of branches it knows only those that an earlier proposal exceeded, which are few in any
// grid. That is many times faster than the whole programme; prices of the
// whole follow from it.
type relaxation struct {
	grid    *dc.Grid
	solver  solve.Solver
	partOf  []int // By bus.
	lines   []limits
	known   []int       // Branches in the programme.
	isKnown []bool      // By branch.
	shares  [][]float64 // By known branch: its flow for each MW injected at a bus.
	load    []float64   // By bus.
}

// limits are those of a branch in floating point.
type limits struct {
	conductance, square float64
	low, high           float64 // MW, of rate and angles together.
	byLow, byHigh       bool    // The angles bind before the rate.
}

func newRelaxation(g *dc.Grid, solver solve.Solver) *relaxation {
	r := &relaxation{
		grid: g, solver: solver, partOf: make([]int, len(g.Buses)), load: make([]float64, len(g.Buses)), isKnown: make([]bool, len(g.Branches)),
	}
	for n, members := range g.Parts {
		for _, k := range members {
			r.partOf[k] = n
			r.load[k], _ = g.Buses[k].Load.Float64()
		}
	}
	for _, e := range g.Branches {
		r.lines = append(r.lines, limitsOf(e))
	}
	return r
}

func limitsOf(e dc.Link) limits {
	var l limits
	l.conductance, _ = e.Conductance().Float64()
	l.square, _ = e.Square.Float64()
	low, _ := e.Low.Float64()
	high, _ := e.High.Float64()
	l.low, l.high = min(l.conductance*low, l.conductance*high), max(l.conductance*low, l.conductance*high)
	l.byLow, l.byHigh = true, true
	if e.Rate != nil {
		rate, _ := e.Rate.Float64()
		l.byLow, l.byHigh = l.low > -rate, l.high < rate
		l.low, l.high = max(l.low, -rate), min(l.high, rate)
	}
	return l
}

// drawn returns limits drawn in by a margin, as far as there is room.
func (l limits) drawn(margin float64) (low, high float64) {
	margin = max(0, min(margin, (l.high-l.low)/4))
	return l.low + margin, l.high - margin
}

// answer is what was found for one programme: outputs, or why there are none; and duals
// or a ray by row: parts, known branches, lines of costs.
type answer struct {
	*relaxation

	feasible bool
	output   []float64
	dual     []float64
}

// solve finds a dispatch within the limits drawn in by a margin (MW).
func (r *relaxation) solve(ctx context.Context, tangents [][]exact.Rat, margin float64) (answer, error) {
	for range maxPasses {
		found, err := r.ask(ctx, tangents, margin)
		if err != nil || !found.feasible || !r.learn(found.output, margin) {
			return found, err
		}
	}
	return answer{}, fmt.Errorf("%w: limits of branches are still exceeded after %d passes", ErrNoProof, maxPasses)
}

// ask solves one programme. The solver fails now and then on one that it solves when
// flows are counted in other units.
func (r *relaxation) ask(ctx context.Context, tangents [][]exact.Rat, margin float64) (answer, error) {
	var lp solve.LP
	var found solve.Solution
	var err error
	for _, units := range []float64{1000, 1, 0.01} { // Units of flow in a MW.
		lp = r.programme(tangents, margin, units)
		found, err = r.solver.Solve(ctx, lp)
		if ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
		if err != nil {
			continue
		}
		for n := range r.known {
			for _, prices := range [][]float64{found.Dual, found.Ray} {
				if at := len(r.grid.Parts) + n; at < len(prices) {
					prices[at] *= units
				}
			}
		}
		break
	}
	columns, rows := len(lp.Cost), len(lp.RowLower)
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("%w: %w", solve.ErrSolver, err)
	case found.Status == solve.NoSolution && len(found.Ray) == rows:
		return answer{relaxation: r, dual: found.Ray}, nil
	case found.Status == solve.NoSolution:
		return answer{}, fmt.Errorf("%w: the solver says that nothing is feasible and does not say why", ErrNoProof)
	case len(found.Primal) != columns || len(found.Dual) != rows:
		return answer{}, fmt.Errorf("%w: %d values and %d prices for %d columns and %d rows", solve.ErrSolver, len(found.Primal), len(found.Dual), columns, rows)
	}
	return answer{r, true, found.Primal[:len(r.grid.Generators)], found.Dual}, nil
}

// learn adds the branches that a dispatch overloads most, or tells that there are none.
func (r *relaxation) learn(output []float64, margin float64) bool {
	injection := make([]float64, len(r.load))
	for k, v := range r.load {
		injection[k] = -v
	}
	for k, from := range r.grid.Generators {
		injection[from.At] += output[k]
	}
	angles := r.potentials(injection)
	excess := map[int]float64{}
	var worst []int
	for k, e := range r.grid.Branches {
		low, high := r.lines[k].drawn(margin / 2)
		flow := r.lines[k].conductance * (angles[e.From] - angles[e.To])
		if over := max(flow-high, low-flow); over > 0 && !r.isKnown[k] {
			excess[k] = over
			worst = append(worst, k)
		}
	}
	slices.SortStableFunc(worst, func(a, b int) int { return cmp.Compare(excess[b], excess[a]) })
	for _, k := range worst[:min(len(worst), maxAdded)] {
		r.isKnown[k] = true
		r.known, r.shares = append(r.known, k), append(r.shares, r.share(k))
	}
	return len(worst) > 0
}

// share returns the flow on a branch for each MW that enters at a bus and leaves at the
// root: the potentials of a current through the branch, as the matrix is symmetric.
func (r *relaxation) share(k int) []float64 {
	current := make([]float64, len(r.load))
	current[r.grid.Branches[k].From] += r.lines[k].conductance
	current[r.grid.Branches[k].To] -= r.lines[k].conductance
	return r.potentials(current)
}

// potentials returns approximate angles for what is injected at the buses.
func (r *relaxation) potentials(injection []float64) []float64 {
	all := make([]float64, len(injection))
	for n, members := range r.grid.Parts {
		right := make([]float64, len(members)-1)
		for at := range right {
			right[at] = injection[members[at+1]]
		}
		r.grid.Networks[n].Approximate(right)
		for at, v := range right {
			all[members[at+1]] = v
		}
	}
	return all
}

// programme returns: maximise -cost over outputs and costs that are not linear, with a
// row for each part, known branch and line of costs.
func (r *relaxation) programme(tangents [][]exact.Rat, margin, units float64) solve.LP {
	b := builder{}
	for _, from := range r.grid.Generators {
		slope := 0.0
		if from.Cost.IsLinear() {
			slope = value(from.Cost.Polynomial[1].Big())
		}
		b.column(-slope, value(from.Min.Big()), value(from.Max.Big()))
	}
	for n, members := range r.grid.Parts {
		load := 0.0
		for _, k := range members {
			load += r.load[k]
		}
		b.row(load, load)
		for k, from := range r.grid.Generators {
			if r.partOf[from.At] == n {
				b.term(k, 1)
			}
		}
	}
	for n, k := range r.known {
		low, high := r.lines[k].drawn(margin)
		base := 0.0
		for at, share := range r.shares[n] {
			base += share * r.load[at]
		}
		b.row(units*(low+base), units*(high+base))
		for k, from := range r.grid.Generators {
			b.term(k, units*r.shares[n][from.At])
		}
	}
	for k, from := range r.grid.Generators {
		if from.Cost.IsLinear() {
			continue
		}
		low, high := from.Cost.Span(from.Min.Big(), from.Max.Big())
		cost := b.column(-1, value(low), value(high))
		for _, l := range from.Cost.Below(tangents[k]) {
			b.row(value(l.Level), math.Inf(1))
			b.term(k, -value(l.Rise))
			b.term(cost, value(l.Run))
		}
	}
	return b.lp()
}

// prices returns the prices of the whole programme that follow from those of this one.
// With α of the part, ν of the branches and h their shares, the price at bus i is
// yᵢ = α + Σ νₑ·hₑᵢ, and that of a branch leaves nothing over at any angle:
//
//	square·μ = y_from - y_to - ν      where the rate binds: ν is left for the flow
//	square·μ = y_from - y_to          where the angles do: their row has conductance·ν
func (a answer) prices(p dc.Programme) []float64 {
	all := make([]float64, len(p.Rows))
	current, dual := make([]float64, len(a.load)), make([]float64, len(a.grid.Branches))
	for n, k := range a.known {
		e, v := a.grid.Branches[k], a.dual[len(a.grid.Parts)+n]
		dual[k] = v
		current[e.From] += v * a.lines[k].conductance
		current[e.To] -= v * a.lines[k].conductance
	}
	for k, v := range a.potentials(current) {
		all[k] = a.dual[a.partOf[k]] + v
	}
	for k, e := range a.grid.Branches {
		l, rest := a.lines[k], all[e.From]-all[e.To]
		if i := p.Difference[k]; i >= 0 && (dual[k] > 0 && l.byHigh || dual[k] < 0 && l.byLow) {
			all[i] = l.conductance * dual[k]
		} else {
			rest -= dual[k]
		}
		all[len(a.grid.Buses)+k] = rest / l.square
	}
	lines := len(a.dual) - len(a.grid.Parts) - len(a.known)
	copy(all[len(all)-lines:], a.dual[len(a.dual)-lines:])
	return all
}

func value(x *big.Rat) float64 {
	v, _ := x.Float64()
	return v
}

// builder collects a programme by rows.
type builder struct {
	solve.LP

	terms []struct {
		row, column int
		value       float64
	}
}

func (b *builder) column(cost, low, high float64) int {
	b.Cost, b.Lower, b.Upper = append(b.Cost, cost), append(b.Lower, low), append(b.Upper, high)
	return len(b.Cost) - 1
}

func (b *builder) row(low, high float64) {
	b.RowLower, b.RowUpper = append(b.RowLower, low), append(b.RowUpper, high)
}

// term adds a coefficient to the last row. HiGHS leaves out smaller ones itself
// (option small_matrix_value).
func (b *builder) term(column int, value float64) {
	const none = 1e-9
	if math.Abs(value) > none {
		b.terms = append(b.terms, struct {
			row, column int
			value       float64
		}{len(b.RowLower) - 1, column, value})
	}
}

// lp returns what was collected, by columns.
func (b *builder) lp() solve.LP {
	lp := b.LP
	lp.Start = make([]int32, len(lp.Cost)+1)
	for _, t := range b.terms {
		lp.Start[t.column+1]++
	}
	for j := range lp.Cost {
		lp.Start[j+1] += lp.Start[j]
	}
	next := slices.Clone(lp.Start)
	lp.Index, lp.Value = make([]int32, len(b.terms)), make([]float64, len(b.terms))
	for _, t := range b.terms {
		at := next[t.column]
		lp.Index[at], lp.Value[at] = int32(t.row), t.value //nolint:gosec // Rows are bounded by those of the case.
		next[t.column]++
	}
	return lp
}
