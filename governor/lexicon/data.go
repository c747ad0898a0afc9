package lexicon

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"comity/exact"
	"comity/place"
)

// Bounds of a file of data.
const (
	maxBytes   = 64 << 20
	maxRows    = 1 << 20
	maxColumns = 1_000
	maxCell    = 1_000
)

// Data is the columns that a term needs, every cell read and within its bounds.
type Data struct {
	file    string
	rows    int
	numbers map[string][]exact.Rat
	words   map[string][]string
	places  map[string][]point
}

// point is a place in a file, from 1. A cell that stands nowhere has that of its row.
type point struct{ line, column int }

// Rows returns how many rows there are.
func (d *Data) Rows() int { return d.rows }

// Numbers returns a column of kind Number or Whole, one for each row, or nothing if it is
// optional without default and absent.
func (d *Data) Numbers(column string) []exact.Rat { return d.numbers[column] }

// Words returns a column of kind Word or Instant.
func (d *Data) Words(column string) []string { return d.words[column] }

// Refuse points at a cell that breaks a rule of the term. Rows count from 0.
func (d *Data) Refuse(column string, row int, reason, fix string) error {
	at := point{1, 1}
	if p := d.places[column]; row < len(p) {
		at = p[row]
	}
	return &place.Error{File: d.file, Line: at.line, Column: at.column, Reason: reason, Fix: fix}
}

// Read reads the data of a term: comma-separated values with a header, or JSON, which is
// an object of columns or a list of rows as objects. Columns that the term does not need
// are ignored. columns renames: the column named by its value is read for the input named
// by its key. Errors are *place.Error, or ErrParameter for a renaming of no input.
func (t Term) Read(name string, in io.Reader, columns map[string]string) (*Data, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxBytes+1))
	whole := func(reason, fix string) error {
		return &place.Error{File: name, Line: 1, Column: 1, Reason: reason, Fix: fix, Cause: err}
	}
	switch {
	case err != nil:
		return nil, whole("reading stopped: "+err.Error(), "check the disk and the file's permissions")
	case len(data) > maxBytes:
		return nil, whole(fmt.Sprintf("more than %d bytes", maxBytes), "leave out what the term does not need")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		at := firstInvalid(data)
		return nil, &place.Error{File: name, Line: at.line, Column: at.column, Reason: "bytes that are not UTF-8", Fix: "save the file as UTF-8"}
	}
	var g *grid
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) > 0 && (first[0] == '{' || first[0] == '[') {
		g, err = readJSON(name, data)
	} else {
		g, err = readCSV(name, data)
	}
	if err != nil {
		return nil, err
	}
	for _, in := range t.Inputs {
		if other := columns[in.Name]; other != "" && !slices.Contains(g.names(), other) {
			return nil, whole(fmt.Sprintf("no column %.40q for %s", other, in.Name), "use one of "+clipList(g.names()))
		}
	}
	return t.typed(g, columns)
}

// grid is a table as it stands in the file: cells with their places.
type grid struct {
	file   string
	header []cell
	rows   [][]cell // As long as the header.
}

type cell struct {
	text string
	point
}

func (g *grid) names() []string {
	names := make([]string, len(g.header))
	for i, c := range g.header {
		names[i] = c.text
	}
	return names
}

func (g *grid) fail(c cell, reason, fix string) error {
	return &place.Error{File: g.file, Line: c.line, Column: c.column, Reason: reason, Fix: fix}
}

// typed reads the columns that the term needs.
func (t Term) typed(g *grid, columns map[string]string) (*Data, error) {
	d := &Data{g.file, len(g.rows), map[string][]exact.Rat{}, map[string][]string{}, map[string][]point{}}
	for _, in := range t.Inputs {
		at, err := t.column(g, in, columns[in.Name])
		if err != nil {
			return nil, err
		}
		if at < 0 && in.Default == "" {
			continue
		}
		for _, row := range g.rows {
			c := cell{in.Default, point{1, 1}}
			if len(row) > 0 {
				c.point = row[0].point
			}
			if at >= 0 {
				c.point = row[at].point
			}
			if at >= 0 && (row[at].text != "" || !in.Optional) {
				c.text = row[at].text
			}
			if err := d.add(in, c, g); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// column finds the column of an input, or -1 for one that may be missing.
func (t Term) column(g *grid, in Input, renamed string) (int, error) {
	accepted := append([]string{in.Name}, in.Aliases...)
	if renamed != "" {
		accepted = []string{renamed}
	}
	found := -1
	for i, c := range g.header {
		if !slices.Contains(accepted, c.text) {
			continue
		}
		if found >= 0 {
			return 0, g.fail(c, fmt.Sprintf("columns %.40q and %.40q are both %s", g.header[found].text, c.text, in.Name), "keep one of the two")
		}
		found = i
	}
	if found < 0 && !in.Optional {
		first := cell{point: point{1, 1}}
		if len(g.header) > 0 {
			first = g.header[0]
		}
		return 0, g.fail(first, fmt.Sprintf("no column %s (%s), but %s", in.Name, in.Meaning, clipList(g.names())),
			fmt.Sprintf("add it, or name the column that holds it with --column %s=NAME", in.Name))
	}
	return found, nil
}

// add reads one cell as its input asks.
func (d *Data) add(in Input, c cell, g *grid) error {
	d.places[in.Name] = append(d.places[in.Name], c.point)
	switch in.Kind {
	case Number, Whole:
		v, err := exact.Parse(c.text)
		switch {
		case err != nil:
			return g.fail(c, fmt.Sprintf("%s is %.40q, which is no exact number", in.Name, c.text), "write 7, -7/3 or 0.05")
		case in.Kind == Whole && !v.IsInt():
			return g.fail(c, fmt.Sprintf("%s is %s", in.Name, v), "write a whole number")
		}
		if what := outside(v, in.Low, in.High); what != "" {
			return g.fail(c, fmt.Sprintf("%s is %s", in.Name, c.text), "write a number of "+what)
		}
		d.numbers[in.Name] = append(d.numbers[in.Name], v)
		return nil
	case Instant:
		if _, err := ParseInstant(c.text); err != nil && (c.text != "" || !in.Optional) {
			return g.fail(c, fmt.Sprintf("%s is %.40q, which is no instant", in.Name, c.text), "write UTC as 2027-03-01T06:00:00Z")
		}
	case Word:
		if c.text == "" && !in.Optional {
			return g.fail(c, in.Name+" is empty", "write "+in.Meaning)
		}
	}
	d.words[in.Name] = append(d.words[in.Name], c.text)
	return nil
}

// ParseInstant reads UTC in the form 2027-03-01T06:00:00Z.
func ParseInstant(text string) (time.Time, error) {
	at, err := time.Parse("2006-01-02T15:04:05Z", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("instant: %w", err)
	}
	return at, nil
}

// clipList writes the first few names.
func clipList(names []string) string {
	const most = 12
	quoted := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%.40q", n))
	}
	if len(names) > most {
		quoted = append(quoted, "...")
	}
	return strings.Join(quoted, ", ")
}

func firstInvalid(data []byte) point {
	at := point{1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		at.column += size
		if r == '\n' {
			at = point{at.line + 1, 1}
		}
		data = data[size:]
	}
	return at
}
