package score_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/forecast"
	"comity/modeler/score"
	"comity/party"
)

// some are the fewest levels that a file can have.
func some() []float64 { return []float64{.025, .25, .5, .75, .975} }

func task(i int) forecast.Task {
	return forecast.Task{
		Origin: fmt.Sprintf("2024-11-%02d", 1+i%28), Target: "ILI", Horizon: 1 + i%4, Date: fmt.Sprintf("2024-12-%02d", 1+i%28), Place: party.ID(fmt.Sprintf("P%d", i/28)),
	}
}

// one is a forecast as a test makes it.
type one struct {
	model string
	task  int
	q     []float64
}

func collect(tb interface{ Fatal(...any) }, truth []float64, forecasts []one, filter score.Filter) *score.Book {
	known := score.Truth{}
	for i, y := range truth {
		known[score.Week{Target: "ILI", Place: task(i).Place, Date: task(i).Date}] = y
	}
	b := score.NewBook(known, filter)
	add, err := b.Levels(some())
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range forecasts {
		if err := add(f.model, task(f.task), f.q); err != nil {
			tb.Fatal(err)
		}
	}
	return b
}

// TestByHand compares with scores worked out on paper.
func TestByHand(t *testing.T) {
	b := collect(t, []float64{10, 0}, []one{
		{"base", 0, []float64{6, 8, 10, 12, 14}},
		{"base", 1, []float64{0, 0, 0, 0, 40}},
		{"sharp", 0, []float64{10, 10, 10, 10, 10}},
		{"sharp", 1, []float64{1, 1, 1, 1, 1}},
		{"sharp", 9, []float64{1, 1, 1, 1, 1}},
	}, score.Filter{})
	if b.WithoutTruth != 1 || b.Settle() != 0 {
		t.Errorf("%d without truth", b.WithoutTruth)
	}
	rows, err := b.Table(score.Against{Baseline: "base", Ensemble: "base"})
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	at := map[string]score.Row{}
	for _, r := range rows {
		at[r.Model] = r
	}
	// base: 2/5 (.025 4 + .25 2 + 0 + .25 2 + .025 4) = .48, and 2/5 .025 40 = .4.
	// sharp: 0, and 2/5 (.975 + .75 + .5 + .25 + .025) = 1.
	for name, pair := range map[string][2]float64{
		"base WIS": {at["base"].WIS, .44}, "sharp WIS": {at["sharp"].WIS, .5}, "vs base": {at["sharp"].VsBase, 1 / .88},
		"base cover 50": {at["base"].Cover50, 1}, "sharp cover 50": {at["sharp"].Cover50, .5}, "sharp cover 95": {at["sharp"].Cover95, .5},
		"base": {at["base"].RelLog, 1}, "ensemble": {at["base"].VsEns, 1}, "share": {at["sharp"].Share, 1},
		"sharp log": {at["sharp"].LogWIS, math.Log(2) / 2},
		// The geometric mean of its ratios to base and to itself, over the same of base.
		"pairwise": {at["sharp"].RelWIS, 1 / .88},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	if !math.IsNaN(at["sharp"].GeoLoc) {
		t.Errorf("two tasks at a place give a ratio: %v", at["sharp"].GeoLoc)
	}
}

// slow is a plain second scorer: maps, no order, no shortcuts.
type slow struct {
	wis, log map[string]map[int]float64
}

func newSlow(truth []float64, forecasts []one) slow {
	s := slow{map[string]map[int]float64{}, map[string]map[int]float64{}}
	for _, f := range forecasts {
		if s.wis[f.model] == nil {
			s.wis[f.model], s.log[f.model] = map[int]float64{}, map[int]float64{}
		}
		y := truth[f.task]
		var w, l float64
		for i, level := range some() {
			w += 2 * math.Max(level*(y-f.q[i]), (level-1)*(y-f.q[i])) / 5
			ly, lq := math.Log1p(math.Max(y, 0)), math.Log1p(math.Max(f.q[i], 0))
			l += 2 * math.Max(level*(ly-lq), (level-1)*(ly-lq)) / 5
		}
		s.wis[f.model][f.task], s.log[f.model][f.task] = w, l
	}
	return s
}

func ratio(a, b map[int]float64) float64 {
	var x, z float64
	for k := range a {
		if _, ok := b[k]; ok {
			x, z = x+a[k], z+b[k]
		}
	}
	return x / z
}

func relative(of map[string]map[int]float64, model string, least float64) float64 {
	theta := func(model string) float64 {
		var sum, n float64
		for _, other := range of {
			if r := ratio(of[model], other); float64(len(other)) >= least && ratio(other, of["base"]) <= 10 && r > 0 && !math.IsInf(r, 0) {
				sum, n = sum+math.Log(r), n+1
			}
		}
		return math.Exp(sum / math.Max(n, 1))
	}
	return theta(model) / theta("base")
}

// near allows for sums in another order; undefined is near undefined.
func near(a, b float64) bool {
	undefined := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	return undefined(a) && undefined(b) || math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b))
}

