package explain_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/explain"
)

// TestDependenceOfTermsIsTheirShape: where a feature acts alone, its dependence is its own
// terms less their mean, and all rows agree.
func TestDependenceOfTermsIsTheirShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := drawTerms(t)
		lone := terms.Terms[:0:0]
		for _, one := range terms.Terms {
			if len(one.Features) == 1 {
				lone = append(lone, one)
			}
		}
		terms.Terms = lone
		background := drawCodes(t, terms.Features, 1)
		for f := range terms.Features {
			got, err := explain.Dependence(t.Context(), terms.Score, background, f, []float64{3, 0, 1, 2})
			if err != nil {
				t.Fatal(err)
			}
			want, mean := [4]float64{}, 0.0
			for _, one := range lone {
				for code := range want {
					if one.Features[0] == f {
						want[code] += one.Table[code]
					}
				}
			}
			counts := [4]int{}
			for _, row := range background {
				counts[int(row[f])]++
				mean += want[int(row[f])] / float64(len(background))
			}
			for code, g := range got.Points {
				if g.Value != float64(code) || g.Count != counts[code] || !close9(g.Mean, want[code]-mean) || len(background) > 1 && !(g.SE < 1e-9) {
					t.Fatalf("feature %d: %+v, want %v in %d rows", f, g, want[code]-mean, counts[code])
				}
			}
		}
	})
}

// TestDependenceIsTheMeanCurve compares with the definition, for trees.
func TestDependenceIsTheMeanCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnsemble(t)
		background := drawRows(t, e.Features, 1)
		f := rapid.IntRange(0, e.Features-1).Draw(t, "feature")
		grid := []float64{math.NaN(), 0, 1, 2}
		got, err := explain.Dependence(t.Context(), e.Score, background, f, grid)
		if err != nil {
			t.Fatal(err)
		}
		mean := func(x float64) float64 {
			var sum float64
			for _, row := range background {
				mixed := append([]float64{}, row...)
				mixed[f] = x
				sum += e.Score(mixed) / float64(len(background))
			}
			return sum
		}
		for i := range grid {
			if want := mean(grid[i]) - mean(grid[0]); !close9(got.Points[i].Mean-got.Points[0].Mean, want) {
				t.Fatalf("from %v to %v the score moves by %v, want %v", grid[0], grid[i], got.Points[i].Mean-got.Points[0].Mean, want)
			}
		}
		var centre float64
		for _, p := range got.Points {
			centre += p.Mean * float64(p.Count)
		}
		if math.Abs(centre) > 1e-9 {
			t.Fatalf("the mean over the counted rows is %v", centre)
		}
	})
}

func TestEffectsGroupByValue(t *testing.T) {
	rows := [][]float64{{2}, {math.NaN()}, {1}, {2}}
	added := []float64{1, 5, 7, 3}
	got, err := explain.Effects(rows, 0, func(r int) float64 { return added[r] })
	if err != nil {
		t.Fatal(err)
	}
	p := got.Points
	if len(p) != 3 || !math.IsNaN(p[0].Value) || p[0].Mean != 5 || p[1].Mean != 7 || p[2].Mean != 2 || p[2].SE != 1 || p[2].Count != 2 || !math.IsNaN(p[1].SE) {
		t.Fatalf("%+v", p)
	}
	if _, err := explain.Effects(rows, 1, nil); !errors.Is(err, explain.ErrBounds) {
		t.Error(err)
	}
}

func TestDependenceRefuses(t *testing.T) {
	score := func([]float64) float64 { return 0 }
	for name, err := range map[string]error{
		"no rows":    second(explain.Dependence(t.Context(), score, nil, 0, []float64{1})),
		"no values":  second(explain.Dependence(t.Context(), score, [][]float64{{1}}, 0, nil)),
		"no feature": second(explain.Dependence(t.Context(), score, [][]float64{{1}}, 1, []float64{1})),
		"ragged":     second(explain.Dependence(t.Context(), score, [][]float64{{1}, {}}, 0, []float64{1})),
	} {
		if !errors.Is(err, explain.ErrRows) && !errors.Is(err, explain.ErrBounds) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
