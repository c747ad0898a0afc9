package mps

import (
	"fmt"

	"comity/allocator/linear"
	"comity/exact"
)

// reader holds what was read so far.
type reader struct {
	file    string
	line    int
	fixed   bool // Names may hold spaces.
	section string
	seen    [9]bool // Sections, in their order.

	name      string
	maximise  bool
	rows      []row
	rowAt     map[string]int
	objective int // Index into rows; -1 before the first N row.
	columns   []column
	columnAt  map[string]int
	integer   bool // Between INTORG and INTEND.
	terms     int
	sets      [3]*string // Names of the sets of right sides, ranges and bounds.
}

// row is a row with its type, N, L, G or E.
type row struct {
	name         string
	kind         byte
	right        exact.Rat
	infinite     int // The sign of an infinite right side.
	hasRight     bool
	span         *exact.Rat
	terms        []linear.Term
	lastOfColumn int // The last column that has a term here, from 1: finds repetitions.
}

// column is a column with the bounds that the file gave.
type column struct {
	linear.Column
	lowerSet, upperSet bool
}

func (r *reader) row(fields []field) error {
	if len(fields) != 2 || len(fields[0].text) != 1 {
		return r.fail(0, fmt.Sprintf("a row of %d fields", len(fields)), "write a type, N, L, G or E, and a name")
	}
	kind, name := fields[0].text[0], fields[1].text
	if kind != 'N' && kind != 'L' && kind != 'G' && kind != 'E' {
		return r.fail(fields[0].at, fmt.Sprintf("type %q of a row", kind), "write N, L, G or E")
	}
	if _, ok := r.rowAt[name]; ok {
		return r.fail(fields[1].at, "row "+name+" appears twice", "rename one of them")
	}
	if len(r.rows) == maxRows {
		return r.fail(0, fmt.Sprintf("more than %d rows", maxRows), "split the problem")
	}
	if kind == 'N' && r.objective < 0 {
		r.objective = len(r.rows)
	}
	r.rowAt[name] = len(r.rows)
	r.rows = append(r.rows, row{name: name, kind: kind})
	return nil
}

func (r *reader) column(fields []field) error {
	if len(fields) == 3 && fields[1].text == "'MARKER'" {
		return r.marker(fields[2])
	}
	if len(fields) != 3 && len(fields) != 5 {
		return r.fail(0, fmt.Sprintf("a line of %d fields in COLUMNS", len(fields)), "write a column and one or two pairs of row and number")
	}
	name := fields[0].text
	at, ok := r.columnAt[name]
	switch {
	case ok && at != len(r.columns)-1:
		return r.fail(fields[0].at, "column "+name+" comes back after another one", "bring its lines together")
	case !ok:
		if len(r.columns) == maxColumns {
			return r.fail(0, fmt.Sprintf("more than %d columns", maxColumns), "split the problem")
		}
		at = len(r.columns)
		r.columnAt[name] = at
		r.columns = append(r.columns, column{Column: linear.Column{Name: name, Integer: r.integer}})
	}
	for k := 1; k < len(fields); k += 2 {
		if err := r.term(at, fields[k], fields[k+1]); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) marker(f field) error {
	switch {
	case f.text == "'INTORG'" && !r.integer:
		r.integer = true
	case f.text == "'INTEND'" && r.integer:
		r.integer = false
	default:
		return r.fail(f.at, fmt.Sprintf("marker %.20s", f.text), "write 'INTORG' before columns of whole numbers and 'INTEND' after them")
	}
	return nil
}

func (r *reader) term(at int, name, number field) error {
	i, err := r.find(name)
	if err != nil {
		return err
	}
	coeff, err := r.number(number)
	if err != nil {
		return err
	}
	to := &r.rows[i]
	if to.lastOfColumn == at+1 {
		return r.fail(name.at, fmt.Sprintf("column %s has row %s twice", r.columns[at].Name, to.name), "add the two numbers")
	}
	to.lastOfColumn = at + 1
	if r.terms++; r.terms > maxTerms {
		return r.fail(0, fmt.Sprintf("more than %d coefficients", maxTerms), "split the problem")
	}
	switch {
	case i == r.objective:
		r.columns[at].Cost = coeff
	case coeff.Sign() != 0 && to.kind != 'N':
		to.terms = append(to.terms, linear.Term{Column: at, Coeff: coeff})
	}
	return nil
}

func (r *reader) find(name field) (int, error) {
	i, ok := r.rowAt[name.text]
	if !ok {
		return 0, r.fail(name.at, "no row "+name.text, "list it in ROWS, or correct the name")
	}
	return i, nil
}

// pairs strips the name of the set, which may be absent, and refuses a second set.
func (r *reader) pairs(fields []field, set int, odd bool) ([]field, error) {
	name, rest := "", fields
	at := 0
	if odd {
		name, at, rest = fields[0].text, fields[0].at, fields[1:]
	}
	if r.sets[set] == nil {
		r.sets[set] = &name
	}
	if *r.sets[set] != name {
		return nil, r.fail(at, fmt.Sprintf("a second set %q in %s after %q", name, r.section, *r.sets[set]), "keep one of the two")
	}
	return rest, nil
}

func (r *reader) right(to *row, name, number field) (err error) {
	if to.hasRight {
		return r.fail(name.at, "row "+to.name+" has a second right side", "keep one of the two")
	}
	to.hasRight = true
	if to.right, to.infinite, err = r.end(number); err != nil {
		return err
	}
	if to.infinite != 0 && (to.kind == 'N' || to.kind == 'E' || to.kind == 'L' && to.infinite < 0 || to.kind == 'G' && to.infinite > 0) {
		return r.fail(number.at, "an infinite right side that no point can satisfy", "correct the number or the row's type")
	}
	return nil
}

func (r *reader) span(to *row, name, number field) error {
	span, infinite, err := r.end(number)
	switch {
	case err != nil:
		return err
	case to.kind == 'N' || to.infinite != 0 || to.span != nil:
		return r.fail(name.at, "row "+to.name+" cannot have this range", "give one range to a row of type L, G or E with a finite right side")
	case infinite != 0 && to.kind == 'E':
		return r.fail(number.at, "an infinite range of an equation", "make the row L or G")
	case infinite == 0:
		to.span = &span
	}
	return nil
}

// ofRows reads a line of RHS or RANGES, whose set is the one given: a name of the set and
// one or two pairs of row and number.
func (r *reader) ofRows(fields []field, set int, take func(to *row, name, number field) error) error {
	if len(fields) < 2 || len(fields) > 5 {
		return r.fail(0, fmt.Sprintf("a line of %d fields in %s", len(fields), r.section), "write a set and one or two pairs of row and number")
	}
	fields, err := r.pairs(fields, set, len(fields)%2 == 1)
	if err != nil {
		return err
	}
	for k := 0; k < len(fields); k += 2 {
		i, err := r.find(fields[k])
		if err != nil {
			return err
		}
		if err := take(&r.rows[i], fields[k], fields[k+1]); err != nil {
			return err
		}
	}
	return nil
}
