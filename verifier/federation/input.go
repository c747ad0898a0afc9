package federation

import (
	"encoding/binary"
	"fmt"

	"comity/verifier/secagg"
)

// inputBytes writes a member's numbers for its own store, 8 bytes each, big-endian.
func inputBytes(x []int64) []byte {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.BigEndian.AppendUint64(b, uint64(v)) //nolint:gosec // Two's complement, back and forth.
	}
	return b
}

func parseInput(data []byte, lanes int) ([]int64, error) {
	if len(data) != 8*lanes {
		return nil, fmt.Errorf("%w: kept input of %d bytes, want %d", secagg.ErrJournal, len(data), 8*lanes)
	}
	x := make([]int64, lanes)
	for i := range x {
		x[i] = int64(binary.BigEndian.Uint64(data[8*i:])) //nolint:gosec // As written.
	}
	return x, nil
}