// TestAgainstThePlainTwin compares all ratios on random forecasts, with numbers as hubs
// receive them: zeros, negative ones, quantiles out of order, and 1e84.
func TestAgainstThePlainTwin(t *testing.T) {
	number := rapid.OneOf(rapid.Float64Range(-5, 200), rapid.SampledFrom([]float64{0, 1, 1e84, 1e300}))
	rapid.Check(t, func(t *rapid.T) {
		truth := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 300), rapid.Just(0.)), 40, 40).Draw(t, "truth")
		var forecasts []one
		for i := range truth {
			forecasts = append(forecasts, one{"base", i, rapid.SliceOfN(rapid.Float64Range(1, 99), 5, 5).Draw(t, "base")})
		}
		for range rapid.IntRange(0, 60).Draw(t, "forecasts") {
			forecasts = append(forecasts, one{
				rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "model"), rapid.IntRange(0, len(truth)-1).Draw(t, "task"),
				rapid.SliceOfN(number, 5, 5).Draw(t, "quantiles"),
			})
		}
		minShare := rapid.SampledFrom([]float64{0, .05, .5}).Draw(t, "share")
		b, s := collect(t, truth, forecasts, score.Filter{}), newSlow(truth, forecasts)
		if kept := len(forecasts) - b.Settle(); kept != len(s.wis["a"])+len(s.wis["b"])+len(s.wis["c"])+len(truth) {
			t.Fatalf("%d forecasts kept", kept)
		}
		rows, err := b.Table(score.Against{Baseline: "base", Ensemble: "a", MinShare: minShare})
		if err != nil || len(rows) != len(s.wis) {
			t.Fatal(rows, err)
		}
		for _, r := range rows {
			for name, pair := range map[string][2]float64{
				"vsBase": {r.VsBase, ratio(s.wis[r.Model], s.wis["base"])}, "vsEns": {r.VsEns, ratio(s.log[r.Model], s.log["a"])},
				"relWIS": {r.RelWIS, relative(s.wis, r.Model, minShare*40)}, "relLog": {r.RelLog, relative(s.log, r.Model, minShare*40)},
			} {
				if !near(pair[0], pair[1]) {
					t.Fatalf("%s of %s is %v, want %v", name, r.Model, pair[0], pair[1])
				}
			}
		}
	})
}

