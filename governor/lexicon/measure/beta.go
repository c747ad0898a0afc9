package measure

import (
	"errors"
	"fmt"
	"math/big"

	"comity/exact"
	"comity/verifier/privacy/enclosure"
)

// Precision in bits: of the shapes a and b, of the quantile, of the sums of the series
// and of their logarithms.
const (
	shapeBits    = 128
	quantileBits = 48
	sumBits      = 160
	logBits      = 128
)

// maxShape bounds a+b, with which the number of terms grows.
const maxShape = 2_000

var errQuantile = errors.New("quantile cannot be enclosed")

// beta is a beta distribution. With
//
//	S(x; a, b) = sum over n >= 0 of x^n (a+b)_n / (a+1)_n
//
// its distribution function is I_x(a, b) = x^a (1-x)^b S(x; a, b) / (a B) and its
// complement x^a (1-x)^b S(1-x; b, a) / (b B) (DLMF 8.17.8 and 8.17.4). At x = 1/2 the
// two add up to 1, which gives B without a gamma function.
type beta struct {
	a, b  *big.Int         // In units of 2^-shapeBits.
	scale enclosure.Bounds // Of ln B.
}

// newBeta takes shapes above 0, in units of 2^-shapeBits, that add up to at most maxShape.
func newBeta(a, b *big.Int) (beta, error) {
	sum := part(new(big.Int).Add(a, b), shapeBits)
	if a.Sign() <= 0 || b.Sign() <= 0 || sum.Cmp(exact.Int(maxShape)) > 0 {
		return beta{}, fmt.Errorf("%w: commitments in effect are %s, want at most %d and above 0 of each kind", errQuantile, decimal(sum, 1), maxShape)
	}
	half := new(big.Int).Lsh(big.NewInt(1), quantileBits-1)
	below, above := weigh(a, b, half), weigh(b, a, half)
	total := enclosure.Bounds{
		Low:  enclosure.Log(below.Low.Add(above.Low), logBits).Low,
		High: enclosure.Log(below.High.Add(above.High), logBits).High,
	}
	return beta{a, b, plus(total, times(enclosure.Log(part(half, quantileBits), logBits), sum))}, nil
}

// weigh encloses S(x; a, b) / a.
func weigh(a, b, x *big.Int) enclosure.Bounds {
	low, high := terms(a, b, x)
	by, _ := exact.Int(1).Quo(part(a, shapeBits)) // Above 0.
	return enclosure.Bounds{Low: part(low, sumBits).Mul(by), High: part(high, sumBits).Mul(by)}
}

// quantile encloses the x for which I_x(a, b) = p, for p between 0 and 1, by halving: a
// step is taken only where it is certain on which side of the middle x lies.
func (d beta) quantile(p exact.Rat) (enclosure.Bounds, error) {
	one := big.NewInt(1)
	low, high := new(big.Int), new(big.Int).Lsh(one, quantileBits)
	for new(big.Int).Sub(high, low).Cmp(one) > 0 {
		middle := new(big.Int).Add(low, high)
		middle.Rsh(middle, 1)
		switch d.side(middle, p) {
		case -1:
			low = middle
		case 1:
			high = middle
		default: // So near to the quantile that only the neighbours are certain.
			low, high = new(big.Int).Sub(middle, one), new(big.Int).Add(middle, one)
			if d.side(low, p) >= 0 || d.side(high, p) <= 0 {
				return enclosure.Bounds{}, fmt.Errorf("%w: %d bits do not tell where it lies", errQuantile, logBits)
			}
			return enclosure.Bounds{Low: part(low, quantileBits), High: part(high, quantileBits)}, nil
		}
	}
	return enclosure.Bounds{Low: part(low, quantileBits), High: part(high, quantileBits)}, nil
}

// side says whether surely I_x < p (-1) or surely I_x > p (1), or neither (0), for x in
// units of 2^-quantileBits. It compares logarithms, of I_x below 1/2 and of its complement
// above, where the series converges at least as 2^-n.
func (d beta) side(x *big.Int, p exact.Rat) int {
	rest := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), quantileBits), x)
	if x.Sign() <= 0 || rest.Sign() <= 0 {
		return x.Cmp(rest)
	}
	powers := plus(times(enclosure.Log(part(x, quantileBits), logBits), part(d.a, shapeBits)),
		times(enclosure.Log(part(rest, quantileBits), logBits), part(d.b, shapeBits)))
	share, sign := p, 1
	a, b, at := d.a, d.b, x
	if x.Cmp(rest) > 0 {
		share, sign = exact.Int(1).Sub(p), -1
		a, b, at = d.b, d.a, rest
	}
	s := weigh(a, b, at)
	left := plus(powers, enclosure.Bounds{Low: enclosure.Log(s.Low, logBits).Low, High: enclosure.Log(s.High, logBits).High})
	right := plus(d.scale, enclosure.Log(share, logBits))
	switch {
	case left.High.Cmp(right.Low) < 0:
		return -sign
	case left.Low.Cmp(right.High) > 0:
		return sign
	}
	return 0
}

// terms encloses S(x; a, b) in units of 2^-sumBits, for x of at most 1/2. The ratio of a
// term to the one before, x (a+b+n)/(a+1+n), moves steadily towards x; once it is at most
// 3/4, a term and all behind it add up to at most four times the term.
func terms(a, b, x *big.Int) (low, high *big.Int) {
	const small = 32 // Bits of a term, in units of the sum, after which the rest is bounded.
	one := new(big.Int).Lsh(big.NewInt(1), shapeBits)
	over, under := new(big.Int).Add(a, b), new(big.Int).Add(a, one)
	termLow := new(big.Int).Lsh(big.NewInt(1), sumBits)
	termHigh := new(big.Int).Set(termLow)
	low, high = new(big.Int), new(big.Int)
	for {
		low.Add(low, termLow)
		high.Add(high, termHigh)
		num, den := new(big.Int).Mul(x, over), new(big.Int).Lsh(under, quantileBits)
		termLow.Mul(termLow, num).Quo(termLow, den)
		termHigh.Mul(termHigh, num).Quo(termHigh, den).Add(termHigh, big.NewInt(1))
		over.Add(over, one)
		under.Add(under, one)
		if num.Lsh(num, 2).Cmp(den.Mul(den, big.NewInt(3))) <= 0 && termHigh.BitLen() <= small {
			return low, high.Add(high, termHigh.Lsh(termHigh, 2))
		}
	}
}

// part returns n units of 2^-bits.
func part(n *big.Int, bits uint) exact.Rat {
	return exact.FromBig(new(big.Rat).SetFrac(n, new(big.Int).Lsh(big.NewInt(1), bits)))
}

// units returns how many whole units of 2^-bits are in x, rounded down.
func units(x exact.Rat, bits uint) *big.Int {
	v := x.Big()
	return new(big.Int).Div(new(big.Int).Lsh(v.Num(), bits), v.Denom())
}

func plus(x, y enclosure.Bounds) enclosure.Bounds {
	return enclosure.Bounds{Low: x.Low.Add(y.Low), High: x.High.Add(y.High)}
}

// times multiplies by a number of at least 0.
func times(x enclosure.Bounds, by exact.Rat) enclosure.Bounds {
	return enclosure.Bounds{Low: x.Low.Mul(by), High: x.High.Mul(by)}
}
