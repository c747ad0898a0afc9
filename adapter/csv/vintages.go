package csv

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"comity/modeler/forecast"
	"comity/party"
)

// columns are the header names of an archive; the last is optional.
func columns() []string {
	return []string{"as_of", "target", "location", "truth_date", "value", "source"}
}

// optional is how many of the columns may be absent.
const optional = 1

// Find returns the one archive in a folder: the file that *vintages*.csv* matches.
func Find(folder string) (string, error) {
	found, err := filepath.Glob(filepath.Join(escape(folder), "*vintages*.csv*"))
	if err != nil {
		return "", &Error{File: folder, Line: 1, Column: 1, Reason: "not a folder name", Fix: "give the folder that holds the data", Cause: err}
	}
	switch len(found) {
	case 0:
		return "", &Error{
			File: folder, Line: 1, Column: 1, Reason: "no file *vintages*.csv or *vintages*.csv.gz in this folder",
			Fix: "give a folder that has one, with the columns " + strings.Join(columns()[:5], ",") + ", or one with scenario.yaml, as comity up --example DIR writes it", Cause: fs.ErrNotExist,
		}
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, path := range found {
		names[i] = filepath.Base(path)
	}
	return "", &Error{
		File: folder, Line: 1, Column: 1, Reason: fmt.Sprintf("%d archives: %s", len(found), strings.Join(names, ", ")),
		Fix: "keep one in the folder",
	}
}

// escape protects a folder's name from being read as a pattern.
func escape(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}

// Vintages reads an archive: one row for every value that a snapshot added, changed or,
// with an empty value, withdrew. Rows come in the file's order; errors are *Error.
func Vintages(path string) ([]forecast.Observation, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{File: path, Line: 1, Column: 1, Reason: "cannot be opened: " + cause(err), Fix: "check the name and the permissions", Cause: err}
	}
	defer f.Close() //nolint:errcheck // Only read.
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, &Error{File: path, Line: 1, Column: 1, Reason: "not a regular file", Fix: "give a .csv or .csv.gz file", Cause: err}
	}
	return ReadVintages(path, f)
}

func cause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// ReadVintages reads an archive from a stream; name stands for the file in errors.
func ReadVintages(name string, in io.Reader) ([]forecast.Observation, error) {
	return readVintages(name, in, &reader{weekday: time.Sunday})
}

// ReadWeekly reads another hub's archive, whose weeks all end on the same day of the
// week, whichever it is. Negative values are withdrawals: a count below zero takes back
// cases of earlier weeks and says nothing of its own; negative is how many there were.
func ReadWeekly(name string, in io.Reader) (rows []forecast.Observation, negative int, err error) {
	r := &reader{weekday: anyDay, corrected: true}
	rows, err = readVintages(name, in, r)
	return rows, r.negative, err
}

func readVintages(name string, in io.Reader, r *reader) ([]forecast.Observation, error) {
	want := columns()
	t, at, err := open(name, in, want, len(want)-optional)
	if err != nil {
		return nil, err
	}
	r.table, r.at = t, at
	r.words, r.days, r.seen = map[string]int{}, map[string]time.Time{}, map[key]origin{}
	if err := t.each(r.row); err != nil {
		return nil, err
	}
	if len(r.rows) == 0 {
		t.line = 1
		return nil, t.fail(1, "a header and no rows", "add the observations")
	}
	return r.rows, nil
}

// Places lists the places in rows, ascending.
func Places(rows []forecast.Observation) []party.ID {
	return distinct(rows, func(o forecast.Observation) party.ID { return o.Place })
}

// Targets lists the targets in rows, ascending.
func Targets(rows []forecast.Observation) []string {
	return distinct(rows, func(o forecast.Observation) string { return o.Target })
}

