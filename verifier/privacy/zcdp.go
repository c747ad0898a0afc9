package privacy

import (
	"fmt"
	"math/big"

	"comity/exact"
	"comity/verifier/privacy/enclosure"
)

// GaussianRho returns the ρ of one release with discrete Gaussian noise of the given
// variance on whole numbers whose L2 sensitivity is the root of square:
//
//	ρ = Δ²/(2σ²)
//
// It is exact. Source: Canonne, Kamath and Steinke, "The Discrete Gaussian for
// Differential Privacy" (2020), theorem 4, added up over lanes, whose noise is independent.
func GaussianRho(square, variance exact.Rat) (exact.Rat, error) {
	if square.Sign() < 0 || variance.Sign() <= 0 {
		return exact.Rat{}, fmt.Errorf("%w: squared sensitivity %s over variance %s; want at least 0 over more than 0", ErrParameter, square, variance)
	}
	return quotient(square, variance.Add(variance)), nil
}

// LaplaceRho returns the ρ of one release with discrete Laplace noise of the given scale
// on whole numbers of the given L1 sensitivity: it is ε-private with ε = Δ/scale, and so
// has
//
//	ρ = ε²/2
//
// Source: Bun and Steinke (2016), proposition 1.4.
func LaplaceRho(sensitivity, scale exact.Rat) (exact.Rat, error) {
	if sensitivity.Sign() < 0 || scale.Sign() <= 0 {
		return exact.Rat{}, fmt.Errorf("%w: sensitivity %s over scale %s; want at least 0 over more than 0", ErrParameter, sensitivity, scale)
	}
	epsilon := quotient(sensitivity, scale)
	return epsilon.Mul(epsilon).Mul(ratio(1, 2)), nil
}

// SimpleEpsilon returns the ε of what cost ρ, at failure probability δ, in one line that
// anybody can check by hand:
//
//	ε = ρ + 2·√(ρ·ln(1/δ))
//
// It is rounded up to 10^-12. Source: Bun and Steinke (2016), proposition 1.3.
func SimpleEpsilon(rho, delta exact.Rat) (exact.Rat, error) {
	if err := checkRho(rho); err != nil {
		return exact.Rat{}, err
	}
	if err := checkDelta(delta); err != nil {
		return exact.Rat{}, err
	}
	odds := enclosure.Log(delta, logBits).Low.Neg()
	root := enclosure.Sqrt(rho.Mul(odds), logBits).High
	return enclosure.Ceil(rho.Add(root).Add(root), epsilonUnit()), nil
}

// Epsilon returns the ε of what cost ρ, at failure probability δ, by the tighter bound
// that holds for every α = 1 + a > 1:
//
//	ε = ρ·(1+a) + (ln(1/δ) - ln(1+a))/a - ln(1 + 1/a)
//
// a is sought near the minimum; any a gives a valid bound. It is never above
// SimpleEpsilon and is rounded up to 10^-12. Source: Canonne, Kamath and Steinke (2020),
// proposition 12 for the conversion, with corollary 13 for zCDP.
func Epsilon(rho, delta exact.Rat) (exact.Rat, error) {
	simple, err := SimpleEpsilon(rho, delta)
	if err != nil || rho.Sign() == 0 {
		return simple, err
	}
	odds := enclosure.Log(delta, logBits).Low.Neg()
	bound := func(a exact.Rat) exact.Rat {
		alpha := exact.Int(1).Add(a)
		slope := quotient(odds.Sub(enclosure.Log(alpha, logBits).Low), a)
		gain := enclosure.Log(quotient(alpha, a), logBits).Low
		return rho.Mul(alpha).Add(slope).Sub(gain)
	}
	// The minimum of ρ·a + ln(1/δ)/a lies at the root of ln(1/δ)/ρ.
	best := minimise(bound, enclosure.Sqrt(quotient(odds, rho), logBits).High)
	if best.Sign() < 0 {
		return exact.Rat{}, nil
	}
	return least(simple, enclosure.Ceil(best, epsilonUnit())), nil
}

