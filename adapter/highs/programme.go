package highs

import (
	"fmt"
	"math"

	"comity/allocator/solve"
)

// maxEntries bounds columns, rows and coefficients alike: with 12 bytes a coefficient
// and several copies inside HiGHS, more would not fit 2 GiB.
const maxEntries = 1 << 24

// check refuses what HiGHS would read outside its arrays or compute nonsense with.
func check(lp solve.LP) error {
	columns, rows, entries := len(lp.Cost), len(lp.RowLower), len(lp.Value)
	switch {
	case columns == 0 || columns > maxEntries || rows > maxEntries || entries > maxEntries:
		return fmt.Errorf("%w: %d columns, %d rows, %d coefficients; allowed are 1 to %d columns and at most as many of the others",
			ErrProgramme, columns, rows, entries, maxEntries)
	case len(lp.Lower) != columns || len(lp.Upper) != columns || len(lp.Start) != columns+1:
		return fmt.Errorf("%w: %d costs, %d lower bounds, %d upper bounds, %d starts", ErrProgramme, columns, len(lp.Lower), len(lp.Upper), len(lp.Start))
	case len(lp.RowUpper) != rows || len(lp.Index) != entries:
		return fmt.Errorf("%w: %d and %d row bounds, %d indices of %d coefficients", ErrProgramme, rows, len(lp.RowUpper), len(lp.Index), entries)
	case math.IsNaN(lp.Gap) || lp.Gap < 0 || math.IsInf(lp.Gap, 0) || lp.Nodes < 0 || lp.Nodes > 1<<30:
		return fmt.Errorf("%w: gap %g and %d nodes; use 0 or more, and at most 2^30 nodes", ErrProgramme, lp.Gap, lp.Nodes)
	case lp.Start[0] != 0 || int(lp.Start[columns]) != entries:
		return fmt.Errorf("%w: starts run from %d to %d, want 0 to %d", ErrProgramme, lp.Start[0], lp.Start[columns], entries)
	}
	for j := range columns {
		if lp.Start[j] > lp.Start[j+1] {
			return fmt.Errorf("%w: column %d starts after it ends", ErrProgramme, j)
		}
		if math.IsInf(lp.Cost[j], 0) || !interval(lp.Lower[j], lp.Upper[j]) || math.IsNaN(lp.Cost[j]) {
			return fmt.Errorf("%w: column %d has cost %g and bounds %g to %g", ErrProgramme, j, lp.Cost[j], lp.Lower[j], lp.Upper[j])
		}
	}
	for i := range rows {
		if !interval(lp.RowLower[i], lp.RowUpper[i]) {
			return fmt.Errorf("%w: row %d has bounds %g to %g", ErrProgramme, i, lp.RowLower[i], lp.RowUpper[i])
		}
	}
	for k, i := range lp.Index {
		if i < 0 || int(i) >= rows || math.IsNaN(lp.Value[k]) || math.IsInf(lp.Value[k], 0) {
			return fmt.Errorf("%w: coefficient %d is %g in row %d of %d", ErrProgramme, k, lp.Value[k], i, rows)
		}
	}
	if lp.From != nil {
		return checkBasis(*lp.From, columns, rows)
	}
	return nil
}

// checkBasis refuses what is no basis by its size. Standings have the numbers of HiGHS
// (HConst.h, HighsBasisStatus); its fifth, for a bound that is not known, never occurs
// in a solution.
func checkBasis(b solve.Basis, columns, rows int) error {
	if len(b.Columns) != columns || len(b.Rows) != rows {
		return fmt.Errorf("%w: a basis of %d columns and %d rows for %d and %d", ErrProgramme, len(b.Columns), len(b.Rows), columns, rows)
	}
	basic := 0
	for _, list := range [][]solve.Standing{b.Columns, b.Rows} {
		for k, at := range list {
			if at < solve.AtLower || at > solve.AtZero {
				return fmt.Errorf("%w: standing %d at place %d of a basis", ErrProgramme, at, k)
			}
			if at == solve.Basic {
				basic++
			}
		}
	}
	if basic != rows {
		return fmt.Errorf("%w: %d basic columns and rows in a basis of %d", ErrProgramme, basic, rows)
	}
	return nil
}

// interval tells whether low to high holds a number; NaN never does.
func interval(low, high float64) bool {
	return low <= high && !math.IsInf(low, 1) && !math.IsInf(high, -1)
}

// finite refuses NaN and infinity in what HiGHS returns: NaN payloads differ between
// machines, and neither is an answer.
func finite(name string, values []float64) error {
	for k, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: %s %d is %g", ErrEngine, name, k, v)
		}
	}
	return nil
}
