package model

import (
	"context"
	"fmt"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/table"
)

// Private says how a model is fitted from noisy sums. The noise is added outside, by the
// Summer.
type Private struct {
	Config
	Public table.Public
	// SurveyDeviation is the standard deviation of the noise in each value of the survey.
	SurveyDeviation int64
	// Variance is that of the noise in each value of the other sums.
	Variance int64
}

// privateBins is how many bins a column has, about, the one for missing values included:
// what additive.Private does best with.
const privateBins = 9

// survey returns what the survey asks.
func (p *Private) survey() *table.Private {
	s := &table.Private{Config: p.Table, Public: p.Public, Deviation: p.SurveyDeviation}
	if s.Bins == 0 {
		s.Bins = privateBins
	}
	return s
}

// Squares returns, for each sum of a private fit in turn, the square of the most by which
// its Euclidean length changes when one row comes or goes. The survey, if it needs a sum,
// is the first; survey says whether.
func (p *Private) Squares() (squares []int64, survey bool) {
	if length, square := table.PrivateLength(p.survey()); length > 0 {
		squares, survey = append(squares, square), true
	}
	r := additive.Private(p.loss(), make(learn.Features, len(p.Table.Columns)))
	return append(squares, additive.Sensitivity(r)...), survey
}

// loss returns the loss of the task; its scale does not matter for sensitivities.
func (p *Private) loss() loss.Loss {
	if p.Table.Task == table.Binary {
		return loss.Loss{Kind: loss.Logistic, Scale: fixed.One}
	}
	return loss.Loss{Kind: loss.Squared, Scale: fixed.One}
}

// FitPrivately fits an additive model from noisy sums.
func FitPrivately(ctx context.Context, p *Private, t *table.Table, summer learn.Summer) (*Model, error) {
	counting := &counter{Summer: summer}
	frame, err := table.SurveyPrivately(ctx, p.survey(), t, counting)
	if err != nil {
		return nil, err
	}
	rows := &learn.Rows{}
	if t != nil {
		if rows, err = frame.Rows(t, false); err != nil {
			return nil, err
		}
	}
	recipe := additive.Private(frame.Target.Loss, frame.Features())
	recipe.Name, recipe.TargetLo, recipe.TargetHi = "additive", frame.Least, frame.Most
	recipe.Seed, recipe.Noise.Variance = chance.Derive(p.Seed, "additive"), p.Variance
	m := &Model{Columns: frame.Columns, Target: frame.Target, Facts: Facts{Rows: frame.Count, Parties: p.Parties, Survey: frame.Trace}}
	if m.Additive, err = additive.Train(ctx, rows, recipe, counting); err != nil {
		return nil, fmt.Errorf("private fit: %w", err)
	}
	m.Facts.Sums = counting.sums
	return m, nil
}
