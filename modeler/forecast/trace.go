package forecast

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"comity/canon"
	"comity/modeler/learn"
)

// traced chains the digests of all sums that a run took, so that a model names the whole
// record that it follows from, sums that happened to change nothing included.
type traced struct {
	sum   learn.Summer
	chain canon.Digest // Zero before the first sum.
}

// Sum takes a sum and adds it to the chain: SHA-256 of the chain before, the length of
// the step's name and the name, its bits, the number of values and the values, all
// numbers in eight bytes, big-endian.
func (t *traced) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	total, err := t.sum.Sum(ctx, step, x)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(t.chain)+len(step.Name)+8*(3+len(total)))
	b = append(b, t.chain[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(step.Name)))
	b = append(b, step.Name...)
	b = binary.BigEndian.AppendUint64(b, uint64(step.Bits)) //nolint:gosec // 32 or 64.
	b = binary.BigEndian.AppendUint64(b, uint64(len(total)))
	for _, v := range total {
		b = binary.BigEndian.AppendUint64(b, uint64(v)) //nolint:gosec // Two's complement.
	}
	t.chain = sha256.Sum256(b)
	return total, nil
}
