package secagg

import (
	"encoding/binary"
	"fmt"
	"slices"

	"comity/canon"
	"comity/verifier/secagg/internal/lane"
	"comity/verifier/secagg/internal/wire"
)

// Sum is what one step gave: the sum X of all inputs, and by 32-bit word how often
// the masked words overflowed when they were added as whole numbers. From X, the
// carries and the revealed self masks anybody recomputes the exact sums of the masked
// words, which the fingerprints are about.
type Sum struct {
	x       lane.Vector
	carries []byte
}

// Bytes returns the sum blob, which the log names by its SHA-256.
func (s Sum) Bytes() []byte {
	b := append([]byte(magicSum), byte(s.x.Bits))           //nolint:gosec // 32 or 64.
	b = binary.BigEndian.AppendUint32(b, uint32(s.x.Lanes)) //nolint:gosec // At most MaxLanes.
	b = append(b, s.x.Bytes()...)
	return append(b, s.carries...)
}

// ParseSum reads a sum blob; the step's name is not in it.
func ParseSum(data []byte) (Sum, error) {
	r := reader{wire.Reader{Data: data}}
	r.Magic(magicSum)
	step := Step{Name: "sum", Bits: int(r.Byte()), Lanes: r.Uint32()}
	if r.Err != nil {
		return Sum{}, r.Err
	}
	if err := step.check(); err != nil {
		return Sum{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	lanes, carries := r.Take(step.size()), r.Take(step.words())
	if err := r.End(); err != nil {
		return Sum{}, err
	}
	return Sum{lane.Of(step.shape(), lanes), carries}, nil
}

// Values returns X.
func (s Sum) Values() []int64 { return s.x.Unpack() }

// check refuses a sum of another shape, and carries that n words cannot have.
func (s Sum) check(step Step, n int) error {
	if s.x.Bits != step.Bits || s.x.Lanes != step.Lanes {
		return fmt.Errorf("%w: %d lanes of %d bits, step %s", ErrSum, s.x.Lanes, s.x.Bits, step)
	}
	for w, c := range s.carries {
		if int(c) >= n {
			return fmt.Errorf("%w: word %d of step %s carries %d; %d words carry at most %d", ErrSum, w, step, c, n, n-1)
		}
	}
	return nil
}

// unmask subtracts every member's self mask from the exact word sums of the uploads.
func unmask(step Step, words []uint64, context canon.Digest, reveals [][keySize]byte) Sum {
	s := Sum{lane.Reduce(step.shape(), words), make([]byte, len(words))}
	for w, total := range words {
		s.carries[w] = byte(total >> 32) //nolint:gosec // Below MaxMembers.
	}
	var m lane.Masker
	for _, self := range reveals {
		m.Apply(s.x, selfKey(context, self), true)
	}
	s.x.Trim()
	return s
}

// wordSums is the inverse of unmask.
func (s Sum) wordSums(context canon.Digest, reveals [][keySize]byte) []uint64 {
	y := lane.Vector{Shape: s.x.Shape, Packs: slices.Clone(s.x.Packs)}
	var m lane.Masker
	for _, self := range reveals {
		m.Apply(y, selfKey(context, self), false)
	}
	return lane.Restore(y, s.carries)
}
