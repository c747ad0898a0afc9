package secagg

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/party"
)

// Whatever the members hold and in whatever order they speak, they get what a trusted
// party would have told them, and a stranger agrees.
func TestSumsEqualTrustedParty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFederation(t, rapid.IntRange(3, 8).Draw(rt, "members"))
		for k := range rapid.IntRange(1, 4).Draw(rt, "steps") {
			if k > 0 && len(f.hub.Cohort().Members) > MinMembers && rapid.Bool().Draw(rt, "drop") {
				f.drop(t, rapid.SampledFrom(f.hub.Cohort().Members).Draw(rt, "gone"))
			}
			members := f.hub.Cohort().Members
			s := Step{"tree/1", rapid.SampledFrom([]int{32, 64}).Draw(rt, "bits"), rapid.IntRange(1, 9).Draw(rt, "lanes")}
			limit := bound(s.Bits, len(members))
			x := inputs{}
			for _, id := range members {
				x[id] = rapid.SliceOfN(rapid.Int64Range(-limit, limit), s.Lanes, s.Lanes).Draw(rt, string(id))
			}
			f.upload(t, s, x, rapid.Permutation(members).Draw(rt, "uploads"))
			f.reveal(t, f.commitments(t), rapid.Permutation(members).Draw(rt, "reveals"))
			got := f.finish(t, f.broadcast(t), members)
			if want := trusted(x, members); !slices.Equal(got, want) {
				rt.Fatalf("step %d: got %v, want %v", k, got, want)
			}
			for _, id := range members {
				if f.members[id].Head() != f.hub.Head() {
					rt.Fatalf("step %d: %s is at %v, the hub at %v", k, id, f.members[id].Head(), f.hub.Head())
				}
			}
		}
		tr, e := f.evidence(t)
		if err := VerifyTranscript(tr, e); err != nil {
			rt.Fatal(err)
		}
	})
}

// The bound is exact: with everybody at it the sum still fits, and one more is refused.
func TestInputsAtTheBound(t *testing.T) {
	for _, bits := range []int{32, 64} {
		f := newFederation(t, 7)
		limit := bound(bits, 7)
		s := Step{"bound", bits, 2}
		x := inputs{}
		for _, id := range f.ids {
			x[id] = []int64{limit, -limit}
		}
		for _, wrong := range []int64{limit + 1, -limit - 1} {
			_, err := f.members[f.ids[0]].Upload(s.Name, s.Bits, []int64{0, wrong})
			wants(t, err, ErrRange)
		}
		if got, want := f.step(t, s, x), []int64{7 * limit, -7 * limit}; !slices.Equal(got, want) {
			t.Fatalf("%d bits: got %v, want %v", bits, got, want)
		}
	}
}

// A member that crashes anywhere and comes back with its journal says the same bytes.
func TestCrashAndResume(t *testing.T) {
	s := Step{"tree/1", 32, 5}
	for _, when := range []string{"before upload", "after upload", "after reveal", "after finish"} {
		t.Run(when, func(t *testing.T) {
			f := newFederation(t, 4)
			victim := f.ids[1]
			var done []stepRun
			crash := func(at string) {
				if at == when && len(done) == 2 {
					f.restart(t, victim)
					f.replay(t, victim, done)
				}
			}
			for k := range 3 {
				run := stepRun{step: s, x: f.randomInputs(s, uint64(k))}
				crash("before upload")
				f.upload(t, s, run.x, f.ids)
				crash("after upload")
				u, err := f.members[victim].Upload(s.Name, s.Bits, run.x[victim])
				must(t, err)
				must(t, f.hub.Upload(victim, u)) // The very same, or the hub would refuse it.
				run.c = f.commitments(t)
				f.reveal(t, run.c, f.ids)
				crash("after reveal")
				_, err = f.members[victim].Upload(s.Name, s.Bits, run.x[victim])
				must(t, err)
				f.reveal(t, run.c, []party.ID{victim})
				run.b = f.broadcast(t)
				f.finish(t, run.b, f.ids)
				done = append(done, run)
				crash("after finish")
			}
			tr, e := f.evidence(t)
			must(t, VerifyTranscript(tr, e))
		})
	}
}

// So does one whose cohort shrank on the way, with the attempt kept and with it raised.
func TestResumeAcrossCohorts(t *testing.T) {
	s := small()
	f := newFederation(t, 6)
	me := f.ids[1]
	kept := f.drop(t, f.ids[5])
	x := f.randomInputs(s, 1)
	first := f.run(t, s, x)
	x = f.randomInputs(s, 2)
	f.upload(t, s, x, kept.Members)
	f.reveal(t, f.commitments(t), kept.Members[:4])
	raised := f.drop(t, f.ids[4])
	if kept.Attempt != 0 || raised.Attempt != 1 {
		t.Fatalf("attempts %d and %d, want 0 and 1", kept.Attempt, raised.Attempt)
	}
	second := f.run(t, s, f.randomInputs(s, 3))
	f.restart(t, me)
	must(t, f.members[me].Recohort(kept))
	f.replay(t, me, []stepRun{first})
	must(t, f.members[me].Recohort(raised))
	_, err := f.members[me].Upload(s.Name, s.Bits, x[me])
	wants(t, err, ErrReused)
	f.replay(t, me, []stepRun{second})
	f.run(t, s, f.randomInputs(s, 4))
	tr, e := f.evidence(t)
	must(t, VerifyTranscript(tr, e))
}

