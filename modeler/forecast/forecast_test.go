package forecast

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/party"
)

func byPlace(a, b comity.Series) int {
	return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Target, b.Target))
}

func TestFederatedEqualsPooled(t *testing.T) {
	t.Parallel()
	rows := makeWorld(t, 20, 140)
	pooled := run(t, input(archive(t, rows)), self{})
	for _, members := range []int{2, 5, 20} {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			t.Parallel()
			var series []comity.Series
			for i, r := range federate(t, split(rows, members), newMeeting(members)) {
				if !bytes.Equal(r.Model, pooled.Model) {
					t.Fatalf("member %d of %d has another model than the pooled twin", i, members)
				}
				series = append(series, r.Series...)
			}
			slices.SortFunc(series, byPlace)
			if d := diff.Diff(pooled.Series, series); d != "" {
				t.Errorf("forecasts differ from the pooled twin's (-pooled +federated):\n%s", d)
			}
		})
	}
}

func TestLostStepsGiveTheSameModelToAll(t *testing.T) {
	t.Parallel()
	rows := split(makeWorld(t, 6, 140), 3)
	for _, lost := range []string{
		"region/attempt/0", "edges/attempt/0", "point/start", "point/round/1/attempt/0/level/1", "scale/start",
		"scale/round/0/attempt/0/level/0", "residuals/attempt/0",
	} {
		t.Run(lost, func(t *testing.T) {
			t.Parallel()
			m := newMeeting(3, lost)
			results := federate(t, rows, m)
			if m.attempt != 1 {
				t.Fatalf("%s was lost %d times, want once", lost, m.attempt)
			}
			for i, r := range results {
				if !bytes.Equal(r.Model, results[0].Model) {
					t.Fatalf("members 0 and %d have different models", i)
				}
			}
			replay := run(t, input(nil), &record{sums: m.sums})
			if !bytes.Equal(replay.Model, results[0].Model) {
				t.Error("the replay has another model")
			}
		})
	}
}

func TestReplayOfRecordedSums(t *testing.T) {
	t.Parallel()
	m := newMeeting(1)
	want := federate(t, [][]Observation{makeWorld(t, 8, 140)}, m)[0]
	got := run(t, input(nil), &record{sums: m.sums})
	if !bytes.Equal(got.Model, want.Model) {
		t.Error("the replay of recorded sums has another model")
	}
	if len(got.Series) != 0 {
		t.Errorf("a replay forecasts %d series, want none", len(got.Series))
	}
	if got.Skill != want.Skill {
		t.Errorf("skill %+v in the replay, %+v in the run", got.Skill, want.Skill)
	}
	if steps, err := Steps(tiny()); err != nil || len(m.names) != steps {
		t.Errorf("%d sums, Steps says %d (%v)", len(m.names), steps, err)
	}
	for _, name := range m.names {
		altered := slices.Clone(m.sums[name])
		altered[slices.IndexFunc(altered, func(v int64) bool { return v != 0 })]++
		sums := map[string][]int64{}
		for _, n := range m.names {
			sums[n] = m.sums[n]
		}
		sums[name] = altered
		if r, err := Run(t.Context(), input(nil), &record{sums: sums}); err == nil && bytes.Equal(r.Model, want.Model) {
			t.Errorf("one more in %s gives the same model", name)
		}
	}
}