// Delta returns the failure probability of what cost ρ, at the given ε, at most 1: the
// least over a > 0 of
//
//	δ = e^(a·((1+a)·ρ - ε)) / a · (a/(1+a))^(1+a)
//
// a is sought near the minimum; any a gives a valid bound. It is rounded up to 32 binary
// digits. Source: Canonne, Kamath and Steinke (2020), corollary 13.
func Delta(rho, epsilon exact.Rat) (exact.Rat, error) {
	if err := checkRho(rho); err != nil {
		return exact.Rat{}, err
	}
	if err := checkEpsilon(epsilon); err != nil {
		return exact.Rat{}, err
	}
	if rho.Sign() == 0 {
		return exact.Rat{}, nil
	}
	logarithm := func(a exact.Rat) exact.Rat {
		alpha := exact.Int(1).Add(a)
		first := a.Mul(alpha.Mul(rho).Sub(epsilon))
		return first.Sub(enclosure.Log(a, logBits).Low).Sub(alpha.Mul(enclosure.Log(quotient(alpha, a), logBits).Low))
	}
	// The minimum of a·((1+a)·ρ - ε) lies at (ε-ρ)/(2ρ).
	start := quotient(epsilon.Sub(rho), rho.Add(rho))
	if start.Cmp(ratio(1, 16)) < 0 {
		start = ratio(1, 16)
	}
	best := minimise(logarithm, start)
	if best.Sign() >= 0 {
		return exact.Int(1), nil
	}
	return enclosure.RoundUp(enclosure.Exp(best, precision).High, costBits), nil
}

// Search of minimise: powers of two around the start, then ever smaller steps to either
// side, each at most so often.
const (
	searchOctaves = 24
	searchFinest  = 10 // Steps of one part in 4, 16, ... 2^10.
	searchMoves   = 12
	searchDigits  = 24 // Binary digits of an argument.
)

// minimise returns a small value of f at an argument above 0, beginning near start. It
// finds the minimum of a function that falls and then rises to about a millionth of the
// argument's own scale squared, and some value of any other.
func minimise(f func(exact.Rat) exact.Rat, start exact.Rat) exact.Rat {
	at := enclosure.RoundUp(start, searchDigits)
	low := f(at)
	try := func(factor exact.Rat) bool {
		next := enclosure.RoundUp(at.Mul(factor), searchDigits)
		value := f(next)
		if value.Cmp(low) >= 0 {
			return false
		}
		at, low = next, value
		return true
	}
	for _, factor := range []exact.Rat{ratio(2, 1), ratio(1, 2)} {
		for range searchOctaves {
			if !try(factor) {
				break
			}
		}
	}
	for step := int64(4); step <= 1<<searchFinest; step *= 4 {
		for _, factor := range []exact.Rat{ratio(step+1, step), ratio(step, step+1)} {
			for range searchMoves {
				if !try(factor) {
					break
				}
			}
		}
	}
	return low
}

// maxRho bounds what is converted: beyond it no ε of a budget is met.
const maxRho = 1 << 20

func checkRho(rho exact.Rat) error {
	if rho.Sign() < 0 || rho.Cmp(exact.Int(maxRho)) > 0 {
		return fmt.Errorf("%w: ρ = %s; want 0 to %d", ErrParameter, clip(rho), int64(maxRho))
	}
	return nil
}

// leastDelta is 2^-200, far below one person on earth in a year.
func leastDelta() exact.Rat {
	return exact.FromBig(new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 200)))
}

func checkDelta(delta exact.Rat) error {
	if delta.Cmp(leastDelta()) < 0 || delta.Cmp(exact.Int(1)) >= 0 {
		return fmt.Errorf("%w: δ = %s; want at least 2^-200 and below 1", ErrParameter, clip(delta))
	}
	return nil
}

func checkEpsilon(epsilon exact.Rat) error {
	if epsilon.Sign() < 0 || epsilon.Cmp(exact.Int(MaxEpsilon)) > 0 {
		return fmt.Errorf("%w: ε = %s; want 0 to %d", ErrParameter, clip(epsilon), int64(MaxEpsilon))
	}
	return nil
}

// clip writes a number for a message, as a decimal where its ratio is long.
func clip(x exact.Rat) string {
	const long = 24
	if s := x.String(); len(s) <= long {
		return s
	}
	return "about " + x.Big().FloatString(long)
}
