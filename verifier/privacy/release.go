package privacy

import (
	"fmt"
	"math/big"

	"comity/exact"
	"comity/party"
	"comity/verifier/privacy/enclosure"
	"comity/verifier/privacy/noise"
)

// Limits of a release. They are at least those of secure aggregation, which this package
// does not import.
const (
	MinMembers = 3
	MaxMembers = 1 << 12
	MaxLanes   = 1 << 20
)

// Release plans the noise of one secure sum: vectors of whole numbers, one a member, to
// which every member adds noise of its own.
//
// Up to a third of the members may drop out and take their noise away, and another third
// may pool what they know and subtract theirs. So the noise of any third must do: each
// member adds a discrete Gaussian of variance
//
//	σ²/(n/3) = 3σ²/n
//
// and n - 2·floor(n/3) >= n/3 of them have the variance σ² between them, or more.
type Release struct {
	Members int // Of the cohort that adds noise, MinMembers to MaxMembers.
	Lanes   int // Length of a vector, 1 to MaxLanes.
	Bits    int // Of the ring that sums are taken in: 32 or 64.
	// Bound is the largest size of a member's value in any lane after clipping.
	Bound int64
	// Square is the square of the L2 sensitivity: how far the sum can move, when what the
	// schema's unit protects changes: see SquaredSensitivity. A whole number above 0.
	Square exact.Rat
	// Variance is σ², what honest survivors add together. Each share of it is at least
	// 1/4 (KLS, proposition 14, wants σ >= 1/2).
	Variance exact.Rat
}

// SquaredSensitivity returns the Square of a release whose vectors were clipped to an L2
// norm of length, above 0.
//
//	person   length²       what one person adds to a member's vector is clipped, and
//	                       whether the person is in the rows at all is protected
//	member   (2·length)²   the vector is clipped; that the member takes part is public, so
//	                       the change from any vector to any other is protected
func SquaredSensitivity(unit string, length int64) (exact.Rat, error) {
	if length < 1 || unit != UnitPerson && unit != UnitMember {
		return exact.Rat{}, fmt.Errorf("%w: unit %.20q clipped to %d; want %s or %s, clipped to at least 1", ErrParameter, unit, length, UnitPerson, UnitMember)
	}
	square := squared(length)
	if unit == UnitMember {
		square = square.Mul(exact.Int(4))
	}
	return square, nil
}

// Cost is what a release costs: it is ρ-zCDP but for an event of probability Delta.
type Cost struct{ Rho, Delta exact.Rat }

// Times returns the cost of so many releases of the same kind, such as the sums of one
// training run, attempts that were lost after commitment included. None are fewer than 0.
func (c Cost) Times(releases int) Cost {
	n := exact.Int(int64(releases))
	return Cost{c.Rho.Mul(n), c.Delta.Mul(n)}
}

// Charges returns what each member of a cohort is charged: the statement with its own
// name and this cost.
func (c Cost) Charges(statement Charge, cohort []party.ID) []Charge {
	charges := make([]Charge, len(cohort))
	for i, id := range cohort {
		statement.Party, statement.Rho, statement.Delta = id, c.Rho, c.Delta
		charges[i] = statement
	}
	return charges
}

// Check refuses a release that no cost can be given for, with ErrParameter.
func (r Release) Check() error {
	switch {
	case r.Members < MinMembers || r.Members > MaxMembers:
		return fmt.Errorf("%w: %d members add noise; want %d to %d", ErrParameter, r.Members, MinMembers, MaxMembers)
	case r.Lanes < 1 || r.Lanes > MaxLanes:
		return fmt.Errorf("%w: %d lanes; want 1 to %d", ErrParameter, r.Lanes, MaxLanes)
	case r.Bits != 32 && r.Bits != 64:
		return fmt.Errorf("%w: ring of %d bits; want 32 or 64", ErrParameter, r.Bits)
	case r.Square.Sign() <= 0 || !r.Square.IsInt() || r.Square.Big().Num().BitLen() > 192:
		return fmt.Errorf("%w: squared sensitivity %s; want a whole number from 1 to 2^192", ErrParameter, clip(r.Square))
	case r.Variance.Sign() <= 0 || r.Share().Cmp(ratio(1, 4)) < 0:
		return fmt.Errorf("%w: variance %s leaves each of %d members a share of %s; want at least 1/4", ErrParameter, clip(r.Variance), r.Members, clip(r.Share()))
	case r.Bound < 0 || r.Limit() < 1 || squared(r.Limit()).Cmp(r.Share()) < 0:
		return fmt.Errorf("%w: values up to %d leave noise of variance %s a room of %d in a ring of %d bits; clip to less, or take a larger ring",
			ErrParameter, r.Bound, clip(r.Share()), r.Limit(), r.Bits)
	}
	return nil
}

