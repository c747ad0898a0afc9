package sortition

import (
	"cmp"
	"context"
	"math"
	"math/big"
	"slices"

	"comity/governor/jury"
)

// Accuracy of the Nash point. The gap that is certified measures what it comes to.
const (
	nashStart    = 1.0   // First weight of the barrier.
	nashEnd      = 1e-13 // Last.
	nashShrink   = 0.2
	maxNewton    = 60
	gridBits     = 40 // Expected numbers are multiples of 2^-40 before the rows are met exactly.
	regularising = 1e-11
)

// nash returns the expected numbers with the greatest product of chances within the
// rows.
//
// The product of p_g^(n_g) is greatest where p_g = min(1, 1/D_g) for prices y_r of the
// rows with D_g their sum over the rows of g (Eisenberg and Gale 1959; the chances of a
// group of n count n times). The prices minimise
//
//	sum_r max(u_r y_r, l_r y_r) + sum_g n_g f(D_g),  f(D) = -ln D, or 1 - D below D = 1,
//
// a smooth function of a few dozen numbers: Newton's method with a logarithmic barrier
// on the signs of the prices.
func nash(ctx context.Context, s *space, open Engine) (aim, error) {
	l, err := relax(ctx, s, open, true)
	if err != nil {
		return aim{}, err
	}
	n := newNewton(s, l.chance)
	for mu := nashStart; mu > nashEnd; mu *= nashShrink {
		if err := ctx.Err(); err != nil {
			return aim{}, err
		}
		n.centre(mu)
	}
	prices := n.prices()
	return aim{expected: n.exactly(prices), levels: l.out, mean: priced(s, prices)}, nil
}

// priced rounds the prices of rows for a certificate.
func priced(s *space, prices []float64) *jury.Mean {
	greatest := 1.0
	for _, y := range prices {
		greatest = max(greatest, math.Abs(y))
	}
	mean := &jury.Mean{Scale: max(1, int64(jury.MaxPrice/greatest))} // Prices are rarely above the pool.
	for r, y := range prices {
		v := int64(math.Round(min(max(y, -jury.MaxPrice), jury.MaxPrice) * float64(mean.Scale)))
		if v != 0 && (v > 0 || s.lower[r] != loose) {
			mean.Prices = append(mean.Prices, jury.Price{At: r, Value: v})
		}
	}
	return mean
}

// newton holds the prices: x is one for the upper bound and one for the lower bound of
// each row that has both, else one of free sign (equal bounds) or one of one sign (cuts).
type newton struct {
	space *space
	out   []bool // Groups that nobody can draw.
	x     []float64
	row   []int     // Of each x.
	sign  []float64 // +1 towards the upper bound, -1 towards the lower one.
	free  []bool    // No sign is demanded.
	bound []float64
	uses  [][]int // The x of each row.
}

func newNewton(s *space, chance []*big.Rat) *newton {
	n := &newton{space: s, uses: make([][]int, len(s.lower))}
	for _, z := range chance {
		n.out = append(n.out, z != nil)
	}
	people := 0.0
	for g, size := range s.sizes {
		if !n.out[g] {
			people += float64(size)
		}
	}
	add := func(r int, sign float64, free bool, bound int64) {
		n.uses[r] = append(n.uses[r], len(n.x))
		n.row, n.sign, n.free, n.bound = append(n.row, r), append(n.sign, sign), append(n.free, free), append(n.bound, float64(bound))
		n.x = append(n.x, 1)
	}
	for r := range s.lower {
		switch s.lower[r] {
		case s.upper[r]:
			add(r, 1, true, s.upper[r])
		case loose:
			add(r, 1, false, s.upper[r])
		default:
			add(r, 1, false, s.upper[r])
			add(r, -1, false, s.lower[r])
		}
	}
	// Everybody equal would have 1/D = size / people.
	size := s.size()
	n.x[n.uses[size][0]] = people / float64(s.upper[size])
	return n
}

// prices returns the price of each row.
func (n *newton) prices() []float64 {
	y := make([]float64, len(n.space.lower))
	for k, v := range n.x {
		y[n.row[k]] += n.sign[k] * v
	}
	return y
}

// groupPrices returns the sum of prices of each group.
func (n *newton) groupPrices(y []float64) []float64 {
	d := make([]float64, len(n.space.sizes))
	for g, terms := range n.space.terms {
		for _, t := range terms {
			d[g] += y[t.row] * float64(t.count)
		}
	}
	return d
}

