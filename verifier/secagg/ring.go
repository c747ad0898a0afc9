package secagg

import (
	"fmt"

	"comity/verifier/secagg/internal/lane"
)

// bound is the largest size of an input that keeps any sum of n inputs in the ring.
func bound(bits, n int) int64 { return int64(uint64(1)<<(bits-1)-1) / int64(n) } //nolint:gosec // bits is 32 or 64.

// pack writes x in two's complement and refuses what could overflow a sum of n.
func pack(s Step, x []int64, n int) (lane.Vector, error) {
	v, err := lane.Pack(s.shape(), x, bound(s.Bits, n))
	if err != nil {
		return lane.Vector{}, fmt.Errorf("%w: step %s: %w, which is 2^%d/%d members", ErrRange, s, err, s.Bits-1, n)
	}
	return v, nil
}
