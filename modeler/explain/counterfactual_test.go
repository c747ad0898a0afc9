package explain_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/explain"
)

// plainest returns the fewest features and the least cost of any allowed change, by trying
// all of them.
func plainest(m explain.Model, w *explain.Wish) (changes int, cost float64, found bool) {
	changes, cost = w.Most+1, math.Inf(1)
	row := append([]float64{}, w.Row...)
	var try func(f, n int, c float64)
	try = func(f, n int, c float64) {
		if f == len(row) {
			score := m.Score(row)
			if (w.Below && score < w.Threshold || !w.Below && score >= w.Threshold) && (n < changes || n == changes && c < cost) {
				changes, cost, found = n, c, true
			}
			return
		}
		try(f+1, n, c)
		if n == w.Most {
			return
		}
		kept := row[f]
		for _, o := range w.Options[f] {
			row[f] = o.Code
			try(f+1, n+1, c+o.Cost)
		}
		row[f] = kept
	}
	try(0, 0, 0)
	return changes, cost, found
}

func drawWish(t *rapid.T, m explain.Model, row, codes []float64) *explain.Wish {
	w := &explain.Wish{Row: row, Options: make([][]explain.Option, len(row)), Below: rapid.Bool().Draw(t, "below"), Most: rapid.IntRange(1, 4).Draw(t, "most"), Work: 1 << 20}
	for f := range row {
		for _, code := range codes {
			if code != row[f] && rapid.IntRange(0, 3).Draw(t, "option") > 0 {
				w.Options[f] = append(w.Options[f], explain.Option{Code: code, Value: code, Cost: float64(rapid.IntRange(1, 9).Draw(t, "cost"))})
			}
		}
	}
	away := rapid.Float64Range(0.01, 6).Draw(t, "away")
	if w.Below {
		away = -away
	}
	w.Threshold = m.Score(row) + away
	return w
}

// TestFindIsSmallest compares with the twin for both forms of model.
func TestFindIsSmallest(t *testing.T) {
	t.Run("trees", rapid.MakeCheck(func(t *rapid.T) {
		e := drawEnsemble(t)
		findIsSmallest(t, e, drawWish(t, e, drawRows(t, e.Features, 1)[0], []float64{0, 1, 1.5, 2.5, 4}))
	}))
	t.Run("terms", rapid.MakeCheck(func(t *rapid.T) {
		terms := drawTerms(t)
		findIsSmallest(t, terms, drawWish(t, terms, drawCodes(t, terms.Features, 1)[0], []float64{0, 1, 2, 3}))
	}))
}

