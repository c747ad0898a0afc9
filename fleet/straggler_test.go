package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"comity/body"
	"comity/node"
	"comity/party"
)

// TestWhoFellOutOfOneRoundTakesPartInTheNext has a member fail in the middle of the first
// week, as with a full disk: the sums that it kept are cut short. It checks that round all
// the same, forecasts from its model, and erases what it kept. What the hub showed the
// others of it waits at this member when the second week begins, and is of no use there.
func TestWhoFellOutOfOneRoundTakesPartInTheNext(t *testing.T) {
	t.Parallel()
	s := small(t, 5)
	ill := s.Members[2].ID
	first, err := s.Period(0)
	if err != nil {
		t.Fatal(err)
	}
	home := node.Home(t.TempDir())
	kept := filepath.Join(string(home.Member(ill)), "rounds", "*", "*")
	var mu sync.Mutex
	well := false
	f := start(t, Config{
		Home: home, Scenario: s, Patience: 20 * time.Second, StepSeconds: 2,
		Rehearse: func(id party.ID, kind string, step int) error {
			mu.Lock()
			defer mu.Unlock()
			if id != ill || step != 9 || well {
				return nil
			}
			files, _ := filepath.Glob(kept)
			for _, file := range files {
				if len(filepath.Base(file)) == 64 { // Named by a digest.
					_ = os.Truncate(file, 0)
				}
			}
			return errRehearsed
		},
	})
	began := decide(t, f, 0)
	verifies(t, f, began)
	if files, err := filepath.Glob(kept); err != nil || len(files) != 0 || len(began.Frozen.Absent) != 0 {
		t.Errorf("after the first week %v are absent, and %s keeps %v (%v)", began.Frozen.Absent, ill, files, err)
	}
	mu.Lock()
	well = true
	mu.Unlock()
	w := decide(t, f, 1)
	verifies(t, f, w)
	f.Hub().Look(func(st *body.State) {
		for name, r := range st.View().Rounds {
			want := 1
			if r.Plan.Period == first {
				want = 2
			}
			if len(r.Cohorts) != want {
				t.Errorf("%d cohorts in %s, want %d: %v", len(r.Cohorts), name, want, r.Cohorts)
			}
		}
	})
	for _, failure := range f.Hub().Failures() {
		if !strings.Contains(failure.Text, first) {
			t.Errorf("%s reports in the second week: %s", failure.Party, failure.Text)
		}
	}
	if len(w.Frozen.Absent) != 0 || w.Checks != 5 {
		t.Errorf("absent %v, %d of 5 checked", w.Frozen.Absent, w.Checks)
	}
}

// TestWhoMissesThatTheCohortChangedFindsOut cuts a member's line while the hub says that
// the training goes on without another one. The hub says so once; the log says so for ever.
func TestWhoMissesThatTheCohortChangedFindsOut(t *testing.T) {
	t.Parallel()
	s := small(t, 6)
	silent, deaf := s.Members[1].ID, s.Members[3].ID
	var mu sync.Mutex
	var l *line
	var once sync.Once
	running := make(chan *Fleet, 1)
	f := start(t, Config{
		Home: node.Home(t.TempDir()), Scenario: s, Patience: 20 * time.Second, StepSeconds: 6,
		Through: func(id party.ID, address string) string {
			if id != deaf {
				return address
			}
			mu.Lock()
			defer mu.Unlock()
			l = newLine(t, address)
			return l.listener.Addr().String()
		},
		Rehearse: func(id party.ID, kind string, step int) error {
			if id != silent || step != 9 {
				return nil
			}
			once.Do(func() {
				mu.Lock()
				cut := l
				mu.Unlock()
				// The deaf one has given its vector by then; so the hub does not wait for it.
				time.AfterFunc(3*time.Second, func() {
					cut.setCut(true)
					for f := <-running; cohorts(f) < 2; {
						time.Sleep(50 * time.Millisecond)
					}
					time.Sleep(time.Second) // The hub has told the others.
					cut.setCut(false)
				})
			})
			return errRehearsed
		},
	})
	running <- f
	w := decide(t, f, 0)
	verifies(t, f, w)
	f.Hub().Look(func(st *body.State) {
		for _, r := range st.View().Rounds {
			if len(r.Cohorts) != 2 || len(r.Cohort()) != 5 {
				t.Errorf("cohorts %v, want a second one of all but %s", r.Cohorts, silent)
			}
		}
	})
}

// cohorts counts those of the rounds in the log.
func cohorts(f *Fleet) (n int) {
	f.Hub().Look(func(st *body.State) {
		for _, r := range st.View().Rounds {
			n += len(r.Cohorts)
		}
	})
	return n
}
