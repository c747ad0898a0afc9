package forecast

import (
	"context"
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/modeler/learn"
	"comity/modeler/tally"
)

// ScoreStep names the sum of Score, before the number of its attempt.
const ScoreStep = "scores"

// Past is what one participant forecast in an earlier period for its own places.
type Past struct {
	Period    string
	Published []comity.Series // Of the model in force; what others made counts for nobody.
	Tried     []comity.Series // Of the canary; nil without one.
}

// Score adds up, in one sum, how forecasts of earlier periods stood up to what became
// known after the day since and until the input's origin: published forecasts beside
// carried ones, and the canary's beside the published ones. A forecast counts once, in the
// first round after its truth is known, if the carried reference has one for the same
// week. Without rows, as in a replay, it adds nothing.
func Score(ctx context.Context, in Input, since string, past []Past, sum learn.Summer) ([]int64, error) {
	_, day, err := in.check()
	if err != nil {
		return nil, err
	}
	var all []scored
	if since != "" && in.Archive != nil {
		before, err := parseOrigin(since)
		if err != nil {
			return nil, err
		}
		news := in.Archive.news(in.Targets, before, day)
		for _, p := range past {
			found, err := in.judge(p, news)
			if err != nil {
				return nil, fmt.Errorf("score the forecasts of %s: %w", p.Period, err)
			}
			all = append(all, found...)
		}
	}
	return together(ctx, sum, learn.Step{Name: ScoreStep, Bits: 64}, func(attempt int) []int64 {
		kept := thinned(in.Seed, all, attempt)
		var served, tried []tally.Entry
		for _, s := range all {
			switch _, keep := slices.BinarySearch(kept, s.key); {
			case !keep:
			case s.tried:
				tried = append(tried, s.Entry)
			default:
				served = append(served, s.Entry)
			}
		}
		return tally.Vector(len(in.Targets), served, tried)
	})
}

// scored is one scored forecast with its name for the public coin.
type scored struct {
	tally.Entry
	key   uint64
	tried bool
}

// thinned returns the keys that an attempt adds, ascending: the first all, each later one
// those of the one before that the public coin keeps, and always fewer. A member has a
// handful, of which a sample is often all; what was lost must not be summed again.
func thinned(seed chance.Seed, all []scored, attempt int) []uint64 {
	keys := make([]uint64, 0, len(all))
	for _, s := range all {
		keys = append(keys, s.key)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	for a := 1; a <= attempt && len(keys) > 0; a++ {
		before, keep := len(keys), lot(seed, ScoreStep, a)
		keys = slices.DeleteFunc(keys, func(key uint64) bool { return !keep(key) })
		if len(keys) == before {
			keys = keys[:before-1]
		}
	}
	return keys
}

// newsWeeks is how far back truths are looked for: the last week of the oldest forecast.
const newsWeeks = tally.MaxWeeks + horizons

// news returns the values that were not known on one day and are on a later one.
func (a *Archive) news(targets []string, before, day int) map[seriesKey]map[week]int64 {
	p := newPanel(a, targets, weekOf(day), newsWeeks)
	known := make([][]int64, len(p.keys))
	found := map[seriesKey]map[week]int64{}
	a.snapshots(p, []int{before, day}, func(at int) {
		for s, key := range p.keys {
			if at == 0 {
				known[s] = slices.Clone(p.natural[s])
				continue
			}
			found[key] = map[week]int64{}
			for col, v := range p.natural[s] {
				if v != missing && known[s][col] == missing {
					found[key][p.first+week(col)] = v
				}
			}
		}
	})
	return found
}

// judge scores what became known of one earlier period.
func (in *Input) judge(p Past, news map[seriesKey]map[week]int64) ([]scored, error) {
	then := *in
	then.Origin = p.Period
	carried, err := Carry(then)
	if err != nil {
		return nil, err
	}
	var all []scored
	for _, series := range p.Published {
		key := seriesKey{series.Place, series.Target}
		target := slices.Index(in.Targets, series.Target)
		for _, h := range series.Horizons {
			w, err := parseWeek(h.Date)
			if err != nil {
				return nil, err
			}
			truth, ok := news[key][w]
			reference := find(carried, series, h)
			if !ok || target < 0 || h.Weeks < 1 || h.Weeks > horizons || reference == nil {
				continue
			}
			name := rowKey(key, w, h.Weeks)
			all = append(all, scored{tally.Judge(target, h, reference, truth), name, false})
			if own := find(p.Tried, series, h); own != nil {
				h.Quantiles, reference = own, h.Quantiles
				all = append(all, scored{tally.Judge(target, h, reference, truth), name, true})
			}
		}
	}
	return all, nil
}

// find returns the quantiles of the same place, target and week, or nil.
func find(all []comity.Series, like comity.Series, at comity.Horizon) []canon.Int {
	for _, s := range all {
		if s.Place != like.Place || s.Target != like.Target {
			continue
		}
		for _, h := range s.Horizons {
			if h.Date == at.Date {
				return h.Quantiles
			}
		}
	}
	return nil
}
