package csv

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"comity/modeler/forecast"
	"comity/party"
)

// Weekly reads the files of a federation, one for each member: one row for each week.
//
//	date    any day of the week, the same weekday in every row of every file
//	value   a decimal number from 0 to 1000000000; empty: nobody knows it
//	target  name of the variable; needed where there are several
//	as_of   day from which on the value was known; without it the Friday after the week
//	member  id of the member, to notice a file of somebody else
//
// Other columns are refused, because a slip in the name of an optional one would change
// the meaning of the file. Rows come in any order.
type Weekly struct {
	targets []string
	weekday time.Weekday
	known   string // Where the weekday was seen first, FILE:LINE; empty before.
}

// NewWeekly returns a reader of files about targets.
func NewWeekly(targets []string) *Weekly { return &Weekly{targets: targets} }

// Weekday returns the weekday of all dates that were read.
func (w *Weekly) Weekday() time.Weekday { return w.weekday }

// reportDays is from the end of a week to the Friday on which health agencies publish it.
const reportDays = 5

// weeklyColumns lists the columns; all but date and value are optional.
func weeklyColumns() []string { return []string{"date", "value", "target", "as_of", "member"} }

// Read reads the file of one member. Weeks are those from Monday to Sunday in which the
// dates lie, as package forecast counts them, and a value counts as known from the Friday
// after that Sunday or from its as_of on, whichever is later: decisions are of Wednesdays,
// and the first week of a forecast is one that nobody knows. Errors are *Error.
func (w *Weekly) Read(path string, member party.ID) ([]forecast.Observation, error) {
	info, err := os.Stat(path) // A pipe would block the opening.
	if err != nil {
		return nil, &Error{File: path, Line: 1, Column: 1, Reason: "cannot be opened: " + cause(err), Fix: "write this file, or correct its name in scenario.yaml", Cause: err}
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{File: path, Line: 1, Column: 1, Reason: "not a regular file", Fix: "give a .csv file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{File: path, Line: 1, Column: 1, Reason: "cannot be opened: " + cause(err), Fix: "check the permissions", Cause: err}
	}
	defer f.Close() //nolint:errcheck // Only read.
	return w.ReadFrom(path, f, member)
}

// ReadFrom reads one member's file from a stream; name stands for it in errors.
func (w *Weekly) ReadFrom(name string, in io.Reader, member party.ID) ([]forecast.Observation, error) {
	buffered := bufio.NewReaderSize(in, maxLine)
	if err := separator(name, buffered); err != nil {
		return nil, err
	}
	need := 2
	if len(w.targets) > 1 {
		need = 3
	}
	t, at, err := open(name, buffered, weeklyColumns(), need)
	if err != nil {
		return nil, err
	}
	if err := t.unknown(weeklyColumns()); err != nil {
		return nil, err
	}
	r := &weekly{table: t, Weekly: w, at: at, member: member, seen: map[weeklyKey]int{}, kept: map[weeklyKey]told{}}
	if err := t.each(r.row); err != nil {
		return nil, err
	}
	return r.result()
}

// separator refuses a header with semicolons, as spreadsheets of many countries write it.
func separator(name string, in *bufio.Reader) error {
	head, _ := in.Peek(200) // What is wrong with the stream is found by who reads it.
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		return nil // Compressed.
	}
	if at := bytes.IndexByte(line, ';'); at >= 0 && !bytes.ContainsRune(line, ',') {
		return &Error{File: name, Line: 1, Column: at + 1, Reason: "semicolons between columns", Fix: "save the file with commas between columns and points in numbers"}
	}
	return nil
}

// unknown refuses columns that are none of the known ones. It must follow open at once.
func (t *table) unknown(known []string) error {
	for _, c := range t.cells {
		if slices.Contains(known, string(c.text)) {
			continue
		}
		near, best := "", 3
		for _, name := range known {
			if d := distance(strings.ToLower(clip(c.text)), name); d < best {
				near, best = name, d
			}
		}
		fix := "delete it; columns are " + strings.Join(known, ", ")
		if near != "" {
			fix = "did you mean " + near + "?"
		}
		return t.fail(c.column, fmt.Sprintf("unknown column %q", clip(c.text)), fix)
	}
	return nil
}

// weekly turns the rows of one member's file into observations.
type weekly struct {
	*table
	*Weekly
	at     []int // Where the columns are, in the order of weeklyColumns.
	member party.ID
	seen   map[weeklyKey]int  // Line of each week as somebody said it.
	kept   map[weeklyKey]told // By the day from which it counts as known.
	values int
}

// weeklyKey is what may occur once.
type weeklyKey struct{ asOf, target, week string }

// told is what a file says of one week, and on which day.
type told struct {
	asOf string
	row  forecast.Observation
}

