package trees

import (
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// Where the score may only rise with a feature, a split on it is allowed only if the left
// side's leaf is not above the right side's, and from then on every leaf below the left
// side stays at or below the middle of the two, every one below the right side at or
// above it. So no later split, on whatever feature, can undo it. Source: XGBoost and
// LightGBM, "basic" method of monotone constraints.

// bounds hold the leaves below a node, before the learning rate.
type bounds struct{ lo, hi fixed.Q16 }

// free are the bounds of a root.
func free() bounds { return bounds{-learn.MaxMagnitude, learn.MaxMagnitude} }

func (b bounds) hold(v fixed.Q16) fixed.Q16 { return min(max(v, b.lo), b.hi) }

// leaf returns what rows would add to the scores, held within the node's bounds and
// before the learning rate.
func (g *growth) leaf(n *node, c cell) fixed.Q16 {
	return n.bounds.hold(g.cfg.Loss.Leaf(c.g, c.h, g.measure.lambda))
}

// whole returns what a node scores as it is.
func (g *growth) whole(n *node) int64 { return g.value(g.measure, n, n.total) }

// value returns what rows score with the leaf they would get below n. Where no bound
// holds that, it is the plain score.
func (g *growth) value(m measure, n *node, c cell) int64 {
	if !g.bounded {
		return m.score(c)
	}
	free := g.cfg.Loss.Leaf(c.g, c.h, g.measure.lambda)
	held := n.bounds.hold(free)
	if held == free {
		return m.score(c)
	}
	return m.off(c, g.step(held))
}

// step returns g/(h + lambda) of a leaf, the way back from loss.Leaf.
func (g *growth) step(leaf fixed.Q16) fixed.Q16 {
	if g.unit == 0 { // A loss of a logarithm.
		return fixed.Exp(leaf) - fixed.One
	}
	return fixed.Div(leaf, g.unit)
}

// off returns what rows score when they take a step that is not their best:
// 2 G step - (H + lambda) step^2, which may be negative.
func (m measure) off(c cell, step fixed.Q16) int64 {
	const most = 1 << 60 // Four of them add up below 2^63.
	linear := fixed.MulDiv(c.g, 2*int64(step), int64(fixed.One)>>m.after)
	weight := fixed.MulDiv(c.h+m.lambda, int64(step), int64(fixed.One))
	square := fixed.MulDiv(weight, int64(step), int64(fixed.One)>>m.after)
	return min(max(linear, -most), most) - min(max(square, -most), most)
}

// within tells whether a split keeps to the direction of its feature.
func (g *growth) within(n *node, left, right cell, direction int8) bool {
	if !g.bounded || direction == 0 {
		return true
	}
	l, r := g.leaf(n, left), g.leaf(n, right)
	return direction > 0 && l <= r || direction < 0 && l >= r
}

// divide returns the bounds of the two sides of a node's split.
func (g *growth) divide(n *node) (left, right bounds) {
	left, right = n.bounds, n.bounds
	if !g.bounded {
		return left, right
	}
	direction := g.cfg.Features[n.best.split.Feature].Monotone
	if direction == 0 {
		return left, right
	}
	l, r := g.leaf(n, n.best.left), g.leaf(n, n.total.minus(n.best.left))
	middle := (l + r) >> 1
	if direction > 0 {
		left.hi, right.lo = middle, middle
	} else {
		left.lo, right.hi = middle, middle
	}
	return left, right
}

// searchBounded is searchNumbers where some feature has a direction.
func (g *growth) searchBounded(n *node, bins []cell, direction int8) candidate {
	best := candidate{split: noSplit()}
	least := int64(g.cfg.MinRows)
	try := func(s Split, left cell) {
		right := n.total.minus(left)
		if left.n < least || right.n < least || !g.within(n, left, right, direction) {
			return
		}
		if gain := g.value(g.measure, n, left) + g.value(g.measure, n, right); gain > best.gain || best.split.Feature < 0 {
			best = candidate{s, gain, left}
		}
	}
	missing, values := bins[0], cell{}
	for b := 1; b < len(bins); b++ {
		if bins[b].n == 0 && b > 1 {
			continue
		}
		values = values.plus(bins[b])
		try(Split{Feature: 0, Bin: uint8(b)}, values.plus(missing))
		if missing.n > 0 {
			try(Split{Feature: 0, Bin: uint8(b), Right: true}, values)
		}
	}
	return best
}

// unitOf returns the residual that is one unit of a loss, or 0 where the score is a
// logarithm.
func unitOf(l loss.Loss) fixed.Q16 {
	if l.Kind == loss.Poisson || l.Kind == loss.Tweedie {
		return 0
	}
	return l.Leaf(loss.Unit, loss.Unit, 0) // The step of as much gradient as weight.
}
