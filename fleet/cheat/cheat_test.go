package cheat

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"comity/canon"
	"comity/chance"
	"comity/modeler/forecast"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
)

// small is the synthetic world seen by a few of its members.
func small(t *testing.T, members int) pack.Scenario {
	t.Helper()
	s, err := health.Scenario("respiratory", chance.Derive(chance.Seed{}, "cheat test"))
	if err != nil {
		t.Fatal(err)
	}
	s.Members = s.Members[:members]
	s.Rows = some{s.Rows, s.Members}
	s.Needs = scarce{s.Needs}
	// Room for a friend even where no two plans of six members are exactly as good.
	wide := strings.Replace(s.Charter, `max_gap: "1/1000000"`, `max_gap: "1/200"`, 1)
	if wide == s.Charter {
		t.Fatal("the health charter has another max_gap than this test widens")
	}
	s.Charter = wide
	return s
}

// scarce is a supply that leaves few members more than their floor.
type scarce struct{ pack.Needs }

func (scarce) Supply(int) (map[string]canon.Int, error) {
	return map[string]canon.Int{"doses": 1_000_000}, nil
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

// want is what a rehearsal must come to.
type want struct {
	name    string
	check   string // That refuses it.
	says    string // In the refusal.
	noticed int    // Members, of six.
	would   string // In what would have been.
}

// all is how many members rehearse.
const all = 6

func wants() []want {
	return []want{
		{"hub-alters-sum", "secagg.ErrFingerprint", "fingerprints do not add up", all, "reads"},
		{"hub-two-stories", "secagg.ErrTranscript", "told different stories", 1, "instead of"},
		{"hub-drops-member", "rule cohort", "it keeps attempt 0", all, "own histogram, exactly"},
		{"hub-swaps-key", "secagg.ErrBox", "logged is", 1, "read in the clear"},
		{"log-split", "node.ErrSplit", "has roots", 1, "two roots of one size"},
		{"log-rewrites", "node.ErrSplit", "does not continue", all, "never taken"},
		{"solver-lies", "rule certificate", "objective", all, "go elsewhere"},
		{"allocation-favours-friend", "node.ErrDissent", "is not the one that the rules name", all, "go elsewhere"},
		{"charter-swapped", "node.ErrSplit", "is not the one this member signed", all, "go elsewhere"},
		{"receipt-forged", "ledger.ErrSignature", "", 0, "believed"},
		{"member-out-of-range", "forecast.ErrSum", "sum cannot come from rows", all, "does not say who"},
		{"member-low", "", "", 0, "honest reports give"},
	}
}

func TestCheatsAreCaught(t *testing.T) {
	t.Parallel()
	for _, w := range wants() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			c, err := Find(w.name)
			if err != nil {
				t.Fatal(err)
			}
			home := node.Home(filepath.Join(t.TempDir(), "home"))
			w.hold(t, rehearse(t, c, small(t, all), home))
			if kept, _ := os.ReadDir(filepath.Join(string(home.Member("BD")), "evidence")); (len(kept) > 0) != strings.HasPrefix(w.name, "log-") {
				t.Errorf("the witness of BD kept %d refused requests", len(kept))
			}
		})
	}
}

func TestEveryCheatIsRehearsed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range All() {
		if c.Title == "" || c.Tries == "" || !slices.Contains([]string{"hub", "member", "stranger"}, c.Who) || seen[c.Name] {
			t.Errorf("%+v: not described, or named twice", c)
		}
		seen[c.Name] = true
		if !slices.ContainsFunc(wants(), func(w want) bool { return w.name == c.Name }) {
			t.Errorf("%s is not rehearsed", c.Name)
		}
	}
	if _, err := Find("honesty"); !errors.Is(err, ErrUnknown) {
		t.Errorf("honesty is a cheat: %v", err)
	}
}

func rehearse(t *testing.T, c Cheat, s pack.Scenario, home node.Home) *Outcome {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	began := time.Now()
	o, err := c.Run(ctx, Config{
		Home: home, Scenario: s, Clock: time.Now, Progress: func(node.Event) {},
		Cache: filepath.Join(os.TempDir(), "comity-test-wasm"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f s\ntried   %s\nby      %s\ncheck   %s\nrefusal %s\nalso    %s\nwould   %s", time.Since(began).Seconds(),
		o.Tried, o.By, o.Check, o.Refusal, strings.Join(o.Also, "\n        "), o.WouldHave)
	return o
}

func (w want) hold(t *testing.T, o *Outcome) {
	t.Helper()
	if o.Caught != (w.check != "") || o.Check != w.check {
		t.Errorf("caught %t by %q, want %q", o.Caught, o.Check, w.check)
	}
	if !strings.Contains(o.Refusal, w.says) || len(o.Noticed) != w.noticed {
		t.Errorf("noticed by %v with %q, want %d members and %q", o.Noticed, o.Refusal, w.noticed, w.says)
	}
	if o.Tried == "" || !strings.Contains(o.WouldHave, w.would) {
		t.Errorf("tried %q, would have %q; want %q", o.Tried, o.WouldHave, w.would)
	}
	if o.Caught && o.By == "" {
		t.Error("nobody is said to have caught it")
	}
}
