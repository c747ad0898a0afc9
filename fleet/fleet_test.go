package fleet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"comity"
	"comity/audit"
	"comity/body"
	"comity/canon"
	"comity/chance"
	"comity/modeler/forecast"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
	"comity/party"
	"comity/replay"
)

// small is the synthetic world seen by a few of its members.
func small(t testing.TB, members int) pack.Scenario {
	t.Helper()
	s, err := health.Scenario("respiratory", chance.Derive(chance.Seed{}, t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	s.Members = s.Members[:members]
	s.Rows = some{s.Rows, s.Members}
	return s
}

// some is the rows of some members.
type some struct {
	pack.Rows
	members []pack.Party
}

func (s some) Known(asOf string) ([]forecast.Observation, error) {
	rows, err := s.Rows.Known(asOf)
	return slices.DeleteFunc(rows, func(o forecast.Observation) bool {
		return !slices.ContainsFunc(s.members, func(p pack.Party) bool { return p.ID == o.Place })
	}), err
}

func start(t testing.TB, cfg Config) *Fleet {
	t.Helper()
	cfg.Clock = time.Now
	cfg.Cache = filepath.Join(os.TempDir(), "comity-test-wasm")
	if cfg.Progress == nil {
		cfg.Progress = func(node.Event) {}
	}
	f, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close(t.Context()) })
	if err := f.Found(t.Context()); err != nil {
		t.Fatal(err, f.reported())
	}
	return f
}

func decide(t *testing.T, f *Fleet, week int) *Week {
	t.Helper()
	period, err := f.cfg.Scenario.Period(week)
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.Week(t.Context(), period)
	if err != nil {
		t.Fatal(err)
	}
	if w.Model != w.Pooled {
		t.Fatalf("federated model %s, pooled %s", w.Model, w.Pooled)
	}
	return w
}

func verifies(t *testing.T, f *Fleet, w *Week) {
	t.Helper()
	anchor, err := canon.ParseAnchor(canon.Sum(f.Sealed()).Words())
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Receipts) < 4 {
		t.Fatalf("%d receipts, want the charter, a model, a picture and an allocation", len(w.Receipts))
	}
	for _, file := range w.Receipts {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if r := audit.Receipt(data, &anchor); !r.Verified {
			t.Errorf("%s: %v", file, r.Err)
		}
	}
	source, err := replay.Open(t.Context(), string(f.cfg.Home))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replay.Run(t.Context(), source, &anchor); err != nil {
		t.Errorf("replay: %v", err)
	}
}

func TestADecisionIsVerifiableAndResumes(t *testing.T) {
	t.Parallel()
	cfg := Config{Home: node.Home(t.TempDir()), Scenario: small(t, 5)}
	f := start(t, cfg)
	w := decide(t, f, 0)
	verifies(t, f, w)
	if w.Checks != 5 {
		t.Errorf("%d of 5 members checked the decision: %v", w.Checks, f.reported())
	}
	if _, err := Start(t.Context(), f.cfg); !errors.Is(err, node.ErrBusy) {
		t.Errorf("a second consortium in one home: %v, want ErrBusy", err)
	}
	sealed := f.Sealed()
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	again := start(t, cfg)
	if !slices.Equal(again.Sealed(), sealed) {
		t.Error("resuming founded another consortium")
	}
	next, err := again.NextWeek()
	if err != nil || next != 1 {
		t.Fatalf("the next week is %d (%v), want 1", next, err)
	}
	second := decide(t, again, next)
	verifies(t, again, second)
	if len(second.Receipts) != 7 {
		t.Errorf("%d receipts after two weeks, want 7", len(second.Receipts))
	}
}

// errRehearsed is a crash on purpose.
var errRehearsed = errors.New("rehearsed")

