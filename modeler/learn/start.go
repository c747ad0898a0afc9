package learn

import (
	"context"
	"fmt"

	"comity/modeler/fixed"
)

// startCells is the number of cells of the histogram that starting medians come from.
// The first trees make up for what 256 cells leave open.
const startCells = 256

// begin finds the starting medians and the number of rows of every ensemble.
func (t *trainer) begin(ctx context.Context) error {
	data := t.rows.data
	x := make([]int64, t.cfg.Tasks*t.cfg.Folds*startCells)
	grid := Grid{t.cfg.TargetLo, t.cfg.TargetHi, startCells}
	for i, y := range data.Target {
		x[t.cfg.Ensemble(int(data.Task[i]), int(data.Fold[i]))*startCells+grid.cell(y)]++
	}
	// Counts travel in 64 bits: their sum cannot wrap and so bounds all later ones.
	sum, trace, err := t.sum(ctx, Step{t.cfg.Name + "/start", 64}, x, t.model.Trace)
	if err != nil {
		return err
	}
	var total int64
	for i, n := range sum {
		if n < 0 || n > maxRows {
			return fmt.Errorf("%w: %d rows in cell %d", ErrSum, n, i)
		}
		total += n
	}
	if total > maxRows {
		return fmt.Errorf("%w: %d rows; at most %d", ErrSum, total, maxRows)
	}
	t.model.Trace = trace
	return t.starts(sum, grid)
}

// starts reads the medians and row counts of the ensembles from the summed histograms of
// tasks and folds.
func (t *trainer) starts(sum []int64, grid Grid) error {
	for task := range t.cfg.Tasks {
		for fold := range t.cfg.Folds {
			cells := make([]int64, startCells)
			for other := range t.cfg.Folds {
				if t.cfg.Folds > 1 && other == fold {
					continue
				}
				for i := range cells {
					cells[i] += sum[t.cfg.Ensemble(task, other)*startCells+i]
				}
			}
			start, n := grid.median(cells)
			t.model.Start = append(t.model.Start, start)
			t.count = append(t.count, n)
			if err := t.rows.begin(t.cfg.Ensemble(task, fold), start, n); err != nil {
				return fmt.Errorf("task %d, fold %d: %w", task, fold, err)
			}
		}
	}
	return nil
}

// median returns the number of values in a histogram and their median, as if the values
// of a cell lay evenly in it. Without values it is 0, held within the grid.
func (g Grid) median(cells []int64) (median fixed.Q16, n int64) {
	for _, c := range cells {
		n += c
	}
	var below int64
	for i, c := range cells {
		if c > 0 && 2*(below+c) >= n {
			// Lo + width/cells (i + (n/2 - below)/c).
			part := 2*c*int64(i) + n - 2*below
			return g.Lo + fixed.Q16(fixed.MulDiv(int64(g.Hi-g.Lo), part, 2*c*int64(g.Cells))), n
		}
		below += c
	}
	return min(max(0, g.Lo), g.Hi), 0
}
