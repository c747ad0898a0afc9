// Package learntest is the suite that every learner passes: a federation of any size, in
// any order of arrival, with members that leave and steps that are lost, learns byte for
// byte what pooled rows would teach; the sums alone give the same bytes again; and what
// was tampered with is refused or leaves a trace.
package learntest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"comity/modeler/learn"
)

// Learner is one learner with one recipe. The recipe allows 20 members.
type Learner struct {
	// Train learns from rows, nil in a replay, and returns the bytes of the model.
	Train func(ctx context.Context, rows *learn.Rows, sum learn.Summer) ([]byte, error)
	// Decode reads the bytes of a model and returns those that it would write.
	Decode func(data []byte) ([]byte, error)
	// Rows are those of all members: 200 or more, so that 20 members have some each.
	Rows *learn.Rows
	// Again tells whether a step may be lost and the training go on, or end well. In other
	// steps a learner returns the *learn.Restart to its caller, because no fresh sample
	// could make another sum of the same rows safe.
	Again func(step learn.Step) bool
}

// Run runs the suite.
func Run(t *testing.T, l Learner) {
	t.Helper()
	log := &Log{}
	want, err := l.Train(t.Context(), l.Rows, log)
	if err != nil {
		t.Fatalf("pooled: %v", err)
	}
	if len(log.Entries) == 0 {
		t.Fatal("pooled: no sum was made")
	}
	t.Run("order of rows", func(t *testing.T) { l.order(t, want) })
	t.Run("federated", func(t *testing.T) { l.federated(t, want) })
	t.Run("replayed", func(t *testing.T) { l.replayed(t, want, log) })
	t.Run("encoded", func(t *testing.T) { l.encoded(t, want) })
	t.Run("lost", func(t *testing.T) { l.lost(t, want, log) })
	t.Run("left", func(t *testing.T) { l.left(t, log) })
	t.Run("tampered", func(t *testing.T) { l.tampered(t, want, log) })
	t.Run("names", func(t *testing.T) { names(t, log) })
}

// order is the law that the order of rows means nothing.
func (l Learner) order(t *testing.T, want []byte) {
	t.Helper()
	got, err := l.Train(t.Context(), Take(l.Rows, coin(1).Perm(l.Rows.Len())), learn.Pooled{})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("rows in another order give another model (%v)", err)
	}
}

// federated is the law that it means nothing who holds which row, either.
func (l Learner) federated(t *testing.T, want []byte) {
	t.Helper()
	for seed, members := range []int{2, 5, 20} {
		parts := Share(l.Rows, members, coin(uint64(seed)))
		models, err := Federate(t.Context(), parts, &Hub{Order: coin(7)}, l.Train)
		if err != nil {
			t.Fatalf("%d members: %v", members, err)
		}
		for i, got := range models {
			if !bytes.Equal(got, want) {
				t.Errorf("%d members: member %d has another model than pooled rows give", members, i)
			}
		}
	}
}

// replayed is the law that the sums are enough.
func (l Learner) replayed(t *testing.T, want []byte, log *Log) {
	t.Helper()
	got, err := l.Train(t.Context(), nil, &Replay{Entries: log.Entries})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the sums alone give another model (%v)", err)
	}
	short := &Replay{Entries: log.Entries[:len(log.Entries)-1]}
	if _, err := l.Train(t.Context(), nil, short); !errors.Is(err, ErrLog) {
		t.Errorf("a log without its last sum: %v", err)
	}
}

