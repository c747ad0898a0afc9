package mps

import (
	"compress/flate"
	"errors"
	"fmt"
	"math/big"
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
	value, err := exact.ParseScientific(f.text, maxDigits, maxExponent)
	switch {
	case errors.Is(err, exact.ErrDigits):
		return exact.Rat{}, r.fail(f.at, err.Error(), "rescale the row or column")
	case err != nil:
		return exact.Rat{}, r.fail(f.at, fmt.Sprintf("%.40q is not a number", f.text), "write digits, a point and an exponent, such as -12.5e3")
	}
	return value, nil
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
