// Package picture freezes the forecasts of one period into the risk picture that a body
// decides on. It only checks and orders: anybody who holds the logged forecasts gets the
// same picture, in whatever order they arrived.
package picture

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"comity"
	"comity/canon"
	"comity/party"
)

// ErrRefused says that a forecast cannot enter a picture.
var ErrRefused = errors.New("forecast refused")

// Bounds of what one picture accepts.
const (
	// MaxWeeks is the longest horizon.
	MaxWeeks = 52
	// MaxQuantile is in thousandths of the unit, far above any incidence; 2^53 times
	// smaller than the range of canon.Int, so that later sums cannot overflow.
	MaxQuantile = 1_000_000_000_000_000
	maxText     = 100 // Bytes of a target or unit.
	maxSeries   = 64  // Targets of one author.
)

// Authored is a forecast and who signed it.
type Authored struct {
	Author   party.ID
	Forecast comity.Forecast
}

// Freeze returns the picture of a period: all series by target and place, and the cohort
// members without a forecast. It refuses, naming both sides, a forecast of another period
// or model, a second one of an author, an author outside the cohort, and any series that
// is not of the author's own place or is malformed. Errors wrap ErrRefused.
//
// The arguments are not changed; the picture shares their quantiles.
func Freeze(period string, model canon.Digest, forecasts []Authored, cohort []party.ID) (comity.Picture, error) {
	origin, err := time.Parse(time.DateOnly, period)
	if err != nil {
		return comity.Picture{}, fmt.Errorf("%w: period %.20q is no date; write YYYY-MM-DD", ErrRefused, period)
	}
	given := slices.SortedFunc(slices.Values(forecasts), func(a, b Authored) int { return cmp.Compare(a.Author, b.Author) })
	p := comity.Picture{Period: period, Model: model, Series: []comity.Series{}, Absent: []party.ID{}}
	members := slices.Sorted(slices.Values(cohort))
	for i, f := range given {
		if i > 0 && given[i-1].Author == f.Author {
			return comity.Picture{}, fmt.Errorf("%w: two forecasts by %s for %s; keep the first logged", ErrRefused, f.Author, period)
		}
		if _, ok := slices.BinarySearch(members, f.Author); !ok {
			return comity.Picture{}, fmt.Errorf("%w: %s is not in the cohort of %d members", ErrRefused, f.Author, len(members))
		}
		if err := check(f, period, model, origin); err != nil {
			return comity.Picture{}, fmt.Errorf("forecast of %s for %s: %w", f.Author, period, err)
		}
		p.Series = append(p.Series, f.Forecast.Series...)
	}
	for _, id := range slices.Compact(members) {
		if !slices.ContainsFunc(given, func(f Authored) bool { return f.Author == id }) {
			p.Absent = append(p.Absent, id)
		}
	}
	slices.SortFunc(p.Series, func(a, b comity.Series) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Place, b.Place))
	})
	return p, nil
}

// Check tells whether one author's forecast could enter the picture of the period and
// model that it names, so that a bad one is refused when it is logged and not later.
func Check(f Authored) error {
	origin, err := time.Parse(time.DateOnly, f.Forecast.Period)
	if err != nil {
		return fmt.Errorf("%w: period %.20q is no date; write YYYY-MM-DD", ErrRefused, f.Forecast.Period)
	}
	return check(f, f.Forecast.Period, f.Forecast.Model, origin)
}

func check(f Authored, period string, model canon.Digest, origin time.Time) error {
	if err := f.Author.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if f.Forecast.Period != period {
		return fmt.Errorf("%w: it is for %.20q, the picture for %s", ErrRefused, f.Forecast.Period, period)
	}
	if f.Forecast.Model != model {
		return fmt.Errorf("%w: it is from model %s, the picture from %s", ErrRefused, f.Forecast.Model, model)
	}
	if len(f.Forecast.Series) > maxSeries {
		return fmt.Errorf("%w: %d series, at most %d", ErrRefused, len(f.Forecast.Series), maxSeries)
	}
	for i, s := range f.Forecast.Series {
		if i > 0 && f.Forecast.Series[i-1].Target >= s.Target {
			return fmt.Errorf("%w: target %q stands after %q; order by target, each once", ErrRefused, s.Target, f.Forecast.Series[i-1].Target)
		}
		if err := checkSeries(s, f.Author, origin); err != nil {
			return fmt.Errorf("%.100q: %w", s.Target, err)
		}
	}
	return nil
}