// encoded is the law that a model has one byte form.
func (l Learner) encoded(t *testing.T, want []byte) {
	t.Helper()
	if again, err := l.Decode(want); err != nil || !bytes.Equal(again, want) {
		t.Errorf("decoded and encoded, the model has other bytes (%v)", err)
	}
	for _, n := range []int{0, 1, len(want) / 2, len(want) - 1} {
		if _, err := l.Decode(want[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are read as a model", n, len(want))
		}
	}
	if _, err := l.Decode(append(slices.Clone(want), 0)); err == nil {
		t.Error("a byte more is read as a model")
	}
	// What changes may be another model, but never one that is written differently.
	r := coin(3)
	for range 200 {
		data := slices.Clone(want)
		at := r.IntN(len(data))
		data[at] ^= 1 << r.IntN(8)
		if again, err := l.Decode(data); err == nil && !bytes.Equal(again, data) {
			t.Errorf("byte %d changed: read, and written differently", at)
		}
	}
}

// lost is the law of a step whose input is lost after members committed to it: the
// training goes on with a fresh sample, the same for pooled, federated and replayed, or
// ends with the Restart.
func (l Learner) lost(t *testing.T, want []byte, log *Log) {
	t.Helper()
	for _, at := range []int{0, 1, len(log.Entries) / 2, len(log.Entries) - 1} {
		step := log.Entries[at].Step
		lose := map[string]int{step.Name: 1}
		again := &Log{Lose: lose}
		pooled, err := l.Train(t.Context(), l.Rows, again)
		if !l.Again(step) {
			if restart, ok := errors.AsType[*learn.Restart](err); !ok || restart.Attempt != 1 {
				t.Errorf("%s lost: %v, want the Restart", step.Name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s lost: %v", step.Name, err)
			continue
		}
		if bytes.Equal(pooled, want) {
			t.Errorf("%s lost: the model does not tell", step.Name)
		}
		l.fresh(t, step, again)
		models, err := Federate(t.Context(), Share(l.Rows, 5, coin(5)), &Hub{Order: coin(7), Lose: lose}, l.Train)
		if err != nil || slices.ContainsFunc(models, func(m []byte) bool { return !bytes.Equal(m, pooled) }) {
			t.Errorf("%s lost: federated and pooled models differ (%v)", step.Name, err)
		}
		replayed, err := l.Train(t.Context(), nil, &Replay{Entries: again.Entries})
		if err != nil || !bytes.Equal(replayed, pooled) {
			t.Errorf("%s lost: replayed and pooled models differ (%v)", step.Name, err)
		}
		if again.Entries[len(again.Entries)-1].Restart != nil {
			continue // Nothing was left to be done again.
		}
		for _, attempt := range []int{0, -1, learn.MaxAttempt + 1} {
			if _, err := l.Train(t.Context(), l.Rows, &Log{Lose: map[string]int{step.Name: attempt}}); !errors.Is(err, learn.ErrAttempt) {
				t.Errorf("%s lost, attempt %d: %v, want ErrAttempt", step.Name, attempt, err)
			}
		}
	}
}

// fresh holds that the vector of a lost step is never sent again.
func (l Learner) fresh(t *testing.T, step learn.Step, log *Log) {
	t.Helper()
	at := slices.IndexFunc(log.Entries, func(e Entry) bool { return e.Restart != nil })
	lost := log.Entries[at].Sum
	for _, e := range log.Entries[at+1:] {
		if e.Step.Name == step.Name {
			t.Errorf("%s: the lost step has a second one of its name", step.Name)
		}
		if len(lost) > 1 && slices.Equal(e.Sum, lost) {
			t.Errorf("%s: the lost vector was sent again as %s", step.Name, e.Step.Name)
		}
	}
}

// left is the law of a member that leaves in the middle: the others learn what they would
// if they had pooled their rows from the start and the same one had left.
func (l Learner) left(t *testing.T, log *Log) {
	t.Helper()
	step := log.Entries[len(log.Entries)/2].Step
	if !l.Again(step) {
		return // Then nobody can go on.
	}
	parts := Share(l.Rows, 5, coin(11))
	survivors := Take(l.Rows, nil)
	for _, p := range parts[:4] {
		survivors = Join(survivors, p)
	}
	var models [2][][]byte
	for i, parts := range [][]*learn.Rows{parts, {survivors, parts[4]}} {
		hub := &Hub{Order: coin(uint64(i)), Lose: map[string]int{step.Name: 1}, Leaves: true}
		got, err := Federate(t.Context(), parts, hub, l.Train)
		if err != nil && !errors.Is(err, ErrLeft) {
			t.Fatalf("%d members, the last leaves at %s: %v", len(parts), step.Name, err)
		}
		models[i] = got[:len(parts)-1]
	}
	for i, got := range models[0] {
		if len(got) == 0 || !bytes.Equal(got, models[1][0]) {
			t.Errorf("a member left at %s: member %d has another model than the others' pooled rows give", step.Name, i)
		}
	}
}

// tampered is the law that a sum which was changed is refused, or that the model, whose
// trace names all sums, is another.
func (l Learner) tampered(t *testing.T, want []byte, log *Log) {
	t.Helper()
	r := coin(13)
	try := func(what string, at int, change func(sum []int64) []int64) {
		entries := slices.Clone(log.Entries)
		entries[at].Sum = change(slices.Clone(entries[at].Sum))
		got, err := l.Train(t.Context(), nil, &Replay{Entries: entries})
		if err == nil && bytes.Equal(got, want) {
			t.Errorf("sum %s, %s: the same model", entries[at].Step.Name, what)
		}
		if err != nil && !errors.Is(err, learn.ErrSum) && !errors.Is(err, ErrLog) {
			t.Errorf("sum %s, %s: %v", entries[at].Step.Name, what, err)
		}
	}
	places := []int{0, len(log.Entries) - 1}
	for range 8 {
		places = append(places, r.IntN(len(log.Entries)))
	}
	for _, at := range places {
		k := r.IntN(len(log.Entries[at].Sum))
		try(fmt.Sprintf("value %d one more", k), at, func(s []int64) []int64 { s[k]++; return s })
		try(fmt.Sprintf("value %d one less", k), at, func(s []int64) []int64 { s[k]--; return s })
		try(fmt.Sprintf("value %d far off", k), at, func(s []int64) []int64 { s[k] = 1<<62 + int64(k); return s })
		try(fmt.Sprintf("value %d far below", k), at, func(s []int64) []int64 { s[k] = -1 << 62; return s })
		try("a value short", at, func(s []int64) []int64 { return s[1:] })
		try("a value long", at, func(s []int64) []int64 { return append(s, 0) })
	}
	for _, length := range []func(s []int64) []int64{
		func(s []int64) []int64 { return s[:len(s)-1] }, func(s []int64) []int64 { return append(s, 1) }, func([]int64) []int64 { return nil },
	} {
		entries := slices.Clone(log.Entries)
		entries[0].Sum = length(slices.Clone(entries[0].Sum))
		if _, err := l.Train(t.Context(), nil, &Replay{Entries: entries}); !errors.Is(err, learn.ErrSum) {
			t.Errorf("first sum of another length: %v, want ErrSum", err)
		}
	}
}

// names holds that every step has a name of its own that a log can carry.
func names(t *testing.T, log *Log) {
	t.Helper()
	const most = 64 // verifier/secagg.MaxName, less what pieces of a vector add.
	seen := map[string]bool{}
	for _, e := range log.Entries {
		if n := len(e.Step.Name); n < 1 || n > most-4 || seen[e.Step.Name] {
			t.Errorf("step %q: %d letters, twice: %v", e.Step.Name, n, seen[e.Step.Name])
		}
		seen[e.Step.Name] = true
		if e.Step.Bits != 32 && e.Step.Bits != 64 {
			t.Errorf("step %q in %d bits", e.Step.Name, e.Step.Bits)
		}
		if len(e.Sum) == 0 {
			t.Errorf("step %q adds nothing", e.Step.Name)
		}
	}
}

// coin is a source that tests can replay.
func coin(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 42)) } //nolint:gosec // Tests repeat it.
