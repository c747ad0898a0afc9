package additive_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/learn"
	"comity/modeler/learn/additive"
)

// whim gives what a test draws as the sums of a training: small numbers, what was added,
// or anything at all.
type whim struct{ t *rapid.T }

func (w whim) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	values := rapid.OneOf(
		rapid.Int64Range(0, 3), rapid.Int64Range(-1<<20, 1<<20), rapid.Int64(),
		rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 1 << 40, 1 << 50, -1 << 50}),
	)
	sum := make([]int64, len(x))
	copy(sum, x)
	for range rapid.IntRange(0, 6).Draw(w.t, step.Name) {
		sum[rapid.IntRange(0, len(sum)-1).Draw(w.t, "at")] = values.Draw(w.t, "value")
	}
	return sum, nil
}

// TestHostileSumsNeverPanic trains on sums that somebody made up. What is not refused is
// a model with bytes that read back.
func TestHostileSumsNeverPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(losses())-1).Draw(t, "loss")
		l := losses()[at]
		rows, features := newWorld(byte(at), 60, l, false)
		c := small(l, features)
		c.Rounds, c.PairRounds = 4, 3
		if rapid.Bool().Draw(t, "private") {
			c = private(c)
		}
		m, err := additive.Train(context.Background(), rows, c, whim{t})
		if err != nil {
			if !errors.Is(err, learn.ErrSum) {
				t.Fatal(err)
			}
			return
		}
		if _, err := additive.Decode(m.Encode()); err != nil {
			t.Fatal(err)
		}
	})
}
