package hindcast_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/hindcast"
	"comity/party"
)

// tiny is a recipe that trains in milliseconds.
func tiny() map[string]canon.Int {
	r := forecast.Quick()
	maps.Copy(r, map[string]canon.Int{
		"history_weeks": 150, "vintages": 6, "folds": 2, "bins": 8, "rounds": 2, "depth": 2, "leaf_rows": 5,
		"scale_rounds": 2, "scale_depth": 1, "scale_leaf_rows": 10,
	})
	return r
}

func config() hindcast.Config {
	return hindcast.Config{Recipe: tiny(), Refit: 3, Seed: [32]byte{5}}
}

// end is the Sunday before the first origin.
const end = "2024-02-04"

func day(from string, days int) string {
	at, err := time.Parse(time.DateOnly, from)
	if err != nil {
		panic(err)
	}
	return at.AddDate(0, 0, days).Format(time.DateOnly)
}

func place(i int) party.ID { return party.ID(fmt.Sprintf("P%d", i)) }

// world makes waves at five places until eight weeks after end, each week reported on
// the Friday after it.
func world() []forecast.Observation {
	r := rand.New(rand.NewPCG(3, 4))
	var rows []forecast.Observation
	for p := range 5 {
		for w := -120; w <= 8; w++ {
			far := int64((w+120+3*p)%52) - 26
			date := day(end, 7*w)
			rows = append(rows, forecast.Observation{
				AsOf: day(date, 5), Target: "ILI", Place: place(p), Date: date, Value: (20_000 + 100*far*far) * (90 + r.Int64N(20)) / 100,
			})
		}
	}
	return rows
}

// tasks asks for four weeks at all places on some Wednesdays in a row.
func tasks(origins int) []forecast.Task {
	var all []forecast.Task
	for o := range origins {
		for p := range 5 {
			for h := 1; h <= 4; h++ {
				all = append(all, forecast.Task{Origin: day(end, 3+7*o), Target: "ILI", Horizon: h, Date: day(end, 7*(o+h-1)), Place: place(p)})
			}
		}
	}
	return all
}

