// Package quantity counts whole units: doses, grams, watt-hours. Arithmetic is
// checked, rounding has a name, and nothing that is handed out is lost.
package quantity

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
)

// Amount is a number of whole units from -2^63 to 2^63-1, written as a decimal string.
type Amount int64

var (
	// ErrOverflow says that a result lies outside the range of Amount.
	ErrOverflow = errors.New("amount overflows 64 bits")
	// ErrSyntax says that a text is not a whole number of units.
	ErrSyntax = errors.New("not a whole amount")
)

// Add returns a + b, or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	c := a + b
	if (c < a) != (b < 0) { // It wraps exactly when it moves against b.
		return 0, fmt.Errorf("%w: %d + %d", ErrOverflow, a, b)
	}
	return c, nil
}

// Sub returns a - b, or ErrOverflow.
func (a Amount) Sub(b Amount) (Amount, error) {
	c := a - b
	if (c > a) != (b < 0) {
		return 0, fmt.Errorf("%w: %d - %d", ErrOverflow, a, b)
	}
	return c, nil
}

// Mul returns a * b, or ErrOverflow.
func (a Amount) Mul(b Amount) (Amount, error) {
	c := new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(b)))
	if !c.IsInt64() {
		return 0, fmt.Errorf("%w: %d * %d", ErrOverflow, a, b)
	}
	return Amount(c.Int64()), nil
}

// Sum adds amounts in any order, or returns ErrOverflow if the result, and not merely
// a sum on the way, is out of range.
func Sum(amounts []Amount) (Amount, error) {
	total := new(big.Int)
	for _, a := range amounts {
		total.Add(total, big.NewInt(int64(a)))
	}
	if !total.IsInt64() {
		return 0, fmt.Errorf("%w: sum of %d amounts is %s", ErrOverflow, len(amounts), total)
	}
	return Amount(total.Int64()), nil
}

// String returns a in decimal.
func (a Amount) String() string { return strconv.FormatInt(int64(a), 10) }

// MarshalText writes a in decimal.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes and nothing else.
func (a *Amount) UnmarshalText(text []byte) error {
	v, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || Amount(v).String() != string(text) {
		return fmt.Errorf("%w: %.40q; write a plain decimal of 64 bits", ErrSyntax, text)
	}
	*a = Amount(v)
	return nil
}
