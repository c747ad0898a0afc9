package linear

import (
	"fmt"
	"math/big"
)

// Tree is a proof by cases: cuts that hold everywhere, and splits of whole columns until
// prices settle each leaf.
type Tree struct {
	// Cutoff is an objective that some feasible point reaches. With it the tree is only
	// about points that are at least as good.
	Cutoff *Ratio `json:"cutoff,omitempty"`
	Cuts   []Cut  `json:"cuts"`  // Each may build on those before it.
	Nodes  []Node `json:"nodes"` // In preorder; a split is followed by its lower, then its upper side.
}

// Node is a split or, without one, a leaf.
type Node struct {
	Split *Split `json:"split,omitempty"`
	Leaf  *Leaf  `json:"leaf,omitempty"`
}

// Split says: the column is at most At, or at least At + 1.
type Split struct {
	Column int   `json:"column"`
	At     Whole `json:"at"`
}

// Leaf is settled by prices of the rows. They bound the objective or, as a ray, show that
// nothing is there.
type Leaf struct {
	Ray    bool        `json:"ray"`
	Prices Combination `json:"prices"`
}

// Limits of a tree. A tree deeper than this has lost its way.
const (
	maxDepth = 1 << 10
	maxCuts  = 1 << 12
)

// Branch is a place in a tree: a System with some columns held within narrower bounds.
type Branch struct {
	system  *System
	columns []interval
}

// Root is the whole system.
func (s *System) Root() Branch { return Branch{s, s.columns} }

// Sides returns the two sides of a split. They cover the branch, since no whole number
// lies between them.
func (b Branch) Sides(split Split) (low, high Branch, err error) {
	j := split.Column
	if j < 0 || j >= len(b.columns) || !b.columns[j].whole {
		return low, high, fmt.Errorf("%w: a split of column %d, which is not whole", ErrShape, j)
	}
	at := new(big.Rat).SetInt(split.At.big())
	next := new(big.Rat).Add(at, big.NewRat(1, 1))
	low, high = Branch{b.system, append([]interval{}, b.columns...)}, Branch{b.system, append([]interval{}, b.columns...)}
	if c := &low.columns[j]; c.upper == nil || c.upper.Cmp(at) > 0 {
		c.upper = at
	}
	if c := &high.columns[j]; c.lower == nil || c.lower.Cmp(next) < 0 {
		c.lower = next
	}
	return low, high, nil
}

// Settle returns what a leaf proves: the most that the objective without its constant
// can be, maximised; or nil if nothing is there.
func (b Branch) Settle(l Leaf) (*big.Rat, error) {
	u, err := b.system.worth(b.columns, l.Prices, l.Ray)
	switch {
	case err != nil:
		return nil, err
	case b.system.empty:
		return nil, nil
	case !l.Ray:
		return b.system.stepped(u), nil
	case u.Sign() >= 0:
		return nil, fmt.Errorf("%w: the bound of the prices is %.60s and must be below 0", ErrRay, u.RatString())
	}
	return nil, nil
}

// settle returns the best that any leaf of a tree leaves, or nil if all are empty.
func (t Tree) settle(s *System) (*big.Rat, error) {
	if len(t.Cuts) > maxCuts {
		return nil, fmt.Errorf("%w: %d cuts, at most %d", ErrShape, len(t.Cuts), maxCuts)
	}
	for k, c := range t.Cuts {
		if err := s.AddCut(c); err != nil {
			return nil, fmt.Errorf("cut %d: %w", k, err)
		}
	}
	w := &walk{nodes: t.Nodes}
	if err := w.visit(s.Root(), 0); err != nil {
		return nil, fmt.Errorf("node %d of %d: %w", w.next-1, len(t.Nodes), err)
	}
	if w.next != len(t.Nodes) {
		return nil, fmt.Errorf("%w: a tree of %d nodes ends after %d", ErrShape, len(t.Nodes), w.next)
	}
	return w.best, nil
}

