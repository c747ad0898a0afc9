package trees

import (
	"cmp"
	"slices"

	"comity/modeler/fixed"
	"comity/modeler/learn/loss"
)

// smoothing is how many rows' worth of weight pull a category's mean gradient to zero
// before categories are ordered by it, and a side's score besides: with many categories
// of few rows the best set is mostly luck (LightGBM, parameters cat_smooth and cat_l2,
// both 10).
const smoothing = 10 * loss.Unit

// searchSets orders the categories with rows by their mean gradient, smoothed, and tries
// every beginning of that order as the set that goes left: for a convex loss the best of
// all sets is among them (Fisher, "On Grouping for Maximum Homogeneity", 1958). Equal
// means stand in the order of bins; shorter beginnings win ties.
//
// Bins without rows, such as that of keys never seen, go with the side that has more
// rows, the left one if equal.
func (g *growth) searchSets(n *node, bins []cell) candidate {
	type mean struct {
		bin   int
		value int64
	}
	order := make([]mean, 0, len(bins))
	for b, c := range bins {
		if c.n > 0 {
			order = append(order, mean{b, fixed.MulDiv(c.g, 1<<20, c.h+smoothing)})
		}
	}
	slices.SortStableFunc(order, func(a, b mean) int { return cmp.Compare(a.value, b.value) })
	m := measure{g.measure.lambda + smoothing, g.measure.after}
	best, most := candidate{split: noSplit()}, 0
	least := int64(g.cfg.MinRows)
	var left cell
	for i, at := range order {
		left = left.plus(bins[at.bin])
		right := n.total.minus(left)
		if right.n < least {
			break
		}
		if left.n < least || !g.within(n, left, right, 0) {
			continue
		}
		gain := g.value(m, n, left) + g.value(m, n, right)
		if gain > best.gain || best.split.Feature < 0 {
			best, most = candidate{Split{Feature: 0}, gain, left}, i+1
		}
	}
	if most == 0 {
		return best
	}
	best.split.Set = &Set{}
	for _, at := range order[:most] {
		best.split.Set.add(at.bin)
	}
	if 2*best.left.n >= n.total.n {
		for b, c := range bins {
			if c.n == 0 {
				best.split.Set.add(b)
			}
		}
	}
	return best
}
