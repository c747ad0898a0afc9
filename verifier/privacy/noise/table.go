package noise

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/big"

	"comity/exact"
	"comity/verifier/privacy/enclosure"
)

const (
	// wordBits is how many bits more are drawn at a time.
	wordBits = 64
	// maxWords bounds how often a draw is drawn out. Each time is needed with a
	// probability below 2^-52: eight in a row mean that the coin repeats itself.
	maxWords = 8
	// blocks is the least of which a scale is divided: a standard deviation spans 4 to 8
	// blocks, a Laplace scale too. Fewer would keep fewer trials, more lengthen the table.
	blocks = 4
)

// build chooses the block and computes the table.
func build(l law) *Sampler {
	s := &Sampler{law: l, limit: 1<<62 - 1}
	// E at blocks·2·k is (2·blocks)²/2 for a standard deviation of 2·blocks·k, and
	// 2·blocks/(2·blocks) = 1 for such a scale.
	most := exact.Int(1)
	if l.square {
		most = exact.FromBig(big.NewRat(1, 2))
	}
	for l.exponent(new(big.Int).Lsh(big.NewInt(2*blocks), s.block)).Cmp(most) <= 0 {
		s.block++
	}
	for _, f := range s.cumulative(wordBits) {
		s.table = append(s.table, f.Uint64())
	}
	if s.block > 0 { // Without blocks y is 0, and E(1) need not fit.
		slope := s.law.exponent(new(big.Int).Lsh(big.NewInt(1), s.block)).Mul(exact.FromBig(new(big.Rat).SetFrac64(1, 4)))
		s.slope = slope.Mul(exact.FromBig(new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 67)))).Floor().Uint64()
	}
	return s
}

// cumulative returns the probabilities of at most 0, 1, ... blocks in units of 2^-bits,
// rounded down, up to the first that rounds to 1 - 2^-bits.
func (s *Sampler) cumulative(bits uint) []*big.Int {
	for precision := bits + wordBits; ; precision += wordBits {
		if f, ok := s.cumulativeAt(bits, precision); ok {
			return f
		}
	}
}

// cumulativeAt fails if bounds of the given precision leave a rounding open.
func (s *Sampler) cumulativeAt(bits, precision uint) ([]*big.Int, bool) {
	var lows, highs []exact.Rat
	var low, high exact.Rat
	for x := int64(0); ; x++ {
		w := s.weight(x, precision)
		if w.Low.Sign() == 0 {
			high = high.Add(s.tail(x, precision))
			break
		}
		low, high = low.Add(w.Low), high.Add(w.High)
		lows, highs = append(lows, low), append(highs, high)
	}
	unit := exact.FromBig(new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), bits)))
	last := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), bits), big.NewInt(1))
	var table []*big.Int
	for x := range lows {
		f := quotient(lows[x].Mul(unit), high).Floor()
		table = append(table, f)
		if f.Cmp(last) == 0 {
			return table, true
		}
		above := exact.FromBig(new(big.Rat).SetInt(new(big.Int).Add(f, big.NewInt(1))))
		if quotient(highs[x].Mul(unit), low).Cmp(above) > 0 {
			return nil, false
		}
	}
	return nil, false
}

// weight encloses e^-E(k·x).
func (s *Sampler) weight(x int64, precision uint) enclosure.Bounds {
	return enclosure.Exp(s.law.exponent(s.start(x)).Neg(), precision)
}

// tail bounds the weights of x and all above: they shrink at least as fast as from x-1
// to x, as E is convex.
func (s *Sampler) tail(x int64, precision uint) exact.Rat {
	step := s.law.exponent(s.start(x)).Sub(s.law.exponent(s.start(max(x-1, 0))))
	shrink := enclosure.Exp(step.Neg(), precision).High
	return quotient(s.weight(x, precision).High, exact.Int(1).Sub(shrink))
}

// start returns k·x.
func (s *Sampler) start(x int64) *big.Int { return new(big.Int).Lsh(big.NewInt(x), s.block) }

// settle does with big numbers and further bits of the coin what trial could not.
func (s *Sampler) settle(c coins, coin io.Reader) (z int64, keep uint64, err error) {
	x, err := s.settleBlock(c.x, coin)
	if err != nil {
		return 0, 0, err
	}
	magnitude := uint64(x)<<s.block | c.y>>(wordBits-s.block) //nolint:gosec // Not negative.
	z, kept := s.sign(magnitude, c.u&1)
	gap := s.law.exponent(new(big.Int).SetUint64(magnitude)).Sub(s.law.exponent(s.start(x)))
	accepted, err := settleBelow(gap, c.u>>1, coin)
	return z, accepted & kept, err
}

// settleBlock inverts the distribution of x at the number that starts with the bits of u.
func (s *Sampler) settleBlock(u uint64, coin io.Reader) (int64, error) {
	at, bits := new(big.Int).SetUint64(u), uint(wordBits)
	for range maxWords {
		x, met := int64(0), false
		for _, f := range s.cumulative(bits) {
			switch f.Cmp(at) {
			case -1:
				x++
			case 0:
				met = true
			}
		}
		if !met {
			return x, nil
		}
		if err := extend(at, coin); err != nil {
			return 0, err
		}
		bits += wordBits
	}
	return 0, fmt.Errorf("%w that differ: the same rare case %d times in a row", ErrCoin, maxWords)
}

// settleBelow returns 1 if the number that starts with the 63 bits of u is below e^-gap.
func settleBelow(gap exact.Rat, u uint64, coin io.Reader) (uint64, error) {
	at, bits := new(big.Int).SetUint64(u), uint(wordBits-1)
	for range maxWords {
		unit := new(big.Int).Lsh(big.NewInt(1), bits)
		p := enclosure.Exp(gap.Neg(), bits+wordBits)
		from := exact.FromBig(new(big.Rat).SetFrac(at, unit))
		to := exact.FromBig(new(big.Rat).SetFrac(new(big.Int).Add(at, big.NewInt(1)), unit))
		switch {
		case to.Cmp(p.Low) <= 0:
			return 1, nil
		case from.Cmp(p.High) >= 0:
			return 0, nil
		}
		if err := extend(at, coin); err != nil {
			return 0, err
		}
		bits += wordBits
	}
	return 0, fmt.Errorf("%w that differ: the same rare case %d times in a row", ErrCoin, maxWords)
}

// extend appends a word of the coin to the bits of a number.
func extend(at *big.Int, coin io.Reader) error {
	var word [wordBits / 8]byte
	if _, err := io.ReadFull(coin, word[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrCoin, err)
	}
	at.Lsh(at, wordBits)
	at.Or(at, new(big.Int).SetUint64(binary.LittleEndian.Uint64(word[:])))
	return nil
}

// quotient divides by a number that cannot be 0.
func quotient(x, y exact.Rat) exact.Rat {
	return exact.FromBig(new(big.Rat).Quo(x.Big(), y.Big()))
}
