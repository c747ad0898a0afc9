// Package exact computes with rational numbers: no rounding, one text form.
package exact

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// MaxText bounds the text of a number that comes from outside: 200 characters hold
// every ratio of two 300-bit integers, far beyond any sealed quantity.
const MaxText = 200

var (
	// ErrSyntax says that a text is not a number in the accepted form.
	ErrSyntax = errors.New("not an exact number")
	// ErrDivision says that a divisor was zero.
	ErrDivision = errors.New("division by zero")
)

// Rat is an immutable rational number. Its zero value is 0. Compare with Cmp: equal
// numbers need not be == in Go.
type Rat struct{ v *big.Rat }

// Int returns the whole number n.
func Int(n int64) Rat { return Rat{new(big.Rat).SetInt64(n)} }

// Ratio returns num/den, or ErrDivision.
func Ratio(num, den int64) (Rat, error) {
	if den == 0 {
		return Rat{}, fmt.Errorf("%w: %d/0", ErrDivision, num)
	}
	return Rat{big.NewRat(num, den)}, nil
}

// FromBig returns a copy of r.
func FromBig(r *big.Rat) Rat { return Rat{new(big.Rat).Set(r)} }

// Parse reads "7", "-7/3" or "0.05", as people write them: digits, one of point and
// slash between digits, a minus sign in front. It refuses exponents, as 1e999999999 is
// short and its value is not, and never takes 010 for octal, as big.Rat does in ratios.
func Parse(text string) (Rat, error) {
	digits := strings.TrimPrefix(text, "-")
	whole, den, isRatio := strings.Cut(digits, "/")
	whole, fraction, isDecimal := strings.Cut(whole, ".")
	if len(text) > MaxText || !isDigits(whole) || isRatio && (isDecimal || !isDigits(den)) || isDecimal && !isDigits(fraction) {
		return Rat{}, fmt.Errorf("%w: %q; write 7, -7/3 or 0.05 in at most %d characters", ErrSyntax, clip(text), MaxText)
	}
	if isDecimal {
		den = "1" + strings.Repeat("0", len(fraction))
	} else if !isRatio {
		den = "1"
	}
	n, _ := new(big.Int).SetString(whole+fraction, 10) // Digits only: it cannot fail.
	d, _ := new(big.Int).SetString(den, 10)
	if d.Sign() == 0 {
		return Rat{}, fmt.Errorf("%w: %q; %w", ErrSyntax, clip(text), ErrDivision)
	}
	if digits != text {
		n.Neg(n)
	}
	return Rat{new(big.Rat).SetFrac(n, d)}, nil
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "..."
	}
	return text
}

func (x Rat) big() *big.Rat {
	if x.v == nil {
		return new(big.Rat)
	}
	return x.v
}

// Big returns a copy as a big.Rat.
func (x Rat) Big() *big.Rat { return new(big.Rat).Set(x.big()) }

// Add returns x + y.
func (x Rat) Add(y Rat) Rat { return Rat{new(big.Rat).Add(x.big(), y.big())} }

// Sub returns x - y.
func (x Rat) Sub(y Rat) Rat { return Rat{new(big.Rat).Sub(x.big(), y.big())} }

// Mul returns x * y.
func (x Rat) Mul(y Rat) Rat { return Rat{new(big.Rat).Mul(x.big(), y.big())} }

// Quo returns x / y, or ErrDivision.
func (x Rat) Quo(y Rat) (Rat, error) {
	if y.Sign() == 0 {
		return Rat{}, fmt.Errorf("%w: %s/0", ErrDivision, x)
	}
	return Rat{new(big.Rat).Quo(x.big(), y.big())}, nil
}

// Neg returns -x.
func (x Rat) Neg() Rat { return Rat{new(big.Rat).Neg(x.big())} }

// Cmp returns -1, 0 or 1 as x is below, equal to or above y.
func (x Rat) Cmp(y Rat) int { return x.big().Cmp(y.big()) }

// Sign returns -1, 0 or 1.
func (x Rat) Sign() int { return x.big().Sign() }

// IsInt tells whether x is whole.
func (x Rat) IsInt() bool { return x.big().IsInt() }

// Floor returns the largest whole number not above x.
func (x Rat) Floor() *big.Int {
	// Div rounds towards minus infinity for the positive denominators of big.Rat.
	return new(big.Int).Div(x.big().Num(), x.big().Denom())
}

// String returns the integer, or the ratio in lowest terms.
func (x Rat) String() string { return x.big().RatString() }

// MarshalText writes x as String does, or fails where UnmarshalText would refuse the
// length.
func (x Rat) MarshalText() ([]byte, error) {
	text := x.String()
	if len(text) > MaxText {
		return nil, fmt.Errorf("%w: %s has %d characters, at most %d can be sealed", ErrSyntax, clip(text), len(text), MaxText)
	}
	return []byte(text), nil
}

// UnmarshalText reads the sealed form only: an integer, or a ratio in lowest terms.
func (x *Rat) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	if parsed.String() != string(text) {
		return fmt.Errorf("%w: %q is sealed as %q", ErrSyntax, clip(string(text)), parsed)
	}
	*x = parsed
	return nil
}
