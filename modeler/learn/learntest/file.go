package learntest

import (
	"io"
	"strings"

	"comity/schema"
)

// File is a table for tests: lines of cells between commas, without quotes, the header
// first. Its places are those of a file rows.csv.
type File struct {
	header []schema.Heading
	lines  []string
	next   int
}

// NewFile takes a text apart.
func NewFile(text string) *File {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	f := &File{lines: lines[1:]}
	for _, c := range cells(lines[0]) {
		f.header = append(f.header, schema.NewHeading(string(c.Text), c.Column))
	}
	return f
}

// Header returns the columns.
func (f *File) Header() []schema.Heading { return f.header }

// Place says where the row stands that was read last.
func (f *File) Place() schema.Place { return schema.Place{File: "rows.csv", Line: f.next + 1} }

// Next returns the next row, or io.EOF.
func (f *File) Next() ([]schema.Field, error) {
	if f.next == len(f.lines) {
		return nil, io.EOF
	}
	f.next++
	return cells(f.lines[f.next-1]), nil
}

func cells(line string) []schema.Field {
	var fields []schema.Field
	column := 1
	for text := range strings.SplitSeq(line, ",") {
		fields = append(fields, schema.Field{Text: []byte(text), Column: column})
		column += len(text) + 1
	}
	return fields
}
