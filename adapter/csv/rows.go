package csv

import (
	"errors"
	"io"

	"comity/schema"
)

// Rows reads any table, plain or gzip, row by row: the schema.Rows of a CSV file.
type Rows struct {
	t      *table
	header []schema.Heading
	fields []schema.Field
}

// NewRows starts reading and takes the header. Errors here and later are *Error.
func NewRows(file string, in io.Reader) (*Rows, error) {
	t, _, err := open(file, in, nil, 0)
	if wrong, ok := errors.AsType[*Error](err); ok && t == nil && wrong.Reason == "the file is empty" {
		wrong.Fix = "start it with the names of the columns, separated by commas"
	}
	if err != nil {
		return nil, err
	}
	r := &Rows{t: t}
	for _, c := range t.cells {
		r.header = append(r.header, schema.NewHeading(string(c.text), c.column))
	}
	return r, nil
}

// Header returns the columns.
func (r *Rows) Header() []schema.Heading { return r.header }

// Next returns the cells of the next row, or io.EOF.
func (r *Rows) Next() ([]schema.Field, error) {
	cells, err := r.t.next()
	if err != nil {
		return nil, err
	}
	r.fields = r.fields[:0]
	for _, c := range cells {
		r.fields = append(r.fields, schema.Field{Text: c.text, Column: c.column})
	}
	return r.fields, nil
}

// Place says which line was read last.
func (r *Rows) Place() schema.Place { return schema.Place{File: r.t.file, Line: r.t.line} }

var _ schema.Rows = (*Rows)(nil)
