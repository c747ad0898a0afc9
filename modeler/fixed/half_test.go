package fixed

import (
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// TestHalfUpIsMulDiv holds the quick roundings to the plain ones.
func TestHalfUpIsMulDiv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Range(0, 1<<61).Draw(t, "a"), rapid.Int64Range(0, 1<<61).Draw(t, "b")
		shift := rapid.IntRange(60, 62).Draw(t, "shift")
		hi, lo := bits.Mul64(uint64(a), uint64(b))
		if got, want := int64(halfUp(hi, lo, shift)), MulDiv(a, b, 1<<shift); got != want {
			t.Errorf("%d times %d by 2^%d is %d, want %d", a, b, shift, got, want)
		}
		n := rapid.Int64Range(1, 17).Draw(t, "n")
		if got, want := part(uint64(a), uint64(n)), RoundDiv(a, n); got != want {
			t.Errorf("%d/%d is %d, want %d", a, n, got, want)
		}
	})
}
