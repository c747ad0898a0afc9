// Package certificate checks, in whole numbers, that an allocation obeys every row
// of its problem and that no feasible allocation is better by more than a stated gap.
//
// It knows no solver: prices that come from anywhere, even wrong ones, give a valid
// bound by weak duality, and the gap shows how good they were. The bytes and the
// proof are in docs/format/certificate.md.
package certificate

import (
	"errors"
	"fmt"
	"math/big"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/quantity"
)

// PriceBits is the binary fraction of prices: a dual is a row's price times 2^20.
// Twenty bits certified a problem of 48,012 columns to 2 parts in a million.
const PriceBits = 20

// ErrInvalid is what every refusal of this package wraps: there is no valid proof.
var ErrInvalid = errors.New("certificate is not valid")

var (
	// ErrShape says that problem, units or prices do not fit together.
	ErrShape = fmt.Errorf("%w: malformed", ErrInvalid)
	// ErrPrimal says that the units break a bound or a row.
	ErrPrimal = fmt.Errorf("%w: units break a rule", ErrInvalid)
	// ErrObjective says that the stated objective is not that of the units.
	ErrObjective = fmt.Errorf("%w: objective", ErrInvalid)
	// ErrBound says that the prices prove no bound, or another one than stated.
	ErrBound = fmt.Errorf("%w: bound", ErrInvalid)
	// ErrGap says that the gap is misstated or larger than the charter allows.
	ErrGap = fmt.Errorf("%w: gap", ErrInvalid)
	// ErrRay says that a ray does not prove that nothing is feasible.
	ErrRay = fmt.Errorf("%w: infeasibility is not proved", ErrInvalid)
)

// Check accepts units and their certificate only if the units lie in every bound and
// row of the problem, and objective, bound and gap are exactly what units and prices
// give, and the gap is at most maxGap times the bound's absolute value.
func Check(p comity.Problem, units []quantity.Amount, cert comity.Certificate, maxGap exact.Rat) error {
	want, err := State(p, units, cert.Duals)
	if err != nil {
		return err
	}
	for _, stated := range []struct {
		name      string
		got, want exact.Rat
		wrong     error
	}{
		{"objective", cert.Objective, want.Objective, ErrObjective},
		{"bound", cert.Bound, want.Bound, ErrBound},
		{"gap", cert.Gap, want.Gap, ErrGap},
	} {
		if stated.got.Cmp(stated.want) != 0 {
			return fmt.Errorf("%w: %s is stated as %s and computed as %s; ask for the certificate again",
				stated.wrong, stated.name, stated.got, stated.want)
		}
	}
	allowed := maxGap.Mul(magnitude(want.Bound))
	if want.Gap.Cmp(allowed) > 0 {
		return fmt.Errorf("%w: %s exceeds %s, which is %s of the bound %s; solve again with better prices",
			ErrGap, want.Gap, allowed, maxGap, want.Bound)
	}
	return nil
}

// State computes the certificate that these units and prices give. The units must
// obey every bound and row.
func State(p comity.Problem, units []quantity.Amount, duals []canon.Int) (comity.Certificate, error) {
	objective, err := Objective(p, units)
	if err != nil {
		return comity.Certificate{}, err
	}
	bound, err := Bound(p, duals)
	if err != nil {
		return comity.Certificate{}, err
	}
	return comity.Certificate{Duals: duals, Objective: objective, Bound: bound, Gap: bound.Sub(objective)}, nil
}

// Objective checks units against every bound and row and returns their worth in
// scaled cost.
func Objective(p comity.Problem, units []quantity.Amount) (exact.Rat, error) {
	if err := CheckShape(p); err != nil {
		return exact.Rat{}, err
	}
	if len(units) != len(p.Columns) {
		return exact.Rat{}, fmt.Errorf("%w: %d units for %d columns", ErrShape, len(units), len(p.Columns))
	}
	worth, t := new(big.Int), new(big.Int)
	for j, c := range p.Columns {
		if units[j] < c.Lower || units[j] > c.Upper {
			return exact.Rat{}, fmt.Errorf("%w: column %s gets %d, allowed is %d to %d", ErrPrimal, c.ID, units[j], c.Lower, c.Upper)
		}
		worth.Add(worth, product(t, int64(c.Cost), int64(units[j])))
	}
	for _, r := range p.Rows {
		sum := new(big.Int)
		for _, term := range r.Terms {
			sum.Add(sum, product(t, int64(term.Coeff), int64(units[term.Column])))
		}
		if r.Lower != nil && sum.Cmp(t.SetInt64(int64(*r.Lower))) < 0 {
			return exact.Rat{}, fmt.Errorf("%w: row %s of clause %s is %s, at least %d is required", ErrPrimal, r.ID, r.Clause, sum, *r.Lower)
		}
		if r.Upper != nil && sum.Cmp(t.SetInt64(int64(*r.Upper))) > 0 {
			return exact.Rat{}, fmt.Errorf("%w: row %s of clause %s is %s, at most %d is allowed", ErrPrimal, r.ID, r.Clause, sum, *r.Upper)
		}
	}
	return whole(worth), nil
}

// Shares sums units by party, in the order of the problem's needs. Columns of a
// party without a need are an ErrShape: nobody could tell whether it got too little.
func Shares(p comity.Problem, units []quantity.Amount) ([]comity.Share, error) {
	if err := CheckShape(p); err != nil {
		return nil, err
	}
	if len(units) != len(p.Columns) {
		return nil, fmt.Errorf("%w: %d units for %d columns", ErrShape, len(units), len(p.Columns))
	}
	shares := make([]comity.Share, len(p.Needs))
	for k, n := range p.Needs {
		shares[k].Party = n.Party
	}
	for j, c := range p.Columns {
		k, ok := findNeed(p.Needs, c.Party)
		if !ok {
			return nil, fmt.Errorf("%w: column %s is of party %s, which has no need", ErrShape, c.ID, c.Party)
		}
		sum, err := shares[k].Amount.Add(units[j])
		if err != nil {
			return nil, fmt.Errorf("%w: share of %s: %w", ErrShape, c.Party, err)
		}
		shares[k].Amount = sum
	}
	return shares, nil
}

func magnitude(x exact.Rat) exact.Rat {
	if x.Sign() < 0 {
		return x.Neg()
	}
	return x
}

func product(t *big.Int, a, b int64) *big.Int { return t.Mul(t.SetInt64(a), big.NewInt(b)) }

func whole(x *big.Int) exact.Rat { return exact.FromBig(new(big.Rat).SetInt(x)) }
