package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"

	"comity/exact"
	"comity/modeler/learn"
	"comity/verifier/privacy"
	"comity/verifier/privacy/noise"
)

// ErrUnplanned says that a training asked for a sum that its budget has no part for.
var ErrUnplanned = errors.New("sum without a part of the budget")

// Release is what one sum of a private training gives away.
type Release struct {
	Square   int64 // Of the most by which one row changes the Euclidean length of the sum.
	Variance int64 // Of the discrete Gaussian noise in each of its values.
}

// Budget shares ρ out among the sums of a training, whose squared sensitivities are given:
// the first gets the part first, if that is above 0, and all others the same variance.
// Variances are rounded up, so that the sum of all costs is at most ρ.
func Budget(rho, first exact.Rat, squares []int64) ([]Release, error) {
	releases := make([]Release, len(squares))
	rest, left := squares, rho
	if first.Sign() > 0 && len(squares) > 0 {
		part := rho.Mul(first)
		v, err := variance(squares[0], part)
		if err != nil {
			return nil, err
		}
		releases[0] = Release{squares[0], v}
		rest, left = squares[1:], rho.Sub(part)
	}
	var total int64
	for _, s := range rest {
		total += s
	}
	v, err := variance(total, left)
	if err != nil {
		return nil, err
	}
	for i, s := range rest {
		releases[len(squares)-len(rest)+i] = Release{s, v}
	}
	return releases, nil
}

// variance returns the least whole variance at which sums of so much squared sensitivity
// together cost at most ρ: Δ²/(2ρ), rounded up.
func variance(square int64, rho exact.Rat) (int64, error) {
	v, err := exact.Int(square).Quo(rho.Add(rho))
	if err != nil || rho.Sign() < 0 {
		return 0, fmt.Errorf("%w: ρ = %s; want more than 0", privacy.ErrParameter, rho)
	}
	up := new(big.Int).Neg(v.Neg().Floor())
	const most = 1 << 56 // As additive.Noise.
	if !up.IsInt64() || up.Int64() > most {
		return 0, fmt.Errorf("%w: ρ = %s asks for noise of variance %s; at most 2^56", privacy.ErrParameter, rho, up)
	}
	return max(1, up.Int64()), nil
}

// Cost returns the ρ of all releases together. Costs of zero-concentrated differential
// privacy add up (Bun and Steinke, 2016, lemma 1.7), also where a sum depends on those
// before it.
func Cost(releases []Release) (exact.Rat, error) {
	total := exact.Rat{}
	for _, r := range releases {
		rho, err := privacy.GaussianRho(exact.Int(r.Square), exact.Int(r.Variance))
		if err != nil {
			return total, err
		}
		total = total.Add(rho)
	}
	return total, nil
}

// Noisy is a Summer that adds discrete Gaussian noise to every value of every sum of
// another one: one release a sum, in turn.
type Noisy struct {
	learn.Summer
	Releases []Release // What is left.
	Secret   io.Reader // The secret coin.
}

// Sum returns the sum with its noise, or ErrUnplanned.
func (n *Noisy) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	if len(n.Releases) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnplanned, step.Name)
	}
	sum, err := n.Summer.Sum(ctx, step, x)
	if err != nil {
		return nil, err
	}
	sampler, err := noise.Gaussian(exact.Int(n.Releases[0].Variance))
	if err != nil {
		return nil, err
	}
	n.Releases = n.Releases[1:]
	noisy := make([]int64, len(sum))
	if err := sampler.Fill(noisy, n.Secret); err != nil {
		return nil, err
	}
	for i, v := range sum {
		noisy[i] += v
	}
	return noisy, nil
}
