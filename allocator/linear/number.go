package linear

import (
	"fmt"
	"math/big"
	"strings"

	"comity/canon"
)

// maxDigits bounds one number of a certificate. The exact optimum of netlib's stair,
// 356 rows, is a ratio of two integers of 700 digits; determinants grow with the rows.
const maxDigits = 50_000

// Whole is an integer of any size up to 50,000 digits, sealed in decimal.
type Whole struct{ v *big.Int }

// NewWhole returns a copy of v.
func NewWhole(v *big.Int) Whole { return Whole{new(big.Int).Set(v)} }

func (w Whole) big() *big.Int {
	if w.v == nil {
		return new(big.Int)
	}
	return w.v
}

// Big returns a copy as a big.Int.
func (w Whole) Big() *big.Int { return new(big.Int).Set(w.big()) }

// MarshalText writes w in decimal.
func (w Whole) MarshalText() ([]byte, error) {
	text := w.big().String()
	if len(text) > maxDigits {
		return nil, fmt.Errorf("%w: an integer of %d digits, at most %d can be sealed", ErrShape, len(text), maxDigits)
	}
	return []byte(text), nil
}

// UnmarshalText reads what MarshalText writes and nothing else.
func (w *Whole) UnmarshalText(text []byte) error {
	v, err := readWhole(string(text))
	if err != nil {
		return err
	}
	w.v = v
	return nil
}

// Ratio is a rational number of two Wholes in lowest terms. Its zero value is 0.
type Ratio struct{ v *big.Rat }

// NewRatio returns a copy of v.
func NewRatio(v *big.Rat) Ratio { return Ratio{new(big.Rat).Set(v)} }

func (r Ratio) big() *big.Rat {
	if r.v == nil {
		return new(big.Rat)
	}
	return r.v
}

// Big returns a copy as a big.Rat.
func (r Ratio) Big() *big.Rat { return new(big.Rat).Set(r.big()) }

// Sign returns -1, 0 or 1.
func (r Ratio) Sign() int { return r.big().Sign() }

// String returns the integer, or the ratio in lowest terms.
func (r Ratio) String() string { return r.big().RatString() }

// MarshalText writes r as String does.
func (r Ratio) MarshalText() ([]byte, error) {
	text := r.String()
	if len(text) > 2*maxDigits {
		return nil, fmt.Errorf("%w: a ratio of %d digits, at most %d can be sealed", ErrShape, len(text), 2*maxDigits)
	}
	return []byte(text), nil
}

// UnmarshalText reads the sealed form only: an integer, or a ratio in lowest terms.
func (r *Ratio) UnmarshalText(text []byte) error {
	top, bottom, isRatio := strings.Cut(string(text), "/")
	num, err := readWhole(top)
	if err != nil {
		return err
	}
	den := big.NewInt(1)
	if isRatio {
		if den, err = readWhole(bottom); err != nil {
			return err
		}
	}
	if den.Sign() <= 0 {
		return fmt.Errorf("%w: %.40q has a denominator that is not positive", canon.ErrNotCanonical, text)
	}
	v := new(big.Rat).SetFrac(num, den)
	if v.RatString() != string(text) {
		return fmt.Errorf("%w: %.40q is not in lowest terms", canon.ErrNotCanonical, text)
	}
	r.v = v
	return nil
}

func readWhole(text string) (*big.Int, error) {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || len(text) > maxDigits || strings.Trim(digits, "0123456789") != "" ||
		digits[0] == '0' && text != "0" {
		return nil, fmt.Errorf("%w: %.40q is not a plain decimal of at most %d digits", canon.ErrNotCanonical, text, maxDigits)
	}
	v, _ := new(big.Int).SetString(text, 10) // Digits only: it cannot fail.
	return v, nil
}

// Vector is a list of rationals over one positive denominator, in lowest terms as a
// whole: no integer above 1 divides the denominator and all numerators.
type Vector struct {
	Denominator Whole   `json:"denominator"`
	Numerators  []Whole `json:"numerators"`
}

// NewVector brings numerators over a positive denominator into lowest terms.
func NewVector(numerators []*big.Int, denominator *big.Int) Vector {
	common := commonDivisor(numerators, denominator)
	v := Vector{Denominator: Whole{new(big.Int).Quo(denominator, common)}, Numerators: make([]Whole, len(numerators))}
	for k, n := range numerators {
		v.Numerators[k].v = new(big.Int).Quo(n, common)
	}
	return v
}

// At returns one entry.
func (v Vector) At(k int) *big.Rat {
	return new(big.Rat).SetFrac(v.Numerators[k].big(), v.Denominator.big())
}

func (v Vector) check(name string, length int) error {
	if len(v.Numerators) != length {
		return fmt.Errorf("%w: %s has %d entries, want %d", ErrShape, name, len(v.Numerators), length)
	}
	if v.Denominator.big().Sign() <= 0 {
		return fmt.Errorf("%w: %s has a denominator that is not positive", ErrShape, name)
	}
	numerators := make([]*big.Int, length)
	for k, n := range v.Numerators {
		numerators[k] = n.big()
	}
	if commonDivisor(numerators, v.Denominator.big()).Cmp(big.NewInt(1)) != 0 {
		return fmt.Errorf("%w: %s is not in lowest terms", ErrShape, name)
	}
	return nil
}

func commonDivisor(numerators []*big.Int, denominator *big.Int) *big.Int {
	one, common := big.NewInt(1), new(big.Int).Set(denominator)
	for _, n := range numerators {
		if common.Cmp(one) == 0 {
			break
		}
		common.GCD(nil, nil, common, new(big.Int).Abs(n))
	}
	return common
}