// run is step, with what it takes to lead a member through it again.
func (f *federation) run(t *testing.T, s Step, x inputs) stepRun {
	t.Helper()
	order := f.hub.Cohort().Members
	f.upload(t, s, x, order)
	r := stepRun{step: s, x: x, c: f.commitments(t)}
	f.reveal(t, r.c, order)
	r.b = f.broadcast(t)
	f.finish(t, r.b, order)
	return r
}

// stepRun is what a member needs to be led through a finished step again.
type stepRun struct {
	step Step
	x    inputs
	c    Commitments
	b    Broadcast
}

// replay leads a restarted member through finished steps. It must not write.
func (f *federation) replay(t *testing.T, id party.ID, done []stepRun) {
	t.Helper()
	before := len(f.journals[id].entries)
	for _, run := range done {
		_, err := f.members[id].Upload(run.step.Name, run.step.Bits, run.x[id])
		must(t, err)
		_, err = f.members[id].Reveal(run.c)
		must(t, err)
		_, err = f.members[id].Finish(run.b)
		must(t, err)
	}
	if after := len(f.journals[id].entries); after != before {
		t.Fatalf("replay wrote %d journal entries", after-before)
	}
}

// Before anything of an attempt is out, losing a member costs nothing but the member;
// afterwards it costs the attempt.
func TestRecohort(t *testing.T) {
	s := small()
	t.Run("before commitments", func(t *testing.T) {
		f := newFederation(t, 5)
		x := f.randomInputs(s, 1)
		must(t, f.hub.Begin(s))
		for _, id := range f.ids[:4] {
			u, err := f.members[id].Upload(s.Name, s.Bits, x[id])
			must(t, err)
			must(t, f.hub.Upload(id, u))
		}
		if diff := cmp.Diff(f.ids[4:], f.hub.Missing()); diff != "" {
			t.Fatal(diff)
		}
		c := f.drop(t, f.hub.Missing()...)
		if c.Attempt != 0 {
			t.Fatalf("attempt %d, want 0: nobody revealed", c.Attempt)
		}
		if got, want := f.step(t, s, x), trusted(x, c.Members); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		tr, e := f.evidence(t)
		must(t, VerifyTranscript(tr, e))
	})
	t.Run("between steps of one attempt", func(t *testing.T) {
		f := newFederation(t, 5)
		f.step(t, s, f.randomInputs(s, 1))
		kept := comity.Cohort{Round: c0(f).Round, Number: 2, FromStep: 1, Members: f.ids[1:], Reason: "a lie"}
		wants(t, f.members[f.ids[1]].Recohort(kept), ErrAttempt)
		wants(t, f.hub.Recohort(kept), ErrAttempt)
		if c := f.drop(t, f.ids[0]); c.Attempt != 1 {
			t.Fatalf("attempt %d, want 1: what left could be subtracted", c.Attempt)
		}
		if c := f.drop(t, f.ids[1]); c.Attempt != 1 {
			t.Fatalf("attempt %d, want 1: nothing of it is out", c.Attempt)
		}
		f.step(t, s, f.randomInputs(s, 2))
		tr, e := f.evidence(t)
		must(t, VerifyTranscript(tr, e))
		tr.Cohorts[1].Attempt, tr.Cohorts[2].Attempt = 0, 0
		e.Cohorts = tr.Cohorts
		wants(t, VerifyTranscript(tr, e), ErrAttempt)
	})
}

// A step lost after commitments costs its input.
func TestRecohortAfterCommitments(t *testing.T) {
	s := small()
	t.Run("the others go on", func(t *testing.T) {
		f := newFederation(t, 5)
		x := f.randomInputs(s, 1)
		f.step(t, s, x)
		x = f.randomInputs(s, 2)
		f.upload(t, s, x, f.ids)
		f.reveal(t, f.commitments(t), f.ids[:4])
		c := f.drop(t, f.hub.Missing()...)
		if c.Attempt != 1 || c.FromStep != 1 {
			t.Fatalf("cohort %+v, want attempt 1 from step 1", c)
		}
		_, err := f.members[f.ids[0]].Upload(s.Name, s.Bits, x[f.ids[0]])
		wants(t, err, ErrReused)
		x = f.randomInputs(s, 3)
		if got, want := f.step(t, s, x), trusted(x, c.Members); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		tr, e := f.evidence(t)
		must(t, VerifyTranscript(tr, e))
		e.Opened = nil
		wants(t, VerifyTranscript(tr, e), ErrIncomplete)
	})
	t.Run("lost input survives a crash", func(t *testing.T) {
		f := newFederation(t, 4)
		x := f.randomInputs(s, 1)
		f.upload(t, s, x, f.ids)
		f.reveal(t, f.commitments(t), f.ids[:3])
		c := f.drop(t, f.ids[3])
		f.restart(t, f.ids[0])
		must(t, f.members[f.ids[0]].Recohort(c))
		_, err := f.members[f.ids[0]].Upload(s.Name, s.Bits, x[f.ids[0]])
		wants(t, err, ErrReused)
	})
	t.Run("zeros may be added again", func(t *testing.T) {
		f := newFederation(t, 4)
		x := inputs{}
		for _, id := range f.ids {
			x[id] = make([]int64, s.Lanes)
		}
		f.upload(t, s, x, f.ids)
		f.reveal(t, f.commitments(t), f.ids[:3])
		f.drop(t, f.ids[3])
		f.step(t, s, x)
	})
}