// walk goes through a tree in preorder.
type walk struct {
	nodes []Node
	next  int
	best  *big.Rat
}

func (w *walk) visit(at Branch, depth int) error {
	if w.next >= len(w.nodes) || depth > maxDepth {
		return fmt.Errorf("%w: a side of a split is missing, or the tree is deeper than %d", ErrShape, maxDepth)
	}
	n := w.nodes[w.next]
	w.next++
	switch {
	case n.Split != nil && n.Leaf == nil:
		low, high, err := at.Sides(*n.Split)
		if err != nil {
			return err
		}
		if err := w.visit(low, depth+1); err != nil {
			return err
		}
		return w.visit(high, depth+1)
	case n.Leaf != nil && n.Split == nil:
		u, err := at.Settle(*n.Leaf)
		if err == nil && u != nil && (w.best == nil || w.best.Cmp(u) < 0) {
			w.best = u
		}
		return err
	}
	return fmt.Errorf("%w: a node must be a split or a leaf", ErrShape)
}

// StateBranched computes the certificate that a feasible point and a tree give. The
// bound is the worst leaf's or, if every leaf does better, the point's own objective.
func StateBranched(p Programme, point Vector, t Tree) (Certificate, error) {
	objective, err := Objective(p, point)
	if err != nil {
		return Certificate{}, err
	}
	if t.Cutoff != nil && better(p, t.Cutoff.big(), objective) {
		return Certificate{}, fmt.Errorf("%w: the tree is about points worth %.60s, the point is worth %.60s", ErrStated, t.Cutoff, objective.RatString())
	}
	s, err := t.system(p)
	if err != nil {
		return Certificate{}, err
	}
	best, err := t.settle(s)
	if err != nil {
		return Certificate{}, err
	}
	gap := new(big.Rat)
	if best != nil {
		if gap.Sub(best, s.Worth(p, objective)); gap.Sign() < 0 {
			gap.SetInt64(0)
		}
	}
	bound := new(big.Rat).Add(objective, gap)
	if !p.Maximise {
		bound.Sub(objective, gap)
	}
	return seal(p, Certificate{
		Status: Optimal, Point: &point, Tree: &t,
		Objective: &Ratio{objective}, Bound: &Ratio{bound}, Gap: &Ratio{gap},
	})
}

// better tells whether one objective is better than another.
func better(p Programme, a, b *big.Rat) bool {
	if p.Maximise {
		return a.Cmp(b) > 0
	}
	return a.Cmp(b) < 0
}

func (t Tree) system(p Programme) (*System, error) {
	if t.Cutoff == nil {
		return NewSystem(p, nil)
	}
	return NewSystem(p, t.Cutoff.big())
}

// Worth returns an objective of p as leaves count it: maximised, without the constant.
func (s *System) Worth(p Programme, objective *big.Rat) *big.Rat {
	worth := new(big.Rat).Sub(objective, p.Constant.Big())
	if !p.Maximise {
		worth.Neg(worth)
	}
	return worth
}

// StateEmpty computes the certificate of a tree without a leaf that leaves anything.
func StateEmpty(p Programme, t Tree) (Certificate, error) {
	if t.Cutoff != nil {
		return Certificate{}, fmt.Errorf("%w: a cutoff in a proof that there is no point", ErrShape)
	}
	s, err := t.system(p)
	if err != nil {
		return Certificate{}, err
	}
	best, err := t.settle(s)
	if err != nil {
		return Certificate{}, err
	}
	if best != nil {
		return Certificate{}, fmt.Errorf("%w: a leaf is not shown to be empty", ErrRay)
	}
	return seal(p, Certificate{Status: Infeasible, Tree: &t})
}

// Programme returns the branch in the form that solvers are given.
func (b Branch) Programme() Programme {
	at := *b.system
	at.columns = b.columns
	return at.Programme()
}
