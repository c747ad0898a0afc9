// Package chance draws public lots: from one agreed seed everybody gets the same
// numbers, on every machine and in every language. See docs/format/chance.md.
//
// It is the public coin only. Keys, masks and privacy noise come from crypto/rand.
package chance

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// Seed is 32 public bytes on which the parties agreed.
type Seed [32]byte

// deriveDomain starts what Derive hashes, so that no other digest is a seed by accident.
const deriveDomain = "comity-chance/v1"

// Derive returns the seed for one purpose: SHA-256 of the domain, the seed and each
// label after its length in eight bytes, big-endian. Lists of labels that differ in
// anything, where they split included, give unrelated seeds.
func Derive(seed Seed, labels ...string) Seed {
	h := sha256.New()
	h.Write([]byte(deriveDomain)) // A hash never fails.
	h.Write(seed[:])
	for _, label := range labels {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(label))))
		h.Write([]byte(label))
	}
	return Seed(h.Sum(nil))
}

// Stream is an endless sequence of lots. It is not safe for concurrent use: the order
// of draws is part of the result.
type Stream struct{ source *rand.ChaCha8 }

// NewStream starts the sequence of seed: C2SP chacha8rand, read as little-endian words
// of 64 bits (c2sp.org/chacha8rand).
func NewStream(seed Seed) *Stream { return &Stream{rand.NewChaCha8(seed)} }

// Uint64 returns the next 64 bits.
func (s *Stream) Uint64() uint64 { return s.source.Uint64() }

// IntN returns a number in [0, n), each equally likely, and panics unless n >= 1. It
// draws until a word lies below the largest multiple of n that 2^64 holds, and returns
// that word modulo n.
func (s *Stream) IntN(n int) int {
	if n < 1 {
		panic(fmt.Sprintf("chance: IntN(%d), want at least 1", n))
	}
	m := uint64(n)
	last := math.MaxUint64 - -m%m // -m%m is 2^64 mod n: that many words are too many.
	for {
		if x := s.Uint64(); x <= last {
			return int(x % m) //nolint:gosec // Below n.
		}
	}
}

// Perm returns the numbers 0 to n-1 in one of their n! orders, each equally likely, and
// panics if n is negative. It is Fisher-Yates from the end (Knuth, The Art of Computer
// Programming, volume 2, algorithm 3.4.2P): for i = n-1 down to 1, swap the elements at
// i and at IntN(i+1).
func (s *Stream) Perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := s.IntN(i + 1)
		p[i], p[j] = p[j], p[i]
	}
	return p
}
