// Package interval says how far a number that was estimated from a sample can be from
// the truth: intervals for shares, for means of bounded values, and for many of either at
// once, with the distributions behind them.
//
// It is statistics for reports: floating point, and nothing of it is signed. Every
// function states its source and what it assumes; what is not stated is not assumed, so
// that an interval without a word about normality does not need any.
package interval

import (
	"errors"
	"fmt"
	"math"
)

// ErrInput says that counts, levels or samples are outside what an interval is defined for.
var ErrInput = errors.New("interval is not defined")

// Interval holds a number with a stated confidence.
type Interval struct{ Low, High float64 }

// Holds tells whether a value lies within, ends included.
func (i Interval) Holds(v float64) bool { return i.Low <= v && v <= i.High }

// Share is a proportion of n trials and where the true one lies.
type Share struct {
	Interval
	Of    int     // Trials.
	Value float64 // Successes over trials; NaN without trials.
}

// Wilson returns the score interval of a proportion after hits of n independent trials,
// in which the error in the middle is near 1 - confidence and never needs n to be large:
//
//	(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)
//
// Source: Wilson, "Probable inference, the law of succession, and statistical inference",
// JASA 22 (1927); recommended for small n by Brown, Cai and DasGupta, "Interval
// estimation for a binomial proportion" (2001). Without trials it is all of [0, 1].
func Wilson(hits, n int, confidence float64) (Share, error) {
	if err := checkTrials(hits, n, confidence); err != nil {
		return Share{}, fmt.Errorf("wilson: %w", err)
	}
	if n == 0 {
		return Share{Interval{0, 1}, 0, math.NaN()}, nil
	}
	z, of := NormalQuantile((1+confidence)/2), float64(n)
	p := float64(hits) / of
	scale := 1 + z*z/of
	middle := (p + z*z/(2*of)) / scale
	half := z / scale * math.Sqrt(p*(1-p)/of+z*z/(4*of*of))
	s := Share{Interval{max(0, middle-half), min(1, middle+half)}, n, p}
	if hits == 0 {
		s.Low = 0 // Where rounding would leave a hair.
	}
	if hits == n {
		s.High = 1
	}
	return s, nil
}

// ClopperPearson returns the exact interval of a proportion: it holds the true one with
// at least the stated confidence for every n and every proportion, and is wider than
// Wilson's for that. Each side errs with at most (1 - confidence)/2.
//
// Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in
// the case of the binomial", Biometrika 26 (1934).
func ClopperPearson(hits, n int, confidence float64) (Share, error) {
	if err := checkTrials(hits, n, confidence); err != nil {
		return Share{}, fmt.Errorf("clopper-pearson: %w", err)
	}
	if n == 0 {
		return Share{Interval{0, 1}, 0, math.NaN()}, nil
	}
	tail := (1 - confidence) / 2
	h, of := float64(hits), float64(n)
	s := Share{Interval{0, 1}, n, h / of}
	if hits > 0 {
		s.Low = BetaQuantile(tail, h, of-h+1)
	}
	if hits < n {
		s.High = BetaQuantile(1-tail, h+1, of-h)
	}
	return s, nil
}

func checkTrials(hits, n int, confidence float64) error {
	if hits < 0 || n < hits {
		return fmt.Errorf("%w: %d hits of %d trials", ErrInput, hits, n)
	}
	return checkConfidence(confidence)
}

func checkConfidence(confidence float64) error {
	if !(confidence > 0 && confidence < 1) { // NaN is neither.
		return fmt.Errorf("%w: confidence %v; give a number between 0 and 1, such as 0.95", ErrInput, confidence)
	}
	return nil
}