func run(tb testing.TB, rows []forecast.Observation, tasks []forecast.Task, c hindcast.Config) *hindcast.Result {
	tb.Helper()
	r, err := hindcast.Run(tb.Context(), rows, tasks, c, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestEveryTaskIsAnswered(t *testing.T) {
	want := tasks(5)
	var origins []string
	r, err := hindcast.Run(t.Context(), world(), want, config(), func(o string) { origins = append(origins, o) })
	if err != nil {
		t.Fatal(err)
	}
	if len(origins) != 5 || !slices.IsSorted(origins) || r.Refits != 2 || len(r.Untrained) != 0 {
		t.Errorf("origins %v, %d models, untrained %v; want 5 and 2 models", origins, r.Refits, r.Untrained)
	}
	steps, err := forecast.Steps(tiny())
	if err != nil || r.Sums > 2*steps+3 || r.Sums <= 3 {
		t.Errorf("%d sums; two trainings of at most %d and three updates", r.Sums, steps)
	}
	for i, a := range r.Answers {
		if a.Task != want[i] || len(a.Quantiles) != len(comity.QuantileLevels) || !slices.IsSorted(a.Quantiles) || a.Carried || a.Absent != "" {
			t.Fatalf("answer %d: %+v", i, a)
		}
	}
}

// TestNothingSaidLaterIsUsed changes, drops and adds rows of later snapshots: the answers
// of an origin must not move.
func TestNothingSaidLaterIsUsed(t *testing.T) {
	rows, asked := world(), tasks(3)
	want := run(t, rows, asked, config())
	rapid.Check(t, func(t *rapid.T) {
		origin := rapid.SampledFrom([]string{day(end, 3), day(end, 10), day(end, 17)}).Draw(t, "origin")
		var changed []forecast.Observation
		for _, o := range rows {
			if o.AsOf > origin {
				if rapid.Bool().Draw(t, "drop") {
					continue
				}
				o.Value = rapid.Int64Range(0, forecast.MaxValue).Draw(t, "value")
			}
			changed = append(changed, o)
		}
		got, err := hindcast.Run(context.Background(), changed, asked, config(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range got.Answers {
			if a.Task.Origin <= origin && !cmp.Equal(a, want.Answers[i]) {
				t.Fatalf("on %s %+v was answered %v, with other rows of later snapshots %v", origin, a.Task, want.Answers[i].Quantiles, a.Quantiles)
			}
		}
	})
}

// TestOrderLeavesNoTrace shuffles rows and tasks.
func TestOrderLeavesNoTrace(t *testing.T) {
	rows, asked := world(), tasks(4)
	want := run(t, rows, asked, config())
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	order := r.Perm(len(asked))
	shuffled := make([]forecast.Task, len(asked))
	for i, j := range order {
		shuffled[i] = asked[j]
	}
	got := run(t, rows, shuffled, config())
	for i, j := range order {
		if diff := cmp.Diff(want.Answers[j], got.Answers[i]); diff != "" {
			t.Fatal(diff)
		}
	}
}

// TestAnotherCalendar moves a hub's weeks to other days, its origins and snapshots with
// them or a week further: the same rows in another calendar give the same forecasts.
func TestAnotherCalendar(t *testing.T) {
	rows, asked := world(), tasks(4)
	want := run(t, rows, asked, config())
	for _, tt := range []struct {
		name           string
		weeks, origins int
	}{
		{"weeks to Saturday, origins on Monday of the week asked for", -1, -9}, // The COVID-19 hub's.
		{"weeks to Saturday, origins on Wednesday", -1, -7},
		{"weeks to Monday", -6, -7},
		{"origins on Sunday", 0, -3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			moved, others := slices.Clone(rows), slices.Clone(asked)
			for i := range moved {
				moved[i].AsOf, moved[i].Date = day(moved[i].AsOf, tt.origins), day(moved[i].Date, tt.weeks)
			}
			for i := range others {
				others[i].Origin, others[i].Date = day(others[i].Origin, tt.origins), day(others[i].Date, tt.weeks)
			}
			got := run(t, moved, others, config())
			for i, a := range got.Answers {
				if !slices.Equal(a.Quantiles, want.Answers[i].Quantiles) {
					t.Fatalf("%+v: %v, %s; want %v", a.Task, a.Quantiles, a.Absent, want.Answers[i].Quantiles)
				}
			}
		})
	}
}

// TestLateSeriesAreCarried lets one place fall silent: it is forecast without a model,
// and after a year not at all.
func TestLateSeriesAreCarried(t *testing.T) {
	for _, tt := range []struct {
		silent  int // Weeks before end.
		carried bool
		absent  string
	}{{10, true, ""}, {60, false, "too little was known"}} {
		rows := slices.DeleteFunc(world(), func(o forecast.Observation) bool {
			return o.Place == place(2) && o.Date > day(end, -7*tt.silent)
		})
		for _, a := range run(t, rows, tasks(2), config()).Answers {
			silent := a.Task.Place == place(2)
			if a.Carried != (silent && tt.carried) || (a.Quantiles == nil) != (silent && !tt.carried) {
				t.Errorf("%d weeks of silence: %+v", tt.silent, a)
			}
			if silent && !strings.HasPrefix(a.Absent, tt.absent) {
				t.Errorf("absent because %q, want %q", a.Absent, tt.absent)
			}
		}
	}
}

// TestUntrainableArchives keeps every second week: no sample has the change over one
// week that a model starts from, but the history shows changes over two and four weeks.
func TestUntrainableArchives(t *testing.T) {
	even := slices.DeleteFunc(world(), func(o forecast.Observation) bool {
		at, err := time.Parse(time.DateOnly, o.Date)
		return err != nil || at.Unix()/(7*24*3600)%2 == 0
	})
	newest := ""
	for _, o := range even {
		if o.AsOf <= day(end, 3) {
			newest = max(newest, o.Date)
		}
	}
	r := run(t, even, tasks(1), config())
	if r.Refits != 0 || len(r.Untrained) != 1 || !strings.HasPrefix(r.Untrained[0], day(end, 3)+": ") {
		t.Errorf("%d models, untrained %v", r.Refits, r.Untrained)
	}
	for _, a := range r.Answers {
		possible := a.Task.Date == day(newest, 14) || a.Task.Date == day(newest, 28)
		if a.Carried != possible || (a.Quantiles != nil) != possible || (a.Absent == "") != possible {
			t.Errorf("from %s: %+v", newest, a)
		}
	}
}

func TestAbsentTasksSayWhy(t *testing.T) {
	asked := tasks(1)
	strange := map[string]forecast.Task{
		"no such series":      {Origin: asked[0].Origin, Target: "ILI", Horizon: 1, Date: end, Place: "XX"},
		"ends on a Monday":    {Origin: asked[0].Origin, Target: "ILI", Horizon: 1, Date: day(end, 1), Place: place(0)},
		"ended before":        {Origin: asked[0].Origin, Target: "ILI", Horizon: 0, Date: day(end, -7), Place: place(0)},
		"beyond the four":     {Origin: asked[0].Origin, Target: "ILI", Horizon: 9, Date: day(end, 70), Place: place(0)},
		"the archive has no ": {Origin: asked[0].Origin, Target: "RSV", Horizon: 1, Date: end, Place: place(0)},
	}
	for want, task := range strange {
		r := run(t, world(), []forecast.Task{task}, config())
		if a := r.Answers[0]; a.Quantiles != nil || !strings.Contains(a.Absent, want) {
			t.Errorf("%+v: absent because %q, want %q", task, a.Absent, want)
		}
	}
}

// TestOldModelsAreReplaced trains anew after eight weeks whatever Refit says.
func TestOldModelsAreReplaced(t *testing.T) {
	c := config()
	c.Refit = 1000
	asked := slices.DeleteFunc(tasks(9), func(task forecast.Task) bool { return task.Origin > day(end, 3) && task.Origin < day(end, 3+56) })
	if r := run(t, world(), asked, c); r.Refits != 2 {
		t.Errorf("%d models for two origins eight weeks apart", r.Refits)
	}
	if r := run(t, world(), tasks(8), c); r.Refits != 1 {
		t.Errorf("%d models for eight origins in a row", r.Refits)
	}
}

func TestRefuses(t *testing.T) {
	rows, asked := world(), tasks(1)
	bad := slices.Clone(asked)
	bad[3].Origin = "soon"
	late := slices.Clone(asked)
	late[3].Date = "later"
	c := config()
	c.Refit = 0
	recipe := config()
	recipe.Recipe = map[string]canon.Int{}
	for name, tt := range map[string]struct {
		rows  []forecast.Observation
		tasks []forecast.Task
		c     hindcast.Config
		want  error
	}{
		"no rows": {nil, asked, config(), forecast.ErrInput}, "no tasks": {rows, nil, config(), forecast.ErrInput},
		"refit": {rows, asked, c, forecast.ErrInput}, "recipe": {rows, asked, recipe, forecast.ErrRecipe},
		"origin": {rows, bad, config(), forecast.ErrDate}, "date": {rows, late, config(), forecast.ErrDate},
	} {
		if _, err := hindcast.Run(t.Context(), tt.rows, tt.tasks, tt.c, nil); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", name, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hindcast.Run(ctx, rows, asked, config(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
