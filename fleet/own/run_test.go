package own_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"comity/audit"
	"comity/canon"
	"comity/fleet"
	"comity/fleet/own"
	"comity/governor/charter"
	"comity/node"
	"comity/quantity"
	"comity/replay"
)

// decide founds the consortium of a folder and takes its first decision.
func decide(t *testing.T, folder string) (home node.Home, sealed []byte, week *fleet.Week) {
	t.Helper()
	s, err := own.Read(folder, own.When{})
	if err != nil {
		t.Fatal(err)
	}
	home = node.Home(t.TempDir())
	f, err := fleet.Start(t.Context(), fleet.Config{
		Home: home, Scenario: s, Cache: filepath.Join(os.TempDir(), "comity-test-wasm"), Clock: time.Now, Progress: func(node.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := f.Found(t.Context()); err != nil {
		t.Fatal(err)
	}
	if week, err = f.Week(t.Context(), s.Start); err != nil {
		t.Fatal(err)
	}
	return home, f.Sealed(), week
}

// TestTheExampleRuns takes a decision from the example, checks it as an outsider would,
// changes one rule and sees the decision change.
func TestTheExampleRuns(t *testing.T) {
	t.Parallel()
	folder := example(t)
	home, sealed, w := decide(t, folder)
	if w.Model != w.Pooled || w.Checks != 8 {
		t.Errorf("model %s, pooled %s, %d of 8 members checked", w.Model, w.Pooled, w.Checks)
	}
	anchor, err := canon.ParseAnchor(canon.Sum(sealed).Words())
	if err != nil {
		t.Fatal(err)
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
	source, err := replay.Open(t.Context(), string(home))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replay.Run(t.Context(), source, &anchor); err != nil {
		t.Errorf("replay: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(string(home), own.CharterFile))
	if err != nil || !strings.Contains(string(text), "# A kit in a clinic counts twice") {
		t.Errorf("the founded charter has lost its comments: %v", err)
	}

	amounts := func(w *fleet.Week) (total quantity.Amount, by string) {
		for _, share := range w.Allocation.Parties {
			total += share.Amount
			by += " " + share.Amount.String()
		}
		return total, by
	}
	rules, _, err := charter.Open(sealed)
	if err != nil {
		t.Fatal(err)
	}
	change{own.CharterFile, "# Try:", "# Or try:"}.apply(t, folder)
	if s, err := own.Read(folder, own.When{}); err != nil || own.SameRules(rules, s) != nil {
		t.Errorf("another comment: %v, %v", err, own.SameRules(rules, s))
	}
	total, before := amounts(w)
	change{own.CharterFile, `id: homes, weight: "1"`, `id: homes, weight: "2"`}.apply(t, folder)
	if s, err := own.Read(folder, own.When{}); err != nil || !errors.Is(own.SameRules(rules, s), own.ErrRules) {
		t.Errorf("another weight: %v, %v", err, own.SameRules(rules, s))
	}
	_, _, w = decide(t, folder)
	again, after := amounts(w)
	if total != 2400 || again != 2400 || before == after {
		t.Errorf("allocated%s and with another weight%s", before, after)
	}
}

// TestThreeMembersAreEnough runs the least that a consortium can be.
func TestThreeMembersAreEnough(t *testing.T) {
	t.Parallel()
	folder := example(t)
	change{file: own.ScenarioFile, text: members(t, folder, 3)}.apply(t, folder)
	if _, _, w := decide(t, folder); w.Model != w.Pooled || w.Checks != 3 || len(w.Allocation.Parties) != 3 {
		t.Errorf("model %s, pooled %s, %d checks, %d shares", w.Model, w.Pooled, w.Checks, len(w.Allocation.Parties))
	}
}
