package secagg

import (
	"encoding/binary"
	"fmt"
	"slices"

	"comity/canon"
)

// Sum is what one step gave: the sum X of all inputs, and by 32-bit word how often
// the masked words overflowed when they were added as whole numbers. From X, the
// carries and the revealed self masks anybody recomputes the exact sums of the masked
// words, which the fingerprints are about.
type Sum struct {
	x       vector
	carries []byte
}

// Bytes returns the sum blob, which the log names by its SHA-256.
func (s Sum) Bytes() []byte {
	b := append([]byte(magicSum), byte(s.x.step.Bits))           //nolint:gosec // 32 or 64.
	b = binary.BigEndian.AppendUint32(b, uint32(s.x.step.Lanes)) //nolint:gosec // At most MaxLanes.
	b = append(b, s.x.bytes()...)
	return append(b, s.carries...)
}

// ParseSum reads a sum blob; the step's name is not in it.
func ParseSum(data []byte) (Sum, error) {
	r := reader{data: data}
	r.magic(magicSum)
	step := Step{Name: "sum", Bits: int(r.byte()), Lanes: r.uint32()}
	if r.err != nil {
		return Sum{}, r.err
	}
	if err := step.check(); err != nil {
		return Sum{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	lanes, carries := r.take(step.size()), r.take(step.words())
	if err := r.end(); err != nil {
		return Sum{}, err
	}
	return Sum{vectorOf(step, lanes), carries}, nil
}

// Values returns X.
func (s Sum) Values() []int64 { return s.x.unpack() }

// check refuses a sum of another shape, and carries that n words cannot have.
func (s Sum) check(step Step, n int) error {
	if s.x.step.Bits != step.Bits || s.x.step.Lanes != step.Lanes {
		return fmt.Errorf("%w: %d lanes of %d bits, step %s", ErrSum, s.x.step.Lanes, s.x.step.Bits, step)
	}
	for w, c := range s.carries {
		if int(c) >= n {
			return fmt.Errorf("%w: word %d of step %s carries %d; %d words carry at most %d", ErrSum, w, step, c, n, n-1)
		}
	}
	return nil
}

// unmask subtracts every member's self mask from the exact word sums of the uploads.
// Words of 64-bit lanes are the lower half first.
func unmask(step Step, words []uint64, context canon.Digest, reveals [][keySize]byte) Sum {
	s := Sum{newVector(step), make([]byte, len(words))}
	for w, total := range words {
		s.carries[w] = byte(total >> 32) //nolint:gosec // Below MaxMembers.
	}
	for i := range s.x.packs {
		low, high := words[2*i], uint64(0)
		if 2*i+1 < len(words) {
			high = words[2*i+1]
		}
		if step.Bits == 64 {
			s.x.packs[i] = low + high<<32
		} else {
			s.x.packs[i] = low&0xffff_ffff | high<<32
		}
	}
	var m masker
	for _, self := range reveals {
		m.apply(s.x, selfKey(context, self), true)
	}
	s.x.trim()
	return s
}

// wordSums is the inverse of unmask.
func (s Sum) wordSums(context canon.Digest, reveals [][keySize]byte) []uint64 {
	y := vector{s.x.step, slices.Clone(s.x.packs)}
	var m masker
	for _, self := range reveals {
		m.apply(y, selfKey(context, self), false)
	}
	words := make([]uint64, len(s.carries))
	for w := range words {
		words[w] = y.packs[w/2]>>(w%2*32)&0xffff_ffff | uint64(s.carries[w])<<32
	}
	if s.x.step.Bits == 64 {
		// The upper word of Y took in what the lower words carried.
		for w := 1; w < len(words); w += 2 {
			own := (words[w] - uint64(s.carries[w-1])) & 0xffff_ffff
			words[w] = own | uint64(s.carries[w])<<32
		}
	}
	return words
}

// addWords adds the 32-bit words of one masked vector to exact sums.
func addWords(sums []uint64, masked []byte) {
	masked = masked[:4*len(sums)]
	for w := range sums {
		sums[w] += uint64(binary.LittleEndian.Uint32(masked[4*w:]))
	}
}
