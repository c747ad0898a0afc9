package certificate

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestSumsAreThoseOfBigNumbers adds the largest products there are, so that 128 bits
// overflow in either direction and come back.
func TestSumsAreThoseOfBigNumbers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var s sum
		want := new(big.Int)
		for range rapid.IntRange(0, 20).Draw(r, "terms") {
			a, b := rapid.Int64().Draw(r, "a"), rapid.Int64().Draw(r, "b")
			if rapid.Bool().Draw(r, "extreme") {
				a, b = -1<<63, rapid.SampledFrom([]int64{-1 << 63, 1<<63 - 1}).Draw(r, "end")
			}
			p := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
			if rapid.Bool().Draw(r, "less") {
				s.subtract(a, b)
				want.Sub(want, p)
			} else {
				s.add(a, b)
				want.Add(want, p)
			}
			if s.value().Cmp(want) != 0 || s.sign() != want.Sign() {
				r.Fatalf("sum is %s, want %s", s.value(), want)
			}
			x := rapid.Int64().Draw(r, "x")
			if s.compare(x) != want.Cmp(big.NewInt(x)) {
				r.Fatalf("compare %s with %d", want, x)
			}
		}
	})
}
