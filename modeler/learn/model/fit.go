package model

import (
	"context"
	"fmt"

	"comity/chance"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/linear"
	"comity/modeler/learn/table"
	"comity/modeler/learn/trees"
)

// Config says what to fit. All of it is public.
type Config struct {
	Table   table.Config
	Learner Learner
	Seed    chance.Seed // Of all lots.
	Parties int         // How many participants add to a sum: 1 to 1024.
}

// Fit fits a model. Participants run it on their own rows with a Summer that adds over
// all of them; a pooled run has all rows and learn.Pooled; a replay has a nil table and a
// Summer that returns the logged sums: all get the same bytes. The table has keys
// (table.Keyed).
//
// Errors wrap what table.Survey and the learner return.
func Fit(ctx context.Context, cfg *Config, t *table.Table, summer learn.Summer) (*Model, error) {
	counting := &counter{Summer: summer}
	survey := cfg.Table
	if cfg.Learner == Linear && survey.Bins == 0 {
		survey.Bins = linearBins
	}
	frame, err := table.Survey(ctx, &survey, t, counting)
	if err != nil {
		return nil, err
	}
	rows := &learn.Rows{}
	if t != nil {
		if rows, err = frame.Rows(t, cfg.Learner == Linear); err != nil {
			return nil, err
		}
	}
	m := &Model{
		Columns: frame.Columns, Target: frame.Target, Dropped: frame.Dropped,
		Facts: Facts{Rows: frame.Count, Parties: cfg.Parties, Survey: frame.Trace},
	}
	switch cfg.Learner {
	case Linear:
		m.Linear, err = linear.Train(ctx, rows, linearRecipe(cfg, frame), counting)
	case Additive:
		m.Additive, err = additive.Train(ctx, rows, additiveRecipe(cfg, frame), counting)
	case Trees:
		m.Trees, err = trees.Train(ctx, rows, treeRecipe(cfg, frame), counting)
	default:
		err = fmt.Errorf("%w: learner %q; use additive, trees or linear", learn.ErrConfig, cfg.Learner)
	}
	if err != nil {
		return nil, err
	}
	m.Facts.Sums = counting.sums
	return m, nil
}

// counter counts sums.
type counter struct {
	learn.Summer
	sums int
}

func (c *counter) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	c.sums++
	return c.Summer.Sum(ctx, step, x)
}

// few and fewer are the numbers of rows below which trees are smaller: it takes thousands
// of rows to tell that a leaf with a thirtieth of them is better off alone.
const (
	few   = 10_000
	fewer = 2_000
)

// treeRecipe is the recipe of trees for tables: the usual one of histogram gradient
// boosting (100 trees of 31 leaves at rate 0.1), and fewer, smaller trees for few rows.
func treeRecipe(cfg *Config, f *table.Frame) *trees.Config {
	c := &trees.Config{
		Name: "trees", Tasks: 1, Folds: 1,
		Rounds: 100, Depth: 64, MaxLeaves: 31, Ahead: 16,
		RatePermille: 100, Lambda: 1, MinRows: 20, RowPermille: 1000, FeaturePermille: 1000,
		Members: cfg.Parties, Loss: f.Target.Loss, TargetLo: f.Least, TargetHi: f.Most,
		Seed: chance.Derive(cfg.Seed, "trees"), Features: f.Features(),
	}
	if cfg.Parties == 1 {
		c.Ahead = 1 // Sums cost nothing; the trees are the same.
	}
	switch {
	case f.Count < fewer:
		c.Rounds, c.MaxLeaves, c.RowPermille = 60, 8, 700
	case f.Count < few:
		c.MaxLeaves, c.RowPermille = 16, 700
	}
	return c
}

// additiveRecipe is the usual recipe of additive models.
func additiveRecipe(cfg *Config, f *table.Frame) *additive.Config {
	c := additive.Usual(f.Target.Loss, f.Features(), f.Count)
	c.Name, c.TargetLo, c.TargetHi, c.Seed = "additive", f.Least, f.Most, chance.Derive(cfg.Seed, "additive")
	return c
}

// linearBins is into how many bins columns fall for a linear model, whose numbers are not
// read from bins: the 30 most frequent categories get a coefficient each.
const linearBins = 32

// linearRecipe is the usual recipe of linear models.
func linearRecipe(cfg *Config, f *table.Frame) *linear.Config {
	c := linear.Usual(f.Target.Loss, f.Features())
	c.Name, c.TargetLo, c.TargetHi, c.Seed = "linear", f.Least, f.Most, chance.Derive(cfg.Seed, "linear")
	return c
}