func checkSeries(s comity.Series, author party.ID, origin time.Time) error {
	if s.Place != author {
		return fmt.Errorf("%w: place %.40q is not its author's own, %s", ErrRefused, string(s.Place), author)
	}
	if s.Target == "" || len(s.Target) > maxText || len(s.Unit) > maxText {
		return fmt.Errorf("%w: target of %d and unit of %d bytes; give a target, each at most %d", ErrRefused, len(s.Target), len(s.Unit), maxText)
	}
	last, err := time.Parse(time.DateOnly, s.LastDate)
	if err != nil || last.After(origin) {
		return fmt.Errorf("%w: last date %.20q is no date up to the origin", ErrRefused, s.LastDate)
	}
	if s.Reference < 1 || s.Reference > MaxQuantile {
		return fmt.Errorf("%w: reference %d thousandths, must lie within 1 and %d", ErrRefused, s.Reference, int64(MaxQuantile))
	}
	if len(s.Horizons) == 0 {
		return fmt.Errorf("%w: no horizon; leave the series out", ErrRefused)
	}
	for i, h := range s.Horizons {
		if i > 0 && s.Horizons[i-1].Weeks >= h.Weeks {
			return fmt.Errorf("%w: %d weeks stand after %d; order by weeks, each once", ErrRefused, h.Weeks, s.Horizons[i-1].Weeks)
		}
		if err := checkHorizon(h, last, origin); err != nil {
			return fmt.Errorf("%d weeks ahead: %w", h.Weeks, err)
		}
	}
	return nil
}

func checkHorizon(h comity.Horizon, last, origin time.Time) error {
	if h.Weeks < 1 || h.Weeks > MaxWeeks {
		return fmt.Errorf("%w: a horizon has 1 to %d weeks", ErrRefused, MaxWeeks)
	}
	date, err := time.Parse(time.DateOnly, h.Date)
	if err != nil || !date.After(last) {
		return fmt.Errorf("%w: date %.20q is no date after the newest row, %s", ErrRefused, h.Date, last.Format(time.DateOnly))
	}
	if want := horizonDate(origin, h.Weeks); !date.Equal(want) {
		return fmt.Errorf("%w: date %s, but that week ends on %s", ErrRefused, h.Date, want.Format(time.DateOnly))
	}
	if len(h.Quantiles) != len(comity.QuantileLevels) {
		return fmt.Errorf("%w: %d quantiles, want %d", ErrRefused, len(h.Quantiles), len(comity.QuantileLevels))
	}
	if h.Quantiles[0] < 0 || h.Quantiles[len(h.Quantiles)-1] > MaxQuantile {
		return fmt.Errorf("%w: quantiles from %d to %d thousandths, must lie within 0 and %d",
			ErrRefused, h.Quantiles[0], h.Quantiles[len(h.Quantiles)-1], int64(MaxQuantile))
	}
	for i := 1; i < len(h.Quantiles); i++ {
		if h.Quantiles[i-1] > h.Quantiles[i] {
			return fmt.Errorf("%w: quantile at %d/1000 is %d, above %d at %d/1000", ErrRefused,
				comity.QuantileLevels[i-1], h.Quantiles[i-1], h.Quantiles[i], comity.QuantileLevels[i])
		}
	}
	return nil
}

// horizonDate returns the Sunday that ends the week of a horizon: horizon 1 is the last
// Sunday up to the origin, whose week nobody has reported yet (hub convention, read from
// its published forecasts).
func horizonDate(origin time.Time, weeks int) time.Time {
	sunday := origin.AddDate(0, 0, -int(origin.Weekday()))
	return sunday.AddDate(0, 0, 7*(weeks-1))
}
