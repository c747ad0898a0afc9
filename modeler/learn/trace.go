package learn

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"comity/canon"
)

// Trace is a chain over the sums that a model follows from (docs/format/model.md). The
// zero Trace starts it. A model that names its Trace differs if any sum behind it did,
// even where nothing else noticed.
type Trace canon.Digest

// Sum makes one sum, refuses with ErrSum what does not have the form of one, and returns
// it with the chain after it.
func (t Trace) Sum(ctx context.Context, summer Summer, step Step, x []int64) ([]int64, Trace, error) {
	if err := ctx.Err(); err != nil {
		return nil, t, err
	}
	want := len(x)
	sum, err := summer.Sum(ctx, step, x)
	if err != nil {
		return nil, t, fmt.Errorf("sum %s: %w", step.Name, err)
	}
	if len(sum) != want {
		return nil, t, fmt.Errorf("%w: %s: %d values, %d expected", ErrSum, step.Name, len(sum), want)
	}
	if step.Bits == 32 {
		for i, v := range sum {
			if v != int64(int32(v)) { //nolint:gosec // The comparison is the check.
				return nil, t, fmt.Errorf("%w: %s: value %d is %d, beyond 32 bits", ErrSum, step.Name, i, v)
			}
		}
	}
	return sum, t.Link(step, sum), nil
}

// Link returns the chain after one more sum: the SHA-256 of the chain before, the step's
// bits and the length of its name in a byte each, the name, the number of values in four
// bytes and every value in eight, big-endian.
func (t Trace) Link(step Step, sum []int64) Trace {
	const some = 1 << 9 // Values hashed at a time.
	h := sha256.New()
	b := make([]byte, 0, max(8*some, len(t)+6+len(step.Name)))
	b = append(b, t[:]...)
	b = append(b, byte(step.Bits), byte(len(step.Name))) //nolint:gosec // 32 or 64; names are short.
	b = append(b, step.Name...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(sum))) //nolint:gosec // At most MaxValues.
	h.Write(b)
	for values := range slices.Chunk(sum, some) {
		b = b[:8*len(values)]
		for i, v := range values {
			binary.BigEndian.PutUint64(b[8*i:], uint64(v)) //nolint:gosec // Two's complement.
		}
		h.Write(b)
	}
	return Trace(h.Sum(nil))
}

// String returns the chain in the form of a digest.
func (t Trace) String() string { return canon.Digest(t).String() }
