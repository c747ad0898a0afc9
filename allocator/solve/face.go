package solve

import (
	"math/big"

	"comity/allocator/certificate"
)

// noise is the share of the largest cost below which a reduced cost that is not exact
// counts as zero: a hundred times the solver's tolerance.
const noise = 1e-7

// face is the set of all allocations of greatest worth: by complementary slackness
// with one optimal set of prices, the columns with a reduced cost stand at a bound and
// the rows with a price are tight; the rest is free to move.
type face struct {
	*form
	lower, upper []int64 // Of columns; equal where fixed.
	rows         []row   // Tight rows have equal bounds.
}

func newFace(f *form, w worth) *face {
	fc := &face{form: f, lower: make([]int64, len(f.columns)), upper: make([]int64, len(f.columns)), rows: make([]row, len(f.rows))}
	threshold := new(big.Int)
	if !w.whole {
		var largest uint64
		for _, c := range f.columns {
			largest = max(largest, size(c.cost))
		}
		unit := new(big.Float).SetMantExp(big.NewFloat(noise), certificate.PriceBits)
		unit.Mul(unit, new(big.Float).SetUint64(largest)).Int(threshold)
	}
	for j, c := range f.columns {
		fc.lower[j], fc.upper[j] = c.lower, c.upper
		reduced := new(big.Int).Lsh(big.NewInt(c.cost), certificate.PriceBits)
		for _, t := range c.terms {
			reduced.Sub(reduced, new(big.Int).Mul(big.NewInt(t.coeff), big.NewInt(w.prices[t.at])))
		}
		if reduced.CmpAbs(threshold) > 0 {
			if reduced.Sign() > 0 {
				fc.lower[j] = c.upper
			} else {
				fc.upper[j] = c.lower
			}
		}
	}
	for i, r := range f.rows {
		fc.rows[i] = r
		switch y := big.NewInt(w.prices[i]); {
		case y.CmpAbs(threshold) <= 0:
		case y.Sign() > 0:
			fc.rows[i].lower = r.upper
		default:
			fc.rows[i].upper = r.lower
		}
	}
	return fc
}
