package csv

import (
	"fmt"
	"io"
	"strconv"

	"comity/modeler/forecast"
	"comity/party"
)

// Bounds of hub files. RespiCast's largest team file of a season has 6,000 rows.
const (
	maxForecasts = 8_000_000 // Rows of one file.
	maxHorizon   = 1000
	maxPlace     = 64 // Bytes of a location's name.
)

// taskColumns are the header names of a task.
func taskColumns() []string {
	return []string{"origin_date", "target", "horizon", "target_end_date", "location"}
}

// ReadTasks reads what a hub asks for. Other columns are ignored, so the rows of any
// model can serve, and rows that repeat a task are that one task. Tasks come in the
// file's order; errors are *Error.
func ReadTasks(name string, in io.Reader) ([]forecast.Task, error) {
	want := taskColumns()
	t, at, err := open(name, in, want, len(want))
	if err != nil {
		return nil, err
	}
	var tasks []forecast.Task
	seen := map[forecast.Task]bool{}
	r := newTaskReader(t, at)
	err = t.each(func(cells []cell) error {
		task, err := r.task(cells)
		if err != nil {
			return err
		}
		if err := task.Place.Check(); err != nil {
			c := cells[at[4]]
			return t.fail(c.column, fmt.Sprintf("location %q", clip(c.text)), "use capital letters, digits and hyphens, such as KE or GB-SCT")
		}
		if seen[task] {
			return nil
		}
		if len(tasks) == forecast.MaxRows {
			return t.fail(1, fmt.Sprintf("more than %d tasks", forecast.MaxRows), "split the file")
		}
		seen[task] = true
		tasks = append(tasks, task)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(tasks) == 0 {
		t.line = 1
		return nil, t.fail(1, "a header and no rows", "add the tasks")
	}
	return tasks, nil
}

// taskReader turns the columns of a task into one.
type taskReader struct {
	*table
	at    []int             // Where the columns are, in the order of taskColumns().
	words map[string]string // Each text is kept once.
	days  map[string]string // The same for texts that are dates.
}

func newTaskReader(t *table, at []int) *taskReader {
	return &taskReader{table: t, at: at, words: map[string]string{}, days: map[string]string{}}
}

func (r *taskReader) task(cells []cell) (forecast.Task, error) {
	var t forecast.Task
	var err error
	if t.Origin, err = r.day(cells[r.at[0]]); err != nil {
		return t, err
	}
	if t.Date, err = r.day(cells[r.at[3]]); err != nil {
		return t, err
	}
	target, place, weeks := cells[r.at[1]], cells[r.at[4]], cells[r.at[2]]
	if len(target.text) == 0 || len(target.text) > maxTarget {
		return t, r.fail(target.column, fmt.Sprintf("target of %d bytes", len(target.text)), "name the variable, such as ILI incidence")
	}
	if len(place.text) == 0 || len(place.text) > maxPlace {
		return t, r.fail(place.column, fmt.Sprintf("location of %d bytes", len(place.text)), "name the place, such as KE")
	}
	if t.Horizon, err = strconv.Atoi(clip(weeks.text)); err != nil || t.Horizon < -maxHorizon || t.Horizon > maxHorizon {
		return t, r.fail(weeks.column, fmt.Sprintf("%q is no horizon", clip(weeks.text)), "write a whole number of weeks, such as 1")
	}
	t.Target, t.Place = r.word(target), party.ID(r.word(place))
	return t, nil
}

// day checks a date and keeps it.
func (r *taskReader) day(c cell) (string, error) {
	if text, ok := r.days[string(c.text)]; ok {
		return text, nil
	}
	if _, err := date(c.text); err != nil {
		return "", r.fail(c.column, fmt.Sprintf("%q is no date", clip(c.text)), "write YYYY-MM-DD between 1970 and 2999")
	}
	text := string(c.text)
	r.days[text] = text
	return text, nil
}

// word keeps a text.
func (r *taskReader) word(c cell) string {
	if text, ok := r.words[string(c.text)]; ok {
		return text
	}
	text := string(c.text)
	r.words[text] = text
	return text
}
