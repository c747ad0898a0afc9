// Package additive grows the default model of Comity: a sum of one exact curve a feature,
// and of one small table for each of a few pairs of features. Whoever reads the curves
// has read the model; there is nothing else in it.
//
// Curves grow by boosting. One sum carries the gradients of all features by bin, and all
// curves take a small step at once, so that a model needs tens of sums, however many
// features it has. Several models grow side by side in the same sums, each without one
// fold of the rows by the public coin: their mean is the model, their spread the standard
// error of each value, and what each says about the fold it has not seen decides when to
// stop. Sums, rules and bytes are in docs/format/additive.md.
//
// The form of the model is that of Lou, Caruana, Gehrke and Hooker, "Accurate
// Intelligible Models with Pairwise Interactions" (2013).
package additive

import (
	"comity/canon"
	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// Model is the result of a training.
type Model struct {
	Config    Config
	Intercept fixed.Q16
	Shapes    []Shape // By feature.
	Pairs     []Pair  // In the order in which they were chosen.

	Rounds     int // Steps that the curves took.
	PairRounds int // Steps that the tables took.
	Attempt    int // In force at the end.
	// Before and After are the mean losses of rows under a model that has not seen them:
	// of the constant model and of this one. Both are 0 with a single fold.
	Before, After int64
	Trace         learn.Trace // Chain over the sums that the model follows from.
}

// Shape is the curve of one feature. Over the rows of the training its mean is zero,
// give or take half a unit of 2^-16.
type Shape struct {
	Value []fixed.Q16 // By bin; bin 0 is that of missing values.
	// Error is the standard error of each value, by the jackknife over the folds; zeros
	// with a single fold.
	Error []fixed.Q16
}

// Pair is what two features add together, beyond what their curves do.
type Pair struct {
	A, B           int     // Features, A < B.
	GroupA, GroupB []uint8 // By bin: the row or column of the table.
	// Value is the table, row by row of A. Over the rows of the training, each of its
	// rows and columns has a mean of about zero.
	Value []fixed.Q16
}

// columns returns the number of columns of the table.
func (p *Pair) columns() int { return groups(p.GroupB) }

// groups returns how many groups the bins of a feature fall into.
func groups(of []uint8) int {
	most := 0
	for _, g := range of {
		most = max(most, int(g)+1)
	}
	return most
}

// At returns what the pair adds to the score of a row of bins.
func (p *Pair) At(row []uint8) fixed.Q16 {
	return p.Value[int(p.GroupA[row[p.A]])*p.columns()+int(p.GroupB[row[p.B]])]
}

// Score returns the score of a row of bins, one of every feature as Features.Row gives
// them: the intercept, the value of every curve and that of every table. Loss.Mean makes
// a prediction of it.
func (m *Model) Score(row []uint8) fixed.Q16 {
	score := m.Intercept
	for f, bin := range row {
		score += m.Shapes[f].Value[bin]
	}
	for i := range m.Pairs {
		score += m.Pairs[i].At(row)
	}
	return learn.Add(score, 0)
}

// Digest returns the digest of the byte form.
func (m *Model) Digest() canon.Digest { return canon.Sum(m.Encode()) }
