// Package enclosure bounds exponentials, logarithms and square roots of rational numbers
// by rationals from both sides, so that what must not be understated can be rounded up
// for certain.
//
// Arguments come from checked records: an exponent above 2^20 would take memory in
// proportion. Every function takes a precision in bits and returns bounds that lie a few units of
// 2^-bits apart, or one unit where a value is exact.
package enclosure

import (
	"math/big"

	"comity/exact"
)

// Bounds enclose a real number: Low <= it <= High.
type Bounds struct{ Low, High exact.Rat }

// guard is how many bits are computed beyond those that are asked for. An exponential
// loses one for each squaring, at most 8 and the logarithm of its argument (below 2^24
// here), and a few to rounded terms.
const guard = 64

// reduction is how far an exponential's argument is halved: below 2^-8 its series needs
// one term for every eight bits at least.
const reduction = 8

// Exp encloses e^x. Below 1 the bounds lie at most 2^(1-bits) apart; above 1 that holds
// for their inverses.
func Exp(x exact.Rat, bits uint) Bounds {
	if x.Sign() <= 0 {
		low, high := decay(x.Neg().Big(), bits)
		return Bounds{ratio(low, bits), ratio(high, bits)}
	}
	// The inverse must not be enclosed by 0: e^-x > 2^-(2x) >= 2^-(2·ceil x).
	bits += 2*uint(ceil(x.Big()).Uint64()) + 2
	low, high := decay(x.Big(), bits)
	return Bounds{inverse(high, bits), inverse(low, bits)}
}

// decay encloses e^-x for x >= 0 in units of 2^-bits.
func decay(x *big.Rat, bits uint) (low, high *big.Int) {
	one := new(big.Int).Lsh(big.NewInt(1), bits)
	switch {
	case x.Sign() == 0:
		return one, one
	case x.Cmp(new(big.Rat).SetUint64(uint64(bits))) >= 0: // e^-bits < 2^-bits.
		return new(big.Int), big.NewInt(1)
	}
	halvings := uint(new(big.Int).Quo(x.Num(), x.Denom()).BitLen()) + reduction
	w := bits + guard
	// r = x / 2^halvings in units of 2^-w, rounded down; the true value is below r + 1.
	r := new(big.Int).Lsh(x.Num(), w)
	r.Quo(r, new(big.Int).Lsh(x.Denom(), halvings))
	low, high = series(r, w)
	for range halvings {
		low = low.Rsh(low.Mul(low, low), w)
		high = up(high.Mul(high, high), w)
	}
	return low.Rsh(low, guard), up(high, guard)
}

// series encloses e^-y for every y in [r, r+1] units of 2^-w, where r < 2^(w-8), by the
// alternating series of the exponential: what is left out is smaller than its first term.
func series(r *big.Int, w uint) (low, high *big.Int) {
	sum := new(big.Int).Lsh(big.NewInt(1), w)
	term := new(big.Int).Set(sum)
	n := int64(1)
	for ; term.Sign() > 0; n++ {
		term.Rsh(term.Mul(term, r), w)
		term.Quo(term, big.NewInt(n))
		if n%2 == 1 {
			sum.Sub(sum, term)
		} else {
			sum.Add(sum, term)
		}
	}
	// A term is wrong by less than two units of its own rounding, the last one and all
	// behind it by two, and r itself by one.
	slack := big.NewInt(2*n + 3)
	return new(big.Int).Sub(sum, slack), new(big.Int).Add(sum, slack)
}

// Log encloses the natural logarithm of x > 0, at most 2^(2-bits) apart.
func Log(x exact.Rat, bits uint) Bounds {
	b := x.Big()
	shift := b.Num().BitLen() - b.Denom().BitLen()
	// m = x / 2^shift lies in (1/2, 2); ln x = ln m + shift · ln 2.
	m := new(big.Rat).SetFrac(shiftBy(b.Num(), -shift), shiftBy(b.Denom(), shift))
	low, high := logNearOne(m, bits)
	lowTwo, highTwo := logNearOne(big.NewRat(2, 1), bits)
	s := big.NewInt(int64(shift))
	if shift < 0 {
		lowTwo, highTwo = highTwo, lowTwo
	}
	low.Add(low, lowTwo.Mul(lowTwo, s))
	high.Add(high, highTwo.Mul(highTwo, s))
	return Bounds{ratio(low.Rsh(low, guard), bits), ratio(up(high, guard), bits)}
}

