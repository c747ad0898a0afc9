package reference

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"comity/place"
)

// Bounds of a file of rows.
const (
	maxBytes = 4 << 20
	maxRows  = 10_000
	maxCell  = 1000
)

// needed are the columns without which no row can be compared; others may be absent.
func needed() []string { return []string{"id", "mechanism", "quantity", "expected"} }

// Read reads rows from a file of comma-separated values with a header, in any order of
// columns. Errors are *place.Error.
func Read(name string, in io.Reader) ([]Row, error) {
	bounded := &io.LimitedReader{R: in, N: maxBytes + 1}
	f := &file{name: name, in: csv.NewReader(bounded), bounded: bounded}
	f.in.ReuseRecord = true
	header, err := f.next()
	if errors.Is(err, io.EOF) {
		return nil, &place.Error{File: name, Line: 1, Column: 1, Reason: "the file is empty", Fix: "start it with the line " + strings.Join(needed(), ",") + " and the parameters"}
	}
	if err != nil {
		return nil, err
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	f.columns = slices.Clone(header)
	for _, column := range needed() {
		if !slices.Contains(f.columns, column) {
			return nil, f.fail(0, "no column "+column, "the header needs "+strings.Join(needed(), ","))
		}
	}
	for i, column := range f.columns {
		if slices.Index(f.columns, column) < i {
			return nil, f.fail(i, fmt.Sprintf("column %.40q appears twice", column), "keep one of the two")
		}
	}
	var rows []Row
	seen := map[string]bool{}
	for {
		cells, err := f.next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		row, err := f.row(cells)
		switch {
		case err != nil:
			return nil, err
		case seen[row.ID]:
			return nil, f.fail(slices.Index(f.columns, "id"), fmt.Sprintf("id %.40q appears twice", row.ID), "give each row its own")
		case len(rows) == maxRows:
			return nil, f.fail(0, fmt.Sprintf("more than %d rows", maxRows), "split the file")
		}
		seen[row.ID] = true
		rows = append(rows, row)
	}
}

// file is the file that is being read.
type file struct {
	name    string
	in      *csv.Reader
	bounded *io.LimitedReader
	columns []string
}

// next returns the cells of the next line, or io.EOF.
func (f *file) next() ([]string, error) {
	cells, err := f.in.Read()
	if f.bounded.N <= 0 {
		return nil, &place.Error{File: f.name, Line: 1, Column: 1, Reason: fmt.Sprintf("more than %d bytes", maxBytes), Fix: "split the file"}
	}
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, &place.Error{
			File: f.name, Line: broken.Line, Column: max(broken.Column, 1), Reason: "no row of comma-separated values: " + broken.Err.Error(),
			Fix: "give every row one cell for each column, and close quotes", Cause: err,
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &place.Error{File: f.name, Line: 1, Column: 1, Reason: "reading stopped: " + err.Error(), Fix: "check the disk and the file's permissions", Cause: err}
	}
	for i, c := range cells {
		if len(c) > maxCell {
			return nil, f.fail(i, fmt.Sprintf("cell of %d bytes, at most %d", len(c), maxCell), "check for a missing quote")
		}
	}
	return cells, err
}

// fail points at a cell of the current line.
func (f *file) fail(column int, reason, fix string) error {
	line, at := f.in.FieldPos(column)
	return &place.Error{File: f.name, Line: line, Column: at, Reason: reason, Fix: fix}
}

// row reads the cells of one row; a column that is absent is as if its cell were empty.
func (f *file) row(cells []string) (Row, error) {
	r := Row{
		Scale: math.NaN(), Sensitivity: math.NaN(), Truncation: math.NaN(), SamplingRate: math.NaN(), Compositions: math.NaN(),
		AtEpsilon: math.NaN(), AtDelta: math.NaN(), AtOrder: math.NaN(), Expected: math.NaN(), AbsTol: math.NaN(), RelTol: math.NaN(),
	}
	texts := map[string]*string{
		"id": &r.ID, "source": &r.Source, "mechanism": &r.Mechanism, "adjacency": &r.Adjacency, "orders": &r.Orders, "quantity": &r.Quantity,
	}
	numbers := map[string]*float64{
		"scale": &r.Scale, "sensitivity": &r.Sensitivity, "truncation_bound": &r.Truncation, "sampling_prob": &r.SamplingRate,
		"compositions": &r.Compositions, "at_epsilon": &r.AtEpsilon, "at_delta": &r.AtDelta, "at_order": &r.AtOrder,
		"expected": &r.Expected, "abs_tol": &r.AbsTol, "rel_tol": &r.RelTol,
	}
	for i, column := range f.columns {
		text := strings.TrimSpace(cells[i])
		if target := texts[column]; target != nil {
			*target = strings.Clone(text)
		}
		target := numbers[column]
		if target == nil || text == "" {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if math.IsNaN(v) || err != nil && !errors.Is(err, strconv.ErrRange) {
			return Row{}, f.fail(i, fmt.Sprintf("%s %.40q is no number", column, text), "write digits with a point, such as 1.5 or 1e-05, or leave it empty")
		}
		*target = v
	}
	switch {
	case r.ID == "":
		return Row{}, f.fail(slices.Index(f.columns, "id"), "row without an id", "give it one")
	case math.IsNaN(r.Expected):
		return Row{}, f.fail(slices.Index(f.columns, "expected"), "row without an expected value", "give it one, or delete the row")
	}
	return r, nil
}
