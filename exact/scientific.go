package exact

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// ErrDigits says that a number has more digits or a larger exponent than is read.
var ErrDigits = errors.New("too many digits")

// ParseScientific reads a decimal as machines write it, without rounding: 12, -.5, 1.e3,
// +2D-4. It fails with ErrSyntax, or with ErrDigits if there are more digits, or an
// exponent further from 0, than the caller can use.
func ParseScientific(text string, mostDigits, mostExponent int) (Rat, error) {
	plain := strings.TrimPrefix(text, "+")
	mantissa, exponent := plain, "0"
	if at := strings.IndexAny(plain, "eEdD"); at >= 0 {
		mantissa, exponent = plain[:at], plain[at+1:]
		if rest, ok := strings.CutPrefix(exponent, "+"); ok && !strings.HasPrefix(rest, "-") {
			exponent = rest
		}
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	digits := whole + fraction
	power, err := strconv.Atoi(exponent)
	if !isDigits(digits) || err != nil && !errors.Is(err, strconv.ErrRange) || strings.Contains(exponent, "+") || strings.HasPrefix(text, "+-") {
		return Rat{}, fmt.Errorf("%w: %q", ErrSyntax, clip(text))
	}
	if len(digits) > mostDigits || power > mostExponent || power < -mostExponent {
		return Rat{}, fmt.Errorf("%w: %q has more than %d digits or an exponent beyond %d", ErrDigits, clip(text), mostDigits, mostExponent)
	}
	n, _ := new(big.Int).SetString(digits, 10) // Digits only: it cannot fail.
	if strings.HasPrefix(mantissa, "-") {
		n.Neg(n)
	}
	power -= len(fraction)
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(power, -power))), nil)
	if power >= 0 {
		return Rat{new(big.Rat).SetInt(n.Mul(n, ten))}, nil
	}
	return Rat{new(big.Rat).SetFrac(n, ten)}, nil
}
