package additive

import (
	"context"
	"errors"
	"fmt"

	"comity/modeler/learn"
)

// Train grows the model of cfg. Members run it on their own rows with a Summer that adds
// over the federation, pooled runs on all rows with one that returns its input, replays
// on no rows with one that returns the logged sums: all get the same model.
//
// It makes one sum to start, one a round and, where there are pairs, one to choose them.
// A *learn.Restart in the sum that starts is returned to the caller: it has no sample that
// a new attempt could change. In a later one it starts the step again.
//
// Every round of an attempt sees the same rows. So the Summer returns *learn.Restart also
// where a round would have other members than the one before: what two such sums differ by
// would be nearly all that one member added.
func Train(ctx context.Context, rows *learn.Rows, cfg *Config, summer learn.Summer) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if rows == nil {
		rows = &learn.Rows{}
	}
	if err := cfg.checkRows(rows); err != nil {
		return nil, err
	}
	t := &trainer{cfg: cfg, summer: summer, member: newMember(rows, cfg), curves: cfg.curves()}
	if err := t.start(ctx); err != nil {
		return nil, fmt.Errorf("train %s: start: %w", cfg.Name, err)
	}
	m, err := t.grow(ctx)
	if err != nil {
		return nil, fmt.Errorf("train %s: %w", cfg.Name, err)
	}
	return m, nil
}

// checkRows refuses rows that do not fit the recipe. It names row numbers, never a value.
func (c *Config) checkRows(rows *learn.Rows) error {
	if err := rows.Check(c.Features, 1, learn.MaxFolds); err != nil {
		return err
	}
	for i, y := range rows.Target {
		if err := c.Loss.Accepts(y); err != nil {
			return fmt.Errorf("%w: row %d: %w", learn.ErrData, i, err)
		}
	}
	return nil
}

// trainer holds what lasts over the rounds.
type trainer struct {
	cfg     *Config
	summer  learn.Summer
	member  *member
	curves  []block
	facts   *facts
	trace   learn.Trace
	attempt int // In force.
}

// grow takes the rounds of the curves and then of the tables, and makes a model of them.
func (t *trainer) grow(ctx context.Context) (*Model, error) {
	begin := make([]values, t.cfg.Folds)
	for k := range begin {
		begin[k] = newValues(t.curves)
		begin[k].intercept = t.facts.starts[k]
	}
	curves := &stage{name: "round", blocks: t.curves, counts: t.facts.counts, limits: t.facts.counts, rounds: t.cfg.Rounds}
	if err := t.take(ctx, curves, begin); err != nil {
		return nil, err
	}
	tables := &stage{name: "pair"}
	if t.cfg.Pairs > 0 {
		var err error
		if tables, err = t.choose(ctx, curves); err != nil {
			return nil, fmt.Errorf("pairs: %w", err)
		}
	}
	if len(tables.blocks) > 0 {
		begin = make([]values, t.cfg.Folds)
		for k := range begin {
			begin[k] = newValues(tables.blocks)
		}
		if err := t.take(ctx, tables, begin); err != nil {
			return nil, err
		}
	}
	return t.finish(curves, tables), nil
}

// round makes the sum of one round. renewed says that it is of other rows than the ones
// before.
func (t *trainer) round(ctx context.Context, s *stage, round int, models []values) (all []sums, renewed bool, err error) {
	before := t.attempt
	sum, err := t.sum(ctx, fmt.Sprintf("%s/%d", s.name, round), func() []int64 {
		return t.member.contribution(s.blocks, models)
	})
	if err != nil {
		return nil, false, err
	}
	all, err = t.cfg.read(sum, s.blocks, s.limits)
	return all, t.attempt != before, err
}

// sum makes one sum of the rows that the attempt in force sees, under a new attempt
// whenever the step is lost.
func (t *trainer) sum(ctx context.Context, name string, vector func() []int64) ([]int64, error) {
	for {
		step := learn.Step{Name: fmt.Sprintf("%s/%s/attempt/%d", t.cfg.Name, name, t.attempt), Bits: 64}
		sum, trace, err := t.trace.Sum(ctx, t.summer, step, vector())
		var restart *learn.Restart
		switch {
		case err == nil:
			t.trace = trace
			return sum, nil
		case !errors.As(err, &restart):
			return nil, err
		case restart.Attempt <= t.attempt || restart.Attempt > learn.MaxAttempt:
			return nil, fmt.Errorf("%w: %d after %d, at most %d", learn.ErrAttempt, restart.Attempt, t.attempt, learn.MaxAttempt)
		}
		t.attempt = restart.Attempt
		t.member.sample(t.attempt)
	}
}
