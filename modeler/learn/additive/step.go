package additive

import (
	"cmp"
	"math/bits"
	"slices"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// cell is what a step knows about some rows: gradients, weights and number, and how many
// values with noise their gradients are the sum of.
type cell struct{ g, h, n, noisy int64 }

func (c cell) plus(d cell) cell { return cell{c.g + d.g, c.h + d.h, c.n + d.n, c.noisy + d.noisy} }

func (c cell) minus(d cell) cell { return cell{c.g - d.g, c.h - d.h, c.n - d.n, c.noisy - d.noisy} }

// cells returns the cells of a block, numbered from at, less what the intercept takes: a
// step in the intercept of G/H would leave each cell the gradient g - h G/H.
func (c *Config) cells(s *sums, at, n int, counts []int64) []cell {
	var all cell
	for i := at; i < at+n; i++ {
		all.g, all.h = all.g+s.g[i], all.h+s.h[i]
	}
	cells := make([]cell, n)
	for i := range cells {
		cells[i] = cell{s.g[at+i], s.h[at+i], counts[at+i], 0}
		if c.Noise.Private() {
			cells[i].noisy = 1
		}
		if all.h > 0 {
			cells[i].g -= fixed.MulDiv(cells[i].h, all.g, all.h)
		}
	}
	return cells
}

// total returns gradients and weights of all rows: what each block adds up to, or where
// there is noise the mean of that.
func (c *Config) total(s *sums, blocks []block) (g, h int64) {
	if !c.Noise.Private() {
		blocks = blocks[:1]
	}
	last := blocks[len(blocks)-1]
	for i := range last.first + last.cells {
		g, h = g+s.g[i], h+s.h[i]
	}
	n := int64(len(blocks))
	return fixed.RoundDiv(g, n), fixed.RoundDiv(h, n)
}

// step returns the step that a model takes at a rate: for every block the best constants
// on a few levels of its cells, and for the intercept what all blocks share.
func (c *Config) step(blocks []block, s *sums, counts []int64) values {
	v := newValues(blocks)
	g, h := c.total(s, blocks)
	v.intercept = c.Loss.Shrunk(g, h, 0, int64(c.RatePermille))
	at := 0
	for j := range blocks {
		cells, out := c.cells(s, at, blocks[j].cells, counts), v.cells[at:at+blocks[j].cells]
		if blocks[j].b < 0 {
			c.curve(&c.Features[blocks[j].a], cells, out)
		} else {
			c.quadrants(cells, blocks[j].columns, out)
		}
		at += blocks[j].cells
	}
	return v
}

// leaf returns the value of some rows: nothing for none.
func (c *Config) leaf(s cell) fixed.Q16 {
	rate := fixed.RoundDiv(int64(c.RatePermille)*c.beyond(s), permille)
	return c.Loss.Shrunk(s.g, s.h, int64(c.Lambda)*unit, rate)
}

// gain returns G^2/(H + lambda), rounded: twice what a constant step takes from the loss,
// in units of 2^-20.
func (c *Config) gain(s cell) int64 {
	weight := s.h + int64(c.Lambda)*unit
	if weight <= 0 {
		return 0
	}
	return fixed.MulDiv(fixed.MulDiv(s.g, s.g, weight), c.beyond(s), permille)
}

// curve writes the step of one feature. Missing values of numbers are a level of their
// own; categories are put in the order of their own best steps first (Fisher, "On
// Grouping for Maximum Homogeneity", 1958: the best levels are runs of that order).
func (c *Config) curve(f *learn.Feature, cells []cell, out []fixed.Q16) {
	order := make([]int, 0, len(cells))
	for i := range cells {
		order = append(order, i)
	}
	if f.Category {
		slices.SortStableFunc(order, func(a, b int) int { return c.compare(cells[a], cells[b]) })
	} else {
		order = order[1:]
		if cells[0].n >= int64(c.MinRows) {
			out[0] = c.leaf(cells[0])
		}
	}
	runs := c.levels(cells, order, f.Monotone)
	for i, value := range c.monotone(runs, f.Monotone) {
		for _, bin := range order[runs[i].from:runs[i].to] {
			out[bin] = value
		}
	}
}

// compare orders cells by g/(h + lambda).
func (c *Config) compare(a, b cell) int {
	lambda := int64(max(c.Lambda, 1)) * unit
	if sign := cmp.Compare(a.g, 0) - cmp.Compare(b.g, 0); sign != 0 || a.g == 0 {
		return sign
	}
	ah, al := bits.Mul64(magnitude(a.g), uint64(b.h+lambda)) //nolint:gosec // Weights are not negative.
	bh, bl := bits.Mul64(magnitude(b.g), uint64(a.h+lambda)) //nolint:gosec // As above.
	order := cmp.Or(cmp.Compare(ah, bh), cmp.Compare(al, bl))
	if a.g < 0 {
		return -order
	}
	return order
}

func magnitude(v int64) uint64 { return uint64(max(v, -v)) } //nolint:gosec // Far from the least number.

// run is a level of a step: cells order[from:to].
type run struct {
	from, to int
	sum      cell
	// The best cut of the run in two, and what it gains; 0 for none.
	cut  int
	gain int64
}

// levels cuts the cells in runs, the most rewarding cut first.
func (c *Config) levels(cells []cell, order []int, monotone int8) []run {
	runs := []run{c.run(cells, order, 0, len(order), monotone)}
	for len(runs) < c.Leaves {
		best := 0
		for i := range runs {
			if runs[i].gain > runs[best].gain {
				best = i
			}
		}
		r := runs[best]
		if r.gain <= 0 {
			break
		}
		runs = slices.Replace(runs, best, best+1,
			c.run(cells, order, r.from, r.cut, monotone), c.run(cells, order, r.cut, r.to, monotone))
	}
	return runs
}

// run adds up order[from:to] and finds its best cut with enough rows on both sides and,
// where the feature is monotone, levels in the right order.
func (c *Config) run(cells []cell, order []int, from, to int, monotone int8) run {
	r := run{from: from, to: to}
	for _, i := range order[from:to] {
		r.sum = r.sum.plus(cells[i])
	}
	whole := c.gain(r.sum)
	var left cell
	for at := from; at+1 < to; at++ {
		left = left.plus(cells[order[at]])
		right := r.sum.minus(left)
		if min(left.n, right.n) < int64(c.MinRows) {
			continue
		}
		if gain := c.gain(left) + c.gain(right) - whole; gain > r.gain {
			if rise := c.leaf(right) - c.leaf(left); monotone == 0 || rise*fixed.Q16(monotone) > 0 {
				r.cut, r.gain = at+1, gain
			}
		}
	}
	return r
}

// monotone returns the values of runs. Where the curve may only rise or only fall,
// neighbours that go the other way become one level, until none do (pool adjacent
// violators; Ayer, Brunk, Ewing, Reid and Silverman, 1955).
func (c *Config) monotone(runs []run, direction int8) []fixed.Q16 {
	type pool struct {
		sum   cell
		runs  int
		value fixed.Q16
	}
	var pools []pool
	for _, r := range runs {
		pools = append(pools, pool{r.sum, 1, c.leaf(r.sum)})
		for last := len(pools) - 1; direction != 0 && last > 0; last-- {
			a, b := pools[last-1], pools[last]
			if (b.value-a.value)*fixed.Q16(direction) >= 0 {
				break
			}
			sum := a.sum.plus(b.sum)
			pools = append(pools[:last-1], pool{sum, a.runs + b.runs, c.leaf(sum)})
		}
	}
	levels := make([]fixed.Q16, 0, len(runs))
	for _, p := range pools {
		for range p.runs {
			levels = append(levels, p.value)
		}
	}
	return levels
}

// quadrants writes the step of a table: the best cut in two of its rows and of its
// columns, with enough rows in all four parts.
func (c *Config) quadrants(cells []cell, columns int, out []fixed.Q16) {
	var most int64
	var best [4]cell
	var cutA, cutB int
	eachCut(cells, columns, func(a, b int, parts [4]cell) {
		var gain int64
		for _, p := range parts {
			if p.n < int64(c.MinRows) {
				return
			}
			gain += c.gain(p)
		}
		if gain > most {
			most, best, cutA, cutB = gain, parts, a, b
		}
	})
	if most == 0 {
		return
	}
	for i := range out {
		out[i] = c.leaf(best[quadrant(i/columns, i%columns, cutA, cutB)])
	}
}

// quadrant numbers the parts of a table that is cut before row a and column b.
func quadrant(row, column, a, b int) int {
	part := 0
	if row >= a {
		part = 2
	}
	if column >= b {
		part++
	}
	return part
}

// eachCut walks over all cuts of a table in four parts.
func eachCut(cells []cell, columns int, do func(a, b int, parts [4]cell)) {
	rows := len(cells) / columns
	// before[r][c] adds up what is above row r and left of column c.
	before := make([][]cell, rows+1)
	before[0] = make([]cell, columns+1)
	for r := range rows {
		before[r+1] = make([]cell, columns+1)
		for col := range columns {
			before[r+1][col+1] = before[r][col+1].plus(before[r+1][col]).minus(before[r][col]).plus(cells[r*columns+col])
		}
	}
	all := before[rows][columns]
	for a := 1; a < rows; a++ {
		for b := 1; b < columns; b++ {
			corner, top, left := before[a][b], before[a][columns], before[rows][b]
			do(a, b, [4]cell{corner, top.minus(corner), left.minus(corner), all.minus(top).minus(left).plus(corner)})
		}
	}
}
