package skill_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/learn/skill"
)

// near compares what sums in another order may change.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// A plain twin: the area is the share of pairs of a yes and a no in the right order.
func TestBinaryAgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "rows")
		happened := append(rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "happened"), true, false)
		chance := make([]float64, len(happened))
		for i := range chance {
			chance[i] = float64(rapid.IntRange(1, 9).Draw(t, "chance")) / 10 // Ties are likely.
		}
		var pairs, won, loss, right float64
		for i, yes := range happened {
			if yes {
				loss -= math.Log(chance[i])
			} else {
				loss -= math.Log(1 - chance[i])
			}
			if yes == (chance[i] > 0.5) {
				right++
			}
			for j, other := range happened {
				if !yes || other {
					continue
				}
				pairs++
				if chance[i] > chance[j] {
					won++
				} else if chance[i] == chance[j] {
					won += 0.5
				}
			}
		}
		got, err := skill.Binary(happened, chance)
		if err != nil {
			t.Fatal(err)
		}
		rows := float64(len(happened))
		for i, want := range []float64{won / pairs, loss / rows, right / rows} {
			if !near(got[i].Value, want) {
				t.Fatalf("%s is %g, want %g", got[i].Name, got[i].Value, want)
			}
		}
	})
}

func TestScores(t *testing.T) {
	for name, c := range map[string]struct {
		score func() ([]skill.Score, error)
		want  []float64
	}{
		"perfect":  {func() ([]skill.Score, error) { return skill.Regression([]float64{1, 2, 4}, []float64{1, 2, 4}) }, []float64{1, 0}},
		"the mean": {func() ([]skill.Score, error) { return skill.Regression([]float64{1, 3}, []float64{2, 2}) }, []float64{0, 1}},
		// A value 2 above a predicted 0.9 quantile costs 1.8, one 1 below it 0.1.
		"quantile": {func() ([]skill.Score, error) { return skill.Quantile([]float64{12, 9}, []float64{10, 10}, 0.9) }, []float64{0.95, 0.5}},
		// 2 (2 ln 2 - 1) and 2 of a zero where 1 was expected.
		"count": {func() ([]skill.Score, error) { return skill.Count([]float64{2, 0}, []float64{1, 1}) }, []float64{2 * math.Ln2, 0}},
	} {
		got, err := c.score()
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if !near(got[i].Value, want) {
				t.Errorf("%s: %s is %g, want %g", name, got[i].Name, got[i].Value, want)
			}
		}
	}
	for name, score := range map[string]func() ([]skill.Score, error){
		"one class":    func() ([]skill.Score, error) { return skill.Binary([]bool{true, true}, []float64{0.5, 0.6}) },
		"no rows":      func() ([]skill.Score, error) { return skill.Regression(nil, nil) },
		"one value":    func() ([]skill.Score, error) { return skill.Regression([]float64{2, 2}, []float64{1, 1}) },
		"no quantiles": func() ([]skill.Score, error) { return skill.Quantile(nil, nil, 0.5) },
		"no counts":    func() ([]skill.Score, error) { return skill.Count(nil, nil) },
		"one count":    func() ([]skill.Score, error) { return skill.Count([]float64{3, 3}, []float64{1, 1}) },
	} {
		if _, err := score(); !errors.Is(err, skill.ErrRows) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMean(t *testing.T) {
	lists := [][]skill.Score{{{"auc", 0.8}, {"loss", 1}}, {{"auc", 0.9}, {"loss", 3}}}
	means, standardError := skill.Mean(lists)
	if !near(means[0].Value, 0.85) || !near(means[1].Value, 2) || !near(standardError, 0.05) {
		t.Errorf("%v, %g", means, standardError)
	}
	if _, e := skill.Mean(lists[:1]); e != 0 {
		t.Errorf("standard error of one list: %g", e)
	}
}
