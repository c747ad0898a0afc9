package trees

import (
	"cmp"
	"slices"

	"comity/modeler/learn/internal/parallel"
)

// choose decides, after a sum was read, which nodes are split and what the next sum is
// asked for. Nothing is asked for once the tree is done.
func (g *growth) choose() {
	g.asked = g.asked[:0]
	_ = parallel.Each(len(g.fresh), func(i int) error {
		g.fresh[i].best = g.search(g.fresh[i])
		return nil
	})
	for _, n := range g.fresh {
		if n.best.split.Feature < 0 {
			g.drop(n)
		}
	}
	if g.cfg.MaxLeaves == 0 {
		g.chooseAll()
	} else {
		g.chooseBest()
	}
}

// chooseAll splits every node that has a split and goes one level down.
func (g *growth) chooseAll() {
	level := g.fresh
	g.fresh = nil
	slices.SortFunc(level, func(a, b *node) int { return a.number - b.number }) // From left to right.
	for _, n := range level {
		if n.best.split.Feature < 0 {
			continue
		}
		n.split = true
		g.part(n)
		if g.fertile(n) {
			g.ask(n)
		} else {
			g.drop(n)
		}
	}
}

// chooseBest splits the leaf that gains most until the tree has all its leaves: leaf-wise
// growth as in LightGBM (Shi, "Best-first Decision Tree Learning", 2007).
//
// It plays that through on what is known so far. What is not known can only come in
// between and push others out, so whoever is not split in play never will be; of those
// who are, it asks for the children that are not known yet, in the order of play. When
// nothing is left to ask for, the play was the truth.
func (g *growth) chooseBest() {
	g.fresh = nil
	played, asked := g.play()
	for _, n := range asked[:min(len(asked), g.cfg.Ahead)] {
		g.part(n)
		g.ask(n)
	}
	if len(asked) > 0 {
		return
	}
	for _, n := range played {
		n.split = true
		if n.left == nil {
			g.part(n)
		}
	}
}

// play returns the nodes that are split as far as is known, and those of them whose
// children need to be known, both in their order.
func (g *growth) play() (played, asked []*node) {
	var open []*node // Leaves with a split, in order of gain.
	put := func(n *node) {
		if n.best.split.Feature >= 0 {
			at, _ := slices.BinarySearchFunc(open, n, byGain)
			open = slices.Insert(open, at, n)
		}
	}
	put(g.root)
	for len(open) > 0 && len(played)+1 < g.cfg.MaxLeaves {
		first := open[0]
		open = open[1:]
		played = append(played, first)
		switch last := len(played)+1 == g.cfg.MaxLeaves; {
		case last || !g.fertile(first): // Nobody needs to know its children.
		case first.left == nil:
			asked = append(asked, first)
		default:
			put(first.left)
			put(first.right)
		}
	}
	return played, asked
}

// byGain puts the leaf that gains most first, of equal ones the less deep, then the one
// more to the left.
func byGain(a, b *node) int {
	if order := cmp.Or(cmp.Compare(b.best.gain, a.best.gain), cmp.Compare(a.depth, b.depth)); order != 0 {
		return order
	}
	return leftFirst(a, b)
}

// leftFirst compares two nodes of one depth.
func leftFirst(a, b *node) int {
	if a == b {
		return 0
	}
	for a.parent != b.parent {
		a, b = a.parent, b.parent
	}
	if a.parent.left == a {
		return -1
	}
	return 1
}
