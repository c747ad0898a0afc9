package trees_test

import (
	"math"
	"testing"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/trees"
)

// floatBooster is an oracle: the same recipe on all rows and features with floating
// point, exact residuals and no quantised gradient.
type floatBooster struct {
	cfg   *trees.Config
	rows  [][]uint8
	score []float64
	sums  map[int][][][3]float64
}

// fit grows trees on y and returns the predictions for other rows.
func (b *floatBooster) fit(y []float64, others [][]uint8) []float64 {
	out := make([]float64, len(others))
	for range b.cfg.Rounds {
		train, test := make([]int, len(b.rows)), make([]int, len(others))
		for range b.cfg.Depth {
			splits := b.level(y, train)
			for i, row := range b.rows {
				train[i] = step(splits, train[i], row)
			}
			for i, row := range others {
				test[i] = step(splits, test[i], row)
			}
		}
		leaves := map[int]float64{}
		sums := map[int][3]float64{}
		for i, at := range train {
			sums[at] = plus(sums[at], b.gradient(y[i]-b.score[i]))
		}
		for at, s := range sums {
			leaves[at] = float64(b.cfg.RatePermille) / 1000 * delta(b.cfg) * s[0] / (s[1] + float64(b.cfg.Lambda))
		}
		for i, at := range train {
			b.score[i] += leaves[at]
		}
		for i, at := range test {
			out[i] += leaves[at]
		}
	}
	return out
}

func delta(c *trees.Config) float64 { return float64(c.Loss.Scale) / float64(fixed.One) }

func plus(a, b [3]float64) [3]float64 { return [3]float64{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }

func (b *floatBooster) gradient(r float64) [3]float64 {
	w := 1 / math.Sqrt(1+r*r/delta(b.cfg)/delta(b.cfg))
	return [3]float64{r * w / delta(b.cfg), w, 1}
}

func step(splits map[int]trees.Split, at int, row []uint8) int {
	if s, ok := splits[at]; ok && s.GoesRight(row) {
		return 2*at + 2
	}
	return 2*at + 1
}

// level returns the best split of every node that has one.
func (b *floatBooster) level(y []float64, node []int) map[int]trees.Split {
	b.sums = map[int][][][3]float64{}
	for i, row := range b.rows {
		sums := b.sums[node[i]]
		if sums == nil {
			sums = make([][][3]float64, len(row))
			for f := range sums {
				sums[f] = make([][3]float64, b.cfg.Features.Bins(f))
			}
			b.sums[node[i]] = sums
		}
		for f, bin := range row {
			sums[f][bin] = plus(sums[f][bin], b.gradient(y[i]-b.score[i]))
		}
	}
	splits := map[int]trees.Split{}
	gain := func(s [3]float64) float64 { return s[0] * s[0] / (s[1] + float64(b.cfg.Lambda)) }
	for at, sums := range b.sums {
		var total [3]float64
		for _, s := range sums[0] {
			total = plus(total, s)
		}
		most := gain(total) + 1e-9
		for f, bins := range sums {
			for _, right := range []bool{false, true} {
				var left [3]float64
				if !right {
					left = bins[0]
				}
				for bin := 1; bin < len(bins); bin++ {
					left = plus(left, bins[bin])
					rest := [3]float64{total[0] - left[0], total[1] - left[1], total[2] - left[2]}
					if min(left[2], rest[2]) >= float64(b.cfg.MinRows) && gain(left)+gain(rest) > most {
						most = gain(left) + gain(rest)
						splits[at] = trees.Split{Feature: f, Bin: uint8(bin), Right: right}
					}
				}
			}
		}
	}
	return splits
}

// TestQuality holds the integer trainer to the float oracle on rows neither has seen:
// its mean absolute error may be at most 2 % higher.
func TestQuality(t *testing.T) {
	w, unseen := newWorld(20, 4000, 6, 1, 1), newWorld(21, 2000, 6, 1, 1)
	cfg := recipe(w.features(t, 32), 1, 1)
	cfg.Rounds, cfg.Depth, cfg.MinRows = 40, 4, 20
	cfg.RowPermille, cfg.FeaturePermille = 1000, 1000
	m := pooled(t, w, cfg, learn.Pooled{})
	oracle := &floatBooster{cfg: cfg, score: make([]float64, len(w.target))}
	y := make([]float64, len(w.target))
	start := float64(m.Start[0]) / float64(fixed.One)
	for i, v := range w.target {
		oracle.rows = append(oracle.rows, w.row(cfg.Features, i))
		y[i], oracle.score[i] = float64(v)/float64(fixed.One), start
	}
	rows := make([][]uint8, len(unseen.target))
	for i := range rows {
		rows[i] = unseen.row(cfg.Features, i)
	}
	var integer, float, constant float64
	for i, predicted := range oracle.fit(y, rows) {
		want := float64(unseen.target[i]) / float64(fixed.One)
		float += math.Abs(want - start - predicted)
		integer += math.Abs(want - float64(m.Predict(rows[i], 0))/float64(fixed.One))
		constant += math.Abs(want - start)
	}
	n := float64(len(rows))
	t.Logf("mean absolute error: integer %.5f, float %.5f, median alone %.5f", integer/n, float/n, constant/n)
	if integer > 1.02*float || integer > constant/2 {
		t.Fatalf("mean absolute error %.5f; a float booster has %.5f, the median alone %.5f", integer/n, float/n, constant/n)
	}
}
