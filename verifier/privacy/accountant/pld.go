package accountant

import (
	"fmt"
	"math"
	"slices"
)

// grid is a distribution of privacy losses on multiples of a step: mass[i] has the loss
// (low+i)·step, and infinite an infinite one.
type grid struct {
	step     float64
	low      int
	mass     []float64
	infinite float64
}

func (g *grid) loss(i int) float64 { return float64(g.low+i) * g.step }

// put adds a mass p of loss l, between cells i and i+1, to both in such a way that every
// event keeps its probabilities under both neighbours. The grid's δ at any ε is then at
// least the true one, and equal at multiples of the step. Source: Doroshenko, Ghazi,
// Kamath, Kumar and Manurangsi, "Connect the Dots: Tighter Discrete Approximations of
// Privacy Loss Distributions" (2022).
func (g *grid) put(i int, p, l float64) {
	if p <= 0 {
		return
	}
	a, b := g.loss(i), g.loss(i+1)
	share := math.Expm1(a-min(max(l, a), b)) / math.Expm1(a-b)
	if math.IsNaN(share) {
		share = 1
	}
	g.mass[i] += p * (1 - share)
	g.mass[i+1] += p * share
}

const (
	// finestStep is how close losses are told apart where they spread widely.
	finestStep = 1e-4
	// spread is how many steps one standard deviation of a loss has at least, where
	// maxCells allow: moving losses to the grid adds at most 1/(4·spread²) to a variance.
	spread = 16
	// maxCells bounds a grid and the transform over it: 2^21 complex numbers are 32 MiB.
	maxCells = 1 << 21
	// lost is what windows may leave out of a composition; it is added to δ.
	lost = 1e-15
	// maxReleases bounds a composition.
	maxReleases = 1 << 30
)

// Run is a mechanism and how often it was used.
type Run struct {
	Mechanism
	Releases int // At least 1.
}

// Delta returns the failure probability at ε of several independent releases, adaptively
// chosen or not: exactly for one release and for Gaussian noise without sampling,
// otherwise by the distribution of the loss on a grid that overstates it, good to about
// 10^-10. All runs have the same adjacency.
func Delta(runs []Run, epsilon float64) (float64, error) {
	if math.IsNaN(epsilon) {
		return 0, fmt.Errorf("%w: ε is no number", ErrParameter)
	}
	v, err := worst(runs, func(d Adjacency) (float64, error) {
		single, composed, err := compose(runs, d)
		switch {
		case err != nil:
			return 0, err
		case composed == nil:
			return single.delta(epsilon), nil
		}
		if most, err := largestSum(runs, d); err != nil || epsilon >= most {
			return 0, err
		}
		return composed.delta(epsilon), nil
	})
	return min(v, 1), err
}

// Epsilon returns the least ε at which several releases fail with probability at most
// delta; it may be infinite. See Delta.
func Epsilon(runs []Run, delta float64) (float64, error) {
	if !(delta >= 0 && delta <= 1) {
		return 0, fmt.Errorf("%w: δ = %v; want 0 to 1", ErrParameter, delta)
	}
	return worst(runs, func(d Adjacency) (float64, error) {
		single, composed, err := compose(runs, d)
		switch {
		case err != nil:
			return 0, err
		case composed == nil:
			return solve(single, delta), nil
		}
		most, err := largestSum(runs, d)
		return min(composed.epsilon(delta), most), err
	})
}

// largestSum returns the largest loss that all releases can come to: no event is more
// than that much likelier. It may be infinite.
func largestSum(runs []Run, d Adjacency) (float64, error) {
	sum := 0.0
	for _, r := range runs {
		if r.Rate == 0 {
			continue
		}
		most, err := r.largestLoss(d)
		if err != nil {
			return 0, err
		}
		sum += float64(r.Releases) * most
	}
	return sum, nil
}

// worst returns the largest of what one function says of each direction.
func worst(runs []Run, f func(Adjacency) (float64, error)) (float64, error) {
	if len(runs) == 0 {
		return 0, fmt.Errorf("%w: no releases", ErrParameter)
	}
	for _, r := range runs {
		if err := r.Check(); err != nil {
			return 0, err
		}
		if r.Releases < 1 || r.Releases > maxReleases {
			return 0, fmt.Errorf("%w: %d releases; want 1 to %d", ErrParameter, r.Releases, maxReleases)
		}
		if r.Adjacency != runs[0].Adjacency {
			return 0, fmt.Errorf("%w: runs of different adjacency; take one for all", ErrParameter)
		}
	}
	return runs[0].worst(f)
}

