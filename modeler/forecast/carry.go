package forecast

import (
	"slices"

	"comity"
	"comity/canon"
)

// Bounds of a carried forecast. Thirty changes are the least of which the 23 quantiles
// differ; a place that reported in no week of a year has no present level.
const (
	carryLeast = 30
	carryWeeks = 52
)

// Carry forecasts every series without a model: the newest known value, changed as its
// own history changed over as many weeks. It serves series that are too late for Run, and
// archives that are too young to train on. A series is absent if its newest week is more
// than 52 weeks before the origin's own, and a horizon if the history holds fewer than
// 30 changes of its length. No rows of later snapshots are read.
func Carry(in Input) ([]comity.Series, error) {
	r, day, err := in.check()
	if err != nil {
		return nil, err
	}
	archive, origin := in.archive(), weekOf(day)
	p := newPanel(archive, in.Targets, origin, r.history)
	archive.snapshots(p, []int{day}, func(int) {})
	series := []comity.Series{}
	for s, key := range p.keys {
		last := p.last(s)
		if last < max(0, p.columns-1-carryWeeks) {
			continue
		}
		out := comity.Series{
			Place: key.place, Target: key.target, Unit: in.Unit,
			LastDate:  (p.first + week(last)).String(),
			Reference: canon.Int(p.reference(s)),
		}
		for weeks := 1; weeks <= horizons; weeks++ {
			lead := p.columns - 1 - last + weeks - 1
			if lead < 1 {
				continue
			}
			if q := p.carried(s, last, lead); q != nil {
				out.Horizons = append(out.Horizons, comity.Horizon{Weeks: weeks, Date: (origin + week(weeks-1)).String(), Quantiles: q})
			}
		}
		if len(out.Horizons) > 0 {
			series = append(series, out)
		}
	}
	return series, nil
}

// carried returns the quantiles of a series some weeks after its last column, in
// ascending thousandths, or nil if the history holds too few changes. Changes that are
// breaks of unit do not count.
func (p *panel) carried(s, last, lead int) []canon.Int {
	var changes []int32
	for col := range p.columns - lead {
		if c := p.change(s, col, col+lead); c != missing && c >= -breakLimit && c <= breakLimit {
			changes = append(changes, c)
		}
	}
	if len(changes) < carryLeast {
		return nil
	}
	slices.Sort(changes)
	base := int64(p.x[s][last])
	_, record := p.extremes(s, last, p.columns)
	ceiling := max(int64(record)+capOverRecord, base+capOverPresent)
	q := make([]canon.Int, 0, len(comity.QuantileLevels))
	for _, level := range comity.QuantileLevels {
		// The smallest change that the level's share does not exceed.
		x := base + int64(changes[(level*len(changes)-1)/1000])
		q = append(q, canon.Int(naturalOf(min(max(x, 0), ceiling))))
	}
	return q
}
