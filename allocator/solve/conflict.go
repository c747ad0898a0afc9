package solve

import (
	"context"
	"fmt"
	"math"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
)

// maxConflictRows bounds the rows that are tried one by one when a conflict is made
// smaller; each costs one programme.
const maxConflictRows = 256

// explain turns a ray into a *ConflictError whose rows and limits are all needed: without
// any one of them the others can be kept, as far as the solver can tell. The proof that
// they cannot be kept together is exact.
func explain(ctx context.Context, f *form, s Solver, ray []float64) error {
	prices, err := f.refute(ray)
	if err != nil {
		return err
	}
	for tried := 0; tried < len(f.rows)+len(f.cuts); tried++ {
		needed := support(prices)
		if len(needed) > maxConflictRows || tried >= len(needed) {
			break
		}
		smaller, ok, err := f.without(ctx, s, slices.Delete(slices.Clone(needed), tried, tried+1))
		if err != nil {
			return err
		}
		if ok {
			// Rows before this one stay needed: each was needed in a larger set.
			prices = smaller
			tried--
		}
	}
	return f.conflict(prices)
}

// without proves, if it can, that these rows and cuts alone contradict each other.
func (f *form) without(ctx context.Context, s Solver, kept []int) ([]int64, bool, error) {
	fc := f.open()
	r := fc.relax(make([]int64, len(f.columns)))
	for i := range r.lp.RowLower {
		if _, in := slices.BinarySearch(kept, i); !in {
			r.lp.RowLower[i], r.lp.RowUpper[i] = math.Inf(-1), math.Inf(1)
		}
	}
	clear(r.lp.Cost)
	_, err := fc.solve(ctx, s, r, make([]int64, len(f.columns)), "look for a smaller conflict")
	if err == nil {
		return nil, false, nil
	}
	ray, none := rayOf(err)
	if !none {
		return nil, false, err
	}
	prices, err := f.refute(ray)
	if err != nil {
		return nil, false, nil //nolint:nilerr // An unproved conflict is none; the larger one stays.
	}
	for _, i := range support(prices) {
		if _, in := slices.BinarySearch(kept, i); !in {
			return nil, false, nil
		}
	}
	return prices, true, nil
}

// refute quantises a ray, of either sign, so that it proves infeasibility exactly.
func (f *form) refute(ray []float64) ([]int64, error) {
	if len(ray) != len(f.rows)+len(f.cuts) {
		return nil, fmt.Errorf("%w: infeasible, it says, with a ray of %d for %d rows and %d cuts", ErrSolver, len(ray), len(f.rows), len(f.cuts))
	}
	largest := 0.0
	for _, y := range ray {
		largest = max(largest, math.Abs(y))
	}
	var err error
	fc := f.open()
	for _, sign := range []float64{1, -1} {
		scaled := make([]float64, len(ray))
		for i, y := range ray {
			scaled[i] = sign * y / largest
		}
		prices := fc.quantise(scaled, func(y float64) float64 { return math.Round(math.Ldexp(y, certificate.PriceBits)) })
		prices = append(prices, fc.cutPrices(scaled, certificate.PriceBits)...)
		if err = certificate.CheckInfeasible(f.p, f.infeasible(prices)); err == nil {
			return prices, nil
		}
	}
	return nil, fmt.Errorf("%w: infeasible, it says: %w", ErrSolver, err)
}

// infeasible is the proof by prices of the problem's rows and of cuts.
func (f *form) infeasible(prices []int64) certificate.Infeasible {
	proof := certificate.Infeasible{Proof: comity.Proof{Prices: f.prices(prices[:len(f.rows)])}}
	for i, c := range f.cuts {
		if y := prices[len(f.rows)+i]; y != 0 {
			proof.Cuts = append(proof.Cuts, c.Cut)
			proof.Proof.Prices = append(proof.Proof.Prices, canon.Int(y))
		}
	}
	return proof
}

// conflict names what has a price.
func (f *form) conflict(prices []int64) *ConflictError {
	conflict := &ConflictError{Proof: f.infeasible(prices)}
	conflict.name(f.p)
	return conflict
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
