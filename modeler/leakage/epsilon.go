package leakage

import (
	"math"

	"comity/modeler/interval"
)

// shares of rows that are guessed at each end: members at the top, others at the bottom.
// The best of them counts, and the error of the bound is divided by their number.
func shares() []float64 { return []float64{.002, .005, .01, .02, .05, .1, .25, .5} }

// audit fills in the lower bound of epsilon. Each target is a private computation on
// independent coins, one for each row, and so are all targets together: the theorem of
// LowerBound holds for their guesses as a whole, however they depend on one another.
func (m *Membership) audit(order []guess, c Config) {
	beta := (1 - c.Confidence) / float64(len(shares()))
	best := -1.
	for _, share := range shares() {
		k := int(share * float64(len(order)))
		right := 0
		for _, g := range order[:k] {
			right += index(g.in)
		}
		for _, g := range order[len(order)-k:] {
			right += index(!g.in)
		}
		if e := LowerBound(len(order), 2*k, right, c.Delta, beta); e > best {
			best, m.Epsilon, m.Guesses, m.Right = e, e, 2*k, right
		}
	}
}

// LowerBound returns the largest epsilon at which as many right guesses have at most
// probability beta under every (epsilon, delta)-private computation: of coins independent
// fair coins, guesses were guessed and right of those are so. It is 0 if guessing alone
// explains them.
//
// The number of right guesses is at most as large, in law, as a binomial one of chance
// q = e^ε/(1 + e^ε), but for delta:
//
//	P(right) <= P(W >= right) + 2 coins δ max_i P(right - i <= W < right)/i
//
// Source: Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run", NeurIPS
// (2023), theorem 5.2. It errs towards 0.
func LowerBound(coins, guesses, right int, delta, beta float64) float64 {
	refuted := func(epsilon float64) bool { return tail(coins, guesses, right, delta, epsilon) <= beta }
	if guesses == 0 || !refuted(0) {
		return 0
	}
	low, high := 0., 1.
	for refuted(high) && high < 64 {
		low, high = high, 2*high
	}
	for range 50 {
		if middle := (low + high) / 2; refuted(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// tail returns the bound of the theorem.
func tail(coins, guesses, right int, delta, epsilon float64) float64 {
	q := 1 / (1 + math.Exp(-epsilon))
	above := atLeast(right, guesses, q)
	if delta == 0 || above >= 1 {
		return min(1, above)
	}
	// P(right - i <= W < right)/i falls again once i is past the bulk of W.
	var worst float64
	for i := 1; i <= right; i++ {
		between := atLeast(right-i, guesses, q) - above
		worst = max(worst, between/float64(i))
		if between >= 1-above-1e-12 {
			break
		}
	}
	return min(1, above+2*float64(coins)*delta*worst)
}

// atLeast returns P(W >= k) of a binomial variable, as an incomplete beta function (DLMF
// 8.17.5).
func atLeast(k, n int, q float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n:
		return 0
	}
	return interval.BetaCDF(q, float64(k), float64(n-k+1))
}

// Refutes tells whether an audit contradicts a claim: a training said to lose at most
// epsilon cannot be attacked as this one was.
func (m *Membership) Refutes(epsilon float64) bool { return m.Epsilon > epsilon }