// compose returns the pair that stands for all releases, or the distribution of their
// loss where there is none.
func compose(runs []Run, d Adjacency) (pair, *grid, error) {
	runs = simplify(runs)
	parts := make([]part, len(runs))
	for i, r := range runs {
		p, err := r.pair(d)
		if err != nil {
			return nil, nil, err
		}
		parts[i] = part{pair: p, releases: r.Releases}
	}
	switch {
	case len(runs) == 0: // Nothing of the person is released: one outcome, certain.
		return atoms{[]float64{0}, []float64{0}}, nil, nil
	case len(runs) == 1 && runs[0].Releases == 1:
		return parts[0].pair, nil, nil
	}
	if err := layAll(parts, finestStep); err != nil {
		return nil, nil, err
	}
	if fine := deviation(parts) / spread; fine < finestStep && fine > 0 {
		if err := layAll(parts, fine); err != nil {
			return nil, nil, err
		}
	}
	for {
		step := parts[0].step
		low, high := window(parts)
		if cells := (high-low)/step + 3; cells <= maxCells {
			return nil, convolve(parts, int(math.Floor(low/step)), int(cells)), nil
		}
		if err := layAll(parts, 2*step); err != nil {
			return nil, nil, err
		}
	}
}

// part is one kind of release of a composition.
type part struct {
	*grid    // Of one release.
	pair     pair
	releases int
}

// simplify leaves out what samples nobody, and adds Gaussians without sampling up to one:
// their squared ratios of sensitivity and scale add up.
func simplify(runs []Run) []Run {
	var rest []Run
	square := 0.0
	for _, r := range runs {
		switch ratio := r.Sensitivity / r.Scale; {
		case r.Rate == 0:
		case r.Noise == Gaussian && r.Rate == 1:
			square += float64(r.Releases) * ratio * ratio
		default:
			rest = append(rest, r)
		}
	}
	if square > 0 {
		rest = append(rest, Run{Mechanism{Noise: Gaussian, Scale: 1, Sensitivity: math.Sqrt(square), Rate: 1}, 1})
	}
	return rest
}

// layAll puts all parts on grids of one step, the widest that one of them needs.
func layAll(parts []part, step float64) error {
	for i := 0; i < len(parts); i++ {
		g, err := lay(parts[i].pair, step)
		if err != nil {
			return err
		}
		parts[i].grid = g
		if g.step > step { // Begin again with the wider one.
			step, i = g.step, -1
		}
	}
	return nil
}

// lay puts a pair on a grid, with a wider step where this one would need too many cells.
func lay(p pair, step float64) (*grid, error) {
	low, high := p.losses()
	if math.IsInf(low, 0) || math.IsInf(high, 0) || high-low > 1e9 {
		return nil, fmt.Errorf("%w: losses from %v to %v", ErrTooLarge, low, high)
	}
	for (high-low)/step > maxCells/2 {
		step *= 2
	}
	first, last := int(math.Floor(low/step))-1, int(math.Ceil(high/step))+1
	g := &grid{step: step, low: first, mass: make([]float64, last-first+1)}
	p.fill(g)
	return g, nil
}

// deviation returns the standard deviation of the finite losses of an average release.
func deviation(parts []part) float64 {
	variance, releases := 0.0, 0.0
	for _, p := range parts {
		variance += float64(p.releases) * p.variance()
		releases += float64(p.releases)
	}
	return math.Sqrt(variance / releases)
}

// variance returns the variance of the finite losses.
func (g *grid) variance() float64 {
	total, mean, square := 0.0, 0.0, 0.0
	for i, p := range g.mass {
		l := g.loss(i)
		total += p
		mean += p * l
		square += p * l * l
	}
	if total == 0 {
		return 0
	}
	mean /= total
	return max(square/total-mean*mean, 0)
}