// TestRanking holds the order of rows: by the ratio, those of few tasks at the end.
func TestRanking(t *testing.T) {
	truth := make([]float64, 40)
	var forecasts []one
	for i := range truth {
		for k, model := range []string{"worse", "base", "better"} {
			forecasts = append(forecasts, one{model, i, slices.Repeat([]float64{float64(9 - 4*k)}, 5)})
		}
	}
	forecasts = append(forecasts, one{"seldom", 0, slices.Repeat([]float64{.5}, 5)})
	b := collect(t, truth, forecasts, score.Filter{})
	b.Settle()
	rows, err := b.Table(score.Against{Baseline: "base", MinShare: .05})
	var order []string
	for _, r := range rows {
		order = append(order, r.Model)
		if r.Small != (r.Model == "seldom") || !math.IsNaN(r.VsEns) {
			t.Errorf("%+v", r)
		}
	}
	if want := []string{"better", "base", "worse", "seldom"}; err != nil || !slices.Equal(order, want) {
		t.Errorf("order %v, want %v: %v", order, want, err)
	}
	if geo := rows[0].GeoLoc; math.Abs(geo-.2) > 1e-12 {
		t.Errorf("ratio by place is %v, want .2", geo)
	}
}

func TestFilterAndGroups(t *testing.T) {
	truth := make([]float64, 28)
	var forecasts []one
	for i := range truth {
		forecasts = append(forecasts, one{"base", i, slices.Repeat([]float64{1}, 5)}, one{"m", i, slices.Repeat([]float64{float64(i % 4)}, 5)})
	}
	b := collect(t, truth, forecasts, score.Filter{Target: "ILI", From: "2024-11-05", To: "2024-11-24"})
	b.Settle()
	rows, err := b.Table(score.Against{Baseline: "base"})
	if err != nil || rows[0].N != 20 {
		t.Fatalf("%+v, %v; want 20 tasks", rows, err)
	}
	groups, err := b.Groups("horizon", score.Against{Baseline: "base"})
	if err != nil || len(groups) != 4 || groups[2].Name != "3" || groups[2].Rows[0].N != 5 {
		t.Errorf("%+v, %v", groups, err)
	}
	for _, g := range groups {
		for _, r := range g.Rows {
			if want := map[string]float64{"1": 0, "2": 1, "3": 2, "4": 3}[g.Name]; r.Model == "m" && r.VsBase != want {
				t.Errorf("horizon %s: %v, want %v", g.Name, r.VsBase, want)
			}
		}
	}
	if other := collect(t, truth, forecasts, score.Filter{Target: "ARI"}); len(other.Models()) != 0 {
		t.Errorf("another target: %v", other.Models())
	}
	if _, err := b.Groups("colour", score.Against{Baseline: "base"}); !errors.Is(err, score.ErrGroup) {
		t.Error(err)
	}
	if _, err := b.Table(score.Against{Baseline: "nobody"}); !errors.Is(err, score.ErrModel) {
		t.Error(err)
	}
	if _, err := b.Levels([]float64{.025, .25, .5, .975}); !errors.Is(err, score.ErrLevels) {
		t.Error(err)
	}
}

// TestCompareByDate gives two models errors that differ from date to date, and on each date
// at many places: what counts is the number of dates.
func TestCompareByDate(t *testing.T) {
	truth := make([]float64, 28*5)
	var forecasts []one
	for i := range truth {
		a, b := float64(1+i%28%3), float64(1+(i+1)%28%3)
		forecasts = append(forecasts, one{"a", i, slices.Repeat([]float64{a}, 5)}, one{"b", i, slices.Repeat([]float64{b}, 5)}, one{"far", i, slices.Repeat([]float64{9 + b}, 5)})
	}
	book := collect(t, truth, forecasts, score.Filter{})
	book.Settle()
	c, err := book.Compare("a", "b")
	if err != nil || c.N != 28 || c.P < .5 {
		t.Errorf("equally good: %+v, %v", c, err)
	}
	if c, err = book.Compare("a", "far"); err != nil || c.P > 1e-6 || c.Mean >= 0 {
		t.Errorf("far worse: %+v, %v", c, err)
	}
	if _, err := book.Compare("a", "nobody"); !errors.Is(err, score.ErrModel) {
		t.Error(err)
	}
	rows, err := book.Table(score.Against{Baseline: "b"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if (r.Model == "far") != (r.Chance < .01) || r.Model == "b" && r.Chance != 1 {
			t.Errorf("%s: %v", r.Model, r.Chance)
		}
	}
}
