// Package fixed computes with fixed-point numbers where every processor must get the
// same bits: features, scores and leaves of a model that strangers replay.
//
// It rounds by one rule, half away from zero, and only where a function says so. Nothing
// here uses a floating-point number: Go may fuse a multiplication and an addition on one
// processor and not on another, and math.Exp differs between them.
package fixed

import (
	"math"
	"math/bits"
)

// Q16 is a number times 2^16. Sums and differences are those of int64.
type Q16 int64

const (
	// One is the number 1.
	One Q16 = 1 << 16
	// Max is the largest number that functions return; beyond it they stay there.
	Max Q16 = math.MaxInt64
	// Missing marks a value that was not observed. No function returns it.
	Missing Q16 = math.MinInt64
)

// thousand is the scale of observations: int64 thousandths of a unit.
const thousand = 1000

// FromThousandths returns v/1000, rounded half away from zero and held within -Max and Max.
func FromThousandths(v int64) Q16 { return Q16(MulDiv(v, int64(One), thousand)) }

// Thousandths returns 1000 x, rounded half away from zero and held within -Max and Max.
func (x Q16) Thousandths() int64 { return MulDiv(int64(x), thousand, int64(One)) }

// Abs returns the magnitude of x; that of Missing is Max.
func (x Q16) Abs() Q16 {
	switch {
	case x == Missing:
		return Max
	case x < 0:
		return -x
	default:
		return x
	}
}

// Mul returns x y, rounded half away from zero and held within -Max and Max.
func Mul(x, y Q16) Q16 { return Q16(MulDiv(int64(x), int64(y), int64(One))) }

// Div returns x/y, rounded half away from zero and held within -Max and Max. A zero
// divisor is our own bug and panics.
func Div(x, y Q16) Q16 { return Q16(MulDiv(int64(x), int64(One), int64(y))) }

// RoundDiv returns a/b, rounded half away from zero. A zero divisor panics.
func RoundDiv(a, b int64) int64 { return MulDiv(a, 1, b) }

// MulDiv returns a b / c with a product of 128 bits, rounded half away from zero and
// held within -Max and Max. A zero divisor panics.
func MulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	d := magnitude(c)
	if d == 0 {
		panic("fixed: division by zero")
	}
	negative := (a < 0) != (b < 0) != (c < 0)
	if hi >= d {
		return signed(math.MaxInt64, negative)
	}
	q, rest := bits.Div64(hi, lo, d)
	if rest >= d-rest && q < math.MaxUint64 {
		q++
	}
	return signed(q, negative)
}

// Mean returns the sum of the values over their number, rounded half away from zero.
// Missing values do not count; without any other the mean is Missing. The magnitudes
// must add up to less than 2^63.
func Mean(values ...Q16) Q16 {
	var sum, n int64
	for _, v := range values {
		if v != Missing {
			sum += int64(v)
			n++
		}
	}
	if n == 0 {
		return Missing
	}
	return Q16(RoundDiv(sum, n))
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a) //nolint:gosec // Two's complement: right for the least number too.
	}
	return uint64(a)
}

func signed(q uint64, negative bool) int64 {
	v := int64(min(q, math.MaxInt64))
	if negative {
		return -v
	}
	return v
}
