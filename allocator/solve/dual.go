package solve

import (
	"math"
	"math/big"
	"slices"

	"comity/allocator/certificate"
	"comity/canon"
	"comity/exact"
)

// dual is what proves a bound: prices of the form's rows and cuts.
type dual struct {
	rows, cuts []int64
	bound      *big.Int
}

// bound returns the bound that a dual proves, times 2^certificate.PriceBits.
func (v *prover) bound(d dual, objective []big.Int) *big.Int {
	return v.boundOn(v.open(), d, objective)
}

// boundOn is bound over the box of a face.
func (v *prover) boundOn(fc *face, d dual, objective []big.Int) *big.Int {
	reduced := v.reduced(objective, d.rows, certificate.PriceBits)
	t := new(big.Int)
	for i, y := range d.cuts {
		if y == 0 {
			continue
		}
		for k, members := range v.members {
			t.Mul(v.cuts[i].exact[k], big.NewInt(y))
			t.Rsh(t, cutBits) // Down, as package certificate does.
			for _, j := range members {
				reduced[j].Sub(&reduced[j], t)
			}
		}
	}
	return fc.above(reduced, d.rows)
}

// lift returns a proof on everything: that on the face, and as much of the anchor as no
// column and no row of it can outweigh. Where numbers of 64 bits do not hold as much, what
// is returned proves less. Whole proofs stay whole.
func (v *prover) lift(d dual, objective []big.Int, bits uint, whole bool) dual {
	d.cuts = append(slices.Clone(d.cuts), make([]int64, len(v.cuts)-len(d.cuts))...)
	if v.anchor == nil {
		return dual{rows: v.signed(d.rows), cuts: d.cuts}
	}
	own := v.reduced(v.anchor.costs, v.anchor.prices, certificate.PriceBits)
	here := v.reduced(objective, d.rows, bits)
	factor := new(big.Int) // Times 2^bits.
	raise := func(have, by *big.Int) {
		// have·2^PriceBits + factor·by must not have another sign than by.
		if have.Sign()*by.Sign() >= 0 {
			return
		}
		need := new(big.Int).Lsh(have, certificate.PriceBits)
		need.Neg(need)
		rest := new(big.Int)
		if need.QuoRem(need, by, rest); rest.Sign() != 0 {
			need.Add(need, big.NewInt(1))
		}
		if need.Cmp(factor) > 0 {
			factor.Set(need)
		}
	}
	for j, c := range v.columns {
		if c.lower < c.upper {
			raise(&here[j], &own[j])
		}
	}
	for i, y := range v.anchor.prices {
		if y != 0 {
			raise(big.NewInt(d.rows[i]), big.NewInt(y))
		}
	}
	if whole && factor.Sign() > 0 {
		one := new(big.Int).Lsh(big.NewInt(1), bits)
		factor.Add(factor, new(big.Int).Sub(one, big.NewInt(1)))
		factor.Lsh(factor.Rsh(factor, bits), bits)
	}
	if most := v.anchor.most(); factor.Cmp(most) > 0 {
		factor.Set(most)
	}
	return v.plus(d, v.anchor, factor)
}

// most returns how much of an anchor fits into 64 bits.
func (a *anchor) most() *big.Int {
	most, room := big.NewInt(maxPrice), new(big.Int)
	for _, y := range a.prices {
		if y == 0 {
			continue
		}
		room.Lsh(big.NewInt(maxPrice), certificate.PriceBits)
		if room.Quo(room, big.NewInt(y)); room.CmpAbs(most) < 0 {
			most.Abs(room)
		}
	}
	return most
}

// plus adds so much of an anchor to a dual of the rows before its floor and, if there are
// any, later ones.
func (v *prover) plus(d dual, a *anchor, factor *big.Int) dual {
	sum := dual{rows: slices.Clone(d.rows), cuts: d.cuts}
	t, half := new(big.Int), big.NewInt(1<<(certificate.PriceBits-1))
	for i, y := range a.prices {
		t.Mul(factor, big.NewInt(y))
		t.Rsh(t.Add(t, half), certificate.PriceBits)
		if t.Add(t, big.NewInt(d.rows[i])); t.IsInt64() {
			sum.rows[i] = t.Int64()
		}
	}
	sum.rows[len(a.prices)] -= factor.Int64()
	sum.rows = v.signed(sum.rows)
	return sum
}

// signed leaves out prices towards bounds that rows do not have: they prove nothing.
func (v *prover) signed(prices []int64) []int64 {
	for i, r := range v.rows {
		if prices[i] > 0 && r.upper == nil || prices[i] < 0 && r.lower == nil {
			prices[i] = 0
		}
	}
	return prices
}

// fixed returns x·2^bits as a whole number, 0 if that is none and at most maxPrice.
func fixed(x float64, bits int) int64 {
	v := math.Round(math.Ldexp(x, bits))
	switch {
	case math.IsNaN(v):
		return 0
	case math.Abs(v) > maxPrice/2: // The next power of two: floats above round to it.
		return int64(math.Copysign(maxPrice/2, v))
	default:
		return int64(v)
	}
}

func canonInt(x int64) canon.Int { return canon.Int(x) }

func exactInt(x *big.Int) exact.Rat { return exact.FromBig(new(big.Rat).SetInt(x)) }

func exactRat(x *big.Rat) exact.Rat { return exact.FromBig(x) }
