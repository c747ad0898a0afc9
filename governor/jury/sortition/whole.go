package sortition

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"

	"comity/governor/jury"
)

// Prices from a solver are ratios of small whole numbers up to its tolerance.
const (
	maxDenominator = 5_000
	near           = 1e-8
)

// wholes returns whole numbers in the ratio of the values, of which greatest is the
// largest in absolute value: exactly so if the values are ratios of small numbers, else
// rounded to a part in 2^24, and simple tells which.
func wholes(values []float64, greatest float64) (out []int64, simple bool) {
	common := int64(1)
	for _, v := range values {
		den, ok := denominator(math.Abs(v) / greatest)
		if !ok {
			common = 0
			break
		}
		common *= den / gcd(common, den)
		if common > jury.MaxPrice/2 {
			common = 0
			break
		}
	}
	simple = common > 0
	if !simple {
		common = 1 << 24
	}
	out = make([]int64, len(values))
	for k, v := range values {
		out[k] = int64(math.Round(v / greatest * float64(common)))
	}
	return out, simple
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// denominator returns that of the simplest ratio near x >= 0, by continued fractions.
func denominator(x float64) (den int64, ok bool) {
	_, d, ok := simplest(x)
	return d, ok
}

// simplest returns the first convergent of the continued fraction of x >= 0 that lies
// within near of it.
func simplest(x float64) (num, den int64, ok bool) {
	a, b, c, d := int64(1), int64(0), int64(0), int64(1) // p_{k-1}, p_{k-2}; q_{k-1}, q_{k-2} crosswise.
	rest := x
	for range 40 {
		whole := math.Floor(rest)
		if whole > 1<<30 {
			return 0, 1, false
		}
		a, b = int64(whole)*a+b, a
		c, d = int64(whole)*c+d, c
		if c > maxDenominator {
			return 0, 1, false
		}
		if math.Abs(float64(a)/float64(c)-x) <= near {
			return a, c, true
		}
		rest = 1 / (rest - whole)
	}
	return 0, 1, false
}

// commonDenominator returns the least common denominator of the values.
func commonDenominator(values []*big.Rat) *big.Int {
	common := big.NewInt(1)
	for _, v := range values {
		d := v.Denom()
		if new(big.Int).Rem(common, d).Sign() != 0 {
			g := new(big.Int).GCD(nil, nil, common, d)
			common.Mul(common, new(big.Int).Quo(d, g))
		}
	}
	return common
}

// elimination solves equations in small whole numbers for the one direction they leave.
type elimination struct {
	rows   [][]*big.Rat // Each with a 1 at its pivot, and 0 at the pivots of the others.
	pivots []int
	size   int
	seen   map[string]bool
}

func newElimination(size int) *elimination {
	return &elimination{size: size, seen: map[string]bool{}}
}

// add takes in that the products with the coefficients add up to 0.
func (e *elimination) add(coeff []int64) {
	key := make([]byte, 0, 8*len(coeff))
	for _, c := range coeff {
		key = binary.LittleEndian.AppendUint64(key, uint64(c)) //nolint:gosec // The same bits.
	}
	if len(e.rows) >= e.size || e.seen[string(key)] {
		return
	}
	e.seen[string(key)] = true
	row := make([]*big.Rat, e.size)
	for k, c := range coeff {
		row[k] = new(big.Rat).SetInt64(c)
	}
	for k, p := range e.pivots {
		subtract(row, e.rows[k], p)
	}
	pivot := slices.IndexFunc(row, func(c *big.Rat) bool { return c.Sign() != 0 })
	if pivot < 0 {
		return
	}
	inverse := new(big.Rat).Inv(row[pivot])
	for _, c := range row {
		c.Mul(c, inverse)
	}
	for _, other := range e.rows {
		subtract(other, row, pivot)
	}
	e.rows, e.pivots = append(e.rows, row), append(e.pivots, pivot)
}

// subtract takes from a row what makes it 0 at the pivot of the other.
func subtract(row, other []*big.Rat, pivot int) {
	if row[pivot].Sign() == 0 {
		return
	}
	factor, product := new(big.Rat).Set(row[pivot]), new(big.Rat)
	for k, c := range other {
		if c.Sign() != 0 {
			row[k].Sub(row[k], product.Mul(factor, c))
		}
	}
}

// direction returns the solution in whole numbers without common factor, nil unless
// there is exactly one up to its length, within jury.MaxPrice.
func (e *elimination) direction() []int64 {
	if len(e.rows) != e.size-1 {
		return nil
	}
	value := make([]*big.Rat, e.size)
	free := 0
	for slices.Contains(e.pivots, free) {
		free++
	}
	value[free] = big.NewRat(1, 1)
	for k, p := range e.pivots {
		value[p] = new(big.Rat).Neg(e.rows[k][free])
	}
	unit := commonDenominator(value)
	out := make([]int64, e.size)
	for k, v := range value {
		n := units(v, unit)
		if n.CmpAbs(big.NewInt(jury.MaxPrice)) > 0 || n.Sign() == 0 {
			return nil
		}
		out[k] = n.Int64()
	}
	return out
}
