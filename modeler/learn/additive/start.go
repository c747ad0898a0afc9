package additive

import (
	"context"
	"fmt"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// facts are what the first sum tells: how rows lie in the bins.
type facts struct {
	rows   int64     // Of all members together.
	counts [][]int64 // By model: the rows it learns from, by cell of the curves.
	weight []int64   // Of all rows, by cell of the curves, in 1024ths.
	starts []fixed.Q16
}

// startWords returns the length of one fold's part of the first sum: the weighted sum of
// targets, the histogram of targets, and the rows and weights by bin.
func (c *Config) startWords(cells int) int { return 1 + c.Loss.Cells() + 2*cells }

// start makes the first sum.
func (t *trainer) start(ctx context.Context) error {
	c, cells := t.cfg, length(t.curves)
	x := make([]int64, c.Folds*c.startWords(cells))
	if c.Noise.Private() {
		x = make([]int64, 1+c.Loss.Cells()+cells)
		t.member.noisyStart(x, t.curves)
	} else {
		t.member.exactStart(x, t.curves)
	}
	sum, trace, err := t.trace.Sum(ctx, t.summer, learn.Step{Name: c.Name + "/start", Bits: 64}, x)
	if err != nil {
		return err
	}
	t.trace = trace
	if c.Noise.Private() {
		t.facts = c.noisyFacts(sum, t.curves)
		return nil
	}
	t.facts, err = c.exactFacts(sum, t.curves)
	return err
}

func (m *member) exactStart(x []int64, curves []block) {
	c, cells := m.cfg, length(curves)
	size := c.startWords(cells)
	for i, y := range m.data.Target {
		words, w := x[int(m.fold[i])*size:], m.weight(i)
		words[0] += fixed.RoundDiv(int64(y)*w, learn.WholeWeight)
		words[1+m.targetCell(y)] += w
		words = words[1+c.Loss.Cells():]
		at, row := 0, m.row(i)
		for j := range curves {
			cell := at + curves[j].cell(row)
			words[cell]++
			words[cells+cell] += w
			at += curves[j].cells
		}
	}
}

// targetCell returns the cell of the targets' histogram that holds y.
func (m *member) targetCell(y fixed.Q16) int {
	lo, hi := m.cfg.TargetLo, m.cfg.TargetHi
	inside := min(max(y, lo), hi-1)
	return int(int64(inside-lo) * int64(m.cfg.Loss.Cells()) / int64(hi-lo))
}

// exactFacts reads the first sum.
func (c *Config) exactFacts(sum []int64, curves []block) (*facts, error) {
	cells, folds := length(curves), c.Folds
	size, targets := c.startWords(cells), 1+c.Loss.Cells()
	f := &facts{weight: make([]int64, cells), counts: make([][]int64, folds), starts: make([]fixed.Q16, folds)}
	for fold := range folds {
		rows, err := c.checkStart(sum[fold*size:(fold+1)*size], curves)
		if err != nil {
			return nil, fmt.Errorf("fold %d: %w", fold, err)
		}
		f.rows += rows
	}
	if f.rows > learn.MaxRows {
		return nil, fmt.Errorf("%w: %d rows; at most %d", learn.ErrSum, f.rows, learn.MaxRows)
	}
	for k := range folds {
		seen := make([]int64, size) // By model k: all folds but its own.
		for fold := range folds {
			for i, v := range sum[fold*size : (fold+1)*size] {
				if folds == 1 || fold != k {
					seen[i] += v
				}
				if k == 0 && i >= targets+cells {
					f.weight[i-targets-cells] += v
				}
			}
		}
		f.counts[k] = seen[targets : targets+cells]
		f.starts[k] = c.startOf(seen[1:targets], seen[0])
	}
	return f, nil
}

// startOf returns the score of the constant model. A single cell of weights is turned
// into rows, as the sum of targets is.
func (c *Config) startOf(cells []int64, sum int64) fixed.Q16 {
	if len(cells) == 1 {
		cells = []int64{fixed.RoundDiv(cells[0], learn.WholeWeight)}
	}
	return c.Loss.Start(c.TargetLo, c.TargetHi, cells, sum)
}

// checkStart refuses counts that rows cannot have and returns the number of rows.
func (c *Config) checkStart(words []int64, curves []block) (rows int64, err error) {
	var weight int64
	for i, w := range words[1 : 1+c.Loss.Cells()] {
		if w < 0 || w > learn.MaxRows*learn.WholeWeight {
			return 0, fmt.Errorf("%w: a weight of %d in cell %d of the targets", learn.ErrSum, w, i)
		}
		weight += w
	}
	counts := words[1+c.Loss.Cells():]
	cells, at := length(curves), 0
	for j := range curves {
		var n, all int64
		for i := at; i < at+curves[j].cells; i++ {
			rows, w := counts[i], counts[cells+i]
			if rows < 0 || rows > learn.MaxRows || w < rows || w > rows*learn.WholeWeight {
				return 0, fmt.Errorf("%w: feature %d, bin %d: %d rows of weight %d", learn.ErrSum, j, i-at, rows, w)
			}
			n, all = n+rows, all+w
		}
		if j > 0 && n != rows || all != weight {
			return 0, fmt.Errorf("%w: feature %d has %d rows of weight %d, others have %d of %d",
				learn.ErrSum, j, n, all, rows, weight)
		}
		rows, at = n, at+curves[j].cells
	}
	return rows, nil
}
