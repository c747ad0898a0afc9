package fleet

import (
	"maps"
	"slices"

	"comity"
	"comity/body"
	"comity/party"
)

// Score says how published forecasts of earlier weeks stood up to what was reported
// later. It needs simulated or public rows; in a deployment each member scores its own.
type Score struct {
	Weeks   int // Earlier decisions of which something can be scored.
	Scored  int // Forecasts: one place, target and date each.
	Within5 int // Of them, truths inside the middle 50 %.
	Within9 int // Of them, truths inside the middle 90 %.
}

// truthKey names one truth.
type truthKey struct {
	place  party.ID
	target string
	date   string
}

// score compares the pictures before a period with the rows that are known then.
func (f *Fleet) score(period string) (Score, error) {
	known, err := f.cfg.Scenario.Rows.Known(period)
	if err != nil {
		return Score{}, err
	}
	truth := map[truthKey]int64{}
	for _, o := range known { // Oldest snapshot first: the newest value stays.
		k := truthKey{o.Place, o.Target, o.Date}
		if o.Withdrawn {
			delete(truth, k)
			continue
		}
		truth[k] = o.Value
	}
	var s Score
	f.hub.Look(func(state *body.State) {
		for _, earlier := range slices.Sorted(maps.Keys(state.View().Decisions)) {
			d := state.View().Decisions[earlier]
			if earlier >= period || d.Picture == nil {
				continue
			}
			before := s.Scored
			for _, series := range d.Picture.Series {
				s.add(series, truth)
			}
			if s.Scored > before {
				s.Weeks++
			}
		}
	})
	return s, nil
}

func (s *Score) add(series comity.Series, truth map[truthKey]int64) {
	for _, h := range series.Horizons {
		value, ok := truth[truthKey{series.Place, series.Target, h.Date}]
		if !ok || h.Date <= series.LastDate {
			continue
		}
		s.Scored++
		if inside(h, value, 250, 750) {
			s.Within5++
		}
		if inside(h, value, 50, 950) {
			s.Within9++
		}
	}
}

// inside tells whether a value lies between two quantile levels, in thousandths.
func inside(h comity.Horizon, value int64, low, high int) bool {
	at := func(level int) int64 { return int64(h.Quantiles[slices.Index(comity.QuantileLevels[:], level)]) }
	return at(low) <= value && value <= at(high)
}
