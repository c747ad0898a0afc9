package card

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"comity/chance"
	"comity/modeler/interval"
	"comity/modeler/leakage"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
	"comity/modeler/neutrality"
)

// ErrInput says that no card can be made of what was given.
var ErrInput = errors.New("card cannot be made")

// Recipe is how a model is made, with rows to make it from again. Audits do: what a model
// says of rows that it was fitted to shows neither skill nor neutrality.
type Recipe struct {
	cfg    model.Config
	rows   *table.Table // With keys, and a target in each.
	task   table.Task
	high   int64 // Of a yes-no target: the key of yes.
	level  float64
	truth  []float64
	fitter Fitter
}

// Fitter makes a model of rows. The usual one is Pooled; a private one adds noise. run tells
// trainings apart.
type Fitter func(ctx context.Context, cfg *model.Config, t *table.Table, run int) (*model.Model, error)

// Pooled fits to rows in one place, by the exact sums that a federation would make of them.
func Pooled(ctx context.Context, cfg *model.Config, t *table.Table, _ int) (*model.Model, error) {
	return model.Fit(ctx, cfg, t, learn.Pooled{})
}

// NewRecipe prepares rows for a recipe whose task is known: that of a fitted target. The
// rows may have more columns.
func NewRecipe(cfg model.Config, target *table.Target, rows *table.Table, fitter Fitter) (*Recipe, error) {
	cfg.Parties, cfg.Table.Task = 1, target.Task
	keyed, err := rows.Having(target.Name).Keyed(append(slices.Clone(cfg.Table.Columns), target.Name))
	if err != nil {
		return nil, err
	}
	r := &Recipe{cfg: cfg, rows: keyed, task: target.Task, high: target.High, level: float64(target.Loss.Level) / 1000, fitter: fitter}
	keys, err := keyed.Numbers(target.Name)
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		if target.Task == table.Binary && key != target.Low && key != target.High {
			return nil, fmt.Errorf("%w: row %d has the target %s; the model knows %s and %s",
				ErrInput, i+1, number.Text(key), number.Text(target.Low), number.Text(target.High))
		}
		r.truth = append(r.truth, r.value(key))
	}
	return r, nil
}

// value is a target as audits take it: 1 and 0 for yes and no.
func (r *Recipe) value(key int64) float64 {
	switch {
	case r.task != table.Binary:
		return number.Value(key)
	case key == r.high:
		return 1
	default:
		return 0
	}
}

// Rows returns how many rows there are.
func (r *Recipe) Rows() int { return len(r.truth) }

// Truth returns the targets, 1 and 0 for yes and no.
func (r *Recipe) Truth() []float64 { return r.truth }

// Column returns what each row has under a column.
func (r *Recipe) Column(name string) ([]string, error) {
	cells := make([]string, r.Rows())
	for i := range cells {
		text, ok := r.rows.Cell(i, name)
		if !ok {
			return nil, fmt.Errorf("%w: %w: no column %s", ErrInput, table.ErrColumn, name)
		}
		cells[i] = text
	}
	return cells, nil
}

// Folds draws a part for every row by the public coin.
func (r *Recipe) Folds(parts int) []int {
	coin := chance.NewSampler(chance.Derive(r.cfg.Seed, "card"))
	folds := make([]int, r.Rows())
	for i := range folds {
		folds[i] = int(coin.Uint64(r.rows.Key(i)) % uint64(parts)) //nolint:gosec // Below parts.
	}
	return folds
}

// Loss is the loss that fits the task: that of the level for quantiles, otherwise the square
// of the error, which for yes and no is the Brier score.
func (r *Recipe) Loss(truth, predicted float64) float64 {
	d := truth - predicted
	if r.task == table.Quantile {
		return max(r.level*d, (r.level-1)*d)
	}
	return d * d
}

// Bounds returns what every loss surely lies within; nil for numbers, which nothing bounds.
func (r *Recipe) Bounds() *interval.Interval {
	if r.task != table.Binary {
		return nil
	}
	return &interval.Interval{Low: 0, High: 1}
}

// fit makes one model and predicts every row.
func (r *Recipe) fit(ctx context.Context, run int, keep []bool) ([]float64, error) {
	m, err := r.fitter(ctx, &r.cfg, r.rows.Where(func(i int) bool { return keep[i] }), run)
	if err != nil {
		return nil, err
	}
	return r.predict(m)
}

// predict returns what a model says of every row.
func (r *Recipe) predict(m *model.Model) ([]float64, error) {
	keys, err := m.Predict(r.rows)
	if err != nil {
		return nil, err
	}
	predicted := make([]float64, len(keys))
	for i, key := range keys {
		predicted[i] = number.Value(key)
	}
	return predicted, nil
}

// Fit is the recipe as trials of neutrality take it.
func (r *Recipe) Fit(ctx context.Context) neutrality.Fit {
	run := 0
	return func(keep []bool) ([]float64, error) {
		run++
		return r.fit(ctx, run, keep)
	}
}

// Train is the recipe as attacks take it: confidences are logits for yes and no, and fall
// with the logarithm of the error for numbers.
func (r *Recipe) Train(ctx context.Context) leakage.Train {
	hair := r.spread() / 1000 // An error that no decision depends on counts as none.
	return func(run int, in []bool) ([]float64, error) {
		confidence, err := r.fit(ctx, run, in)
		if err != nil {
			return nil, err
		}
		for i, p := range confidence {
			if r.task == table.Binary {
				confidence[i] = leakage.Logit(p, r.truth[i] == 1)
			} else {
				confidence[i] = -math.Log(math.Abs(r.truth[i]-p) + hair)
			}
		}
		return confidence, nil
	}
}

// spread is the mean distance of truths from their median.
func (r *Recipe) spread() float64 {
	sorted := slices.Sorted(slices.Values(r.truth))
	middle, sum := sorted[len(sorted)/2], 0.
	for _, v := range sorted {
		sum += math.Abs(v-middle) / float64(len(sorted))
	}
	return max(sum, math.SmallestNonzeroFloat64*1000)
}

// Cells returns the counts of yes in every bin of every column, as the first step of a
// training sums them, for rows that all take part.
func (r *Recipe) Cells(columns []table.Column) ([]leakage.Cell, []int8, error) {
	if r.task != table.Binary {
		return nil, nil, fmt.Errorf("%w: rows are reconstructed from counts of yes and no; the task is %s", ErrInput, r.task)
	}
	bins, err := table.Bins(columns, r.rows)
	if err != nil {
		return nil, nil, err
	}
	secrets := make([]int8, r.Rows())
	for i, y := range r.truth {
		secrets[i] = int8(y)
	}
	var cells []leakage.Cell
	for f, column := range bins {
		feature := columns[f].Feature()
		of := make([]leakage.Cell, feature.Bins())
		for i, b := range column {
			of[b].Rows, of[b].Sum = append(of[b].Rows, i), of[b].Sum+int64(secrets[i])
		}
		cells = append(cells, slices.DeleteFunc(of, func(c leakage.Cell) bool { return len(c.Rows) == 0 })...)
	}
	return cells, secrets, nil
}
