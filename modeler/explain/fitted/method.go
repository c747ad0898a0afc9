package fitted

import (
	"context"
	"fmt"
	"math"

	"comity/chance"
	"comity/modeler/explain"
)

// Method is how a missing feature is thought of.
type Method string

// The methods.
const (
	// SHAP is the model's own: path-dependent for trees, and against all rows of the training
	// for additive models, whose curves are centred on them; both need no background. Linear
	// models are compared with all rows of the background.
	SHAP Method = "shap"
	// Interventional compares with a background of at most MostBackground rows.
	Interventional Method = "interventional"
)

// MostBackground is how many rows of a background trees are compared with.
const MostBackground = 100

// Explainer explains rows of a file.
type Explainer struct {
	subject *Subject
	of      interface {
		Explain(ctx context.Context, rows [][]float64) (*explain.Values, error)
		Interactions(ctx context.Context, rows [][]float64) (*explain.Interactions, error)
	}
	// Basis says in words what the base is the mean of.
	Basis string
}

// Explainer prepares explanations. The background may be nil for SHAP of trees and of
// additive models.
func (s *Subject) Explainer(method Method, background *Rows) (*Explainer, error) {
	x := &Explainer{subject: s}
	_, terms := s.form.(*explain.Terms)
	if needs := method != SHAP || terms && s.curves == nil; needs && (background == nil || background.Len() == 0) {
		return nil, fmt.Errorf("%w: the background is empty; give at least one row to compare with", explain.ErrRows)
	}
	var err error
	switch form := s.form.(type) {
	case *explain.Terms:
		if method == SHAP && s.curves != nil {
			x.Basis = inTraining
			x.of, err = form.Centred()
			break
		}
		x.Basis = fmt.Sprintf("mean score of %d background rows", background.Len())
		x.of, err = form.Parts(background.Codes)
	case *explain.Ensemble:
		if method == SHAP {
			x.Basis = inTraining
			x.of, err = explain.New(form)
			break
		}
		some := Sample(background.Len(), MostBackground)
		codes := make([][]float64, len(some))
		for i, r := range some {
			codes[i] = background.Codes[r]
		}
		x.Basis = fmt.Sprintf("mean score of %d background rows", len(some))
		x.of, err = explain.Against(form, codes)
	default:
		err = fmt.Errorf("%w: %T", ErrMethod, form)
	}
	return x, err
}

// inTraining is the basis of what needs no background.
const inTraining = "mean score in training"

// Sample returns at most so many numbers below n, ascending, by the public coin.
func Sample(n, most int) []int {
	if n <= most {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	s := chance.NewStream(chance.Derive(chance.Seed{}, "explain", "sample"))
	var some []int
	for i := range n { // Knuth, The Art of Computer Programming, volume 2, algorithm 3.4.2S.
		if s.IntN(n-i) < most-len(some) {
			some = append(some, i)
		}
	}
	return some
}

// Explain returns the parts of the scores of rows lo up to, but without, hi. It refuses,
// with explain.ErrAdditivity, where they do not add up to the model's own scores.
func (x *Explainer) Explain(ctx context.Context, rows *Rows, lo, hi int) (*explain.Values, error) {
	some := rows.part(lo, hi)
	v, err := x.of.Explain(ctx, some.Codes)
	if err != nil {
		return nil, err
	}
	return v, x.subject.agree(v.Score, some.Scores, lo)
}

// Interactions is Explain with pairs of features.
func (x *Explainer) Interactions(ctx context.Context, rows *Rows, lo, hi int) (*explain.Interactions, error) {
	some := rows.part(lo, hi)
	v, err := x.of.Interactions(ctx, some.Codes)
	if err != nil {
		return nil, err
	}
	return v, x.subject.agree(v.Score, some.Scores, lo)
}

// agree holds the scores of the form to those of the model, which are whole units: a mean
// over folds is rounded by half of one. They differ by more where a score was held at the
// bound of all scores, and then no sum of parts explains it.
func (s *Subject) agree(form, own []float64, first int) error {
	for i, want := range own {
		if miss := math.Abs(form[i] - want); !(miss <= 0.51*s.unit+explain.Tolerance*math.Abs(want)) {
			return fmt.Errorf("%w: row %d: %v, the model says %v", explain.ErrAdditivity, first+i+1, form[i], want)
		}
	}
	return nil
}
