package secagg

import (
	"testing"

	"comity/canon"
	"comity/party"
	"comity/verifier/secagg/internal/field"
	"comity/verifier/secagg/internal/lane"
)

// The shape that the design plans with: 30 members, 20,000 lanes of 32 bits, 100 steps.
const (
	benchMembers = 30
	benchLanes   = 20_000
	benchSteps   = 100
)

func benchStep() Step { return Step{"tree/1", 32, benchLanes} }

// BenchmarkMemberStep is one member's work in one step: mask, commit, reveal, check.
func BenchmarkMemberStep(b *testing.B) {
	f := newFederation(b, benchMembers)
	s := benchStep()
	x := f.randomInputs(s, 1)
	f.upload(b, s, x, f.ids)
	c := f.commitments(b)
	f.reveal(b, c, f.ids)
	last := f.broadcast(b)
	m := f.members[f.ids[benchMembers/2]]
	start := *m
	b.SetBytes(int64(s.size() * benchMembers))
	for b.Loop() {
		*m = start
		m.pending = nil
		_, err := m.Upload(s.Name, s.Bits, x[m.cfg.Self])
		must(b, err)
		_, err = m.Reveal(c)
		must(b, err)
		_, err = m.Finish(last)
		must(b, err)
	}
}

// BenchmarkHubStep is the hub's work in one step: check, add, unmask, record.
func BenchmarkHubStep(b *testing.B) {
	s := benchStep()
	f := newFederation(b, benchMembers)
	x := f.randomInputs(s, 1)
	uploads, reveals := map[party.ID]Upload{}, map[party.ID]Reveal{}
	must(b, f.hub.Begin(s))
	for _, id := range f.ids {
		u, err := f.members[id].Upload(s.Name, s.Bits, x[id])
		must(b, err)
		uploads[id] = u
		must(b, f.hub.Upload(id, u))
	}
	c := f.commitments(b)
	for _, id := range f.ids {
		v, err := f.members[id].Reveal(c)
		must(b, err)
		reveals[id] = v
	}
	b.SetBytes(int64(s.size() * benchMembers))
	for b.Loop() {
		hub, err := NewHub(HubConfig{Plan: testPlan, Cohort: f.logged[0], MinMembers: MinMembers, Store: shelf{}})
		must(b, err)
		must(b, hub.Begin(s))
		for _, id := range f.ids {
			must(b, hub.Upload(id, uploads[id]))
		}
		_, err = hub.Commitments()
		must(b, err)
		for _, id := range f.ids {
			must(b, hub.Reveal(id, reveals[id]))
		}
		_, err = hub.Broadcast()
		must(b, err)
	}
}

// BenchmarkVerifyTranscript is what a stranger spends on a whole round.
func BenchmarkVerifyTranscript(b *testing.B) {
	f := newFederation(b, benchMembers)
	s := benchStep()
	x := f.randomInputs(s, 1)
	for range benchSteps {
		f.step(b, s, x)
	}
	tr, e := f.evidence(b)
	for b.Loop() {
		must(b, VerifyTranscript(tr, e))
	}
}

// BenchmarkFingerprint is what a member spends on it at the end of a round.
func BenchmarkFingerprint(b *testing.B) {
	y := make([]byte, benchStep().size())
	b.SetBytes(benchSteps * int64(len(y)))
	for b.Loop() {
		e := field.New(testSeed())
		for range benchSteps {
			e.Masked(benchStep().shape(), y)
		}
	}
}

// BenchmarkMask is the expansion of one mask.
func BenchmarkMask(b *testing.B) {
	v := lane.New(benchStep().shape())
	var m lane.Masker
	b.SetBytes(int64(v.Size()))
	for b.Loop() {
		m.Apply(v, [keySize]byte{1}, false)
	}
}

// BenchmarkSealOpen is one pair secret, sealed and opened.
func BenchmarkSealOpen(b *testing.B) {
	key, public, err := NewEpoch(coin(1))
	must(b, err)
	at := BoxContext{Body: "body", Epoch: "2026", From: "AA", To: "BB"}
	for b.Loop() {
		box, err := Seal(at, public, [keySize]byte{1})
		must(b, err)
		_, err = key.Open(at, canon.Sum(box), box)
		must(b, err)
	}
}
