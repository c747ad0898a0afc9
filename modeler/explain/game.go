package explain

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// game is the cooperative game that one leaf is: v(S) is what the leaf adds to the score
// when only the features in S are known. A game's answers depend on the row through its
// way alone, so they are kept (see table).
type game interface {
	// singles adds to out[k] the Shapley value of the path's k-th feature.
	singles(l *leaf, number int, way uint64, out []float64)
	// pairs adds to out[pairAt(i, j)] half of the Shapley interaction of two of the path's
	// features, i < j.
	pairs(l *leaf, number int, way uint64, out []float64)
}

// pairAt numbers the pairs i < j of a path: (0,1), (0,2), (1,2), (0,3), ...
func pairAt(i, j int) int { return j*(j-1)/2 + i }

// pathGame is the path-dependent game: a row whose feature is not known goes both ways, in
// proportion to the covers. With z the reach of a feature on the path and o = 1 if the row
// passes its splits, else 0,
//
//	v(S) = value · Π_{k in S} o_k · Π_{k not in S} z_k
//
// Its multilinear extension is value · Π (z_k (1-u_k) + o_k u_k), and a Shapley value is the
// integral of the partial derivative along the diagonal,
//
//	φ_k = value · (o_k - z_k) · ∫_0^1 Π_{j≠k} (z_j (1-u) + o_j u) du
//
// Source: Owen, "Multilinear extensions of games", Management Science 18 (1972). The
// integrand is a polynomial of degree d-1, which Gauss-Legendre with d/2 points integrates
// without error; all factors and weights are at least 0, so that nothing cancels.
type pathGame struct {
	rules [][]point // By number of points.
}

func newPathGame() pathGame {
	g := pathGame{make([][]point, maxOnPath/2+1)}
	for n := 1; n < len(g.rules); n++ {
		g.rules[n] = gaussLegendre(n)
	}
	return g
}

func (g pathGame) singles(l *leaf, _ int, way uint64, out []float64) {
	d := len(l.reach)
	var before [maxOnPath]float64 // The product of the factors before the k-th.
	for _, p := range g.rules[(d+1)/2] {
		product := p.weight * l.value
		for k, z := range l.reach {
			before[k] = product
			product *= z*(1-p.at) + float64(way>>k&1)*p.at
		}
		product = 1
		for k := d - 1; k >= 0; k-- {
			z, o := l.reach[k], float64(way>>k&1)
			out[k] += before[k] * product * (o - z)
			product *= z*(1-p.at) + o*p.at
		}
	}
}

// The interaction of two features is the integral of the mixed derivative; see pathGame.
func (g pathGame) pairs(l *leaf, _ int, way uint64, out []float64) {
	d := len(l.reach)
	var factor, before [maxOnPath]float64
	for _, p := range g.rules[(d+1)/2] {
		for k, z := range l.reach {
			factor[k] = z*(1-p.at) + float64(way>>k&1)*p.at
		}
		for j := 1; j < d; j++ {
			product := p.weight * l.value * (float64(way>>j&1) - l.reach[j]) / 2
			for k := j + 1; k < d; k++ {
				product *= factor[k]
			}
			for i := range j {
				before[i] = product
				product *= factor[i]
			}
			product = 1
			for i := j - 1; i >= 0; i-- {
				out[pairAt(i, j)] += before[i] * product * (float64(way>>i&1) - l.reach[i])
				product *= factor[i]
			}
		}
	}
}

// crowdGame is the interventional game: a feature that is not known has the value of a
// background row, each row in turn. Against one of them a path's features fall apart: what
// only the row passes (a of them), what only the background row passes (c), what both pass
// and does not matter; if neither passes one, the leaf is out of reach. So
//
//	v(S) = value if S holds all of the a and none of the c, else 0
//
// whose Shapley values are value (a-1)! c! / (a+c)! for each of the a and
// -value a! (c-1)! / (a+c)! for each of the c.
//
// Source: Laberge and Pequignot, "Understanding Interventional TreeSHAP: How and Why it
// Works" (2022), theorem 4.1 and its corollaries; from Owen's integral as in pathGame.
type crowdGame struct {
	crowds [][]crowd // By leaf.
	beta   [][]float64
}

