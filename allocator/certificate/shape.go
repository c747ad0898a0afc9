package certificate

import (
	"fmt"
	"slices"

	"comity"
	"comity/party"
)

// CheckShape accepts a problem only in its one canonical form: columns, rows and
// needs in ascending order without repetition, terms in ascending order, non-zero
// and inside the problem, no empty interval, no need below zero.
func CheckShape(p comity.Problem) error {
	for j, c := range p.Columns {
		if j > 0 && p.Columns[j-1].ID >= c.ID {
			return fmt.Errorf("%w: column %q stands after %q; sort columns by id", ErrShape, c.ID, p.Columns[j-1].ID)
		}
		if c.Lower > c.Upper {
			return fmt.Errorf("%w: column %s has lower bound %d above upper bound %d", ErrShape, c.ID, c.Lower, c.Upper)
		}
	}
	for i, r := range p.Rows {
		if i > 0 && p.Rows[i-1].ID >= r.ID {
			return fmt.Errorf("%w: row %q stands after %q; sort rows by id", ErrShape, r.ID, p.Rows[i-1].ID)
		}
		if err := checkRow(r, len(p.Columns)); err != nil {
			return err
		}
	}
	for k, n := range p.Needs {
		if k > 0 && p.Needs[k-1].Party >= n.Party {
			return fmt.Errorf("%w: need of %q stands after %q; sort needs by party", ErrShape, n.Party, p.Needs[k-1].Party)
		}
		if n.Amount < 0 {
			return fmt.Errorf("%w: need of %s is %d, below 0", ErrShape, n.Party, n.Amount)
		}
	}
	return nil
}

func checkRow(r comity.Row, columns int) error {
	if r.Lower != nil && r.Upper != nil && *r.Lower > *r.Upper {
		return fmt.Errorf("%w: row %s has lower bound %d above upper bound %d", ErrShape, r.ID, *r.Lower, *r.Upper)
	}
	for k, term := range r.Terms {
		if term.Column < 0 || term.Column >= columns {
			return fmt.Errorf("%w: row %s names column %d of %d", ErrShape, r.ID, term.Column, columns)
		}
		if term.Coeff == 0 || k > 0 && r.Terms[k-1].Column >= term.Column {
			return fmt.Errorf("%w: row %s has term %d out of order or zero", ErrShape, r.ID, k)
		}
	}
	return nil
}

func findNeed(needs []comity.Need, id party.ID) (int, bool) {
	return slices.BinarySearchFunc(needs, id, func(n comity.Need, id party.ID) int {
		switch {
		case n.Party < id:
			return -1
		case n.Party > id:
			return 1
		default:
			return 0
		}
	})
}
