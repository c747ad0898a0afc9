// Package trees grows boosted trees on rows that nobody shows: each step needs only the
// sum of the members' integer histograms.
//
// Many ensembles grow side by side in the same steps, one tree each a round: a task (for
// instance a lead time) times a fold. Ensemble (task, fold) learns from the rows of its
// task outside its fold, so that its predictions inside the fold are honest. Trees grow
// level by level or, under a budget of leaves, best leaf first; numbers may be missing
// or bound to a direction, categories are split into sets, rows may have weights, and
// rows that the public coin sets aside may say when to stop.
//
// The vectors of the steps and the bytes of a model are in docs/format/model.md.
package trees

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
)

// Train grows the model of cfg. Members run it on their own rows with a Summer that adds
// over the federation, pooled runs on all rows with one that returns its input, replays
// on no rows with one that returns the logged sums: all get the same model.
//
// It makes one sum for the starts; a round takes at most Depth sums level by level, or
// at most MaxLeaves - 1 leaf by leaf, fewer the further it looks ahead; validation takes
// one at the end. A *learn.Restart in the first sum is returned to the caller, because
// there is no sample yet that a new attempt could change. In a round it starts the round
// again with other features and at most 700 thousandths of the rows, so that the same
// rows are not added again over other members.
func Train(ctx context.Context, rows *learn.Rows, cfg *Config, summer learn.Summer) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if rows == nil {
		rows = &learn.Rows{}
	}
	if err := check(rows, cfg); err != nil {
		return nil, err
	}
	t := &trainer{
		cfg: cfg, sums: summer, here: rows.Len(), model: &Model{Config: *cfg}, slope: newSlope(cfg, rows.Len()),
		tables: newTables(rows, cfg), spare: make([][][]cell, cfg.Ensembles()), best: stopper{round: -1},
	}
	if err := t.begin(ctx); err != nil {
		return nil, fmt.Errorf("train %s: start: %w", cfg.Name, err)
	}
	over := false
	for round := 0; round < cfg.Rounds && !over; round++ {
		var err error
		if over, err = t.round(ctx, round); err != nil {
			return nil, fmt.Errorf("train %s: round %d: %w", cfg.Name, round, err)
		}
	}
	if err := t.end(ctx, over); err != nil {
		return nil, fmt.Errorf("train %s: end: %w", cfg.Name, err)
	}
	return t.model, nil
}

// check refuses rows that do not fit the recipe with learn.ErrData.
func check(rows *learn.Rows, cfg *Config) error {
	if err := rows.Check(cfg.Features, cfg.Tasks, cfg.Folds); err != nil {
		return err
	}
	if rows.Weight != nil && !cfg.Weighted {
		return fmt.Errorf("%w: rows have weights, the recipe has none", learn.ErrData)
	}
	for i, y := range rows.Target {
		if err := cfg.Loss.Accepts(y); err != nil {
			return fmt.Errorf("%w: row %d: %w", learn.ErrData, i, err)
		}
	}
	return nil
}

// trainer holds what lasts over the rounds.
type trainer struct {
	cfg     *Config
	sums    learn.Summer
	here    int // Rows of this participant.
	slope   *slope
	tables  []table    // By task.
	shards  [][]*shard // By ensemble.
	count   []int64    // By ensemble: how many rows it learns from, of all members together.
	attempt int        // In force.
	best    stopper
	model   *Model
	adders  adders
	spare   [][][]cell // By ensemble: histograms that the next tree may use.
}

// arm prepares the rows of one ensemble, which learns from n rows in all.
func (t *trainer) arm(task, fold int, start fixed.Q16, n int64) error {
	table := &t.tables[task]
	var here int64
	for row := range uint32(table.rows()) { //nolint:gosec // At most MaxRows.
		if table.learns(row, fold, t.cfg.Folds) {
			here++
		}
	}
	if here > n {
		return fmt.Errorf("%w: %d rows in all, fewer than are here", learn.ErrSum, n)
	}
	shards := newShards(table, fold, runtime.GOMAXPROCS(0)/t.cfg.Ensembles())
	for _, s := range shards {
		s.begin(start)
	}
	t.shards = append(t.shards, shards)
	return nil
}

// round grows one tree of every ensemble, under a new attempt whenever a step is lost,
// and tells whether validation ends the training before it.
func (t *trainer) round(ctx context.Context, round int) (over bool, err error) {
	before := t.best
	for retry := false; ; retry = true {
		over, err := t.grow(ctx, round, retry)
		var restart *learn.Restart
		if !errors.As(err, &restart) {
			return over, err
		}
		if restart.Attempt <= t.attempt || restart.Attempt > learn.MaxAttempt {
			return false, fmt.Errorf("%w: %d after %d, at most %d", learn.ErrAttempt, restart.Attempt, t.attempt, learn.MaxAttempt)
		}
		t.attempt, t.best = restart.Attempt, before
	}
}

