package accountant

import (
	"fmt"
	"math"
)

// pair is what a mechanism gives on two neighbours, the first of which is the one whose
// events must not be much likelier.
type pair interface {
	// delta returns the largest of P(S) - e^ε·Q(S) over all events S.
	delta(epsilon float64) float64
	// losses returns bounds of ln(P/Q), but for a probability below 10^-18.
	losses() (low, high float64)
	// fill puts P into the cells of a grid by its loss.
	fill(g *grid)
}

// pair returns the two distributions of one direction.
func (m Mechanism) pair(d Adjacency) (pair, error) {
	switch m.Noise {
	case Gaussian, Laplace:
		return shift{m, d}, nil
	default:
		return m.atoms(d, 1)
	}
}

// shift is continuous noise around 0 against the same around 0 or, with the sampling
// rate, around the sensitivity.
type shift struct {
	m         Mechanism
	direction Adjacency
}

// base returns the probability of noise in (a, b].
func (s shift) base(a, b float64) float64 {
	if a >= b {
		return 0
	}
	if a+b > 0 { // By the upper tails, which are small: less cancels.
		return s.upper(a) - s.upper(b)
	}
	return s.upper(-b) - s.upper(-a)
}

// upper returns the probability of noise above x.
func (s shift) upper(x float64) float64 {
	x /= s.m.Scale
	switch {
	case s.m.Noise == Gaussian:
		return math.Erfc(x/math.Sqrt2) / 2
	case x < 0:
		return 1 - math.Exp(x)/2
	default:
		return math.Exp(-x) / 2
	}
}

// mixed returns the probability of (a, b] with the person in the sample at the rate.
func (s shift) mixed(a, b float64) float64 {
	return (1-s.m.Rate)*s.base(a, b) + s.m.Rate*s.base(a-s.m.Sensitivity, b-s.m.Sensitivity)
}

// at returns the largest x up to which the mixed density is at most e^t times the base.
func (s shift) at(t float64) float64 {
	l := t // The loss without sampling.
	if s.m.Rate < 1 {
		grown := math.Expm1(t) / s.m.Rate
		switch {
		case grown <= -1:
			return math.Inf(-1)
		case t > 500:
			l = t - math.Log(s.m.Rate)
		default:
			l = math.Log1p(grown)
		}
	}
	u := s.m.Sensitivity / s.m.Scale
	switch {
	case s.m.Noise == Gaussian:
		return s.m.Scale*l/u + s.m.Sensitivity/2
	case l >= u:
		return math.Inf(1)
	case l < -u:
		return math.Inf(-1)
	default:
		return (s.m.Scale*l + s.m.Sensitivity) / 2
	}
}

// masses returns P and Q of the outcomes whose loss is in (from, to].
func (s shift) masses(from, to float64) (p, q float64) {
	if s.direction == Add { // The loss is minus that of the mixed over the base.
		a, b := s.at(-to), s.at(-from)
		return s.base(a, b), s.mixed(a, b)
	}
	a, b := s.at(from), s.at(to)
	return s.mixed(a, b), s.base(a, b)
}

func (s shift) delta(epsilon float64) float64 {
	p, q := s.masses(epsilon, math.Inf(1))
	return max(p-math.Exp(epsilon)*q, 0)
}

// losses follows Gaussian noise for 9 standard deviations: 10^-18.
func (s shift) losses() (low, high float64) {
	u := s.m.Sensitivity / s.m.Scale
	low, high = -u, u
	if s.m.Noise == Gaussian {
		low, high = -9*u-u*u/2, 9*u+u*u/2
	}
	low, high = s.sampled(low), s.sampled(high)
	if s.direction == Add {
		low, high = -high, -low
	}
	return low, high
}

// sampled returns the loss of a sample that has the loss l without sampling.
func (s shift) sampled(l float64) float64 {
	if s.m.Rate == 1 {
		return l
	}
	if l > 500 {
		return l + math.Log(s.m.Rate)
	}
	return math.Log1p(s.m.Rate * math.Expm1(l))
}

func (s shift) fill(g *grid) {
	p, _ := s.masses(math.Inf(-1), g.loss(0))
	g.mass[0] += p // Its loss is overstated.
	for i := range len(g.mass) - 1 {
		p, q := s.masses(g.loss(i), g.loss(i+1))
		g.put(i, p, math.Log(p/q))
	}
	p, _ = s.masses(g.loss(len(g.mass)-1), math.Inf(1))
	g.infinite += p
}

// atoms is a pair on finitely many outcomes, by logarithms of probabilities.
type atoms struct{ p, q []float64 }

