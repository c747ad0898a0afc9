package card

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"comity/modeler/learn/model"
	"comity/modeler/learn/number"
	"comity/modeler/learn/skill"
	"comity/modeler/learn/table"
	"comity/modeler/neutrality"
)

// Question says for whom a recipe is assessed.
type Question struct {
	Groups []string // Columns of groups: region, income, age.
	Party  string   // Column that names who holds a row; may be empty.
	Folds  int      // Parts in turn held out: 2 to 20.
	// Unseen is the model itself, where it was not fitted to any of the rows: then it is
	// judged as it is, and nothing is said of what parties' rows do to it. nil assesses the
	// recipe.
	Unseen *model.Model
	neutrality.Config
}

// Assessment is how a recipe does on rows that it has not seen, in every part of them.
type Assessment struct {
	Folds int // 0 where the model itself was judged.
	Rows  int
	// Served has an audit for each column of groups, and first for that of parties. All
	// intervals of all of them hold at once.
	Served []Served
	// Influence and Ledger are empty without parties.
	Influence []neutrality.Influence
	Ledger    []neutrality.Contribution
	Withheld  map[string]bool // Parties whose number of rows must not be shown.
	Truth     []float64
	Predicted []float64
}

// Served is how groups of one column are served.
type Served struct {
	By string
	neutrality.Audit
}

const maxFolds = 20

// Assess fits the recipe to all parts of the rows but one, in turn, and with parties also
// without each party and to each alone: 2 P + 1 times as many trainings.
func (r *Recipe) Assess(ctx context.Context, q Question) (*Assessment, error) {
	if q.Folds < 2 || q.Folds > maxFolds {
		return nil, fmt.Errorf("%w: %d folds; give 2 to %d", ErrInput, q.Folds, maxFolds)
	}
	a := &Assessment{Folds: q.Folds, Rows: r.Rows(), Truth: r.truth}
	if q.Unseen != nil {
		return a, r.judge(a, q)
	}
	party := make([]string, r.Rows())
	by := q.Groups
	if q.Party != "" {
		var err error
		if party, err = r.Column(q.Party); err != nil {
			return nil, err
		}
		by = slices.Concat([]string{q.Party}, q.Groups)
	}
	folds := r.Folds(q.Folds)
	trial, err := neutrality.Try(party, folds, r.Fit(ctx))
	if err != nil {
		return nil, err
	}
	a.Predicted = trial.Together
	// Each audit of groups, the ledger and the influence of parties have a part of the error.
	parts := len(by)
	if q.Party != "" && len(trial.Parties) > 1 {
		parts += 2
	}
	q.Confidence = 1 - (1-q.Confidence)/float64(max(parts, 1))
	if q.Party != "" && len(trial.Parties) > 1 {
		if a.Influence, err = trial.Influence(r.truth, r.Loss, q.Config); err != nil {
			return nil, err
		}
		if a.Ledger, err = trial.Ledger(r.truth, r.Loss, q.Config); err != nil {
			return nil, err
		}
		a.hide(q.MinimumCell)
	}
	if len(by) == 0 {
		by = []string{""} // Everybody, as one group.
	}
	return a, r.serve(a, by, folds, q)
}

// judge serves the groups from the model's own predictions.
func (r *Recipe) judge(a *Assessment, q Question) (err error) {
	if a.Predicted, err = r.predict(q.Unseen); err != nil {
		return err
	}
	by := q.Groups
	if q.Party != "" {
		by = slices.Concat([]string{q.Party}, q.Groups)
	}
	q.Confidence = 1 - (1-q.Confidence)/float64(max(len(by), 1))
	if len(by) == 0 {
		by = []string{""}
	}
	folds := r.Folds(q.Folds)
	a.Folds = 0
	return r.serve(a, by, folds, q)
}

// hide notes the parties with too few rows to be counted.
func (a *Assessment) hide(minimumCell int) {
	count := map[string]int{}
	for _, c := range a.Ledger {
		count[c.Party] = c.Rows
	}
	a.Withheld = neutrality.Hidden(count, minimumCell)
}

// serve audits each column of groups.
func (r *Recipe) serve(a *Assessment, by []string, folds []int, q Question) error {
	cases := r.cases(a.Predicted, folds, q)
	c := q.Config
	if r.task == table.Quantile {
		c.Level = r.level
	}
	for _, column := range by {
		for i := range cases {
			cases[i].Group = ""
		}
		if column != "" {
			cells, err := r.Column(column)
			if err != nil {
				return err
			}
			for i := range cases {
				cases[i].Group = cells[i]
			}
		}
		audit, err := neutrality.Groups(cases, r.Bounds(), c)
		if err != nil {
			return fmt.Errorf("groups by %s: %w", column, err)
		}
		a.Served = append(a.Served, Served{column, audit})
	}
	return nil
}

// cases returns every row with its loss, that of knowing nothing, and whether the truth is
// covered: within the distance of the prediction that the stated level of the other parts'
// errors keep (cross-conformal intervals; Vovk, "Cross-conformal predictors", Annals of
// Mathematics and Artificial Intelligence 74 (2015)), which for yes and no asks whether the
// answer is in the set of likely ones; for a quantile, below it.
func (r *Recipe) cases(predicted []float64, folds []int, q Question) []neutrality.Case {
	distance, constant := make([]float64, q.Folds), make([]float64, q.Folds)
	for f := range q.Folds {
		var off, truths []float64
		for i, of := range folds {
			if of != f {
				off, truths = append(off, math.Abs(r.truth[i]-predicted[i])), append(truths, r.truth[i])
			}
		}
		distance[f], constant[f] = quantile(off, q.Level), r.constant(truths)
	}
	cases := make([]neutrality.Case, len(predicted))
	for i, p := range predicted {
		y := r.truth[i]
		cases[i] = neutrality.Case{
			Truth: y, Predicted: p, Loss: r.Loss(y, p), Baseline: r.Loss(y, constant[folds[i]]), Covered: math.Abs(y-p) <= distance[folds[i]],
		}
		if r.task == table.Quantile {
			cases[i].Covered = y <= p
		}
	}
	return cases
}

// constant is the best that somebody predicts who knows nothing of a row.
func (r *Recipe) constant(truths []float64) float64 {
	if r.task == table.Quantile {
		return quantile(truths, r.level)
	}
	var mean float64
	for _, y := range truths {
		mean += y / float64(len(truths))
	}
	return mean
}

// quantile returns the value at place ceil((n + 1) level) of n, below or at which an
// independent further one is with at least probability level; the greatest where so few do
// not reach it, and 0 of nothing.
func quantile(values []float64, level float64) float64 {
	if len(values) == 0 {
		return 0
	}
	at := int(math.Ceil(float64(len(values)+1)*level)) - 1
	if at >= len(values) {
		return slices.Max(values)
	}
	return slices.Sorted(slices.Values(values))[at]
}

// Named returns the scores that comity learn fit names, of the same predictions.
func (r *Recipe) Named(target *table.Target, a *Assessment) (map[string]string, error) {
	actual := a.Truth
	if r.task == table.Binary {
		actual = make([]float64, len(a.Truth))
		for i, y := range a.Truth {
			actual[i] = number.Value(target.Low)
			if y == 1 {
				actual[i] = number.Value(target.High)
			}
		}
	}
	scores, err := model.Judge(target, actual, a.Predicted)
	if errors.Is(err, skill.ErrRows) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	named := map[string]string{}
	for _, s := range scores {
		named[s.Name] = s.String()
	}
	return named, nil
}
