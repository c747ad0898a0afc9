package forecast

import (
	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// The features of one series in one week. Everything is Q16 of natural logarithms
// unless said otherwise, and missing where history does not reach.
const (
	featChange   = 0              // 7: the last seven 1-week changes, newest first.
	featLevel    = featChange + 7 // x minus its mean over 156 weeks.
	featLevelSD  = featLevel + 1  // The same over the standard deviation (plus .05).
	featBelowTop = featLevelSD + 1
	featSD       = featBelowTop + 1
	featX        = featSD + 1
	featAboveLow = featX + 1        // x minus its minimum of 13 weeks.
	featBelowHi  = featAboveLow + 1 // Maximum of 13 weeks minus x.
	featSine     = featBelowHi + 1
	featCosine   = featSine + 1
	featWeek     = featCosine + 1 // Number of the week, a season in one piece: 27 to 79.
	featRough    = featWeek + 1   // Standard deviation of the seven changes.
	featMoved    = featRough + 1  // Mean absolute value of the seven changes.
	featTwo      = featMoved + 1  // 2-week change.
	featFour     = featTwo + 1    // 4-week change.
	featTarget   = featFour + 1   // Index of the target.
	featRegion   = featTarget + 1 // 3: the region's mean 1-week change, 2-week change, level in sd.
	featOther    = featRegion + 3 // 3: the same three of the place's other target.
	features     = featOther + 3
)

// The features that each lead has of its own.
const (
	featYearAgo  = iota // The change at this lead one year ago.
	featTwoYears        // The same two years ago.
	featClimate         // Its mean over five years and three weeks each.
	leadFeatures
)

// leads is how many weeks ahead of the newest known week there are ensembles for:
// four published horizons, and one more for places that report a week late.
const leads = 5

// width is how many features one ensemble sees.
const width = features + leadFeatures

// cells is how finely the public grid of each feature counts, before bins are chosen.
const cells = 512

// one is 1 in Q16.
const one = 1 << 16

// grids lists the public grids of all features, so that members count in the same cells
// without asking one another. Values outside go to the end cells: no bin begins there.
func grids() learn.Grids {
	centred := func(span fixed.Q16) learn.Grid { return learn.Grid{Lo: -span * one, Hi: span * one, Cells: cells} }
	upward := func(span fixed.Q16) learn.Grid { return learn.Grid{Lo: 0, Hi: span * one, Cells: cells} }
	g := make(learn.Grids, width)
	for i := range 7 {
		g[featChange+i] = centred(1)
	}
	g[featLevel], g[featLevelSD], g[featBelowTop] = centred(4), centred(4), upward(8)
	g[featSD], g[featX] = upward(4), upward(16)
	g[featAboveLow], g[featBelowHi] = upward(4), upward(4)
	g[featSine], g[featCosine], g[featWeek] = centred(1), centred(1), upward(128)
	g[featRough], g[featMoved] = upward(1), upward(1)
	g[featTwo], g[featFour], g[featTarget] = centred(2), centred(2), upward(maxTargets)
	for _, at := range []int{featRegion, featOther} {
		g[at], g[at+1], g[at+2] = centred(1), centred(2), centred(4)
	}
	for i := range leadFeatures {
		g[features+i] = centred(2)
	}
	return g
}

// Windows of history, in weeks (tried on season 2024-25, docs/format/forecast.md).
const (
	longWindow  = 156
	shortWindow = 13
)

// sample is one series in one week: what a forecast from there can know.
type sample struct {
	series  int
	column  int
	season  int
	vintage int // 0: described from the origin's own snapshot; k: from that of k weeks before.
	base    int32
	common  [features]int32
	lead    [leads][leadFeatures]int32
}

// describe fills in all that the series' own place knows; the region's features stay
// missing until the members' sum is there.
func (p *panel) describe(s, col int, cal *calendar) sample {
	r := sample{series: s, column: col, base: p.value(s, col)}
	f := &r.common
	for i := range f {
		f[i] = missing
	}
	for i := range 7 {
		f[featChange+i] = p.change(s, col-i-1, col-i)
	}
	l := p.level(s, col)
	f[featLevel], f[featLevelSD] = l.above, l.standard
	f[featBelowTop], f[featSD], f[featX] = l.top-r.base, l.sd, r.base
	low, high := p.extremes(s, col, shortWindow)
	f[featAboveLow], f[featBelowHi] = r.base-low, high-r.base
	f[featSine], f[featCosine], f[featWeek] = cal.sine[col], cal.cosine[col], cal.number[col]
	f[featRough], f[featMoved] = spread(f[featChange : featChange+7])
	f[featTwo], f[featFour] = p.change(s, col-2, col), p.change(s, col-4, col)
	f[featTarget] = int32(p.target[s]) * one //nolint:gosec // At most maxTargets.
	if o := p.other[s]; o >= 0 && p.value(o, col) != missing {
		f[featOther] = p.change(o, col-1, col)
		f[featOther+1] = p.change(o, col-2, col)
		f[featOther+2] = p.level(o, col).standard
	}
	for lead := range leads {
		r.lead[lead] = p.seasonal(s, col, lead+1)
	}
	return r
}

// level is where a value stands in the history of its series.
type level struct{ above, standard, sd, top int32 }

// level compares x with the 156 weeks before it and itself.
func (p *panel) level(s, col int) level {
	x := p.value(s, col)
	var sum, n int64
	top := int32(missing)
	for _, v := range p.x[s][max(0, col-longWindow) : col+1] {
		if v != missing {
			sum, n, top = sum+int64(v), n+1, max(top, v)
		}
	}
	mean := nearest(sum, n)
	var square int64
	for _, v := range p.x[s][max(0, col-longWindow) : col+1] {
		if v != missing {
			square += (int64(v) - mean) * (int64(v) - mean)
		}
	}
	sd := root(square/n) + one/20
	above := int64(x) - mean
	return level{int32(above), int32(nearest(above*one, sd)), int32(sd), top} //nolint:gosec // Logs in Q16 stay below 2^22, over .05 below 2^27.
}

// extremes returns the least and the greatest known value of the last n weeks.
func (p *panel) extremes(s, col, n int) (low, high int32) {
	low, high = p.x[s][col], p.x[s][col]
	for _, v := range p.x[s][max(0, col-n+1) : col+1] {
		if v != missing {
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

// seasonal returns what happened over the same weeks of earlier years: a year is 52
// weeks, and five of them are 261.
func (p *panel) seasonal(s, col, lead int) [leadFeatures]int32 {
	var f [leadFeatures]int32
	f[featYearAgo] = p.change(s, col-52, col-52+lead)
	f[featTwoYears] = p.change(s, col-104, col-104+lead)
	var sum, n int64
	for _, back := range [...]int{52, 104, 157, 209, 261} {
		for shift := -1; shift <= 1; shift++ {
			if c := p.change(s, col-back-shift, col-back-shift+lead); c != missing {
				sum, n = sum+int64(c), n+1
			}
		}
	}
	f[featClimate] = missing
	if n >= 2 { // One earlier year's single week is no climate.
		f[featClimate] = int32(nearest(sum, n)) //nolint:gosec // A mean of 32-bit values.
	}
	return f
}

// spread returns the standard deviation and the mean absolute value of known changes.
func spread(changes []int32) (sd, moved int32) {
	var sum, size, n int64
	for _, c := range changes {
		if c != missing {
			sum, size, n = sum+int64(c), size+int64(max(c, -c)), n+1
		}
	}
	if n == 0 {
		return missing, missing
	}
	mean := nearest(sum, n)
	var square int64
	for _, c := range changes {
		if c != missing {
			square += (int64(c) - mean) * (int64(c) - mean)
		}
	}
	return int32(root(square / n)), int32(nearest(size, n)) //nolint:gosec // Not above the changes.
}
