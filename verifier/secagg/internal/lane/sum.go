package lane

import "encoding/binary"

// AddWords adds the words of one masked vector to exact sums.
func AddWords(sums []uint64, s Shape, masked []byte) {
	if s.WordBits() == 16 {
		masked = masked[:2*len(sums)]
		for w := range sums {
			sums[w] += uint64(binary.LittleEndian.Uint16(masked[2*w:]))
		}
		return
	}
	masked = masked[:4*len(sums)]
	for w := range sums {
		sums[w] += uint64(binary.LittleEndian.Uint32(masked[4*w:]))
	}
}

// Reduce returns the lanes, each modulo its ring, of which words are the exact sums.
// Words of 64-bit lanes are the lower half first.
func Reduce(s Shape, words []uint64) Vector {
	v, per, width := New(s), s.perPack(), s.WordBits()
	for w, total := range words {
		if s.Bits == 64 {
			v.Packs[w/2] += total << (w % 2 * 32) // The lower word carries into the upper.
		} else {
			v.Packs[w/per] |= total & (1<<width - 1) << (w % per * width)
		}
	}
	return v
}

// Carry returns how often a word overflowed.
func (s Shape) Carry(word uint64) uint64 { return word >> s.WordBits() }

// Restore is the inverse of Reduce, given the carry of each word.
func Restore[C byte | uint16](v Vector, carries []C) []uint64 {
	words := make([]uint64, len(carries))
	per, width := v.perPack(), v.WordBits()
	for w := range words {
		own := v.Packs[w/per] >> (w % per * width) & (1<<width - 1)
		if v.Bits == 64 && w%2 == 1 {
			// The upper word took in what the lower words carried.
			own = (own - uint64(carries[w-1])) & 0xffff_ffff
		}
		words[w] = own | uint64(carries[w])<<width
	}
	return words
}
