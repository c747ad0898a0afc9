package privacy

import (
	"math/big"
	"math/bits"
	"slices"
)

// ClipLargest returns x with every value cut to [-bound, bound]: its L∞ norm is at most
// bound, which must not be negative.
func ClipLargest(x []int64, bound int64) []int64 {
	out := slices.Clone(x)
	for i, v := range out {
		out[i] = min(max(v, -bound), bound)
	}
	return out
}

// ClipSum returns x, or x shrunk towards 0 so that its L1 norm is at most bound: every
// value becomes x·bound/norm, cut towards 0. Bound must not be negative.
func ClipSum(x []int64, bound int64) []int64 {
	var norm words
	for _, v := range x {
		norm.add(0, size(v))
	}
	return shrink(x, bound, norm.big())
}

// ClipLength returns x, or x shrunk towards 0 so that its L2 norm is at most bound: every
// value becomes x·bound/norm, cut towards 0, with the norm's exact square root rounded up
// to a whole number. Bound must not be negative.
func ClipLength(x []int64, bound int64) []int64 {
	var sum words
	for _, v := range x {
		sum.add(bits.Mul64(size(v), size(v)))
	}
	square := sum.big()
	norm := new(big.Int).Sqrt(square)
	if new(big.Int).Mul(norm, norm).Cmp(square) < 0 {
		norm.Add(norm, big.NewInt(1))
	}
	return shrink(x, bound, norm)
}

// size returns |v|, also of -2^63.
func size(v int64) uint64 {
	if v < 0 {
		return -uint64(v) //nolint:gosec // Two's complement.
	}
	return uint64(v)
}

// words is a sum below 2^192, lowest word first.
type words [3]uint64

func (w *words) add(high, low uint64) {
	var carry uint64
	w[0], carry = bits.Add64(w[0], low, 0)
	w[1], carry = bits.Add64(w[1], high, carry)
	w[2] += carry
}

func (w *words) big() *big.Int {
	n := new(big.Int)
	for _, word := range slices.Backward(w[:]) {
		n.Lsh(n, 64)
		n.Or(n, new(big.Int).SetUint64(word))
	}
	return n
}

// shrink returns x·bound/norm, cut towards 0, or x if the norm is within the bound. No
// size in x exceeds the norm.
func shrink(x []int64, bound int64, norm *big.Int) []int64 {
	out := slices.Clone(x)
	limit := big.NewInt(bound)
	if norm.Cmp(limit) <= 0 {
		return out
	}
	if !norm.IsUint64() { // A sum of very large values.
		n := new(big.Int)
		for i, v := range out {
			n.SetInt64(v)
			out[i] = n.Quo(n.Mul(n, limit), norm).Int64() // Quo cuts towards 0.
		}
		return out
	}
	divisor := norm.Uint64()
	for i, v := range out {
		high, low := bits.Mul64(size(v), size(bound))
		part, _ := bits.Div64(high, low, divisor) // high < divisor, as size <= norm and bound < 2^63.
		out[i] = int64(part)                      //nolint:gosec // At most bound.
		if v < 0 {
			out[i] = -out[i]
		}
	}
	return out
}
