package linear

import (
	"fmt"
	"math/big"

	"comity/exact"
)

// Objective checks a point against every bound, row and wholeness and returns its
// objective with the constant.
func Objective(p Programme, point Vector) (*big.Rat, error) {
	if err := CheckShape(p); err != nil {
		return nil, err
	}
	if err := point.check("point", len(p.Columns)); err != nil {
		return nil, err
	}
	worth := new(big.Rat)
	for j, c := range p.Columns {
		x := new(big.Rat).SetInt(point.Numerators[j].big())
		if err := point.within("column", c.Name, x, c.Lower, c.Upper); err != nil {
			return nil, err
		}
		if c.Integer && !point.At(j).IsInt() {
			return nil, fmt.Errorf("%w: column %s is %.60s and must be whole", ErrPrimal, c.Name, point.At(j).RatString())
		}
		worth.Add(worth, x.Mul(x, c.Cost.Big()))
	}
	for _, r := range p.Rows {
		sum := new(big.Rat)
		for _, t := range r.Terms {
			x := new(big.Rat).SetInt(point.Numerators[t.Column].big())
			sum.Add(sum, x.Mul(x, t.Coeff.Big()))
		}
		if err := point.within("row", r.Name, sum, r.Lower, r.Upper); err != nil {
			return nil, err
		}
	}
	worth.Quo(worth, new(big.Rat).SetInt(point.Denominator.big()))
	return worth.Add(worth, p.Constant.Big()), nil
}

// within compares value, a multiple of the denominator, with two bounds.
func (v Vector) within(kind, name string, value *big.Rat, lower, upper *exact.Rat) error {
	for _, end := range []struct {
		bound *exact.Rat
		word  string
		sign  int
	}{{lower, "at least", -1}, {upper, "at most", 1}} {
		if end.bound == nil {
			continue
		}
		allowed := new(big.Rat).SetInt(v.Denominator.big())
		if allowed.Mul(allowed, end.bound.Big()); value.Cmp(allowed) == end.sign {
			got := new(big.Rat).Quo(value, new(big.Rat).SetInt(v.Denominator.big()))
			return fmt.Errorf("%w: %s %s is %.60s, allowed is %s %s", ErrPrimal, kind, name, got.RatString(), end.word, end.bound)
		}
	}
	return nil
}

// Bound returns a value that no feasible point passes: an upper one if the programme
// maximises, else a lower one. With s = 1 or -1 and prices y:
//
//	U(y) = Σ yᵢ·bᵢ + Σ Dⱼ·eⱼ    D = s·cost - A'y    bound = constant + s·U(y)
//
// bᵢ is the row's upper bound if yᵢ > 0 and its lower bound if yᵢ < 0, eⱼ the column's
// upper bound if Dⱼ > 0 and its lower bound if Dⱼ < 0. Weak duality makes it valid for
// any y for which those bounds exist; otherwise ErrDual.
func Bound(p Programme, prices Vector) (*big.Rat, error) {
	u, err := weigh(p, prices, true)
	if err != nil {
		return nil, err
	}
	if !p.Maximise {
		u.Neg(u)
	}
	return u.Add(u, p.Constant.Big()), nil
}

// weigh returns U(y); without costs they count as zero.
func weigh(p Programme, prices Vector, costs bool) (*big.Rat, error) {
	if err := CheckShape(p); err != nil {
		return nil, err
	}
	if err := prices.check("prices", len(p.Rows)); err != nil {
		return nil, err
	}
	scale := new(big.Rat).SetInt(prices.Denominator.big())
	reduced := make([]*big.Rat, len(p.Columns))
	for j, c := range p.Columns {
		reduced[j] = new(big.Rat)
		if costs {
			reduced[j].Mul(scale, c.Cost.Big())
		}
		if !p.Maximise {
			reduced[j].Neg(reduced[j])
		}
	}
	u, product := new(big.Rat), new(big.Rat)
	for i, r := range p.Rows {
		y := new(big.Rat).SetInt(prices.Numerators[i].big())
		end, err := towards("row", r.Name, y, r.Lower, r.Upper)
		if err != nil {
			return nil, err
		}
		u.Add(u, end)
		if y.Sign() == 0 {
			continue
		}
		for _, t := range r.Terms {
			reduced[t.Column].Sub(reduced[t.Column], product.Mul(y, t.Coeff.Big()))
		}
	}
	for j, c := range p.Columns {
		end, err := towards("column", c.Name, reduced[j], c.Lower, c.Upper)
		if err != nil {
			return nil, err
		}
		u.Add(u, end)
	}
	return u.Quo(u, scale), nil
}

// towards returns the most that price times any value between the bounds can be.
func towards(kind, name string, price *big.Rat, lower, upper *exact.Rat) (*big.Rat, error) {
	end, side := upper, "upper"
	if price.Sign() < 0 {
		end, side = lower, "lower"
	}
	switch {
	case price.Sign() == 0:
		return new(big.Rat), nil
	case end == nil:
		return nil, fmt.Errorf("%w: %s %s has a price towards its %s bound, which it does not have", ErrDual, kind, name, side)
	}
	return new(big.Rat).Mul(price, end.Big()), nil
}

// Cone returns the programme of the directions that can be followed without end: every
// bound becomes zero, no column need be whole, the constant is left out.
func (p Programme) Cone() Programme {
	cone := Programme{Name: p.Name, Maximise: p.Maximise, Columns: make([]Column, len(p.Columns)), Rows: make([]Row, len(p.Rows))}
	for j, c := range p.Columns {
		cone.Columns[j] = Column{Name: c.Name, Cost: c.Cost, Lower: zeroAt(c.Lower), Upper: zeroAt(c.Upper)}
	}
	for i, r := range p.Rows {
		cone.Rows[i] = Row{Name: r.Name, Lower: zeroAt(r.Lower), Upper: zeroAt(r.Upper), Terms: r.Terms}
	}
	return cone
}

func zeroAt(bound *exact.Rat) *exact.Rat {
	if bound == nil {
		return nil
	}
	return new(exact.Rat)
}
