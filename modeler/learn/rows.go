package learn

import (
	"fmt"

	"comity/modeler/fixed"
)

// WholeWeight is the weight of a row that counts in full.
const WholeWeight = 1024

// Rows is what one participant holds: a member its own rows, a pooled run all rows, a
// replay none (the zero Rows). Order means nothing: lots are drawn by key.
type Rows struct {
	Bins   [][]uint8   // Bins[f][i] is the bin of feature f in row i, as Features.Bin gives it.
	Key    []uint64    // A public name of row i, the same wherever the row lies. Rows of one key share their lots.
	Task   []uint8     // Below the recipe's tasks; nil: all rows are of task 0.
	Fold   []uint8     // Below the recipe's folds; nil: all rows are of fold 0.
	Target []fixed.Q16 // Of magnitude at most MaxMagnitude.
	Weight []uint16    // In 1024ths, 1 to 1024; nil: every row counts in full.
	// Numbers[f][i] is the value of feature f in row i, an integer of a public
	// power-of-two scale; math.MinInt64 is missing. Only linear models read it.
	Numbers [][]int64
}

// Len returns the number of rows.
func (r *Rows) Len() int { return len(r.Target) }

// TaskOf returns the task of row i.
func (r *Rows) TaskOf(i int) int {
	if r.Task == nil {
		return 0
	}
	return int(r.Task[i])
}

// FoldOf returns the fold of row i.
func (r *Rows) FoldOf(i int) int {
	if r.Fold == nil {
		return 0
	}
	return int(r.Fold[i])
}

// Check refuses rows that do not fit a recipe with ErrData. It names row numbers and
// limits, never a value.
func (r *Rows) Check(features Features, tasks, folds int) error {
	n := r.Len()
	if n > MaxRows {
		return fmt.Errorf("%w: %d rows; at most %d", ErrData, n, MaxRows)
	}
	if n == 0 {
		return nil
	}
	short := func(have int, optional bool) bool { return have != n && (have > 0 || !optional) }
	if short(len(r.Key), false) || short(len(r.Task), r.Task == nil) || short(len(r.Fold), r.Fold == nil) || short(len(r.Weight), r.Weight == nil) {
		return fmt.Errorf("%w: %d targets, %d keys, %d tasks, %d folds, %d weights",
			ErrData, n, len(r.Key), len(r.Task), len(r.Fold), len(r.Weight))
	}
	for i, y := range r.Target {
		if y.Abs() > MaxMagnitude {
			return fmt.Errorf("%w: target of row %d above %d in magnitude", ErrData, i, MaxMagnitude)
		}
		if r.TaskOf(i) >= tasks || r.FoldOf(i) >= folds {
			return fmt.Errorf("%w: row %d is of a task or fold beyond %d and %d", ErrData, i, tasks, folds)
		}
	}
	for i, w := range r.Weight {
		if w < 1 || w > WholeWeight {
			return fmt.Errorf("%w: weight of row %d is not 1 to %d", ErrData, i, WholeWeight)
		}
	}
	return r.checkBins(features)
}

func (r *Rows) checkBins(features Features) error {
	if len(r.Bins) != len(features) {
		return fmt.Errorf("%w: %d features, the recipe has %d", ErrData, len(r.Bins), len(features))
	}
	for f, column := range r.Bins {
		if len(column) != r.Len() {
			return fmt.Errorf("%w: feature %d has %d rows of %d", ErrData, f, len(column), r.Len())
		}
		bins := features.Bins(f)
		for i, bin := range column {
			if int(bin) >= bins {
				return fmt.Errorf("%w: feature %d of row %d is in a bin beyond %d", ErrData, f, i, bins-1)
			}
		}
	}
	return nil
}
