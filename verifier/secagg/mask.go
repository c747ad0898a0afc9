package secagg

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"comity/canon"
	"comity/party"
)

// chunk is how much of a mask is expanded at a time: 16 KiB stays in the first-level
// cache together with the part of the vector it is added to.
const chunk = 16 << 10

// masker expands keys to masks and adds them to vectors: AES-256 in counter mode from a
// zero counter, each key used once.
type masker struct{ buf [chunk]byte }

// apply adds the mask of key to v, or subtracts it.
func (m *masker) apply(v vector, key [keySize]byte, negative bool) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(fmt.Sprintf("secagg: AES-256: %v", err)) // The key has 32 bytes.
	}
	stream := cipher.NewCTR(block, make([]byte, aes.BlockSize)) //nolint:gosec // No key is used twice.
	for packs := v.packs; len(packs) > 0; {
		part := packs[:min(len(packs), chunk/8)]
		b := m.buf[:8*len(part)]
		clear(b)
		stream.XORKeyStream(b, b)
		combine(part, b, v.step.Bits, negative)
		packs = packs[len(part):]
	}
}

// combine adds the bytes of a mask to packs or subtracts them, lane by lane. Lanes of
// 32 bits are added two at a time: their top bits, which would carry over, separately.
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
	case !negative:
		for i, a := range packs {
			b := binary.LittleEndian.Uint64(mask[8*i:])
			packs[i] = ((a &^ top) + (b &^ top)) ^ (a^b)&top
		}
	default:
		for i, a := range packs {
			b := binary.LittleEndian.Uint64(mask[8*i:])
			packs[i] = ((a | top) - (b &^ top)) ^ (a^^b)&top
		}
	}
}

// erase forgets the last mask.
func (m *masker) erase() { clear(m.buf[:]) }

// selfKey is the PRG key of a self mask in one context.
func selfKey(context canon.Digest, self [keySize]byte) [keySize]byte {
	return encode(labelSelfMask).bytes(context[:]).bytes(self[:]).sum()
}

// pairKey is the PRG key of the mask that two parties share in one context; low comes
// first in party order, adds it, and the other subtracts it.
func pairKey(context canon.Digest, key *[keySize]byte, low, high party.ID) (out [keySize]byte) {
	info := encode(labelPairMask).bytes(context[:]).text(string(low)).text(string(high))
	move(&out, expand(key[:], info, keySize))
	return out
}

// masking is who masks with whom: a member, the cohort in ascending order, and the
// secrets with all of them but the member itself.
type masking struct {
	self    party.ID
	members []party.ID
	pairs   *Pairs
}

// apply turns x into y = x + PRG(b) + sum over later peers - sum over earlier peers.
// Added over the cohort, the peers' masks cancel.
func (g masking) apply(v vector, context canon.Digest, self [keySize]byte) {
	var m masker
	defer m.erase()
	m.apply(v, selfKey(context, self), false)
	for _, peer := range g.members {
		switch {
		case peer > g.self:
			m.apply(v, pairKey(context, g.pairs.key(peer), g.self, peer), false)
		case peer < g.self:
			m.apply(v, pairKey(context, g.pairs.key(peer), peer, g.self), true)
		}
	}
}
