package additive

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
)

// convincing is what a pair must take from the loss to get a table: in units of its
// dispersion, the square of a normal variable. Of the thousands of tables and cuts that
// are tried on rows without any interaction, one in a few dozens has as much.
const convincing = 16

// choose makes the sum that pairs are chosen from, the gradients of all of them at once
// on coarse tables, and returns the stage that the chosen ones take steps in.
//
// The gradient of a row is that under the model that has not seen it. A pair counts for
// what the difference between the differences of four parts of its table takes from the
// loss, which is nothing where both features only add up (Lou et al., section 4, look at
// the same four parts).
func (t *trainer) choose(ctx context.Context, curves *stage) (*stage, error) {
	c := t.cfg
	blocks := c.candidates(t.facts, mean(curves.models), t.curves)
	cells := length(blocks)
	t.member.settle(curves.blocks, curves.models) // Tables build on the curves as they are now.
	sum, err := t.sum(ctx, "pairs", func() []int64 { return t.member.interactions(blocks) })
	if err != nil {
		return nil, err
	}
	s := sums{g: sum[1 : 1+cells], h: sum[1+cells : 1+2*cells]}
	counts := sum[1+2*cells:]
	if err := c.checkPairs(&s, blocks, counts, t.facts.rows); err != nil {
		return nil, err
	}
	if most := t.facts.rows * c.Loss.Bound() * c.Loss.Bound() * unit; sum[0] < 0 || sum[0] > most {
		return nil, fmt.Errorf("%w: squares of gradients of %d; at most %d", learn.ErrSum, sum[0], most)
	}
	chosen := &stage{name: "pair", rounds: c.PairRounds, counts: make([][]int64, c.Folds), limits: make([][]int64, c.Folds)}
	var rows []int64
	for _, at := range best(blocks, &s, counts, c, sum[0]) {
		chosen.blocks = append(chosen.blocks, blocks[at.block])
		rows = append(rows, counts[at.cell:at.cell+blocks[at.block].cells]...)
	}
	lay(chosen.blocks)
	all := slices.Repeat([]int64{t.facts.rows}, len(rows)) // A later attempt may see other rows.
	for k := range chosen.counts {
		chosen.counts[k], chosen.limits[k] = rows, all
	}
	return chosen, nil
}

// candidates returns the tables of all pairs of features that may have one. A feature
// whose curve may only rise or fall has none: what a pair adds could turn it. Where the
// tables of all would make a sum too long, only the first ones are looked at.
func (c *Config) candidates(f *facts, shapes values, curves []block) []block {
	coarse := make([][]uint8, len(c.Features))
	at := 0
	for i := range c.Features {
		n := curves[i].cells
		coarse[i] = coarsen(&c.Features[i], f.weight[at:at+n], shapes.cells[at:at+n])
		at += n
	}
	var blocks []block
	cells := 0
	for a := range c.Features {
		for b := a + 1; b < len(c.Features); b++ {
			if c.Features[a].Monotone != 0 || c.Features[b].Monotone != 0 {
				continue
			}
			pair := table(a, b, coarse[a], coarse[b])
			if cells += pair.cells; 3*cells >= learn.MaxValues {
				return lay(blocks)
			}
			blocks = append(blocks, pair)
		}
	}
	return lay(blocks)
}

// coarsen puts the bins of a feature into at most 8 groups of about equal weight: numbers
// in their order, with a group of its own for missing values, categories in the order of
// the curve.
func coarsen(f *learn.Feature, weight []int64, shape []fixed.Q16) []uint8 {
	of := make([]uint8, len(weight))
	order := make([]int, len(weight))
	for i := range order {
		order[i] = i
	}
	first, parts := uint8(0), int64(maxGroups)
	if f.Category {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(shape[a], shape[b]) })
	} else {
		order, first, parts = order[1:], 1, maxGroups-1
	}
	var total, below int64
	for _, i := range order {
		total += weight[i]
	}
	group, part := int64(0), int64(0) // The group of a bin, and of the part of all weight that it starts in.
	for _, i := range order {
		if now := fixed.MulDiv(2*below+weight[i], parts, 2*max(1, total)); below > 0 && weight[i] > 0 && now > part {
			group, part = group+1, now
		}
		of[i] = first + uint8(min(group, parts-1))
		below += weight[i]
	}
	return of
}

