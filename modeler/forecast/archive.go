package forecast

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"comity/party"
)

// Observation is one row of a surveillance archive: what a snapshot said about one week.
type Observation struct {
	AsOf      string // Day of the snapshot, YYYY-MM-DD.
	Target    string // "ILI incidence".
	Place     party.ID
	Date      string // Last day of the week, a Sunday.
	Value     int64  // Thousandths of the unit, 0 to MaxValue; 0 if withdrawn.
	Withdrawn bool   // The snapshot takes back an earlier value.
}

// Bounds of an archive. A continent's 25 years of weekly snapshots stay far below.
const (
	MaxRows   = 4_000_000
	MaxValue  = 1_000_000_000_000 // A thousand million per unit of population, in thousandths.
	maxTarget = 100               // Bytes of a target's name.
)

// withdrawalWeeks is how far back a snapshot can take a value away. Snapshots that drop
// older weeks have changed their system, not their mind: one of 2024-10-25 withdraws
// 9,950 values of a decade, and honouring it costs 4 % of the score.
const withdrawalWeeks = 12

var (
	// ErrObservation says that a row cannot enter an archive.
	ErrObservation = errors.New("observation refused")
	// ErrTooMany says that an archive would exceed MaxRows.
	ErrTooMany = errors.New("too many observations")
)

// Archive knows what was known when, for the places of one participant. It is
// read-only after NewArchive and safe for concurrent use.
type Archive struct {
	series    []seriesKey // Ascending.
	revisions []revision  // By day of the snapshot.
}

// seriesKey names one variable at one place.
type seriesKey struct {
	place  party.ID
	target string
}

func compareSeries(a, b seriesKey) int {
	return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.target, b.target))
}

// revision is one checked observation; a withdrawn one has value missing.
type revision struct {
	day    int32
	series int32
	week   week
	value  int64
}

// NewArchive checks observations and keeps them in an order of its own, so that the
// order of the argument leaves no trace. Errors wrap ErrObservation, ErrDate or ErrTooMany.
func NewArchive(rows []Observation) (*Archive, error) {
	if len(rows) > MaxRows {
		return nil, fmt.Errorf("%w: %d rows, at most %d; drop the oldest snapshots", ErrTooMany, len(rows), MaxRows)
	}
	keys := make([]seriesKey, 0, 8)
	seen := map[seriesKey]int32{}
	for _, row := range rows {
		key := seriesKey{row.Place, row.Target}
		if _, ok := seen[key]; !ok {
			seen[key] = 0
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareSeries)
	for i, key := range keys {
		seen[key] = int32(i)
	}
	a := &Archive{series: keys, revisions: make([]revision, 0, len(rows))}
	for i, row := range rows {
		r, err := check(row)
		if err != nil {
			return nil, fmt.Errorf("row %d of %d: %w", i+1, len(rows), err)
		}
		r.series = seen[seriesKey{row.Place, row.Target}]
		a.revisions = append(a.revisions, r)
	}
	return a, a.order()
}

func check(row Observation) (revision, error) {
	if err := row.Place.Check(); err != nil {
		return revision{}, fmt.Errorf("%w: %w", ErrObservation, err)
	}
	if row.Target == "" || len(row.Target) > maxTarget {
		return revision{}, fmt.Errorf("%w: target of %d bytes; give 1 to %d", ErrObservation, len(row.Target), maxTarget)
	}
	if row.Value < 0 || row.Value > MaxValue || row.Withdrawn && row.Value != 0 {
		return revision{}, fmt.Errorf("%w: value %d thousandths (withdrawn: %t); use 0 to %d, and 0 if withdrawn",
			ErrObservation, row.Value, row.Withdrawn, int64(MaxValue))
	}
	day, err := parseDay(row.AsOf)
	if err != nil {
		return revision{}, fmt.Errorf("as of: %w", err)
	}
	w, err := parseWeek(row.Date)
	if err != nil {
		return revision{}, err
	}
	r := revision{day: int32(day), week: w, value: row.Value} //nolint:gosec // Years to 2999 are below 400,000 days.
	if row.Withdrawn {
		r.value = missing
	}
	return r, nil
}

// order sorts revisions by day and refuses two that contradict each other.
func (a *Archive) order() error {
	slices.SortFunc(a.revisions, func(x, y revision) int {
		return cmp.Or(cmp.Compare(x.day, y.day), cmp.Compare(x.series, y.series), cmp.Compare(x.week, y.week), cmp.Compare(x.value, y.value))
	})
	for i := 1; i < len(a.revisions); i++ {
		x, y := a.revisions[i-1], a.revisions[i]
		if x.day == y.day && x.series == y.series && x.week == y.week && x.value != y.value {
			key := a.series[x.series]
			return fmt.Errorf("%w: one snapshot gives %s at %s two values for the week to %s: %d and %d; keep one",
				ErrObservation, key.target, key.place, x.week, x.value, y.value)
		}
	}
	return nil
}

// snapshots replays the archive and shows the state at the end of each of the given
// days, in ascending order. The panel is reused: show must not keep it.
func (a *Archive) snapshots(p *panel, days []int, show func(at int)) {
	next := 0
	for at, day := range days {
		for next < len(a.revisions) && int(a.revisions[next].day) <= day {
			a.apply(p, a.revisions[next])
			next++
		}
		show(at)
	}
}

func (a *Archive) apply(p *panel, r revision) {
	if r.value == missing && weekOf(int(r.day))-r.week > withdrawalWeeks {
		return
	}
	p.set(a.series[r.series], r.week, r.value)
}
