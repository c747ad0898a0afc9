package fixed

import (
	"math"
	"math/bits"
)

const (
	// ln2 is the natural logarithm of 2 times 2^60 (OEIS A002162).
	ln2 = 799144290325165979
	// ln1000 is the natural logarithm of 1000 times 2^40.
	ln1000 = 7595157251072
	// fine is the scale of intermediate results: 60 bits after the point.
	fine = 60
	// logDigits is how many binary digits of a logarithm are computed: 30, so that what
	// is cut off, below 2^-30, is far below the last bit of a Q16.
	logDigits = 30
	// maxExponent bounds the argument of exp: e^44 is above all that fits, 2^47 as a Q16
	// and 2^63/1000 in thousandths, and e^-44 is far below half a unit of either.
	maxExponent = 44 * One
)

// Log returns the natural logarithm of x, at most 0.51 units (of 2^-16) off. The
// logarithm of zero or less is -Max.
func Log(x Q16) Q16 {
	if x <= 0 {
		return -Max
	}
	return logRatio(uint64(x), 16, 0)
}

// Log1p returns ln(1 + v/1000), at most 0.51 units off. From -1000 down it is -Max.
func Log1p(thousandths int64) Q16 {
	if thousandths <= -thousand {
		return -Max
	}
	// ln((v+1000)/1000) = ln(v+1000) - ln(1000), with ln(1000) kept fine.
	return logRatio(uint64(thousandths)+thousand, 0, ln1000) //nolint:gosec // The sum is positive, however large.
}

// logRatio returns ln(x/2^scale) - offset/2^40 as a Q16.
func logRatio(x uint64, scale int, offset int64) Q16 {
	// x = m 2^(62-zeros) with m between 1 and 2 and 62 bits after the point. Squaring m
	// yields the digits of its binary logarithm one by one.
	zeros := bits.LeadingZeros64(x)
	m := x << zeros >> 1
	whole := int64(63 - zeros - scale)
	var digits int64
	for range logDigits {
		hi, lo := bits.Mul64(m, m)
		m = hi<<2 | lo>>62
		digits <<= 1
		if m >= 1<<63 {
			digits |= 1
			m >>= 1
		}
	}
	binary := whole<<logDigits + digits
	// log2 with 30 digits times ln2 with 60 makes 90; keep 40 of them.
	natural := MulDiv(binary, ln2, 1<<50) - offset
	return Q16(RoundDiv(natural, 1<<24))
}

// Exp returns e^x, at most 0.51 units off while the result is below 2^31, relatively at
// most 2^-50 off above, and Max where it does not fit.
func Exp(x Q16) Q16 {
	mantissa, shift := expParts(x)
	return Q16(scaled(mantissa, int64(One), shift))
}

// Expm1 returns 1000 (e^x - 1) as whole thousandths, the way back from Log1p: at most
// 0.51 thousandths off while e^x is below 2^31, relatively at most 2^-50 off above, and
// the largest int64 less 1000 where it does not fit.
func Expm1(x Q16) (thousandths int64) {
	mantissa, shift := expParts(x)
	return scaled(mantissa, thousand, shift) - thousand
}

// expParts returns m and k with e^x = m/2^fine 2^k and m between 0.7 and 1.42.
func expParts(x Q16) (mantissa int64, shift int) {
	x = min(max(x, -maxExponent), maxExponent)
	k := MulDiv(int64(x), 1<<44, ln2) // x/ln2, the nearest whole number.
	// The rest is at most ln2/2 = 0.35. Both terms may wrap; their difference is right
	// modulo 2^64 and fits.
	rest := int64(x)<<44 - k*ln2
	// Taylor, by Horner from the smallest term. The first left out, 0.35^18/18!, is
	// below 2^-79.
	sum := int64(1) << fine
	for i := uint64(17); i >= 1; i-- {
		hi, lo := bits.Mul64(magnitude(rest), uint64(sum))
		term := part(halfUp(hi, lo, fine), i)
		if rest < 0 {
			term = -term
		}
		sum = 1<<fine + term
	}
	return sum, int(k)
}

// halfUp returns a product of 128 bits by 2^shift, from 1 to 63, halves up. The result must
// fit 63 bits. It gives what MulDiv gives, in a third of the time.
func halfUp(hi, lo uint64, shift int) uint64 {
	lo, carry := bits.Add64(lo, 1<<(shift-1), 0)
	return (hi+carry)<<(64-shift) | lo>>shift
}

// part returns v/n, halves up.
func part(v, n uint64) int64 { return int64((v + n/2) / n) } //nolint:gosec // Below 2^62.

// scaled returns mantissa/2^fine factor 2^shift, rounded half away from zero and held
// below 2^63.
func scaled(mantissa, factor int64, shift int) int64 {
	down := fine - shift
	if down <= 0 {
		return math.MaxInt64 // At least 0.7 2^60 1000.
	}
	if extra := down - 62; extra > 0 {
		mantissa >>= extra // Takes less than factor 2^-62 from the result.
		down = 62
	}
	hi, lo := bits.Mul64(uint64(mantissa), uint64(factor)) //nolint:gosec // Both are positive.
	if hi >= 1<<(down-1)-1 {
		return MulDiv(mantissa, factor, 1<<down) // Held below 2^63.
	}
	return int64(halfUp(hi, lo, down)) //nolint:gosec // Below 2^63 by the comparison.
}
