package lexicon

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"comity/place"
)

// readCSV reads comma-separated values; every row is as long as the header.
func readCSV(name string, data []byte) (*grid, error) {
	in := csv.NewReader(bytes.NewReader(data))
	in.ReuseRecord = true
	g := &grid{file: name}
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if broken, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, &place.Error{
				File: name, Line: broken.Line, Column: max(broken.Column, 1), Reason: "no row of comma-separated values: " + broken.Err.Error(),
				Fix: "give every row one cell for each column, and close quotes", Cause: err,
			}
		}
		if err != nil {
			return nil, &place.Error{File: name, Line: 1, Column: 1, Reason: "reading stopped: " + err.Error(), Fix: "check the file", Cause: err}
		}
		row := make([]cell, len(cells))
		for i, text := range cells {
			line, column := in.FieldPos(i)
			row[i] = cell{strings.Clone(strings.TrimSpace(text)), point{line, column}}
		}
		if err := g.append(row); err != nil {
			return nil, err
		}
	}
	if g.header == nil {
		return nil, &place.Error{File: name, Line: 1, Column: 1, Reason: "the file is empty", Fix: "start it with a line that names the columns"}
	}
	return g, nil
}

// append takes the header, and then rows, within their bounds.
func (g *grid) append(row []cell) error {
	for _, c := range row {
		if len(c.text) > maxCell {
			return g.fail(c, fmt.Sprintf("cell of %d bytes, at most %d", len(c.text), maxCell), "check for a missing quote")
		}
	}
	switch {
	case g.header == nil && len(row) > maxColumns:
		return g.fail(row[maxColumns], fmt.Sprintf("%d columns, at most %d", len(row), maxColumns), "leave out what the term does not need")
	case g.header == nil:
		g.header = row
		for i, c := range row {
			for _, before := range row[:i] {
				if before.text == c.text {
					return g.fail(c, fmt.Sprintf("column %.40q appears twice", c.text), "keep one of the two")
				}
			}
		}
	case len(g.rows) == maxRows:
		return g.fail(row[0], fmt.Sprintf("more than %d rows", maxRows), "split the file")
	default:
		g.rows = append(g.rows, row)
	}
	return nil
}
