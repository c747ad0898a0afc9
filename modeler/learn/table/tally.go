package table

import "math/bits"

// tally counts the values with each bit. Equal values, of which most heavy cells have many,
// are counted together; others in eight lanes of a byte for each byte of the key, which
// are emptied before they overflow.
type tally struct {
	value, run int64 // The value seen last, as its bits, and how often in a row.
	lanes      [8]uint64
	inLanes    int
	counts     [keyBits]int64
}

func (t *tally) add(u uint64) {
	if int64(u) == t.value { //nolint:gosec // The bits, not their value.
		t.run++
		return
	}
	t.settle()
	t.value, t.run = int64(u), 1 //nolint:gosec // The bits, not their value.
}

// settle takes the last run into the counts.
func (t *tally) settle() {
	u := uint64(t.value) //nolint:gosec // The bits, not their value.
	if t.run != 1 {
		for ; u != 0; u &= u - 1 {
			t.counts[bits.TrailingZeros64(u)] += t.run
		}
		return
	}
	for i := range t.lanes {
		t.lanes[i] += spread(uint8(u >> (8 * i))) //nolint:gosec // The lowest byte.
	}
	const full = 255
	if t.inLanes++; t.inLanes == full {
		t.empty()
	}
}

// spread puts bit i of a byte into the lowest bit of byte i of a word.
func spread(b uint8) uint64 {
	// Eight copies side by side, of which each keeps one bit, moved down to the lowest of its byte.
	const (
		copies = 0x0101010101010101
		choice = 0x8040201008040201
		carry  = 0x7f7f7f7f7f7f7f7f
	)
	w := uint64(b) * copies & choice
	// A byte that is not 0 carries into its highest bit, or has it already.
	return (w&carry + carry | w) >> 7 & copies
}

// empty takes the lanes into the counts.
func (t *tally) empty() {
	for i, lane := range t.lanes {
		for bit := range 8 {
			t.counts[8*i+bit] += int64(lane >> (8 * bit) & 0xff)
		}
	}
	t.lanes, t.inLanes = [8]uint64{}, 0
}

// write adds the counts of the lowest bits.
func (t *tally) write(x []int64) {
	t.settle()
	t.empty()
	for bit := range x {
		x[bit] += t.counts[bit]
	}
}
