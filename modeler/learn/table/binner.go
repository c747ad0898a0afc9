package table

import (
	"math/bits"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/number"
)

// binner finds the bins of numbers as learn.Feature does, faster: a table over the range of
// the cuts says between which of them to search.
type binner struct {
	cuts  []int64
	shift int     // Of the distance to the first cut: gives the place in first.
	first []uint8 // How many cuts lie below the keys of each place; one more at the end.
}

// placeBits is the size of the table: 2^12 places, which stay in the fastest cache.
const placeBits = 12

func newBinner(f learn.Feature) *binner {
	b := &binner{cuts: make([]int64, len(f.Cuts))}
	for i, cut := range f.Cuts {
		b.cuts[i] = int64(cut)
	}
	if len(b.cuts) == 0 {
		return b
	}
	last := b.offset(b.cuts[len(b.cuts)-1])
	b.shift = max(0, bits.Len64(last)-placeBits)
	b.first = make([]uint8, last>>b.shift+2)
	n := 0
	for place := range b.first {
		for n < len(b.cuts) && b.offset(b.cuts[n])>>b.shift < uint64(place) {
			n++
		}
		b.first[place] = uint8(n)
	}
	return b
}

// offset returns how far a key is above the first cut.
func (b *binner) offset(key int64) uint64 { return uint64(key) - uint64(b.cuts[0]) } //nolint:gosec // Modulo 2^64, as it should.

// bin returns the bin of a key.
func (b *binner) bin(key int64) uint8 {
	switch n := len(b.cuts); {
	case key == number.Missing:
		return 0
	case n == 0 || key < b.cuts[0]:
		return 1
	case key >= b.cuts[n-1]:
		return uint8(n + 1) //nolint:gosec // At most learn.MaxCuts + 1.
	}
	place := b.offset(key) >> b.shift
	low, high := b.first[place], b.first[place+1]
	for low < high {
		if middle := low + (high-low)/2; b.cuts[middle] <= key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low + 1
}

// binned returns the bins of many values.
func binned(f learn.Feature, keys []int64) []uint8 {
	bins := make([]uint8, len(keys))
	if f.Category {
		for i, key := range keys {
			bins[i] = f.Bin(fixed.Q16(key))
		}
		return bins
	}
	b := newBinner(f)
	for i, key := range keys {
		bins[i] = b.bin(key)
	}
	return bins
}
