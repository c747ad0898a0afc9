package potential

import (
	"math"
	"math/big"
	"math/bits"
)

const (
	// rowBits is how large the entries of a row of the inverse may be as integers, so
	// that their differences fit 63 bits.
	rowBits = 61
	// matrixBits is how large conductances may be as integers. A sum of 128 products
	// then stays within 127 bits.
	matrixBits = 58
	maxDegree  = 1 << (127 - rowBits - 1 - matrixBits)
)

// inverse multiplies rows of an approximate inverse with the matrix, in integers.
type inverse struct {
	nodes   int
	edges   []Edge
	weights []int64 // Conductances in units of 2^-scale, each off by 1/2 at most.
	scale   int
	degree  []uint64
	finite  bool // Else the weights mean nothing.
}

func newInverse(nodes int, edges []Edge) *inverse {
	m := &inverse{nodes: nodes, edges: edges, weights: make([]int64, len(edges)), degree: make([]uint64, nodes)}
	largest := 0.0
	for _, e := range edges {
		c, _ := e.Conductance.Float64()
		largest = max(largest, math.Abs(c))
	}
	m.finite = !math.IsInf(largest, 0)
	_, exponent := math.Frexp(largest)
	m.scale = matrixBits - 1 - exponent
	unit := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(max(m.scale, 0))))
	if m.scale < 0 {
		unit.SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(-m.scale)))
	}
	for k, e := range edges {
		m.weights[k] = rounded(new(big.Rat).Mul(e.Conductance, unit), 0).Int64()
		for _, at := range []int{e.From, e.To} {
			if at >= 0 {
				m.degree[at]++
			}
		}
	}
	return m
}

// norm returns |K| / (1 - κ) with κ of at most 1/2: it proves of every row of K that its
// product with the matrix is near to that of the identity.
func (m *inverse) norm(f *factors) (*big.Rat, error) {
	if !m.finite {
		return nil, unproved("a conductance is too large")
	}
	for _, d := range m.degree {
		if d > maxDegree {
			return nil, unproved("a node has too many edges")
		}
	}
	largest := new(big.Rat)
	row, product := make([]int64, m.nodes), make([]wide, m.nodes)
	column := make([]float64, m.nodes)
	for at := range m.nodes {
		clear(column)
		column[at] = 1
		f.solve(column)
		scale, err := fixedRow(column, row)
		if err != nil {
			return nil, err
		}
		m.multiply(row, product)
		if !m.nearIdentity(row, product, at, scale) {
			return nil, unproved("the approximate inverse is not one")
		}
		if sum := rowSum(row, scale); sum.Cmp(largest) > 0 {
			largest = sum
		}
	}
	return largest.Mul(largest, big.NewRat(2, 1)), nil
}

// fixedRow writes a row as integers in units of 2^-scale.
func fixedRow(from []float64, to []int64) (scale int, err error) {
	largest := 0.0
	for _, v := range from {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 || math.IsInf(largest, 0) || math.IsNaN(largest) {
		return 0, unproved("the approximate inverse is not finite")
	}
	_, exponent := math.Frexp(largest)
	scale = rowBits - 1 - exponent
	for k, v := range from {
		to[k] = int64(math.Ldexp(v, scale))
	}
	return scale, nil
}

// multiply sets product to row times the matrix.
func (m *inverse) multiply(row []int64, product []wide) {
	clear(product)
	for k, e := range m.edges {
		var difference int64
		if e.From >= 0 {
			difference = row[e.From]
		}
		if e.To >= 0 {
			difference -= row[e.To]
		}
		flow := multiplied(difference, m.weights[k])
		if e.From >= 0 {
			product[e.From] = product[e.From].plus(flow)
		}
		if e.To >= 0 {
			product[e.To] = product[e.To].plus(flow.negated())
		}
	}
}

func multiplied(a, b int64) wide {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	w := wide{high, low}
	if (a < 0) != (b < 0) {
		return w.negated()
	}
	return w
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return uint64(-a)
	}
	return uint64(a)
}

// nearIdentity tells whether a product differs from one row of the identity by at most
// 1/2 in sum, the rounding of the weights included: it changes the entry of another node
// by half a unit for each edge, and that of the node itself by as much.
func (m *inverse) nearIdentity(row []int64, product []wide, at, scale int) bool {
	total := scale + m.scale
	if total < 66 || total > 126 { // The unit of magnitude must resolve a half.
		return false
	}
	one := wide{1 << (total - 64), 0}
	product[at] = product[at].plus(one.negated())
	limit := one.high / 2
	var sum uint64
	for k := range product {
		high, hidden := bits.Mul64(magnitude(row[k]), m.degree[k])
		for _, part := range []uint64{product[k].magnitude(), high} {
			if part > limit-sum {
				return false
			}
			sum += part
		}
		if hidden > 0 {
			if sum == limit {
				return false
			}
			sum++
		}
	}
	return true
}

// rowSum returns the sum of the absolute values of a row.
func rowSum(row []int64, scale int) *big.Rat {
	sum, part := new(big.Int), new(big.Int)
	for _, v := range row {
		sum.Add(sum, part.SetUint64(magnitude(v)))
	}
	unit := new(big.Int).Lsh(big.NewInt(1), uint(max(scale, -scale)))
	if scale < 0 {
		return new(big.Rat).SetInt(sum.Mul(sum, unit))
	}
	return new(big.Rat).SetFrac(sum, unit)
}

// wide is a 128-bit integer in two's complement.
type wide struct{ high, low uint64 }

func (w wide) plus(v wide) wide {
	low, carry := bits.Add64(w.low, v.low, 0)
	high, _ := bits.Add64(w.high, v.high, carry)
	return wide{high, low}
}

func (w wide) negated() wide {
	return wide{^w.high, ^w.low}.plus(wide{0, 1})
}

// magnitude returns |w| rounded up to a multiple of 2^64, divided by 2^64.
func (w wide) magnitude() uint64 {
	if w.high>>63 != 0 {
		w = w.negated()
	}
	return w.high + 1
}
