package accountant

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// transform replaces values, a power of two of them, by their discrete Fourier transform,
// or by the inverse one times their number: Cooley and Tukey (1965), in place.
func transform(values []complex128, inverse bool) {
	n := len(values)
	if n < 2 {
		return
	}
	shift := 64 - uint(bits.TrailingZeros(uint(n)))
	for i := range values {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j { //nolint:gosec // Below n.
			values[i], values[j] = values[j], values[i]
		}
	}
	turn := -2 * math.Pi
	if inverse {
		turn = -turn
	}
	// Roots come from sines, not from products of roots: their errors do not add up.
	roots := make([]complex128, n/2)
	for i := range roots {
		roots[i] = cmplx.Rect(1, turn*float64(i)/float64(n))
	}
	for size := 2; size <= n; size *= 2 {
		half, stride := size/2, n/size
		for start := 0; start < n; start += size {
			left, right := values[start:start+half], values[start+half:start+size]
			for i := range left {
				odd := right[i] * roots[i*stride]
				left[i], right[i] = left[i]+odd, left[i]-odd
			}
		}
	}
}
