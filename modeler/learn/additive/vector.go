package additive

import (
	"fmt"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
	"comity/modeler/learn/loss"
)

const (
	unit = loss.FineUnit
	// heads is the number of words before the cells of each model: weight and loss of the
	// rows it learns from, and of those it does not.
	heads = 4
)

// wordsOf returns how many words a cell travels in: gradient and weight, or where there
// is noise the gradient alone.
func (c *Config) wordsOf() int {
	if c.Noise.Private() {
		return 1
	}
	return 2
}

// headsOf returns how many words come before the cells: none where there is noise,
// because the loss of one row has no useful bound.
func (c *Config) headsOf() int {
	if c.Noise.Private() {
		return 0
	}
	return heads
}

// sums are what one model learns from one round.
type sums struct {
	inside, outside ratio // Losses of the rows that the model learns from, and of the others.
	g, h            []int64
}

// contribution returns what this participant adds to one round.
func (m *member) contribution(blocks []block, models []values) []int64 {
	head, words := m.cfg.headsOf(), m.cfg.wordsOf()
	size := head + words*length(blocks)
	x := make([]int64, size*len(models))
	if m.data.Len() == 0 {
		return x
	}
	// Models times parts of the rows keep all processors busy.
	const parts = 8
	done := make([]*sums, len(models)*parts)
	_ = parallel.Each(len(done), func(d int) error {
		k, part, n := d/parts, d%parts, m.data.Len()
		done[d] = m.sums(k, n*part/parts, n*(part+1)/parts, blocks, &models[k])
		return nil
	})
	for k := range models {
		s := done[k*parts]
		for _, more := range done[k*parts+1 : (k+1)*parts] {
			s.add(more)
		}
		s.write(x[k*size:(k+1)*size], head, words)
	}
	return x
}

// write puts the sums of one model into its words.
func (s *sums) write(x []int64, head, words int) {
	if head > 0 {
		x[0], x[1] = s.inside.weight, s.inside.loss
		x[2], x[3] = s.outside.weight, s.outside.loss
	}
	for i := range s.g {
		if x[head+words*i] = s.g[i]; words > 1 {
			x[head+words*i+1] = s.h[i]
		}
	}
}

// sums adds up some of the rows that are here for one model.
func (m *member) sums(k, from, to int, blocks []block, v *values) *sums {
	s := &sums{g: make([]int64, length(blocks)), h: make([]int64, length(blocks))}
	at := make([]int, len(blocks))
	for i := from; i < to; i++ {
		if !m.seen[i] {
			continue
		}
		score := m.score(k, i, blocks, v, at)
		value := fixed.RoundDiv(m.cfg.Loss.Value(m.data.Target[i], score)*m.weight(i), learn.WholeWeight)
		if m.outside(k, i) {
			s.outside = s.outside.plus(value, m.weight(i))
			continue
		}
		s.inside = s.inside.plus(value, m.weight(i))
		g, h := m.slope(i, score)
		for _, cell := range at {
			s.g[cell] += g
			s.h[cell] += h
		}
	}
	return s
}

// add adds what other rows say.
func (s *sums) add(other *sums) {
	s.inside = s.inside.plus(other.inside.loss, other.inside.weight)
	s.outside = s.outside.plus(other.outside.loss, other.outside.weight)
	for i := range s.g {
		s.g[i] += other.g[i]
		s.h[i] += other.h[i]
	}
}

// read takes the sum of one round apart and refuses with learn.ErrSum what no rows add
// up to. limits are the rows of each cell, by model, at most.
func (c *Config) read(sum []int64, blocks []block, limits [][]int64) ([]sums, error) {
	cells, head, words := length(blocks), c.headsOf(), c.wordsOf()
	size := head + words*cells
	all := make([]sums, len(limits))
	for k := range all {
		x := sum[k*size : (k+1)*size]
		s := sums{g: make([]int64, cells), h: make([]int64, cells)}
		if head > 0 {
			s.inside, s.outside = ratio{x[1], x[0]}, ratio{x[3], x[2]}
		}
		for i := range cells {
			if s.g[i] = x[head+words*i]; words > 1 {
				s.h[i] = x[head+words*i+1]
			}
		}
		if !c.Noise.Private() {
			if err := c.check(&s, blocks, limits[k]); err != nil {
				return nil, fmt.Errorf("model %d: %w", k, err)
			}
		}
		all[k] = s
	}
	return all, nil
}

// check refuses gradients and weights that the rows of a cell cannot have, and blocks
// whose totals differ: every row is in one cell of each block.
func (c *Config) check(s *sums, blocks []block, counts []int64) error {
	for _, r := range []ratio{s.inside, s.outside} {
		if err := r.check(); err != nil {
			return err
		}
	}
	var g0, h0 int64
	at := 0
	for j := range blocks {
		var g, h int64
		for i := at; i < at+blocks[j].cells; i++ {
			n := counts[i]
			if most := n * unit; s.h[i] < 0 || s.h[i] > most || s.g[i] < -most*c.Loss.Bound() || s.g[i] > most*c.Loss.Bound() {
				return fmt.Errorf("%w: block %d, cell %d: gradient %d and weight %d of at most %d rows",
					learn.ErrSum, j, i-at, s.g[i], s.h[i], n)
			}
			g, h = g+s.g[i], h+s.h[i]
		}
		if j > 0 && (g != g0 || h != h0) {
			return fmt.Errorf("%w: block %d adds up to gradient %d and weight %d, block 0 to %d and %d",
				learn.ErrSum, j, g, h, g0, h0)
		}
		g0, h0, at = g, h, at+blocks[j].cells
	}
	return nil
}
