package schema

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"comity/canon"
	"comity/place"
)

// MaxRows bounds one table: 2^24 rows, whose keys take about a gigabyte to compare.
const MaxRows = 1 << 24

// Report is what reading a table against a schema found.
type Report struct {
	Rows       int // Read, the wrong ones included.
	Columns    int // Of the schema.
	Missing    int // Empty cells.
	Suppressed int // Cells that the publisher withheld.
	// SuppressedBy counts suppressed cells by column of the schema.
	SuppressedBy []int
	// Unstated lists the columns with a unit for which the table states none, so that the
	// schema's unit is taken on trust.
	Unstated []string
	Wrong    int            // Errors found, whether listed or not.
	Errors   []*place.Error // The first of them.
	// Content is the digest of all typed cells in order: the same rows have the same one
	// in every kind of file. It is zero if there are errors.
	Content canon.Digest
}

// Err returns nil if there is no error, or else the first of them and how many follow.
// It wraps place.ErrUnreadable.
func (r Report) Err() error {
	switch r.Wrong {
	case 0:
		return nil
	case 1:
		return r.Errors[0]
	default:
		return fmt.Errorf("%w (and %d more)", r.Errors[0], r.Wrong-1)
	}
}

// Read reads a table and hands every row without error to use, typed and in the order of
// the schema's columns; use may be nil, and its error ends the reading and is returned.
// Other columns of the table are ignored. What is wrong with the table is in the report,
// at most the first most errors in full. Memory is 16 bytes and a little for each row,
// to find repeated ones.
func Read(s Schema, rows Rows, most int, use func(row []Cell) error) (Report, error) {
	parsers, err := s.compile()
	if err != nil {
		return Report{}, err
	}
	r := &reader{schema: s, rows: rows, parsers: parsers, most: max(most, 1), seen: map[[16]byte]uint32{}, content: sha256.New(), unit: sha256.New()}
	r.report.Columns = len(s.Columns)
	r.report.SuppressedBy = make([]int, len(s.Columns))
	r.header()
	if r.report.Wrong > 0 {
		return r.report, nil
	}
	for _, name := range s.Key {
		r.key = append(r.key, s.Find(name))
	}
	err = r.all(use)
	if errors.Is(err, errStop) {
		err = nil
	}
	if r.report.Wrong == 0 && err == nil {
		r.content.Sum(r.report.Content[:0])
	}
	return r.report, err
}

// reader reads one table.
type reader struct {
	schema  Schema
	rows    Rows
	parsers []parser
	most    int
	at      []int // Where each column of the schema stands in the table.
	key     []int // Columns of the schema that make the key.
	seen    map[[16]byte]uint32
	content hash.Hash // Over all rows.
	unit    hash.Hash // Over one row's key.
	buffer  []byte
	report  Report
}

// errStop ends the reading of a table that cannot be read further.
var errStop = errors.New("table cannot be read further")

// fail notes an error.
func (r *reader) fail(e *place.Error) {
	r.report.Wrong++
	if len(r.report.Errors) < r.most {
		r.report.Errors = append(r.report.Errors, e)
	}
}

// cellError returns an error about a cell of a column. Records have no lines to look at,
// so the reason names the row.
func cellError(at Place, name string, column int, reason, fix string) *place.Error {
	what := "column " + name + ": "
	if at.Record {
		what = fmt.Sprintf("row %d, column %s: ", at.Line, name)
	}
	return &place.Error{File: at.File, Line: max(at.Line, 1), Column: max(column, 1), Reason: what + reason, Fix: fix}
}

// header finds the columns of the schema in the table and compares units.
func (r *reader) header() {
	header := r.rows.Header()
	at := r.rows.Place()
	for _, c := range r.schema.Columns {
		found := -1
		for j, h := range header {
			if h.Name != c.Name {
				continue
			}
			if found >= 0 {
				r.fail(cellError(at, c.Name, h.Column, "the table has it twice", "keep one of the two"))
				continue
			}
			found = j
			switch {
			case h.Unit == "" && c.Unit != "":
				r.report.Unstated = append(r.report.Unstated, c.Name)
			case h.Unit != c.Unit:
				r.fail(cellError(at, c.Name, h.Column, fmt.Sprintf("the unit is %s, the schema has %s", named(h.Unit), named(c.Unit)),
					"convert the numbers, or correct the heading if they are right"))
			}
		}
		r.at = append(r.at, found)
		if found < 0 {
			fix := "add it; the schema has " + joined(r.schema.Columns)
			if near, ok := nearest(c.Name, header); ok {
				fix = fmt.Sprintf("rename column %q", near)
			}
			r.fail(cellError(at, c.Name, 1, "missing", fix))
		}
	}
}

