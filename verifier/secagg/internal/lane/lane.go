// Package lane holds the vectors that both modes of secure aggregation add: integers in
// lanes of 16, 32 or 64 bits, the masks that are added to them, and the exact sums of
// the masked words. It knows nothing of who adds, or when masks are taken off again.
package lane

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What can be wrong with an input.
var (
	ErrLanes = errors.New("input of another length than its lanes")
	ErrBound = errors.New("input exceeds its bound")
)

// Shape says how many integers travel, in rings of how many bits.
type Shape struct {
	Bits  int // 16, 32 or 64.
	Lanes int
}

// Size is the length of one vector in bytes.
func (s Shape) Size() int { return s.Lanes * s.Bits / 8 }

// WordBits is the width of the words that are added exactly and fingerprinted: a lane,
// or half a lane of 64 bits. Words have at most 32 bits, so that no change of a sum is a
// multiple of the prime of the fingerprints.
func (s Shape) WordBits() int { return min(s.Bits, 32) }

// Words is the number of words of one vector.
func (s Shape) Words() int { return s.Lanes * s.Bits / s.WordBits() }

// perPack is how many words share 64 bits.
func (s Shape) perPack() int { return 64 / s.WordBits() }

// Vector holds lanes as the bytes that travel, little-endian, packed eight to a word:
// one 64-bit lane, two of 32 bits or four of 16. Lanes that do not fill the last word
// leave its upper part zero.
type Vector struct {
	Shape
	Packs []uint64
}

// New returns zeros.
func New(s Shape) Vector { return Vector{s, make([]uint64, (s.Size()+7)/8)} }

// Pack writes x in two's complement and refuses what exceeds limit, which the caller
// chose so that any sum stays in the ring.
func Pack(s Shape, x []int64, limit int64) (Vector, error) {
	if len(x) != s.Lanes {
		return Vector{}, fmt.Errorf("%w: %d integers for %d lanes", ErrLanes, len(x), s.Lanes)
	}
	v, per, low := New(s), 64/s.Bits, ^uint64(0)>>(64-s.Bits)
	for k, value := range x {
		if value > limit || value < -limit {
			return Vector{}, fmt.Errorf("%w: lane %d exceeds %d", ErrBound, k, limit)
		}
		v.Packs[k/per] |= uint64(value) & low << (k % per * s.Bits) //nolint:gosec // Two's complement is meant.
	}
	return v, nil
}

// Unpack reads two's complement.
func (v Vector) Unpack() []int64 {
	x, per, spare := make([]int64, v.Lanes), 64/v.Bits, 64-v.Bits
	for k := range x {
		x[k] = int64(v.Packs[k/per]>>(k%per*v.Bits)<<spare) >> spare //nolint:gosec // Two's complement is meant.
	}
	return x
}

// Zero tells whether every lane is zero.
func (v Vector) Zero() bool {
	var seen uint64
	for _, p := range v.Packs {
		seen |= p
	}
	return seen == 0
}

// Bytes returns the lanes, little-endian.
func (v Vector) Bytes() []byte {
	b := make([]byte, 0, 8*len(v.Packs))
	for _, p := range v.Packs {
		b = binary.LittleEndian.AppendUint64(b, p)
	}
	return b[:v.Size()]
}

// Of reads lanes whose length was checked against the shape.
func Of(s Shape, data []byte) Vector {
	v := New(s)
	for i := range len(data) / 8 {
		v.Packs[i] = binary.LittleEndian.Uint64(data[8*i:])
	}
	if tail := data[len(data)/8*8:]; len(tail) > 0 {
		var last [8]byte
		copy(last[:], tail)
		v.Packs[len(v.Packs)-1] = binary.LittleEndian.Uint64(last[:])
	}
	return v
}

// Trim clears the part of the last word that no lane uses.
func (v Vector) Trim() {
	if used := v.Size() % 8; used != 0 {
		v.Packs[len(v.Packs)-1] &= 1<<(8*used) - 1
	}
}

// Erase overwrites the lanes.
func (v Vector) Erase() { clear(v.Packs) }
