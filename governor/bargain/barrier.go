package bargain

import (
	"math/big"
	"slices"

	"comity/exact"
)

// The barrier method computes in fixed point. What it returns need only be good: mixNash
// proves how good.
const (
	fixedBits = 384
	// finalBits says how small the barrier gets, 2^-finalBits: below the decimals of the
	// chances, 10^-36 > 2^-120.
	finalBits = 136
	// maxSteps bounds Newton's steps: the barrier falls 34 times, by 16, and each fall takes a
	// few steps.
	maxSteps = 1000
)

// fixed is a multiple of 2^-fixedBits.
type fixed = *big.Int

func fix(x exact.Rat) fixed {
	v := x.Big()
	return new(big.Int).Quo(new(big.Int).Lsh(v.Num(), fixedBits), v.Denom())
}

func times(x, y fixed) fixed { z := new(big.Int).Mul(x, y); return z.Rsh(z, fixedBits) }

// over divides; by 0 it gives 0, after which the search is lost and its proof shows that.
func over(x, y fixed) fixed {
	if y.Sign() == 0 {
		return new(big.Int)
	}
	return new(big.Int).Quo(new(big.Int).Lsh(x, fixedBits), y)
}

func unit() fixed { return new(big.Int).Lsh(big.NewInt(1), fixedBits) }

// barrier is the search for the x > 0 with sum 1 that maximise
// sum w_i ln s_i + mu sum ln x_k, where s_i = sum_k gain_ki x_k.
type barrier struct {
	gain [][]fixed // By draft and party, each party's largest is 1.
	w, x []fixed
	s    []fixed
	mu   fixed
}

// climb returns chances near the best. At the optimum for mu no lottery is better by more
// than mu for each draft; mu falls until that is below the last decimal. Divided by mu, the
// objective is self-concordant while mu is below every weight, so that damped Newton steps
// always make progress and full ones converge quadratically near the optimum.
// Source: Boyd and Vandenberghe, "Convex Optimization" (2004), sections 9.6 and 11.5.
func climb(gains [][]exact.Rat, weights, start []exact.Rat) []exact.Rat {
	b := &barrier{mu: fix(least(weights[0], weights...))}
	top := gains[0]
	for _, v := range gains {
		higher := make([]exact.Rat, len(top))
		for i := range top {
			higher[i] = largest(top[i], v[i])
		}
		top = higher
	}
	for k, v := range gains {
		row := make([]fixed, len(v))
		for i := range v {
			scaled, _ := v[i].Quo(top[i]) // Somebody's draft lets it gain.
			row[i] = fix(scaled)
		}
		b.gain, b.x = append(b.gain, row), append(b.x, fix(start[k]))
	}
	for _, w := range weights {
		b.w = append(b.w, fix(w))
	}
	b.slacks()
	smallest := new(big.Int).Lsh(big.NewInt(1), fixedBits-finalBits)
	near := new(big.Int).Rsh(unit(), 2)
	for step := 0; step < maxSteps && !b.lost(); step++ {
		if b.newton().Cmp(near) > 0 {
			continue
		}
		if b.mu.Cmp(smallest) <= 0 {
			break
		}
		b.mu = new(big.Int).Rsh(b.mu, 4)
	}
	chances := make([]exact.Rat, len(b.x))
	for k, x := range b.x {
		chances[k] = exact.FromBig(new(big.Rat).SetFrac(x, unit()))
	}
	return decimal(chances)
}

func (b *barrier) slacks() {
	b.s = make([]fixed, len(b.w))
	for i := range b.s {
		b.s[i] = new(big.Int)
		for k, x := range b.x {
			b.s[i].Add(b.s[i], times(b.gain[k][i], x))
		}
	}
}

// lost tells whether numbers are too small for fixed point.
func (b *barrier) lost() bool {
	const faint = fixedBits / 2 // Squares are still seen.
	small := func(v fixed) bool { return v.Sign() <= 0 || v.BitLen() < faint }
	return slices.ContainsFunc(b.s, small) || slices.ContainsFunc(b.x, small)
}

