package additive_test

import (
	"math/rand/v2"
	"testing"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/loss"
)

// BenchmarkTrain takes ten rounds of five models on 100,000 rows of 28 features of 32 bins.
func BenchmarkTrain(b *testing.B) {
	const rows, features, bins = 100_000, 28, 32
	lots := rand.New(rand.NewPCG(1, 1))
	r := &learn.Rows{Bins: make([][]uint8, features)}
	for i := range rows {
		sum := 0
		for f := range r.Bins {
			bin := 1 + lots.IntN(bins-1)
			r.Bins[f] = append(r.Bins[f], uint8(bin))
			sum += bin * (f % 3)
		}
		r.Key = append(r.Key, uint64(i))
		r.Target = append(r.Target, fixed.Q16(sum+lots.IntN(200))*fixed.One/256)
	}
	c := &additive.Config{
		Name: "bench", Folds: 5, Rounds: 10, RatePermille: 100, Lambda: 1, MinRows: 20, Leaves: 4,
		Loss:     loss.Loss{Kind: loss.Squared, Scale: fixed.One},
		TargetLo: -8 * fixed.One, TargetHi: 8 * fixed.One, Seed: chance.Seed{1}, Features: make(learn.Features, features),
	}
	for f := range c.Features {
		for cut := range bins - 2 {
			c.Features[f].Cuts = append(c.Features[f].Cuts, fixed.Q16(cut))
		}
	}
	for b.Loop() {
		train(b, r, c, learn.Pooled{})
	}
}
