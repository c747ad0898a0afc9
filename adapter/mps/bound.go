package mps

import (
	"fmt"
	"slices"

	"comity/allocator/linear"
	"comity/exact"
)

// bound reads one line of BOUNDS: a type, a set that may be absent, a column, and a
// number except after FR, MI, PL and BV, where it is allowed and means nothing.
func (r *reader) bound(fields []field) error {
	kind := fields[0].text
	bare := oneOf(kind, "FR", "MI", "PL", "BV")
	want := 4
	if bare {
		want = 3
	}
	if !bare && !oneOf(kind, "UP", "LO", "FX", "LI", "UI") {
		return r.fail(fields[0].at, fmt.Sprintf("type %.10q of a bound", kind), "write UP, LO, FX, FR, MI, PL, BV, LI or UI")
	}
	if bare && len(fields) == 4 {
		fields = fields[:3]
	}
	if len(fields) != want && len(fields) != want-1 {
		return r.fail(0, fmt.Sprintf("a bound %s of %d fields", kind, len(fields)), "write a type, a set, a column and, except after FR, MI, PL and BV, a number")
	}
	rest, err := r.pairs(fields[1:], 2, len(fields) == want)
	if err != nil {
		return err
	}
	at, ok := r.columnAt[rest[0].text]
	if !ok {
		return r.fail(rest[0].at, "no column "+rest[0].text, "list it in COLUMNS, or correct the name")
	}
	c := &r.columns[at]
	lower := oneOf(kind, "LO", "LI", "FX", "FR", "MI", "BV")
	upper := oneOf(kind, "UP", "UI", "FX", "FR", "PL", "BV")
	if lower && c.lowerSet || upper && c.upperSet {
		return r.fail(fields[0].at, "column "+c.Name+" has this bound already", "keep one of the two")
	}
	c.lowerSet, c.upperSet = c.lowerSet || lower, c.upperSet || upper
	if kind == "LI" || kind == "UI" || kind == "BV" {
		c.Integer = true
	}
	if kind == "BV" {
		zero, one := exact.Int(0), exact.Int(1)
		c.Lower, c.Upper = &zero, &one
	}
	if bare {
		return nil // Set and absent: infinite.
	}
	value, infinite, err := r.end(rest[1])
	if err != nil {
		return err
	}
	if infinite > 0 && lower || infinite < 0 && upper {
		return r.fail(rest[1].at, "an infinite bound that no value can satisfy", "correct the number or the type")
	}
	if lower && infinite == 0 {
		c.Lower = &value
	}
	if upper && infinite == 0 {
		c.Upper = &value
	}
	if c.Lower != nil && c.Upper != nil && c.Lower.Cmp(*c.Upper) > 0 {
		return r.fail(rest[1].at, fmt.Sprintf("column %s gets lower bound %s above upper bound %s", c.Name, c.Lower, c.Upper), "correct one of them: nothing lies between")
	}
	return nil
}

func oneOf(kind string, kinds ...string) bool { return slices.Contains(kinds, kind) }

// programme puts together what was read.
func (r *reader) programme() (linear.Programme, error) {
	if r.objective < 0 {
		return linear.Programme{}, r.fail(0, "no objective", "add a row of type N")
	}
	if len(r.columns) == 0 {
		return linear.Programme{}, r.fail(0, "no columns", "list at least one in COLUMNS")
	}
	if r.integer {
		return linear.Programme{}, r.fail(0, "COLUMNS ends without 'INTEND'", "add the marker")
	}
	p := linear.Programme{Name: r.name, Maximise: r.maximise, Constant: r.rows[r.objective].right.Neg(), Rows: []linear.Row{}}
	for _, c := range r.columns {
		p.Columns = append(p.Columns, c.complete())
	}
	for _, from := range r.rows {
		if from.kind == 'N' {
			continue
		}
		to := linear.Row{Name: from.name, Terms: from.terms}
		if to.Terms == nil {
			to.Terms = []linear.Term{}
		}
		to.Lower, to.Upper = from.ends()
		p.Rows = append(p.Rows, to)
	}
	return p, nil
}

// complete adds the bounds that the file did not give.
func (c column) complete() linear.Column {
	zero, one := exact.Int(0), exact.Int(1)
	if c.Integer && !c.lowerSet && !c.upperSet {
		c.Lower, c.Upper = &zero, &one
	}
	negative := c.Upper != nil && c.Upper.Sign() < 0
	if !c.lowerSet && !negative {
		c.Lower = &zero
	}
	return c.Column
}

// ends returns the bounds of a row from its type, right side and range.
func (r row) ends() (lower, upper *exact.Rat) {
	if r.infinite != 0 {
		return nil, nil
	}
	value := r.right
	if r.kind != 'L' {
		lower = &value
	}
	if r.kind != 'G' {
		upper = &value
	}
	if r.span == nil {
		return lower, upper
	}
	size := *r.span
	if size.Sign() < 0 {
		size = size.Neg()
	}
	below, above := value.Sub(size), value.Add(size)
	switch {
	case r.kind == 'L', r.kind == 'E' && r.span.Sign() < 0:
		lower = &below
	default:
		upper = &above
	}
	return lower, upper
}
