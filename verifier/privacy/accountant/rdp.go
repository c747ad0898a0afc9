package accountant

import (
	"fmt"
	"math"
)

// RDP returns the Rényi divergence of the given order between what a mechanism gives on
// neighbours: order is at least 1, and may be infinite. Releases add up.
//
// Sources: Mironov, "Rényi Differential Privacy" (2017), propositions 6 and 7, for
// Laplace and Gaussian noise; Mironov, Talwar and Zhang, "Rényi Differential Privacy of
// the Sampled Gaussian Mechanism" (2019), section 3.3, for Poisson samples, at whole
// orders by their finite sum, at others by the integral itself, which converges faster
// than their series and does not overstate; Canonne, Kamath and Steinke (2020), theorem
// 4, for discrete Gaussian noise without sampling.
func (m Mechanism) RDP(order float64) (float64, error) {
	if !(order >= 1) {
		return 0, fmt.Errorf("%w: Rényi order %v; want at least 1", ErrParameter, order)
	}
	return m.worst(func(d Adjacency) (float64, error) { return m.renyi(order, d) })
}

// leastOrder stands for order 1 where no closed form is at hand: divergences grow with
// the order.
const leastOrder = 1 + 1e-6

func (m Mechanism) renyi(order float64, d Adjacency) (float64, error) {
	ratio := m.Sensitivity / m.Scale
	gaussian := m.Noise == Gaussian || m.Noise == DiscreteGaussian && m.Truncation == 0
	switch {
	case m.Rate == 0:
		return 0, nil
	case gaussian && m.Rate == 1:
		return order * ratio * ratio / 2, nil
	case m.Noise == Laplace && m.Rate == 1:
		return laplaceRDP(ratio, order), nil
	case math.IsInf(order, 1):
		return m.largestLoss(d)
	}
	order = max(order, leastOrder)
	var excess float64 // Logarithm of e^((order-1)·divergence) - 1.
	switch m.Noise {
	case Gaussian:
		if d == Remove && order == math.Trunc(order) && order <= maxBinomial {
			excess = sampledGaussianSum(m.Rate, ratio, int(order))
			break
		}
		var err error
		if excess, err = m.sampledGaussianIntegral(power(order, d)); err != nil {
			return 0, err
		}
	case Laplace:
		excess = m.sampledLaplaceIntegral(power(order, d))
	default:
		a, err := m.atoms(d, order)
		if err != nil {
			return 0, err
		}
		excess = a.excess(order)
	}
	return softplus(excess) / (order - 1), nil
}

// power returns β such that the order's divergence is that of the mean of r^β, where r is
// the density with the person over that without, and the mean is taken without.
func power(order float64, d Adjacency) float64 {
	if d == Add {
		return 1 - order
	}
	return order
}

// largestLoss returns the largest logarithm of a ratio of densities.
func (m Mechanism) largestLoss(d Adjacency) (float64, error) {
	ratio := m.Sensitivity / m.Scale
	switch {
	case m.Noise == Gaussian, m.Noise == DiscreteGaussian && m.Truncation == 0:
		if d == Add && m.Rate < 1 {
			return -math.Log1p(-m.Rate), nil
		}
		return math.Inf(1), nil
	case m.Noise == Laplace && d == Add:
		return -math.Log1p(m.Rate * math.Expm1(-ratio)), nil
	case m.Noise == Laplace:
		return math.Log1p(m.Rate * math.Expm1(ratio)), nil
	}
	a, err := m.atoms(d, 1)
	return a.largest(), err
}

// laplaceRDP is Mironov (2017), proposition 6, written so that nothing cancels.
func laplaceRDP(epsilon, order float64) float64 {
	switch {
	case order == 1:
		return epsilon + math.Expm1(-epsilon)
	case math.IsInf(order, 1):
		return epsilon
	}
	return epsilon + math.Log1p((order-1)/(2*order-1)*math.Expm1((1-2*order)*epsilon))/(order-1)
}

// maxBinomial bounds the orders whose finite sum is taken.
const maxBinomial = 1 << 16

// sampledGaussianSum is Mironov, Talwar and Zhang (2019), equation for whole orders, less
// the 1 that its first two terms and the rest's weights add up to: with weights
// w_i = C(α,i)·(1-q)^(α-i)·q^i, the logarithm of
//
//	Σ_{i>=2} w_i · (e^((i²-i)·ratio²/2) - 1)
func sampledGaussianSum(rate, ratio float64, order int) float64 {
	total := math.Inf(-1)
	whole, _ := math.Lgamma(float64(order) + 1)
	for i := 2; i <= order; i++ {
		k := float64(i)
		chosen, _ := math.Lgamma(k + 1)
		others, _ := math.Lgamma(float64(order) - k + 1)
		weight := whole - chosen - others + k*math.Log(rate)
		if i < order {
			weight += float64(order-i) * math.Log1p(-rate)
		}
		total = logAdd(total, weight+logExpm1(k*(k-1)*ratio*ratio/2))
	}
	return total
}

const (
	// quadrature is how many steps the trapezoidal rule takes to a standard deviation, or
	// to the distance of the integrand's nearest singularity. Its error on an analytic
	// integrand falls as e^(-2π·quadrature) (Trefethen and Weideman, "The Exponentially
	// Convergent Trapezoidal Rule", 2014).
	quadrature = 16
	// reach is how many standard deviations beyond its humps an integrand is followed:
	// e^(-12²/2) is 10^-31.
	reach = 12
	// maxPoints bounds an integral's points.
	maxPoints = 1 << 22
)