func TestLaterRowsChangeNothing(t *testing.T) {
	t.Parallel()
	rows := makeWorld(t, 2, 70)
	in := input(nil)
	in.Recipe["history_weeks"], in.Recipe["rounds"] = 80, 2
	in.Archive = archive(t, rows)
	want := run(t, in, self{})
	var later []int
	for i, o := range rows {
		if o.AsOf > midnight {
			later = append(later, i)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		changed := slices.Clone(rows)
		for range rapid.IntRange(1, 50).Draw(t, "changes") {
			o := &changed[rapid.SampledFrom(later).Draw(t, "row")]
			o.Value, o.Withdrawn = rapid.Int64Range(0, MaxValue).Draw(t, "value"), false
			if rapid.Bool().Draw(t, "withdrawn") {
				o.Value, o.Withdrawn = 0, true
			}
		}
		if rapid.Bool().Draw(t, "dropped") {
			changed = slices.DeleteFunc(changed, func(o Observation) bool { return o.AsOf > midnight })
		}
		a, err := NewArchive(changed)
		if err != nil {
			t.Fatal(err)
		}
		other := in
		other.Archive = a
		got, err := Run(t.Context(), other, self{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Model, want.Model) || !diff.Equal(got.Series, want.Series) {
			t.Fatal("rows of snapshots after the origin changed the result")
		}
	})
	earlier := slices.Clone(rows)
	i := slices.IndexFunc(earlier, func(o Observation) bool { return o.AsOf > "2023-12-01" && o.AsOf <= midnight && o.Value > 0 })
	earlier[i].Value *= 2
	in.Archive = archive(t, earlier)
	if got := run(t, in, self{}); bytes.Equal(got.Model, want.Model) {
		t.Error("a row known at the origin doubled, and the model is the same")
	}
}

func TestRowOrderLeavesNoTrace(t *testing.T) {
	t.Parallel()
	rows := makeWorld(t, 5, 140)
	want := run(t, input(archive(t, rows)), self{})
	r := rand.New(rand.NewPCG(3, 3))
	for range 3 {
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		got := run(t, input(archive(t, rows)), self{})
		if !bytes.Equal(got.Model, want.Model) || !diff.Equal(got.Series, want.Series) {
			t.Fatal("another order of rows gives another result")
		}
	}
}

func TestUpdateEqualsRunAtItsOrigin(t *testing.T) {
	t.Parallel()
	in := input(archive(t, makeWorld(t, 6, 140)))
	want := run(t, in, self{})
	got, err := Update(t.Context(), in, want.Model, self{})
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff(want.Series, got); d != "" {
		t.Errorf("the same model and rows give other forecasts (-run +update):\n%s", d)
	}
	in.Origin = "2024-01-31"
	if _, err := Update(t.Context(), in, want.Model, self{}); !errors.Is(err, ErrModel) {
		t.Errorf("a model of a later origin: got %v, want ErrModel", err)
	}
}

// TestForecastsAreWellFormed also holds for places that make trouble.
func TestForecastsAreWellFormed(t *testing.T) {
	t.Parallel()
	rows := makeWorld(t, 6, 140)
	zero, constant, short, gone, broken := place(90), place(91), place(92), place(93), place(94)
	var template []Observation
	for _, o := range rows {
		if o.Place == place(0) && o.Target == flu {
			template = append(template, o)
		}
	}
	for _, o := range template {
		value := o.Value
		add := func(p party.ID, v int64, when bool) {
			if when {
				o.Place, o.Value = p, v
				rows = append(rows, o)
			}
		}
		o.Withdrawn = false
		add(zero, 0, true)
		add(constant, 5000, true)
		add(short, value, o.Date > "2023-11-01")
		add(gone, value, o.Date < "2024-01-10")
		unit := int64(1)
		if o.Date > "2023-06-01" {
			unit = 10_000
		}
		add(broken, value*unit, true)
	}
	got := run(t, input(archive(t, rows)), self{})
	seen := map[string]comity.Series{}
	for _, s := range got.Series {
		checkForecast(t, s)
		if s.Target == flu {
			seen[string(s.Place)] = s
		}
	}
	for _, p := range []string{string(zero), string(constant), string(short), string(broken)} {
		if _, ok := seen[p]; !ok {
			t.Errorf("%s has recent rows and no forecast", p)
		}
	}
	if _, ok := seen[string(gone)]; ok {
		t.Error("a place without rows for four weeks is forecast")
	}
	if r := seen[string(zero)].Reference; r != 1 {
		t.Errorf("reference of a series of zeros is %d, want 1", r)
	}
	if r := seen[string(constant)].Reference; r != 5000 {
		t.Errorf("reference of a constant 5000 is %d", r)
	}
}

func checkForecast(t *testing.T, s comity.Series) {
	t.Helper()
	if len(s.Horizons) == 0 || s.Reference < 1 || s.LastDate >= midnight {
		t.Errorf("%s at %s: %d horizons, reference %d, last date %s", s.Target, s.Place, len(s.Horizons), s.Reference, s.LastDate)
	}
	for i, h := range s.Horizons {
		if want := []string{"2024-02-04", "2024-02-11", "2024-02-18", "2024-02-25"}[h.Weeks-1]; h.Date != want {
			t.Errorf("%s: %d weeks ahead is %s, want %s", s.Place, h.Weeks, h.Date, want)
		}
		if i > 0 && s.Horizons[i-1].Weeks >= h.Weeks {
			t.Errorf("%s: horizons out of order", s.Place)
		}
		if len(h.Quantiles) != len(comity.QuantileLevels) || !slices.IsSorted(h.Quantiles) || h.Quantiles[0] < 0 {
			t.Errorf("%s: quantiles %v", s.Place, h.Quantiles)
		}
	}
}

func TestInputRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Input)
		want   error
	}{
		"no wednesday":      {func(in *Input) { in.Origin = "2024-02-08" }, ErrDate},
		"no date":           {func(in *Input) { in.Origin = "2024-2-7" }, ErrDate},
		"no target":         {func(in *Input) { in.Targets = nil }, ErrInput},
		"target twice":      {func(in *Input) { in.Targets = []string{flu, flu} }, ErrInput},
		"empty target":      {func(in *Input) { in.Targets = []string{""} }, ErrInput},
		"missing parameter": {func(in *Input) { delete(in.Recipe, "rounds") }, ErrRecipe},
		"unknown parameter": {func(in *Input) { in.Recipe["round"] = 1 }, ErrRecipe},
		"too small":         {func(in *Input) { in.Recipe["depth"] = 0 }, ErrRecipe},
		"too large":         {func(in *Input) { in.Recipe["rounds"] = 1 << 40 }, ErrRecipe},
		"too many vintages": {func(in *Input) { in.Recipe["vintages"] = 149 }, ErrRecipe},
		"no recipe":         {func(in *Input) { in.Recipe = map[string]canon.Int{} }, ErrRecipe},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(nil)
			c.change(&in)
			if _, err := Run(t.Context(), in, self{}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestRecipesFitTheirBudget(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		recipe map[string]canon.Int
		most   int
	}{"quick": {Quick(), 100}, "full": {Full(), 300}} {
		if n, err := Steps(c.recipe); err != nil || n > c.most {
			t.Errorf("%s takes %d sums (%v), at most %d", name, n, err, c.most)
		}
	}
}
