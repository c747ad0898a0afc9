package analytics

import (
	"math/bits"
	"sort"

	"comity"
)

// grid is a ladder of bins that grow with the value: below 2^bits each number has its
// own, above that 2^bits bins share each doubling. A bin from a to b has
// b - a < a / 2^bits. Negative numbers mirror positive ones. No logarithm is taken, so
// that all members agree on every bin.
//
// Source: Gil Tene, HdrHistogram (2012), with bins of one power of two.
type grid struct {
	bits         int
	lower, upper int64 // All values lie between.
	first        int   // Step of lower.
	steps        int
}

func newGrid(width int, lower, upper int64) *grid {
	g := &grid{bits: width, lower: lower, upper: upper}
	g.first = g.step(lower)
	g.steps = g.step(upper) - g.first + 1
	return g
}

// step returns the place of a value on the ladder, below 0 for a negative one.
func (g *grid) step(v int64) int {
	if v < 0 {
		return -g.step(-v)
	}
	exponent := max(bits.Len64(uint64(v))-1-g.bits, 0)
	return exponent<<g.bits + int(v>>exponent)
}

// lowest returns the smallest value of a step that is not negative.
func (g *grid) lowest(step int) int64 {
	exponent := max(step>>g.bits-1, 0)
	return int64(step-exponent<<g.bits) << exponent
}

// bin returns the lane of a value within the bounds.
func (g *grid) bin(v int64) int { return g.step(v) - g.first }

// span returns the smallest and largest value of a bin.
func (g *grid) span(bin int) (low, high int64) {
	step := g.first + bin
	if step < 0 {
		low, high = -(g.lowest(-step+1) - 1), -g.lowest(-step)
	} else {
		low, high = g.lowest(step), g.lowest(step+1)-1
	}
	return max(low, g.lower), min(high, g.upper)
}

// above returns how many edges are at most v: the bin of v among them.
func above(edges []int64, v int64) int {
	return sort.Search(len(edges), func(i int) bool { return edges[i] > v })
}

// binNames names the bins between edges.
func (l *Layout) binNames() []string {
	names := make([]string, 0, len(l.edges)+1)
	names = append(names, "below "+l.query.Edges[0])
	for i, text := range l.query.Edges {
		name := "from " + text
		if i+1 < len(l.edges) {
			name += " to below " + l.query.Edges[i+1]
		}
		names = append(names, name)
	}
	return names
}

// layQuantiles lays out the bins from which quantiles are read: a grid, or those that
// the query gives.
func (l *Layout) layQuantiles() error {
	q := l.query
	if n := len(q.Levels); n == 0 || n > MaxLevels {
		return refuse("%d levels; 1 to %d are possible", n, MaxLevels)
	}
	for i, level := range q.Levels {
		if level.Sign() <= 0 || level.Cmp(one()) > 0 || i > 0 && level.Cmp(q.Levels[i-1]) <= 0 {
			return refuse("level %s; levels lie above 0 and at most at 1, and ascend", level)
		}
	}
	if len(l.edges) > 0 {
		if q.Bits != 0 {
			return refuse("quantiles have bits or edges, not both")
		}
		if l.edges[0] <= l.lower || l.edges[len(l.edges)-1] > l.upper {
			return refuse("edges lie above lower (%s) and at most at upper (%s)", q.Lower, q.Upper)
		}
		return l.layBins(l.binNames())
	}
	if q.Bits < 1 || q.Bits > 12 {
		return refuse("bits is %d; 1 to 12 are possible: a quantile is found up to 2^-bits of itself", q.Bits)
	}
	l.grid = newGrid(q.Bits, l.lower, l.upper)
	if l.cells*l.grid.steps > MaxLanes {
		return refuse("%d groups of %d bins are more than %d lanes; lower bits or tighten the bounds", l.cells, l.grid.steps, MaxLanes)
	}
	names := make([]string, l.grid.steps)
	c := l.schema.Columns[l.column]
	for i := range names {
		low, high := l.grid.span(i)
		names[i] = c.Format(low)
		if high != low {
			names[i] += " to " + c.Format(high)
		}
	}
	return l.layBins(names)
}

// binSpan returns the smallest and largest value of a bin of quantiles.
func (l *Layout) binSpan(bin int) (low, high int64) {
	if l.grid != nil {
		return l.grid.span(bin)
	}
	low, high = l.lower, l.upper
	if bin > 0 {
		low = l.edges[bin-1]
	}
	if bin < len(l.edges) {
		high = l.edges[bin] - 1
	}
	return low, high
}

// Refine returns the query that finds a quantile more closely: the same one with parts
// bins between low and high, where an answer to the first found the quantile. It is a
// release of its own, with its own approval and its own share of a privacy budget. Low
// and high are in the smallest units of the column, as Answer.Spans gives them. Errors:
// ErrQuery, also if the span cannot be divided.
func (l *Layout) Refine(low, high int64, parts int) (comity.Query, error) {
	q := l.query
	if q.Kind != comity.QueryQuantiles || parts < 2 || parts > MaxEdges-2 {
		return q, refuse("only quantiles are refined, into 2 to %d parts", MaxEdges-2)
	}
	if low < l.lower || high > l.upper || low >= high {
		return q, refuse("the span from %d to %d is no span within %d to %d that can be divided", low, high, l.lower, l.upper)
	}
	c := l.schema.Columns[l.column]
	q.Bits, q.Edges = 0, nil
	last := l.lower
	for i := range parts + 1 {
		// The widths differ by 1 at most: the product takes 128 bits.
		width := uint64(high - low + 1) //nolint:gosec // Not negative.
		top, bottom := bits.Mul64(width, uint64(i))
		share, _ := bits.Div64(top, bottom, uint64(parts))
		edge := low + int64(share) //nolint:gosec // At most width.
		if edge > last && edge <= l.upper {
			q.Edges = append(q.Edges, c.Format(edge))
			last = edge
		}
	}
	return q, nil
}
