package solve

import (
	"context"
	"errors"
	"fmt"
	"math"

	"comity/allocator/certificate"
)

// worth is the outcome of a stage: prices that bound what can be achieved, and a point
// near one of the best.
type worth struct {
	prices []int64 // Of the form's rows, times 2^certificate.PriceBits.
	cuts   []int64 // Of its cuts.
	whole  bool    // Prices are whole: reduced costs are exact.
	start  []int64 // Near an optimum; not exactly feasible.
	point  []float64
	basis  *Basis // The vertex of that optimum, or nil.
}

// rayError says that a relaxation holds nothing, and with what row prices, cuts last.
type rayError struct{ ray []float64 }

func (e *rayError) Error() string { return ErrInfeasible.Error() }

func (e *rayError) Unwrap() error { return ErrInfeasible }

// answer is a solver's answer in the numbers of the form.
type answer struct {
	point  []float64 // By column, absolute; then the values of columns that a stage added.
	prices []float64 // By row, by cut, then those of rows that a stage added, as they are.
	basis  *Basis
}

// solve solves a relaxation around x.
func (fc *face) solve(ctx context.Context, s Solver, r *relaxation, x []int64, purpose string) (answer, error) {
	lp := r.programme()
	r.entries = nil // The programme has them, and a large one needs the memory.
	if b := fc.from; b != nil && len(b.Columns) == len(lp.Cost) && len(b.Rows) == len(lp.RowLower) {
		lp.From = b
	}
	solution, err := fc.ask(ctx, s, lp, r.spread(x), purpose)
	if err != nil {
		return answer{}, err
	}
	if solution.Status == NoSolution {
		return answer{}, fmt.Errorf("%s: %w", purpose, &rayError{r.unscaled(solution.Ray)})
	}
	if solution.Status != Optimal || len(solution.Primal) != len(lp.Cost) || len(solution.Dual) != len(lp.RowLower) {
		return answer{}, fmt.Errorf("%s: %w: status %d with %d values and %d prices for %d columns and %d rows", purpose,
			ErrSolver, solution.Status, len(solution.Primal), len(solution.Dual), len(lp.Cost), len(lp.RowLower))
	}
	a := answer{point: solution.Primal, prices: r.unscaled(solution.Dual), basis: solution.Basis}
	for j := range fc.columns {
		a.point[j] = float64(x[j]) + math.Ldexp(a.point[j], r.columns[j])
	}
	return a, nil
}

// unscaled multiplies prices of rows by what costs were divided by, and undoes that rows
// were.
func (r *relaxation) unscaled(prices []float64) []float64 {
	list := make([]float64, len(prices))
	for i, y := range prices {
		shift := r.costShift
		if i < len(r.rowShift) {
			shift -= r.rowShift[i]
		}
		list[i] = math.Ldexp(y, shift)
	}
	return list
}

// bestWorth solves for the greatest worth on a face, from any point. Problems whose rows
// are sums have whole prices, because costs are whole; these are taken when they prove
// as much.
func bestWorth(ctx context.Context, fc *face, s Solver, x []int64) (worth, error) {
	if len(fc.columns) == 0 {
		return worth{prices: make([]int64, len(fc.rows)), whole: true}, nil
	}
	a, err := fc.solve(ctx, s, fc.relax(x), x, "solve for the greatest worth")
	if err != nil {
		return worth{}, err
	}
	fc.form.basis = a.basis
	w := worth{start: fc.near(a.point), point: a.point, basis: a.basis, cuts: fc.cutPrices(a.prices, certificate.PriceBits)}
	w.whole = !anyPrice(w.cuts)
	whole := fc.quantise(a.prices, func(y float64) float64 { return math.Ldexp(math.Round(y), certificate.PriceBits) })
	w.prices = fc.quantise(a.prices, func(y float64) float64 { return math.Round(math.Ldexp(y, certificate.PriceBits)) })
	if w.whole = w.whole && fc.bound(whole).Cmp(fc.bound(w.prices)) <= 0; w.whole {
		w.prices = whole
	}
	return w, nil
}

func anyPrice(prices []int64) bool {
	for _, y := range prices {
		if y != 0 {
			return true
		}
	}
	return false
}

// near returns the whole units next to a point.
func (fc *face) near(point []float64) []int64 {
	x := make([]int64, len(fc.columns))
	for j := range x {
		x[j] = clampFloat(point[j], fc.lower[j], fc.upper[j])
	}
	return x
}

// quantise turns prices of rows into whole numbers and leaves out those towards a bound
// that the row does not have.
func (fc *face) quantise(prices []float64, round func(float64) float64) []int64 {
	whole := make([]int64, len(fc.rows))
	for i, r := range fc.rows {
		v := fixed(round(prices[i]), 0)
		if v > 0 && r.upper != nil || v < 0 && r.lower != nil {
			whole[i] = v
		}
	}
	return whole
}

// clampFloat rounds x to the nearest whole number in [low, high].
func clampFloat(x float64, low, high int64) int64 {
	switch {
	case x <= float64(low) || math.IsNaN(x):
		return low
	case x >= float64(high):
		return high
	default:
		return min(max(int64(math.Round(x)), low), high)
	}
}

// rayOf returns the ray of an error that says that nothing is feasible.
func rayOf(err error) ([]float64, bool) {
	none, ok := errors.AsType[*rayError](err)
	if !ok {
		return nil, false
	}
	return none.ray, true
}
