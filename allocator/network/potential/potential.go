// Package potential solves Kirchhoff's equations of a network with proof: it returns
// potentials and a distance within which the exact ones are proved to lie.
//
// The exact potentials of a grid of 2,000 buses are ratios of 30,000 digits each. The
// proof needs none of them. With A the matrix of the equations, v any values and
// r = injection - A v, the exact potentials x obey |x - v| <= |A⁻¹|·|r| in the maximum
// norm, and a bound of |A⁻¹| is proved in integers, once for each network:
//
//   - Where all conductances are positive, A is an M-matrix as soon as A w > 0 for some
//     w > 0, and then |A⁻¹| <= max w / min A w (Berman and Plemmons, "Nonnegative Matrices
//     in the Mathematical Sciences" (1979), chapter 6, condition I27).
//   - Else, for any matrix K with κ = |I - K A| < 1, |A⁻¹| <= |K| / (1 - κ) (Rump,
//     "Verification methods: Rigorous results using floating-point arithmetic" (2010),
//     theorem 10.2).
//
// What w, K and v are is found in floating point and trusted in nothing.
package potential

import (
	"errors"
	"fmt"
	"math"
	"math/big"
)

// ErrUnproved says that the matrix is singular, or too near to it for this proof.
var ErrUnproved = errors.New("potentials cannot be proved")

// Ground is the node of potential zero.
const Ground = -1

// Edge joins two nodes, each Ground or from 0. The flow from one to the other is
// Conductance times the difference of their potentials. Conductance may be negative.
type Edge struct {
	From, To    int
	Conductance *big.Rat
}

// Network is one whose equations are proved to have exactly one solution.
type Network struct {
	nodes   int
	edges   []Edge
	factors *factors
	norm    *big.Rat // Not below |A⁻¹|.
}

// Enclosure says where the exact potentials are: within Radius of Values.
type Enclosure struct {
	Values []*big.Rat
	Radius *big.Rat
}