// crowd is the share of background rows that come to a leaf the same way.
type crowd struct {
	way   uint64
	share float64
}

func (g crowdGame) singles(l *leaf, number int, way uint64, out []float64) {
	for _, b := range g.crowds[number] {
		if way|b.way != l.full {
			continue
		}
		mine, theirs := way&^b.way, b.way&^way
		a, c := bits.OnesCount64(mine), bits.OnesCount64(theirs)
		if a > 0 {
			for value := b.share * l.value * g.beta[a-1][c]; mine != 0; mine &= mine - 1 {
				out[bits.TrailingZeros64(mine)] += value
			}
		}
		if c > 0 {
			for value := b.share * l.value * g.beta[a][c-1]; theirs != 0; theirs &= theirs - 1 {
				out[bits.TrailingZeros64(theirs)] -= value
			}
		}
	}
}

func (g crowdGame) pairs(l *leaf, number int, way uint64, out []float64) {
	var both [maxOnPath]int
	for _, b := range g.crowds[number] {
		if way|b.way != l.full {
			continue
		}
		mine, theirs := way&^b.way, b.way&^way
		a, c := bits.OnesCount64(mine), bits.OnesCount64(theirs)
		half := b.share * l.value / 2
		differ := places(mine|theirs, both[:])
		for at, j := range differ {
			for _, i := range differ[:at] {
				switch mine>>i&1 + mine>>j&1 {
				case 2:
					out[pairAt(i, j)] += half * g.beta[a-2][c]
				case 1:
					out[pairAt(i, j)] -= half * g.beta[a-1][c-1]
				default:
					out[pairAt(i, j)] += half * g.beta[a][c-2]
				}
			}
		}
	}
}

// newCrowds follows the background through a tree. Equal ways are counted together.
func newCrowds(r *route, background [][]float64) [][]crowd {
	counts := make([]map[uint64]int, len(r.leaves))
	for i := range counts {
		counts[i] = map[uint64]int{}
	}
	ways := make([]uint64, len(r.steps))
	for _, row := range background {
		r.follow(row, ways)
		for i := range r.steps {
			if s := &r.steps[i]; s.Feature < 0 {
				counts[s.right][ways[i]&r.leaves[s.right].full]++
			}
		}
	}
	crowds := make([][]crowd, len(r.leaves))
	for i, count := range counts {
		for way, n := range count {
			crowds[i] = append(crowds[i], crowd{way, float64(n) / float64(len(background))})
		}
		slices.SortFunc(crowds[i], func(a, b crowd) int { return cmp.Compare(a.way, b.way) })
	}
	return crowds
}

// betas returns ∫ u^a (1-u)^c du over 0 to 1, which is a! c! / (a+c+1)!, for a + c below
// the number of features that a path may have.
func betas() [][]float64 {
	table := make([][]float64, maxOnPath)
	for a := range table {
		row := make([]float64, maxOnPath-a)
		for c := range row {
			row[c] = 1 / float64(c+1)
			for k := 1; k <= a; k++ {
				row[c] *= float64(k) / float64(k+c+1)
			}
		}
		table[a] = row
	}
	return table
}

// point is where an integrand is looked at, and how much that counts.
type point struct{ at, weight float64 }

// gaussLegendre returns the rule of n points on 0 to 1, exact for polynomials of degree
// 2n-1. Its points are the roots of the Legendre polynomial P_n, by Newton's method from
// Tricomi's approximation (Abramowitz and Stegun, 22.16.6 and 25.4.29).
func gaussLegendre(n int) []point {
	rule := make([]point, n)
	for i := range rule {
		x := math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		value, slope := legendre(n, x)
		for range 8 { // It doubles the digits; five rounds are enough for n up to 32.
			x -= value / slope
			value, slope = legendre(n, x)
		}
		rule[i] = point{(1 - x) / 2, 1 / ((1 - x*x) * slope * slope)}
	}
	return rule
}

// legendre returns P_n and its derivative at x by Bonnet's recursion.
func legendre(n int, x float64) (value, slope float64) {
	before, value := 0.0, 1.0
	for k := range n {
		before, value = value, (float64(2*k+1)*x*value-float64(k)*before)/float64(k+1)
	}
	return value, float64(n) * (x*value - before) / (x*x - 1)
}
