package mps

import (
	"compress/flate"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"comity/exact"
)

// Bounds of one number: what they allow can be sealed (exact.MaxText).
const (
	maxDigits   = 40
	maxExponent = 80
)

// number reads a decimal with an optional exponent, such as 12, -.5, 1.e3 or 2D-4,
// without rounding.
func (r *reader) number(f field) (exact.Rat, error) {
	text := strings.TrimPrefix(f.text, "+")
	mantissa, exponent := text, "0"
	if at := strings.IndexAny(text, "eEdD"); at >= 0 {
		mantissa, exponent = text[:at], strings.TrimPrefix(text[at+1:], "+")
	}
	negative := strings.HasPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	digits := whole + fraction
	power, err := strconv.Atoi(exponent)
	if digits == "" || strings.Trim(digits, "0123456789") != "" || err != nil || strings.Contains(exponent, "+") {
		return exact.Rat{}, r.fail(f.at, fmt.Sprintf("%.40q is not a number", f.text), "write digits, a point and an exponent, such as -12.5e3")
	}
	if len(digits) > maxDigits || power > maxExponent || power < -maxExponent {
		return exact.Rat{}, r.fail(f.at, fmt.Sprintf("%.40q has more than %d digits or an exponent beyond %d", f.text, maxDigits, maxExponent), "rescale the row or column")
	}
	power -= len(fraction)
	n, _ := new(big.Int).SetString(digits, 10) // Digits only: it cannot fail.
	if negative {
		n.Neg(n)
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(power, -power))), nil)
	if power >= 0 {
		return exact.FromBig(new(big.Rat).SetInt(n.Mul(n, ten))), nil
	}
	return exact.FromBig(new(big.Rat).SetFrac(n, ten)), nil
}

// end reads a number that may be infinite: then only its sign counts, 1 or -1.
func (r *reader) end(f field) (value exact.Rat, infinite int, err error) {
	sign, word := 1, strings.ToLower(f.text)
	if rest, ok := strings.CutPrefix(word, "-"); ok {
		sign, word = -1, rest
	}
	if word = strings.TrimPrefix(word, "+"); word == "inf" || word == "infinity" {
		return exact.Rat{}, sign, nil
	}
	if value, err = r.number(f); err != nil {
		return exact.Rat{}, 0, err
	}
	// HiGHS, option infinite_bound.
	if limit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)); new(big.Rat).Abs(value.Big()).Cmp(limit) >= 0 {
		return exact.Rat{}, sign, nil
	}
	return value, 0, nil
}

func isCorrupt(err error) bool {
	_, ok := errors.AsType[flate.CorruptInputError](err)
	return ok
}
