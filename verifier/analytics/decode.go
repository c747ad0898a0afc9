package analytics

import (
	"fmt"
	"math/big"

	"comity"
	"comity/canon"
	"comity/exact"
)

// decodeMoments gives rows, sum, mean or variance of one group.
func (l *Layout) decodeMoments(group []Label, lanes []int64, d *decoder) {
	rows := lanes[0]
	if d.few(rows, l.query.MinimumCell) {
		d.withhold("rows", group, false)
		d.withhold(l.query.Kind, group, false)
		return
	}
	d.count("rows", group, rows)
	if rows <= 0 {
		d.withhold(l.query.Kind, group, true)
		return
	}
	exactly := make([]span, len(l.moments))
	around := make([]span, len(l.moments))
	for i, m := range l.moments {
		x := exact.FromBig(new(big.Rat).SetInt(join(lanes[m.first:][:m.limbs])))
		exactly[i] = point(x)
		around[i] = span{x.Sub(d.spread), x.Add(d.spread)}
	}
	unit, _ := one().Quo(d.scale) // A power of ten.
	for _, f := range l.formulas() {
		x, ok := f.of(exactly)
		limits, bounded := f.of(around)
		if !ok || !bounded {
			d.withhold(f.name, group, true)
			continue
		}
		scale := unit
		if f.squared {
			scale = unit.Mul(unit)
		}
		if f.weighted {
			scale = scale.Mul(l.weightUnit())
		}
		if d.spread.Sign() == 0 {
			d.give(f.name, group, x.low.Mul(scale))
			continue
		}
		d.within(f.name, group, x.low.Mul(scale), &span{limits.low.Mul(scale), limits.high.Mul(scale)})
	}
}

// weightUnit returns the value of the weight's last decimal.
func (l *Layout) weightUnit() exact.Rat {
	unit := one()
	for range l.schema.Columns[l.weight].Decimals {
		unit = unit.Mul(exact.FromBig(big.NewRat(1, 10)))
	}
	return unit
}

// formula makes a number of the moments of a group.
type formula struct {
	name     string
	squared  bool // In the square of the unit.
	weighted bool // Times the unit of the weight.
	of       func(m []span) (span, bool)
}

// formulas lists those of the kind.
func (l *Layout) formulas() []formula {
	last := 1
	if l.weight >= 0 {
		last = 2
	}
	switch l.query.Kind {
	case comity.QuerySum:
		return []formula{{name: "sum", weighted: l.weight >= 0, of: func(m []span) (span, bool) { return m[last], true }}}
	case comity.QueryMean: // Over the rows, or over the weights.
		return []formula{{name: "mean", of: func(m []span) (span, bool) { return m[last].quo(m[last-1]) }}}
	default:
		// Sum of squares less n times the square of the mean, over n - 1 or n.
		over := func(less int64) func([]span) (span, bool) {
			return func(m []span) (span, bool) {
				square, ok := m[1].mul(m[1]).quo(m[0])
				if !ok {
					return span{}, false
				}
				return m[2].sub(square).quo(m[0].sub(point(exact.Int(less))))
			}
		}
		return []formula{
			{name: "mean", of: func(m []span) (span, bool) { return m[1].quo(m[0]) }},
			{name: "variance", squared: true, of: over(1)},
			{name: "population variance", squared: true, of: over(0)},
		}
	}
}

// decodeCounts gives counts by group and bin: with totals for tables and histograms, so
// that complements are withheld, and without for plain counts.
func (l *Layout) decodeCounts(sum []int64, d *decoder) {
	if l.query.Kind == comity.QueryCount || d.spread.Sign() != 0 {
		for i, n := range sum {
			name, group := l.nameOf(i)
			if d.few(n, l.query.MinimumCell) {
				d.withhold(name, group, false)
				continue
			}
			d.count(name, group, n)
		}
		if l.query.Kind != comity.QueryCount {
			d.remark("there are no totals: noise, not withholding, is what protects")
		}
		return
	}
	sizes := make([]int, 0, len(l.by)+1)
	for _, at := range l.by {
		sizes = append(sizes, len(l.schema.Columns[at].Values))
	}
	if l.query.Kind == comity.QueryHistogram {
		sizes = append(sizes, l.bins)
	}
	t := newTable(sizes, sum)
	hidden := t.withheld(int64(l.query.MinimumCell))
	for i, n := range t.values {
		name, group := l.nameIn(t.position(i), sizes)
		if hidden[i] {
			d.withhold(name, group, false)
		} else {
			d.count(name, group, n)
		}
	}
	if d.answer.Withheld > 0 {
		d.remark("counts from 1 to %d are withheld, and others from which they would follow; whoever holds the sum of the round still has them",
			l.query.MinimumCell-1)
	}
}