// New proves that a network of nodes 0 to nodes-1 has one solution for every injection.
// It fails with ErrUnproved where that is false, or too nearly so.
func New(nodes int, edges []Edge) (*Network, error) {
	n := &Network{nodes: nodes, edges: edges, norm: new(big.Rat)}
	if nodes == 0 {
		return n, nil
	}
	var err error
	if n.factors, err = newFactors(nodes, edges); err != nil {
		return nil, err
	}
	positive := true
	for _, e := range edges {
		positive = positive && e.Conductance.Sign() > 0
	}
	if positive {
		n.norm, err = n.compared()
	} else {
		n.norm, err = newInverse(nodes, edges).norm(n.factors)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// compared bounds the inverse by the solution w for ones.
func (n *Network) compared() (*big.Rat, error) {
	ones := make([]*big.Rat, n.nodes)
	for k := range ones {
		ones[k] = big.NewRat(1, 1)
	}
	values, missing := n.refined(ones)
	largest := new(big.Rat)
	for _, w := range values {
		if w.Sign() <= 0 {
			return nil, unproved("a potential for ones is not positive")
		}
		if w.Cmp(largest) > 0 {
			largest = w
		}
	}
	least := missing.Sub(big.NewRat(1, 1), missing)
	if least.Cmp(big.NewRat(1, 2)) < 0 {
		return nil, unproved("the potentials for ones are too far off")
	}
	return new(big.Rat).Quo(largest, least), nil
}

// Enclose returns where the potentials are at which the flows out of each node sum to
// its injection.
func (n *Network) Enclose(injection []*big.Rat) Enclosure {
	if n.nodes == 0 {
		return Enclosure{Radius: new(big.Rat)}
	}
	values, residual := n.refined(injection)
	return Enclosure{values, residual.Mul(residual, n.norm)}
}

// Approximate replaces injections by potentials, in floating point and without proof.
func (n *Network) Approximate(x []float64) {
	if n.nodes > 0 {
		n.factors.solve(x)
	}
}

const (
	// valueBits is how finely values are written: 2^-96 of an angle is far below
	// what the limits of any grid resolve.
	valueBits = 96
	// weightBits is how finely conductances are written where the residual is computed.
	weightBits = 80
	// maxRefinements bounds the steps of refinement; each wins ten digits or more, and
	// values have thirty.
	maxRefinements = 8
)

// refined returns values with a bound of their residual.
func (n *Network) refined(injection []*big.Rat) (values []*big.Rat, bound *big.Rat) {
	r := newResidual(injection, n.edges)
	best := r.at(r.values)
	for range maxRefinements {
		step := make([]float64, len(injection))
		for k, left := range r.left {
			value, _ := new(big.Float).SetInt(left).Float64()
			step[k] = math.Ldexp(value, -valueBits-weightBits)
		}
		n.factors.solve(step)
		next := make([]*big.Int, len(step))
		for k, s := range step {
			next[k] = fixed(s, valueBits)
			next[k].Add(next[k], r.values[k])
		}
		most := r.at(next)
		if most.Cmp(best) >= 0 {
			break
		}
		best, r.values = most, next
	}
	scale := new(big.Int).Lsh(big.NewInt(1), valueBits)
	for _, v := range r.values {
		values = append(values, new(big.Rat).SetFrac(v, scale))
	}
	return values, new(big.Rat).SetFrac(best, new(big.Int).Lsh(big.NewInt(1), valueBits+weightBits))
}

// residual computes injection - A v in integers.
type residual struct {
	edges     []Edge
	weights   []*big.Int // Conductances, in units of 2^-weightBits, each off by 1/2 at most.
	injection []*big.Int // In units of 2^-(valueBits+weightBits), each off by 1 at most.
	values    []*big.Int // In units of 2^-valueBits.
	left      []*big.Int // Of the last values tried.
}

func newResidual(injection []*big.Rat, edges []Edge) *residual {
	r := &residual{edges: edges, weights: make([]*big.Int, len(edges)), injection: make([]*big.Int, len(injection)), values: make([]*big.Int, len(injection))}
	for k, e := range edges {
		r.weights[k] = rounded(e.Conductance, weightBits)
	}
	for k, i := range injection {
		r.injection[k], r.values[k] = rounded(i, valueBits+weightBits), new(big.Int)
	}
	return r
}

// at returns the greatest residual of values, what rounding hides included.
func (r *residual) at(values []*big.Int) *big.Int {
	n := len(values)
	r.left = make([]*big.Int, n)
	hidden := make([]*big.Int, n)
	for k := range n {
		r.left[k], hidden[k] = new(big.Int).Set(r.injection[k]), big.NewInt(1)
	}
	difference, flow := new(big.Int), new(big.Int)
	for k, e := range r.edges {
		difference.SetInt64(0)
		if e.From >= 0 {
			difference.Set(values[e.From])
		}
		if e.To >= 0 {
			difference.Sub(difference, values[e.To])
		}
		flow.Mul(r.weights[k], difference)
		difference.Abs(difference)
		if e.From >= 0 {
			r.left[e.From].Sub(r.left[e.From], flow)
			hidden[e.From].Add(hidden[e.From], difference)
		}
		if e.To >= 0 {
			r.left[e.To].Add(r.left[e.To], flow)
			hidden[e.To].Add(hidden[e.To], difference)
		}
	}
	most := new(big.Int)
	for k := range n {
		if hidden[k].Add(hidden[k], flow.Abs(r.left[k])); hidden[k].Cmp(most) > 0 {
			most.Set(hidden[k])
		}
	}
	return most
}

// rounded returns x·2^bits to the nearest integer.
func rounded(x *big.Rat, bits uint) *big.Int {
	n := new(big.Int).Lsh(x.Num(), bits+1)
	n.Add(n, x.Denom())
	return n.Div(n, new(big.Int).Lsh(x.Denom(), 1))
}

// fixed returns x·2^bits to the nearest integer; what is not finite becomes zero, as it
// is only a proposal.
func fixed(x float64, bits int) *big.Int {
	n := new(big.Int)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return n
	}
	mantissa, exponent := math.Frexp(x)
	n.SetInt64(int64(math.Ldexp(mantissa, 62)))
	shift := exponent + bits - 62
	if shift >= 0 {
		return n.Lsh(n, uint(shift))
	}
	return n.Rsh(n, uint(-shift))
}

func unproved(reason string) error { return fmt.Errorf("%w: %s", ErrUnproved, reason) }
