package sortition

import (
	"context"
	"fmt"
	"math"

	"comity/allocator/solve"
)

// Session is one programme that is solved again and again after changes.
type Session interface {
	// SetColumns gives new costs and bounds to the columns from first on.
	SetColumns(ctx context.Context, first int, cost, lower, upper []float64) error
	// SetRows gives new bounds to the rows named, which ascend.
	SetRows(ctx context.Context, rows []int32, lower, upper []float64) error
	// AddColumns appends columns.
	AddColumns(ctx context.Context, lp solve.LP) error
	// AddRow appends one row over the columns named.
	AddRow(ctx context.Context, columns []int32, values []float64, lower, upper float64) error
	// Run solves the programme as it stands.
	Run(ctx context.Context) (solve.Solution, error)
	// Effort returns how much work the runs so far took, in steps of the simplex method.
	Effort() int64
	// Close frees it.
	Close(ctx context.Context) error
}

// Engine opens a session. It need not be right: what it says is only used to find
// panels and prices, and those are checked.
type Engine func(ctx context.Context, lp solve.LP) (Session, error)

// programme returns the space as a programme over numbers of members without worth.
func (s *space) programme(whole bool) solve.LP {
	lp := solve.LP{Start: []int32{0}, Integer: whole}
	for g, size := range s.sizes {
		lp.Cost = append(lp.Cost, 0)
		lp.Lower = append(lp.Lower, 0)
		lp.Upper = append(lp.Upper, float64(size))
		for _, t := range s.terms[g] {
			lp.Index = append(lp.Index, int32(t.row)) //nolint:gosec // Few rows.
			lp.Value = append(lp.Value, float64(t.count))
		}
		lp.Start = append(lp.Start, int32(len(lp.Index))) //nolint:gosec // Below MaxPool times the categories.
	}
	for r := range s.lower {
		low, high := s.row(r)
		lp.RowLower, lp.RowUpper = append(lp.RowLower, low), append(lp.RowUpper, high)
	}
	return lp
}

// row returns the bounds of a row for a solver.
func (s *space) row(r int) (low, high float64) {
	if s.lower[r] == loose {
		return math.Inf(-1), float64(s.upper[r])
	}
	return float64(s.lower[r]), float64(s.upper[r])
}

// finder asks for one whole panel at a time.
type finder struct {
	space   *space
	session Session
	rows    []int32
	spent   *int64 // Grows with the work of each search.
}

func newFinder(ctx context.Context, s *space, open Engine) (*finder, error) {
	lp := s.programme(true)
	lp.Nodes = maxNodes
	session, err := open(ctx, lp)
	if err != nil {
		return nil, err
	}
	f := &finder{space: s, session: session, spent: new(int64)}
	for r := range s.lower {
		f.rows = append(f.rows, int32(r))
	}
	return f, nil
}

// box bounds what a panel may look like beyond the quotas; it lies within them.
type box struct{ lower, upper, rowLower, rowUpper []int64 }

// whole returns the box of all panels.
func (s *space) whole() box {
	return box{make([]int64, len(s.sizes)), s.sizes, s.lower, s.upper}
}

// best returns a panel in the box of the greatest worth, nil if there is none.
func (f *finder) best(ctx context.Context, worth []float64, b box) ([]int64, error) {
	counts, err := f.box(ctx, worth, b)
	if err == nil && counts != nil && !f.space.holds(counts) {
		return nil, fmt.Errorf("%w: it calls a panel feasible that breaks the quotas", solve.ErrSolver)
	}
	return counts, err
}

// box returns the best whole numbers in a box, which need not be a panel.
func (f *finder) box(ctx context.Context, worth []float64, b box) ([]int64, error) {
	if err := f.session.SetColumns(ctx, 0, worth, floats(b.lower), floats(b.upper)); err != nil {
		return nil, err
	}
	low, high := floats(b.rowLower), floats(b.rowUpper)
	for r, l := range b.rowLower {
		if l == loose {
			low[r] = math.Inf(-1)
		}
	}
	if err := f.session.SetRows(ctx, f.rows, low, high); err != nil {
		return nil, err
	}
	before := f.session.Effort()
	found, err := f.session.Run(ctx)
	*f.spent += f.session.Effort() - before + askCost
	if err != nil || found.Status != solve.Optimal {
		return nil, err
	}
	counts := make([]int64, len(found.Primal))
	for g, v := range found.Primal {
		counts[g] = int64(math.Round(v))
	}
	return counts, nil
}

func floats(values []int64) []float64 {
	out := make([]float64, len(values))
	for k, v := range values {
		out[k] = float64(v)
	}
	return out
}
