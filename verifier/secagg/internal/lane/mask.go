package lane

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// KeySize is the length of a mask's key in bytes: AES-256.
const KeySize = 32

// chunk is how much of a mask is expanded at a time: 16 KiB stays in the first-level
// cache together with the part of the vector it is added to.
const chunk = 16 << 10

// The highest bit of each lane.
const (
	top16 = 0x8000_8000_8000_8000
	top32 = 0x8000_0000_8000_0000
)

// Masker expands keys to masks and adds them to vectors: AES-256 in counter mode from a
// zero counter, each key used once.
type Masker struct{ buf [chunk]byte }

// Apply adds the mask of key to v, or subtracts it.
func (m *Masker) Apply(v Vector, key [KeySize]byte, negative bool) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(fmt.Sprintf("lane: AES-256: %v", err)) // The key has 32 bytes.
	}
	stream := cipher.NewCTR(block, make([]byte, aes.BlockSize)) //nolint:gosec // No key is used twice.
	for packs := v.Packs; len(packs) > 0; {
		part := packs[:min(len(packs), chunk/8)]
		b := m.buf[:8*len(part)]
		clear(b)
		stream.XORKeyStream(b, b)
		combine(part, b, v.Bits, negative)
		packs = packs[len(part):]
	}
}

// Erase forgets the last mask.
func (m *Masker) Erase() { clear(m.buf[:]) }

// combine adds the bytes of a mask to packs or subtracts them, lane by lane.
func combine(packs []uint64, mask []byte, bits int, negative bool) {
	mask = mask[:8*len(packs)]
	switch {
	case bits == 64 && !negative:
		for i := range packs {
			packs[i] += binary.LittleEndian.Uint64(mask[8*i:])
		}
	case bits == 64:
		for i := range packs {
			packs[i] -= binary.LittleEndian.Uint64(mask[8*i:])
		}
	case bits == 32:
		beside(packs, mask, top32, negative)
	default:
		beside(packs, mask, top16, negative)
	}
}

// beside adds several lanes at a time: their top bits, which would carry over into the
// next lane, separately.
func beside(packs []uint64, mask []byte, top uint64, negative bool) {
	mask = mask[:8*len(packs)]
	if negative {
		for i, a := range packs {
			b := binary.LittleEndian.Uint64(mask[8*i:])
			packs[i] = ((a | top) - (b &^ top)) ^ (a^^b)&top
		}
		return
	}
	for i, a := range packs {
		b := binary.LittleEndian.Uint64(mask[8*i:])
		packs[i] = ((a &^ top) + (b &^ top)) ^ (a^b)&top
	}
}
