package noise

import (
	"encoding/binary"
	"math/bits"
)

const (
	// trialBytes is what one trial reads: a word for x, one for y, one for acceptance
	// and sign.
	trialBytes = 24
	// batchTrials is how many trials are read at once, 6 KiB.
	batchTrials = 256
	// terms is how many terms of the exponential's series are used. Its argument is
	// below 0.61, so what is left out is below 0.61^20/20! < 2^-75.
	terms = 20
	// doubt is how far, in units of 2^-63, a fast exponential may be from the true one.
	// Its argument is off by less than 2^-58 (see fraction), the series by less than
	// 2^-60, and two squarings multiply that by four: below 2^-55 together.
	doubt = 1 << 9
)

// coins are the random words of one trial.
type coins struct{ x, y, u uint64 }

func words(b []byte) coins {
	return coins{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}
}

// trial draws a value and whether it is kept, 0 or 1. If sure is 0, neither means
// anything: 64 bits were too few. Its time depends on nothing but the sampler.
func (s *Sampler) trial(c coins) (z int64, keep, sure uint64) {
	x, known := s.invert(c.x)
	p := decay(s.fraction(x, c.y))
	_, below := bits.Sub64(c.u>>1, p-doubt, 0)
	_, near := bits.Sub64(c.u>>1, p+doubt, 0)
	magnitude := x<<s.block | c.y>>(64-s.block)
	z, kept := s.sign(magnitude, c.u&1)
	return z, below & kept, known & (1 ^ near | below)
}

// sign gives a magnitude its sign, and refuses -0 and what is above the limit.
func (s *Sampler) sign(magnitude, negative uint64) (z int64, keep uint64) {
	_, above := bits.Sub64(s.limit, magnitude, 0)
	keep = 1 ^ negative&zero(magnitude)
	return int64((magnitude ^ -negative) + negative), keep &^ above //nolint:gosec // Two's complement, below 2^62 in size.
}

// invert returns how many cumulative probabilities lie below the number 0.u, and 1 if
// the bits of u are enough to know.
func (s *Sampler) invert(u uint64) (x, known uint64) {
	met := uint64(0)
	for _, f := range s.table {
		_, below := bits.Sub64(f, u, 0)
		x += below
		met |= zero(f ^ u)
	}
	return x, 1 ^ met
}

// fraction returns a quarter of E(k·x+y) - E(k·x), in units of 2^-64, where y/k is 0.y:
// with f = y/k, that is f·(2x+f)·E(k)/4 for a square and f·E(k)/4 otherwise. It is below
// 0.61·2^64 for every x of the table, and at most 2^-58 away from the true value: f
// and f·(2x+f) are cut at 2^-56, below E(k)/4 <= 2^-4, and E(k)/4 at 2^-67, below 2^8.
func (s *Sampler) fraction(x, y uint64) uint64 {
	const unit = 56                   // Of the factor 2x+f: x is below 2^7.
	f := y &^ (^uint64(0) >> s.block) // The upper bits alone make y.
	factor := uint64(1) << unit
	if s.law.square { // This is public.
		factor = x<<(unit+1) + f>>(64-unit)
	}
	product, _ := bits.Mul64(f, factor)
	high, low := bits.Mul64(product, s.slope)
	return high<<5 | low>>59 // From units of 2^-(56+67) to units of 2^-64.
}

// decay returns e^(-4g) in units of 2^-63 for g < 0.61 in units of 2^-64, wrong by less
// than doubt.
func decay(g uint64) uint64 {
	p := uint64(0)
	for _, c := range &inverseFactorials {
		product, _ := bits.Mul64(g, p)
		p = c - product
	}
	for range 2 {
		high, low := bits.Mul64(p, p)
		p = high<<1 | low>>63
	}
	return p
}

// inverseFactorials are 2^63/n! rounded down, for n = 19 to 0.
var inverseFactorials = [terms]uint64{ //nolint:gochecknoglobals // A constant table.
	75, 1440, 25931, 440828,
	7053263, 105798954, 1481185358, 19255409662,
	231064915946, 2541714075411, 25417140754119, 228754266787072,
	1830034134296582, 12810238940076077, 76861433640456465, 384307168202282325,
	1537228672809129301, 4611686018427387904, 9223372036854775808, 9223372036854775808,
}

// zero returns 1 if v is 0, and 0 otherwise.
func zero(v uint64) uint64 { return 1 ^ (v|-v)>>63 }