// newton takes one step and returns the decrement before it: below 1/4 the optimum is near.
func (b *barrier) newton() fixed {
	slope, flat := make([]fixed, len(b.x)), make([]fixed, len(b.x))
	for k := range slope {
		flat[k] = unit()
		slope[k] = over(b.mu, b.x[k])
		for i := range b.w {
			slope[k].Add(slope[k], over(times(b.w[i], b.gain[k][i]), b.s[i]))
		}
	}
	invert := b.inverse()
	along, across := invert(slope), invert(flat)
	up, down := new(big.Int), new(big.Int)
	for k := range along {
		up.Add(up, along[k])
		down.Add(down, across[k])
	}
	price := over(up, down) // Keeps the sum of the chances.
	square := new(big.Int)
	for k := range along {
		along[k].Sub(along[k], times(price, across[k]))
		square.Add(square, times(along[k], slope[k]))
	}
	square = over(square, b.mu)
	if square.Sign() < 0 { // Rounding at the end of the road.
		square.SetInt64(0)
	}
	decrement := new(big.Int).Sqrt(square.Lsh(square, fixedBits))
	b.move(along, decrement)
	return decrement
}

// move goes a whole step near the optimum and 1/(1 + decrement) of it elsewhere, which
// never leaves the set.
func (b *barrier) move(along []fixed, decrement fixed) {
	part := unit()
	if decrement.Cmp(new(big.Int).Rsh(unit(), 2)) > 0 {
		part = over(unit(), new(big.Int).Add(unit(), decrement))
	}
	for k := range b.x {
		next := new(big.Int).Add(b.x[k], times(along[k], part))
		if next.Sign() > 0 {
			b.x[k] = next
		}
	}
	b.slacks()
}

// inverse returns the multiplication by the inverse of the Hessian, up to sign: with
// D = diag(x^2/mu), S = diag(w/s^2) and G the gains,
//
//	(D^-1 + G S G')^-1 = D - D G (S^-1 + G' D G)^-1 G' D
//
// which needs one system of as many equations as there are parties.
func (b *barrier) inverse() func([]fixed) []fixed {
	n := len(b.w)
	d := make([]fixed, len(b.x))
	for k, x := range b.x {
		d[k] = new(big.Int).Quo(new(big.Int).Mul(x, x), b.mu)
	}
	m := make([][]fixed, n)
	for i := range m {
		m[i] = make([]fixed, n)
		for j := range m[i] {
			m[i][j] = new(big.Int)
			if j < i {
				m[i][j].Set(m[j][i])
				continue
			}
			for k := range d {
				m[i][j].Add(m[i][j], times(times(b.gain[k][i], d[k]), b.gain[k][j]))
			}
		}
		m[i][i].Add(m[i][i], new(big.Int).Quo(new(big.Int).Mul(b.s[i], b.s[i]), b.w[i]))
	}
	factor(m)
	return func(r []fixed) []fixed {
		y := make([]fixed, n)
		for i := range y {
			y[i] = new(big.Int)
			for k := range d {
				y[i].Add(y[i], times(b.gain[k][i], times(d[k], r[k])))
			}
		}
		substitute(m, y)
		out := make([]fixed, len(d))
		for k := range d {
			rest := new(big.Int).Set(r[k])
			for i := range y {
				rest.Sub(rest, times(b.gain[k][i], y[i]))
			}
			out[k] = times(d[k], rest)
		}
		return out
	}
}

// factor replaces a positive definite matrix by its factors L and D, m = L D L': D on the
// diagonal, L below it.
func factor(m [][]fixed) {
	for j := range m {
		for i := j + 1; i < len(m); i++ {
			l := over(m[i][j], m[j][j])
			for k := j + 1; k <= i; k++ {
				m[i][k].Sub(m[i][k], times(l, m[k][j]))
			}
			m[j][i] = l // L', above the diagonal, until column j is done.
		}
		for i := j + 1; i < len(m); i++ {
			m[i][j] = m[j][i]
		}
	}
}

// substitute solves L D L' y = r in place.
func substitute(m [][]fixed, y []fixed) {
	for i := range y {
		for j := range i {
			y[i].Sub(y[i], times(m[i][j], y[j]))
		}
	}
	for i := range y {
		y[i] = over(y[i], m[i][i])
	}
	for i := range slices.Backward(y) {
		for j := i + 1; j < len(y); j++ {
			y[i].Sub(y[i], times(m[j][i], y[j]))
		}
	}
}
