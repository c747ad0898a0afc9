package fleet

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/chance"
	"comity/modeler/forecast"
	"comity/modeler/tally"
	"comity/node"
	"comity/pack"
	"comity/party"
	"comity/replay"
)

// adopting is the small world under a charter that has a model trained every other week
// and says how it comes into force.
func adopting(t testing.TB, adoption string) pack.Scenario {
	t.Helper()
	s := small(t, 5)
	const before = "  refit_weeks: 6\n"
	if !strings.Contains(s.Charter, before) {
		t.Fatalf("the charter has no line %q", before)
	}
	s.Charter = strings.Replace(s.Charter, before, "  refit_weeks: 2\n  adoption: {"+adoption+"}\n", 1)
	return s
}

// live decides some weeks and requires the statuses that models then have, oldest first.
func live(t *testing.T, f *Fleet, weeks int, before func(week int), want ...body.Status) body.Registry {
	t.Helper()
	var g body.Registry
	for week := range weeks {
		before(week)
		period, err := f.cfg.Scenario.Period(week)
		if err != nil {
			t.Fatal(err)
		}
		w, err := f.Week(t.Context(), period)
		if err != nil {
			t.Fatal(err)
		}
		f.Hub().Look(func(s *body.State) { g = s.Registry(period) })
		m, ok := g.InForce()
		if !ok || w.Model != m.Model || w.Frozen.Model != m.Model || w.Checks != 5 {
			t.Fatalf("%s: forecast with %s and checked by %d, in force is %s: %v", period, w.Frozen.Model, w.Checks, m.Model, f.reported())
		}
		if week == weeks-1 {
			verifies(t, f, w)
			var round string
			f.Hub().Look(func(s *body.State) { round, _, _ = s.LatestModel() })
			if r := verified(t, f, round); !r.Verified || r.Checks[len(r.Checks)-1].Name != "scores" {
				t.Errorf("the round of %s: %+v", period, r.Checks)
			}
		}
	}
	var got []body.Status
	for _, m := range g.Models {
		got = append(got, m.Status)
		for _, s := range m.Scores {
			total := tally.Total(s.Sum)
			t.Logf("%s %s: scored in %s by %d, %d against %d of %d", m.Trained, m.Status, s.Period, s.Sum.Members, total.WIS, total.Reference, total.Forecasts)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("models are %v, want %v", got, want)
	}
	return g
}

// verified checks one round, as anybody can.
func verified(t *testing.T, f *Fleet, round string) replay.Round {
	t.Helper()
	source, err := replay.Open(t.Context(), string(f.cfg.Home))
	if err != nil {
		t.Fatal(err)
	}
	r, err := replay.Verify(t.Context(), source, nil, round)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A canary that is about as good is adopted. The charter then asks for more than anybody
// can forecast, so that the model before comes back, byte for byte.
func TestACanaryIsAdoptedAndRolledBack(t *testing.T) {
	t.Parallel()
	f := start(t, Config{Home: node.Home(t.TempDir()), Scenario: adopting(t,
		`canary_weeks: 1, min_scored: 3, adopt_ratio: "5", rollback_ratio: "1/20", rollback_weeks: 1, retire_weeks: 9`)})
	g := live(t, f, 5, func(int) {}, body.InForce, body.RolledBack, body.Canary)
	if second := g.Models[1]; second.Since == second.Trained || len(second.Scores) < 2 {
		t.Errorf("%s was adopted on %s with %d scores: it was to be tried first", second.Model, second.Since, len(second.Scores))
	}
	for _, m := range f.cfg.Scenario.Members {
		if files, err := os.ReadDir(string(f.cfg.Home.Member(m.ID)) + "/canary"); err != nil || len(files) != 3 {
			t.Errorf("%s keeps %d files of canaries at home, want forecasts of two weeks and what it checked: %v", m.ID, len(files), err)
		}
	}
}

// A canary that was trained on spoilt rows is worse, and is rejected, although a member is
// lost in the middle of adding up the scores.
func TestAWorseCanaryIsRejected(t *testing.T) {
	t.Parallel()
	s := adopting(t, `canary_weeks: 2, min_scored: 3, adopt_ratio: "1", rollback_ratio: "10", rollback_weeks: 1, retire_weeks: 9`)
	period, err := s.Period(2)
	if err != nil {
		t.Fatal(err)
	}
	s.Rows = spoilt{s.Rows, period}
	var week atomic.Int32
	f := start(t, Config{
		Home: node.Home(t.TempDir()), Scenario: s, Patience: 8 * time.Second, StepSeconds: 1,
		Rehearse: func(id party.ID, kind string, step int) error {
			if week.Load() == 3 && id == s.Members[2].ID && kind == "reveal" && step == 1 {
				return errRehearsed
			}
			return nil
		},
	})
	g := live(t, f, 5, func(w int) { week.Store(int32(w)) }, body.InForce, body.Rejected)
	members := []canon.Int{}
	for _, s := range g.Models[1].Scores {
		members = append(members, s.Sum.Members)
	}
	if len(members) != 2 || members[0] > 4 || members[1] != 5 {
		t.Errorf("%v members scored the canary, want at most 4 and then 5", members)
	}
}

// spoilt is rows whose past was mixed up on one day: all but the newest weeks.
type spoilt struct {
	pack.Rows
	on string
}

func (s spoilt) Known(asOf string) ([]forecast.Observation, error) {
	rows, err := s.Rows.Known(asOf)
	if err != nil || asOf != s.on {
		return rows, err
	}
	day, err := time.Parse(time.DateOnly, asOf)
	if err != nil {
		return nil, err
	}
	recent := day.AddDate(0, 0, -70).Format(time.DateOnly)
	mixed := slices.Clone(rows)
	coin := chance.NewSampler(chance.Derive(chance.Seed{}, "spoilt"))
	for i := range mixed {
		if mixed[i].Date < recent && !mixed[i].Withdrawn {
			mixed[i].Value = int64(coin.Uint64(uint64(i)) % 400_000)
		}
	}
	return mixed, nil
}

// A hub that says better scores than the sum holds finds nobody who forecasts, and a
// replay of its log says so.
func TestAHubThatLiesAboutScoresIsCaught(t *testing.T) {
	t.Parallel()
	said := 0
	lie := func(st *comity.Statement) (bool, error) {
		if st.Kind != comity.KindScore {
			return false, nil
		}
		if said++; said != 2 {
			return false, nil // Of the first round there is nothing to score.
		}
		var sc comity.Score
		if err := canon.Unmarshal(st.Record, &sc); err != nil {
			return false, err
		}
		for i := range sc.Served.Cells {
			sc.Served.Cells[i].WIS /= 2
		}
		raw, err := canon.Marshal(sc)
		st.Record = raw
		return false, err
	}
	f := start(t, Config{
		Home: node.Home(t.TempDir()), Patience: 4 * time.Second, Cheat: &Cheat{Hub: &node.HubRehearsal{Say: lie}},
		Scenario: adopting(t, `canary_weeks: 1, min_scored: 3, adopt_ratio: "1", rollback_ratio: "1", rollback_weeks: 1, retire_weeks: 9`),
	})
	for week := range 3 { // What was false once is not believed a week later either.
		period, err := f.cfg.Scenario.Period(week)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Week(t.Context(), period)
		if week == 0 && err != nil {
			t.Fatal(err)
		}
		if week > 0 && (err == nil || !strings.Contains(err.Error(), "scores of round")) {
			t.Fatalf("members went on with false scores: %v", err)
		}
	}
	source, err := replay.Open(t.Context(), string(f.cfg.Home))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replay.Run(t.Context(), source, nil); !errors.Is(err, replay.ErrDiffers) {
		t.Errorf("replay: %v, want ErrDiffers", err)
	}
	if r := verified(t, f, "2026-11-25/update"); r.Verified || !errors.Is(r.Err, replay.ErrDiffers) {
		t.Errorf("its round: %+v, want ErrDiffers", r.Checks)
	}
}
