package pack

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"comity/modeler/forecast"
	"comity/party"
)

// Rows gives the observations of all members, as somebody could have known them.
type Rows interface {
	// Known returns the rows of every snapshot up to the date asOf, oldest snapshot
	// first. Asking later never changes what an earlier date gave.
	Known(asOf string) ([]forecast.Observation, error)
}

// Recorded is rows that were read from somewhere, such as a data folder.
type Recorded []forecast.Observation

// Known returns the rows with a snapshot date up to asOf.
func (r Recorded) Known(asOf string) ([]forecast.Observation, error) {
	var known []forecast.Observation
	for _, o := range r {
		if o.AsOf <= asOf {
			known = append(known, o)
		}
	}
	Sort(known)
	return known, nil
}

// Places lists the places in the rows, ascending.
func (r Recorded) Places() []party.ID {
	var ids []party.ID
	seen := map[party.ID]bool{}
	for _, o := range r {
		if !seen[o.Place] {
			seen[o.Place] = true
			ids = append(ids, o.Place)
		}
	}
	slices.Sort(ids)
	return ids
}

// Origin returns the last origin date that the rows support: the first Wednesday on or
// after the newest snapshot. Rows without a date give ErrPeriod.
func (r Recorded) Origin() (string, error) {
	newest := ""
	for _, o := range r {
		newest = max(newest, o.AsOf)
	}
	at, err := time.Parse(time.DateOnly, newest)
	if err != nil {
		return "", fmt.Errorf("newest snapshot of %d rows is of %.20q: %w; write YYYY-MM-DD", len(r), newest, ErrPeriod)
	}
	wait := (int(time.Wednesday) - int(at.Weekday()) + 7) % 7
	return at.AddDate(0, 0, wait).Format(time.DateOnly), nil
}

// Sort orders rows by snapshot, target, place and week: the order in which files and
// digests take them.
func Sort(rows []forecast.Observation) {
	slices.SortStableFunc(rows, func(a, b forecast.Observation) int {
		return cmp.Or(cmp.Compare(a.AsOf, b.AsOf), cmp.Compare(a.Target, b.Target),
			cmp.Compare(a.Place, b.Place), cmp.Compare(a.Date, b.Date))
	})
}
