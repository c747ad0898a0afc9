package forecast

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/canon"
	"comity/chance"
	"comity/modeler/learn"
	"comity/modeler/tally"
	"comity/party"
)

// weekly is the world of these tests, forecast every week by one model.
type weekly struct {
	rows   []Observation
	in     Input
	model  []byte
	past   []Past
	origin []string
}

// watch trains a model seven weeks before the tests' origin and forecasts every week
// since, published and, as a canary, from the same model.
func watch(t *testing.T, places int) *weekly {
	t.Helper()
	w := &weekly{rows: makeWorld(t, places, 150)}
	w.in = input(archive(t, w.rows))
	for back := 7; back >= 0; back-- {
		day, err := parseDay(midnight)
		if err != nil {
			t.Fatal(err)
		}
		in := w.in
		in.Origin = (weekOf(day) - week(back)).time().AddDate(0, 0, 3).Format("2006-01-02")
		w.origin = append(w.origin, in.Origin)
		if back == 7 {
			w.model = run(t, in, learn.Pooled{}).Model
		}
		series, err := Update(t.Context(), in, w.model, learn.Pooled{})
		if err != nil {
			t.Fatal(err)
		}
		w.past = append(w.past, Past{Period: in.Origin, Published: series, Tried: series})
	}
	return w
}

// of is what one member holds of it.
func (w *weekly) of(t *testing.T, places []party.ID) (Input, []Past) {
	t.Helper()
	in := w.in
	in.Archive = archive(t, slices.DeleteFunc(slices.Clone(w.rows), func(o Observation) bool { return !slices.Contains(places, o.Place) }))
	var past []Past
	for _, p := range w.past {
		own := Past{Period: p.Period}
		for _, s := range p.Published {
			if slices.Contains(places, s.Place) {
				own.Published, own.Tried = append(own.Published, s), append(own.Tried, s)
			}
		}
		past = append(past, own)
	}
	return in, past
}

func score(t *testing.T, in Input, since string, past []Past, sum learn.Summer) []int64 {
	t.Helper()
	x, err := Score(t.Context(), in, since, past, sum)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Members who score their own forecasts add up to what one who had all rows would score.
func TestScoresOfMembersAddUpToThePooledOnes(t *testing.T) {
	w := watch(t, 4)
	since := w.origin[len(w.origin)-2]
	pooled := score(t, w.in, since, w.past, learn.Pooled{})
	total := make([]int64, len(pooled))
	for i := range 4 {
		in, past := w.of(t, []party.ID{place(i)})
		for lane, v := range score(t, in, since, past, learn.Pooled{}) {
			total[lane] += v
		}
	}
	if pooled[0] != 1 || total[0] != 4 {
		t.Errorf("%d and %d members, want 1 with all rows and 4 apart", pooled[0], total[0])
	}
	half := len(pooled) / 2
	if !slices.Equal(total[1:half], pooled[1:half]) || !slices.Equal(total[half+1:], pooled[half+1:]) {
		t.Error("the sum over members is not the score of all")
	}
	served, tried, void := tally.Read(total, w.in.Targets, 4)
	a, b := tally.Total(served), tally.Total(tried)
	// Most truths of a week come a week later, when four of its forecasts are out.
	if void || a.Forecasts < 20 || a.Forecasts > 40 || a.WIS <= 0 || a.Reference <= 0 {
		t.Errorf("void: %t, scored %+v", void, a)
	}
	// Beside the published forecasts a canary of the same bytes has the same score twice.
	if b.WIS != a.WIS || b.Reference != a.WIS || b.Within50 != a.Within50 {
		t.Errorf("the same forecasts score %+v as canary", b)
	}
}

// A forecast counts once, whenever its truth becomes known.
func TestEveryForecastCountsOnce(t *testing.T) {
	w := watch(t, 3)
	var weeks canon.Int
	counted := func(x []int64) canon.Int {
		x[0], x[len(x)/2] = 3, 3 // Three places hold the rows together.
		served, _, _ := tally.Read(x, w.in.Targets, 3)
		return tally.Total(served).Forecasts
	}
	for i := 1; i < len(w.origin); i++ {
		in := w.in
		in.Origin = w.origin[i]
		weeks += counted(score(t, in, w.origin[i-1], w.past[:i], learn.Pooled{}))
	}
	all := counted(score(t, w.in, w.origin[0], w.past[:len(w.past)-1], learn.Pooled{}))
	// What a later snapshot withdrew before the end is known week by week alone.
	if all > weeks || weeks-all > 4 || all == 0 {
		t.Errorf("%d forecasts week by week, %d at the end", weeks, all)
	}
}

// A hub and a replay hold no rows and add nothing, and the first round has nothing to add;
// a step that was lost is added again from a fresh sample.
func TestScoreWithoutRowsAndAfterALoss(t *testing.T) {
	w := watch(t, 2)
	since := w.origin[len(w.origin)-2]
	none := func(x []int64) bool { return !slices.ContainsFunc(x, func(v int64) bool { return v != 0 }) }
	empty := w.in
	empty.Archive = nil
	if x := score(t, empty, since, nil, learn.Pooled{}); !none(x) || len(x) != tally.Length(2) {
		t.Errorf("without rows %v", x)
	}
	if x := score(t, w.in, "", w.past, learn.Pooled{}); !none(x) {
		t.Errorf("in the first round %v", x)
	}
	lost := &once{}
	again := score(t, w.in, since, w.past, lost)
	all := score(t, w.in, since, w.past, learn.Pooled{})
	if slices.Equal(again, all) || !slices.Equal(lost.names, []string{"scores/attempt/0", "scores/attempt/1"}) {
		t.Errorf("after a loss steps %q, the same sample: %t", lost.names, slices.Equal(again, all))
	}
	bad := w.in
	bad.Origin = "2024-02-08"
	if _, err := Score(t.Context(), bad, since, w.past, learn.Pooled{}); err == nil {
		t.Error("a Thursday is no origin")
	}
	if _, err := Score(t.Context(), w.in, "yesterday", w.past, learn.Pooled{}); err == nil {
		t.Error("yesterday is no day")
	}
}

// However few forecasts a member has, each attempt adds fewer than the one before.
func TestAttemptsAddFewerAndFewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []scored
		for _, key := range rapid.SliceOfN(rapid.Uint64(), 0, 12).Draw(t, "keys") {
			all = append(all, scored{key: key}, scored{key: key, tried: true})
		}
		seed := chance.Seed{rapid.Byte().Draw(t, "seed")}
		before := thinned(seed, all, 0)
		for attempt := 1; attempt < 15; attempt++ {
			now := thinned(seed, all, attempt)
			if len(now) >= len(before) && len(before) > 0 || len(now) > len(before) || slices.ContainsFunc(now, func(k uint64) bool { return !slices.Contains(before, k) }) {
				t.Fatalf("attempt %d adds %v, the one before %v", attempt, now, before)
			}
			before = now
		}
		if len(before) > 0 {
			t.Fatalf("after 14 attempts %d of at most 12 are left", len(before))
		}
	})
}

// once loses its first step.
type once struct{ names []string }

func (o *once) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	o.names = append(o.names, step.Name)
	if len(o.names) == 1 {
		return nil, &learn.Restart{Attempt: 1}
	}
	return x, nil
}