// value is what the prices minimise, with the barrier.
func (n *newton) value(mu float64) float64 {
	total := 0.0
	for k, v := range n.x {
		total += n.sign[k]*n.bound[k]*v + regularising*v*v/2
		if !n.free[k] {
			total -= mu * math.Log(v)
		}
	}
	for g, d := range n.groupPrices(n.prices()) {
		switch {
		case n.out[g]:
		case d >= 1:
			total -= float64(n.space.sizes[g]) * math.Log(d)
		default:
			total += float64(n.space.sizes[g]) * (1 - d)
		}
	}
	return total
}

// centre minimises for one weight of the barrier.
func (n *newton) centre(mu float64) {
	for range maxNewton {
		gradient, hessian := n.derivatives(mu)
		step, ok := cholesky(hessian, gradient)
		if !ok {
			return
		}
		slope, length := 0.0, 1.0
		for k, d := range step {
			slope += d * gradient[k]
			if !n.free[k] && d > 0 { // The step is subtracted.
				length = min(length, 0.95*n.x[k]/d)
			}
		}
		if slope < mu*1e-3 && slope < 1e-3 || slope <= 1e-15 {
			return
		}
		if !n.descend(step, slope, length, mu) {
			return
		}
	}
}

// descend walks down the step until the value falls by a part of the slope (Armijo).
func (n *newton) descend(step []float64, slope, length, mu float64) bool {
	from, before := slices.Clone(n.x), n.value(mu)
	for range 50 {
		for k := range n.x {
			n.x[k] = from[k] - length*step[k]
		}
		if after := n.value(mu); after <= before-0.01*length*slope || math.Abs(after-before) <= 1e-15*math.Abs(before) {
			return true
		}
		length /= 2
	}
	copy(n.x, from)
	return false
}

func (n *newton) derivatives(mu float64) (gradient []float64, hessian [][]float64) {
	size := len(n.x)
	gradient, hessian = make([]float64, size), make([][]float64, size)
	for k, v := range n.x {
		hessian[k] = make([]float64, size)
		gradient[k] = n.sign[k]*n.bound[k] + regularising*v
		hessian[k][k] = regularising
		if !n.free[k] {
			gradient[k] -= mu / v
			hessian[k][k] += mu / (v * v)
		}
	}
	for g, d := range n.groupPrices(n.prices()) {
		if n.out[g] {
			continue
		}
		heads := float64(n.space.sizes[g])
		first, second := -heads, 0.0
		if d >= 1 {
			first, second = -heads/d, heads/(d*d)
		}
		for _, t := range n.space.terms[g] {
			for _, k := range n.uses[t.row] {
				a := n.sign[k] * float64(t.count)
				gradient[k] += first * a
				if second == 0 {
					continue
				}
				for _, u := range n.space.terms[g] {
					for _, j := range n.uses[u.row] {
						hessian[k][j] += second * a * n.sign[j] * float64(u.count)
					}
				}
			}
		}
	}
	return gradient, hessian
}

// cholesky solves a positive definite system in place.
func cholesky(a [][]float64, b []float64) (x []float64, ok bool) {
	n := len(b)
	x = slices.Clone(b)
	for i := range n {
		for j := range i + 1 {
			sum := a[i][j]
			for k := range j {
				sum -= a[i][k] * a[j][k]
			}
			switch {
			case i != j:
				a[i][j] = sum / a[j][j]
			case sum <= 0 || math.IsNaN(sum):
				return nil, false
			default:
				a[i][i] = math.Sqrt(sum)
			}
		}
	}
	for i := range n {
		for k := range i {
			x[i] -= a[i][k] * x[k]
		}
		x[i] /= a[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= a[k][i] * x[k]
		}
		x[i] /= a[i][i]
	}
	return x, true
}

// binding is how near a row must be to its bound to be met exactly.
const binding = 1e-6

// exactly rounds the expected numbers and then moves a few of them so that every row
// that is at its bound meets it exactly, as far as that is possible.
//
// Small examples have small ratios as chances; those are tried first.
func (n *newton) exactly(prices []float64) []*big.Rat {
	s := n.space
	if y := n.simply(prices); y != nil && s.admits(y) {
		return y
	}
	y := make([]*big.Rat, len(s.sizes))
	for g, d := range n.groupPrices(prices) {
		p := 0.0
		if !n.out[g] {
			p = 1 / max(1, d)
		}
		v := p * float64(s.sizes[g])
		y[g] = onGrid(v)
		if min(v, float64(s.sizes[g])-v) < binding && !n.out[g] {
			y[g].SetInt64(s.sizes[g]) // Certain; nobody's chance is that near to 0.
		}
	}
	onto(s, y, binding)
	return y
}