// sampledGaussianIntegral returns the logarithm of the mean of r^β less 1, over a
// standard normal x, with r = 1 + q·(e^(u·x-u²/2) - 1) and u the sensitivity in standard
// deviations. As r has the mean 1, that is the mean of g = r^β - 1 - β·(r-1), which is
// never negative: nothing cancels.
func (m Mechanism) sampledGaussianIntegral(beta float64) (float64, error) {
	u := m.Sensitivity / m.Scale
	step := min(1, math.Pi/u) / quadrature
	from, to := -float64(reach), reach+max(0, beta)*u
	if (to-from)/step > maxPoints {
		return 0, fmt.Errorf("%w: a sampled Gaussian of scale %v at power %v", ErrTooLarge, m.Scale, beta)
	}
	total := math.Inf(-1)
	for x := from; x <= to; x += step {
		total = logAdd(total, -x*x/2+logConvex(m.Rate, u*x-u*u/2, beta))
	}
	return total + math.Log(step/math.Sqrt(2*math.Pi)), nil
}

// sampledLaplaceIntegral is the same for Laplace noise: r is constant on both sides and
// smooth between.
func (m Mechanism) sampledLaplaceIntegral(beta float64) float64 {
	u := m.Sensitivity / m.Scale
	total := math.Log(0.5) + logConvex(m.Rate, -u, beta)
	total = logAdd(total, math.Log(0.5)-u+logConvex(m.Rate, u, beta))
	// Simpson's rule over x/scale in [0, u]; density e^-x/2.
	const panels = 4096
	h := u / panels
	for i := 0; i <= panels; i++ {
		weight := 2.0
		if i%2 == 1 {
			weight = 4
		}
		if i == 0 || i == panels {
			weight = 1
		}
		x := float64(i) * h
		total = logAdd(total, math.Log(weight*h/6)-x+logConvex(m.Rate, 2*x-u, beta))
	}
	return total
}

// logConvex returns the logarithm of r^β - 1 - β·(r-1) for r = 1 + rate·(e^loss - 1) and
// β at least 1 or at most 0, where it is not negative.
func logConvex(rate, loss, beta float64) float64 {
	t := rate * math.Expm1(loss)
	logR := math.Log1p(t)
	if loss > 500 || math.IsInf(t, 1) { // e^loss overflows, or 1 is lost beside it.
		logR = loss + math.Log(rate)
	}
	if small := math.Abs(t) * max(1, math.Abs(beta)); small < 1e-3 {
		// The binomial series from its second term: the seventh is below 10^-15 of it.
		sum, c := 0.0, beta*t
		for n := 2.0; n <= 6; n++ {
			c *= (beta - n + 1) / n * t
			sum += c
		}
		return math.Log(max(sum, 0))
	}
	v := beta * logR
	if v > 40 && beta > 1 && logR < 500 {
		return v + math.Log1p(-math.Exp(-v)*(1+beta*t))
	}
	if v > 500 {
		return v
	}
	return math.Log(max(math.Expm1(v)-beta*t, 0))
}

// EpsilonRDP returns the ε at failure probability delta of what has the given divergences
// at the given orders, the least over all orders a > 1 of
//
//	ε = rdp(a) + ln(1 - 1/a) - ln(δ·a)/(a-1)
//
// and 0 at orders where the divergence alone keeps the total variation below δ. Source:
// Canonne, Kamath and Steinke (2020), proposition 12; Bretagnolle and Huber (1979).
func EpsilonRDP(orders, divergences []float64, delta float64) float64 {
	least := math.Inf(1)
	for i, a := range orders {
		r := divergences[i]
		switch {
		case a < 1:
			continue
		case delta*delta+math.Expm1(-r) > 0:
			return 0
		case a > 1 && !math.IsInf(a, 1):
			least = min(least, r+math.Log1p(-1/a)-math.Log(delta*a)/(a-1))
		case a > 1:
			least = min(least, r)
		}
	}
	return upwards(max(least, 0))
}

// DeltaRDP is its inverse: the least failure probability at ε over all orders.
func DeltaRDP(orders, divergences []float64, epsilon float64) float64 {
	least := 0.0 // Logarithm.
	for i, a := range orders {
		r := divergences[i]
		if a < 1 {
			continue
		}
		if epsilon >= 0 {
			least = min(least, math.Log(-math.Expm1(-r))/2)
		}
		switch {
		case a > 1 && math.IsInf(a, 1) && r <= epsilon:
			return 0
		case a > 1 && !math.IsInf(a, 1):
			least = min(least, (a-1)*(r-epsilon+math.Log1p(-1/a))-math.Log(a))
		}
	}
	return min(upwards(math.Exp(least)), 1)
}

// softplus returns ln(1 + e^x).
func softplus(x float64) float64 {
	if x > 40 {
		return x
	}
	return math.Log1p(math.Exp(x))
}

// logAdd returns ln(e^a + e^b).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(a, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// logExpm1 returns ln(e^x - 1) for x > 0.
func logExpm1(x float64) float64 {
	if x > 40 {
		return x
	}
	return math.Log(math.Expm1(x))
}
