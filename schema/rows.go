package schema

import "strings"

// Rows is a table that is read once, from front to back. Adapters implement it for
// files and databases; whoever opened them closes them.
type Rows interface {
	// Header returns the columns that the table has, in the order of its cells.
	Header() []Heading
	// Next returns the cells of the next row, valid until the call after, or io.EOF.
	// Other errors end the reading.
	Next() ([]Field, error)
	// Place says where the row stands that Next returned last.
	Place() Place
}

// Heading is one column of a table.
type Heading struct {
	Name   string
	Unit   string // As the table states it; empty where it does not.
	Column int    // Where the name stands: a byte of the line, or the number of the column, from 1.
}

// Field is one cell as the table has it, written as text. Empty text is a missing cell.
type Field struct {
	Text   []byte
	Column int // Where it stands: a byte of the line, or the number of the column, from 1.
}

// Place is where a row stands.
type Place struct {
	File string
	Line int // From 1; of records the number of the row, from 1.
	// Record says that the table has rows and no lines.
	Record bool
}

// NewHeading takes apart a name with a unit in brackets behind it: "flow [m3/s]".
func NewHeading(text string, column int) Heading {
	name, unit, found := strings.Cut(text, "[")
	if rest, ok := strings.CutSuffix(strings.TrimSpace(unit), "]"); found && ok && !strings.ContainsAny(rest, "[]") {
		return Heading{Name: strings.TrimSpace(name), Unit: strings.TrimSpace(rest), Column: column}
	}
	return Heading{Name: strings.TrimSpace(text), Column: column}
}
