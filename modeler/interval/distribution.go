package interval

import (
	"fmt"
	"math"
)

// NormalCDF returns the probability that a standard normal variable is at most x.
func NormalCDF(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// NormalDensity returns the density of a standard normal variable at x.
func NormalDensity(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

// NormalQuantile returns x with NormalCDF(x) = p, infinite at 0 and 1, and panics for p
// outside: levels are constants of ours.
func NormalQuantile(p float64) float64 {
	if !(p >= 0 && p <= 1) {
		panic(fmt.Sprintf("interval: quantile at probability %v", p))
	}
	if p > .5 {
		return -NormalQuantile(1 - p)
	}
	x := -math.Sqrt2 * math.Erfcinv(2*p)
	if p == 0 || math.IsInf(x, 0) && p < 1e-300 {
		return math.Inf(-1)
	}
	if math.IsInf(x, 0) { // The library's inverse gives up below 2^-53.
		x = -math.Sqrt(-2 * math.Log(p))
	}
	// The library inverts 1 - p, which loses digits in the tail: Newton's steps on ln p,
	// whose curve is nearly straight there, bring them back.
	for range 4 {
		cdf := NormalCDF(x)
		x -= math.Log(cdf/p) * cdf / NormalDensity(x)
	}
	return x
}

// StudentCDF returns the probability that Student's t with v > 0 degrees of freedom is at
// most t.
//
// Source: Student, "The probable error of a mean", Biometrika 6 (1908); as an incomplete
// beta function: DLMF 8.17 with x = v/(v + t²).
func StudentCDF(t, v float64) float64 {
	tail := BetaCDF(v/(v+t*t), v/2, .5) / 2
	if t > 0 {
		return 1 - tail
	}
	return tail
}

// BetaCDF returns the regularised incomplete beta function I_x(a, b) for a, b > 0: the
// probability that a beta variable is at most x.
//
// Source: the continued fraction DLMF 8.17.22, evaluated with the method of Lentz,
// "Generating Bessel functions in Mie scattering calculations" (1976), on the side of
// the mean where it converges fast.
func BetaCDF(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - BetaCDF(1-x, b, a)
	}
	return math.Exp(a*math.Log(x)+b*math.Log1p(-x)-logBeta(a, b)) / a * betaFraction(x, a, b)
}

func logBeta(a, b float64) float64 {
	ab, _ := math.Lgamma(a + b)
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	return la + lb - ab
}

// betaFraction returns the continued fraction of DLMF 8.17.22.
func betaFraction(x, a, b float64) float64 {
	const (
		tiny  = 1e-300 // Lentz: in place of a zero denominator.
		terms = 100_000
	)
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1., 1/away(1-(a+b)*x/(a+1))
	value := d
	for m := 1.; m < terms; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/away(1+even*d), away(1+even/c)
		value *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/away(1+odd*d), away(1+odd/c)
		value *= d * c
		if math.Abs(d*c-1) < 1e-16 {
			break
		}
	}
	return value
}

// BetaQuantile returns x with BetaCDF(x, a, b) = p, to the last digits, by halving an
// interval: slow, and certain to end.
func BetaQuantile(p, a, b float64) float64 {
	low, high := 0., 1.
	for range 1100 { // Halving reaches the smallest number above 0 in as many steps.
		middle := low + (high-low)/2
		if middle == low || middle == high {
			break
		}
		if BetaCDF(middle, a, b) < p {
			low = middle
		} else {
			high = middle
		}
	}
	return low + (high-low)/2
}

// KolmogorovSurvival returns the probability that the distance of n independent uniform
// numbers from their law is at least d, by the limit of Kolmogorov with the small-sample
// factor of Stephens; it is off by less than .001 from n = 5 on.
//
//	2 Σ_{k>=1} (-1)^{k-1} exp(-2 k² s²)    s = d (√n + .12 + .11/√n)
//
// Source: Stephens, "Use of the Kolmogorov-Smirnov, Cramér-von Mises and related
// statistics without extensive tables", JRSS B 32 (1970), section 3.
func KolmogorovSurvival(d float64, n int) float64 {
	root := math.Sqrt(float64(n))
	s := d * (root + .12 + .11/root)
	if s < .2 { // Here it is 1 to thirteen digits, and the sum would need many terms.
		return 1
	}
	var sum float64
	for k := 1.; k <= 100; k++ {
		term := math.Exp(-2 * k * k * s * s)
		if math.Mod(k, 2) == 0 {
			term = -term
		}
		sum += term
	}
	return min(1, max(0, 2*sum))
}
