// Package parquet reads the rows of Apache Parquet files whose columns are not nested.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"comity/place"
	"comity/schema"
)

// Bounds of one file. Pages are commonly 8 kB to 1 MB (parquet format, "Configurations").
const (
	MaxBytes   = 8 << 30
	maxGroups  = 1 << 16
	maxColumns = 1000
	maxFooter  = 64 << 20 // Bytes of metadata: a thousand columns in hundreds of row groups.
	maxPage    = 64 << 20 // Bytes of a page, as its header states them.
	maxHeader  = 64 << 10 // Bytes of a page's header, with its statistics.
	batch      = 256      // Values decoded at once.
)

// Error points at a row and a column of a file.
type Error = place.Error

// Magic begins every file (parquet format, "File Format").
const Magic = "PAR1"

// UnitKey followed by the name of a column is the key of the file's own key-value
// metadata under which a writer states the unit of the column. A unit in brackets behind
// the name itself does as well.
const UnitKey = "unit."

// Rows is the schema.Rows of a Parquet file. Close it.
type Rows struct {
	name   string
	file   *parquet.File
	header []schema.Heading
	leaves []*leaf
	fields []schema.Field
	group  int   // Of the file, to be read next.
	left   int64 // Rows of the group at hand.
	number int   // Of the row that was given last, from 1.
}

// NewRows opens a file of that size. Errors here and later are *Error.
func NewRows(name string, in io.ReaderAt, size int64) (r *Rows, err error) {
	r = &Rows{name: name}
	defer r.guard(&err)
	if size > MaxBytes {
		return nil, r.fail(fmt.Sprintf("%d bytes, at most %d", size, int64(MaxBytes)), "split the file", nil)
	}
	if err := r.footer(in, size); err != nil {
		return nil, err
	}
	r.file, err = parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, r.damaged(err)
	}
	columns := r.file.Schema().Columns()
	if len(columns) > maxColumns || len(r.file.RowGroups()) > maxGroups {
		return nil, r.fail(fmt.Sprintf("%d columns in %d row groups, at most %d and %d", len(columns), len(r.file.RowGroups()), maxColumns, maxGroups), "write fewer of them", nil)
	}
	for _, path := range columns {
		r.column(path)
	}
	if len(r.leaves) == 0 {
		return nil, r.fail("no column that is not nested", "write one column for each value", nil)
	}
	for _, g := range r.file.Metadata().RowGroups {
		for _, l := range r.leaves {
			if len(g.Columns) != len(columns) {
				return nil, r.damaged(errors.New("a row group lacks columns"))
			}
			if err := checkPages(in, size, g.Columns[l.column].MetaData, g.NumRows); err != nil {
				return nil, r.damaged(err)
			}
		}
	}
	return r, nil
}

// footer checks the length of the metadata before the decoder makes room for it: 4 bytes
// before the last 4, little endian (parquet format, "File Format").
func (r *Rows) footer(in io.ReaderAt, size int64) error {
	var end [8]byte
	if size < int64(len(Magic)+len(end)) {
		return r.damaged(errors.New("too short"))
	}
	if _, err := in.ReadAt(end[:], size-int64(len(end))); err != nil {
		return r.damaged(err)
	}
	if length := int64(binary.LittleEndian.Uint32(end[:4])); string(end[4:]) != Magic || length > maxFooter || length > size-int64(len(Magic)+len(end)) {
		return r.damaged(fmt.Errorf("it ends with %q after metadata of %d bytes, at most %d", end[4:], length, maxFooter))
	}
	return nil
}

// column takes in one leaf of the file's schema, unless it is nested.
func (r *Rows) column(path []string) {
	found, ok := r.file.Schema().Lookup(path...)
	if !ok || len(path) != 1 || found.MaxRepetitionLevel > 0 {
		return
	}
	h := schema.NewHeading(path[0], len(r.header)+1)
	if unit, ok := r.file.Lookup(UnitKey + h.Name); ok && h.Unit == "" {
		h.Unit = unit
	}
	r.leaves = append(r.leaves, &leaf{column: found.ColumnIndex, write: writer(found.Node.Type())})
	r.header = append(r.header, h)
	r.fields = append(r.fields, schema.Field{Column: h.Column})
}

// Header returns the columns that are not nested.
func (r *Rows) Header() []schema.Heading { return r.header }

// Place says which row was read last.
func (r *Rows) Place() schema.Place {
	return schema.Place{File: r.name, Line: r.number, Record: true}
}

// Next returns the cells of the next row, or io.EOF.
func (r *Rows) Next() (fields []schema.Field, err error) {
	defer r.guard(&err)
	for r.left == 0 {
		if err := r.open(); err != nil {
			return nil, err
		}
	}
	r.left--
	r.number++
	for i, l := range r.leaves {
		v, err := l.next()
		if err != nil {
			return nil, r.damaged(err)
		}
		r.fields[i].Text = nil
		if v.IsNull() {
			continue
		}
		if l.text, err = l.write(l.text[:0], v); err != nil {
			h := r.header[i]
			return nil, &Error{File: r.name, Line: r.number, Column: h.Column, Reason: fmt.Sprintf("row %d, column %s: %v", r.number, h.Name, err), Fix: "convert the column to text, numbers or dates"}
		}
		r.fields[i].Text = l.text
	}
	return r.fields, nil
}

// open begins the next row group, or returns io.EOF.
func (r *Rows) open() error {
	groups := r.file.RowGroups()
	if r.group == len(groups) {
		return io.EOF
	}
	g := groups[r.group]
	r.group++
	r.left = g.NumRows()
	for _, l := range r.leaves {
		if err := l.close(); err != nil {
			return r.damaged(err)
		}
		l.pages = g.ColumnChunks()[l.column].Pages()
	}
	return nil
}

// Close ends the reading. It does not close the file itself.
func (r *Rows) Close() (err error) {
	defer r.guard(&err)
	for _, l := range r.leaves {
		err = errors.Join(err, l.close())
	}
	return err
}

// guard turns a panic over a damaged file into an error: the decoder indexes by numbers
// that the file states.
func (r *Rows) guard(err *error) {
	if p := recover(); p != nil {
		*err = r.damaged(fmt.Errorf("decoder gave up: %v", p))
	}
}

// damaged returns an error for bytes that are no Parquet.
func (r *Rows) damaged(cause error) error {
	return r.fail("not a readable Parquet file: "+cause.Error(), "copy or write the file again", cause)
}

func (r *Rows) fail(reason, fix string, cause error) error {
	return &Error{File: r.name, Line: max(r.number, 1), Column: 1, Reason: reason, Fix: fix, Cause: cause}
}

var _ schema.Rows = (*Rows)(nil)
