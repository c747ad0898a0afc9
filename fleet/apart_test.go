package fleet

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"comity/body"
	"comity/node"
	"comity/party"
)

// separate is a founded consortium whose members run apart from its hub, which may end and
// start again while they go on.
type separate struct {
	cfg  Config
	stop map[party.ID]func() // Ends a member, and returns when it has ended.
}

// runsApart founds, and runs the members until the test ends.
func runsApart(t *testing.T, cfg Config) *separate {
	t.Helper()
	cfg.Home, cfg.Apart, cfg.Clock = node.Home(t.TempDir()), true, time.Now
	cfg.Cache = filepath.Join(os.TempDir(), "comity-test-wasm")
	cfg.Progress = func(node.Event) {}
	if err := Init(cfg); err != nil {
		t.Fatal(err)
	}
	s := &separate{cfg: cfg, stop: map[party.ID]func(){}}
	for _, m := range cfg.Scenario.Members {
		ctx, end := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := RunMember(ctx, cfg, m.ID); err != nil {
				t.Error(err)
			}
		})
		s.stop[m.ID] = func() { end(); running.Wait() }
		t.Cleanup(s.stop[m.ID])
	}
	return s
}

// serve starts the hub.
func (s *separate) serve(t *testing.T, cfg Config) *Fleet {
	t.Helper()
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

// week runs the first week until it ends or is interrupted, which waits for that.
func week(t *testing.T, f *Fleet) (ended <-chan error, interrupt func()) {
	t.Helper()
	period, err := f.cfg.Scenario.Period(0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	end := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() {
		_, err := f.Week(ctx, period)
		end <- err
	})
	interrupt = func() { stop(); running.Wait() }
	t.Cleanup(interrupt)
	return end, interrupt
}

// TestAHeadThatTheHubMissedIsSaidAgain stops the hub when every member has its last sum and
// is about to say what it saw. None of them gets an answer.
func TestAHeadThatTheHubMissedIsSaidAgain(t *testing.T) {
	t.Parallel()
	cfg := Config{Scenario: small(t, 5), Patience: 60 * time.Second}
	through, away := make(chan party.ID, 5), make(chan struct{})
	var mu sync.Mutex
	said := map[party.ID]int{}
	cfg.Rehearse = func(id party.ID, kind string, _ int) error {
		if kind != "head" {
			return nil
		}
		mu.Lock()
		said[id]++
		first := said[id] == 1
		mu.Unlock()
		if !first {
			return nil
		}
		through <- id
		<-away
		return errRehearsed
	}
	s := runsApart(t, cfg)
	release := sync.OnceFunc(func() { close(away) })
	t.Cleanup(release) // Before members are waited for.
	f := s.serve(t, s.cfg)
	ended, interrupt := week(t, f)
	for range s.cfg.Scenario.Members {
		select {
		case <-through:
		case err := <-ended:
			t.Fatal("the week ended before all members had the last sum: ", err, f.reported())
		}
	}
	interrupt()
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	release()

	f = s.serve(t, s.cfg)
	w := decide(t, f, 0)
	verifies(t, f, w)
	f.Hub().Look(func(st *body.State) {
		for _, r := range st.View().Rounds {
			if len(r.Heads) != 5 || len(r.Cohorts) != 1 {
				t.Errorf("%d of 5 heads, cohorts %v", len(r.Heads), r.Cohorts)
			}
		}
	})
	mu.Lock()
	defer mu.Unlock()
	for id, times := range said {
		if times != 2 {
			t.Errorf("%s said its head %d times, want twice", id, times)
		}
	}
}

// TestAHubThatStartsAgainDoesNotWaitForWhoIsGone ends a member while the hub is away in the
// middle of a training. The others are given as long as they like.
func TestAHubThatStartsAgainDoesNotWaitForWhoIsGone(t *testing.T) {
	t.Parallel()
	s := runsApart(t, Config{Scenario: small(t, 6), Patience: 10 * time.Minute})
	gone := s.cfg.Scenario.Members[2].ID
	cfg, reached := s.cfg, make(chan struct{})
	once := sync.OnceFunc(func() { close(reached) })
	cfg.Progress = func(e node.Event) {
		if e.Phase == "train" && e.Done == 5 {
			once()
		}
	}
	f := s.serve(t, cfg)
	ended, interrupt := week(t, f)
	select {
	case <-reached:
	case err := <-ended:
		t.Fatal("the week ended early: ", err, f.reported())
	}
	interrupt()
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.stop[gone]()

	f = s.serve(t, s.cfg)
	began := time.Now()
	ended, interrupt = week(t, f)
	for cohorts(f) < 2 {
		select {
		case err := <-ended:
			t.Fatal("the week ended early: ", err, f.reported())
		case <-time.After(50 * time.Millisecond):
		}
		if waited := time.Since(began); waited > 3*time.Minute {
			t.Fatalf("waits for %s since %s, although it never came back", gone, waited)
		}
	}
	t.Logf("went on without %s after %s", gone, time.Since(began))
	interrupt()
}
