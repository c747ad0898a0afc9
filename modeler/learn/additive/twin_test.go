package additive_test

import (
	"math/big"
	"slices"
	"testing"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
)

// twin grows the curves of one model in the plainest way: no histogram, no sums, no
// packing; every bin looks at all rows. It knows neither early
// stopping nor tables.
type twin struct {
	c    *additive.Config
	data *learn.Rows
	rows []int // That the model learns from.

	intercept fixed.Q16
	shapes    [][]fixed.Q16
}

func (w *twin) score(i int) fixed.Q16 {
	s := w.intercept
	for f, shape := range w.shapes {
		s += shape[w.data.Bins[f][i]]
	}
	return s
}

func (w *twin) loss() (sum int64) {
	for _, i := range w.rows {
		sum += w.c.Loss.Value(w.data.Target[i], w.score(i))
	}
	return sum
}

// slopes returns gradients and weights of all rows.
func (w *twin) slopes() (g, h map[int]int64) {
	g, h = map[int]int64{}, map[int]int64{}
	for _, i := range w.rows {
		g[i], h[i] = w.c.Loss.Fine(w.data.Target[i], w.score(i))
	}
	return g, h
}

// level is some bins of a feature and what their rows add up to.
type level struct {
	bins    []uint8
	g, h, n int64
}

// gain is G^2/(H + 2^20 lambda), rounded: near the end, where steps are small, that
// decides between cuts.
func (w *twin) gain(l level) int64 {
	weight := big.NewInt(l.h + int64(w.c.Lambda)<<20)
	if weight.Sign() == 0 {
		return 0
	}
	g := big.NewInt(l.g)
	g.Mul(g, g).Lsh(g, 1).Add(g, weight)
	return g.Div(g, weight.Lsh(weight, 1)).Int64()
}

func (w *twin) leaf(l level) fixed.Q16 {
	return w.c.Loss.Shrunk(l.g, l.h, int64(w.c.Lambda)<<20, int64(w.c.RatePermille))
}

// step returns what one round would add at full rate.
func (w *twin) step() (intercept fixed.Q16, shapes [][]fixed.Q16) {
	g, h := w.slopes()
	var allG, allH int64
	for _, i := range w.rows {
		allG, allH = allG+g[i], allH+h[i]
	}
	for f := range w.c.Features {
		bins := make([]level, w.c.Features.Bins(f))
		for b := range bins {
			bins[b].bins = []uint8{uint8(b)}
			for _, i := range w.rows {
				if int(w.data.Bins[f][i]) == b {
					bins[b].g, bins[b].h, bins[b].n = bins[b].g+g[i], bins[b].h+h[i], bins[b].n+1
				}
			}
			if allH > 0 {
				bins[b].g -= fixed.MulDiv(bins[b].h, allG, allH)
			}
		}
		shapes = append(shapes, w.curve(&w.c.Features[f], bins))
	}
	return w.c.Loss.Shrunk(allG, allH, 0, int64(w.c.RatePermille)), shapes
}

func (w *twin) curve(f *learn.Feature, bins []level) []fixed.Q16 {
	out := make([]fixed.Q16, len(bins))
	if f.Category {
		slices.SortStableFunc(bins, func(a, b level) int {
			lambda := int64(max(w.c.Lambda, 1)) << 20
			return big.NewRat(a.g, a.h+lambda).Cmp(big.NewRat(b.g, b.h+lambda))
		})
	} else {
		if bins[0].n >= int64(w.c.MinRows) {
			out[0] = w.leaf(bins[0])
		}
		bins = bins[1:]
	}
	levels := [][]level{bins}
	for len(levels) < w.c.Leaves {
		best, cut, most := -1, 0, int64(0)
		for l, run := range levels {
			for at := 1; at < len(run); at++ {
				left, right := join(run[:at]), join(run[at:])
				if min(left.n, right.n) < int64(w.c.MinRows) {
					continue
				}
				if rise := w.leaf(right) - w.leaf(left); f.Monotone != 0 && rise*fixed.Q16(f.Monotone) <= 0 {
					continue
				}
				if gain := w.gain(left) + w.gain(right) - w.gain(join(run)); gain > most {
					best, cut, most = l, at, gain
				}
			}
		}
		if best < 0 {
			break
		}
		run := levels[best]
		levels = slices.Replace(levels, best, best+1, run[:cut], run[cut:])
	}
	for again := f.Monotone != 0; again; {
		again = false
		for l := 1; l < len(levels) && !again; l++ {
			if rise := w.leaf(join(levels[l])) - w.leaf(join(levels[l-1])); rise*fixed.Q16(f.Monotone) < 0 {
				levels = slices.Replace(levels, l-1, l+1, slices.Concat(levels[l-1], levels[l]))
				again = true
			}
		}
	}
	for _, run := range levels {
		for _, b := range run {
			out[b.bins[0]] = w.leaf(join(run))
		}
	}
	return out
}

