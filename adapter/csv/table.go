// Package csv reads surveillance archives from comma-separated files, strictly: what it
// cannot read for certain it refuses, with the position and what to do.
//
// A file is UTF-8, plain or gzip, with one header line and one row a line (RFC 4180
// without line breaks inside quotes). LF and CR LF end lines, a byte order mark may
// start the file, and empty lines may end it.
package csv

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of one file. The largest public archive of this kind has 2 MB and 47,000 rows.
const (
	maxBytes = 1 << 30 // After decompression: a small gzip file cannot fill the memory. 10^6 rows of 28 numbers have 0.55 GB.
	maxLine  = 64 << 10
	maxCells = 1000
)

// table reads a file row by row. The cells of a row are valid until the next one.
type table struct {
	file   string
	in     *bufio.Reader
	left   int64 // Bytes that may still come.
	line   int   // Number of the line in cells.
	width  int   // Cells of the header.
	cells  []cell
	unread error // An empty line was met: an error if any row follows.
}

// cell is one value and where it starts.
type cell struct {
	text   []byte
	column int
}

// open starts reading and takes the header. want lists the columns that the caller
// needs; it returns the position of each, or -1 for an absent one listed after need.
func open(file string, in io.Reader, want []string, need int) (*table, []int, error) {
	t := &table{file: file, left: maxBytes}
	raw := bufio.NewReader(in)
	if magic, err := raw.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b { // RFC 1952, section 2.3.1.
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			t.line = 1
			return nil, nil, t.broken(0, err)
		}
		in = unzipped
	} else {
		in = raw
	}
	t.in = bufio.NewReaderSize(in, maxLine)
	if mark, err := t.in.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		if _, err := t.in.Discard(3); err != nil {
			return nil, nil, t.broken(0, err)
		}
	}
	header, err := t.next()
	if errors.Is(err, io.EOF) {
		t.line = 1
		return nil, nil, t.fail(1, "the file is empty", "start it with the line "+strings.Join(want[:need], ","))
	}
	if err != nil {
		return nil, nil, err
	}
	t.width = len(header)
	at, err := t.locate(header, want, need)
	return t, at, err
}

// locate finds the wanted columns in the header; the first need of them must be there.
func (t *table) locate(header []cell, want []string, need int) ([]int, error) {
	at := make([]int, len(want))
	for i, name := range want {
		at[i] = -1
		for j, c := range header {
			if string(c.text) != name {
				continue
			}
			if at[i] >= 0 {
				return nil, t.fail(c.column, fmt.Sprintf("column %s appears twice", name), "keep one of the two")
			}
			at[i] = j
		}
	}
	for i, name := range want[:need] {
		if at[i] >= 0 {
			continue
		}
		near, best := cell{column: 1}, len(name)/2+1
		for j, c := range header {
			if d := distance(strings.ToLower(clip(c.text)), name); d < best && !slices.Contains(at, j) {
				near, best = c, d
			}
		}
		if near.text != nil {
			return nil, t.fail(near.column, "no column "+name, fmt.Sprintf("rename column %q to %s", clip(near.text), name))
		}
		return nil, t.fail(1, "no column "+name, "the header needs "+strings.Join(want[:need], ","))
	}
	return at, nil
}

// each reads all rows.
func (t *table) each(row func([]cell) error) error {
	for {
		cells, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := row(cells); err != nil {
			return err
		}
	}
}

// next returns the cells of the next row, or io.EOF.
func (t *table) next() ([]cell, error) {
	for {
		line, err := t.take()
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			if t.unread == nil {
				t.unread = t.fail(1, "empty line before a row", "delete it")
			}
			continue
		}
		if t.unread != nil {
			return nil, t.unread
		}
		if err := t.split(line); err != nil {
			return nil, err
		}
		if t.width > 0 && len(t.cells) != t.width {
			at := t.cells[min(len(t.cells)-1, t.width)].column
			return nil, t.fail(at, fmt.Sprintf("row of %d cells under a header of %d", len(t.cells), t.width),
				"give every row one cell for each column; a number has a point and no commas, such as 1234.5")
		}
		return t.cells, nil
	}
}

// take returns the next line without its end, checked byte by byte.
func (t *table) take() ([]byte, error) {
	line, err := t.in.ReadSlice('\n')
	if len(line) == 0 && errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	t.line++
	t.left -= int64(len(line))
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, t.fail(len(line), fmt.Sprintf("line of more than %d bytes", maxLine), "check for a missing line break or quote")
	case t.left < 0:
		return nil, t.fail(1, fmt.Sprintf("more than %d bytes of text", maxBytes), "split the file")
	case err != nil && !errors.Is(err, io.EOF):
		return nil, t.broken(len(line), err)
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	for i := 0; i < len(line); {
		if c := line[i]; c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(line[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return nil, t.fail(i+1, fmt.Sprintf("byte %#02x is no UTF-8", line[i]), "save the file as UTF-8")
		case r < ' ' || r == 0x7f:
			return nil, t.fail(i+1, fmt.Sprintf("control character %#02x", line[i]), "remove it, and check that this is a text file")
		}
		i += size
	}
	return line, nil
}

// split cuts a line into cells.
func (t *table) split(line []byte) error {
	t.cells = t.cells[:0]
	for at := 0; ; {
		if len(t.cells) == maxCells {
			return t.fail(at+1, fmt.Sprintf("more than %d cells in a row", maxCells), "remove columns that are not needed")
		}
		text, end, err := t.cell(line, at)
		if err != nil {
			return err
		}
		t.cells = append(t.cells, cell{text, at + 1})
		if end == len(line) {
			return nil
		}
		at = end + 1
	}
}

// cell reads the cell that starts at byte at and returns where it ends.
func (t *table) cell(line []byte, at int) (text []byte, end int, err error) {
	if at == len(line) || line[at] != '"' {
		end = len(line)
		if i := bytes.IndexByte(line[at:], ','); i >= 0 {
			end = at + i
		}
		if i := bytes.IndexByte(line[at:end], '"'); i >= 0 {
			return nil, 0, t.fail(at+i+1, "quote inside a cell", "put the whole cell in quotes and double the quotes inside")
		}
		return line[at:end], end, nil
	}
	for i := at + 1; i < len(line); i++ {
		switch {
		case line[i] != '"':
			text = append(text, line[i])
		case i+1 < len(line) && line[i+1] == '"':
			text = append(text, '"')
			i++
		case i+1 == len(line) || line[i+1] == ',':
			return text, i + 1, nil
		default:
			return nil, 0, t.fail(i+2, "text after a closing quote", "put a comma after the quote, or double the quotes inside")
		}
	}
	return nil, 0, t.fail(at+1, "quote that is not closed on its line", "close it; cells cannot hold line breaks")
}

// fail returns an error at a column of the current line.
func (t *table) fail(column int, reason, fix string) error {
	return &Error{File: t.file, Line: t.line, Column: column, Reason: reason, Fix: fix}
}

// broken returns an error for data that ended or did not decompress after some bytes
// of the current line.
func (t *table) broken(after int, cause error) error {
	reason, fix := "reading stopped: "+cause.Error(), "check the disk and the file's permissions"
	if errors.Is(cause, io.ErrUnexpectedEOF) {
		reason, fix = "the compressed data ends too early", "copy or download the file again"
	} else if errors.Is(cause, gzip.ErrChecksum) || errors.Is(cause, gzip.ErrHeader) || isCorrupt(cause) {
		reason, fix = "the compressed data is damaged", "copy or download the file again"
	}
	return &Error{File: t.file, Line: max(t.line, 1), Column: after + 1, Reason: reason, Fix: fix, Cause: cause}
}
