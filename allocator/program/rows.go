package program

import (
	"cmp"
	"fmt"
	"slices"

	"comity"
	"comity/party"
)

// rows returns the charter's constraints over the columns, in ascending order of id.
func (l lowering) rows(columns []comity.Column) ([]comity.Row, error) {
	var rows []comity.Row
	for _, c := range l.charter.Constraints {
		more, err := l.constraint(c, columns)
		if err != nil {
			return nil, fmt.Errorf("clause %s: %w", c.ID, err)
		}
		rows = append(rows, more...)
	}
	slices.SortFunc(rows, func(a, b comity.Row) int { return cmp.Compare(a.ID, b.ID) })
	for i := 1; i < len(rows); i++ {
		if rows[i-1].ID == rows[i].ID {
			return nil, fmt.Errorf("%w: row %s twice; give each clause its own id", ErrCharter, rows[i].ID)
		}
	}
	return rows, nil
}

func (l lowering) constraint(c comity.Constraint, columns []comity.Column) ([]comity.Row, error) {
	switch c.Kind {
	case "budget":
		return l.budget(c, columns)
	case "floor", "cap":
		return l.each(c, columns)
	case "forbidden_inputs":
		return nil, nil // Held by checkForbidden before anything is computed.
	default:
		return nil, fmt.Errorf("%w: kind %q; use budget, floor, cap or forbidden_inputs", ErrCharter, c.Kind)
	}
}

// budget bounds the sum of all columns from above.
func (l lowering) budget(c comity.Constraint, columns []comity.Column) ([]comity.Row, error) {
	if c.AtMost == nil || c.AtLeast != nil {
		return nil, fmt.Errorf("%w: a budget has at_most and no at_least", ErrCharter)
	}
	row, err := l.row(c, "")
	if err != nil {
		return nil, err
	}
	for j := range columns {
		row.Terms = append(row.Terms, comity.Term{Column: j, Coeff: 1})
	}
	return []comity.Row{row}, nil
}

// each bounds the sum of every receiving party's columns: a floor from below, a cap
// from above.
func (l lowering) each(c comity.Constraint, columns []comity.Column) ([]comity.Row, error) {
	if c.Kind == "floor" && (c.AtLeast == nil || c.AtMost != nil) {
		return nil, fmt.Errorf("%w: a floor has at_least and no at_most", ErrCharter)
	}
	if c.Kind == "cap" && (c.AtMost == nil || c.AtLeast != nil) {
		return nil, fmt.Errorf("%w: a cap has at_most and no at_least", ErrCharter)
	}
	at := make(map[party.ID]int, len(l.source.receivers))
	rows := make([]comity.Row, len(l.source.receivers))
	for k, id := range l.source.receivers {
		row, err := l.row(c, id)
		if err != nil {
			return nil, fmt.Errorf("for %s: %w", id, err)
		}
		at[id], rows[k] = k, row
	}
	for j, column := range columns {
		k := at[column.Party]
		rows[k].Terms = append(rows[k].Terms, comity.Term{Column: j, Coeff: 1})
	}
	return rows, nil
}

// row evaluates the bound of a clause, for one party unless id is empty.
func (l lowering) row(c comity.Constraint, id party.ID) (comity.Row, error) {
	expr := c.AtMost
	if expr == nil {
		expr = c.AtLeast
	}
	value, err := l.source.eval(*expr, id)
	if err != nil {
		return comity.Row{}, err
	}
	bound, err := units(value)
	if err != nil {
		return comity.Row{}, err
	}
	row := comity.Row{ID: c.ID, Clause: c.ID}
	if id != "" {
		row.ID += "/" + string(id)
	}
	if c.AtMost != nil {
		row.Upper = &bound
	} else {
		row.Lower = &bound
	}
	return row, nil
}
