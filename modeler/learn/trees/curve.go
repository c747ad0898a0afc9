package trees

import (
	"sort"

	"comity/modeler/fixed"
	"comity/modeler/learn/loss"
)

// curve holds what a logistic loss's gradient is of every score, for one answer. It is a
// flight of some 1,500 stairs, because a gradient is a whole number of 1024ths, so to
// look one up is exact and twenty times faster than to compute it.
type curve struct {
	start  []uint16 // By cell of scores: the stair at its beginning.
	from   []int32  // The least score of each stair, as Q16, and one beyond all.
	values []stair
}

type stair struct{ g, h int16 }

const (
	// reach is the score beyond which a gradient does not change any more: 1/(1 + e^12)
	// is 6e-6, far below half of 1/1024.
	reach = 12 * fixed.One
	// cellBits is how wide a cell is: the steepest stairs are 4/1024 = 2^8 units of a Q16.
	cellBits = 6
)

// newCurve finds all stairs. Below and above 0 both gradient and weight only rise or only
// fall, so where they are equal at two scores they are in between.
func newCurve(l loss.Loss, y fixed.Q16) curve {
	at := func(score fixed.Q16) stair {
		g, h := l.Gradient(y, score)
		return stair{int16(g), int16(h)} //nolint:gosec // At most 1024.
	}
	var c curve
	for _, half := range [][2]fixed.Q16{{-reach, 0}, {0, reach + 1}} {
		for score := half[0]; score < half[1]; {
			value := at(score)
			c.from, c.values = append(c.from, int32(score)), append(c.values, value) //nolint:gosec // Within reach.
			step := fixed.Q16(1 << cellBits)
			for score+step < half[1] && at(score+step) == value {
				step *= 2
			}
			beyond := min(step, half[1]-score)
			score += fixed.Q16(sort.Search(int(beyond), func(i int) bool { return at(score+fixed.Q16(i)) != value }))
		}
	}
	c.from = append(c.from, int32(reach)+2)
	c.start = make([]uint16, 2*int(reach)>>cellBits+1)
	stair := 0
	for i := range c.start {
		for int32(-reach)+int32(i)<<cellBits >= c.from[stair+1] {
			stair++
		}
		c.start[i] = uint16(stair)
	}
	return c
}

// at returns gradient and weight at a score.
func (c *curve) at(score fixed.Q16) (g, h int64) {
	held := int32(min(max(score, -reach), reach))
	stair := int(c.start[(held+int32(reach))>>cellBits])
	for held >= c.from[stair+1] {
		stair++
	}
	v := c.values[stair]
	return int64(v.g), int64(v.h)
}
