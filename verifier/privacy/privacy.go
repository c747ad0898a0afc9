// Package privacy says what a release of noisy sums costs the people behind them, and
// whether they can still afford it.
//
// Costs are zero-concentrated differential privacy (Bun and Steinke, "Concentrated
// Differential Privacy", 2016): one number ρ for each release, exact, that adds up over
// releases. Statements carry ρ; the Ledger adds it up for each party and schema and
// compares it with the charter's budget in (ε, δ). All is rational, and rounded so that
// no cost is understated. Floats, tighter bounds and other notions are in package
// accountant: they check, they are never signed.
//
// A Release plans the noise of one secure sum: what each member adds, what that costs,
// and that no lane of the ring can overflow. Package noise draws it.
//
// Formats are in docs/format/privacy.md; why it is done so, in docs/decisions/privacy.md.
package privacy

import (
	"errors"
	"math/big"

	"comity/exact"
)

// What can be wrong. Each refusal wraps exactly one of these.
var (
	// ErrExhausted says that a budget does not allow the next release.
	ErrExhausted = errors.New("privacy budget is exhausted")
	// ErrParameter says that a number is outside what the mathematics holds for.
	ErrParameter = errors.New("privacy parameter is not usable")
	// ErrCharge says that a statement of privacy spent is not well formed.
	ErrCharge = errors.New("charge is not well formed")
	// ErrConflict says that a second, different charge came for the same release.
	ErrConflict = errors.New("second, different charge for the same release")
	// ErrPersonal says that rows about persons would leave without noise.
	ErrPersonal = errors.New("rows of this schema may not be released exactly")
	// ErrNearCohort says that two sums would differ by too few members.
	ErrNearCohort = errors.New("cohort differs from an earlier one by too few members")
	// ErrIsolated says that sums together would reveal one member's values.
	ErrIsolated = errors.New("sums together single out a member")
)

const (
	// precision is how many bits after the point probabilities are computed to. One below
	// 2^-256 is rounded up to that; no charter asks for less.
	precision = 256
	// logBits is the same for logarithms, which end in an ε of 40 bits or an exponent.
	logBits = 96
	// costBits is how many binary digits a rounded cost keeps: 32 overstate it by less
	// than one part in four thousand million.
	costBits = 32
	// MaxEpsilon bounds ε in budgets: e^100 is no promise at all.
	MaxEpsilon = 100
)

// epsilonUnit is the unit that ε is rounded up to: 10^-12.
func epsilonUnit() *big.Int { return big.NewInt(1_000_000_000_000) }

func ratio(num, den int64) exact.Rat { return exact.FromBig(big.NewRat(num, den)) }

// quotient divides by a number that cannot be 0.
func quotient(x, y exact.Rat) exact.Rat {
	return exact.FromBig(new(big.Rat).Quo(x.Big(), y.Big()))
}

func least(x, y exact.Rat) exact.Rat {
	if x.Cmp(y) <= 0 {
		return x
	}
	return y
}
