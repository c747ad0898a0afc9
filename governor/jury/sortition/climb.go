package sortition

import (
	"math"
	"slices"

	"comity/chance"
)

// Effort of one climb. More steps find hardly more on pools of 100 to 500 people, and
// what a climb does not find the solver may.
const (
	climbSteps  = 400
	climbOuts   = 40  // Members tried to leave, a step.
	climbIns    = 150 // Others tried to enter.
	climbKept   = 4   // Panels returned.
	climbTabu   = 5   // Steps for which an exchange is not undone, and up to as many more.
	climbSettle = 10  // Steps between changes of the fines.
)

// climber looks for panels of great worth by exchanging members, one for one (tabu
// search, Glover 1989). It may leave the quotas for a fine that grows while it stays
// outside: where quotas are tight, few panels are one exchange apart. Its choices are
// random from a constant seed.
type climber struct {
	space  *space
	stream *chance.Stream
	counts []int64
	total  []int64   // By row.
	fine   []float64 // By row, for each member amiss.
	more   []float64 // By row: what one more member costs in fines.
	until  []int     // Of each group: the step up to which it stays as it is.
	worth  []float64
	leave  []int
	enter  []int
}

func newClimber(s *space) *climber {
	n, rows := len(s.sizes), len(s.lower)
	return &climber{
		space: s, stream: chance.NewStream(chance.Seed{}), fine: make([]float64, rows), more: make([]float64, rows), until: make([]int, n),
	}
}

// climb starts at a panel and returns some panels worth more than a bound, the best of
// them last.
func (c *climber) climb(from []int64, worth []float64, above float64) (found [][]int64) {
	c.counts, c.worth = slices.Clone(from), worth
	c.total = c.space.totals(from)
	clear(c.until)
	unit := 0.0
	for _, w := range worth {
		unit = max(unit, math.Abs(w))
	}
	for r := range c.fine {
		c.fine[r] = unit / 2
	}
	value := 0.0
	for g, n := range from {
		value += worth[g] * float64(n)
	}
	for step := 1; step <= climbSteps; step++ {
		out, in := c.exchange(step)
		if out < 0 {
			break
		}
		value += worth[in] - worth[out]
		c.move(out, -1)
		c.move(in, 1)
		c.until[out], c.until[in] = step+climbTabu+c.stream.IntN(climbTabu), step+climbTabu+c.stream.IntN(climbTabu)
		amiss := c.amiss(step)
		if amiss || value <= above {
			continue
		}
		above = value
		if found = append(found, slices.Clone(c.counts)); len(found) > climbKept {
			found = slices.Delete(found, 0, 1)
		}
	}
	return found
}

// amiss tells whether any row is broken, and now and then changes the fines: up for the
// rows that are, down for all if none is.
func (c *climber) amiss(step int) bool {
	broken := false
	for r, n := range c.total {
		if c.miss(r, n) == 0 {
			continue
		}
		broken = true
		if step%climbSettle == 0 {
			c.fine[r] *= 1.5
		}
	}
	if !broken && step%climbSettle == 0 {
		for r := range c.fine {
			c.fine[r] *= 0.8
		}
	}
	return broken
}

func (c *climber) miss(r int, n int64) int64 {
	return max(0, n-c.space.upper[r], c.space.lower[r]-n)
}

func (c *climber) move(g int, by int64) {
	c.counts[g] += by
	for _, t := range c.space.terms[g] {
		c.total[t.row] += by * t.count
	}
}

// exchange returns the best exchange of those tried, -1 if there is none.
func (c *climber) exchange(step int) (bestOut, bestIn int) {
	c.leave, c.enter = c.leave[:0], c.enter[:0]
	for g, n := range c.counts {
		if c.until[g] >= step {
			continue
		}
		if n > 0 {
			c.leave = append(c.leave, g)
		}
		if n < c.space.sizes[g] {
			c.enter = append(c.enter, g)
		}
	}
	leave, enter := sample(c.stream, c.leave, climbOuts), sample(c.stream, c.enter, climbIns)
	for r := range c.more {
		c.price(r)
	}
	bestOut, bestIn = -1, -1
	best := 0.0
	for _, out := range leave {
		before := c.fines(out)
		c.move(out, -1)
		gain := before - c.fines(out) - c.worth[out]
		for _, t := range c.space.terms[out] {
			c.price(t.row)
		}
		for _, in := range enter {
			if in == out {
				continue
			}
			total := gain + c.worth[in]
			for _, t := range c.space.terms[in] {
				if t.count == 1 {
					total -= c.more[t.row]
				} else { // Of a cut.
					n := c.total[t.row]
					total -= c.fine[t.row] * float64(c.miss(t.row, n+t.count)-c.miss(t.row, n))
				}
			}
			if bestOut < 0 || total > best {
				bestOut, bestIn, best = out, in, total
			}
		}
		c.move(out, 1)
		for _, t := range c.space.terms[out] {
			c.price(t.row)
		}
	}
	return bestOut, bestIn
}

// price sets what one more member of a row costs.
func (c *climber) price(r int) {
	n := c.total[r]
	c.more[r] = c.fine[r] * float64(c.miss(r, n+1)-c.miss(r, n))
}

// fines adds up the fines of the rows of a group.
func (c *climber) fines(g int) (sum float64) {
	for _, t := range c.space.terms[g] {
		sum += c.fine[t.row] * float64(c.miss(t.row, c.total[t.row]))
	}
	return sum
}
