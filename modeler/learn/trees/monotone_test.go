package trees_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
)

// TestScoresKeepTheirDirection draws rows and walks through all bins of a feature that
// has a direction, with the others as they are: no loss, no way to grow and no other
// feature may turn the score around.
func TestScoresKeepTheirDirection(t *testing.T) {
	for i, l := range losses() {
		for _, leaves := range []int{0, 14} {
			w := newWorld(byte(60+i), 700, 5, 1, 1)
			w.fit(l)
			features := w.features(t, 24)
			w.categories(features, 4)
			// 0 bends, so it is held against half of what it does; 1 works both ways by 2.
			features[0].Monotone, features[1].Monotone, features[3].Monotone = 1, -1, 1
			cfg := recipe(features, 1, 1)
			cfg.Loss, cfg.MaxLeaves, cfg.Rounds, cfg.Depth, cfg.MinRows = l, leaves, 12, 6, 3
			cfg.RatePermille = 700
			if leaves > 0 {
				cfg.Ahead = 2
			}
			m := pooled(t, w, cfg, learn.Pooled{})
			rapid.Check(t, func(t *rapid.T) {
				row := make([]uint8, len(features))
				for f := range row {
					row[f] = uint8(rapid.IntRange(0, features.Bins(f)-1).Draw(t, "bin"))
				}
				for f := range features {
					keepsDirection(t, m, row, f)
				}
			})
		}
	}
}

func keepsDirection(t *rapid.T, m *trees.Model, row []uint8, f int) {
	features := m.Config.Features
	direction := fixed.Q16(features[f].Monotone)
	before := row[f]
	row[f] = 1
	last := m.Predict(row, 0)
	for bin := 2; bin < features.Bins(f) && direction != 0; bin++ {
		row[f] = uint8(bin)
		score := m.Predict(row, 0)
		if (score-last)*direction < 0 {
			t.Fatalf("%s loss: bin %d of feature %d scores %d, the one before %d; its direction is %d",
				m.Config.Loss.Kind, bin, f, score, last, direction)
		}
		last = score
	}
	row[f] = before
}

// TestDirectionsThatHoldCostNothing gives a feature the direction that it has: the fit
// must hardly suffer. The opposite one takes away all that the feature tells.
func TestDirectionsThatHoldCostNothing(t *testing.T) {
	w := &world{values: make([][]fixed.Q16, 2)}
	for i := range 2000 {
		a, b := fixed.Q16(i*7919%2000)*fixed.One/1000-fixed.One, fixed.Q16(i*104729%2000)*fixed.One/1000-fixed.One
		w.values[0], w.values[1] = append(w.values[0], a), append(w.values[1], b)
		w.target = append(w.target, a+fixed.Mul(a, fixed.Mul(a, a))+fixed.Mul(b, b))
		w.key, w.task, w.fold, w.weight = append(w.key, uint64(i)), append(w.task, 0), append(w.fold, 0), append(w.weight, 1024)
	}
	off := map[int8]float64{}
	for _, direction := range []int8{0, 1, -1} {
		features := w.features(t, 64)
		features[0].Monotone = direction
		cfg := recipe(features, 1, 1)
		cfg.Loss = loss.Loss{Kind: loss.Squared, Scale: fixed.One}
		cfg.Depth, cfg.Rounds, cfg.RowPermille, cfg.FeaturePermille = 4, 40, 1000, 1000
		m := pooled(t, w, cfg, learn.Pooled{})
		for i, y := range w.target {
			off[direction] += math.Abs(float64(y-m.Predict(w.row(features, i), 0))) / float64(fixed.One) / 2000
		}
	}
	t.Logf("mean absolute errors by direction: %v", off)
	if off[1] > 1.3*off[0] {
		t.Errorf("error %.4f with the direction that holds, %.4f without", off[1], off[0])
	}
	if off[-1] < 4*off[0] {
		t.Errorf("error %.4f with the wrong direction, %.4f without", off[-1], off[0])
	}
}
