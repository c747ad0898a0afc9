package forecast

import "comity/modeler/fixed"

// history is what one participant's archive says at one origin: the panel as last known,
// the samples of all weeks, and its part of the region's sum.
type history struct {
	panel    *panel
	calendar *calendar
	origin   week
	region   *region
	samples  []sample // By series, then column.
}

// remember replays the archive up to the origin day. A week that was the newest of its
// series in one of the past snapshots is described as it was known then, because that
// is how the newest week of the origin is known now.
func remember(a *Archive, targets []string, day int, r recipe) *history {
	origin := weekOf(day)
	p := newPanel(a, targets, origin, r.history)
	cal := newCalendar(p.first, p.columns)
	h := &history{panel: p, calendar: cal, origin: origin, region: newRegion(len(targets), r.history, r.vintages)}
	asKnown := map[[2]int]sample{}
	days := make([]int, r.vintages)
	for i := range days {
		days[i] = day - 7*(r.vintages-1-i)
	}
	a.snapshots(p, days, func(at int) {
		vintage := r.vintages - 1 - at
		h.region.add(p, vintage)
		if vintage == 0 {
			return
		}
		for s := range p.keys {
			col := p.last(s)
			if col >= 0 && h.region.cell(vintage, p.target[s], col) >= 0 && p.usable(s, col) {
				row := p.describe(s, col, cal)
				row.vintage = vintage
				asKnown[[2]int{s, col}] = row
			}
		}
	})
	for s := range p.keys {
		for col := range p.columns {
			if !p.usable(s, col) {
				continue
			}
			row, ok := asKnown[[2]int{s, col}]
			if !ok {
				row = p.describe(s, col, cal)
			}
			row.season = cal.season[col]
			h.samples = append(h.samples, row)
		}
	}
	return h
}

// join fills in the region's features from the members' sum.
func (h *history) join(sum []int64) {
	h.region.sums = sum
	for i := range h.samples {
		h.joinRow(&h.samples[i])
	}
}

func (h *history) joinRow(r *sample) {
	means := h.region.means(r.vintage, h.panel.target[r.series], r.column)
	copy(r.common[featRegion:], means[:])
}

// breakLimit is the change in Q16, a factor of 33 within five weeks, from which on a series has
// changed its unit or its meaning and teaches nothing about epidemics.
const breakLimit = 7 * one / 2

// outcome returns what a sample should have foreseen: the change from its base to the
// value known now, missing if that is unknown or a break.
func (h *history) outcome(r *sample, lead int) int32 {
	now := h.panel.value(r.series, r.column+lead)
	if now == missing || now-r.base > breakLimit || r.base-now > breakLimit {
		return missing
	}
	return now - r.base
}

// inputs are a sample's features as the ensembles of one lead see them.
func (r *sample) inputs(lead int, into []fixed.Q16) {
	for i, v := range r.common {
		into[i] = known(v)
	}
	for i, v := range r.lead[lead-1] {
		into[features+i] = known(v)
	}
}

func known(v int32) fixed.Q16 {
	if v == missing {
		return fixed.Missing
	}
	return fixed.Q16(v)
}
