package dispatch

import (
	"math"
	"math/big"

	"comity/allocator/linear"
)

// priceUnits is how finely prices are written, as units of the fraction of one: 10^-15,
// near the resolution of a float of size one.
const priceUnits = 1e15

// quantised returns a solver's prices as decimals, without those that point to a side on
// which a row has no bound. Any prices are valid; these lose next to nothing.
func quantised(p linear.Programme, dual []float64) linear.Vector {
	numerators := make([]*big.Int, len(p.Rows))
	for i, r := range p.Rows {
		numerators[i] = whole(dual[i] * priceUnits)
		if s := numerators[i].Sign(); s < 0 && r.Lower == nil || s > 0 && r.Upper == nil {
			numerators[i].SetInt64(0)
		}
	}
	return linear.NewVector(numerators, whole(priceUnits))
}

// whole returns the nearest integer, and zero for what is not finite.
func whole(x float64) *big.Int {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return new(big.Int)
	}
	n, _ := new(big.Float).SetFloat64(math.Round(x)).Int(nil)
	return n
}
