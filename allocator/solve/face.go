package solve

import (
	"math/big"
	"slices"

	"comity/allocator/certificate"
)

// noise is the share of the largest cost below which a reduced cost that is not exact
// counts as zero: a hundred times the solver's tolerance.
const noise = 1e-7

// face is a set of allocations: first all that keep bounds and rows, then those of
// greatest worth. By complementary slackness with one optimal set of prices, in these
// the columns with a reduced cost stand at a bound and the rows with a price are tight;
// the rest is free to move.
type face struct {
	*form
	lower, upper []int64  // Of columns; equal where fixed.
	rows         []row    // Tight rows have equal bounds.
	nash         *gains   // What whole units maximise; evenness without it.
	basis        *Basis   // Where the programme of greatest worth stopped, or nil.
	from         *Basis   // Where one of the same columns and rows stopped, or nil.
	summed       bool     // The prices of its worth are whole, as where rows are sums.
	trimmed      *trimmed // What it has lost; nil for nothing.
}

// open returns the face of everything feasible.
func (f *form) open() *face {
	all := &face{form: f, rows: slices.Clone(f.rows), lower: make([]int64, len(f.columns)), upper: make([]int64, len(f.columns))}
	for j, c := range f.columns {
		all.lower[j], all.upper[j] = c.lower, c.upper
	}
	return all
}

// best returns the part of the face that is worth most.
func (fc *face) best(w worth) *face {
	f := fc.form
	inner := &face{form: f, lower: slices.Clone(fc.lower), upper: slices.Clone(fc.upper), rows: slices.Clone(fc.rows), basis: w.basis, summed: w.whole}
	threshold := new(big.Int)
	if !w.whole {
		var largest uint64
		for _, c := range f.columns {
			largest = max(largest, size(c.cost))
		}
		unit := new(big.Float).SetMantExp(big.NewFloat(noise), certificate.PriceBits)
		unit.Mul(unit, new(big.Float).SetUint64(largest)).Int(threshold)
		threshold.Add(threshold, big.NewInt(1)) // A price may be rounded to it.
	}
	for j, reduced := range f.reduced(f.costs(), w.prices, certificate.PriceBits) {
		rounding := new(big.Int)
		if !w.whole {
			for _, t := range f.columns[j].terms {
				rounding.Add(rounding, new(big.Int).SetUint64(size(t.coeff)))
			}
		}
		if reduced.CmpAbs(rounding.Add(rounding, threshold)) > 0 {
			if reduced.Sign() > 0 {
				inner.lower[j] = fc.upper[j]
			} else {
				inner.upper[j] = fc.lower[j]
			}
		}
	}
	for i := range w.prices {
		switch y := big.NewInt(w.prices[i]); {
		case y.CmpAbs(threshold) <= 0:
		case y.Sign() > 0:
			inner.rows[i].lower = fc.rows[i].upper
		default:
			inner.rows[i].upper = fc.rows[i].lower
		}
	}
	return inner
}

// holds tells whether x keeps the bounds of the face's columns and the face's rows.
func (fc *face) holds(x []int64) bool {
	for j := range x {
		if x[j] < fc.lower[j] || x[j] > fc.upper[j] {
			return false
		}
	}
	for _, r := range fc.rows {
		sum := int64(0)
		for _, t := range r.terms {
			sum += t.coeff * x[t.at]
		}
		if r.lower != nil && sum < *r.lower || r.upper != nil && sum > *r.upper {
			return false
		}
	}
	return true
}

// curves is what a search for whole units maximises.
func (fc *face) curves() curves {
	if fc.nash != nil {
		return fc.nash
	}
	return unmet{fc.form}
}