func TestASilentMemberIsLeftOutAndTheResultEqualsItsTwin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind string
		step int
	}{
		{"upload", 0}, {"upload", 9}, {"reveal", 0}, {"reveal", 60},
	} {
		t.Run(fmt.Sprint(c.kind, c.step), func(t *testing.T) {
			t.Parallel()
			s := small(t, 6)
			silent := s.Members[2].ID
			f := start(t, Config{
				Home: node.Home(t.TempDir()), Scenario: s, Patience: 4 * time.Second, StepSeconds: 1,
				Rehearse: func(id party.ID, kind string, step int) error {
					if id == silent && kind == c.kind && step == c.step {
						return errRehearsed
					}
					return nil
				},
			})
			w := decide(t, f, 0)
			verifies(t, f, w)
			f.Hub().Look(func(st *body.State) {
				for _, r := range st.View().Rounds {
					if len(r.Cohorts) != 2 || slices.Contains(r.Cohort(), silent) {
						t.Errorf("cohorts %v, want a second one without %s", r.Cohorts, silent)
					}
				}
			})
			if len(w.Frozen.Absent) != 0 {
				t.Errorf("absent are %v: who left a round takes the model from the public record", w.Frozen.Absent)
			}
			shares := w.Allocation.Parties
			if i := slices.IndexFunc(shares, func(x comity.Share) bool { return x.Party == silent }); i < 0 || shares[i].Amount == 0 {
				t.Errorf("%s gets nothing because its data are missing", silent)
			}
		})
	}
}

// A member's own policy has the last word, says why in the log, and costs it nothing.
func TestARefusalIsANormalOutcome(t *testing.T) {
	t.Parallel()
	cfg := Config{Home: node.Home(t.TempDir()), Scenario: small(t, 5)}
	unwilling := cfg.Scenario.Members[1].ID
	f := start(t, cfg)
	const because = "no rows leave before our parliament has voted"
	policy := "refuse:\n  - when: plan.kind == \"training\" && plan.min_members < 5\n    because: " + because + "\n"
	if err := os.WriteFile(cfg.Home.Member(unwilling).Consent(), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	w := decide(t, f, 0)
	verifies(t, f, w)
	f.Hub().Look(func(st *body.State) {
		for _, r := range st.View().Rounds {
			if slices.Contains(r.Cohort(), unwilling) || len(r.Cohort()) != 4 || r.Consents[unwilling].Reason != because {
				t.Errorf("cohort %v, consents %v", r.Cohort(), r.Consents)
			}
		}
	})
	if i := slices.IndexFunc(w.Allocation.Parties, func(x comity.Share) bool { return x.Party == unwilling }); i < 0 || w.Allocation.Parties[i].Amount == 0 {
		t.Errorf("%s gets nothing because it refused", unwilling)
	}
}

func TestTooFewMembersEndTheRound(t *testing.T) {
	t.Parallel()
	s := small(t, 5) // At least four must take part.
	var once sync.Map
	f := start(t, Config{
		Home: node.Home(t.TempDir()), Scenario: s, Patience: 5 * time.Second, StepSeconds: 1,
		Rehearse: func(id party.ID, kind string, step int) error {
			if (id == s.Members[0].ID || id == s.Members[3].ID) && step == 3 {
				once.Store(id, true)
				return errRehearsed
			}
			return nil
		},
	})
	period, err := s.Period(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Week(t.Context(), period); err == nil || !strings.Contains(err.Error(), "minimum") {
		t.Fatalf("two of five silent: %v, want a refusal that names the minimum", err)
	}
}

func TestAnInterruptedRoundGoesOn(t *testing.T) {
	t.Parallel()
	cfg := Config{Home: node.Home(t.TempDir()), Scenario: small(t, 5), Patience: 20 * time.Second}
	stopped := make(chan struct{})
	var once sync.Once
	cfg.Progress = func(e node.Event) {
		if e.Phase == "train" && e.Done == 20 {
			once.Do(func() { close(stopped) })
		}
	}
	f := start(t, cfg)
	period, err := cfg.Scenario.Period(0)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-stopped
		_ = f.Close(t.Context())
	}()
	if _, err := f.Week(t.Context(), period); err == nil {
		t.Fatal("the round ended although the hub was stopped")
	}
	cfg.Progress = nil
	again := start(t, cfg)
	w := decide(t, again, 0)
	verifies(t, again, w)
}