// grow grows one tree of every ensemble under the attempt in force. Nothing of it lasts
// unless all of it succeeds.
func (t *trainer) grow(ctx context.Context, round int, retry bool) (over bool, err error) {
	growths := make([]*growth, t.cfg.Ensembles())
	_ = t.eachEnsemble(func(e int) error {
		growths[e] = newGrowth(t.cfg, e, round, t.attempt, retry)
		growths[e].spare, t.spare[e] = t.spare[e], nil // A tree that is lost takes its room along.
		return nil
	})
	t.eachShard(func(e int, s *shard) {
		s.sample(growths[e])
		t.slope.fill(s)
	})
	trace := t.model.Trace
	for step := 0; ; step++ {
		judging := step == 0 && !retry && t.cfg.ValidPermille > 0
		v := t.vector(growths, judging)
		if v.length() == 0 {
			break
		}
		var sum []int64
		name := fmt.Sprintf("%s/round/%d/attempt/%d/%s/%d", t.cfg.Name, round, t.attempt, t.cfg.stepWord(), step)
		sum, trace, err = t.step(ctx, name, v, growths, trace)
		if err != nil {
			return false, fmt.Errorf("attempt %d: step %d: %w", t.attempt, step, err)
		}
		if judging {
			if over, err = t.judge(round, sum[len(sum)-judged:]); over || err != nil {
				t.model.Trace = trace
				return over, err
			}
		}
		if err := t.split(v, sum, growths); err != nil {
			return false, fmt.Errorf("attempt %d: step %d: %w", t.attempt, step, err)
		}
	}
	t.keep(growths)
	t.model.Trace = trace
	return false, nil
}

// stepWord is what the sums of a round are counted in.
func (c *Config) stepWord() string {
	if c.MaxLeaves == 0 {
		return "level"
	}
	return "step"
}

// step makes one sum.
func (t *trainer) step(ctx context.Context, name string, v *vector, growths []*growth, trace learn.Trace) ([]int64, learn.Trace, error) {
	x, err := t.contribution(v, growths)
	if err != nil {
		return nil, trace, err
	}
	return trace.Sum(ctx, t.sums, learn.Step{Name: name, Bits: v.bits}, x)
}

// split reads a sum, splits nodes and moves their rows.
func (t *trainer) split(v *vector, sum []int64, growths []*growth) error {
	err := t.eachEnsemble(func(e int) error {
		g := growths[e]
		if err := g.read(v.of(sum, e), v.layout); err != nil {
			return fmt.Errorf("ensemble %d: %w", e, err)
		}
		if g.root.total.n > t.count[e] {
			return fmt.Errorf("ensemble %d: %w: %d rows sampled of %d", e, learn.ErrSum, g.root.total.n, t.count[e])
		}
		g.choose()
		return nil
	})
	if err != nil {
		return err
	}
	t.eachShard(func(e int, s *shard) {
		for _, n := range growths[e].parted {
			s.divide(n)
		}
	})
	for _, g := range growths {
		g.parted = g.parted[:0]
	}
	return nil
}

// keep adds the finished trees to the model and to the scores.
func (t *trainer) keep(growths []*growth) {
	trees := make([]Tree, len(growths))
	for e, g := range growths {
		trees[e] = g.finish()
		for _, n := range g.nodes {
			g.drop(n)
		}
		t.spare[e] = g.spare
	}
	t.eachShard(func(e int, s *shard) { s.learn(growths[e], &trees[e]) })
	t.model.Trees = append(t.model.Trees, trees)
	t.model.Attempts = append(t.model.Attempts, t.attempt)
}

// eachEnsemble runs do for all ensembles.
func (t *trainer) eachEnsemble(do func(e int) error) error {
	return parallel.Each(t.cfg.Ensembles(), do)
}

// eachShard runs do for all shards of all ensembles.
func (t *trainer) eachShard(do func(e int, s *shard)) {
	var ensembles []int
	var shards []*shard
	for e := range t.shards {
		for _, s := range t.shards[e] {
			ensembles, shards = append(ensembles, e), append(shards, s)
		}
	}
	_ = parallel.Each(len(shards), func(i int) error {
		do(ensembles[i], shards[i])
		return nil
	})
}
