package model

import (
	"context"
	"fmt"

	"comity/chance"
	"comity/modeler/learn"
	"comity/modeler/learn/number"
	"comity/modeler/learn/skill"
	"comity/modeler/learn/table"
)

// Plan says how a model is scored on rows that it was not fitted to.
type Plan struct {
	Folds int    // Rows fall into so many parts by the public coin.
	Each  bool   // Every part is scored by a model of the others; otherwise only the first.
	Whole bool   // The model that is kept is fitted to all rows; otherwise not to the first part.
	Text  string // For people.
}

// PlanFor returns how rows are used: few rows are scored fold by fold, of many a part is
// enough, and of very many that part need not be fitted to either.
func PlanFor(rows int) Plan {
	const someRows, manyRows = 20_000, 200_000
	switch {
	case rows < someRows:
		return Plan{5, true, true, "5-fold cross-validation; the model is fitted to all rows"}
	case rows < manyRows:
		return Plan{5, false, true, "1 row in 5 held out from a trial; the model is fitted to all rows"}
	default:
		return Plan{10, false, false, "1 row in 10 held out; the model has not seen them"}
	}
}

// Part returns the part of a row by its key.
func (p Plan) Part(seed chance.Seed) func(key uint64) int {
	coin := chance.NewSampler(chance.Derive(seed, "trial"))
	return func(key uint64) int { return int(coin.Uint64(key) % uint64(p.Folds)) } //nolint:gosec // Below Folds.
}

// Kept returns the rows of a table that the model is fitted to.
func (p Plan) Kept(t *table.Table, seed chance.Seed) *table.Table {
	if p.Whole {
		return t
	}
	return p.Without(t, seed, 0)
}

// Without returns the rows of all parts but one.
func (p Plan) Without(t *table.Table, seed chance.Seed, part int) *table.Table {
	of := p.Part(seed)
	return t.Where(func(i int) bool { return of(t.Key(i)) != part })
}

// Try scores the recipe of cfg on rows that were not fitted to, all rows being in one
// table with keys. fitted is the model of Kept, and is used where that is what the plan
// asks for.
func (p Plan) Try(ctx context.Context, cfg *Config, t *table.Table, fitted *Model) ([]skill.Score, error) {
	again := *cfg
	// What the task is was decided on all rows.
	again.Parties, again.Table.Task = 1, fitted.Target.Task
	return p.try(ctx, &again, t, func(ctx context.Context, part *table.Table) (*Model, error) {
		if !p.Whole {
			return fitted, nil
		}
		return Fit(ctx, &again, part, learn.Pooled{})
	})
}

// Try scores what fit makes of other rows by five-fold cross-validation. The task is known,
// and the table has keys.
func (cfg *Config) Try(ctx context.Context, t *table.Table, fit func(ctx context.Context, part *table.Table) (*Model, error)) ([]skill.Score, error) {
	return Plan{Folds: 5, Each: true, Whole: true}.try(ctx, cfg, t, fit)
}

func (p Plan) try(ctx context.Context, cfg *Config, t *table.Table, fit func(ctx context.Context, part *table.Table) (*Model, error)) ([]skill.Score, error) {
	t = t.Having(cfg.Table.Target)
	of := p.Part(cfg.Seed)
	var actual, predicted []float64
	var m *Model
	for part := range p.Folds {
		if part > 0 && !p.Each {
			break
		}
		var err error
		if m, err = fit(ctx, p.Without(t, cfg.Seed, part)); err != nil {
			return nil, fmt.Errorf("trial without part %d of %d: %w", part+1, p.Folds, err)
		}
		held := t.Where(func(i int) bool { return of(t.Key(i)) == part })
		values, err := m.Predict(held)
		if err != nil {
			return nil, err
		}
		targets, err := held.Numbers(cfg.Table.Target)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			actual, predicted = append(actual, number.Value(targets[i])), append(predicted, number.Value(v))
		}
	}
	return Judge(&m.Target, actual, predicted)
}

// Judge scores predictions of a target by the score that is natural for it.
func Judge(t *table.Target, actual, predicted []float64) ([]skill.Score, error) {
	switch t.Task {
	case table.Binary:
		happened := make([]bool, len(actual))
		for i, y := range actual {
			happened[i] = number.Key(y) == t.High
		}
		return skill.Binary(happened, predicted)
	case table.Count:
		return skill.Count(actual, predicted)
	case table.Quantile:
		return skill.Quantile(actual, predicted, float64(t.Loss.Level)/1000)
	default:
		return skill.Regression(actual, predicted)
	}
}

// Predict returns the keys (package number) of the predictions for the rows of a table:
// the mean or quantile of the target, or the probability of its higher value.
func (m *Model) Predict(t *table.Table) ([]int64, error) {
	scores, err := m.Scores(t)
	if err != nil {
		return nil, err
	}
	keys := make([]int64, len(scores))
	for i, s := range scores {
		keys[i] = m.Target.Prediction(s)
	}
	return keys, nil
}