func join(run []level) (sum level) {
	for _, l := range run {
		sum.g, sum.h, sum.n = sum.g+l.g, sum.h+l.h, sum.n+l.n
	}
	return sum
}

// grow takes all rounds. A step that does harm is taken back by halves, each of which
// costs a round.
func (w *twin) grow() {
	halvings := 0
	for round := 0; round < w.c.Rounds; round++ {
		before := w.loss()
		intercept, shapes := w.step()
		here := *w
		for {
			w.intercept = here.intercept + fixed.Q16(fixed.RoundDiv(int64(intercept), 1<<halvings))
			w.shapes = nil
			for f := range shapes {
				w.shapes = append(w.shapes, slices.Clone(here.shapes[f]))
				for b, v := range shapes[f] {
					w.shapes[f][b] += fixed.Q16(fixed.RoundDiv(int64(v), 1<<halvings))
				}
			}
			if round+1 >= w.c.Rounds || halvings >= 8 || w.loss() <= before {
				break
			}
			halvings++
			round++
		}
	}
}

// TestTrainerEqualsItsPlainTwin compares the curves of trainings that are not stopped.
func TestTrainerEqualsItsPlainTwin(t *testing.T) {
	for i, l := range losses() {
		data, features := newWorld(byte(60+i), 150, l, false)
		for copies := range 3 { // So that steps do harm.
			features = append(features, features[copies])
			data.Bins = append(data.Bins, data.Bins[copies])
		}
		c := small(l, features)
		c.Patience, c.Pairs, c.PairRounds, c.RatePermille = 0, 0, 0, 600
		c.Folds, c.Lambda, c.Leaves = 1+i%3, i%2, 2+i%3
		m := train(t, data, c, learn.Pooled{})
		whole := twins(c, data)
		for f := range features {
			for bin, got := range m.Shapes[f].Value {
				if !slices.Contains(data.Bins[f], uint8(bin)) {
					continue
				}
				if want := whole.shapes[f][bin]; got != want {
					t.Fatalf("%s: feature %d, bin %d is %d, want %d", l.Kind, f, bin, got, want)
				}
			}
		}
		if m.Intercept != whole.intercept {
			t.Errorf("%s: intercept %d, want %d", l.Kind, m.Intercept, whole.intercept)
		}
	}
}

// twins grows a model without each fold and returns the centred mean of them.
func twins(c *additive.Config, data *learn.Rows) *twin {
	folds := chance.NewSampler(chance.Derive(c.Seed, "folds", c.Name))
	whole := &twin{shapes: make([][]fixed.Q16, len(c.Features))}
	var several []*twin
	for k := range c.Folds {
		w := &twin{c: c, data: data}
		cells, sum := make([]int64, c.Loss.Cells()), int64(0)
		for i, key := range data.Key {
			fold := new(big.Int).SetUint64(folds.Uint64(key))
			if fold.Mul(fold, big.NewInt(int64(c.Folds))).Rsh(fold, 64).Int64() == int64(k) && c.Folds > 1 {
				continue
			}
			w.rows = append(w.rows, i)
			y := data.Target[i]
			at := int64(min(max(y, c.TargetLo), c.TargetHi-1)-c.TargetLo) * int64(len(cells)) / int64(c.TargetHi-c.TargetLo)
			cells[at]++
			sum += int64(y)
		}
		w.intercept = c.Loss.Start(c.TargetLo, c.TargetHi, cells, sum)
		for f := range c.Features {
			w.shapes = append(w.shapes, make([]fixed.Q16, c.Features.Bins(f)))
		}
		w.grow()
		several = append(several, w)
		whole.intercept += w.intercept
	}
	n := int64(len(several))
	whole.intercept = fixed.Q16(fixed.RoundDiv(int64(whole.intercept), n))
	for f := range c.Features {
		var mean int64
		for bin := range c.Features.Bins(f) {
			var sum int64
			for _, w := range several {
				sum += int64(w.shapes[f][bin])
			}
			whole.shapes[f] = append(whole.shapes[f], fixed.Q16(fixed.RoundDiv(sum, n)))
		}
		for _, bin := range data.Bins[f] {
			mean += int64(whole.shapes[f][bin])
		}
		middle := fixed.Q16(fixed.RoundDiv(mean, int64(len(data.Key))))
		for bin := range whole.shapes[f] {
			whole.shapes[f][bin] -= middle
		}
		whole.intercept += middle
	}
	return whole
}
