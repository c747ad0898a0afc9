package trees

import (
	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// Tree is a binary tree. Node 0 is its root; the children of a node stand side by side,
// after it and after the children of all nodes before it.
type Tree struct{ Nodes []Node }

// Node is an inner node or a leaf.
type Node struct {
	Split Split     // Of a leaf, the one of feature -1.
	Left  int       // The left child's place; the right one's is Left + 1. 0 in a leaf.
	Rows  int64     // How many sampled rows of all members came here: what explanations weigh it by.
	Value fixed.Q16 // What a leaf adds to a score.
}

// Leaf tells whether the node is a leaf.
func (n *Node) Leaf() bool { return n.Split.Feature < 0 }

// value returns the leaf that a row's bins lead to.
func (t *Tree) value(row []uint8) fixed.Q16 {
	n := &t.Nodes[0]
	for !n.Leaf() {
		at := n.Left
		if n.Split.GoesRight(row) {
			at++
		}
		n = &t.Nodes[at]
	}
	return n.Value
}

// find is value for a row of a table.
func (t *Tree) find(rows *table, row uint32) fixed.Q16 {
	n := &t.Nodes[0]
	for !n.Leaf() {
		at := n.Left
		if n.Split.right(rows.bin(n.Split.Feature, row)) {
			at++
		}
		n = &t.Nodes[at]
	}
	return n.Value
}

// Model is the result of a training: recipe, features and trees.
type Model struct {
	Config   Config
	Start    []fixed.Q16 // By ensemble: the best constant, from which the first tree starts.
	Attempts []int       // By round: which attempt succeeded.
	Trees    [][]Tree    // By round and ensemble. Fewer than Config.Rounds where validation ended the training.
	Trace    learn.Trace // Over the sums the model was grown from (docs/format/model.md).
}

// Predict returns the score that one ensemble gives a row of bins, one of every feature
// as Config.Features.Row gives them. Config.Loss.Mean makes a prediction of it.
func (m *Model) Predict(row []uint8, ensemble int) fixed.Q16 {
	score := m.Start[ensemble]
	for _, trees := range m.Trees {
		score = learn.Add(score, trees[ensemble].value(row))
	}
	return score
}

// PredictOutside returns the out-of-fold score of a training row: that of the one
// ensemble of its task that did not learn from its fold. With one fold every ensemble
// learned from every row, and the score is not out of fold.
func (m *Model) PredictOutside(row []uint8, task, fold int) fixed.Q16 {
	return m.Predict(row, m.Config.Ensemble(task, fold))
}

// PredictMean returns the score of a new row: the mean over the folds of its task,
// rounded half away from zero.
func (m *Model) PredictMean(row []uint8, task int) fixed.Q16 {
	var sum int64
	for fold := range m.Config.Folds {
		sum += int64(m.Predict(row, m.Config.Ensemble(task, fold)))
	}
	return fixed.Q16(fixed.RoundDiv(sum, int64(m.Config.Folds)))
}

// Score returns PredictMean for a model of one task.
func (m *Model) Score(row []uint8) fixed.Q16 { return m.PredictMean(row, 0) }
