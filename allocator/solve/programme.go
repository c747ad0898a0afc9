package solve

import (
	"math"
	"math/bits"
)

// floatBits is the size to which numbers are brought before they enter floating
// point: at 2^20 a solver's tolerance of 1e-9 is a part in 10^15, the last digit of a
// double. Scaling is by powers of two, which rounds nothing.
const floatBits = 20

// worthLP returns the programme of greatest worth, its costs divided by 2^costShift
// and its units by 2^unitShift.
func (f *form) worthLP() (lp LP, costShift, unitShift int) {
	var cost, bound uint64
	for _, c := range f.columns {
		cost = max(cost, size(c.cost))
		bound = max(bound, size(c.lower), size(c.upper))
	}
	costShift = max(0, bits.Len64(cost)-floatBits)
	unitShift = max(0, bits.Len64(bound)-floatBits)
	for _, c := range f.columns {
		lp.Cost = append(lp.Cost, math.Ldexp(float64(c.cost), -costShift))
		lp.Lower = append(lp.Lower, math.Ldexp(float64(c.lower), -unitShift))
		lp.Upper = append(lp.Upper, math.Ldexp(float64(c.upper), -unitShift))
	}
	for _, r := range f.rows {
		lp.RowLower = append(lp.RowLower, scaled(r.lower, -1, unitShift))
		lp.RowUpper = append(lp.RowUpper, scaled(r.upper, 1, unitShift))
	}
	lp.Start = []int32{0}
	for _, c := range f.columns {
		for _, t := range c.terms {
			lp.Index = append(lp.Index, int32(t.at)) //nolint:gosec // Below maxNodes by check.
			lp.Value = append(lp.Value, float64(t.coeff))
		}
		lp.Start = append(lp.Start, int32(len(lp.Index))) //nolint:gosec // Below maxNodes by check.
	}
	return lp, costShift, unitShift
}

// scaled returns the bound divided by 2^shift, or infinity of the given sign.
func scaled(bound *int64, sign, shift int) float64 {
	if bound == nil {
		return math.Inf(sign)
	}
	return math.Ldexp(float64(*bound), -shift)
}

func size(x int64) uint64 {
	if x < 0 {
		return -uint64(x) //nolint:gosec // Two's complement: right for the least number too.
	}
	return uint64(x)
}
