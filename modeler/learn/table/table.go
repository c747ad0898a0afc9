// Package table stands between a file and a learner: it reads columns, agrees with all
// other participants on what they are and how their values fall into bins, and hands the
// learner rows of small integers.
//
// A participant reads its own rows into a Table. Survey makes four sums over all
// participants, whatever the number of columns, and returns the Frame: which columns are
// numbers, dates or categories, where their bins begin, how the target is scaled. All of
// it comes from the sums, so that it is the same whether the rows lie in one file or with
// twenty members, and whoever holds the sums gets the same Frame without a row.
//
// No floating-point number is computed with (package number): values are compared and
// counted, nothing else. The names of categories stay at home; what is summed is counts
// by a digest of the name.
package table

import (
	"errors"

	"comity/modeler/learn/number"
	"comity/schema"
)

// Bounds of a table.
const (
	// MaxRows bounds the rows of one participant: 2^24, as schema.MaxRows.
	MaxRows = schema.MaxRows
	// MaxColumns bounds the columns that a learner may get.
	MaxColumns = 2048
)

var (
	// ErrColumn says that a table lacks a column, or has it twice, or that a column cannot
	// be learned from.
	ErrColumn = errors.New("column cannot be used")
	// ErrTarget says that a target cannot be learned: constant, outside the domain of the
	// task, or no number.
	ErrTarget = errors.New("target cannot be learned")
)

// Table is the rows of one participant, or some of them. Its columns are shared with the
// tables that were cut from it; nobody changes them.
type Table struct {
	columns []*column
	at      []int32  // Positions in the columns; nil for all, in order.
	rows    int      // Of the columns.
	keys    []uint64 // Public names of the rows; nil until asked for.
}

// Rows returns the number of rows.
func (t *Table) Rows() int {
	if t.at != nil {
		return len(t.at)
	}
	return t.rows
}

// Names returns the names of the columns in the order of the file.
func (t *Table) Names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// Where returns the rows i, from 0, that keep says.
func (t *Table) Where(keep func(i int) bool) *Table {
	part := *t
	part.at, part.keys = make([]int32, 0, t.Rows()), nil
	for i := range t.Rows() {
		if !keep(i) {
			continue
		}
		part.at = append(part.at, int32(t.position(i))) //nolint:gosec // At most MaxRows.
		if t.keys != nil {
			part.keys = append(part.keys, t.keys[i])
		}
	}
	return &part
}

// Cell returns what row i has under a column, as the file says it but for the spelling of
// numbers: it is the shortest, and a date is YYYY-MM-DD. ok is false without such a column.
func (t *Table) Cell(i int, name string) (text string, ok bool) {
	c := t.column(name)
	if c == nil {
		return "", false
	}
	return c.text(t.position(i)), true
}

// position returns where row i stands in the columns.
func (t *Table) position(i int) int {
	if t.at != nil {
		return int(t.at[i])
	}
	return i
}

func (t *Table) column(name string) *column {
	for _, c := range t.columns {
		if c.name == name {
			return c
		}
	}
	return nil
}

// column is all cells under one name.
type column struct {
	name   string
	keys   []int64 // By position: of a number or date its key, of any other text the key of a category; number.Missing of an empty cell.
	kinds  []kind  // By position; nil while every cell is a number or empty.
	names  map[int64]string
	cache  map[string]int64 // Of the keys of texts.
	counts [kinds]int64
	first  [kinds]schema.Place // Where the first cell of a kind stands, with its column of the line.
	seen   [kinds]int          // The column of the line of that cell.
	words  bool                // Read yes and no as 1 and 0: it is the target.
	marks  []string            // Of missing values, besides the usual ones.
	span   span
}

// kind is what one cell is by itself.
type kind uint8

// The kinds of a cell.
const (
	empty  kind = iota // Nothing in it.
	figure             // A number.
	day                // A date, YYYY-MM-DD.
	mark               // Says that the value is missing, if the column holds numbers; any text in a column of texts.
	word               // Any other text.
	kinds
)

func (c *column) kind(at int) kind {
	if c.kinds != nil {
		return c.kinds[at]
	}
	if c.keys[at] == number.Missing {
		return empty
	}
	return figure
}

// text returns a cell as a person reads it.
func (c *column) text(at int) string {
	switch k := c.keys[at]; c.kind(at) {
	case empty:
		return ""
	case figure:
		return number.Text(k)
	case day:
		return dateText(k)
	default:
		return c.names[k]
	}
}
