// Package linear says, in rational numbers, what a general linear programme is and
// checks the certificates that settle one: a point and prices that meet, a ray that
// shows that nothing is feasible, or a direction in which the objective has no end.
//
// Columns may be free, rows may be ranges, numbers are the decimals of the file they
// came from. The package knows no solver and takes nothing on trust: every check is a
// sum of products. The bytes and the proofs are in docs/format/mps-certificate.md.
package linear

import (
	"errors"
	"fmt"

	"comity/canon"
	"comity/exact"
)

// Programme is: minimise or maximise Constant + cost'x subject to
// row.Lower <= row'x <= row.Upper and column.Lower <= x <= column.Upper. An absent
// bound is infinite. Columns and rows keep the order of their file.
type Programme struct {
	Name     string    `json:"name"`
	Maximise bool      `json:"maximise"`
	Constant exact.Rat `json:"constant"`
	Columns  []Column  `json:"columns"`
	Rows     []Row     `json:"rows"`
}

// Column is one quantity to be chosen.
type Column struct {
	Name    string     `json:"name"`
	Cost    exact.Rat  `json:"cost"`
	Lower   *exact.Rat `json:"lower,omitempty"`
	Upper   *exact.Rat `json:"upper,omitempty"`
	Integer bool       `json:"integer"` // Only whole numbers may be chosen.
}

// Row is one constraint.
type Row struct {
	Name  string     `json:"name"`
	Lower *exact.Rat `json:"lower,omitempty"`
	Upper *exact.Rat `json:"upper,omitempty"`
	Terms []Term     `json:"terms"` // By ascending column, none of them zero.
}

// Term is one coefficient of a row.
type Term struct {
	Column int       `json:"column"` // Index into Programme.Columns.
	Coeff  exact.Rat `json:"coeff"`
}

// Digest names the programme: equal digests mean the same names, numbers and order.
func (p Programme) Digest() (canon.Digest, error) {
	digest, err := canon.DigestOf(p)
	if err != nil {
		return canon.Digest{}, fmt.Errorf("programme %.40q: %w", p.Name, err)
	}
	return digest, nil
}

// Whole tells whether any column is restricted to whole numbers.
func (p Programme) Whole() bool {
	for _, c := range p.Columns {
		if c.Integer {
			return true
		}
	}
	return false
}

// Relaxed returns the programme without the restriction to whole numbers.
func (p Programme) Relaxed() Programme {
	columns := make([]Column, len(p.Columns))
	for j, c := range p.Columns {
		c.Integer = false
		columns[j] = c
	}
	p.Columns = columns
	return p
}

// ErrInvalid is what every refusal of this package wraps: nothing is proved.
var ErrInvalid = errors.New("certificate of a linear programme is not valid")

var (
	// ErrShape says that programme and certificate do not fit together.
	ErrShape = fmt.Errorf("%w: malformed", ErrInvalid)
	// ErrAltered says that a certificate is not the bytes that were sealed, or is of
	// another programme.
	ErrAltered = fmt.Errorf("%w: altered", ErrInvalid)
	// ErrPrimal says that the point breaks a bound, a row or wholeness.
	ErrPrimal = fmt.Errorf("%w: point breaks a rule", ErrInvalid)
	// ErrDual says that the prices prove no bound.
	ErrDual = fmt.Errorf("%w: prices prove no bound", ErrInvalid)
	// ErrStated says that objective, bound or gap is not what point and prices give.
	ErrStated = fmt.Errorf("%w: misstated", ErrInvalid)
	// ErrRay says that a ray proves neither infeasibility nor unboundedness.
	ErrRay = fmt.Errorf("%w: ray proves nothing", ErrInvalid)
)

// CheckShape accepts a programme whose bounds do not cross and whose terms ascend.
func CheckShape(p Programme) error {
	for _, c := range p.Columns {
		if c.Lower != nil && c.Upper != nil && c.Lower.Cmp(*c.Upper) > 0 {
			return fmt.Errorf("%w: column %s has lower bound %s above upper bound %s", ErrShape, c.Name, c.Lower, c.Upper)
		}
	}
	for _, r := range p.Rows {
		if r.Lower != nil && r.Upper != nil && r.Lower.Cmp(*r.Upper) > 0 {
			return fmt.Errorf("%w: row %s has lower bound %s above upper bound %s", ErrShape, r.Name, r.Lower, r.Upper)
		}
		last := -1
		for _, t := range r.Terms {
			if t.Column <= last || t.Column >= len(p.Columns) || t.Coeff.Sign() == 0 {
				return fmt.Errorf("%w: row %s has coefficient %s at column %d after column %d of %d",
					ErrShape, r.Name, t.Coeff, t.Column, last, len(p.Columns))
			}
			last = t.Column
		}
	}
	return nil
}
