package forecast

import (
	"context"
	"errors"
	"fmt"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
)

// config is what both kinds of ensemble share.
func (b booster) config(name string, edges learn.Features, seed chance.Seed) *trees.Config {
	return &trees.Config{
		Name: name, Tasks: leads, Folds: 1, Rounds: b.rounds, Depth: b.depth,
		RatePermille: b.ratePermille, Lambda: b.lambda, MinRows: b.leafRows,
		RowPermille: b.rowsPermille, FeaturePermille: b.featuresPermille,
		// The shortest cells. One of 30 members may then have 1,092 rows in an ensemble before
		// secure sums can refuse it for its size; a place has about half of that.
		Members: 1,
		Loss:    loss.Loss{Kind: loss.Huber, Scale: fixed.FromThousandths(int64(b.deltaPermille))},
		Seed:    chance.Derive(seed, "forecast", name), Features: edges,
	}
}

// growPoint grows the ensembles of the expected change and notes every row's.
func (t *training) growPoint(ctx context.Context, edges learn.Features, data *learn.Rows, sum learn.Summer) (*trees.Model, error) {
	cfg := t.recipe.point.config("point", edges, t.seed)
	cfg.Folds = t.recipe.folds
	cfg.TargetLo, cfg.TargetHi = -2*fixed.One, 2*fixed.One
	m, err := grow(ctx, t.seed, cfg, data, sum)
	if err != nil {
		return nil, err
	}
	bins := make([]uint8, width)
	for i := range t.rows {
		r := &t.rows[i]
		r.expected = m.PredictOutside(binsOf(data, i, bins), r.lead-1, r.fold)
	}
	return m, nil
}

// leastError is what is added to the size of an error before its logarithm: .01 in Q16,
// so that a forecast that hit by chance does not claim to be perfect.
const leastError = 655

// growScale grows the ensembles of the log of the error's size.
func (t *training) growScale(ctx context.Context, edges learn.Features, data *learn.Rows, sum learn.Summer) (*trees.Model, error) {
	cfg := t.recipe.scale.config("scale", edges, t.seed)
	cfg.TargetLo, cfg.TargetHi = -5*fixed.One, 2*fixed.One
	sizes := *data
	sizes.Fold = make([]uint8, len(t.rows))
	sizes.Target = make([]fixed.Q16, len(t.rows))
	for i, r := range t.rows {
		sizes.Target[i] = fixed.Log(r.error.Abs() + leastError)
	}
	return grow(ctx, t.seed, cfg, &sizes, sum)
}

// spread notes the expected size of every row's error.
func (t *training) spread(scale *trees.Model, data *learn.Rows) {
	bins := make([]uint8, width)
	for i := range t.rows {
		r := &t.rows[i]
		r.spread = spreadOf(scale.PredictMean(binsOf(data, i, bins), r.lead-1))
	}
}

// spreadOf returns the size whose logarithm is given, held within a thousandth and eight:
// what a series can be off by lies between.
func spreadOf(log fixed.Q16) fixed.Q16 {
	return min(max(fixed.Exp(log), fixed.FromThousandths(1)), 8*fixed.One)
}

// binsOf gathers one row's bins from their columns.
func binsOf(d *learn.Rows, i int, into []uint8) []uint8 {
	for f := range into {
		into[f] = d.Bins[f][i]
	}
	return into
}

// grow trains one kind of ensemble. Package learn grows lost rounds of trees again by
// itself; if its first sum is lost, there is no tree yet, and all begins again with a
// public sample of the rows.
func grow(ctx context.Context, seed chance.Seed, cfg *trees.Config, data *learn.Rows, sum learn.Summer) (*trees.Model, error) {
	name, attempt := cfg.Name, 0
	for {
		m, err := trees.Train(ctx, data, cfg, sum)
		var restart *learn.Restart
		if err == nil || !errors.As(err, &restart) || restart.Attempt <= attempt || restart.Attempt > maxAttempt {
			return m, err
		}
		attempt = restart.Attempt
		cfg.Name = fmt.Sprintf("%s-%d", name, attempt)
		data = thin(data, lot(seed, name, attempt))
	}
}

// thin returns the rows that the public coin keeps.
func thin(d *learn.Rows, keep func(key uint64) bool) *learn.Rows {
	out := &learn.Rows{Bins: make([][]uint8, len(d.Bins))}
	for i, key := range d.Key {
		if !keep(key) {
			continue
		}
		for f := range d.Bins {
			out.Bins[f] = append(out.Bins[f], d.Bins[f][i])
		}
		out.Key, out.Task, out.Fold = append(out.Key, key), append(out.Task, d.Task[i]), append(out.Fold, d.Fold[i])
		out.Target = append(out.Target, d.Target[i])
	}
	return out
}
