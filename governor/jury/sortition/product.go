package sortition

import (
	"cmp"
	"context"
	"math"
	"math/big"
	"slices"
)

// rise is by what part the geometric mean of chances may rise at most where the search
// over panels leaves it.
const rise = 1e-7

// maxFresh bounds how many panels join a balance at a time.
const maxFresh = 20

// product returns the lottery over panels with the greatest product of chances, or near
// it where the budget ends, by column generation: a panel c helps if sum_g c_g/p_g
// exceeds the number of people, for chances p.
func product(ctx context.Context, d *deck) (mixed, error) {
	if err := d.some(ctx); err != nil {
		return mixed{}, err
	}
	held, err := d.cover(ctx)
	if err != nil {
		return mixed{}, err
	}
	b := &balancer{sizes: d.space.sizes, held: held}
	for g, is := range held {
		if is {
			b.people += float64(d.space.sizes[g])
		}
	}
	b.start(d.panels)
	for {
		b.balance()
		n := int64(len(b.x))
		d.spent += n * n * n / balanceShare
		worth := b.worth()
		if b.join(d.panels, worth) {
			if !d.tired(directBudget) {
				continue
			}
			return mixed{panels: b.panels, weights: b.x[:n]}, nil
		}
		added, _, err := d.better(ctx, worth, b.people*(1+rise), directBudget)
		if err != nil {
			return mixed{}, err
		}
		if added == 0 {
			return mixed{panels: b.panels, weights: b.x}, nil
		}
	}
}

// balanceShare makes steps of the cube of the number of panels.
const balanceShare = 8_000

// balancer finds the weights of some panels under which the product of chances is
// greatest. They minimise
//
//	people sum_p w_p - sum_g n_g ln y_g - mu sum_p ln w_p,  y_g = sum_p w_p c_pg,
//
// whose least point has weights that add up to 1 for mu = 0: Newton's method with a
// logarithmic barrier, from the weights before.
type balancer struct {
	sizes  []int64
	held   []bool // Groups that some panel holds.
	people float64
	panels [][]int64
	x      []float64
}

// start takes panels that hold all groups, the latest first.
func (b *balancer) start(known [][]int64) {
	seen := make([]bool, len(b.held))
	for _, panel := range slices.Backward(known) {
		fresh := false
		for g, n := range panel {
			fresh = fresh || n > 0 && !seen[g]
			seen[g] = seen[g] || n > 0
		}
		if fresh {
			b.panels, b.x = append(b.panels, panel), append(b.x, 1)
		}
	}
}

// join takes in the known panels that help most and tells whether there were any.
func (b *balancer) join(known [][]int64, worth []float64) bool {
	type candidate struct {
		at    int
		worth float64
	}
	var all []candidate
	for k, panel := range known {
		if v := value(panel, worth); v > b.people*(1+rise) {
			all = append(all, candidate{k, v})
		}
	}
	slices.SortStableFunc(all, func(x, y candidate) int { return cmp.Compare(y.worth, x.worth) })
	for _, c := range all[:min(len(all), maxFresh)] {
		b.panels, b.x = append(b.panels, known[c.at]), append(b.x, 1/float64(len(b.x)+maxFresh))
	}
	return len(all) > 0
}

// worth returns what a member of each group adds to the logarithm of the product.
func (b *balancer) worth() []float64 {
	worth := b.expected()
	for g, y := range worth {
		if worth[g] = 0; b.held[g] {
			worth[g] = float64(b.sizes[g]) / y
		}
	}
	return worth
}

// idle is the weight under which a panel is dropped: it joins again if it helps.
const idle = 1e-9

func (b *balancer) balance() {
	scale(b.x)
	for mu := 1e-2 * b.people / float64(len(b.x)); mu > 1e-10; mu *= nashShrink {
		b.centre(mu)
	}
	kept := 0
	for k, w := range b.x {
		if w > idle {
			b.x[kept], b.panels[kept] = w, b.panels[k]
			kept++
		}
	}
	b.x, b.panels = b.x[:kept], b.panels[:kept]
	scale(b.x)
}

// scale makes weights add up to 1.
func scale(x []float64) {
	sum := 0.0
	for _, w := range x {
		sum += w
	}
	for k := range x {
		x[k] /= sum
	}
}

// expected returns y.
func (b *balancer) expected() []float64 {
	y := make([]float64, len(b.held))
	for k, panel := range b.panels {
		for g, n := range panel {
			y[g] += b.x[k] * float64(n)
		}
	}
	return y
}

func (b *balancer) value(mu float64) (sum float64) {
	for _, w := range b.x {
		sum += b.people*w - mu*math.Log(w)
	}
	for g, y := range b.expected() {
		if b.held[g] {
			sum -= float64(b.sizes[g]) * math.Log(y)
		}
	}
	return sum
}

// centre minimises for one mu.
func (b *balancer) centre(mu float64) {
	for range maxNewton {
		gradient, hessian := b.derivatives(mu)
		step, ok := cholesky(hessian, gradient)
		if !ok {
			return
		}
		slope, length := 0.0, 1.0
		for k, d := range step {
			slope += d * gradient[k]
			if d > 0 {
				length = min(length, 0.95*b.x[k]/d)
			}
		}
		if slope <= 1e-3*mu {
			return
		}
		from, before := slices.Clone(b.x), b.value(mu)
		for range 30 {
			for k := range b.x {
				b.x[k] = from[k] - length*step[k]
			}
			if b.value(mu) <= before-0.01*length*slope {
				break
			}
			length /= 2
		}
		if b.value(mu) > before {
			copy(b.x, from)
			return
		}
	}
}

func (b *balancer) derivatives(mu float64) (gradient []float64, hessian [][]float64) {
	gradient, hessian = make([]float64, len(b.x)), make([][]float64, len(b.x))
	y := b.expected()
	part := make([]float64, len(y))
	for k, panel := range b.panels {
		w := b.x[k]
		gradient[k] = b.people - mu/w
		hessian[k] = make([]float64, len(b.x))
		for g, n := range panel {
			if part[g] = 0; n > 0 {
				heads := float64(b.sizes[g]) * float64(n) / y[g]
				gradient[k] -= heads
				part[g] = heads / y[g]
			}
		}
		for j := range k + 1 {
			hessian[k][j] = value(b.panels[j], part)
		}
		hessian[k][k] += mu / (w * w)
	}
	return gradient, hessian
}

// bounded returns what the rows prove about chances under the product.
func bounded(ctx context.Context, s *space, open Engine, actual []*big.Rat) (goal aim, err error) {
	if goal.levels, err = reached(ctx, s, open, actual, true); err != nil {
		return goal, err
	}
	lp := s.programme(false)
	for g, z := range actual {
		if p, _ := z.Float64(); p > 0 {
			lp.Cost[g] = 1 / p
		}
	}
	session, err := open(ctx, lp)
	if err != nil {
		return goal, err
	}
	defer session.Close(ctx) //nolint:errcheck // Its memory is gone either way.
	found, err := session.Run(ctx)
	if err != nil {
		return goal, err
	}
	goal.mean = priced(s, found.Dual)
	return goal, nil
}
