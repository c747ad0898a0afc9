package trees

import (
	"math/bits"

	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// Split is the question of one inner node.
type Split struct {
	Feature int   // Or -1: the node is a leaf.
	Bin     uint8 // Numbers: value bins up to this one go left, those above go right.
	Right   bool  // Numbers: where rows without a value go.
	Set     *Set  // Categories: the bins that go left. Nil for numbers.
}

// Set is a set of bins.
type Set [4]uint64

// Has tells whether bin is in the set.
func (s *Set) Has(bin uint8) bool { return s[bin>>6]>>(bin&63)&1 == 1 }

func (s *Set) add(bin int) { s[bin>>6] |= 1 << (bin & 63) }

// GoesRight answers the question for a row's bins.
func (s *Split) GoesRight(row []uint8) bool { return s.right(row[s.Feature]) }

// right answers the question for the bin of its feature.
func (s *Split) right(bin uint8) bool {
	switch {
	case s.Set != nil:
		return !s.Set.Has(bin)
	case bin != 0:
		return bin > s.Bin
	default:
		return s.Right
	}
}

// sides answers the question for all bins: 0 left, 1 right.
func (s *Split) sides() *[learn.MaxBins]uint8 {
	var sides [learn.MaxBins]uint8
	for bin := range sides {
		if s.right(uint8(bin)) {
			sides[bin] = 1
		}
	}
	return &sides
}

// noSplit is the Split of a leaf.
func noSplit() Split { return Split{Feature: -1} }

// measure says how much of the loss rows can take away.
type measure struct {
	lambda int64 // In units of weight.
	after  int   // Bits after the point of a score.
}

// measure returns the one of a recipe. With a bound of 2^b on gradients G^2/H is at most
// 2^(2b+20) rows, hence below 2^(2b+50): 12 - 2b bits after the point keep a score below
// 2^62, so that two of them add up without overflow.
func (c *Config) measure() measure {
	digits := 12 - 2*bits.Len64(uint64(c.Loss.Bound()-1)) //nolint:gosec // Bounds are positive.
	return measure{loss.Unit * int64(c.Lambda), max(0, digits)}
}

// score is G^2/(H + lambda), rounded down (learning.md, "Forecasting recipe").
func (m measure) score(c cell) int64 {
	weight := uint64(c.h + m.lambda) //nolint:gosec // Both are non-negative.
	if weight == 0 {
		return 0
	}
	g := uint64(max(c.g, -c.g)) //nolint:gosec // A magnitude.
	hi, lo := bits.Mul64(g, g)
	quotient, _ := bits.Div64(hi<<m.after|lo>>(64-m.after), lo<<m.after, weight)
	return int64(quotient) //nolint:gosec // Below 2^62 by the bound above.
}

// candidate is the best split found so far.
type candidate struct {
	split Split
	gain  int64 // What the two sides score above the node as it is.
	left  cell
}

// search returns the split of a node that takes away the most loss, if any takes away
// more than none does. Of equal ones the first wins: lower feature, then as search of
// numbers or categories says.
func (g *growth) search(n *node) candidate {
	best := candidate{split: noSplit(), left: n.total}
	if n.bins == nil || n.total.n < 2*int64(g.cfg.MinRows) {
		return best
	}
	whole := g.whole(n)
	for k, feature := range g.features {
		bins := n.bins[g.offsets[k]:g.offsets[k+1]]
		var found candidate
		switch f := &g.cfg.Features[feature]; {
		case f.Category:
			found = g.searchSets(n, bins)
		case g.bounded:
			found = g.searchBounded(n, bins, f.Monotone)
		default:
			found = g.searchNumbers(n, bins)
		}
		found.gain -= whole
		if found.split.Feature >= 0 && found.gain > best.gain {
			found.split.Feature = feature
			best = found
		}
	}
	return best
}

// searchNumbers tries the cuts of one feature in their order, missing values to the left
// before to the right. The candidate's gain is what its sides score.
func (g *growth) searchNumbers(n *node, bins []cell) candidate {
	best := candidate{split: noSplit()}
	least := int64(g.cfg.MinRows)
	missing, values := bins[0], cell{}
	for b := 1; b < len(bins); b++ {
		if bins[b].n == 0 && b > 1 {
			continue // The same sides as at the bin before, which wins ties.
		}
		values = values.plus(bins[b])
		left := values.plus(missing)
		right := n.total.minus(left)
		if left.n >= least && right.n >= least {
			if gain := g.measure.score(left) + g.measure.score(right); gain > best.gain || best.split.Feature < 0 {
				best = candidate{Split{Feature: 0, Bin: uint8(b)}, gain, left}
			}
		}
		if missing.n == 0 {
			if right.n < least {
				break // What is left for the right only falls.
			}
			continue
		}
		right = n.total.minus(values)
		if values.n >= least && right.n >= least {
			if gain := g.measure.score(values) + g.measure.score(right); gain > best.gain || best.split.Feature < 0 {
				best = candidate{Split{Feature: 0, Bin: uint8(b), Right: true}, gain, values}
			}
		}
	}
	return best
}
