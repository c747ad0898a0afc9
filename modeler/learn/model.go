package learn

import (
	"comity/canon"
	"comity/modeler/fixed"
)

// Tree is a complete binary tree. The children of inner node i are 2i+1 and 2i+2.
type Tree struct {
	Splits []Split     // 2^depth - 1, level by level.
	Leaves []fixed.Q16 // 2^depth, from left to right.
}

func newTree(depth int) Tree {
	return Tree{make([]Split, 1<<depth-1), make([]fixed.Q16, 1<<depth)}
}

// value returns the leaf that a row's bins lead to.
func (t *Tree) value(row []uint8) fixed.Q16 {
	at := 0
	for at < len(t.Splits) {
		if t.Splits[at].goesRight(row) {
			at = 2*at + 2
		} else {
			at = 2*at + 1
		}
	}
	return t.Leaves[at-len(t.Splits)]
}

// add returns the score after one more tree, held within the bounds of scores.
func add(score, leaf fixed.Q16) fixed.Q16 {
	return min(max(score+leaf, -maxMagnitude), maxMagnitude)
}

// Model is the result of a training: recipe, edges and trees.
type Model struct {
	Config   Config
	Start    []fixed.Q16  // By ensemble: the median that the first tree starts from.
	Attempts []int        // By round: which attempt succeeded.
	Trees    [][]Tree     // By round and ensemble.
	Trace    canon.Digest // Chain over the sums the model was grown from (docs/format/model.md).
}

// Predict returns what one ensemble says about a row of bins, one of every feature as
// Config.Edges.Row gives them.
func (m *Model) Predict(row []uint8, ensemble int) fixed.Q16 {
	score := m.Start[ensemble]
	for _, trees := range m.Trees {
		score = add(score, trees[ensemble].value(row))
	}
	return score
}

// PredictOutside returns the out-of-fold prediction of a training row: that of the one
// ensemble of its task that did not learn from its fold. With one fold every ensemble
// learned from every row, and the prediction is not out of fold.
func (m *Model) PredictOutside(row []uint8, task, fold int) fixed.Q16 {
	return m.Predict(row, m.Config.Ensemble(task, fold))
}

// PredictMean returns the prediction for a new row: the mean over the folds of its task,
// rounded half away from zero.
func (m *Model) PredictMean(row []uint8, task int) fixed.Q16 {
	var sum int64
	for fold := range m.Config.Folds {
		sum += int64(m.Predict(row, m.Config.Ensemble(task, fold)))
	}
	return fixed.Q16(fixed.RoundDiv(sum, int64(m.Config.Folds)))
}
