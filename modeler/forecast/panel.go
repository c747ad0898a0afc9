package forecast

import "slices"

// missing marks a value that is not known.
const missing = -1 << 31

// panel holds what is known on one day: a grid of series by week.
type panel struct {
	first   week // The week of column 0.
	columns int
	keys    []seriesKey
	target  []int // By series: index into the targets.
	other   []int // By series: the same place's next target, or -1.
	natural [][]int64
	x       [][]int32 // log1p of the value in Q16.
	at      map[seriesKey]int
}

// newPanel lays out the archive's series of the given targets over the weeks that end
// with the origin's.
func newPanel(a *Archive, targets []string, origin week, columns int) *panel {
	p := &panel{first: origin - week(columns) + 1, columns: columns, at: map[seriesKey]int{}}
	for _, key := range a.series {
		if t := slices.Index(targets, key.target); t >= 0 {
			p.at[key] = len(p.keys)
			p.keys = append(p.keys, key)
			p.target = append(p.target, t)
		}
	}
	for s, key := range p.keys {
		next := seriesKey{key.place, targets[(p.target[s]+1)%len(targets)]}
		if o, ok := p.at[next]; ok && o != s {
			p.other = append(p.other, o)
		} else {
			p.other = append(p.other, -1)
		}
	}
	p.natural = make([][]int64, len(p.keys))
	p.x = make([][]int32, len(p.keys))
	for s := range p.keys {
		p.natural[s] = slices.Repeat([]int64{missing}, columns)
		p.x[s] = slices.Repeat([]int32{missing}, columns)
	}
	return p
}

// set enters one value, or takes it away if it is missing. Other targets and weeks
// outside the grid are ignored, those after the origin among them.
func (p *panel) set(key seriesKey, w week, value int64) {
	s, ok := p.at[key]
	col := int(w - p.first)
	if !ok || col < 0 || col >= p.columns {
		return
	}
	p.natural[s][col] = value
	p.x[s][col] = missing
	if value != missing {
		p.x[s][col] = logOf(value)
	}
}

// value returns x of a series at a column, missing outside the grid.
func (p *panel) value(s, col int) int32 {
	if col < 0 || col >= p.columns {
		return missing
	}
	return p.x[s][col]
}

// change returns x(to) - x(from), missing if either is.
func (p *panel) change(s, from, to int) int32 {
	a, b := p.value(s, from), p.value(s, to)
	if a == missing || b == missing {
		return missing
	}
	return b - a
}

// last returns the newest known column of a series, or -1.
func (p *panel) last(s int) int {
	for col := p.columns - 1; col >= 0; col-- {
		if p.x[s][col] != missing {
			return col
		}
	}
	return -1
}

// usable tells whether a row can start at the column: it takes a change.
func (p *panel) usable(s, col int) bool {
	return col >= warmup && p.change(s, col-1, col) != missing
}

// warmup is the number of columns that only serve as history.
const warmup = 10

// maxTargets bounds what one run forecasts.
const maxTargets = 16
