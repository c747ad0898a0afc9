package table

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/number"
)

// The quick way to a bin and the plain one agree, whatever the cuts.
func TestBinnerAgreesWithFeature(t *testing.T) {
	key := rapid.OneOf(
		rapid.Int64(), rapid.Int64Range(-300, 300), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64 + 1, 0}),
		rapid.Map(rapid.Float64Range(-10, 10), number.Key),
	)
	rapid.Check(t, func(t *rapid.T) {
		cuts := rapid.SliceOfNDistinct(key.Filter(func(k int64) bool { return k != number.Missing }), 0, learn.MaxCuts, rapid.ID[int64]).Draw(t, "cuts")
		slices.Sort(cuts)
		f := learn.Feature{}
		for _, c := range cuts {
			f.Cuts = append(f.Cuts, fixed.Q16(c))
		}
		b := newBinner(f)
		for _, k := range append(rapid.SliceOfN(key, 20, 20).Draw(t, "keys"), cuts...) {
			for _, near := range []int64{k, k - 1, k + 1, number.Missing} {
				if got, want := b.bin(near), f.Bin(fixed.Q16(near)); got != want {
					t.Fatalf("%d is in bin %d, want %d, of cuts %v", near, got, want, cuts)
				}
			}
		}
	})
}
