package csv

import (
	"fmt"
	"io"

	"comity/modeler/forecast"
	"comity/modeler/score"
	"comity/party"
)

// ReadTruth reads what came to pass: target, location, truth_date, value. Rows without a
// value are left out. Errors are *Error.
func ReadTruth(name string, in io.Reader) (score.Truth, error) {
	want := []string{"target", "location", "truth_date", "value"}
	t, at, err := open(name, in, want, len(want))
	if err != nil {
		return nil, err
	}
	truth := score.Truth{}
	r := newTaskReader(t, nil)
	err = t.each(func(cells []cell) error {
		target, place, week, value := cells[at[0]], cells[at[1]], cells[at[2]], cells[at[3]]
		if len(value.text) == 0 {
			return nil
		}
		day, err := r.day(week)
		if err != nil {
			return err
		}
		key := score.Week{Target: r.word(target), Place: party.ID(r.word(place)), Date: day}
		v, err := t.number(value)
		if err != nil {
			return err
		}
		if old, ok := truth[key]; ok && old != v {
			return t.fail(value.column, fmt.Sprintf("a row above says %g for the same target, location and week", old), "keep the newest value")
		}
		if len(truth) == forecast.MaxRows {
			return t.fail(1, fmt.Sprintf("more than %d rows", forecast.MaxRows), "drop the oldest weeks")
		}
		truth[key] = v
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(truth) == 0 {
		t.line = 1
		return nil, t.fail(1, "no row with a value", "add what was observed")
	}
	return truth, nil
}
