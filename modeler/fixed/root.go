package fixed

import "math/bits"

// Sqrt returns the largest integer whose square is not above x.
//
// Newton's iteration from above falls until it has reached the root. From a power of two
// at most twice too high, each step squares the relative error: six are enough.
func Sqrt(x uint64) uint64 {
	if x == 0 {
		return 0
	}
	root := uint64(1) << ((bits.Len64(x) + 1) / 2)
	for {
		next := (root + x/root) / 2
		if next >= root {
			return root
		}
		root = next
	}
}

// Sqrt returns the square root of x, rounded down, and for x from 2^31 on relatively at
// most 2^-30 too low; that of a negative number is 0.
func (x Q16) Sqrt() Q16 {
	if x <= 0 {
		return 0
	}
	// sqrt(x/2^16) 2^16 = sqrt(x 2^16), which may need 79 bits: shift by an even number
	// that fits and make up for the rest afterwards.
	shift := min(16, bits.LeadingZeros64(uint64(x))&^1)
	return Q16(Sqrt(uint64(x)<<shift) << ((16 - shift) / 2)) //nolint:gosec // Below 2^40.
}
