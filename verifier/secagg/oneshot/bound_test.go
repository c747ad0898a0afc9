package oneshot

import (
	"math"
	"testing"
)

// The numbers of docs/decisions/secure-aggregation.md on neighbours, computed. Floats
// serve here: they state bounds in powers of two, and nothing is signed.

// lchoose is the logarithm of the binomial coefficient.
func lchoose(n, k int) float64 {
	if k < 0 || k > n {
		return math.Inf(-1)
	}
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// distinct is the distribution of how many different neighbours k/2 random rings of n
// members give one of them: each ring adds two others, some of whom it had before.
func distinct(n, k int) []float64 {
	p := make([]float64, k+1)
	p[0] = 1
	for range k / 2 {
		next := make([]float64, k+1)
		for had, x := range p {
			for added := 0; added <= 2 && had+added <= k && x > 0; added++ {
				next[had+added] += x * math.Exp(lchoose(n-1-had, added)+lchoose(had, 2-added)-lchoose(n-1, 2))
			}
		}
		p = next
	}
	return p
}

// moreThan is the probability that more than some of m others, drawn from n-1 of whom c
// are marked, are marked.
func moreThan(n, c, m, some int) float64 {
	sum := 0.0
	for i := some + 1; i <= min(m, c); i++ {
		sum += math.Exp(lchoose(c, i) + lchoose(n-1-c, m-i) - lchoose(n-1, m))
	}
	return sum
}

// needOf is the threshold of so many holders.
func needOf(holders int, share float64) int { return int(math.Ceil(share*float64(holders) - 1e-9)) }

// captured bounds the probability that colluders are enough holders of some honest
// member to recover its secrets by themselves. Its neighbours, however many, are a
// random set of that size.
func captured(n, k, c int, share float64) float64 {
	sum := 0.0
	for m, p := range distinct(n, k) {
		sum += p * moreThan(n, c, m, needOf(m+1, share)-1)
	}
	return float64(n-c) * sum
}

// lost bounds the probability that too few holders of some member are left when gone
// members drop out at random.
func lost(n, k, gone int, share float64) float64 {
	sum := 0.0
	for m, p := range distinct(n, k) {
		sum += p * moreThan(n, gone, m, m+1-needOf(m+1, share))
	}
	return float64(n) * sum
}

// together is how many honest survivors a member whose masks are opened has at least
// among its neighbours, but with probability 2^-20 for any of them: it takes need
// holders that survived, itself and colluders among them.
func together(n, k, c int, share float64) int {
	p := distinct(n, k)
	for least := k; ; least-- {
		bad := 0.0
		for m, x := range p {
			bad += x * moreThan(n, c, m, needOf(m+1, share)-1-least)
		}
		if float64(n-c)*bad < math.Exp2(-20) || least == 0 {
			return least
		}
	}
}

// smallest is the largest s such that no set of fewer than s honest members holds
// together by itself, that is with at least degree neighbours each among themselves,
// but with probability 2^-40: Chernoff's bound on the edges inside, over all sets.
func smallest(n, k, degree int) int {
	total := 0.0
	for s := degree + 1; s < n; s++ {
		mean := float64(k) / 2 * float64(s) * float64(s-1) / float64(n-1)
		edges := float64(s*degree) / 2
		if edges <= mean {
			return s
		}
		total += math.Exp(lchoose(n, s) - mean + edges*(1+math.Log(mean/edges)))
		if total > math.Exp2(-40) {
			return s
		}
	}
	return n
}

// Thresholds of two thirds, as on the page.
func TestCollusionBounds(t *testing.T) {
	for _, c := range []struct {
		n, degree, fraction int // One in fraction colludes, or drops out.
		captured            float64
		together, smallest  int
		lost                float64
	}{
		{200, 24, 20, -64, 6, 7, 1.8e-5},
		{200, 24, 10, -37, 3, 4, 0.031},
		{200, 24, 5, -17, 0, 1, 6.2},
		{200, 60, 10, -118, 16, 17, 1.1e-7},
		{200, 60, 5, -54, 8, 9, 0.44},
		{1000, 30, 20, -61, 8, 30, 5.2e-5},
		{1000, 30, 10, -38, 4, 5, 0.065},
		{1000, 30, 5, -18, 0, 1, 23},
		{1000, 60, 10, -84, 16, 86, 7.8e-5},
		{1000, 60, 5, -42, 7, 8, 4.2},
		{1000, 100, 10, -149, 33, 175, 4.7e-9},
		{1000, 100, 5, -76, 20, 72, 0.4},
	} {
		who := c.n / c.fraction
		power := math.Round(math.Log2(captured(c.n, c.degree, who, 2.0/3)))
		hold := together(c.n, c.degree, who, 2.0/3)
		set, gone := smallest(c.n, c.degree, hold), lost(c.n, c.degree, who, 2.0/3)
		if power != c.captured || hold != c.together || set != c.smallest || math.Abs(gone/c.lost-1) > 0.05 {
			t.Errorf("%d members of degree %d, one in %d: 2^%g, %d, %d, %.2g; the page says 2^%g, %d, %d, %.2g",
				c.n, c.degree, c.fraction, power, hold, set, gone, c.captured, c.together, c.smallest, c.lost)
		}
	}
}
