package fleet

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"comity/body"
	"comity/node"
	"comity/party"
	"comity/verifier/ledger"
)

// TestAWrongClockMovesNoTime has two of five members whose clocks are three days off, one
// fast and one slow. They take part like all others; as witnesses they cosign with their
// own times, and log time, the median, stays with the honest ones.
func TestAWrongClockMovesNoTime(t *testing.T) {
	t.Parallel()
	o := founds(t)
	s := o.cfg.Scenario
	const off = 72 * time.Hour
	wrong := map[party.ID]time.Duration{s.Members[1].ID: off, s.Members[3].ID: -off}
	f, err := Start(t.Context(), o.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, m := range s.Members {
		cfg := o.cfg
		cfg.Clock = func() time.Time { return time.Now().Add(wrong[m.ID]) }
		running.Go(func() {
			if err := RunMember(ctx, cfg, m.ID); err != nil {
				t.Errorf("%s: %v", m.ID, err)
			}
		})
	}
	if err := f.Found(t.Context()); err != nil {
		t.Fatal(err, f.reported())
	}
	w := decide(t, f, 0)
	verifies(t, f, w)
	if w.Checks != 5 || len(w.Frozen.Absent) != 0 {
		t.Errorf("%d of 5 checked, absent %v", w.Checks, w.Frozen.Absent)
	}
	var log time.Time
	f.Hub().Look(func(st *body.State) { log = time.Unix(int64(st.View().Time), 0) })
	if gap := time.Since(log); gap < -time.Minute || gap > 10*time.Minute {
		t.Errorf("log time is %s from that of the honest clocks", gap)
	}
	for id, by := range wrong {
		at, err := readPlace(o.cfg.Home)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := node.Look(t.Context(), node.MemberConfig{
			Self: id, Home: o.cfg.Home.Member(id), Charter: f.Sealed(), Address: at.Address, Pin: at.Pin,
		})
		if err != nil {
			t.Fatal(err)
		}
		// Four of five must cosign; two clocks are wrong, so at least one of those is counted.
		if !slices.ContainsFunc(seen.Checkpoint.Cosigned, func(c ledger.Cosignature) bool {
			return time.Since(time.Unix(c.UnixTime, 0)).Abs() > off/2
		}) {
			t.Errorf("none of %v has a wrong time", seen.Checkpoint.Cosigned)
		}
		// The hub's clock is what doctor compares this member's with.
		if gap := time.Now().Add(by).Sub(seen.Hub).Abs(); gap < off-time.Minute || gap > off+time.Minute {
			t.Errorf("%s sees its clock %s from the hub's, want %s", id, gap, off)
		}
	}
}
