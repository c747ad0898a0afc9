package certificate

import (
	"fmt"
	"math/big"

	"comity"
	"comity/canon"
	"comity/exact"
)

// Bound returns a value, in scaled cost, that no feasible allocation exceeds. For
// row prices Y, scaled by 2^20:
//
//	U(Y) = Σ Yᵢ·bᵢ + Σ max(Dⱼ·lowerⱼ, Dⱼ·upperⱼ)    D = 2^20·cost - A'Y
//
// where bᵢ is the row's upper bound if Yᵢ > 0 and its lower bound if Yᵢ < 0. Weak
// duality: cost'x = Y'Ax + (cost-A'Y)'x, and each term is at most what is summed.
// A price towards a bound that the row does not have proves nothing: ErrBound.
func Bound(p comity.Problem, duals []canon.Int) (exact.Rat, error) {
	if err := CheckShape(p); err != nil {
		return exact.Rat{}, err
	}
	u, err := weigh(p, duals, true)
	if err != nil {
		return exact.Rat{}, err
	}
	return exact.FromBig(new(big.Rat).SetFrac(u, new(big.Int).Lsh(big.NewInt(1), PriceBits))), nil
}

// CheckInfeasible accepts a ray only if it proves that no units obey every bound and
// row: with all costs zero any feasible allocation is worth zero, and the ray's bound
// lies below that (Farkas' lemma).
func CheckInfeasible(p comity.Problem, ray []canon.Int) error {
	if err := CheckShape(p); err != nil {
		return err
	}
	u, err := weigh(p, ray, false)
	if err != nil {
		return err
	}
	if u.Sign() >= 0 {
		return fmt.Errorf("%w: the ray's bound is %s and must be below 0", ErrRay, u)
	}
	return nil
}

// weigh returns U(Y), times 2^20; without costs they count as zero.
func weigh(p comity.Problem, prices []canon.Int, costs bool) (*big.Int, error) {
	if len(prices) != len(p.Rows) {
		return nil, fmt.Errorf("%w: %d prices for %d rows", ErrShape, len(prices), len(p.Rows))
	}
	u, t := new(big.Int), new(big.Int)
	reduced := make([]big.Int, len(p.Columns))
	if costs {
		for j, c := range p.Columns {
			reduced[j].Lsh(t.SetInt64(int64(c.Cost)), PriceBits)
		}
	}
	for i, r := range p.Rows {
		y := int64(prices[i])
		if y == 0 {
			continue
		}
		bound := r.Upper
		if y < 0 {
			bound = r.Lower
		}
		if bound == nil {
			return nil, fmt.Errorf("%w: row %s has price %d towards a bound that it does not have", ErrBound, r.ID, y)
		}
		u.Add(u, product(t, y, int64(*bound)))
		for _, term := range r.Terms {
			reduced[term.Column].Sub(&reduced[term.Column], product(t, int64(term.Coeff), y))
		}
	}
	for j, c := range p.Columns {
		end := c.Upper
		if reduced[j].Sign() < 0 {
			end = c.Lower
		}
		u.Add(u, t.Mul(&reduced[j], big.NewInt(int64(end))))
	}
	return u, nil
}