// named writes a unit.
func named(unit string) string {
	if unit == "" {
		return "none"
	}
	return fmt.Sprintf("%q", clip(unit))
}

// nearest returns the name of a column that differs in case, spaces and marks only.
func nearest(name string, header []Heading) (string, bool) {
	fold := func(s string) string {
		return strings.Map(func(c rune) rune {
			if c == '_' || c == '-' || c == ' ' || c == '.' {
				return -1
			}
			return c
		}, strings.ToLower(s))
	}
	i := slices.IndexFunc(header, func(h Heading) bool { return fold(h.Name) == fold(name) })
	if i < 0 {
		return "", false
	}
	return clip(header[i].Name), true
}

// all reads every row.
func (r *reader) all(use func([]Cell) error) error {
	cells := make([]Cell, len(r.parsers))
	for {
		fields, err := r.rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		at := r.rows.Place()
		if err != nil {
			return r.broken(at, err)
		}
		if r.report.Rows == MaxRows {
			r.fail(&place.Error{File: at.File, Line: max(at.Line, 1), Column: 1, Reason: fmt.Sprintf("more than %d rows", MaxRows), Fix: "split the table"})
			return errStop
		}
		r.report.Rows++
		before := r.report.Wrong
		for i := range r.parsers {
			cells[i] = r.cell(at, i, fields[r.at[i]])
		}
		if r.report.Wrong == before {
			r.compare(at, cells)
		}
		if r.report.Wrong == before && use != nil {
			if err := use(cells); err != nil {
				return err
			}
		}
	}
}

// broken notes that the table itself cannot be read.
func (r *reader) broken(at Place, err error) error {
	e, ok := errors.AsType[*place.Error](err)
	if !ok {
		e = &place.Error{File: at.File, Line: max(at.Line, 1), Column: 1, Reason: "reading stopped: " + err.Error(), Fix: "check the source", Cause: err}
	}
	r.fail(e)
	return errStop
}

// cell reads one cell.
func (r *reader) cell(at Place, i int, f Field) Cell {
	p := &r.parsers[i]
	if len(f.Text) == 0 {
		if p.column.Required {
			r.fail(cellError(at, p.column.Name, f.Column, "empty", "fill it in, or leave the row out"))
		}
		r.report.Missing++
		return Cell{}
	}
	if slices.Contains(r.schema.Suppressed, string(f.Text)) {
		r.report.Suppressed++
		r.report.SuppressedBy[i]++
		return Cell{State: Suppressed}
	}
	value, reason, fix := p.parse(f.Text)
	if reason != "" {
		r.fail(cellError(at, p.column.Name, f.Column, reason, fix))
	}
	c := Cell{State: Present, Number: value}
	if p.column.Type == Text {
		c.Text = f.Text
	}
	return c
}

// compare refuses a row whose key came before, and takes it into the digests.
func (r *reader) compare(at Place, cells []Cell) {
	r.buffer = r.buffer[:0]
	for _, c := range cells {
		r.buffer = appendCell(r.buffer, c)
	}
	r.content.Write(r.buffer)
	if len(r.key) > 0 {
		r.buffer = r.buffer[:0]
		for _, i := range r.key {
			if cells[i].State != Present {
				r.fail(cellError(at, r.parsers[i].column.Name, 1, "part of the key, and has no value", "fill it in, or leave the row out"))
				return
			}
			r.buffer = appendCell(r.buffer, cells[i])
		}
	}
	// 128 bits of SHA-256: two of 2^24 rows collide with a chance below 2^-80.
	var key [16]byte
	r.unit.Reset()
	r.unit.Write(r.buffer)
	var sum [sha256.Size]byte
	copy(key[:], r.unit.Sum(sum[:0]))
	if first, ok := r.seen[key]; ok {
		reason := fmt.Sprintf("the same row as row %d", first)
		if len(r.key) > 0 {
			reason = fmt.Sprintf("the same %s as row %d", strings.Join(r.schema.Key, ", "), first)
		}
		r.fail(&place.Error{File: at.File, Line: max(at.Line, 1), Column: 1, Reason: fmt.Sprintf("row %d: ", r.report.Rows) + reason, Fix: "keep one of the two"})
		return
	}
	r.seen[key] = uint32(r.report.Rows) //nolint:gosec // At most MaxRows.
}

// appendCell writes a cell so that different cells, and different lists of them, never
// give the same bytes: its state, then 8 bytes, or the length and the bytes of a text.
func appendCell(b []byte, c Cell) []byte {
	b = append(b, byte(c.State))
	if c.State != Present {
		return b
	}
	if c.Text != nil {
		b = binary.BigEndian.AppendUint64(b, uint64(len(c.Text)))
		return append(b, c.Text...)
	}
	return binary.BigEndian.AppendUint64(b, uint64(c.Number)) //nolint:gosec // Two's complement.
}