// window returns losses between which the sum of all lies, but for a probability of lost
// to each side, by Chernoff's bound P(L >= c) <= M(t)·e^(-tc) at the best of some t.
func window(parts []part) (low, high float64) {
	moment := func(t float64) float64 {
		sum := 0.0
		for _, p := range parts {
			sum += float64(p.releases) * p.logMoment(t)
		}
		return sum
	}
	for _, p := range parts {
		low += float64(p.releases) * p.loss(0)
		high += float64(p.releases) * p.loss(len(p.mass)-1)
	}
	for t := 1e-3; t < 1e5; t *= 1.5 {
		high = min(high, (moment(t)-math.Log(lost))/t)
		low = max(low, -(moment(-t)-math.Log(lost))/t)
	}
	if low > high { // All mass is infinite.
		return 0, 0
	}
	return low, high
}

// logMoment returns the logarithm of the mean of e^(t·loss) over finite losses.
func (g *grid) logMoment(t float64) float64 {
	most := math.Inf(-1)
	for _, i := range []int{0, len(g.mass) - 1} {
		most = max(most, t*g.loss(i))
	}
	total := 0.0
	// e^(t·step·i) by repeated multiplication would lose digits; by exponentials it is
	// the slowest part, so what cannot count is left out.
	for i, p := range g.mass {
		if x := t*g.loss(i) - most; p > 0 && x > -700 {
			total += p * math.Exp(x)
		}
	}
	if total == 0 {
		return most
	}
	return most + math.Log(total)
}

// convolve returns the distribution of the sum of all losses on cells from low on: the
// product of Fourier transforms, each to the power of its releases. What lies outside
// wraps around; it is counted among the infinite losses as well.
func convolve(parts []part, low, cells int) *grid {
	n := 1
	for n < cells {
		n *= 2
	}
	product := make([]complex128, n)
	for i := range product {
		product[i] = 1
	}
	values := make([]complex128, n)
	finite := 0.0 // Logarithm of the probability that no loss is infinite.
	for _, part := range parts {
		clear(values)
		for i, p := range part.mass {
			values[modulo(part.low+i, n)] += complex(p, 0)
		}
		transform(values, false)
		for i, v := range values {
			product[i] *= raise(v, part.releases)
		}
		finite += math.Log1p(-min(part.infinite, 1)) * float64(part.releases)
	}
	transform(product, true)
	sum := &grid{step: parts[0].step, low: low, mass: make([]float64, n), infinite: -math.Expm1(finite) + 2*lost}
	for i := range sum.mass {
		sum.mass[i] = max(real(product[modulo(low+i, n)])/float64(n), 0)
	}
	return sum
}

func modulo(i, n int) int { return (i%n + n) % n }

// raise returns v^k by squaring.
func raise(v complex128, k int) complex128 {
	result := complex(1, 0)
	for ; k > 0; k >>= 1 {
		if k&1 == 1 {
			result *= v
		}
		v *= v
	}
	return result
}

func (g *grid) delta(epsilon float64) float64 {
	total := g.infinite
	for i := len(g.mass) - 1; i >= 0 && g.loss(i) > epsilon; i-- {
		total += g.mass[i] * -math.Expm1(epsilon-g.loss(i))
	}
	return total
}

// epsilon solves delta(ε) = target from the top: with P and Q the masses above ε under
// both neighbours, δ = infinite + P - e^ε·Q.
func (g *grid) epsilon(target float64) float64 {
	if g.infinite > target {
		return math.Inf(1)
	}
	p, q := g.infinite, 0.0 // Q in units of e^-(loss of cell i).
	for i, mass := range slices.Backward(g.mass) {
		p += mass
		q = q*math.Exp(-g.step) + mass
		below := g.loss(i) - g.step
		if p-q*math.Exp(-g.step) > target { // δ at the next lower cell.
			return max(math.Log((p-target)/q)+g.loss(i), below, 0)
		}
		if below < 0 {
			return 0
		}
	}
	return 0
}

// solve bisects for the least ε >= 0 whose δ is at most the target.
func solve(p pair, target float64) float64 {
	if p.delta(0) <= target {
		return 0
	}
	low, high := 0.0, 1.0
	for p.delta(high) > target {
		if high > 1e6 {
			return math.Inf(1)
		}
		low, high = high, 2*high
	}
	for range 200 {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			break
		}
		if p.delta(middle) > target {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
