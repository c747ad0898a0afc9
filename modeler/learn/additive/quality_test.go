package additive_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"comity/modeler/learn"
	"comity/modeler/learn/additive"
)

// scores are what a model says of all rows.
func scores(m *additive.Model, w *hearts) []float64 {
	list := make([]float64, len(w.target))
	for i := range list {
		list[i] = float64(m.Score(w.row(m.Config.Features, i)))
	}
	return list
}

// TestConformanceHeartLeaks attacks 48 models that each learned from half of the rows.
func TestConformanceHeartLeaks(t *testing.T) {
	w := readHearts(t)
	features := w.features(16)
	a := attack(t, w, 48, func(_ int, in []bool) []float64 {
		rows := w.rows(features, func(i int) bool { return in[i] })
		return scores(train(t, rows, recipe(features), learn.Pooled{}), w)
	})
	t.Logf("%+v", a)
	if a.auc < .87 || a.accuracy < .78 || a.tpr > .03 {
		t.Errorf("area %.4f (at least 0.87), accuracy %.4f (0.78), members found at 1 %% others accused %.4f (at most 0.03)",
			a.auc, a.accuracy, a.tpr)
	}
}

// TestConformanceHeartAccuracy compares with the pooled logistic model of FLamby, 0.795
// of the test rows, by five-fold cross-validation, repeated.
func TestConformanceHeartAccuracy(t *testing.T) {
	w := readHearts(t)
	features := w.features(16)
	var right, all float64
	for repeat := range 4 {
		part := rand.New(rand.NewPCG(uint64(repeat), 0)).Perm(len(w.target))
		for fold := range 5 {
			m := train(t, w.rows(features, func(i int) bool { return part[i]%5 != fold }), recipe(features), learn.Pooled{})
			for i, s := range scores(m, w) {
				if part[i]%5 == fold {
					all++
					if (s > 0) == (w.target[i] > 0) {
						right++
					}
				}
			}
		}
	}
	t.Logf("accuracy %.4f", right/all)
	if right/all < .785 {
		t.Errorf("accuracy %.4f; at least 0.785", right/all)
	}
}

// gaussian is a pool that adds rounded normal noise to every value.
type gaussian struct {
	variance int64
	lots     *rand.Rand
}

func (g gaussian) Sum(_ context.Context, _ learn.Step, x []int64) ([]int64, error) {
	sum := make([]int64, len(x))
	for i, v := range x {
		sum[i] = v + int64(math.Round(g.lots.NormFloat64()*math.Sqrt(float64(g.variance))))
	}
	return sum, nil
}

// epsilonOne is the zero-concentrated budget rho that amounts to epsilon 1 at delta 1e-5:
// the least over orders a of a rho + log(1 - 1/a) - log(a delta)/(a - 1) (Canonne, Kamath
// and Steinke, 2020, proposition 12), which is below 0.99 at a = 18.
const epsilonOne = .0298

// privateHeart is the private recipe with the noise that a budget asks for.
func privateHeart(features learn.Features, rho float64) *additive.Config {
	c := private(recipe(features))
	var total int64
	for _, squared := range additive.Sensitivity(c) {
		total += squared
	}
	c.Noise.Variance = int64(math.Ceil(float64(total) / (2 * rho)))
	return c
}

func TestConformanceHeartIsPrivate(t *testing.T) {
	w := readHearts(t)
	features := w.features(9)
	c := privateHeart(features, epsilonOne)
	a := attack(t, w, 48, func(model int, in []bool) []float64 {
		noise := gaussian{c.Noise.Variance, rand.New(rand.NewPCG(9, uint64(model)))}
		return scores(train(t, w.rows(features, func(i int) bool { return in[i] }), c, noise), w)
	})
	t.Logf("%+v", a)
	if a.accuracy < .70 || a.tpr > .015 {
		t.Errorf("accuracy %.4f (at least 0.70), members found at 1 %% others accused %.4f (at most 0.015)", a.accuracy, a.tpr)
	}
}

// TestNoisySumsAreNeverRefused drowns a training in noise.
func TestNoisySumsAreNeverRefused(t *testing.T) {
	for i, l := range losses() {
		rows, features := newWorld(byte(i), 100, l, i%2 == 0)
		c := private(small(l, features))
		c.Noise.Variance = 1 << 62
		for seed := range uint64(5) {
			m := train(t, rows, c, gaussian{c.Noise.Variance, rand.New(rand.NewPCG(seed, 0))})
			if _, err := additive.Decode(m.Encode()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// record keeps the vectors of a training.
type record struct{ steps [][]int64 }

func (r *record) Sum(_ context.Context, _ learn.Step, x []int64) ([]int64, error) {
	r.steps = append(r.steps, x)
	return x, nil
}

// TestRowsStayWithinTheirSensitivity trains on single rows: what a step then adds up to
// is what that row adds.
func TestRowsStayWithinTheirSensitivity(t *testing.T) {
	for i, l := range losses() {
		for seed := range byte(10) {
			rows, features := newWorld(seed, 1, l, i%2 == 0)
			c := private(small(l, features))
			r := &record{}
			train(t, rows, c, r)
			for step, most := range additive.Sensitivity(c) {
				var squared int64
				for _, v := range r.steps[step] {
					squared += v * v
				}
				if squared > most {
					t.Errorf("%s: step %d: a row adds a square of %d; at most %d", l.Kind, step, squared, most)
				}
			}
			if len(r.steps) != len(additive.Sensitivity(c)) {
				t.Fatalf("%d steps, %d charged", len(r.steps), len(additive.Sensitivity(c)))
			}
		}
	}
	_, features := newWorld(0, 1, losses()[0], false)
	if s := additive.Sensitivity(small(losses()[0], features)); s != nil {
		t.Errorf("an exact training has a sensitivity of %v", s)
	}
}

// TestErrorsAreThoseOfOtherRows trains on many data sets of one world: the values of
// curves spread about as their standard errors say.
func TestErrorsAreThoseOfOtherRows(t *testing.T) {
	const sets = 40
	l := losses()[0]
	var of [6][16]struct{ sum, squares, stated float64 }
	for seed := range byte(sets) {
		rows, features := newWorld(seed, 500, l, false)
		c := small(l, features)
		c.Folds, c.Rounds, c.Pairs, c.PairRounds, c.Patience = 5, 30, 0, 0, 0
		m := train(t, rows, c, learn.Pooled{})
		for f := range m.Shapes {
			for bin, v := range m.Shapes[f].Value[1:] {
				cell := &of[f][bin]
				cell.sum, cell.squares = cell.sum+float64(v), cell.squares+float64(v)*float64(v)
				cell.stated += float64(m.Shapes[f].Error[bin+1]) * float64(m.Shapes[f].Error[bin+1])
			}
		}
	}
	for f := range of {
		var actual, stated float64
		for _, cell := range of[f] {
			actual += cell.squares/sets - cell.sum/sets*cell.sum/sets
			stated += cell.stated / sets
		}
		ratio := math.Sqrt(stated / actual)
		t.Logf("feature %d: standard errors are %.2f of the spread", f, ratio)
		if ratio < .6 || ratio > 1.7 {
			t.Errorf("feature %d: standard errors are %.2f of the spread", f, ratio)
		}
	}
}
