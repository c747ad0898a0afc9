package explain_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/chance"
	"comity/modeler/explain"
)

// TestImportancesAreMeans holds means and standard errors to a calculation by hand.
func TestImportancesAreMeans(t *testing.T) {
	v := &explain.Values{Phi: [][]float64{{1, 0}, {-2, 0}, {3, 0}}}
	got := v.Importances()
	if len(got) != 2 || !close9(got[0].Mean, 2) || !close9(got[0].SE, math.Sqrt(1.0/3)) || got[1].Mean != 0 || got[1].SE != 0 {
		t.Fatal(got)
	}
	if one := (&explain.Values{Phi: [][]float64{{1}}}).Importances(); !math.IsNaN(one[0].SE) {
		t.Errorf("one row has a standard error of %v", one[0].SE)
	}
}

// trial is a model y = 3 a + b with a feature c that it does not read, under squared loss.
// For independent rows the loss grows by 2 slope² variance.
func trial(n int) *explain.Trial {
	s := chance.NewStream(chance.Derive(chance.Seed{}, "trial"))
	rows := matrixOf(n, 3, func(int, int) float64 { return float64(s.IntN(1001)) / 1000 })
	score := func(row []float64) float64 { return 3*row[0] + row[1] }
	return &explain.Trial{
		Score: score, Rows: rows, Repeats: 5, Seed: chance.Derive(chance.Seed{}, "public"),
		Loss: func(r int, got float64) float64 { return math.Pow(got-score(rows[r]), 2) },
	}
}

func TestPermutationFindsWhatTheModelReads(t *testing.T) {
	x := trial(4000)
	got, err := x.Permutation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for f, want := range []float64{2 * 9.0 / 12, 2 * 1.0 / 12, 0} {
		if math.Abs(got[f].Mean-want) > 4*got[f].SE || got[f].SE > 0.06 {
			t.Errorf("feature %d: %v ± %v, want %v", f, got[f].Mean, got[f].SE, want)
		}
	}
	again, err := x.Permutation(t.Context())
	if err != nil || again[0] != got[0] {
		t.Errorf("the public coin gives %v, then %v; %v", got[0], again[0], err)
	}
	x.Seed[0]++
	if other, err := x.Permutation(t.Context()); err != nil || other[0] == got[0] {
		t.Errorf("another seed gives the same %v, %v", other[0], err)
	}
}

// TestStandardErrorsCover draws new rows again and again: the truth must lie within two
// standard errors about as often as it should.
func TestStandardErrorsCover(t *testing.T) {
	const times = 200
	inside := 0
	for k := range times {
		s := chance.NewStream(chance.Seed{byte(k), 1})
		x := trial(60)
		for _, row := range x.Rows {
			for j := range row {
				row[j] = float64(s.IntN(1001)) / 1000
			}
		}
		got, err := x.Permutation(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got[0].Mean-1.5) <= 2*got[0].SE {
			inside++
		}
	}
	if share := float64(inside) / times; share < 0.92 {
		t.Errorf("two standard errors hold the truth in %v of all cases", share)
	}
}

func TestPermutationRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*explain.Trial){
		"one row":      func(x *explain.Trial) { x.Rows = x.Rows[:1] },
		"no repeat":    func(x *explain.Trial) { x.Repeats = 0 },
		"many repeats": func(x *explain.Trial) { x.Repeats = 1001 },
		"ragged rows":  func(x *explain.Trial) { x.Rows[1] = x.Rows[1][:1] },
	} {
		x := trial(3)
		spoil(x)
		if _, err := x.Permutation(t.Context()); !errors.Is(err, explain.ErrBounds) && !errors.Is(err, explain.ErrRows) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGainsAreVariance holds the gains of a tree to the variance of what it says: that of
// all covered rows is what its splits explain together.
func TestGainsAreVariance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnsemble(t)
		var want float64
		for _, tree := range e.Trees {
			n := tree[0].Cover
			if n == 0 {
				continue
			}
			var mean, squares float64
			for _, node := range tree {
				if node.Feature < 0 {
					mean += node.Cover * node.Value / n
					squares += node.Cover * node.Value * node.Value
				}
			}
			want += squares - n*mean*mean
		}
		gains, err := e.Gains()
		if !e.Covered() {
			if !errors.Is(err, explain.ErrModel) {
				t.Fatal(err)
			}
			return
		}
		var got float64
		for _, g := range gains {
			got += g
		}
		if err != nil || math.Abs(got-want) > 1e-9*max(1, want) {
			t.Fatalf("gains of %v, %v; the variance is %v", got, err, want)
		}
	})
}
