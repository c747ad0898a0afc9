package learn

import (
	"fmt"

	"comity/modeler/fixed"
)

// Data is what one participant holds: a member its own rows, a pooled run all rows, a
// replay none (the zero Data). Order means nothing: lots are drawn by key.
type Data struct {
	Bins   [][]uint8   // Bins[f][i] is the bin of feature f in row i, as Edges.Bin gives it.
	Key    []uint64    // A public name of row i, the same wherever the row lies. Rows of one key share their lots.
	Task   []uint8     // Below Config.Tasks.
	Fold   []uint8     // Below Config.Folds.
	Target []fixed.Q16 // Of magnitude at most 2^30 (16,384).
}

// Rows returns the number of rows.
func (d *Data) Rows() int { return len(d.Target) }

// check refuses rows that do not fit the recipe with ErrData. It names row numbers and
// limits, never a value.
func (d *Data) check(c *Config) error {
	n := d.Rows()
	if n > maxRows {
		return fmt.Errorf("%w: %d rows; at most %d", ErrData, n, maxRows)
	}
	if len(d.Key) != n || len(d.Task) != n || len(d.Fold) != n {
		return fmt.Errorf("%w: %d targets, %d keys, %d tasks, %d folds", ErrData, n, len(d.Key), len(d.Task), len(d.Fold))
	}
	if len(d.Bins) != len(c.Edges) && n > 0 {
		return fmt.Errorf("%w: %d features, the recipe cuts %d", ErrData, len(d.Bins), len(c.Edges))
	}
	for i, y := range d.Target {
		if y.Abs() > maxMagnitude {
			return fmt.Errorf("%w: target of row %d above %d in magnitude", ErrData, i, maxMagnitude)
		}
		if int(d.Task[i]) >= c.Tasks || int(d.Fold[i]) >= c.Folds {
			return fmt.Errorf("%w: row %d is of a task or fold beyond %d and %d", ErrData, i, c.Tasks, c.Folds)
		}
	}
	if n == 0 {
		return nil
	}
	for f, column := range d.Bins {
		if len(column) != n {
			return fmt.Errorf("%w: feature %d has %d rows of %d", ErrData, f, len(column), n)
		}
		for i, bin := range column {
			if int(bin) >= c.Edges.Bins(f) {
				return fmt.Errorf("%w: feature %d of row %d is in a bin beyond %d", ErrData, f, i, c.Edges.Bins(f)-1)
			}
		}
	}
	return nil
}
