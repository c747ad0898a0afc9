// Package accountant bounds the privacy loss of many releases more tightly than zCDP
// does, by Rényi divergences and by the distribution of the loss itself.
//
// It computes with floats, rounded upwards, and is a check: nothing of it is signed, and
// no budget is decided by it. Package privacy holds the exact accounts.
package accountant

import (
	"errors"
	"fmt"
	"math"
)

var (
	// ErrParameter says that a number is outside what the mathematics holds for.
	ErrParameter = errors.New("accountant's parameter is not usable")
	// ErrPublicCoin says that a sample hides nobody.
	ErrPublicCoin = errors.New("only a sample drawn by a secret coin amplifies privacy")
	// ErrTooLarge says that an answer would take more memory than is spent on it.
	ErrTooLarge = errors.New("too large to account for")
)

// Noise is the distribution that is added, or what is done instead.
type Noise int

// What mechanisms there are. Scales are in the unit of the sensitivity.
const (
	Gaussian           Noise = iota // Scale is the standard deviation.
	Laplace                         // Density e^(-|x|/scale).
	DiscreteGaussian                // Density e^(-z²/(2·scale²)) on whole z.
	DiscreteLaplace                 // Density e^(-scale·|z|) on whole z: this scale is an inverse one.
	RandomizedResponse              // Scale is the probability of a uniform answer; Sensitivity the number of answers.
)

// Adjacency says which pairs of data sets must look alike.
type Adjacency int

// The neighbours of a data set.
const (
	AddOrRemove Adjacency = iota // Both of the next two; the worse counts.
	Add                          // From one without the person to one with.
	Remove                       // From one with the person to one without.
	ReplaceOne                   // One with another value; for RandomizedResponse only.
)

// Coin says who can know which rows were sampled.
type Coin int

// The two coins.
const (
	PublicCoin Coin = iota // Everybody: the zero value, as nothing follows from it.
	SecretCoin             // Nobody but the party whose rows they are.
)

// Mechanism is one release.
type Mechanism struct {
	Noise       Noise
	Scale       float64 // Above 0; see Noise.
	Sensitivity float64 // Above 0; a whole number for discrete noise.
	// Truncation is the largest size of discrete noise, whose density is that much
	// larger within; 0 for no bound.
	Truncation int
	// Rate is the probability with which each row is in the sample, each by itself
	// (Poisson sampling); 1 for all rows. Below 1 it needs a SecretCoin: Comity's samples
	// of rows in trees are drawn by the public coin and amplify nothing.
	Rate      float64
	Coin      Coin
	Adjacency Adjacency
}

// maxScale bounds scales and sensitivities, maxTruncation discrete supports.
const (
	maxScale      = 1e12
	maxTruncation = 1 << 20
)

// Check refuses a mechanism that nothing can be said about: ErrParameter or ErrPublicCoin.
func (m Mechanism) Check() error {
	discrete := m.Noise == DiscreteGaussian || m.Noise == DiscreteLaplace
	switch {
	case m.Noise < Gaussian || m.Noise > RandomizedResponse || m.Adjacency < AddOrRemove || m.Adjacency > ReplaceOne:
		return fmt.Errorf("%w: unknown noise or adjacency", ErrParameter)
	case !(m.Scale > 0) || m.Scale > maxScale || m.Scale < 1/maxScale:
		return fmt.Errorf("%w: scale %v; want above 0", ErrParameter, m.Scale)
	case !(m.Sensitivity > 0) || m.Sensitivity > maxScale:
		return fmt.Errorf("%w: sensitivity %v; want above 0", ErrParameter, m.Sensitivity)
	case (discrete || m.Noise == RandomizedResponse) && (m.Sensitivity != math.Trunc(m.Sensitivity) || m.Sensitivity > maxTruncation):
		return fmt.Errorf("%w: sensitivity %v of discrete noise; want a whole number", ErrParameter, m.Sensitivity)
	case m.Noise == RandomizedResponse && (m.Scale > 1 || m.Sensitivity < 2 || m.Rate != 1):
		return fmt.Errorf("%w: randomized response needs a probability of at most 1, at least 2 answers, and no sampling", ErrParameter)
	case m.Truncation < 0 || m.Truncation > maxTruncation || m.Truncation > 0 && !discrete:
		return fmt.Errorf("%w: truncation %d; want none, or 1 to %d for discrete noise", ErrParameter, m.Truncation, maxTruncation)
	case !(m.Rate >= 0 && m.Rate <= 1):
		return fmt.Errorf("%w: sampling probability %v; want 0 to 1", ErrParameter, m.Rate)
	case m.Rate < 1 && m.Coin != SecretCoin:
		return fmt.Errorf("%w: rate %v was drawn by the public coin; account for all rows (rate 1)", ErrPublicCoin, m.Rate)
	case m.Adjacency == ReplaceOne && m.Noise != RandomizedResponse:
		return fmt.Errorf("%w: replace-one neighbours are computed for randomized response only; for noise, double the sensitivity", ErrParameter)
	}
	return nil
}

// directions returns the pairs of data sets that an adjacency stands for.
func (m Mechanism) directions() []Adjacency {
	if m.Adjacency == AddOrRemove {
		return []Adjacency{Add, Remove}
	}
	return []Adjacency{m.Adjacency}
}

// worst returns the largest of what one function says of each direction.
func (m Mechanism) worst(f func(Adjacency) (float64, error)) (float64, error) {
	if err := m.Check(); err != nil {
		return 0, err
	}
	most := 0.0
	for _, d := range m.directions() {
		v, err := f(d)
		if err != nil {
			return 0, err
		}
		most = max(most, v)
	}
	return upwards(most), nil
}

// upwards makes up for rounding: closed forms and integrals here have a relative error
// below 2^-40. Compositions on a grid overstate by construction, up to the transform's
// own error of about 10^-10.
func upwards(v float64) float64 { return v * (1 + 0x1p-40) }
