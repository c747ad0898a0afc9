package learn

import (
	"context"
	"errors"
	"fmt"
)

// Train grows the model of cfg. Members run it on their own rows with a Summer that adds
// over the federation, pooled runs on all rows with one that returns its input, replays
// on no rows with one that returns the logged sums: all get the same model.
//
// It makes one sum for the starting medians and at most Depth sums a round. A *Restart
// in the first sum is returned to the caller, because there is no sample yet that a new
// attempt could change; in a round it starts the round again.
func Train(ctx context.Context, data *Data, cfg *Config, summer Summer) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if data == nil {
		data = &Data{}
	}
	if err := data.check(cfg); err != nil {
		return nil, err
	}
	t := &trainer{cfg: cfg, rows: newRows(data, cfg), sums: summer, model: &Model{Config: *cfg}}
	if err := t.begin(ctx); err != nil {
		return nil, fmt.Errorf("train %s: start: %w", cfg.Name, err)
	}
	for round := range cfg.Rounds {
		if err := t.round(ctx, round); err != nil {
			return nil, fmt.Errorf("train %s: round %d: %w", cfg.Name, round, err)
		}
	}
	return t.model, nil
}

// trainer holds what lasts over the rounds.
type trainer struct {
	cfg     *Config
	rows    *rows
	sums    Summer
	count   []int64 // By ensemble: how many rows it learns from, of all members together.
	attempt int     // In force.
	model   *Model
}

// round grows one tree of every ensemble, under a new attempt whenever a step is lost.
func (t *trainer) round(ctx context.Context, round int) error {
	for {
		err := t.grow(ctx, round)
		var restart *Restart
		if !errors.As(err, &restart) {
			return err
		}
		if restart.Attempt <= t.attempt || restart.Attempt > maxAttempt {
			return fmt.Errorf("%w: %d after %d, at most %d", ErrAttempt, restart.Attempt, t.attempt, maxAttempt)
		}
		t.attempt = restart.Attempt
	}
}

// grow grows one tree of every ensemble under the attempt in force. Nothing of it lasts
// unless all of it succeeds.
func (t *trainer) grow(ctx context.Context, round int) error {
	growths := make([]*growth, t.cfg.Ensembles())
	_ = each(len(growths), func(e int) error {
		growths[e] = newGrowth(t.cfg, e, round, t.attempt)
		t.rows.sample(e, growths[e], t.cfg)
		return nil
	})
	trace := t.model.Trace
	for level := range t.cfg.Depth {
		name := fmt.Sprintf("%s/round/%d/attempt/%d/level/%d", t.cfg.Name, round, t.attempt, level)
		next, err := t.level(ctx, name, level, growths, trace)
		if err != nil {
			return fmt.Errorf("attempt %d: level %d: %w", t.attempt, level, err)
		}
		trace = next
	}
	trees := make([]Tree, len(growths))
	_ = each(len(growths), func(e int) error {
		trees[e] = growths[e].finish(t.cfg)
		t.rows.learn(e, &trees[e])
		return nil
	})
	t.model.Trees = append(t.model.Trees, trees)
	t.model.Attempts = append(t.model.Attempts, t.attempt)
	t.model.Trace = trace
	return nil
}

// level makes one sum and splits all nodes of a level.
func (t *trainer) level(ctx context.Context, name string, level int, growths []*growth, trace chain) (chain, error) {
	v := t.vector(level, growths)
	sum := []int64{}
	if v.length() > 0 { // A level in which no node can be split needs no sum.
		x, err := t.contribution(v, growths)
		if err != nil {
			return trace, err
		}
		sum, trace, err = t.sum(ctx, Step{name, v.bits}, x, trace)
		if err != nil {
			return trace, err
		}
	}
	return trace, each(len(growths), func(e int) error {
		g := growths[e]
		if err := g.read(v.of(sum, e), level, v.layout); err != nil {
			return fmt.Errorf("ensemble %d: %w", e, err)
		}
		if level == 0 && g.nodes[0].total.n > t.count[e] {
			return fmt.Errorf("ensemble %d: %w: %d rows sampled of %d", e, ErrSum, g.nodes[0].total.n, t.count[e])
		}
		g.split(level, t.cfg)
		t.rows.divide(e, level, g)
		return nil
	})
}

// vector says where the words of each ensemble stand in one step.
type vector struct {
	layout
	level  int
	starts []int // By ensemble; the last is the length.
}

func (v *vector) length() int { return v.starts[len(v.starts)-1] }

// of returns the words of one ensemble.
func (v *vector) of(words []int64, ensemble int) []int64 {
	return words[v.starts[ensemble]:v.starts[ensemble+1]]
}

// vector lays out the step of one level from what everybody knows.
func (t *trainer) vector(level int, growths []*growth) *vector {
	var most int64
	for e, g := range growths {
		most = max(most, g.rowsAsked(level, t.count[e]))
	}
	v := &vector{layoutFor(most), level, make([]int, 1, len(growths)+1)}
	for e, g := range growths {
		v.starts = append(v.starts, v.starts[e]+len(g.asked)*g.sent(level)*v.words)
	}
	return v
}

// contribution returns what this participant adds to one step.
func (t *trainer) contribution(v *vector, growths []*growth) ([]int64, error) {
	x := make([]int64, v.length())
	if t.rows.data.Rows() == 0 {
		return x, nil
	}
	return x, each(len(growths), func(e int) error {
		g, words := growths[e], v.of(x, e)
		full := make([]cell, g.width())
		for _, at := range g.asked {
			if err := t.rows.histogram(e, at, g, full); err != nil {
				return fmt.Errorf("ensemble %d: %w", e, err)
			}
			words = g.write(words, full, v.level, v.layout)
		}
		return nil
	})
}
