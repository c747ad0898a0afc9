// Package explain says why a model gave its scores: what each feature adds to a score
// (Shapley values), how the score moves with a feature (shapes), which features matter
// (importances), and what the smallest change is that would have changed the outcome
// (counterfactuals).
//
// It knows two forms of model, to which every learner's models are converted: an Ensemble
// of trees, and Terms of one or two features each. Explanations are statistics for people
// to read, in floating point; nothing here is hashed, signed or replayed. Because they are
// statistics their error is stated: what the features add, and the base, must give the
// model's score within Tolerance, and an explanation that does not is refused.
//
// Shapley values: Lundberg et al., "From local explanations to global understanding with
// explainable AI for trees", Nature Machine Intelligence 2 (2020).
package explain

import (
	"errors"
	"fmt"
	"math"
)

var (
	// ErrModel says that a model's form is not that of a tree or a term.
	ErrModel = errors.New("not a model that can be explained")
	// ErrRows says that rows do not fit the model, or that there are none where some are needed.
	ErrRows = errors.New("rows do not fit the model")
	// ErrAdditivity says that values do not add up to the score. It is a refusal: no such
	// explanation is returned.
	ErrAdditivity = errors.New("the parts of an explanation do not add up to the score")
	// ErrBounds says that a limit, a seed or a wish is out of bounds.
	ErrBounds = errors.New("out of bounds")
)

// Tolerance bounds what an explanation may miss of the score, relative to the sum of the
// magnitudes of its parts, or to 1 where that is smaller.
const Tolerance = 1e-9

// Values explain scores row by row, on the model's own scale of scores (for a probability
// its log-odds, for a count its logarithm).
type Values struct {
	Base  float64     // The score of a row of which nothing is known.
	Phi   [][]float64 // By row and feature: what the feature's value adds to the base.
	Score []float64   // By row: the model's score; Base and the row of Phi add up to it.
	Error float64     // The largest difference between a score and its parts, at most Tolerance of their size.
}

// newValues returns values of zero for rows of so many features, in one block of memory.
func newValues(rows, features int) *Values {
	return &Values{Phi: matrix(rows, features), Score: make([]float64, rows)}
}

func matrix(rows, columns int) [][]float64 {
	all := make([]float64, rows*columns)
	m := make([][]float64, rows)
	for r := range m {
		m[r] = all[r*columns : (r+1)*columns : (r+1)*columns]
	}
	return m
}

// check holds every row to its score.
func (v *Values) check() error {
	for r, phi := range v.Phi {
		sum, size := v.Base, math.Abs(v.Base)
		for _, p := range phi {
			sum += p
			size += math.Abs(p)
		}
		miss := math.Abs(sum - v.Score[r])
		if !(miss <= Tolerance*max(1, size)) { // Not a number is refused too.
			return fmt.Errorf("%w: row %d: base %v and parts give %v, the model %v", ErrAdditivity, r, v.Base, sum, v.Score[r])
		}
		v.Error = max(v.Error, miss)
	}
	return nil
}

// checkRows refuses rows that are too short or too long.
func checkRows(rows [][]float64, features int) error {
	for r, row := range rows {
		if len(row) != features {
			return fmt.Errorf("%w: row %d has %d values, the model reads %d features", ErrRows, r, len(row), features)
		}
	}
	return nil
}