func findIsSmallest(t *rapid.T, m explain.Model, w *explain.Wish) {
	changes, cost, found := plainest(m, w)
	got, err := explain.Find(t.Context(), m, w)
	if !found {
		if !errors.Is(err, explain.ErrNone) {
			t.Fatalf("%v, %v; nothing is enough", got, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Changes) != changes || math.Abs(got.Cost-cost) > 1e-9 || !got.Proved {
		t.Fatalf("%+v; %d changes at %v are enough", got, changes, cost)
	}
	holds(t, m, w, got)
	w.Work = rapid.IntRange(1, 50).Draw(t, "work")
	if got, err = explain.Find(t.Context(), m, w); err == nil {
		holds(t, m, w, got)
		if got.Proved && (len(got.Changes) != changes || math.Abs(got.Cost-cost) > 1e-9) {
			t.Fatalf("%+v is said to be proved; %d changes at %v are enough", got, changes, cost)
		}
	} else if !errors.Is(err, explain.ErrNone) {
		t.Fatal(err)
	}
}

// holds checks that a result is what it says.
func holds(t *rapid.T, m explain.Model, w *explain.Wish, got *explain.Counterfactual) {
	row := append([]float64{}, w.Row...)
	for _, c := range got.Changes {
		row[c.Feature] = c.Code
		var allowed bool
		for _, o := range w.Options[c.Feature] {
			allowed = allowed || o == c.Option
		}
		if !allowed {
			t.Fatalf("feature %d changes to %+v, which is not allowed", c.Feature, c.Option)
		}
	}
	if score := m.Score(row); score != got.Score || w.Below != (score < w.Threshold) || len(got.Changes) > w.Most {
		t.Fatalf("%+v scores %v at a threshold of %v", got, score, w.Threshold)
	}
}

// TestSteps holds options to the intervals between cuts, directions and ranges.
func TestSteps(t *testing.T) {
	cuts := []float64{10, 20, 30}
	const below10, below20 = 9.999, 19.999 // With a spread of 2 within 0.002 of the cut.
	for name, c := range map[string]struct {
		x    float64
		rule explain.Rule
		want []explain.Option
	}{
		"free":        {12, explain.Rule{}, []explain.Option{{1, below10, 1.0005}, {3, 20, 4}, {4, 30, 9}}},
		"on a cut":    {20, explain.Rule{}, []explain.Option{{1, below10, 5.0005}, {2, below20, 0.0005}, {4, 30, 5}}},
		"may grow":    {12, explain.Rule{Direction: 1}, []explain.Option{{3, 20, 4}, {4, 30, 9}}},
		"may fall":    {25, explain.Rule{Direction: -1}, []explain.Option{{1, below10, 7.5005}, {2, below20, 2.5005}}},
		"ranged":      {12, explain.Rule{Ranged: true, Min: 22, Max: 29}, []explain.Option{{3, 22, 5}}},
		"tenths":      {12, explain.Rule{Unit: 0.1}, []explain.Option{{1, 9.9, 1.05}, {3, 20, 4}, {4, 30, 9}}},
		"whole":       {12, explain.Rule{Unit: 1, Ranged: true, Min: 0.5, Max: 20.5}, []explain.Option{{1, 9, 1.5}, {3, 20, 4}}},
		"immutable":   {12, explain.Rule{Immutable: true}, nil},
		"not known":   {math.NaN(), explain.Rule{}, nil},
		"outside now": {50, explain.Rule{Ranged: true, Min: 0, Max: 15}, []explain.Option{{1, below10, 20.0005}, {2, 15, 17.5}}},
	} {
		got, err := explain.Steps(cuts, 1, c.x, 2, c.rule)
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
			continue
		}
		for i, o := range got {
			if w := c.want[i]; o.Code != w.Code || o.Value != w.Value || math.Abs(o.Cost-w.Cost) > 1e-9 || !(o.Cost > 0) {
				t.Errorf("%s: %v, want %v", name, o, w)
			}
		}
	}
	for name, err := range map[string]error{
		"spread":    second(explain.Steps(cuts, 1, 1, 0, explain.Rule{})),
		"direction": second(explain.Steps(cuts, 1, 1, 1, explain.Rule{Direction: 2})),
		"range":     second(explain.Steps(cuts, 1, 1, 1, explain.Rule{Ranged: true, Min: 1, Max: 0})),
		"unit":      second(explain.Steps(cuts, 1, 1, 1, explain.Rule{Unit: 2})),
		"cuts":      second(explain.Steps([]float64{2, 1}, 1, 1, 1, explain.Rule{})),
	} {
		if !errors.Is(err, explain.ErrBounds) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestSpread(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		values []float64
		want   float64
	}{
		"normal":        {[]float64{1, 2, 3, 4, 1000, nan}, 1.4826},
		"mostly equal":  {[]float64{0, 0, 0, 0, 3}, math.Sqrt(1.8)},
		"all equal":     {[]float64{5, 5, 5}, 1},
		"nothing known": {[]float64{nan, nan}, 1},
	} {
		if got := explain.Spread(c.values); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	e := &explain.Ensemble{Features: 1, Trees: []explain.Tree{{
		{Feature: 0, Threshold: 1, Left: 1, Right: 2, Cover: 2}, {Feature: -1, Cover: 1}, {Feature: -1, Value: 1, Cover: 1},
	}}}
	good := explain.Wish{Row: []float64{0}, Options: [][]explain.Option{{{Code: 2, Value: 2, Cost: 1}}}, Threshold: 1, Most: 1, Work: 100}
	if got, err := explain.Find(t.Context(), e, &good); err != nil || !got.Proved || got.Score != 1 {
		t.Fatal(got, err)
	}
	for name, spoil := range map[string]func(*explain.Wish){
		"no features":   func(w *explain.Wish) { w.Most = 0 },
		"many":          func(w *explain.Wish) { w.Most = 9 },
		"no work":       func(w *explain.Wish) { w.Work = 0 },
		"not a number":  func(w *explain.Wish) { w.Threshold = math.NaN() },
		"there already": func(w *explain.Wish) { w.Threshold = 0 },
		"free change":   func(w *explain.Wish) { w.Options = [][]explain.Option{{{Code: 2}}} },
		"other options": func(w *explain.Wish) { w.Options = nil },
	} {
		w := good
		spoil(&w)
		if _, err := explain.Find(t.Context(), e, &w); !errors.Is(err, explain.ErrBounds) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
