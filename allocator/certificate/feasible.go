package certificate

import (
	"fmt"
	"math/big"
	"slices"

	"comity"
	"comity/exact"
	"comity/quantity"
)

// Feasible accepts units that obey every bound, row and limit of the problem.
func Feasible(p comity.Problem, units []quantity.Amount) error {
	if err := CheckShape(p); err != nil {
		return err
	}
	if len(units) != len(p.Columns) {
		return fmt.Errorf("%w: %d units for %d columns", ErrShape, len(units), len(p.Columns))
	}
	for j, c := range p.Columns {
		if units[j] < c.Lower || units[j] > c.Upper {
			return fmt.Errorf("%w: column %s gets %d, allowed is %d to %d", ErrPrimal, c.ID, units[j], c.Lower, c.Upper)
		}
	}
	for _, r := range p.Rows {
		var reached sum
		for _, term := range r.Terms {
			reached.add(int64(term.Coeff), int64(units[term.Column]))
		}
		if r.Lower != nil && reached.compare(int64(*r.Lower)) < 0 {
			return fmt.Errorf("%w: row %s of clause %s is %s, at least %d is required", ErrPrimal, r.ID, r.Clause, reached.value(), *r.Lower)
		}
		if r.Upper != nil && reached.compare(int64(*r.Upper)) > 0 {
			return fmt.Errorf("%w: row %s of clause %s is %s, at most %d is allowed", ErrPrimal, r.ID, r.Clause, reached.value(), *r.Upper)
		}
	}
	if len(p.Limits) == 0 {
		return nil
	}
	shares, err := Shares(p, units)
	if err != nil {
		return err
	}
	for _, l := range p.Limits {
		if index, ok := obeys(l, shares); !ok {
			return fmt.Errorf("%w: the %s index of limit %s of clause %s is %s, allowed is %s", ErrPrimal, l.Kind, l.ID, l.Clause, index, l.Bound)
		}
	}
	return nil
}

// obeys computes the index of a limit. Where nothing is served there is no inequality.
//
//	gini  Σ(2i-n-1)·uᵢ / (n·Σu), u ascending, i from 1
//	jain  (Σu)² / (n·Σu²)
//
// Sources: Gini, "Variabilità e mutabilità" (1912), in the form of Sen, "On Economic
// Inequality" (1973), section 2.3; Jain, Chiu and Hawe, DEC-TR-301 (1984), equation 1.
func obeys(l comity.Limit, shares []comity.Share) (index exact.Rat, ok bool) {
	served := make([]*big.Rat, len(shares))
	sum := new(big.Rat)
	for k, s := range shares {
		served[k] = big.NewRat(int64(s.Amount), int64(l.Per[k]))
		sum.Add(sum, served[k])
	}
	if sum.Sign() == 0 {
		return exact.Int(0), true
	}
	n := int64(len(served))
	top, bottom := new(big.Rat), new(big.Rat)
	if l.Kind == LimitJain {
		top.Mul(sum, sum)
		for _, u := range served {
			bottom.Add(bottom, new(big.Rat).Mul(u, u))
		}
	} else {
		slices.SortFunc(served, (*big.Rat).Cmp)
		for k, u := range served {
			top.Add(top, new(big.Rat).Mul(u, big.NewRat(2*int64(k)+1-n, 1)))
		}
		bottom.Set(sum)
	}
	bottom.Mul(bottom, big.NewRat(n, 1))
	index = exact.FromBig(top.Quo(top, bottom))
	if l.Kind == LimitJain {
		return index, index.Cmp(l.Bound) >= 0
	}
	return index, index.Cmp(l.Bound) <= 0
}
