package forecast

import (
	"slices"

	"comity"
	"comity/canon"
)

// horizons is how many weeks are published.
const horizons = 4

// Caps of a forecast above the last value and the highest ever seen, in Q16 of natural
// logarithms: a factor of 2.0 over the record, of 1.5 over the present.
const (
	capOverRecord  = 7 * one / 10
	capOverPresent = 4 * one / 10
)

// publish returns the forecasts of the participant's own series, by place and target.
// Series without a row in the newest four weeks are absent.
func (h *history) publish(f *fitted, unit string) []comity.Series {
	series := []comity.Series{}
	for s, key := range h.panel.keys {
		row := h.newest(s)
		if row == nil {
			continue
		}
		col := row.column
		out := comity.Series{
			Place: key.place, Target: key.target, Unit: unit,
			LastDate:  (h.panel.first + week(col)).String(),
			Reference: canon.Int(h.panel.reference(s)),
		}
		_, record := h.panel.extremes(s, col, h.panel.columns)
		ceiling := max(int64(record)+capOverRecord, int64(row.base)+capOverPresent)
		for weeks := 1; weeks <= horizons; weeks++ {
			// Horizon 1 is the origin's own week, whose value nobody knows yet.
			lead := h.panel.columns - 1 - col + weeks - 1
			if lead < 1 {
				continue
			}
			lead = min(lead, leads)
			out.Horizons = append(out.Horizons, comity.Horizon{
				Weeks: weeks, Date: (h.origin + week(weeks-1)).String(),
				Quantiles: f.quantiles(row, lead, ceiling),
			})
		}
		if len(out.Horizons) > 0 {
			series = append(series, out)
		}
	}
	return series
}

// late is how many weeks behind the origin's own a series may be. Most are one week
// behind. Of one that is three behind, the fifth lead has to do for the fourth horizon,
// which would be its sixth.
const late = leads - horizons + 2

// newest describes the week from which a series is forecast, as the origin's own
// snapshot knows it, or returns nil if it has no row in the newest four weeks.
func (h *history) newest(s int) *sample {
	col := h.panel.last(s)
	if col < h.panel.columns-1-late {
		return nil
	}
	row := h.panel.describe(s, col, h.calendar)
	h.joinRow(&row)
	return &row
}

// quantiles returns x + mu + s z at every level, in ascending thousandths of the unit.
func (f *fitted) quantiles(row *sample, lead int, ceiling int64) []canon.Int {
	mu, s := f.center(row, lead), f.spread(row, lead)
	q := make([]canon.Int, 0, len(f.z[lead-1]))
	for _, z := range f.z[lead-1] {
		x := int64(row.base) + mu + nearest(s*z, one)
		q = append(q, canon.Int(naturalOf(min(max(x, 0), ceiling))))
	}
	slices.Sort(q)
	return q
}

// reference returns the 90th percentile of the last 156 known weeks of a series, at
// least one thousandth: the smallest value that nine tenths do not exceed.
func (p *panel) reference(s int) int64 {
	var values []int64
	for _, v := range p.natural[s][max(0, p.columns-longWindow):] {
		if v != missing {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	if len(values) == 0 {
		return 1
	}
	return max(values[(9*len(values)-1)/10], 1)
}
