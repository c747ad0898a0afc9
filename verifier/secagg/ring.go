package secagg

import (
	"encoding/binary"
	"fmt"
)

// vector holds the lanes of one step as the bytes that travel, little-endian, packed
// eight to a word: one 64-bit lane or two 32-bit lanes. An odd last 32-bit lane leaves
// the upper half of its word unused.
type vector struct {
	step  Step
	packs []uint64
}

func newVector(s Step) vector { return vector{s, make([]uint64, (s.size()+7)/8)} }

// top has the highest bit of each 32-bit lane.
const top = 0x8000_0000_8000_0000

// bound is the largest size of an input that keeps any sum of n inputs in the ring.
func bound(bits, n int) int64 { return int64(uint64(1)<<(bits-1)-1) / int64(n) } //nolint:gosec // bits is 32 or 64.

// pack writes x in two's complement and refuses what could overflow a sum of n.
func pack(s Step, x []int64, n int) (vector, error) {
	if len(x) != s.Lanes {
		return vector{}, fmt.Errorf("%w: step %s: %d integers", ErrConfig, s, len(x))
	}
	limit := bound(s.Bits, n)
	v := newVector(s)
	for k, value := range x {
		if value > limit || value < -limit {
			return vector{}, fmt.Errorf("%w: step %s: lane %d exceeds %d, which is 2^%d/%d members",
				ErrRange, s, k, limit, s.Bits-1, n)
		}
		if s.Bits == 64 {
			v.packs[k] = uint64(value) //nolint:gosec // Two's complement is meant.
		} else {
			v.packs[k/2] |= uint64(uint32(value)) << (k % 2 * 32) //nolint:gosec // Two's complement is meant.
		}
	}
	return v, nil
}

// unpack reads two's complement.
func (v vector) unpack() []int64 {
	x := make([]int64, v.step.Lanes)
	for k := range x {
		if v.step.Bits == 64 {
			x[k] = int64(v.packs[k]) //nolint:gosec // Two's complement is meant.
		} else {
			x[k] = int64(int32(v.packs[k/2] >> (k % 2 * 32))) //nolint:gosec // Two's complement is meant.
		}
	}
	return x
}

// zero tells whether every lane is zero.
func (v vector) zero() bool {
	var seen uint64
	for _, p := range v.packs {
		seen |= p
	}
	return seen == 0
}

// bytes returns the lanes, little-endian.
func (v vector) bytes() []byte {
	b := make([]byte, 0, 8*len(v.packs))
	for _, p := range v.packs {
		b = binary.LittleEndian.AppendUint64(b, p)
	}
	return b[:v.step.size()]
}

// vectorOf reads lanes whose length was checked against the step.
func vectorOf(s Step, data []byte) vector {
	v := newVector(s)
	for i := range len(data) / 8 {
		v.packs[i] = binary.LittleEndian.Uint64(data[8*i:])
	}
	if len(data)%8 != 0 {
		v.packs[len(v.packs)-1] = uint64(binary.LittleEndian.Uint32(data[len(data)-4:]))
	}
	return v
}

// trim clears the half word that no lane uses.
func (v vector) trim() {
	if v.step.size()%8 != 0 {
		v.packs[len(v.packs)-1] &= 0xffff_ffff
	}
}
