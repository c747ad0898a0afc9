package solve

import (
	"context"
	"fmt"
	"math"

	"comity"
	"comity/allocator/certificate"
)

// worth is the outcome of the first stage: prices that bound what can be achieved,
// and a point near one of the best.
type worth struct {
	prices []int64 // Of the form's rows, times 2^certificate.PriceBits.
	whole  bool    // Prices are whole: reduced costs are exact.
	start  []int64 // Near an optimum; not exactly feasible.
}

// bestWorth solves for the greatest worth. Problems whose rows are sums have whole
// prices, because costs are whole; these are taken when they prove as much.
func bestWorth(ctx context.Context, p comity.Problem, f *form, s Solver) (worth, error) {
	lp, costShift, unitShift := f.worthLP()
	solution, err := ask(ctx, s, lp, "solve for the greatest worth")
	if err != nil {
		return worth{}, err
	}
	if solution.Status == NoSolution {
		return worth{}, explain(ctx, p, f, s, solution.Ray)
	}
	if solution.Status != Optimal || len(solution.Primal) != len(f.columns) || len(solution.Dual) != len(f.rows) {
		return worth{}, fmt.Errorf("%w: status %d with %d values and %d prices for %d columns and %d rows",
			ErrSolver, solution.Status, len(solution.Primal), len(solution.Dual), len(f.columns), len(f.rows))
	}
	w := worth{start: make([]int64, len(f.columns))}
	for j, x := range solution.Primal {
		w.start[j] = clampFloat(math.Ldexp(x, unitShift), f.columns[j].lower, f.columns[j].upper)
	}
	whole := f.quantise(solution.Dual, func(y float64) float64 {
		return math.Ldexp(math.Round(math.Ldexp(y, costShift)), certificate.PriceBits)
	})
	fine := f.quantise(solution.Dual, func(y float64) float64 {
		return math.Round(math.Ldexp(y, costShift+certificate.PriceBits))
	})
	if f.bound(whole).Cmp(f.bound(fine)) <= 0 {
		w.prices, w.whole = whole, true
	} else {
		w.prices = fine
	}
	return w, nil
}

// quantise turns prices into whole numbers and leaves out those towards a bound that
// the row does not have.
func (f *form) quantise(prices []float64, round func(float64) float64) []int64 {
	whole := make([]int64, len(prices))
	for i, y := range prices {
		v := round(y)
		// Beyond 2^62 a conversion to int64 is not defined; such a price proves nothing.
		if math.IsNaN(v) || math.Abs(v) >= 1<<62 {
			continue
		}
		if v > 0 && f.rows[i].upper != nil || v < 0 && f.rows[i].lower != nil {
			whole[i] = int64(v)
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
