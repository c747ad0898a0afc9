package privacy

import (
	"fmt"

	"comity/exact"
	"comity/verifier/privacy/enclosure"
)

// Limit is a promise in the usual form: whoever is protected is (Epsilon, Delta)-private.
type Limit struct {
	Epsilon exact.Rat `json:"epsilon"` // Above 0, at most MaxEpsilon.
	Delta   exact.Rat `json:"delta"`   // At least 2^-200, below 1.
}

// Budget is what a charter allows for one party's rows of one schema.
type Budget struct {
	Release Limit `json:"release"` // What one release may cost.
	Year    Limit `json:"year"`    // What all releases of one calendar year may cost together.
}

// Check refuses a budget that cannot be kept, with ErrParameter.
func (b Budget) Check() error {
	for _, l := range []struct {
		name string
		Limit
	}{{"release", b.Release}, {"year", b.Year}} {
		if err := checkEpsilon(l.Epsilon); err != nil {
			return fmt.Errorf("budget of a %s: %w", l.name, err)
		}
		if l.Epsilon.Sign() == 0 {
			return fmt.Errorf("budget of a %s: %w: ε = 0; want more than 0", l.name, ErrParameter)
		}
		if err := checkDelta(l.Delta); err != nil {
			return fmt.Errorf("budget of a %s: %w", l.name, err)
		}
	}
	return nil
}

// Admit returns ErrExhausted, with both sides, unless what costs this much keeps the
// promise: with Delta(ρ, ε) for the noise, and the events of probability δ in which the
// noise is not what ρ was computed for,
//
//	Delta(ρ, ε) + (1 + e^ε)·δ <= Limit.Delta
//
// If two mechanisms differ with probability at most δ on either of two inputs and one is
// (ε, δ')-private, then P(M(x) in S) <= e^ε·(P(M(y) in S) + δ) + δ' + δ for the other.
func (l Limit) Admit(c Cost) error {
	spent, err := l.delta(c)
	if err != nil {
		return err
	}
	if spent.Cmp(l.Delta) > 0 {
		return fmt.Errorf("%w: ρ = %s at ε = %s fails with probability up to %s, and %s is allowed",
			ErrExhausted, clip(c.Rho), clip(l.Epsilon), clip(spent), clip(l.Delta))
	}
	return nil
}

// delta returns the failure probability of a cost at the limit's ε.
func (l Limit) delta(c Cost) (exact.Rat, error) {
	delta, err := Delta(c.Rho, l.Epsilon)
	if err != nil || c.Delta.Sign() == 0 {
		return delta, err
	}
	growth := exact.Int(1).Add(enclosure.Exp(l.Epsilon, precision).High)
	return delta.Add(growth.Mul(c.Delta)), nil
}

// roomSteps is how often Room halves what it does not know: to one part in a million.
const roomSteps = 20

// Room returns a ρ that can still be spent after a cost, within one part in a million of
// the largest, rounded down; 0 if there is none. The δ of what is still to come is not
// known and not counted.
func (l Limit) Room(spent Cost) (exact.Rat, error) {
	fits := func(rho exact.Rat) (bool, error) {
		delta, err := l.delta(Cost{rho, spent.Delta})
		return err == nil && delta.Cmp(l.Delta) <= 0, err
	}
	// At ρ = ε the bound on δ is no longer of use: no larger ρ is admitted.
	low, high := exact.Rat{}, l.Epsilon
	if ok, err := fits(low); err != nil || !ok {
		return exact.Rat{}, err
	}
	for range roomSteps {
		middle := low.Add(high).Mul(ratio(1, 2))
		ok, err := fits(middle)
		switch {
		case err != nil:
			return exact.Rat{}, err
		case ok:
			low = middle
		default:
			high = middle
		}
	}
	if low.Cmp(spent.Rho) <= 0 {
		return exact.Rat{}, nil
	}
	return low.Sub(spent.Rho), nil
}
