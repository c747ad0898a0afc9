package learn

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"comity/canon"
)

// maxValues bounds the vector of one step: 2^24 words, 128 MiB.
const maxValues = 1 << 24

// chain is the digest over the sums so far.
type chain = canon.Digest

// sum makes one sum, checks its form and returns the chain after it.
func (t *trainer) sum(ctx context.Context, step Step, x []int64, before chain) ([]int64, chain, error) {
	if err := ctx.Err(); err != nil {
		return nil, before, err
	}
	want := len(x)
	sum, err := t.sums.Sum(ctx, step, x)
	if err != nil {
		return nil, before, fmt.Errorf("sum %s: %w", step.Name, err)
	}
	if len(sum) != want {
		return nil, before, fmt.Errorf("%w: %s: %d values, %d expected", ErrSum, step.Name, len(sum), want)
	}
	if step.Bits == 32 {
		for i, v := range sum {
			if v != int64(int32(v)) { //nolint:gosec // The comparison is the check.
				return nil, before, fmt.Errorf("%w: %s: value %d is %d, beyond 32 bits", ErrSum, step.Name, i, v)
			}
		}
	}
	return sum, link(before, step, sum), nil
}

// link returns the chain after one more sum: the SHA-256 of the chain before, the step's
// bits and the length of its name in a byte each, the name, the number of values in four
// bytes and every value in eight, big-endian.
func link(before chain, step Step, sum []int64) chain {
	const some = 1 << 9 // Values hashed at a time.
	h := sha256.New()
	b := make([]byte, 0, max(8*some, len(before)+6+len(step.Name)))
	b = append(b, before[:]...)
	b = append(b, byte(step.Bits), byte(len(step.Name))) //nolint:gosec // 32 or 64; names are short.
	b = append(b, step.Name...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(sum))) //nolint:gosec // At most maxValues.
	h.Write(b)
	for values := range slices.Chunk(sum, some) {
		b = b[:0]
		for _, v := range values {
			b = binary.BigEndian.AppendUint64(b, uint64(v)) //nolint:gosec // Two's complement.
		}
		h.Write(b)
	}
	return chain(h.Sum(nil))
}
