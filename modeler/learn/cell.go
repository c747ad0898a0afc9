package learn

import "fmt"

// gradientScale is how many units a whole gradient and a whole weight have. With 2^10,
// quantised gradients cost no accuracy (Shi et al., "Quantized Training of Gradient
// Boosting Decision Trees", 2022, need 2^2 to 2^5).
const gradientScale = 1 << 10

// cell is what a split needs to know about some rows: gradients, weights and number.
type cell struct{ g, h, n int64 }

func (c cell) plus(d cell) cell  { return cell{c.g + d.g, c.h + d.h, c.n + d.n} }
func (c cell) minus(d cell) cell { return cell{c.g - d.g, c.h - d.h, c.n - d.n} }

// check refuses what no rows add up to: each row has a weight of 1 to 1024 and a
// gradient of at most 1024 in magnitude.
func (c cell) check() error {
	if c.n < 0 || c.n > maxRows || c.h < c.n || c.h > gradientScale*c.n || c.g < -gradientScale*c.n || c.g > gradientScale*c.n {
		return fmt.Errorf("%w: gradient %d and weight %d of %d rows", ErrSum, c.g, c.h, c.n)
	}
	return nil
}

// A packed cell holds all three in one word, g 2^38 + h 2^14 + n, which adds exactly as
// long as at most packedRows rows are in it: n < 2^14, h < 2^24, |g| < 2^24.
const (
	packedRows = 1<<14 - 1
	hShift     = 14
	gShift     = 38
)

func (c cell) pack() int64 { return c.g<<gShift + c.h<<hShift + c.n }

func unpack(word int64) cell {
	return cell{word >> gShift, word >> hShift & (1<<(gShift-hShift) - 1), word & packedRows}
}

// layout is how the cells of one step travel.
type layout struct {
	bits  int // Of a word: 32 or 64.
	words int // Per cell: 1 packed, or 3 for g, h and n.
}

// layoutFor returns the shortest layout for cells of at most rows rows: eight bytes a
// cell, then twelve, then twenty-four.
func layoutFor(rows int64) layout {
	switch {
	case rows <= packedRows:
		return layout{bits: 64, words: 1}
	case rows < 1<<31/gradientScale:
		return layout{bits: 32, words: 3}
	default:
		return layout{bits: 64, words: 3}
	}
}

// write puts a cell at the start of words and returns the words after it.
func (l layout) write(words []int64, c cell) []int64 {
	if l.words == 1 {
		words[0] = c.pack()
	} else {
		words[0], words[1], words[2] = c.g, c.h, c.n
	}
	return words[l.words:]
}

// read takes a cell from the start of words and returns the words after it.
func (l layout) read(words []int64) (cell, []int64) {
	if l.words == 1 {
		return unpack(words[0]), words[1:]
	}
	return cell{words[0], words[1], words[2]}, words[3:]
}