func (r *weekly) row(cells []cell) error {
	if len(r.seen) == forecast.MaxRows {
		return r.fail(1, fmt.Sprintf("more than %d rows", forecast.MaxRows), "drop the oldest")
	}
	o := forecast.Observation{Target: r.targets[0], Place: r.member}
	if at := r.at[4]; at >= 0 && string(cells[at].text) != string(r.member) {
		return r.fail(cells[at].column, fmt.Sprintf("a row of %q in the file of %s", clip(cells[at].text), r.member), "give each member its own file; scenario.yaml says which is whose")
	}
	if err := r.target(cells, &o); err != nil {
		return err
	}
	date, err := r.date(cells[r.at[0]])
	if err != nil {
		return err
	}
	sunday := date.AddDate(0, 0, (7-int(date.Weekday()))%7)
	o.Date, o.AsOf = sunday.Format(time.DateOnly), sunday.AddDate(0, 0, reportDays).Format(time.DateOnly)
	said := ""
	if at := r.at[3]; at >= 0 {
		if said, err = r.asOf(cells[at], date); err != nil {
			return err
		}
		o.AsOf = max(o.AsOf, said)
	}
	if err := r.value(cells[r.at[1]], &o); err != nil {
		return err
	}
	key := weeklyKey{said, o.Target, o.Date}
	if first, again := r.seen[key]; again {
		return r.fail(cells[r.at[0]].column, fmt.Sprintf("week %s is in line %d already", clip(cells[r.at[0]].text), first), "keep one of the two")
	}
	r.seen[key] = r.line
	if o.Withdrawn && said == "" {
		return nil // Without snapshots an empty cell says no more than no row.
	}
	// Of two snapshots before the Friday from which the week counts, the later one stays.
	key.asOf = o.AsOf
	if before, ok := r.kept[key]; !ok || before.asOf < said {
		r.kept[key] = told{said, o}
	}
	return nil
}

// target reads which variable a row is of.
func (r *weekly) target(cells []cell, o *forecast.Observation) error {
	at := r.at[2]
	if at < 0 {
		return nil
	}
	if o.Target = string(cells[at].text); !slices.Contains(r.targets, o.Target) {
		return r.fail(cells[at].column, fmt.Sprintf("target %q is not in scenario.yaml", clip(cells[at].text)), fmt.Sprintf("write one of %q", r.targets))
	}
	return nil
}

// date reads the day that names a week and requires one weekday of all.
func (r *weekly) date(c cell) (time.Time, error) {
	day, err := date(c.text)
	if err != nil {
		return day, r.fail(c.column, fmt.Sprintf("%q is no date", clip(c.text)), "write YYYY-MM-DD between 1970 and 2999")
	}
	if r.known == "" {
		r.weekday, r.known = day.Weekday(), fmt.Sprintf("%s:%d", r.file, r.line)
	}
	if day.Weekday() != r.weekday {
		return day, r.fail(c.column, fmt.Sprintf("%s is a %s, the date in %s is a %s", clip(c.text), day.Weekday(), r.known, r.weekday),
			"give one row for each week and name all weeks by the same weekday, best the last day of the week")
	}
	return day, nil
}

// asOf reads the day from which a value was known.
func (r *weekly) asOf(c cell, week time.Time) (string, error) {
	day, err := date(c.text)
	switch {
	case err != nil:
		return "", r.fail(c.column, fmt.Sprintf("%q is no date", clip(c.text)), "write the day from which the value was known as YYYY-MM-DD, or leave the whole column out")
	case day.Before(week):
		return "", r.fail(c.column, fmt.Sprintf("the week of %s was not over on %s", week.Format(time.DateOnly), clip(c.text)), "give a day that is not before the row's date")
	}
	return day.Format(time.DateOnly), nil
}

func (r *weekly) value(c cell, o *forecast.Observation) error {
	if len(c.text) == 0 {
		o.Withdrawn = true
		return nil
	}
	text := string(c.text)
	if strings.ContainsAny(text, ", _'\u00a0\u202f\u2009") || strings.Count(text, ".") > 1 {
		return r.fail(c.column, fmt.Sprintf("%q is written with separators", clip(c.text)), "write the number with a point and nothing else between digits, such as 1234.5")
	}
	value, reason, _ := thousandths(c.text)
	switch {
	case reason == "":
		o.Value, r.values = value, r.values+1
		return nil
	case strings.HasSuffix(reason, "is negative"):
		return r.fail(c.column, reason, "a value is 0 or more; leave the cell empty if it is unknown")
	case strings.HasSuffix(reason, "is no number"):
		return r.fail(c.column, reason, "write digits with a point, such as 1234.5; leave the cell empty if it is unknown")
	default:
		return r.fail(c.column, reason, "correct it, or choose a larger unit")
	}
}

// result returns the rows by snapshot, target and week.
func (r *weekly) result() ([]forecast.Observation, error) {
	if r.values == 0 {
		r.line = 1
		return nil, r.fail(1, "a header and no value", "write one row for each week, such as 2026-01-04,12.5")
	}
	rows := make([]forecast.Observation, 0, len(r.kept))
	for _, t := range r.kept {
		rows = append(rows, t.row)
	}
	slices.SortFunc(rows, func(a, b forecast.Observation) int {
		return cmp.Or(cmp.Compare(a.AsOf, b.AsOf), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Date, b.Date))
	})
	return rows, nil
}