// Share returns the variance of one member's noise, 3σ²/n.
func (r Release) Share() exact.Rat { return r.Variance.Mul(ratio(3, int64(r.Members))) }

// Survivors returns how many members must remain for the cost to hold: all but a third.
func (r Release) Survivors() int { return r.Members - r.Members/3 }

// Honest returns how many survivors are counted on: all but another third.
func (r Release) Honest() int { return r.Members - 2*(r.Members/3) }

// Limit returns the largest size of a member's noise in a lane. With it no sum of all
// members leaves the ring:
//
//	n · (Bound + Limit) < 2^(Bits-1)
func (r Release) Limit() int64 {
	room := int64(1)<<(r.Bits-1) - 1
	return room/int64(r.Members) - r.Bound
}

// Sampler returns what draws a member's noise: its share, within the limit.
func (r Release) Sampler() (*noise.Sampler, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	s, err := noise.Gaussian(r.Share())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParameter, err)
	}
	return s.Within(r.Limit())
}

// Cost returns what the release costs:
//
//	ρ = Δ²/(2σ²) + correction        δ = n·d·P(|noise| > Limit)
//
// A sum of discrete Gaussians is not one. With h honest survivors, d lanes, and σ_i² the
// share of each, the correction is the smaller of the two that are published,
//
//	τ·d    and    Δ₁·τ/(√h·σ_i) + τ²·d/2,    τ = 10·Σ_{k=1}^{h-1} e^(-2π²σ_i²·k/(k+1))
//
// where the L1 sensitivity Δ₁ is at most Δ² and at most √d·Δ for whole numbers. It is
// rounded up to 32 binary digits. Honest members beyond h only add independent noise.
// Source: Kairouz, Liu and Steinke, "The Distributed Discrete Gaussian Mechanism for
// Federated Learning with Secure Aggregation" (2021), proposition 14; its first bound,
// α·Δ²/(2hσ_i²) + τ·d at order α, is at most α times the ρ above as α >= 1.
func (r Release) Cost() (Cost, error) {
	if err := r.Check(); err != nil {
		return Cost{}, err
	}
	rho, err := GaussianRho(r.Square, r.Variance)
	if err != nil {
		return Cost{}, err
	}
	return Cost{rho.Add(r.correction()), r.wrap()}, nil
}

// correction returns what a sum of discrete Gaussians costs beyond a discrete Gaussian.
func (r Release) correction() exact.Rat {
	tau := r.tau()
	if tau.Sign() == 0 { // One honest member: no sum.
		return exact.Rat{}
	}
	d := exact.Int(int64(r.Lanes))
	one := least(r.Square, enclosure.Sqrt(d.Mul(r.Square), precision).High)
	deviation := enclosure.Sqrt(r.Share().Mul(exact.Int(int64(r.Honest()))), precision).Low
	second := quotient(one.Mul(tau), deviation).Add(tau.Mul(tau).Mul(d).Mul(ratio(1, 2)))
	return enclosure.RoundUp(least(tau.Mul(d), second), costBits)
}

// tau returns how far, at most, a sum of Honest shares is from a discrete Gaussian.
func (r Release) tau() exact.Rat {
	var sum exact.Rat
	for k := int64(1); k < int64(r.Honest()); k++ {
		x := squaredPi().Mul(r.Share()).Mul(ratio(2*k, k+1))
		sum = sum.Add(enclosure.Exp(x.Neg(), precision).High)
	}
	return sum.Mul(exact.Int(10))
}

// squaredPi is the square of π cut after 20 decimals: a lower bound.
func squaredPi() exact.Rat {
	pi, _ := exact.Parse("3.14159265358979323846") // A constant: it cannot fail.
	return pi.Mul(pi)
}

// wrap bounds the probability that any member's noise would have passed the limit:
//
//	P(|X| >= m) <= 2·e^(-m²/(2σ_i²))
//
// as E e^(tX) <= e^(t²σ²/2), like that of a continuous Gaussian: completing the square
// leaves a sum of e^(-(z-tσ²)²/(2σ²)) over all whole z, which by Poisson's summation
// formula is largest unshifted. Chernoff's bound follows.
func (r Release) wrap() exact.Rat {
	m := squared(r.Limit() + 1)
	x := quotient(m, r.Share().Add(r.Share()))
	one := enclosure.Exp(x.Neg(), precision).High
	all := one.Mul(exact.Int(2)).Mul(exact.Int(int64(r.Lanes))).Mul(exact.Int(int64(r.Members)))
	return enclosure.RoundUp(least(all, exact.Int(1)), costBits)
}

// squared returns m².
func squared(m int64) exact.Rat {
	n := big.NewInt(m)
	return exact.FromBig(new(big.Rat).SetInt(n.Mul(n, n)))
}