// atoms returns the pair of a discrete mechanism, with outcomes enough for divergences up
// to an order.
func (m Mechanism) atoms(d Adjacency, order float64) (atoms, error) {
	if m.Noise == RandomizedResponse {
		return m.responses(d), nil
	}
	s := int(m.Sensitivity)
	far := float64(m.Truncation)
	if m.Truncation == 0 && m.Noise == DiscreteGaussian {
		// The integrand's farthest hump is at order times the sensitivity.
		far = math.Ceil(reach*m.Scale + (order+1)*m.Sensitivity)
	} else if m.Truncation == 0 {
		far = math.Ceil(45/m.Scale) + m.Sensitivity // e^-45 is 10^-20.
	}
	if far > maxTruncation {
		return atoms{}, fmt.Errorf("%w: discrete noise up to %v, at most %d", ErrTooLarge, far, maxTruncation)
	}
	b := int(far)
	density := make([]float64, 2*b+1)
	total := math.Inf(-1)
	for i := range density {
		z := float64(i - b)
		density[i] = -m.Scale * math.Abs(z)
		if m.Noise == DiscreteGaussian {
			density[i] = -z * z / (2 * m.Scale * m.Scale)
		}
		total = logAdd(total, density[i])
	}
	at := func(z int) float64 {
		if z < -b || z > b {
			return math.Inf(-1)
		}
		return density[z+b] - total
	}
	without, with := make([]float64, 2*b+1+s), make([]float64, 2*b+1+s)
	for i := range without {
		without[i] = at(i - b)
		with[i] = logAdd(math.Log1p(-m.Rate)+without[i], math.Log(m.Rate)+at(i-b-s))
		if m.Rate == 1 {
			with[i] = at(i - b - s)
		}
		if m.Truncation == 0 && (i < s || i > 2*b) { // Not infinite: the other side merely ends.
			without[i], with[i] = math.Inf(-1), math.Inf(-1)
		}
	}
	if d == Add {
		return atoms{without, with}, nil
	}
	return atoms{with, without}, nil
}

// responses is a true answer, or with probability scale a uniform one, against another
// person's, or against a uniform one where the person is missing.
func (m Mechanism) responses(d Adjacency) atoms {
	k, noise := m.Sensitivity, m.Scale
	truth, other, uniform := math.Log(1-noise+noise/k), math.Log(noise/k), -math.Log(k)
	rest := math.Log(k-1) + other // All other answers alike.
	switch d {
	case ReplaceOne:
		third := math.Log(k-2) + other
		return atoms{[]float64{truth, other, third}, []float64{other, truth, third}}
	case Remove:
		return atoms{[]float64{truth, rest}, []float64{uniform, math.Log(k-1) + uniform}}
	default:
		return atoms{[]float64{uniform, math.Log(k-1) + uniform}, []float64{truth, rest}}
	}
}

func (a atoms) delta(epsilon float64) float64 {
	total := 0.0
	for i, p := range a.p {
		total += max(math.Exp(p)-math.Exp(a.q[i]+epsilon), 0)
	}
	return total
}

func (a atoms) losses() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i, p := range a.p {
		if l := p - a.q[i]; p > -60 && !math.IsInf(l, 0) {
			low, high = min(low, l), max(high, l)
		}
	}
	if low > high { // No outcome can come from both.
		return 0, 0
	}
	return low, high
}

// largest returns the largest loss.
func (a atoms) largest() float64 {
	most := math.Inf(-1)
	for i, p := range a.p {
		if !math.IsInf(p, -1) {
			most = max(most, p-a.q[i])
		}
	}
	return most
}

func (a atoms) fill(g *grid) {
	for i, p := range a.p {
		switch l := p - a.q[i]; {
		case math.IsInf(p, -1):
		case l > g.loss(len(g.mass)-1):
			g.infinite += math.Exp(p)
		case l <= g.loss(0):
			g.mass[0] += math.Exp(p)
		default:
			g.put(min(int(l/g.step-float64(g.low)), len(g.mass)-2), math.Exp(p), l)
		}
	}
}

// excess returns the logarithm of the mean of (P/Q)^order over Q, less 1.
func (a atoms) excess(order float64) float64 {
	total := math.Inf(-1)
	for i, p := range a.p {
		switch q := a.q[i]; {
		case math.IsInf(p, -1) && math.IsInf(q, -1):
		case math.IsInf(q, -1):
			return math.Inf(1)
		case math.IsInf(p, -1): // 0^order - 1 + order.
			total = logAdd(total, q+math.Log(order-1))
		default:
			total = logAdd(total, q+logConvex(1, p-q, order))
		}
	}
	return total
}
