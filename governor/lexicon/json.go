package lexicon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"comity/place"
)

// readJSON reads {"x": [1, "1/2"]} or [{"x": 1}, {"x": "1/2"}]. Numbers keep their text:
// nothing passes through binary floating point.
func readJSON(name string, data []byte) (*grid, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	r := &jsonReader{name: name, data: data, in: d, at: point{1, 1}}
	g := &grid{file: name}
	opening, err := r.next()
	if err != nil {
		return nil, err
	}
	if opening.token == json.Delim('{') {
		err = r.columns(g)
	} else {
		err = r.list(g)
	}
	if err != nil {
		return nil, err
	}
	r.locate()
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, r.fail("more after the end of the document", "keep one document in the file")
	}
	return g, nil
}

// jsonReader reads tokens and knows where they begin.
type jsonReader struct {
	name   string
	data   []byte
	in     *json.Decoder
	offset int // Of at.
	at     point
	index  map[string]int // Of the first row's keys.
}

type token struct {
	token json.Token
	at    point
}

// text returns the text of a number or a string.
func (t token) text() (string, bool) {
	switch v := t.token.(type) {
	case json.Number:
		return v.String(), true
	case string:
		return v, true
	default:
		return "", false
	}
}

// next returns the next token, with the place where it begins.
func (r *jsonReader) next() (token, error) {
	r.locate()
	t, err := r.in.Token()
	if err != nil {
		return token{}, r.fail("no JSON: "+err.Error(), "check brackets, commas and quotes near here")
	}
	return token{t, r.at}, nil
}

// locate moves to where the next token begins.
func (r *jsonReader) locate() {
	end := int(r.in.InputOffset())
	for end < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[end]) >= 0 {
		end++
	}
	for ; r.offset < end; r.offset++ {
		r.at.column++
		if r.data[r.offset] == '\n' {
			r.at = point{r.at.line + 1, 1}
		}
	}
}

func (r *jsonReader) fail(reason, fix string) error {
	return &place.Error{File: r.name, Line: r.at.line, Column: r.at.column, Reason: reason, Fix: fix}
}

// columns reads an object of lists of one length.
func (r *jsonReader) columns(g *grid) error {
	var header []cell
	var lists [][]cell
	for r.in.More() {
		key, err := r.next()
		if err != nil {
			return err
		}
		name, _ := key.text()
		header = append(header, cell{name, key.at})
		list, err := r.cells()
		if err != nil {
			return err
		}
		if lists = append(lists, list); len(list) != len(lists[0]) {
			return r.fail(fmt.Sprintf("column %.40q has %d cells, the first has %d", name, len(list), len(lists[0])), "give all columns one length")
		}
	}
	if _, err := r.next(); err != nil {
		return err
	}
	if header == nil {
		return r.fail("no columns", `write as {"x": [1, 2]}`)
	}
	if err := g.append(header); err != nil {
		return err
	}
	for i := range lists[0] {
		row := make([]cell, len(lists))
		for j := range lists {
			row[j] = lists[j][i]
		}
		if err := g.append(row); err != nil {
			return err
		}
	}
	return nil
}

// cells reads one list of numbers and strings.
func (r *jsonReader) cells() ([]cell, error) {
	opening, err := r.next()
	if err != nil {
		return nil, err
	}
	if opening.token != json.Delim('[') {
		return nil, r.fail("a column is a list", "write as [1, 2]")
	}
	var list []cell
	for r.in.More() {
		c, err := r.cell()
		if err != nil {
			return nil, err
		}
		if list = append(list, c); len(list) > maxRows {
			return nil, r.fail(fmt.Sprintf("more than %d rows", maxRows), "split the file")
		}
	}
	_, err = r.next()
	return list, err
}

func (r *jsonReader) cell() (cell, error) {
	t, err := r.next()
	if err != nil {
		return cell{}, err
	}
	text, ok := t.text()
	if !ok {
		return cell{}, r.fail("a cell is a number or a text", `write 7 or "1/3"`)
	}
	return cell{text, t.at}, nil
}

// list reads rows as objects. The first row names the columns.
func (r *jsonReader) list(g *grid) error {
	for r.in.More() {
		opening, err := r.next()
		if err != nil {
			return err
		}
		if opening.token != json.Delim('{') {
			return r.fail("a row is an object", `write as {"x": 1}`)
		}
		names, cells, err := r.row()
		if err != nil {
			return err
		}
		if g.header == nil {
			if err := g.append(names); err != nil {
				return err
			}
			r.index = map[string]int{}
			for i, n := range names {
				r.index[n.text] = i
			}
		}
		row, err := r.inOrder(g, opening.at, names, cells)
		if err != nil {
			return err
		}
		if err := g.append(row); err != nil {
			return err
		}
	}
	if _, err := r.next(); err != nil {
		return err
	}
	if g.header == nil {
		return r.fail("no rows", `write as [{"x": 1}]`)
	}
	return nil
}

// row reads the keys and values of one object.
func (r *jsonReader) row() (names, cells []cell, err error) {
	names = []cell{}
	for r.in.More() {
		key, err := r.next()
		if err != nil {
			return nil, nil, err
		}
		name, _ := key.text()
		c, err := r.cell()
		if err != nil {
			return nil, nil, err
		}
		names, cells = append(names, cell{name, key.at}), append(cells, c)
		if len(names) > maxColumns {
			return nil, nil, r.fail(fmt.Sprintf("more than %d columns", maxColumns), "leave out what the term does not need")
		}
	}
	_, err = r.next()
	return names, cells, err
}

// inOrder brings the cells of a row into the order of the header: each key once, none
// missing, none more.
func (r *jsonReader) inOrder(g *grid, at point, names, cells []cell) ([]cell, error) {
	if len(names) == 0 {
		return nil, g.fail(cell{"", at}, "a row without cells", "take it out")
	}
	row := make([]cell, len(g.header))
	for i, n := range names {
		j, ok := r.index[n.text]
		switch {
		case !ok:
			return nil, g.fail(n, fmt.Sprintf("key %.40q, which the first row lacks", n.text), "give all rows the same keys")
		case row[j].line > 0:
			return nil, g.fail(n, fmt.Sprintf("key %.40q appears twice", n.text), "keep one of the two")
		}
		row[j] = cells[i]
	}
	for j, c := range row {
		if c.line == 0 {
			return nil, g.fail(cell{"", at}, fmt.Sprintf("no key %.40q, which the first row has", g.header[j].text), "give all rows the same keys")
		}
	}
	return row, nil
}
