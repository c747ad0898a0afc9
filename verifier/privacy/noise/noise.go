// Package noise draws privacy noise: whole numbers from the discrete Gaussian and the
// discrete Laplace distribution, exactly, from a secret coin.
//
// No float and no rounded probability is involved: where a draw cannot be decided with
// the bits at hand, more bits are drawn and more digits computed. The distributions are
// those of Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy"
// (2020); their algorithms 1 to 3 are the plain twin in the tests.
//
// # Method
//
// A magnitude z >= 0 is split into z = k·x + y with 0 <= y < k, k a power of two. x is
// drawn by inversion from a table of cumulative probabilities, proportional to p(k·x); y
// is uniform; both are kept with probability p(k·x+y) / p(k·x), which rejection makes
// right (Ducas, Durmus, Lepoint and Lyubashevsky, "Lattice Signatures and Bimodal
// Gaussians", 2013, section 6, for k·x of a Gaussian). A fair sign follows; minus 0 is
// rejected, as 0 would count twice.
//
// # Time
//
// Every trial reads the same number of bytes, scans the whole table, and does the same
// operations on words, whatever it draws: no branch and no address depends on a secret.
// How many trials a value needs is independent of the value, so nothing about it can be
// learned from the time, with one exception: a trial that 64 bits cannot decide, with a
// probability below 2^-51, is settled by slow arithmetic on big numbers.
package noise

import (
	"errors"
	"fmt"
	"io"
	"math/big"

	"comity/exact"
)

var (
	// ErrScale says that a variance or scale is outside what is drawn.
	ErrScale = errors.New("noise scale is not usable")
	// ErrCoin says that the secret coin gave no bytes.
	ErrCoin = errors.New("secret coin gave no bytes")
)

// maxBits bounds the scale: a standard deviation below 2^40 keeps every sum of squares
// here in 128 bits, and is beyond what 64-bit lanes leave room for.
const maxBits = 40

// maxTerms bounds numerator and denominator of a scale in bits, as exact.MaxText does for
// those that come in records.
const maxTerms = 512

// Sampler draws from one distribution. It keeps no state between draws and is safe for
// concurrent use.
type Sampler struct {
	law   law
	block uint     // log2 k.
	table []uint64 // Cumulative probabilities of x in units of 2^-64, rounded down.
	slope uint64   // E(k)/4 in units of 2^-67, rounded down.
	limit uint64   // Largest magnitude.
}

// law is a density proportional to e^-E(|z|), E(z) = z²/over or z/over.
type law struct {
	square bool
	over   exact.Rat
}

// Gaussian returns the sampler of the discrete Gaussian N_Z(0, variance), whose density
// at every whole z is proportional to e^(-z²/(2·variance)). The variance is above 0 and
// below 2^80; ErrScale otherwise.
func Gaussian(variance exact.Rat) (*Sampler, error) {
	if err := check(variance, 2*maxBits); err != nil {
		return nil, fmt.Errorf("discrete Gaussian of variance %w", err)
	}
	return build(law{true, variance.Add(variance)}), nil
}

// Laplace returns the sampler of the discrete Laplace distribution, whose density at
// every whole z is proportional to e^(-|z|/scale). The scale is above 0 and below 2^40;
// ErrScale otherwise.
func Laplace(scale exact.Rat) (*Sampler, error) {
	if err := check(scale, maxBits); err != nil {
		return nil, fmt.Errorf("discrete Laplace of scale %w", err)
	}
	return build(law{false, scale}), nil
}

func check(scale exact.Rat, bits uint) error {
	b := scale.Big()
	switch {
	case b.Num().BitLen() > maxTerms || b.Denom().BitLen() > maxTerms:
		return fmt.Errorf("with more than %d bits above or below the line: %w", maxTerms, ErrScale)
	case scale.Sign() <= 0 || b.Cmp(new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), bits))) >= 0:
		return fmt.Errorf("%s: %w: want above 0 and below 2^%d", scale, ErrScale, bits)
	}
	return nil
}

// Within returns a sampler of the same distribution given that no magnitude exceeds
// limit. The limit is at least the standard deviation of a Gaussian, or half the scale of
// a Laplace distribution, so that every other draw or so is kept; ErrScale otherwise.
func (s *Sampler) Within(limit int64) (*Sampler, error) {
	if limit < 1 || s.law.exponent(big.NewInt(limit)).Cmp(exact.FromBig(big.NewRat(1, 2))) < 0 {
		return nil, fmt.Errorf("limit %d on noise: %w: want at least the standard deviation, or half the scale", limit, ErrScale)
	}
	t := *s
	t.limit = uint64(limit)
	return &t, nil
}

// Fill sets every element of out to an independent draw. coin is the secret coin, such as
// crypto/rand.Reader: whoever knows its bytes knows the noise. If it fails, Fill returns
// ErrCoin and clears out.
func (s *Sampler) Fill(out []int64, coin io.Reader) error {
	var batch [batchTrials * trialBytes]byte
	defer clear(batch[:])
	for done := 0; done < len(out); {
		bytes := batch[:min(batchTrials, len(out)-done)*trialBytes]
		if _, err := io.ReadFull(coin, bytes); err != nil {
			clear(out)
			return fmt.Errorf("%w: %w", ErrCoin, err)
		}
		for ; len(bytes) > 0; bytes = bytes[trialBytes:] {
			z, keep, sure := s.trial(words(bytes))
			if sure == 0 {
				var err error
				if z, keep, err = s.settle(words(bytes), coin); err != nil {
					clear(out)
					return err
				}
			}
			out[done] = z     // The next trial overwrites what is not kept.
			done += int(keep) //nolint:gosec // 0 or 1.
		}
	}
	return nil
}

// exponent returns E(z) for z >= 0.
func (l law) exponent(z *big.Int) exact.Rat {
	n := new(big.Rat).SetInt(z)
	if l.square {
		n.Mul(n, n)
	}
	return exact.FromBig(n.Quo(n, l.over.Big()))
}
