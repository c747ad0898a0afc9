package explain

import (
	"fmt"
	"math"
)

// Bounds of an ensemble. They keep a hostile model from taking memory or time without end.
const (
	maxFeatures = 1 << 16
	maxNodes    = 1 << 24
	maxDepth    = 512 // Splits between root and leaf.
	maxOnPath   = 64  // Different features between root and leaf: a row's way is a word of 64 bits.
	maxWords    = 1024
)

// Ensemble is a sum of trees: the neutral form to which tree models are converted.
//
// A row has one float64 for each feature; NaN is a missing value. The feature of a
// categorical split holds whole numbers, its codes.
type Ensemble struct {
	Features int     // 1 to 65,536: how many values a row has.
	Start    float64 // What the score is before the first tree.
	Trees    []Tree
}

// Tree is a binary tree; node 0 is its root, and children stand behind their parents.
type Tree []Node

// Node is a split or, with Feature below 0, a leaf.
type Node struct {
	Feature     int      // The feature that is looked at; -1: a leaf.
	Threshold   float64  // Values at most this go left, those above go right.
	Set         []uint64 // If not nil: codes c with bit c%64 of word c/64 go left, other codes in it right.
	MissingLeft bool     // Where missing values go, and what is no code of the set.
	Left, Right int      // Places of the children.
	Value       float64  // Of a leaf: what it adds to the score.
	Cover       float64  // How many rows, or how much weight, came here in training.
}

// Covered tells whether anything is known about who came where. Without covers only
// explanations against a background are defined; Recover counts them anew.
func (e *Ensemble) Covered() bool {
	for _, t := range e.Trees {
		if len(t) > 0 && !(t[0].Cover > 0) {
			return false
		}
	}
	return true
}

// goesLeft tells where a value of its feature goes.
func (n *Node) goesLeft(x float64) bool {
	if n.Set == nil {
		return x <= n.Threshold || n.MissingLeft && math.IsNaN(x)
	}
	if !(x >= 0 && x < float64(64*len(n.Set))) || x != math.Trunc(x) {
		return n.MissingLeft
	}
	code := int(x)
	return n.Set[code/64]>>(code%64)&1 == 1
}

// value returns the leaf's value that a row is led to.
func (t Tree) value(row []float64) float64 {
	at := 0
	for t[at].Feature >= 0 {
		n := &t[at]
		if n.goesLeft(row[n.Feature]) {
			at = n.Left
		} else {
			at = n.Right
		}
	}
	return t[at].Value
}

// Score returns the model's score of a row of e.Features values.
func (e *Ensemble) Score(row []float64) float64 {
	score := e.Start
	for _, t := range e.Trees {
		score += t.value(row)
	}
	return score
}

// Recover returns the same trees with covers counted anew: how many of the rows come to
// each node. Path-dependent explanations of the result are about those rows.
func (e *Ensemble) Recover(rows [][]float64) (*Ensemble, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := checkRows(rows, e.Features); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: no rows to count covers from", ErrRows)
	}
	out := &Ensemble{e.Features, e.Start, make([]Tree, len(e.Trees))}
	for i, t := range e.Trees {
		fresh := append(Tree{}, t...)
		for at := range fresh {
			fresh[at].Cover = 0
		}
		for _, row := range rows {
			fresh.count(row)
		}
		out.Trees[i] = fresh
	}
	return out, nil
}

func (t Tree) count(row []float64) {
	at := 0
	for {
		n := &t[at]
		n.Cover++
		switch {
		case n.Feature < 0:
			return
		case n.goesLeft(row[n.Feature]):
			at = n.Left
		default:
			at = n.Right
		}
	}
}

// check refuses what is no ensemble of trees with ErrModel.
func (e *Ensemble) check() error {
	if e.Features < 1 || e.Features > maxFeatures {
		return fmt.Errorf("%w: %d features; 1 to %d are possible", ErrModel, e.Features, maxFeatures)
	}
	if !finite(e.Start) {
		return fmt.Errorf("%w: it starts at %v", ErrModel, e.Start)
	}
	nodes := 0
	for i, t := range e.Trees {
		if nodes += len(t); len(t) == 0 || nodes > maxNodes {
			return fmt.Errorf("%w: tree %d: %d nodes, %d so far; a tree has at least 1, all have at most %d", ErrModel, i, len(t), nodes, maxNodes)
		}
		if err := t.check(e.Features); err != nil {
			return fmt.Errorf("%w: tree %d: %w", ErrModel, i, err)
		}
	}
	return nil
}

// slack is by how much, relative to a node's, its children's covers may miss it: weights
// that are sums of many floats.
const slack = 1e-6

func (t Tree) check(features int) error {
	parents := make([]int, len(t))
	depth := make([]int, len(t))
	for at := range t {
		n := &t[at]
		if !finite(n.Value) || !finite(n.Cover) || n.Cover < 0 {
			return fmt.Errorf("node %d has value %v and cover %v", at, n.Value, n.Cover)
		}
		if at > 0 && parents[at] != 1 {
			return fmt.Errorf("node %d is the child of %d nodes before it, not of 1", at, parents[at])
		}
		if n.Feature < 0 {
			continue
		}
		if n.Feature >= features || math.IsNaN(n.Threshold) || len(n.Set) > maxWords {
			return fmt.Errorf("node %d splits feature %d of %d at %v, or by a set of %d words", at, n.Feature, features, n.Threshold, len(n.Set))
		}
		if depth[at] == maxDepth {
			return fmt.Errorf("node %d stands below %d splits", at, maxDepth)
		}
		for _, child := range []int{n.Left, n.Right} {
			if child <= at || child >= len(t) {
				return fmt.Errorf("node %d has child %d; a child stands behind its parent, before %d", at, child, len(t))
			}
			parents[child]++
			depth[child] = depth[at] + 1
		}
		if both := t[n.Left].Cover + t[n.Right].Cover; math.Abs(both-n.Cover) > slack*n.Cover {
			return fmt.Errorf("node %d covers %v, its children %v", at, n.Cover, both)
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
