package health

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"comity/chance"
	"comity/modeler/forecast"
	"comity/pack"
	"comity/party"
)

// The calendar of the synthetic world. Weeks end on Sundays; the snapshot of a Friday
// first shows the week that ended five days before.
const (
	firstOrigin  = "2026-11-18" // A Wednesday.
	snapshotDays = 5            // From the end of a week to the Friday that first shows it.
	lastWeekEnd  = "2026-11-08" // The newest week known at firstOrigin.
	historyWeeks = 260          // Known at firstOrigin: five winters.
	lateWeeks    = 52           // Known at firstOrigin of a member that joined late.
	vintageWeeks = 60           // Snapshots before firstOrigin; the oldest holds all before it.
	spinUpWeeks  = 208          // Simulated before, so that immunity finds its level.
	maxAhead     = 520          // Weeks after firstOrigin: bounds time and memory.
)

// world is a synthetic epidemic. Equal seeds and places give equal rows on every machine:
// it computes in integers only, and every place draws from streams of its own. It holds
// no state: asked for a later date, it runs again and gives the same rows and more.
type world struct {
	seed   chance.Seed
	places []place
	first  time.Time // End of week 0 of the history.
}

// newWorld returns the world of seed in which these places travel to one another.
func newWorld(seed chance.Seed, places []place) world {
	last, err := time.Parse(time.DateOnly, lastWeekEnd)
	if err != nil {
		panic(err) // The constant above is a date.
	}
	places = slices.Clone(places)
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.id, b.id) })
	return world{chance.Derive(seed, "health/world@1"), places, last.AddDate(0, 0, -7*(historyWeeks-1))}
}

// Known implements pack.Rows. A week is final in the third snapshot after its first, so
// that what is true of a week is what is known 26 days after its end.
func (w world) Known(asOf string) ([]forecast.Observation, error) {
	friday, err := time.Parse(time.DateOnly, asOf)
	if err != nil {
		return nil, fmt.Errorf("rows known on %.20q: %w; write YYYY-MM-DD", asOf, pack.ErrPeriod)
	}
	days := int(friday.Sub(w.first)/(24*time.Hour)) - snapshotDays // Since the first snapshot could be taken.
	weeks := max(0, days+7) / 7
	if weeks > historyWeeks+maxAhead {
		return nil, fmt.Errorf("rows known on %s: %w; the synthetic world ends %d weeks after %s", asOf, pack.ErrPeriod, maxAhead, firstOrigin)
	}
	return w.rows(weeks), nil
}

// rows returns every snapshot up to the one whose newest week is number weeks-1.
func (w world) rows(weeks int) []forecast.Observation {
	var series []reports
	flu, cold := w.spread(influenza(), weeks), w.spread(colds(), weeks)
	for _, target := range []string{ARI, ILI} {
		for i, p := range w.places {
			series = append(series, w.report(p, target, flu[i], cold[i]))
		}
	}
	var all []forecast.Observation
	const oldest = historyWeeks - vintageWeeks // The newest week of the oldest snapshot.
	for newest := oldest; newest < weeks; newest++ {
		asOf := w.date(newest, snapshotDays)
		since := newest - final
		if newest == oldest {
			since = 0
		}
		for _, s := range series {
			for week := max(since, s.first); week <= newest; week++ {
				age := min(newest-week, final)
				all = append(all, forecast.Observation{
					AsOf: asOf, Target: s.target, Place: s.place, Date: w.date(week, 0), Value: s.values[week][age],
				})
			}
		}
	}
	return all
}

// final is the age in weeks from which a value no longer changes.
const final = 3

// reports is what one place says about one target.
type reports struct {
	place  party.ID
	target string
	first  int                // The first week it reports.
	values [][final + 1]int64 // By week and by its age in weeks: thousandths per 100,000.
}

// report turns infections into what the place reports. Levels differ a hundredfold
// between places, as surveillance systems do. A week's first report lacks up to 4 % of
// the cases, at one place in ten 10 to 20 %; the next two lack about a third and a tenth
// of that. So it was in the European hub's snapshots of 2023 to 2025: the median first
// report was final, one in ten lacked 5 % and one in twenty 24 %.
func (w world) report(p place, target string, flu, cold []int64) reports {
	stream := chance.NewStream(chance.Derive(w.seed, "report", target, string(p.id)))
	level := (262 * int64(16+stream.IntN(16))) << stream.IntN(7) // Of 2^20 infections: 0.4 % to 50 % are reported.
	gap := factor * int64(stream.IntN(5)) / 100
	if stream.IntN(10) == 0 {
		gap = factor * int64(10+stream.IntN(11)) / 100
	}
	noise := int64(30 + stream.IntN(30)) // Standard deviation of a report, as a factor.
	if p.population < 1000 {
		noise *= 2
	}
	r := reports{place: p.id, target: target}
	if p.is("late") {
		r.first = historyWeeks - lateWeeks
	}
	for week := range flu {
		cases := (9*flu[week]+cold[week])/10 + whole/10_000
		if target == ARI {
			cases = (flu[week]+2*cold[week])/2 + whole/400
		}
		truth := (cases * 100_000_000 / whole * level) >> 20 // Thousandths per 100,000.
		truth = truth * (factor + bell(stream)*noise/factor) / factor
		var v [final + 1]int64
		for age, part := range [...]int64{factor, factor / 3, factor / 10, 0} {
			part = part * (factor*3/4 + int64(stream.IntN(factor/2))) / factor
			v[age] = truth - truth*gap/factor*part/factor
		}
		r.values = append(r.values, v)
	}
	return r
}

// date returns the day that lies days after the end of a week.
func (w world) date(week, days int) string {
	return w.first.AddDate(0, 0, 7*week+days).Format(time.DateOnly)
}
