package fairness

import (
	"fmt"
	"math/big"

	"comity/exact"
)

// Interval surely holds a value: Low <= value <= High.
type Interval struct{ Low, High exact.Rat }

// narrow tells whether the width is at most a part in 10^12 of the value.
func (i Interval) narrow() bool {
	const parts = 1_000_000_000_000
	return i.High.Sub(i.Low).Mul(exact.Int(parts)).Cmp(i.Low) <= 0
}

// Precision of the computation in bits: it doubles until the interval is narrow.
const (
	firstBits = 128
	lastBits  = 4096
)

// narrowed computes at rising precision until the interval is narrow.
func narrowed(name string, at func(bits uint) Interval) (Interval, error) {
	for bits := uint(firstBits); bits <= lastBits; bits *= 2 {
		if i := at(bits); i.narrow() {
			return i, nil
		}
	}
	return Interval{}, fmt.Errorf("%s: %w: quantities too near to one another for %d bits", name, ErrInput, lastBits)
}

// span is an enclosure in fixed point: low and high are multiples of 2^-bits.
type span struct {
	low, high *big.Int
	bits      uint
}

// spanOf returns the tightest span around a rational.
func spanOf(x exact.Rat, bits uint) span {
	v := x.Big()
	n := new(big.Int).Lsh(v.Num(), bits)
	low, rest := new(big.Int).DivMod(n, v.Denom(), new(big.Int))
	high := new(big.Int).Set(low)
	if rest.Sign() != 0 {
		high.Add(high, big.NewInt(1))
	}
	return span{low, high, bits}
}

func (s span) interval() Interval {
	unit := new(big.Int).Lsh(big.NewInt(1), s.bits)
	return Interval{exact.FromBig(new(big.Rat).SetFrac(s.low, unit)), exact.FromBig(new(big.Rat).SetFrac(s.high, unit))}
}

func (s span) plus(t span) span {
	return span{new(big.Int).Add(s.low, t.low), new(big.Int).Add(s.high, t.high), s.bits}
}

func (s span) negated() span { return span{new(big.Int).Neg(s.high), new(big.Int).Neg(s.low), s.bits} }

// scaled multiplies by a rational.
func (s span) scaled(x exact.Rat) span {
	num, den := x.Big().Num(), x.Big().Denom()
	a, b := new(big.Int).Mul(s.low, num), new(big.Int).Mul(s.high, num)
	if num.Sign() < 0 {
		a, b = b, a
	}
	return span{floor(a, den), ceil(b, den), s.bits}
}

// floor and ceil divide by a positive number.
func floor(n, d *big.Int) *big.Int { return new(big.Int).Div(n, d) }

func ceil(n, d *big.Int) *big.Int {
	q := new(big.Int).Div(new(big.Int).Neg(n), d)
	return q.Neg(q)
}

// logarithm encloses ln x for x > 0: x = 2^k m with m between 2/3 and 4/3, and
//
//	ln m = 2 artanh t,  t = (m-1)/(m+1),  artanh t = t + t^3/3 + t^5/5 + ...
func logarithm(x exact.Rat, bits uint) span {
	v := x.Big()
	k := v.Num().BitLen() - v.Denom().BitLen()
	m := new(big.Rat).Quo(v, power(k))
	for m.Cmp(big.NewRat(4, 3)) > 0 {
		k++
		m = new(big.Rat).Quo(v, power(k))
	}
	for m.Cmp(big.NewRat(2, 3)) < 0 {
		k--
		m = new(big.Rat).Quo(v, power(k))
	}
	one := big.NewRat(1, 1)
	t := new(big.Rat).Quo(new(big.Rat).Sub(m, one), new(big.Rat).Add(m, one))
	of := artanh(exact.FromBig(t), bits).scaled(exact.Int(2))
	third, _ := exact.Ratio(1, 3) // ln 2 = 2 artanh 1/3.
	return of.plus(artanh(third, bits).scaled(exact.Int(int64(2 * k))))
}

// power returns 2^k.
func power(k int) *big.Rat {
	p := new(big.Int).Lsh(big.NewInt(1), uint(max(k, -k)))
	if k < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), p)
	}
	return new(big.Rat).SetInt(p)
}

// artanh encloses the series for |t| <= 1/2. What is left out after t^n/n is below
// t^(n+2) / (1 - t^2) <= 2 t^(n+2).
func artanh(t exact.Rat, bits uint) span {
	if t.Sign() < 0 {
		return artanh(t.Neg(), bits).negated()
	}
	s := spanOf(t, bits)
	return span{odd(s.low, bits, floor, 0), odd(s.high, bits, ceil, 2), bits}
}

// odd sums t + t^3/3 + ... with one rounding throughout, and adds rest times the first
// power that is left out.
func odd(t *big.Int, bits uint, round func(n, d *big.Int) *big.Int, rest int64) *big.Int {
	unit := new(big.Int).Lsh(big.NewInt(1), bits)
	square := round(new(big.Int).Mul(t, t), unit)
	sum, p := new(big.Int), t
	for n := int64(1); p.BitLen() > 1; n += 2 { // Rounding up never ends at 0, but at 1.
		sum.Add(sum, round(p, big.NewInt(n)))
		p = round(new(big.Int).Mul(p, square), unit)
	}
	return sum.Add(sum, new(big.Int).Mul(p, big.NewInt(rest)))
}

// exponential encloses e^y: y = k ln 2 + r with r between 0 and 3/4, and the series of
// e^r, of which less than twice the first term is left out.
func exponential(y span) span {
	ln2 := logarithm(exact.Int(2), y.bits)
	k := floor(y.low, ln2.high)
	for {
		r := y.plus(ln2.scaled(exact.FromBig(new(big.Rat).SetInt(k))).negated())
		if r.low.Sign() < 0 { // Rounding at the border only.
			k.Sub(k, big.NewInt(1))
			continue
		}
		s := span{series(r.low, y.bits, floor, 0), series(r.high, y.bits, ceil, 2), y.bits}
		return s.scaled(exact.FromBig(power(int(k.Int64()))))
	}
}

// series sums 1 + r + r^2/2 + r^3/6 + ... as odd does.
func series(r *big.Int, bits uint, round func(n, d *big.Int) *big.Int, rest int64) *big.Int {
	unit := new(big.Int).Lsh(big.NewInt(1), bits)
	sum, term := new(big.Int), unit
	for n := int64(1); term.BitLen() > 1; n++ {
		sum.Add(sum, term)
		term = round(round(new(big.Int).Mul(term, r), unit), big.NewInt(n))
	}
	return sum.Add(sum, new(big.Int).Mul(term, big.NewInt(rest)))
}

// root encloses the square root of x >= 0.
func root(x exact.Rat, bits uint) span {
	s := spanOf(x, 2*bits)
	high := new(big.Int).Sqrt(s.high)
	if new(big.Int).Mul(high, high).Cmp(s.high) < 0 {
		high.Add(high, big.NewInt(1))
	}
	return span{new(big.Int).Sqrt(s.low), high, bits}
}