// onGrid rounds an expected number.
func onGrid(v float64) *big.Rat {
	return big.NewRat(int64(math.Round(math.Ldexp(v, gridBits))), 1<<gridBits)
}

// onto moves expected numbers that are right up to rounding, so that every row nearer to
// its bound than a distance meets it exactly, as far as that is possible.
func onto(s *space, y []*big.Rat, distance float64) {
	room, near := make([]float64, len(s.sizes)), make([]float64, len(s.lower))
	for g, v := range y {
		x, _ := v.Float64()
		room[g] = min(x, float64(s.sizes[g])-x)
		for _, t := range s.terms[g] {
			near[t.row] += x * float64(t.count)
		}
	}
	at := map[int]int64{}
	for r, v := range near {
		switch {
		case math.Abs(v-float64(s.upper[r])) < distance:
			at[r] = s.upper[r]
		case math.Abs(v-float64(s.lower[r])) < distance:
			at[r] = s.lower[r]
		}
	}
	meet(s, y, at, room, distance)
}

// simply returns expected numbers under chances that are ratios of small numbers, nil if
// they are not.
func (n *newton) simply(prices []float64) []*big.Rat {
	y := make([]*big.Rat, len(n.space.sizes))
	for g, d := range n.groupPrices(prices) {
		y[g] = new(big.Rat)
		if n.out[g] {
			continue
		}
		num, den, ok := simplest(1 / max(1, d))
		if !ok {
			return nil
		}
		y[g].SetFrac64(num*n.space.sizes[g], den)
	}
	return y
}

// meet changes expected numbers so that rows have the values given: elimination in
// rationals over the groups with most room.
func meet(s *space, y []*big.Rat, at map[int]int64, room []float64, least float64) {
	order := make([]int, 0, len(y))
	for g := range y {
		if room[g] > least {
			order = append(order, g)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(room[b], room[a]) })
	rows := equations(s, y, at)
	var pivots []int
	for _, e := range rows {
		for k, p := range pivots {
			e.less(rows[k], p)
		}
		pivot := slices.IndexFunc(order, func(g int) bool { return e.coeff[g] != nil && e.coeff[g].Sign() != 0 })
		if pivot < 0 { // The rows before it say the same.
			pivots = append(pivots, -1)
			continue
		}
		pivots = append(pivots, order[pivot])
	}
	move := map[int]*big.Rat{}
	for k, row := range slices.Backward(rows) {
		p := pivots[k]
		if p < 0 {
			continue
		}
		v := new(big.Rat).Set(row.rest)
		for _, q := range pivots[k+1:] {
			if q >= 0 && row.coeff[q] != nil {
				v.Sub(v, new(big.Rat).Mul(row.coeff[q], move[q]))
			}
		}
		move[p] = v.Quo(v, row.coeff[p])
	}
	for _, p := range pivots {
		if p >= 0 {
			y[p].Add(y[p], move[p])
		}
	}
}

// equation says that the moves of groups, by coefficients, add up to rest.
type equation struct {
	coeff []*big.Rat // nil is 0.
	rest  *big.Rat
}

func equations(s *space, y []*big.Rat, at map[int]int64) (rows []*equation) {
	byRow := make([]*equation, len(s.lower))
	for r := range s.lower {
		if v, ok := at[r]; ok {
			byRow[r] = &equation{make([]*big.Rat, len(y)), new(big.Rat).SetInt64(v)}
			rows = append(rows, byRow[r])
		}
	}
	for g, terms := range s.terms {
		for _, t := range terms {
			if e := byRow[t.row]; e != nil {
				e.coeff[g] = new(big.Rat).SetInt64(t.count)
				e.rest.Sub(e.rest, new(big.Rat).Mul(e.coeff[g], y[g]))
			}
		}
	}
	return rows
}

// less subtracts the multiple of another equation that removes group p.
func (e *equation) less(other *equation, p int) {
	if p < 0 || e.coeff[p] == nil || e.coeff[p].Sign() == 0 {
		return
	}
	factor := new(big.Rat).Quo(e.coeff[p], other.coeff[p])
	product := new(big.Rat)
	for g, c := range other.coeff {
		if c == nil || c.Sign() == 0 {
			continue
		}
		if e.coeff[g] == nil {
			e.coeff[g] = new(big.Rat)
		}
		e.coeff[g].Sub(e.coeff[g], product.Mul(factor, c))
	}
	e.rest.Sub(e.rest, product.Mul(factor, other.rest))
}
