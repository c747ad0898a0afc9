package trees

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// Two integers at the end of the first sum of a round say how the model does so far on
// rows that it does not learn from: how many there are and what they lose, of all
// ensembles together. A round that is begun again does not ask, because the same rows
// would be summed over other members, and forgets what it had asked; the trees before it
// then stay unjudged.

// judged is how many values a judgement takes.
const judged = 2

// stopper finds the round after which the rows that were set aside lost least.
type stopper struct {
	round      int // Best so far: trees that the model had; -1 before any judgement.
	rows, loss int64
}

// lost returns a participant's part of a judgement.
func (t *trainer) lost() [judged]int64 {
	var total [judged]int64
	for e := range t.shards {
		for _, s := range t.shards[e] {
			n, loss := s.lost(t.cfg)
			total[0] += n
			total[1] += loss
		}
	}
	return total
}

// lost adds up the losses of the rows that were set aside.
func (s *shard) lost(c *Config) (rows, loss int64) {
	for i, score := range s.scores {
		row := s.from + uint32(i)
		if s.table.valid[row] && s.table.has(row, s.fold, c.Folds) {
			rows++
			loss += c.Loss.Value(s.table.target[row], fixed.Q16(score))
		}
	}
	return rows, loss
}

// judge notes how a model of some rounds does, and tells whether the training is over.
func (t *trainer) judge(rounds int, sum []int64) (over bool, err error) {
	rows, loss := sum[0], sum[1]
	const most = 1 << 32 // Of one row's loss, either way.
	if rows < 0 || rows > learn.MaxRows*int64(t.cfg.Folds) || loss > most*rows || loss < -most*rows {
		return false, fmt.Errorf("%w: %d validation rows lose %d", learn.ErrSum, rows, loss)
	}
	best := &t.best
	if rows == 0 || best.rows == 0 || below(loss, rows, best.loss, best.rows) {
		*best = stopper{rounds, rows, loss}
	}
	return rounds-best.round >= t.cfg.Patience, nil
}

// below tells whether a/n < b/m, for positive n and m and magnitudes below 2^62.
func below(a, n, b, m int64) bool {
	if (a < 0) != (b < 0) {
		return a < 0
	}
	hi, lo := bits.Mul64(uint64(max(a, -a)), uint64(m))   //nolint:gosec // Magnitudes.
	hi2, lo2 := bits.Mul64(uint64(max(b, -b)), uint64(n)) //nolint:gosec // Magnitudes.
	if a < 0 {
		hi, lo, hi2, lo2 = hi2, lo2, hi, lo
	}
	return hi < hi2 || hi == hi2 && lo < lo2
}

// end asks how the last tree did and cuts the model down to its best round.
func (t *trainer) end(ctx context.Context, over bool) error {
	if t.cfg.ValidPermille == 0 {
		return nil
	}
	if !over {
		lost := t.lost()
		step := learn.Step{Name: t.cfg.Name + "/end", Bits: 64}
		sum, trace, err := t.model.Trace.Sum(ctx, t.sums, step, lost[:])
		var restart *learn.Restart
		switch {
		case errors.As(err, &restart): // The last trees stay unjudged.
		case err != nil:
			return err
		default:
			t.model.Trace = trace
			if _, err := t.judge(len(t.model.Trees), sum); err != nil {
				return err
			}
		}
	}
	if t.best.round >= 0 {
		t.model.Trees, t.model.Attempts = t.model.Trees[:t.best.round], t.model.Attempts[:t.best.round]
	}
	return nil
}
