package bargain

import (
	"math/big"

	"comity/exact"
)

// Enclosure surely holds a value: Low <= value <= High. Both are equal where the value is
// rational and was found.
type Enclosure struct{ Low, High exact.Rat }

func exactly(x exact.Rat) Enclosure { return Enclosure{x, x} }

// Exact tells whether the value is known exactly.
func (e Enclosure) Exact() bool { return e.Low.Cmp(e.High) == 0 }

// Places is how many decimals the bounds of an irrational value have.
const Places = 24

// gapPlaces is how many a gap has, whose square root decides how far bounds lie apart.
const gapPlaces = 2 * Places

func (e Enclosure) outward() Enclosure { return e.shorten(Places) }

// shorten rounds the bounds to decimals, away from one another.
func (e Enclosure) shorten(places int64) Enclosure {
	if e.Exact() {
		return e
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(places), nil)
	scale := exact.FromBig(new(big.Rat).SetInt(unit))
	back := func(n *big.Int) exact.Rat { return exact.FromBig(new(big.Rat).SetFrac(n, unit)) }
	up := e.High.Mul(scale).Neg().Floor()
	return Enclosure{back(e.Low.Mul(scale).Floor()), back(up.Neg(up))}
}

// root encloses the n-th root of x >= 0 with about rootBits significant bits.
func root(x exact.Rat, n int) Enclosure {
	if x.Sign() == 0 || n == 1 {
		return exactly(x)
	}
	const rootBits = 128
	v := x.Big()
	shift := rootBits + max(0, (v.Denom().BitLen()-v.Num().BitLen())/n+1)
	scaled := new(big.Int).Lsh(v.Num(), uint(shift*n))
	whole, rest := scaled.QuoRem(scaled, v.Denom(), new(big.Int))
	low := wholeRoot(whole, n)
	high := new(big.Int).Set(low)
	if rest.Sign() != 0 || new(big.Int).Exp(low, big.NewInt(int64(n)), nil).Cmp(whole) != 0 {
		high.Add(high, big.NewInt(1))
	}
	unit := new(big.Int).Lsh(big.NewInt(1), uint(shift))
	return Enclosure{exact.FromBig(new(big.Rat).SetFrac(low, unit)), exact.FromBig(new(big.Rat).SetFrac(high, unit))}
}

// wholeRoot returns the largest r with r^n <= x, for x >= 0 and n >= 1, by Newton's method
// from above. It begins with halving until a start is within a part in n, where the method
// converges quadratically; before that it would take n steps.
func wholeRoot(x *big.Int, n int) *big.Int {
	if x.Sign() == 0 {
		return new(big.Int)
	}
	degree, below := big.NewInt(int64(n)), big.NewInt(int64(n-1))
	r := new(big.Int).Lsh(big.NewInt(1), uint(x.BitLen()/n+1))
	step := new(big.Int).Rsh(r, 1)
	for range big.NewInt(int64(n)).BitLen() + 1 {
		lower := new(big.Int).Sub(r, step)
		if new(big.Int).Exp(lower, degree, nil).Cmp(x) > 0 {
			r = lower
		}
		step.Rsh(step, 1)
	}
	for {
		next := new(big.Int).Exp(r, below, nil)
		next.Quo(x, next)
		next.Add(next, new(big.Int).Mul(r, below))
		next.Quo(next, degree)
		if next.Cmp(r) >= 0 {
			return r
		}
		r = next
	}
}
