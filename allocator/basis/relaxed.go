package basis

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity/allocator/linear"
	"comity/allocator/solve"
)

// relaxed is a linear.System in floating point inside a Session: what branching and
// cutting look at. Rows and costs are scaled by powers of two, since integers with many
// digits are no numbers for a solver.
type relaxed struct {
	system  *linear.System
	session Session

	cost         []float64
	lower, upper []float64
	whole        []bool
	rows         []sparse  // As in the system.
	scale        []float64 // By row: the session's row is scale times the system's.
	active       []int     // Rows that the session has, in its order.
	costScale    float64
	cuts         []linear.Cut

	columnStates, rowStates []State // Of the last optimal basis; rows as in the system.
}

// sparse is a row in floating point.
type sparse struct {
	columns      []int32
	values       []float64
	lower, upper float64
	whole        bool
}

// newRelaxed translates a system; hold connects it with a session.
func newRelaxed(s *linear.System) *relaxed {
	r := &relaxed{system: s, costScale: 1}
	p := s.Programme()
	largest := 0.0
	for _, c := range p.Columns {
		cost := float(&c.Cost, 0)
		largest = max(largest, math.Abs(cost))
		r.cost = append(r.cost, cost)
		r.lower, r.upper = append(r.lower, float(c.Lower, math.Inf(-1))), append(r.upper, float(c.Upper, math.Inf(1)))
		r.whole = append(r.whole, c.Integer)
	}
	r.costScale = unit(largest)
	for i := range p.Rows {
		r.take(i)
	}
	return r
}

// unit returns the power of two that brings x near 2^10, which leaves small coefficients
// of the same row above the solver's tolerance.
func unit(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Ldexp(1, 10-math.Ilogb(x))
}

// take translates a row of the system.
func (r *relaxed) take(i int) {
	row := r.system.Row(i)
	s, largest := sparse{lower: float(row.Lower, math.Inf(-1)), upper: float(row.Upper, math.Inf(1)), whole: true}, 0.0
	for _, t := range row.Terms {
		v := float(&t.Coeff, 0)
		largest = max(largest, math.Abs(v))
		s.columns, s.values = append(s.columns, int32(t.Column)), append(s.values, v) //nolint:gosec // At most maxColumns.
		s.whole = s.whole && r.whole[t.Column]
	}
	r.active = append(r.active, len(r.rows))
	r.rows = append(r.rows, s)
	r.scale = append(r.scale, min(1, unit(largest)))
	r.rowStates = append(r.rowStates, Basic)
}

// lp is the programme as the session gets it.
func (r *relaxed) lp() solve.LP {
	lp := solve.LP{Start: make([]int32, len(r.cost)+1)}
	for _, c := range r.cost {
		lp.Cost = append(lp.Cost, c*r.costScale)
	}
	lp.Lower, lp.Upper = append(lp.Lower, r.lower...), append(lp.Upper, r.upper...)
	for _, i := range r.active {
		row := r.rows[i]
		lp.RowLower, lp.RowUpper = append(lp.RowLower, row.lower*r.scale[i]), append(lp.RowUpper, row.upper*r.scale[i])
		for _, j := range row.columns {
			lp.Start[j+1]++
		}
	}
	for j := range r.cost {
		lp.Start[j+1] += lp.Start[j]
	}
	next := append([]int32{}, lp.Start...)
	lp.Index, lp.Value = make([]int32, lp.Start[len(r.cost)]), make([]float64, lp.Start[len(r.cost)])
	for at, i := range r.active {
		row := r.rows[i]
		for k, j := range row.columns {
			lp.Index[next[j]], lp.Value[next[j]] = int32(at), row.values[k]*r.scale[i]
			next[j]++
		}
	}
	return lp
}

// start returns the last basis, for the rows that are active now.
func (r *relaxed) start() *Vertex {
	if r.columnStates == nil {
		return nil
	}
	v := &Vertex{Columns: r.columnStates}
	for _, i := range r.active {
		v.Rows = append(v.Rows, r.rowStates[i])
	}
	return v
}

// answer is a Relaxation in the units of the system.
type answer struct {
	Relaxation
	worth float64
}

func (r *relaxed) solve(ctx context.Context, lower, upper []float64) (answer, error) {
	found, err := r.session.Solve(ctx, lower, upper)
	if err != nil {
		return answer{}, err
	}
	a := answer{Relaxation: found, worth: math.Inf(-1)}
	if found.Optimal && len(found.Primal) != len(r.cost) || len(found.Prices) != 0 && len(found.Prices) != len(r.active) {
		return answer{}, fmt.Errorf("%w: the solver returns %d values of %d columns and %d prices of %d rows",
			ErrNoProof, len(found.Primal), len(r.cost), len(found.Prices), len(r.active))
	}
	if !finite(found.Primal) || !finite(found.Prices) {
		return answer{}, fmt.Errorf("%w: the solver returns values that are no numbers", ErrNoProof)
	}
	over := 1.0
	if found.Optimal {
		over, a.worth = 1/r.costScale, 0
		for j, x := range found.Primal {
			a.worth += r.cost[j] * x
		}
	}
	if found.Optimal && len(found.States.Columns) == len(r.cost) && len(found.States.Rows) == len(r.active) {
		r.columnStates = found.States.Columns
		for at, state := range found.States.Rows {
			r.rowStates[r.active[at]] = state
		}
	}
	if found.Prices != nil {
		a.Prices = r.spread(found.Prices, over)
	}
	return a, nil
}

// finite tells whether a list has only numbers.
func finite(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// spread brings a list by row of the session into the order and units of the system.
func (r *relaxed) spread(values []float64, over float64) []float64 {
	all := make([]float64, len(r.rows))
	for at, v := range values {
		i := r.active[at]
		all[i] = v * r.scale[i] * over
	}
	return all
}

// cut adds a cut to the system and to the next session.
func (r *relaxed) cut(c linear.Cut) error {
	if err := r.system.AddCut(c); err != nil {
		return err
	}
	r.cuts = append(r.cuts, c)
	r.take(len(r.rows))
	return nil
}

// combination rounds weights of rows to multiples of 2^-bits.
func combination(weights []float64, bits int) linear.Combination {
	c := linear.Combination{Rows: []int{}, Numerators: []linear.Whole{}}
	shift := max(0, -bits) // A denominator is at least 1.
	c.Denominator = linear.NewWhole(new(big.Int).Lsh(big.NewInt(1), uint(max(0, bits))))
	for i, w := range weights {
		n, _ := new(big.Float).SetFloat64(math.RoundToEven(math.Ldexp(w, bits))).Int(nil)
		if n.Sign() == 0 {
			continue
		}
		c.Rows = append(c.Rows, i)
		c.Numerators = append(c.Numerators, linear.NewWhole(n.Lsh(n, uint(shift))))
	}
	return c
}
