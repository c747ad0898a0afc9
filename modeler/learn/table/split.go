package table

import (
	"fmt"
	"maps"
	"slices"

	"comity/place"
)

// Part is the rows of one party.
type Part struct {
	Name  string
	Table *Table
}

// Split gives every party its own rows: those with its name under a column. The parts come
// in the order of the names and do not have that column. A row without a name is refused,
// as nobody would hold it.
func (t *Table) Split(by string) ([]Part, error) {
	c := t.column(by)
	if c == nil {
		return nil, fmt.Errorf("%w: no column %s", ErrColumn, by)
	}
	if c.counts[empty] > 0 {
		at := c.first[empty]
		return nil, &place.Error{
			File: at.File, Line: max(at.Line, 1), Column: c.seen[empty],
			Reason: fmt.Sprintf("a row without a party: column %s is empty", by), Fix: "name the party that holds the row", Cause: ErrColumn,
		}
	}
	rows := map[string][]int32{}
	for i := range t.Rows() {
		at := t.position(i)
		name := c.text(at)
		rows[name] = append(rows[name], int32(at)) //nolint:gosec // At most MaxRows.
	}
	rest := t.Less(by)
	var parts []Part
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		part := *rest
		part.at, part.keys = rows[name], nil
		parts = append(parts, Part{name, &part})
	}
	return parts, nil
}

// Less returns the table without some columns.
func (t *Table) Less(names ...string) *Table {
	rest := *t
	rest.columns = slices.DeleteFunc(slices.Clone(t.columns), func(c *column) bool { return slices.Contains(names, c.name) })
	return &rest
}

// Join returns the rows of several parts of one table together, part after part, with the
// keys that they have there.
func Join(parts []Part) *Table {
	whole := *parts[0].Table
	whole.at, whole.keys = nil, nil
	for _, p := range parts {
		whole.at = append(whole.at, p.Table.at...)
		whole.keys = append(whole.keys, p.Table.keys...)
	}
	return &whole
}
