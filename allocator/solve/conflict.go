package solve

import (
	"context"
	"fmt"
	"math"
	"slices"

	"comity"
	"comity/allocator/certificate"
)

// maxConflictRows bounds the rows that are tried one by one when a conflict is made
// smaller; each costs one programme.
const maxConflictRows = 256

// explain turns a ray into a *ConflictError whose rows are all needed: without any
// one of them the others can be kept, as far as the solver can tell. The proof that
// they cannot be kept together is exact.
func explain(ctx context.Context, p comity.Problem, f *form, s Solver, ray []float64) error {
	prices, err := f.refute(p, ray)
	if err != nil {
		return err
	}
	for tried := 0; tried < len(f.rows); tried++ {
		rows := support(prices)
		if len(rows) > maxConflictRows || tried >= len(rows) {
			break
		}
		smaller, ok, err := f.without(ctx, p, s, slices.Delete(slices.Clone(rows), tried, tried+1))
		if err != nil {
			return err
		}
		if ok {
			// Rows before this one stay needed: each was needed in a larger set.
			prices = smaller
			tried--
		}
	}
	conflict := &ConflictError{Proof: certificate.Infeasible{Proof: comity.Proof{Prices: f.prices(prices)}}}
	for _, i := range support(prices) {
		r := p.Rows[f.order.rows[i]]
		conflict.Rows = append(conflict.Rows, r.ID)
		conflict.Clauses = append(conflict.Clauses, r.Clause)
	}
	slices.Sort(conflict.Rows)
	slices.Sort(conflict.Clauses)
	conflict.Clauses = slices.Compact(conflict.Clauses)
	return conflict
}

// without proves, if it can, that these rows alone contradict each other.
func (f *form) without(ctx context.Context, p comity.Problem, s Solver, rows []int) ([]int64, bool, error) {
	lp, _, _ := f.worthLP()
	for i := range f.rows {
		if _, kept := slices.BinarySearch(rows, i); !kept {
			lp.RowLower[i], lp.RowUpper[i] = math.Inf(-1), math.Inf(1)
		}
	}
	clear(lp.Cost)
	solution, err := ask(ctx, s, lp, "look for a smaller conflict")
	if err != nil {
		return nil, false, err
	}
	if solution.Status != NoSolution {
		return nil, false, nil
	}
	prices, err := f.refute(p, solution.Ray)
	if err != nil {
		return nil, false, nil //nolint:nilerr // An unproved conflict is none; the larger one stays.
	}
	for _, i := range support(prices) {
		if _, kept := slices.BinarySearch(rows, i); !kept {
			return nil, false, nil
		}
	}
	return prices, true, nil
}

// refute quantises a ray, of either sign, so that it proves infeasibility exactly.
func (f *form) refute(p comity.Problem, ray []float64) ([]int64, error) {
	if len(ray) != len(f.rows) {
		return nil, fmt.Errorf("%w: infeasible, it says, with a ray of %d for %d rows", ErrSolver, len(ray), len(f.rows))
	}
	largest := 0.0
	for _, y := range ray {
		largest = max(largest, math.Abs(y))
	}
	var err error
	for _, sign := range []float64{1, -1} {
		prices := f.quantise(ray, func(y float64) float64 {
			return math.Round(sign * y / largest * (1 << certificate.PriceBits))
		})
		if err = certificate.CheckInfeasible(p, certificate.Infeasible{Proof: comity.Proof{Prices: f.prices(prices)}}); err == nil {
			return prices, nil
		}
	}
	return nil, fmt.Errorf("%w: infeasible, it says: %w", ErrSolver, err)
}

func support(prices []int64) []int {
	var rows []int
	for i, y := range prices {
		if y != 0 {
			rows = append(rows, i)
		}
	}
	return rows
}
