// Package fairness measures how evenly something is spread, in exact numbers: the words
// fairness.* of the lexicon, each with its formula and source.
//
// Three kinds of result: exact ones are rationals; those with logarithms or roots are an
// Interval that surely holds the value; statistical ones are an estimate with an interval
// at a stated level of confidence. No float enters, so every party gets the same digits.
//
// Quantities are at least 0 and weights above 0. Weighted forms count each quantity by
// its weight: with coverage per head as quantity and heads as weight they measure
// people, not countries. Weights of 1 give the plain forms.
package fairness

import (
	"errors"
	"fmt"
	"slices"

	"comity/exact"
)

// MaxLength bounds the number of quantities compared.
const MaxLength = 1 << 20

// ErrInput says that quantities or weights are outside what a measure is defined for.
var ErrInput = errors.New("measure of fairness is not defined")

// Gini returns sum |x_i - x_j| / (2 n^2 mu), from 0 for equal quantities up to
// (n-1)/n where one has all. It fails with ErrInput if all are 0.
//
// Source: Gini, "Variabilità e mutabilità" (1912).
func Gini(x []exact.Rat) (exact.Rat, error) { return WeightedGini(x, ones(len(x))) }

// WeightedGini returns sum w_i w_j |x_i - x_j| / (2 W^2 mu), with W the sum of the
// weights and mu the weighted mean. Splitting a party into two with the same quantity
// changes nothing.
//
// Source: Lerman and Yitzhaki, "Improving the accuracy of estimates of Gini
// coefficients", Journal of Econometrics 42 (1989), equation 3.
func WeightedGini(x, w []exact.Rat) (exact.Rat, error) {
	sum, err := total(x, w)
	if err != nil {
		return exact.Rat{}, fmt.Errorf("gini: %w", err)
	}
	// In ascending order, sum over i < j of w_i w_j (x_j - x_i) takes one pass.
	var below, owned, twice exact.Rat
	for _, i := range ascending(x) {
		twice = twice.Add(w[i].Mul(x[i].Mul(below).Sub(owned)))
		below = below.Add(w[i])
		owned = owned.Add(w[i].Mul(x[i]))
	}
	return twice.Quo(below.Mul(sum)) // Each pair counts twice above, and W mu is sum.
}

// Jain returns (sum x)^2 / (n sum x^2), from 1/n where one has all to 1 for equal
// quantities. It fails with ErrInput if all are 0.
//
// Source: Jain, Chiu and Hawe, DEC-TR-301 (1984), equation 2.
func Jain(x []exact.Rat) (exact.Rat, error) { return WeightedJain(x, ones(len(x))) }

// WeightedJain returns (sum w x)^2 / (W sum w x^2): Jain's index of a population in
// which w_i have x_i each.
func WeightedJain(x, w []exact.Rat) (exact.Rat, error) {
	sum, err := total(x, w)
	if err != nil {
		return exact.Rat{}, fmt.Errorf("jain: %w", err)
	}
	var squares, weights exact.Rat
	for i := range x {
		squares = squares.Add(w[i].Mul(x[i]).Mul(x[i]))
		weights = weights.Add(w[i])
	}
	return sum.Mul(sum).Quo(weights.Mul(squares))
}

// Least returns the smallest quantity, which maximin makes as large as it can.
func Least(x []exact.Rat) (exact.Rat, error) {
	if err := check(x, ones(len(x))); err != nil {
		return exact.Rat{}, fmt.Errorf("maximin: %w", err)
	}
	return x[ascending(x)[0]], nil
}

// CompareLeximin returns 1 if x is better than y, -1 if it is worse and 0 if both have
// the same quantities in any order: both sorted upward, the larger in the first place
// where they differ. They must have one length.
//
// Source: Sen, "Collective Choice and Social Welfare" (1970), chapter 9.
func CompareLeximin(x, y []exact.Rat) (int, error) {
	if len(x) != len(y) {
		return 0, fmt.Errorf("leximin: %w: %d and %d quantities", ErrInput, len(x), len(y))
	}
	if err := errors.Join(check(x, ones(len(x))), check(y, ones(len(y)))); err != nil {
		return 0, fmt.Errorf("leximin: %w", err)
	}
	a, b := ascending(x), ascending(y)
	for k := range a {
		if c := x[a[k]].Cmp(y[b[k]]); c != 0 {
			return c, nil
		}
	}
	return 0, nil
}

// ErrUnfair says that a division breaks a rule of fairness.
var ErrUnfair = errors.New("division is not fair")

// Proportional returns ErrUnfair unless all x_i / w_i are equal.
func Proportional(x, w []exact.Rat) error {
	if err := check(x, w); err != nil {
		return fmt.Errorf("proportional: %w", err)
	}
	for i := range x {
		if x[i].Mul(w[0]).Cmp(x[0].Mul(w[i])) != 0 {
			return fmt.Errorf("%w: not proportional: 0 has %s for weight %s, %d has %s for weight %s", ErrUnfair, x[0], w[0], i, x[i], w[i])
		}
	}
	return nil
}

func ones(n int) []exact.Rat { return slices.Repeat([]exact.Rat{exact.Int(1)}, n) }

// ascending returns the places of quantities from the smallest up; ties keep their order.
func ascending(x []exact.Rat) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return x[i].Cmp(x[j]) })
	return order
}

// check refuses lists that are empty, too long or of two lengths, quantities below 0 and
// weights that are not above 0.
func check(x, w []exact.Rat) error {
	if len(x) == 0 || len(x) > MaxLength || len(w) != len(x) {
		return fmt.Errorf("%w: %d quantities and %d weights; give 1 to %d of each", ErrInput, len(x), len(w), MaxLength)
	}
	for i := range x {
		if x[i].Sign() < 0 || w[i].Sign() <= 0 {
			return fmt.Errorf("%w: quantity %s of weight %s at %d; want at least 0, and above 0", ErrInput, x[i], w[i], i)
		}
	}
	return nil
}

// total returns the weighted sum of quantities, which must not be 0.
func total(x, w []exact.Rat) (sum exact.Rat, err error) {
	if err := check(x, w); err != nil {
		return sum, err
	}
	for i := range x {
		sum = sum.Add(x[i].Mul(w[i]))
	}
	if sum.Sign() == 0 {
		return sum, fmt.Errorf("%w: all %d quantities are 0", ErrInput, len(x))
	}
	return sum, nil
}