// interactions returns what the rows that are here say of all pairs: the sum of squared
// gradients in units of 2^-20, then gradients, weights and numbers of rows by cell.
func (m *member) interactions(blocks []block) []int64 {
	cells, rows := length(blocks), m.data.Len()
	x := make([]int64, 3*cells+1)
	g, h := make([]int64, rows), make([]int64, rows)
	for i := range rows {
		if m.seen[i] {
			g[i], h[i] = m.slope(i, learn.Add(m.bases[m.fold[i]][i], 0))
			x[0] += fixed.RoundDiv(g[i]*g[i], unit)
		}
	}
	_ = parallel.Each(len(blocks), func(j int) error {
		b := &blocks[j]
		for i := range rows {
			if m.seen[i] {
				cell := 1 + b.first + b.cell(m.row(i))
				x[cell] += g[i]
				x[cell+cells] += h[i]
				x[cell+2*cells]++
			}
		}
		return nil
	})
	return x
}

// checkPairs refuses a sum that no rows add up to.
func (c *Config) checkPairs(s *sums, blocks []block, counts []int64, rows int64) error {
	at := 0
	for j := range blocks {
		var n int64
		for i, count := range counts[at : at+blocks[j].cells] {
			if count < 0 || count > rows {
				return fmt.Errorf("%w: table %d, cell %d: %d rows of %d", learn.ErrSum, j, i, count, rows)
			}
			n += count
		}
		if n > rows {
			return fmt.Errorf("%w: table %d has %d rows of %d", learn.ErrSum, j, n, rows)
		}
		at += blocks[j].cells
	}
	return c.check(s, blocks, counts)
}

// candidate is a pair and what it would take from the loss, in units of 2^-20.
type candidate struct {
	block, cell int // Its number, and that of its first cell.
	gain        int64
}

// best returns the pairs that convince, the best first, and at most as many as the
// recipe allows.
func best(blocks []block, s *sums, counts []int64, c *Config, squares int64) []candidate {
	var all []candidate
	var weight int64
	if len(blocks) > 0 {
		_, weight = c.total(s, blocks)
	}
	// The dispersion is the mean square of gradients over their expected square, the
	// weight: 1 for a logistic or poisson model that fits. gain/dispersion >= convincing.
	least := fixed.MulDiv(convincing*unit, squares, max(1, weight))
	at := 0
	for j := range blocks {
		cells := make([]cell, blocks[j].cells)
		for i := range cells {
			cells[i] = cell{g: s.g[at+i], h: s.h[at+i], n: counts[at+i]}
		}
		if gain := c.interaction(cells, blocks[j].columns); gain >= max(1, least) {
			all = append(all, candidate{j, at, gain})
		}
		at += blocks[j].cells
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.gain, a.gain) })
	return all[:min(len(all), c.Pairs)]
}

// interaction returns, over all cuts of a table in four parts with enough rows, the most
// that u1 - u2 - u3 + u4 takes from the loss, where u = G/(H + lambda) is the step of a
// part: its square over the sum of 1/(H + lambda), in units of 2^-20.
func (c *Config) interaction(cells []cell, columns int) (most int64) {
	const fine, finer = 1 << 20, 1 << 30
	eachCut(cells, columns, func(_, _ int, parts [4]cell) {
		var contrast, inverse int64
		for i, p := range parts {
			weight := p.h + int64(c.Lambda)*unit
			if p.n < int64(c.MinRows) || weight <= 0 {
				return
			}
			u := fixed.MulDiv(p.g, fine, weight)
			if i == 1 || i == 2 {
				u = -u
			}
			contrast += u
			inverse += fixed.MulDiv(finer, finer, weight)
		}
		contrast *= finer / fine
		most = max(most, fixed.MulDiv(contrast, contrast, max(1, inverse)))
	})
	return most
}
