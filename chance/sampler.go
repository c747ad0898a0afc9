package chance

import (
	"encoding/binary"
	"math/bits"
)

// Sampler gives every key its own lot. The lot depends on the seed and the key alone,
// so that rows may come in any order and on any machine.
type Sampler struct{ k0, k1 uint64 }

// samplerLabel separates a sampler's key from other uses of its seed.
const samplerLabel = "sampler"

// NewSampler returns the sampler of seed: SipHash-2-4 (Aumasson and Bernstein, 2012)
// under the first 16 bytes of Derive(seed, "sampler").
func NewSampler(seed Seed) Sampler {
	key := Derive(seed, samplerLabel)
	return Sampler{binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:16])}
}

// Uint64 returns the 64 bits of key: SipHash-2-4 of its eight bytes, little-endian.
func (s Sampler) Uint64(key uint64) uint64 {
	const length = 8 << 56 // The last block: the number of bytes in its top byte.
	a, b, c, d := s.k0^0x736f6d6570736575, s.k1^0x646f72616e646f6d, s.k0^0x6c7967656e657261, s.k1^0x7465646279746573
	a, b, c, d = sipRound(sipRound(a, b, c, d^key))
	a, b, c, d = sipRound(sipRound(a^key, b, c, d^length))
	a, b, c, d = sipRound(sipRound(a^length, b, c^0xff, d))
	a, b, c, d = sipRound(sipRound(a, b, c, d))
	return a ^ b ^ c ^ d
}

// sipRound is SipRound, figure 2.1 of the paper; the constants above are those of its
// section 2.1.
func sipRound(a, b, c, d uint64) (_, _, _, _ uint64) {
	a += b
	c += d
	b = bits.RotateLeft64(b, 13) ^ a
	d = bits.RotateLeft64(d, 16) ^ c
	a = bits.RotateLeft64(a, 32) + d
	c += b
	return a, bits.RotateLeft64(b, 17) ^ c, bits.RotateLeft64(c, 32), bits.RotateLeft64(d, 21) ^ a
}
