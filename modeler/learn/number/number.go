// Package number turns the numbers of a file into integers that every machine compares
// and rounds alike, and back into text.
//
// A number is the binary64 of IEEE 754 that is nearest to the decimal in the file
// (RFC 8259 and all CSV tools mean the same). From there on no floating-point operation
// touches it: a Key orders as the numbers do, and Units moves its bits. Models are grown
// from keys and units alone, so that processors that round differently cannot differ.
package number

import (
	"math"
	"math/bits"
	"strconv"
)

// Missing is the key of a value that was not observed. No number has it.
const Missing int64 = math.MinInt64

// The parts of a binary64 (IEEE 754, section 3.4).
const (
	fractionBits = 52
	leading      = 1 << fractionBits // The bit before the fraction, which is not stored.
	exponentMask = 1<<11 - 1
	// scale is what makes a whole number of a significand: a number is significand times
	// 2^(exponent - scale).
	scale = 1023 + fractionBits
)

// Key returns an integer that orders as x does: below, equal or above that of another
// number as x is. Zero has key 0, whatever its sign. x is finite.
func Key(x float64) int64 {
	if x == 0 { // Also -0, which compares as 0.
		return 0
	}
	key := int64(math.Float64bits(x)) //nolint:gosec // The bits, not their value.
	if key < 0 {
		key ^= math.MaxInt64 // Negative numbers order the other way round.
	}
	return key
}

// Value returns the number of a key, and NaN for Missing.
func Value(key int64) float64 {
	if key == Missing {
		return math.NaN()
	}
	if key < 0 {
		key ^= math.MaxInt64
	}
	return math.Float64frombits(uint64(key)) //nolint:gosec // The bits, not their value.
}

// Text returns the shortest decimal that reads back as the number of a key: plain from
// 0.0001 to below 10^16 in magnitude, otherwise as 2.5e-07 or 1e+16. Missing is empty.
func Text(key int64) string {
	if key == Missing {
		return ""
	}
	x := Value(key)
	if a := math.Abs(x); a == 0 || a >= 1e-4 && a < 1e16 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// FromInt returns the key of a whole number of magnitude at most 2^53.
func FromInt(n int64) int64 { return Key(float64(n)) }

// State is what Parse made of a text.
type State uint8

// The outcomes of Parse.
const (
	Other    State = iota // No number.
	Finite                // A number.
	Infinite              // Infinity by name, or beyond binary64.
)

// maxText bounds the text of a number: the exact decimal of any binary64 has at most 1075
// digits, and nobody writes them.
const maxText = 400

// Parse reads a decimal such as -12, 3.50 or 2.5e-05. The key is of the nearest binary64,
// ties to even.
func Parse(text []byte) (key int64, s State) {
	if len(text) == 0 || len(text) > maxText {
		return 0, Other
	}
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, named(text)
		}
	}
	x, err := strconv.ParseFloat(string(text), 64)
	switch {
	case math.IsInf(x, 0): // Beyond binary64: strconv says so with an error as well.
		return 0, Infinite
	case err != nil:
		return 0, Other
	}
	return Key(x), Finite
}

// named tells whether a text that is no decimal names infinity.
func named(text []byte) State {
	if text[0] == '-' || text[0] == '+' {
		text = text[1:]
	}
	const longest = len("infinity")
	if len(text) == 0 || len(text) > longest {
		return Other
	}
	lower := make([]byte, 0, longest)
	for _, c := range text {
		lower = append(lower, c|0x20)
	}
	if s := string(lower); s == "inf" || s == "infinity" {
		return Infinite
	}
	return Other
}

// parts returns m and e with |number| = m 2^e, m below 2^53.
func parts(key int64) (m uint64, e int) {
	b := uint64(key) //nolint:gosec // The bits, not their value.
	if key < 0 {
		b = ^b // The magnitude: what Key flips, without the sign.
	}
	m, e = b&(leading-1), int(b>>fractionBits&exponentMask)
	if e == 0 {
		return m, 1 - scale // Subnormal.
	}
	return m | leading, e - scale
}

// Units returns the number of a key times 2^exponent, rounded to the nearest whole number,
// ties to even, and held within -math.MaxInt64 and math.MaxInt64. Missing stays Missing.
func Units(key int64, exponent int) int64 {
	if key == Missing || key == 0 {
		return key
	}
	m, e := parts(key)
	var n uint64
	switch e += exponent; {
	case e >= 0:
		if bits.Len64(m)+e > 63 {
			n = math.MaxInt64
		} else {
			n = m << e
		}
	case e < -63:
		n = 0 // m is below 2^53, so it is less than half a unit.
	default:
		half := uint64(1) << (-e - 1)
		rest := m & (2*half - 1)
		if n = m >> -e; rest > half || rest == half && n&1 == 1 {
			n++
		}
	}
	if key < 0 {
		return -int64(n)
	}
	return int64(n)
}

// FromUnits returns the key of units times 2^-exponent, rounded to the nearest binary64,
// ties to even: the way back from Units. Missing stays Missing.
func FromUnits(units int64, exponent int) int64 {
	if units == Missing {
		return Missing
	}
	// The conversion rounds by the rule of IEEE 754 on every processor, and a power of two
	// only moves the exponent.
	return Key(math.Ldexp(float64(units), -exponent))
}

// Exponent returns e with 2^(e-1) <= |number| < 2^e, and 0 for zero and Missing.
func Exponent(key int64) int {
	if key == 0 || key == Missing {
		return 0
	}
	m, e := parts(key)
	return bits.Len64(m) + e
}

// Valid tells whether a key is that of a number: finite, and not the negative zero.
func Valid(key int64) bool {
	const most = math.MaxFloat64
	return key >= Key(-most) && key <= Key(most) && key != -1
}