// logNearOne encloses ln m for m in [1/2, 2] in units of 2^-(bits+guard), as
// 2·artanh((m-1)/(m+1)), whose argument is at most 1/3 in size.
func logNearOne(m *big.Rat, bits uint) (low, high *big.Int) {
	w := bits + guard
	one := big.NewRat(1, 1)
	z := new(big.Rat).Quo(new(big.Rat).Sub(m, one), new(big.Rat).Add(m, one))
	negative := z.Sign() < 0
	z.Abs(z)
	y := new(big.Int).Lsh(z.Num(), w)
	y.Quo(y, z.Denom())
	square := new(big.Int).Rsh(new(big.Int).Mul(y, y), w)
	sum, power := new(big.Int).Set(y), new(big.Int).Set(y)
	n := int64(3)
	for ; power.Sign() > 0; n += 2 {
		power.Rsh(power.Mul(power, square), w)
		sum.Add(sum, new(big.Int).Quo(power, big.NewInt(n)))
	}
	// All was rounded down: each term by less than three units, y by one, and what is
	// left out is below the last unit, as terms shrink ninefold.
	low, high = new(big.Int).Lsh(sum, 1), new(big.Int).Add(sum, big.NewInt(3*n+3))
	high.Lsh(high, 1)
	if negative {
		return high.Neg(high), low.Neg(low)
	}
	return low, high
}

// Sqrt encloses the square root of x >= 0, at most 2^(1-bits) apart.
func Sqrt(x exact.Rat, bits uint) Bounds {
	b := x.Big()
	n := new(big.Int).Lsh(b.Num(), 2*bits)
	whole, rest := n.QuoRem(n, b.Denom(), new(big.Int))
	low := new(big.Int).Sqrt(whole)
	high := new(big.Int).Set(low)
	if rest.Sign() > 0 || new(big.Int).Mul(low, low).Cmp(whole) < 0 {
		high.Add(high, big.NewInt(1))
	}
	return Bounds{ratio(low, bits), ratio(high, bits)}
}

// RoundUp returns the smallest number not below x >= 0 with few binary digits, at most digits:
// long fractions become short ones that charge no less.
func RoundUp(x exact.Rat, digits uint) exact.Rat {
	if x.Sign() <= 0 {
		return exact.Rat{}
	}
	b := x.Big()
	// x lies between 2^(length-1) and 2^(length+1), so x·2^scale is below 2^digits.
	length := b.Num().BitLen() - b.Denom().BitLen()
	scale := int(digits) - length - 1
	n := new(big.Rat).SetFrac(shiftBy(b.Num(), scale), shiftBy(b.Denom(), -scale))
	c := ceil(n)
	return exact.FromBig(new(big.Rat).SetFrac(shiftBy(c, -scale), shiftBy(big.NewInt(1), scale)))
}

// Ceil returns the smallest multiple of 1/unit that is not below x.
func Ceil(x exact.Rat, unit *big.Int) exact.Rat {
	n := new(big.Rat).Mul(x.Big(), new(big.Rat).SetInt(unit))
	return exact.FromBig(new(big.Rat).SetFrac(ceil(n), unit))
}

// ceil returns the smallest whole number not below x.
func ceil(x *big.Rat) *big.Int {
	n := new(big.Int).Neg(x.Num())
	n.Div(n, x.Denom()) // Div rounds down for positive divisors.
	return n.Neg(n)
}

// shiftBy returns x·2^n, or x where n is negative: the other side of a ratio is then
// shifted instead.
func shiftBy(x *big.Int, n int) *big.Int {
	if n <= 0 {
		return new(big.Int).Set(x)
	}
	return new(big.Int).Lsh(x, uint(n))
}

// up returns x / 2^n rounded up.
func up(x *big.Int, n uint) *big.Int {
	x.Neg(x)
	x.Rsh(x, n)
	return x.Neg(x)
}

// ratio returns n / 2^bits.
func ratio(n *big.Int, bits uint) exact.Rat {
	return exact.FromBig(new(big.Rat).SetFrac(n, new(big.Int).Lsh(big.NewInt(1), bits)))
}

// inverse returns 2^bits / n.
func inverse(n *big.Int, bits uint) exact.Rat {
	return exact.FromBig(new(big.Rat).SetFrac(new(big.Int).Lsh(big.NewInt(1), bits), n))
}
