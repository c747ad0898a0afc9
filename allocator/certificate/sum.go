package certificate

import (
	"math"
	"math/big"
	"math/bits"
)

// sum adds products of 64-bit numbers exactly: in 128 bits, and in a big.Int once these
// do not suffice. A check is mostly such sums, and big.Int alone makes it ten times as
// slow. The zero value is 0.
type sum struct {
	high  int64 // Two's complement with low, while large is nil.
	low   uint64
	large *big.Int
}

// add adds a·b.
func (s *sum) add(a, b int64) {
	if s.large == nil {
		high, low := multiply(a, b)
		low, carry := bits.Add64(s.low, low, 0)
		next := s.high + high + int64(carry) //nolint:gosec // 0 or 1.
		// Without the carry: a sum of two numbers of one sign has that sign or overflowed.
		if (s.high^high) < 0 || (s.high^next) >= 0 {
			s.high, s.low = next, low
			return
		}
		s.large = s.value()
	}
	s.large.Add(s.large, new(big.Int).Mul(big.NewInt(a), big.NewInt(b)))
}

// subtract subtracts a·b.
func (s *sum) subtract(a, b int64) {
	if b != math.MinInt64 {
		s.add(a, -b)
		return
	}
	s.plus(new(big.Int).Neg(new(big.Int).Mul(big.NewInt(a), big.NewInt(b))))
}

// plus adds x.
func (s *sum) plus(x *big.Int) {
	if s.large == nil {
		s.large = s.value()
	}
	s.large.Add(s.large, x)
}

// compare is -1, 0 or 1 where the sum is below, at or above x.
func (s *sum) compare(x int64) int {
	difference := *s
	if s.large != nil {
		difference.large = s.value()
	}
	difference.subtract(x, 1)
	return difference.sign()
}

// sign is -1, 0 or 1.
func (s *sum) sign() int {
	switch {
	case s.large != nil:
		return s.large.Sign()
	case s.high < 0:
		return -1
	case s.high == 0 && s.low == 0:
		return 0
	default:
		return 1
	}
}

// value is the sum as a new number.
func (s *sum) value() *big.Int {
	if s.large != nil {
		return new(big.Int).Set(s.large)
	}
	v := big.NewInt(s.high)
	v.Lsh(v, 64)
	return v.Add(v, new(big.Int).SetUint64(s.low))
}

// multiply returns a·b in two's complement of 128 bits.
func multiply(a, b int64) (high int64, low uint64) {
	h, low := bits.Mul64(uint64(a), uint64(b)) //nolint:gosec // Corrected below.
	high = int64(h)                            //nolint:gosec // As above.
	if a < 0 {
		high -= b
	}
	if b < 0 {
		high -= a
	}
	return high, low
}