func distinct[T ~string](rows []forecast.Observation, of func(forecast.Observation) T) []T {
	var all []T
	seen := map[T]bool{}
	for _, row := range rows {
		if v := of(row); !seen[v] {
			seen[v] = true
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return all
}

// reader turns rows of cells into observations.
type reader struct {
	*table
	at    []int // Where the columns are, in the order of columns().
	words map[string]int
	names []string // The words by number: each text is kept once.
	days  map[string]time.Time
	seen  map[key]origin
	rows  []forecast.Observation

	weekday   time.Weekday // On which weeks end; anyDay until the first row says it.
	corrected bool         // Negative values are withdrawals.
	negative  int
}

// anyDay stands for a day of the week that is not known yet.
const anyDay time.Weekday = -1

// key is what may occur once in an archive: snapshot, target, place, week, as numbers of words.
type key [4]int

// origin is the row that said it first.
type origin struct{ line, source, row int }

const maxTarget = 100 // Bytes, as in package forecast.

func (r *reader) row(cells []cell) error {
	if len(r.rows) == forecast.MaxRows {
		return r.fail(1, fmt.Sprintf("more than %d rows", forecast.MaxRows), "drop the oldest snapshots")
	}
	asOf, target, place, week, value := cells[r.at[0]], cells[r.at[1]], cells[r.at[2]], cells[r.at[3]], cells[r.at[4]]
	if err := r.dates(asOf, week); err != nil {
		return err
	}
	if len(target.text) == 0 || len(target.text) > maxTarget {
		return r.fail(target.column, fmt.Sprintf("target of %d bytes", len(target.text)), "name the variable, such as ILI incidence")
	}
	k := key{r.word(asOf), r.word(target), r.word(place), r.word(week)}
	o := forecast.Observation{AsOf: r.names[k[0]], Target: r.names[k[1]], Place: party.ID(r.names[k[2]]), Date: r.names[k[3]]}
	if err := o.Place.Check(); err != nil {
		return r.fail(place.column, fmt.Sprintf("location %q", clip(place.text)), "use capital letters, digits and hyphens, such as KE or GB-SCT")
	}
	switch {
	case len(value.text) == 0:
		o.Withdrawn = true
	case r.corrected && negative(value.text):
		o.Withdrawn = true
		r.negative++
	default:
		var reason, fix string
		if o.Value, reason, fix = thousandths(value.text); reason != "" {
			return r.fail(value.column, reason, fix)
		}
	}
	from := origin{line: r.line, source: -1, row: len(r.rows)}
	if r.at[5] >= 0 {
		from.source = r.word(cells[r.at[5]])
	}
	first, again := r.seen[k]
	switch {
	case !again:
		r.seen[k] = from
		r.rows = append(r.rows, o)
	case first.source == from.source:
		return r.fail(1, fmt.Sprintf("the same snapshot, target, location and week as line %d", first.line), "delete one of the two")
	case r.rows[first.row] != o:
		return r.fail(value.column, fmt.Sprintf("another source gives another value in line %d", first.line), "keep one source for each location")
	}
	return nil
}

// dates checks a snapshot's day and the week it speaks of.
func (r *reader) dates(asOf, week cell) error {
	var at [2]time.Time
	for i, c := range [...]cell{asOf, week} {
		var ok bool
		if at[i], ok = r.days[string(c.text)]; ok {
			continue
		}
		day, err := date(c.text)
		if err != nil {
			return r.fail(c.column, fmt.Sprintf("%q is no date", clip(c.text)), "write YYYY-MM-DD between 1970 and 2999")
		}
		r.days[string(c.text)], at[i] = day, day
	}
	if r.weekday == anyDay {
		r.weekday = at[1].Weekday()
	}
	if reason, fix := disorder(at[0], at[1], r.weekday); reason != "" {
		return r.fail(week.column, reason, fix)
	}
	return nil
}

// disorder says what is wrong with a snapshot of a day that speaks of a week.
func disorder(asOf, week time.Time, weekday time.Weekday) (reason, fix string) {
	switch {
	case week.Weekday() != weekday:
		return fmt.Sprintf("%s is a %s", week.Format(time.DateOnly), week.Weekday()), fmt.Sprintf("give the %s on which the week ends", weekday)
	case asOf.Before(week):
		return fmt.Sprintf("the week to %s was not over on %s", week.Format(time.DateOnly), asOf.Format(time.DateOnly)),
			"a snapshot can only hold weeks that have ended"
	}
	return "", ""
}

// word returns the number of a text.
func (r *reader) word(c cell) int {
	if n, ok := r.words[string(c.text)]; ok {
		return n
	}
	text := string(c.text)
	r.words[text] = len(r.names)
	r.names = append(r.names, text)
	return len(r.names) - 1
}
