package linear

import (
	"fmt"
	"math/bits"
	"strconv"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
	"comity/modeler/learn/loss"
)

// member is one participant's side of the fit: what it adds to each sum.
type member struct {
	cfg  *Config
	data *learn.Rows
	z    []int32 // Row after row: the values of all terms.
	seen []bool  // Whether the attempt in force sees the row.
}

// checkRows refuses rows that do not fit the recipe. It names row numbers, never a value.
func (c *Config) checkRows(rows *learn.Rows) error {
	if err := rows.Check(c.Features, 1, learn.MaxFolds); err != nil {
		return err
	}
	if rows.Len() == 0 {
		return nil
	}
	for i, y := range rows.Target {
		if err := c.Loss.Accepts(y); err != nil {
			return fmt.Errorf("%w: row %d: %w", learn.ErrData, i, err)
		}
	}
	if len(rows.Numbers) != len(c.Features) {
		return fmt.Errorf("%w: %d columns of numbers, the recipe has %d", learn.ErrData, len(rows.Numbers), len(c.Features))
	}
	for f, column := range rows.Numbers {
		if c.Features[f].Category {
			continue
		}
		if len(column) != rows.Len() {
			return fmt.Errorf("%w: column %d has %d numbers of %d", learn.ErrData, f, len(column), rows.Len())
		}
		for i, x := range column {
			if x != missing && (x > maxNumber || x < -maxNumber) {
				return fmt.Errorf("%w: column %d of row %d is beyond %d in magnitude", learn.ErrData, f, i, int64(maxNumber))
			}
		}
	}
	return nil
}

// weight returns the weight of one row, in 1024ths.
func (m *member) weight(i int) int64 {
	if m.data.Weight == nil {
		return learn.WholeWeight
	}
	return int64(m.data.Weight[i])
}

// sample draws the rows that an attempt sees: all of them at first, and after a lost step
// seven in ten, others for every attempt, so that no two sums over different members are
// over the same rows.
func (m *member) sample(attempt int) {
	m.seen = make([]bool, m.data.Len())
	lots := chance.NewSampler(chance.Derive(m.cfg.Seed, "rows", m.cfg.Name, strconv.Itoa(attempt)))
	for i := range m.seen {
		lot, _ := bits.Mul64(lots.Uint64(m.data.Key[i]), permille)
		m.seen[i] = attempt == 0 || lot < learn.RetryPermille
	}
}

// standard computes the values of all terms in all rows.
func (m *member) standard(terms []Term) {
	m.z = make([]int32, m.data.Len()*len(terms))
	bins, numbers := make([]uint8, len(m.cfg.Features)), make([]int64, len(m.cfg.Features))
	for i := range m.data.Len() {
		for f := range m.cfg.Features {
			bins[f] = m.data.Bins[f][i]
			if !m.cfg.Features[f].Category {
				numbers[f] = m.data.Numbers[f][i]
			}
		}
		for j := range terms {
			m.z[i*len(terms)+j] = int32(terms[j].value(bins, numbers)) //nolint:gosec // At most 2^26.
		}
	}
}

// headWords is what stands before the products of a step: rows, and the sum of losses.
const headWords = 1 + wideWords

// stepWords is the length of a step's vector: the head, the gradient by each coefficient
// and the products of each two terms.
func stepWords(terms int) int { return headWords + wideWords*(terms+terms*(terms+1)/2) }

// step returns what the rows that are here add to one step at some coefficients.
func (m *member) step(value []int64) []int64 {
	terms := len(value)
	x := make([]int64, stepWords(terms))
	if m.data.Len() == 0 {
		return x
	}
	const some = 1 << 12 // Rows that one processor takes at a time.
	parts := make([][]int64, (m.data.Len()+some-1)/some)
	_ = parallel.Each(len(parts), func(p int) error {
		parts[p] = make([]int64, len(x))
		z, list := make([]int64, terms), make([]int, 0, terms)
		for i := p * some; i < min(m.data.Len(), (p+1)*some); i++ {
			if !m.seen[i] {
				continue
			}
			list = list[:0]
			for j, v := range m.z[i*terms : (i+1)*terms] {
				if z[j] = int64(v); v != 0 {
					list = append(list, j)
				}
			}
			m.add(parts[p], i, z, list, score(value, z))
		}
		return nil
	})
	for _, part := range parts {
		for i, v := range part {
			x[i] += v
		}
	}
	return x
}

// add adds one row, whose values are zero but for a list of terms.
func (m *member) add(x []int64, i int, z []int64, list []int, s fixed.Q16) {
	y := m.data.Target[i]
	residual, weight, value := m.cfg.slope(y, s)
	w := m.weight(i)
	residual, weight = fixed.RoundDiv(residual*w, learn.WholeWeight), fixed.RoundDiv(weight*w, learn.WholeWeight)
	x[0]++
	addWide(x[1:], fixed.MulDiv(value, w, learn.WholeWeight))
	gradient := x[headWords:]
	products := gradient[wideWords*len(z):]
	for _, j := range list {
		addWide(gradient[wideWords*j:], residual*z[j])
		wz := weight * z[j]
		row := products[wideWords*(j*(j+1)/2):]
		for _, k := range list {
			if k > j {
				break
			}
			addProduct(row[wideWords*k:], wz, z[k])
		}
	}
}

const (
	// weightBits is the number of bits after the point of a weight. Means of counts are
	// divided by a power of two until none is above one, so no weight is. Products with
	// two terms are exact: only so are the products of all terms those of some columns, and
	// columns that say the same are seen to.
	weightBits = 24
	// residualBits is that of a residual, squareBits of one of least squares, which may be
	// as large as a target.
	residualBits, squareBits = 32, 21
)

// slope returns the residual and weight of one row at a score, and its loss: for least
// squares the square of the residual, 32 bits after the point, for others the negative
// logarithm of the likelihood, but for a constant, as a Q16. Counts are divided by
// 2^shrink but in the loss.
func (c *Config) slope(y, s fixed.Q16) (residual, weight, value int64) {
	switch c.Loss.Kind {
	case loss.Squared:
		r := int64(y) - int64(s)
		return r << (squareBits - 16), 1 << weightBits, r * r
	case loss.Logistic:
		const bits = 40
		p := fixed.LogisticFine(s)
		residual = fixed.RoundDiv(int64(y)<<(bits-16)-p, 1<<(bits-residualBits))
		weight = fixed.MulDiv(p, 1<<bits-p, 1<<(2*bits-weightBits))
		return residual, weight, c.Loss.Value(y, s)
	default:
		shrink := c.shrink()
		mean := min(int64(fixed.Exp(s)), 1<<16<<shrink)
		residual = fixed.RoundDiv((int64(y)-mean)<<(residualBits-16), 1<<shrink)
		weight = fixed.RoundDiv(mean<<(weightBits-16), 1<<shrink)
		return residual, weight, mean - int64(fixed.Mul(y, s))
	}
}

// shrink returns the least power of two that no count is above; 0 for other losses.
func (c *Config) shrink() int {
	if c.Loss.Kind != loss.Poisson {
		return 0
	}
	return max(0, bits.Len64(uint64(max(0, c.TargetHi)))-16)
}
