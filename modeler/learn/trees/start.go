package trees

import (
	"context"
	"fmt"
	"math"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// The first sum tells, of every task and fold: with weights, the number of rows; the
// weight of rows, in 1024ths if they have any, by cell of targets; and, where the start is
// a mean, the sum of all targets by weight.

// startWords returns how many values the first sum has for each task and fold.
func (c *Config) startWords() int {
	words := c.Loss.Cells()
	if c.Weighted {
		words++
	}
	if c.Loss.Cells() == 1 {
		words++
	}
	return words
}

// startVector returns a participant's part of the first sum.
func (t *trainer) startVector() ([]int64, error) {
	c, words := t.cfg, t.cfg.startWords()
	x := make([]int64, c.Ensembles()*words)
	cells, most := c.Loss.Cells(), math.MaxInt64/2/int64(c.Members)
	for task := range t.tables {
		table := &t.tables[task]
		for i, y := range table.target {
			if len(table.valid) > 0 && table.valid[i] {
				continue
			}
			weight := int64(1)
			x := x[c.Ensemble(task, table.foldOf(i))*words:][:words]
			if c.Weighted {
				weight = learn.WholeWeight
				if table.weight != nil {
					weight = int64(table.weight[i])
				}
				x[0]++
				x = x[1:]
			}
			x[c.startCell(y)] += weight
			if cells == 1 {
				x[1] += weight * int64(y)
			}
			if cells == 1 && max(x[1], -x[1]) > most {
				return nil, fmt.Errorf("%w: targets of task %d add up to more than %d members may; scale them down", learn.ErrData, task, c.Members)
			}
		}
	}
	return x, nil
}

// startCell returns the cell that holds a target; those outside the span are in its ends.
func (c *Config) startCell(y fixed.Q16) int {
	inside := min(max(y, c.TargetLo), c.TargetHi-1)
	return int(int64(inside-c.TargetLo) * int64(c.Loss.Cells()) / int64(c.TargetHi-c.TargetLo))
}

// begin finds the starts and the number of rows of every ensemble.
func (t *trainer) begin(ctx context.Context) error {
	// Counts travel in 64 bits: their sum cannot wrap and so bounds all later ones.
	x, err := t.startVector()
	if err != nil {
		return err
	}
	sum, trace, err := t.model.Trace.Sum(ctx, t.sums, learn.Step{Name: t.cfg.Name + "/start", Bits: 64}, x)
	if err != nil {
		return err
	}
	t.model.Trace = trace
	parts, err := t.cfg.readStart(sum)
	if err != nil {
		return err
	}
	for task := range t.cfg.Tasks {
		for fold := range t.cfg.Folds {
			var all startPart
			for other := range t.cfg.Folds {
				if t.cfg.Folds == 1 || other != fold {
					all.add(parts[t.cfg.Ensemble(task, other)])
				}
			}
			start := t.cfg.Loss.Start(t.cfg.TargetLo, t.cfg.TargetHi, all.cells, all.sum)
			start = min(max(start, -learn.MaxMagnitude), learn.MaxMagnitude)
			t.model.Start = append(t.model.Start, start)
			t.count = append(t.count, all.rows)
			if err := t.arm(task, fold, start, all.rows); err != nil {
				return fmt.Errorf("task %d, fold %d: %w", task, fold, err)
			}
		}
	}
	return nil
}

// startPart is what the first sum tells of some rows.
type startPart struct {
	rows, sum int64
	cells     []int64
}

func (p *startPart) add(q startPart) {
	if p.cells == nil {
		p.cells = make([]int64, len(q.cells))
	}
	p.rows, p.sum = p.rows+q.rows, p.sum+q.sum
	for i, c := range q.cells {
		p.cells[i] += c
	}
}

// readStart takes the first sum apart and refuses what no rows add up to.
func (c *Config) readStart(sum []int64) ([]startPart, error) {
	words, whole := c.startWords(), int64(1)
	if c.Weighted {
		whole = learn.WholeWeight
	}
	parts := make([]startPart, c.Ensembles())
	var total int64
	for i := range parts {
		x, p := sum[i*words:][:words], &parts[i]
		p.rows = -1
		if c.Weighted {
			p.rows, x = x[0], x[1:]
		}
		p.cells = x[:c.Loss.Cells()]
		var weight int64
		for cell, n := range p.cells {
			if n < 0 || n > whole*learn.MaxRows || weight > whole*learn.MaxRows {
				return nil, fmt.Errorf("%w: %d rows in cell %d of part %d", learn.ErrSum, n, cell, i)
			}
			weight += n
		}
		if !c.Weighted {
			p.rows = weight
		}
		if len(p.cells) == 1 {
			p.sum = x[1]
		}
		if p.rows < 0 || p.rows > learn.MaxRows || weight < p.rows || weight > whole*p.rows {
			return nil, fmt.Errorf("%w: %d rows of weight %d in part %d", learn.ErrSum, p.rows, weight, i)
		}
		if most := fixed.MulDiv(weight, learn.MaxMagnitude, 1); p.sum > most || p.sum < -most {
			return nil, fmt.Errorf("%w: targets of %d rows add up to %d in part %d", learn.ErrSum, p.rows, p.sum, i)
		}
		total += p.rows
	}
	if total > learn.MaxRows {
		return nil, fmt.Errorf("%w: %d rows; at most %d", learn.ErrSum, total, learn.MaxRows)
	}
	return parts, nil
}
