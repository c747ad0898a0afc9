package secagg

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/canon"
	"comity/verifier/secagg/internal/lane"
)

func drawStep(t *rapid.T) Step {
	return Step{"law", rapid.SampledFrom([]int{32, 64}).Draw(t, "bits"), rapid.IntRange(1, 40).Draw(t, "lanes")}
}

func drawMasked(t *rapid.T, s Step) []byte {
	return rapid.SliceOfN(rapid.Byte(), s.size(), s.size()).Draw(t, "masked")
}

// From the sum blob anybody gets the exact sums of the masked words back.
func TestWordSumsInvertUnmask(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStep(t)
		context := canon.Sum([]byte("context"))
		reveals := [][keySize]byte{{1}, {2}, {3}}
		words := make([]uint64, s.words())
		for range reveals {
			lane.AddWords(words, s.shape(), drawMasked(t, s))
		}
		sum, err := ParseSum(unmask(s, words, context, reveals).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := sum.check(s, len(reveals)); err != nil {
			t.Fatal(err)
		}
		if got := sum.wordSums(context, reveals); !slices.Equal(got, words) {
			t.Fatalf("got %x, want %x", got, words)
		}
	})
}
