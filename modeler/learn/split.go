package learn

import (
	"math/bits"

	"comity/modeler/fixed"
)

// Split is the question of one inner node.
type Split struct {
	Feature int   // Or -1: every row goes left.
	Bin     uint8 // Value bins up to this one go left, those above go right.
	Right   bool  // Where rows without a value go.
}

// goesRight answers the question for a row's bins.
func (s Split) goesRight(row []uint8) bool {
	if s.Feature < 0 {
		return false
	}
	if bin := row[s.Feature]; bin != 0 {
		return bin > s.Bin
	}
	return s.Right
}

// noSplit is the Split of a node that stays whole.
func noSplit() Split { return Split{Feature: -1} }

// score is how much of the loss a node can take away: G^2/(H + 1024 lambda), with 12
// bits after the point, rounded down (learning.md, "Forecasting recipe").
//
// For checked cells G^2/H is at most 2^20 rows, hence below 2^50, and the result below
// 2^62: two of them add up without overflow.
func score(c cell, lambda int64) int64 {
	weight := uint64(c.h + gradientScale*lambda) //nolint:gosec // Both are non-negative.
	if weight == 0 {
		return 0
	}
	g := uint64(max(c.g, -c.g)) //nolint:gosec // A magnitude.
	hi, lo := bits.Mul64(g, g)
	const after = 12
	quotient, _ := bits.Div64(hi<<after|lo>>(64-after), lo<<after, weight)
	return int64(quotient) //nolint:gosec // Below 2^62 by the bound above.
}

// candidate is the best split found so far.
type candidate struct {
	split Split
	gain  int64
	left  cell
}

// search returns the split of a node that takes away the most loss, if any takes away
// more than none does. Of equal ones the first wins: lower feature, then lower bin, then
// missing values to the left.
func (g *growth) search(n *node, cfg *Config) candidate {
	best := candidate{split: noSplit(), gain: score(n.total, int64(cfg.Lambda)), left: n.total}
	least := int64(cfg.MinRows)
	try := func(s Split, left cell) {
		right := n.total.minus(left)
		if left.n < least || right.n < least {
			return
		}
		if gain := score(left, int64(cfg.Lambda)) + score(right, int64(cfg.Lambda)); gain > best.gain {
			best = candidate{s, gain, left}
		}
	}
	for k, feature := range g.features {
		bins := n.bins[g.offsets[k]:g.offsets[k+1]]
		missing, values := bins[0], cell{}
		for b := 1; b < len(bins); b++ {
			if bins[b].n == 0 && b > 1 {
				continue // The same sides as at the bin before, which wins ties.
			}
			values = values.plus(bins[b])
			try(Split{feature, uint8(b), false}, values.plus(missing))
			if missing.n > 0 {
				try(Split{feature, uint8(b), true}, values)
			}
		}
	}
	return best
}

// leaf returns what a node adds to the scores of its rows:
// rate delta G/(H + 1024 lambda), rounded half away from zero.
func leaf(c cell, cfg *Config) fixed.Q16 {
	weight := c.h + gradientScale*int64(cfg.Lambda)
	if c.n == 0 {
		return 0
	}
	v := fixed.MulDiv(c.g, int64(cfg.Delta)*int64(cfg.RatePermille), weight*permille)
	return fixed.Q16(min(max(v, -maxMagnitude), maxMagnitude))
}