// nameOf names a lane of counts.
func (l *Layout) nameOf(lane int) (string, []Label) {
	if l.query.Kind == comity.QueryHistogram {
		return l.binNames()[lane%l.bins], l.labels(lane / l.bins)
	}
	return "rows", l.labels(lane)
}

// nameIn names a cell of a table with totals: a total leaves its column out.
func (l *Layout) nameIn(at, sizes []int) (string, []Label) {
	var group []Label
	for axis, column := range l.by {
		if at[axis] < sizes[axis] {
			c := l.schema.Columns[column]
			group = append(group, Label{c.Name, c.Values[at[axis]]})
		}
	}
	if len(sizes) > len(l.by) && at[len(l.by)] < l.bins {
		return l.binNames()[at[len(l.by)]], group
	}
	return "rows", group
}

// quantiles finds the bin in which each level lies. The quantile of level q of n numbers
// is the one of rank q·n, rounded up, in ascending order.
func (l *Layout) quantiles(group []Label, bins []int64, d *decoder) {
	total := int64(0)
	for _, n := range bins {
		total += n
	}
	// Of a sum of j noisy counts the variance is j times as large. There is one such sum for
	// each lane, of which the last of a group is all of its rows.
	off := func(j int) exact.Rat { return halfWidth(d.answer.Variance.Mul(exact.Int(int64(j))), len(l.Lanes)) }
	small := d.few(total, l.query.MinimumCell)
	if small {
		d.withhold("rows", group, false)
	} else {
		d.rows("rows", group, total, off(len(bins)))
	}
	unit, _ := one().Quo(d.scale) // A power of ten.
	for _, level := range l.query.Levels {
		name := "quantile " + level.String()
		if total <= 0 || small {
			d.withhold(name, group, !small)
			continue
		}
		rank := level.Mul(exact.Int(total))
		at := reach(bins, rank, nil)
		first, last := at, at
		if d.spread.Sign() != 0 {
			// The rank is off by what the total is.
			aside := level.Mul(off(len(bins)))
			first = reach(bins, rank.Sub(aside), func(j int) exact.Rat { return off(j + 1) })
			last = reach(bins, rank.Add(aside), func(j int) exact.Rat { return off(j + 1).Neg() })
		}
		low, high := l.binSpan(at)
		middle := exact.Int(low).Add(exact.Int(high)).Mul(exact.FromBig(big.NewRat(1, 2)))
		bottom, _ := l.binSpan(first)
		_, top := l.binSpan(last)
		d.within(name, group, middle.Mul(unit), &span{exact.Int(bottom).Mul(unit), exact.Int(top).Mul(unit)})
		d.answer.Spans = append(d.answer.Spans, Span{Name: name, Group: append([]Label{}, group...), Low: canon.Int(bottom), High: canon.Int(top)})
	}
	if len(group) == 0 && l.grid != nil {
		d.remark("a quantile is the middle of its bin; it is off by at most %s of itself", fmt.Sprintf("1/%d", 2<<l.grid.bits))
	}
}

// reach returns the first bin up to which the counts, with what is added to each sum of
// them, are at least rank; the last bin if none is.
func reach(bins []int64, rank exact.Rat, more func(int) exact.Rat) int {
	sum := int64(0)
	for i, n := range bins {
		sum += n
		have := exact.Int(sum)
		if more != nil {
			have = have.Add(more(i))
		}
		if have.Cmp(rank) >= 0 {
			return i
		}
	}
	return len(bins) - 1
}
