package fleet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/node"
	"comity/packs/health"
	"comity/party"
	"comity/verifier/analytics"
	"comity/verifier/federation"
)

// byAge asks how many visits there were by age, with noise.
func byAge(name string) comity.Question {
	return comity.Question{
		Round: "2026-11-18/" + name, Period: "2026-11-18", Clause: "d.visits", Disclosure: "dp", Variance: exact.Int(3000), Seconds: 10,
		Query: comity.Query{
			Kind: comity.QueryHistogram, Column: "age", By: []string{}, Edges: []string{"18", "40", "65", "80"}, Levels: []exact.Rat{}, Salt: []byte{}, Prefixes: []string{},
			MemberRows: 1000, PersonRows: 1, MinimumCell: 11,
		},
	}
}

// Members answer a question about rows that nobody else sees.
func TestAQuestionIsAnswered(t *testing.T) {
	t.Parallel()
	f := start(t, Config{Home: node.Home(t.TempDir()), Scenario: small(t, 5)})
	schema := health.Visits()
	q, err := node.Terms(f.hub.Charter(), byAge("visits-by-age"), schema)
	if err != nil {
		t.Fatal(err)
	}
	b, answer, err := f.Ask(t.Context(), q, schema)
	if err != nil {
		t.Fatal(err)
	}
	all := f.hub.Members()
	if b.Phase() != federation.Answered || len(b.Survivors.Members) != 5 {
		t.Fatalf("%s, survivors %v", b.Phase(), b.Survivors)
	}
	within(t, f, all, answer)
	if w := decide(t, f, 0); w.Checks != 5 {
		t.Errorf("%d of 5 members checked the decision after the question: %v", w.Checks, f.reported())
	}
	second := byAge("visits-by-age-again")
	second.Variance = q.Variance
	if second, err = node.Terms(f.hub.Charter(), second, schema); err != nil {
		t.Fatal(err)
	}
	if _, answer, err = f.Ask(t.Context(), second, schema); err != nil {
		t.Fatal(err)
	}
	within(t, f, all, answer)
	for _, asked := range []string{q.Round, second.Round} {
		for _, m := range f.cfg.Scenario.Members {
			erased(t, f.cfg.Home.Member(m.ID), asked)
		}
	}
	again, _, err := f.Ask(t.Context(), q, schema)
	if err != nil || again.Result.Sum != b.Result.Sum {
		t.Errorf("asked again: %v, %v", again.Result, err)
	}
}

// erased requires that a member keeps no secret of a question that was answered.
func erased(t *testing.T, home node.Home, round string) {
	t.Helper()
	folder := filepath.Join(string(home), "rounds", canon.Sum([]byte(round)).Hex()[:16])
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(folder)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s is still there: %v", folder, err)
		}
	}
}

// within requires that the true numbers, counted from members' files, lie in the intervals,
// and that those which are withheld can have been taken below the minimum of 11 by noise.
func within(t *testing.T, f *Fleet, members []party.ID, answer analytics.Answer) {
	t.Helper()
	var truth [5]int64
	seen := map[string]bool{}
	for _, id := range members {
		for _, row := range f.cfg.Scenario.Tables[0].Rows(id)[1:] {
			if seen[row[1]] {
				continue // One visit of a person counts.
			}
			seen[row[1]] = true
			age, err := strconv.Atoi(row[3])
			if err != nil {
				t.Fatal(err)
			}
			bin := 0
			for _, edge := range []int{18, 40, 65, 80} {
				if age >= edge {
					bin++
				}
			}
			truth[bin]++
		}
	}
	if len(answer.Values) != len(truth) {
		t.Fatalf("%d numbers, want %d", len(answer.Values), len(truth))
	}
	reach := exact.Rat{} // Of noise; all intervals but those that end at 0 are as wide.
	for _, v := range answer.Values {
		if v.State == analytics.Given {
			reach = v.High.Sub(*v.Value)
		}
	}
	for i, v := range answer.Values {
		x := exact.Int(truth[i])
		if v.State == analytics.Withheld {
			if x.Cmp(exact.Int(11).Add(reach)) >= 0 {
				t.Errorf("%s: %d visits, which noise within %s took below 11", v.Name, truth[i], reach)
			}
			continue
		}
		if v.Low == nil || v.Low.Cmp(x) > 0 || v.High.Cmp(x) < 0 {
			t.Errorf("%s: %d visits, answered %v within %v and %v", v.Name, truth[i], v.Value, v.Low, v.High)
		}
	}
}
