package explain

import (
	"fmt"
	"math/bits"
)

// step is a node in the order in which a row is followed through all of a tree: a left
// child stands right behind its parent.
type step struct {
	Node // A copy: the ensemble may change later.

	right int    // Place of the right child; of a leaf its number.
	bit   uint64 // The place of the feature among those of the paths below, as a power of two.
}

// leaf is the path to one leaf. A row's way is a word: bit k is set if the row's value of
// the path's k-th feature passes every split of that feature on the path. The row comes to
// the leaf if all bits are set. Nothing else of the row matters.
type leaf struct {
	at       int // Its place among the steps.
	value    float64
	features []int     // In the order in which they are met.
	reach    []float64 // By feature: the share of covers that passes its splits, 0 to 1.
	full     uint64    // All bits.
}

// route is a tree as a list of steps.
type route struct {
	steps  []step
	leaves []leaf
}

// newRoute lays out a tree that was checked.
func newRoute(t Tree) (*route, error) {
	r := &route{steps: make([]step, 0, len(t))}
	if err := r.add(t, 0, leaf{}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return r, nil
}

// add appends the node at a place, met after the path, and all below it.
func (r *route) add(t Tree, at int, path leaf) error {
	n, here := &t[at], len(r.steps)
	if n.Feature < 0 {
		path.at, path.value = here, n.Value
		r.steps = append(r.steps, step{Node: *n, right: len(r.leaves)})
		r.leaves = append(r.leaves, path)
		return nil
	}
	k, known := path.find(n.Feature)
	if !known && k == maxOnPath {
		return fmt.Errorf("a path has more than %d different features", maxOnPath)
	}
	r.steps = append(r.steps, step{Node: *n, bit: 1 << k})
	left := share(t, n)
	if err := r.add(t, n.Left, path.with(n.Feature, left)); err != nil {
		return err
	}
	r.steps[here].right = len(r.steps)
	return r.add(t, n.Right, path.with(n.Feature, 1-left))
}

// share is how much of a node's cover went left. Where nobody came both sides weigh the same.
func share(t Tree, n *Node) float64 {
	left, right := t[n.Left].Cover, t[n.Right].Cover
	if left+right == 0 {
		return 0.5
	}
	return left / (left + right)
}

// find returns the place of a feature on the path, or the next free one.
func (l *leaf) find(feature int) (int, bool) {
	for k, f := range l.features {
		if f == feature {
			return k, true
		}
	}
	return len(l.features), false
}

// with returns a copy of the path with one more split, which the share of covers passes.
func (l *leaf) with(feature int, share float64) leaf {
	k, known := l.find(feature)
	out := leaf{
		features: append([]int{}, l.features...),
		reach:    append([]float64{}, l.reach...),
	}
	if !known {
		out.features, out.reach = append(out.features, feature), append(out.reach, 1)
	}
	out.reach[k] *= share
	out.full = 1<<len(out.features) - 1 // 64 features: all bits of the word.
	return out
}

// follow writes the row's way to every node; that to a leaf is all the leaf needs to know.
// ways has room for all steps.
func (r *route) follow(row []float64, ways []uint64) {
	ways[0] = ^uint64(0)
	for i := range r.steps {
		s := &r.steps[i]
		if s.Feature < 0 {
			continue
		}
		way := ways[i]
		ways[i+1], ways[s.right] = way, way
		if s.goesLeft(row[s.Feature]) {
			ways[s.right] &^= s.bit
		} else {
			ways[i+1] &^= s.bit
		}
	}
}

// places returns the places of the bits that are set.
func places(way uint64, into []int) []int {
	into = into[:0]
	for ; way != 0; way &= way - 1 {
		into = append(into, bits.TrailingZeros64(way))
	}
	return into
}
