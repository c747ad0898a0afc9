package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"comity/modeler/learn/number"
	"comity/place"
	"comity/schema"
)

// Want says which columns of a file are read.
type Want struct {
	Only   []string // Empty for all. A file without one of them is refused.
	Target string   // Whose yes and no are numbers; may be empty.
	Marks  []string // Texts that say in a column of numbers that a value is missing, besides the usual ones.
}

// Read reads a file. Errors name the line and column; they wrap place.ErrUnreadable or
// ErrColumn.
func Read(rows schema.Rows, want Want) (*Table, error) {
	header := rows.Header()
	at, err := choose(header, rows.Place(), want)
	if err != nil {
		return nil, err
	}
	t := &Table{}
	for _, i := range at {
		t.columns = append(t.columns, &column{
			name: header[i].Name, words: want.Target != "" && header[i].Name == want.Target, marks: want.Marks,
		})
	}
	for {
		fields, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		if t.rows == MaxRows {
			return nil, wrong(rows.Place(), 1, fmt.Sprintf("more than %d rows", MaxRows), "split the file between participants")
		}
		for k, i := range at {
			f := fields[i]
			if !t.columns[k].add(f, rows) {
				return nil, wrong(rows.Place(), f.Column, fmt.Sprintf("column %s: %q is not finite", t.columns[k].name, clip(f.Text)),
					"correct the value, or leave the cell empty if it is unknown")
			}
		}
		t.rows++
	}
}

// choose returns the positions of the columns to read.
func choose(header []schema.Heading, at schema.Place, want Want) ([]int, error) {
	var chosen []int
	seen := map[string]schema.Heading{}
	for i, h := range header {
		if len(want.Only) > 0 && !slices.Contains(want.Only, h.Name) {
			continue
		}
		if h.Name == "" {
			return nil, wrong(at, h.Column, fmt.Sprintf("column %d has no name", i+1), "name every column in the first line")
		}
		if first, twice := seen[h.Name]; twice {
			return nil, wrong(at, h.Column, fmt.Sprintf("column %s appears twice, first at %d", h.Name, first.Column), "rename one of the two")
		}
		seen[h.Name] = h
		chosen = append(chosen, i)
	}
	var absent []string
	for _, name := range want.Only {
		if _, ok := seen[name]; !ok {
			absent = append(absent, name)
		}
	}
	if len(absent) > 0 {
		return nil, &place.Error{
			File: at.File, Line: max(at.Line, 1), Column: 1,
			Reason: fmt.Sprintf("no column %s", strings.Join(absent, ", ")),
			Fix:    "add what is missing, with empty cells where the values are unknown", Cause: ErrColumn,
		}
	}
	return chosen, nil
}

// add takes the next cell, without spaces around it. It is false for an infinite number.
func (c *column) add(f schema.Field, rows schema.Rows) bool {
	f.Text = bytes.Trim(f.Text, " ")
	key, s := number.Parse(f.Text)
	if s == number.Finite {
		if c.kinds != nil {
			c.kinds = append(c.kinds, figure)
		}
		c.keys = append(c.keys, key)
		if c.counts[figure]++; c.counts[figure] == 1 {
			c.first[figure], c.seen[figure] = rows.Place(), f.Column
		}
		if c.words {
			c.span.add(key, f, rows)
		}
		return true
	}
	if s == number.Infinite {
		return false
	}
	k := word
	switch {
	case len(f.Text) == 0:
		k, key = empty, number.Missing
	case isMark(f.Text), slices.Contains(c.marks, string(f.Text)):
		k, key = mark, c.category(f.Text)
	default:
		var ok bool
		if key, ok = parseDate(f.Text); ok {
			k = day
		} else if key, ok = verdict(f.Text); ok && c.words {
			k = figure
			c.span.add(key, f, rows)
		} else {
			key = c.category(f.Text)
		}
	}
	if c.kinds == nil && k != empty && k != figure {
		c.kinds = make([]kind, len(c.keys), cap(c.keys))
		for i, key := range c.keys {
			if key != number.Missing {
				c.kinds[i] = figure
			}
		}
	}
	if c.kinds != nil {
		c.kinds = append(c.kinds, k)
	}
	if c.counts[k] == 0 {
		c.first[k], c.seen[k] = rows.Place(), f.Column
	}
	c.keys = append(c.keys, key)
	c.counts[k]++
	return true
}

// category returns the key of a text and remembers its name.
func (c *column) category(text []byte) int64 {
	if key, ok := c.cache[string(text)]; ok {
		return key
	}
	if c.cache == nil {
		c.cache, c.names = map[string]int64{}, map[int64]string{}
	}
	name := string(text)
	key := CategoryKey(name)
	c.cache[name], c.names[key] = key, name
	return key
}

// span is what the target says of itself at home, so that an error can name a place.
type span struct {
	values   [2]int64 // The first two different ones.
	distinct int      // 0, 1, 2; 3 for more.
	third    spot
	negative spot
}

// spot is one cell.
type spot struct {
	place  schema.Place
	column int
	text   string
}

func (s *span) add(key int64, f schema.Field, rows schema.Rows) {
	if key < 0 && s.negative.column == 0 {
		s.negative = spot{rows.Place(), f.Column, clip(f.Text)}
	}
	switch {
	case s.distinct == 3, s.distinct > 0 && key == s.values[0], s.distinct > 1 && key == s.values[1]:
	case s.distinct < 2:
		s.values[s.distinct] = key
		s.distinct++
	default:
		s.distinct = 3
		s.third = spot{rows.Place(), f.Column, clip(f.Text)}
	}
}

func wrong(at schema.Place, column int, reason, fix string) error {
	return &place.Error{File: at.File, Line: max(at.Line, 1), Column: column, Reason: reason, Fix: fix}
}

// clip keeps what fits a message.
func clip(text []byte) string {
	const most = 40
	if len(text) > most {
		return string(text[:most]) + "..."
	}
	return string(text)
}
