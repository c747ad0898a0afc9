package fitted

import (
	"comity/modeler/explain"
	"comity/modeler/learn/trees"
)

// trees converts the ensembles of the one task that a table's model has: the mean over its
// folds is a sum of trees of smaller leaves.
func (s *Subject) trees(m *trees.Model) *explain.Ensemble {
	folds := m.Config.Folds
	unit := s.unit / float64(folds)
	e := &explain.Ensemble{Features: len(m.Config.Features), Start: s.shift}
	for fold := range folds {
		at := m.Config.Ensemble(0, fold)
		e.Start += unit * float64(m.Start[at])
		for _, round := range m.Trees {
			e.Trees = append(e.Trees, convert(&round[at], unit))
		}
	}
	return e
}

// convert makes a neutral tree of one over bins: a bin is its own code, but for bin 0 of a
// number, which stands for missing values.
func convert(t *trees.Tree, unit float64) explain.Tree {
	out := make(explain.Tree, len(t.Nodes))
	for i, n := range t.Nodes {
		to := &out[i]
		to.Feature, to.Cover = n.Split.Feature, float64(n.Rows)
		if n.Leaf() {
			to.Feature, to.Value = -1, unit*float64(n.Value)
			continue
		}
		to.Left, to.Right = n.Left, n.Left+1
		to.Threshold, to.MissingLeft = float64(n.Split.Bin), !n.Split.Right
		if set := n.Split.Set; set != nil {
			to.Set = append([]uint64{}, set[:]...)
		}
	}
	return out
}
