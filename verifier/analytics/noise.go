package analytics

import (
	"math/big"
	"math/bits"

	"comity/exact"
)

// span is an interval of numbers that contains the right one.
type span struct{ low, high exact.Rat }

func point(x exact.Rat) span { return span{x, x} }

func (a span) sub(b span) span { return span{a.low.Sub(b.high), a.high.Sub(b.low)} }

func (a span) mul(b span) span {
	first := a.low.Mul(b.low)
	out := span{first, first}
	for _, x := range []exact.Rat{a.low.Mul(b.high), a.high.Mul(b.low), a.high.Mul(b.high)} {
		out.low, out.high = least(out.low, x), most(out.high, x)
	}
	return out
}

// quo divides by an interval above 0, and returns false for others.
func (a span) quo(b span) (span, bool) {
	if b.low.Sign() <= 0 {
		return span{}, false
	}
	high, errHigh := one().Quo(b.low)
	low, errLow := one().Quo(b.high)
	if errHigh != nil || errLow != nil {
		return span{}, false
	}
	return a.mul(span{low, high}), true
}

func least(a, b exact.Rat) exact.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func most(a, b exact.Rat) exact.Rat {
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}

// halfWidth returns t such that with a probability of at least 0.95 none of so many
// numbers with Gaussian noise of that variance, discrete or not, is off by more:
//
//	P(|X| >= t) <= 2·exp(-t²/(2·variance))    t² = 2·variance·ln(2·numbers/0.05)
//
// Source: Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy"
// (2020), corollary 17. It rounds up: ln 40 < 3.689 and ln 2 < 0.6932.
func halfWidth(variance exact.Rat, numbers int) exact.Rat {
	if variance.Sign() == 0 {
		return exact.Rat{}
	}
	logarithm := exact.FromBig(big.NewRat(36890+6932*int64(bits.Len(uint(max(numbers, 1)))), 10_000))
	square := variance.Mul(logarithm).Mul(exact.Int(2)).Floor()
	root := new(big.Int).Sqrt(square.Add(square, big.NewInt(1))) // At least t² - 1 before the root.
	return exact.FromBig(new(big.Rat).SetInt(root.Add(root, big.NewInt(1))))
}
