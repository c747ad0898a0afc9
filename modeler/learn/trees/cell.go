package trees

import (
	"fmt"
	"math/bits"

	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// cell is what a split needs to know about some rows: gradients, weights and number.
type cell struct{ g, h, n int64 }

func (c cell) plus(d cell) cell  { return cell{c.g + d.g, c.h + d.h, c.n + d.n} }
func (c cell) minus(d cell) cell { return cell{c.g - d.g, c.h - d.h, c.n - d.n} }

// check refuses what no rows add up to: each row has a weight of 1 to 1024 and a
// gradient of at most bound times 1024 in magnitude.
func (c cell) check(bound int64) error {
	most := bound * loss.Unit * c.n
	if c.n < 0 || c.n > learn.MaxRows || c.h < c.n || c.h > loss.Unit*c.n || c.g < -most || c.g > most {
		return fmt.Errorf("%w: gradient %d and weight %d of %d rows", learn.ErrSum, c.g, c.h, c.n)
	}
	return nil
}

// packing holds a cell in one word, g 2^(n+h) + h 2^n + n with n and h bits for the
// number and the weight. Words add exactly as long as at most rows() rows are in them.
// Without bits for weights, every row has a whole one.
type packing struct{ n, h int }

func (p packing) rows() int64 { return 1<<p.n - 1 }

// pull is the gradient and the weight of one row, g 2^11 + h: what fits half a word.
type pull int32

const pullBits = 11 // A weight is at most 2^10, a gradient at most 2^16.

func newPull(g, h int64) pull { return pull(g<<pullBits + h) } //nolint:gosec // Bounded as above.

// spread makes words of pulls, of one row each.
func (p packing) spread(values []int64) {
	if p.h == 0 {
		for i, v := range values {
			values[i] = v>>pullBits<<p.n + 1
		}
		return
	}
	g, n := p.n+p.h, p.n
	for i, v := range values {
		values[i] = v>>pullBits<<(g&63) + v&(1<<pullBits-1)<<(n&63) + 1
	}
}

// word returns a whole cell in one word.
func (p packing) word(c cell) int64 {
	if p.h == 0 {
		return c.g<<p.n + c.n
	}
	return c.g<<(p.n+p.h) + c.h<<p.n + c.n
}

func (p packing) unpack(word int64) cell {
	n := word & p.rows()
	if p.h == 0 {
		return cell{word >> p.n, n * loss.Unit, n}
	}
	return cell{word >> (p.n + p.h), word >> p.n & (1<<p.h - 1), n}
}

const unitBits = 10 // loss.Unit is 2^10.

// packingFor returns the packing that holds most rows in words of 63 bits and a sign,
// spare of which stay free. A gradient takes as many bits more as its bound says.
//
// The loss that today's forecasts use gets n < 2^14, h < 2^24, |g| < 2^24.
func packingFor(steady bool, bound int64, spare int) packing {
	room := 63 - spare - unitBits - bits.Len64(uint64(bound-1)) //nolint:gosec // Bounds are positive.
	if steady {
		return packing{n: min(room/2, 30)}
	}
	n := (room - unitBits) / 3
	return packing{n: n, h: n + unitBits}
}

// layout is how the cells of one step travel.
type layout struct {
	bits    int // Of a word: 32 or 64.
	words   int // Per cell: 1 packed, or 2 for g and n, or 3 for g, h and n.
	packing packing
}

// layoutFor returns the shortest layout for cells of at most rows rows, any of which one
// of the members may hold: its own sum stays below 2^(bits-1) over their number.
func (c *Config) layoutFor(rows int64) layout {
	spare := bits.Len(uint(c.Members - 1))
	bound, steady := c.Loss.Bound(), c.steady()
	switch packed := packingFor(steady, bound, spare); {
	case rows <= packed.rows():
		return layout{bits: 64, words: 1, packing: packed}
	case steady:
		return layout{bits: 64, words: 2}
	case rows < 1<<(31-spare)/(loss.Unit*bound):
		return layout{bits: 32, words: 3}
	default:
		return layout{bits: 64, words: 3}
	}
}

// write puts a cell at the start of words and returns the words after it.
func (l layout) write(words []int64, c cell) []int64 {
	switch l.words {
	case 1:
		words[0] = l.packing.word(c)
	case 2:
		words[0], words[1] = c.g, c.n
	default:
		words[0], words[1], words[2] = c.g, c.h, c.n
	}
	return words[l.words:]
}

// read takes a cell from the start of words and returns the words after it.
func (l layout) read(words []int64) (cell, []int64) {
	switch l.words {
	case 1:
		return l.packing.unpack(words[0]), words[1:]
	case 2:
		// What a hostile number would overflow is refused by the check of the cell.
		n := min(max(words[1], -1), learn.MaxRows+1)
		return cell{words[0], n * loss.Unit, n}, words[2:]
	default:
		return cell{words[0], words[1], words[2]}, words[3:]
	}
}
