package secagg

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg/internal/field"
)

// checkedRound is a round of two cohorts in both lane widths, which verifies.
func checkedRound(t *testing.T) (*federation, Transcript, Evidence) {
	t.Helper()
	f := newFederation(t, 5)
	for k, bits := range []int{32, 64} {
		s := Step{"tree/1", bits, 3}
		f.step(t, s, f.randomInputs(s, uint64(k)))
	}
	f.drop(t, f.ids[2])
	s := Step{"tree/2", 64, 2}
	f.step(t, s, f.randomInputs(s, 3))
	tr, e := f.evidence(t)
	must(t, VerifyTranscript(tr, e))
	return f, tr, e
}

// Every field of the transcript, changed alone, is refused.
func TestTranscriptFields(t *testing.T) {
	_, honest, e := checkedRound(t)
	bytes, err := canon.Marshal(honest)
	must(t, err)
	for name, c := range map[string]struct {
		lie  func(*Transcript)
		want error
	}{
		"round":               {func(tr *Transcript) { tr.Round = "another" }, ErrCohort},
		"plan":                {func(tr *Transcript) { tr.Plan[0] ^= 1 }, ErrTranscript},
		"no cohorts":          {func(tr *Transcript) { tr.Cohorts = nil }, ErrMalformed},
		"one cohort":          {func(tr *Transcript) { tr.Cohorts = tr.Cohorts[:1] }, ErrCohort},
		"cohort members":      {func(tr *Transcript) { tr.Cohorts[0].Members = tr.Cohorts[0].Members[:4] }, ErrCohort},
		"cohort reason":       {func(tr *Transcript) { tr.Cohorts[0].Reason = "x" }, ErrCohort},
		"no steps":            {func(tr *Transcript) { tr.Steps = nil }, ErrCohort},
		"a step less":         {func(tr *Transcript) { tr.Steps = tr.Steps[:2] }, ErrHead},
		"a step more":         {func(tr *Transcript) { tr.Steps = append(tr.Steps, tr.Steps[2]) }, ErrReveal},
		"steps swapped":       {func(tr *Transcript) { tr.Steps[0], tr.Steps[1] = tr.Steps[1], tr.Steps[0] }, ErrReveal},
		"step name":           {func(tr *Transcript) { tr.Steps[1].Name = "x" }, ErrReveal},
		"step name empty":     {func(tr *Transcript) { tr.Steps[1].Name = "" }, ErrMalformed},
		"step bits":           {func(tr *Transcript) { tr.Steps[1].Bits = 32 }, ErrReveal},
		"step bits 7":         {func(tr *Transcript) { tr.Steps[1].Bits = 7 }, ErrMalformed},
		"step lanes":          {func(tr *Transcript) { tr.Steps[1].Lanes++ }, ErrReveal},
		"step lanes too many": {func(tr *Transcript) { tr.Steps[1].Lanes = MaxLanes + 1 }, ErrMalformed},
		"step cohort":         {func(tr *Transcript) { tr.Steps[1].Cohort = 2 }, ErrCohort},
		"masked commitment":   {func(tr *Transcript) { tr.Steps[1].Commitments[0].Masked[0] ^= 1 }, ErrReveal},
		"self commitment":     {func(tr *Transcript) { tr.Steps[1].Commitments[0].Self[0] ^= 1 }, ErrReveal},
		"last commitment":     {func(tr *Transcript) { tr.Steps[2].Commitments[0].Masked[0] ^= 1 }, ErrHead},
		"commitment less":     {func(tr *Transcript) { tr.Steps[1].Commitments = tr.Steps[1].Commitments[1:] }, ErrCohort},
		"reveal":              {func(tr *Transcript) { tr.Steps[1].Reveals[0][0] ^= 1 }, ErrReveal},
		"reveal short":        {func(tr *Transcript) { tr.Steps[1].Reveals[0] = tr.Steps[1].Reveals[0][:31] }, ErrMalformed},
		"reveal less":         {func(tr *Transcript) { tr.Steps[1].Reveals = tr.Steps[1].Reveals[1:] }, ErrCohort},
		"sum":                 {func(tr *Transcript) { tr.Steps[1].Sum[0] ^= 1 }, ErrIncomplete},
		"another's sum":       {func(tr *Transcript) { tr.Steps[0].Sum = tr.Steps[1].Sum }, ErrSum},
	} {
		t.Run(name, func(t *testing.T) {
			tr, err := ParseTranscript(bytes)
			must(t, err)
			c.lie(&tr)
			wants(t, VerifyTranscript(tr, copyOf(e)), c.want)
		})
	}
}

// Every piece of evidence, changed or left out alone, is refused.
func TestEvidenceFields(t *testing.T) {
	f, tr, honest := checkedRound(t)
	id, gone := f.ids[0], f.ids[2]
	for name, c := range map[string]struct {
		lie  func(*Evidence)
		want error
	}{
		"plan":             {func(e *Evidence) { e.Plan[0] ^= 1 }, ErrTranscript},
		"minimum":          {func(e *Evidence) { e.MinMembers = 5 }, ErrMinMembers},
		"cohort":           {func(e *Evidence) { e.Cohorts = e.Cohorts[:1] }, ErrCohort},
		"no head":          {func(e *Evidence) { delete(e.Heads, id) }, ErrIncomplete},
		"head chain":       {func(e *Evidence) { h := e.Heads[id]; h.Chain[0] ^= 1; e.Heads[id] = h }, ErrHead},
		"head steps":       {func(e *Evidence) { h := e.Heads[id]; h.Steps--; e.Heads[id] = h }, ErrHead},
		"head round":       {func(e *Evidence) { h := e.Heads[id]; h.Round = "x"; e.Heads[id] = h }, ErrHead},
		"early head":       {func(e *Evidence) { e.Heads[gone] = comity.Head{Round: tr.Round, Steps: 1} }, ErrHead},
		"head below zero":  {func(e *Evidence) { e.Heads[gone] = comity.Head{Round: tr.Round, Steps: -1} }, ErrHead},
		"no fingerprint":   {func(e *Evidence) { delete(e.Fingerprints, id); e.Opened = nil }, ErrIncomplete},
		"fingerprint":      {func(e *Evidence) { e.Fingerprints[id] = e.Fingerprints[f.ids[1]] }, ErrFingerprint},
		"fingerprint long": {func(e *Evidence) { e.Fingerprints[id] = comity.Fingerprint{Round: tr.Round} }, ErrFingerprint},
		"fingerprint of another round": {func(e *Evidence) {
			e.Fingerprints[id] = comity.Fingerprint{Round: "x", Points: e.Fingerprints[id].Points}
		}, ErrFingerprint},
		"fingerprint too large": {func(e *Evidence) {
			e.Fingerprints[id] = comity.Fingerprint{Round: tr.Round, Points: []canon.Int{field.Prime, 0}}
		}, ErrFingerprint},
		"fingerprint below zero": {func(e *Evidence) {
			e.Fingerprints[id] = comity.Fingerprint{Round: tr.Round, Points: []canon.Int{-1, 0}}
		}, ErrFingerprint},
		"seed": {func(e *Evidence) { e.Seed[0] ^= 1 }, ErrFingerprint},
		"opened vector": {func(e *Evidence) {
			e.Opened = func(number int, who party.ID) ([]byte, error) {
				data, err := f.hub.Opened(number, who)
				return flip(data, 8*keySize), err
			}
		}, ErrOpening},
		"opened short": {func(e *Evidence) {
			e.Opened = func(int, party.ID) ([]byte, error) { return nil, nil }
		}, ErrOpening},
		"not opened": {func(e *Evidence) {
			e.Opened = func(int, party.ID) ([]byte, error) { return nil, errNotKept }
		}, ErrIncomplete},
		"blob": {func(e *Evidence) {
			e.Blob = func(d canon.Digest) ([]byte, error) { return flip(f.blobs[d], 100), nil }
		}, ErrSum},
	} {
		t.Run(name, func(t *testing.T) {
			e := copyOf(honest)
			c.lie(&e)
			wants(t, VerifyTranscript(tr, e), c.want)
		})
	}
	early := copyOf(honest)
	early.Heads[gone] = comity.Head{Round: tr.Round, Steps: 2, Chain: chainAfter(t, tr, honest, 2)}
	must(t, VerifyTranscript(tr, early))
}

// chainAfter is what a member that left would have signed.
func chainAfter(t *testing.T, tr Transcript, e Evidence, steps int) canon.Digest {
	t.Helper()
	v, err := verify(tr, e)
	must(t, err)
	return v.chains[steps][0]
}

// A hub that changes a sum, tells everybody the same and has it signed is found by the
// fingerprints; so is a member that lies about its own, and Blame tells them apart.
func TestAlteredSumAndBlame(t *testing.T) {
	for _, bits := range []int{32, 64} {
		f := newFederation(t, 4)
		s := Step{"tree/1", bits, 3}
		f.upload(t, s, f.randomInputs(s, 1), f.ids)
		f.reveal(t, f.commitments(t), f.ids)
		f.hub.open.words[1]++ // The lie, before anything is hashed.
		f.finish(t, f.broadcast(t), f.ids)
		tr, e := f.evidence(t)
		wants(t, VerifyTranscript(tr, e), ErrFingerprint)
		_, err := Blame(tr, e)
		wants(t, err, ErrFingerprint) // On the hub.
	}
	f, tr, e := checkedRound(t)
	liar := f.ids[3]
	points := slices.Clone(e.Fingerprints[liar].Points)
	points[1]++
	e.Fingerprints[liar] = comity.Fingerprint{Round: tr.Round, Points: points}
	wants(t, VerifyTranscript(tr, e), ErrFingerprint)
	got, err := Blame(tr, e)
	must(t, err)
	if diff := cmp.Diff([]party.ID{liar}, got); diff != "" {
		t.Fatal(diff)
	}
	e.Opened = nil
	_, err = Blame(tr, e)
	wants(t, err, ErrIncomplete)
}

// A sum moved by a multiple of the field's field.Prime is still seen, because fingerprints
// are over 32-bit words and not over 64-bit lanes.
func TestSumMovedByThePrime(t *testing.T) {
	f := newFederation(t, 4)
	s := Step{"tree/1", 64, 2}
	f.upload(t, s, f.randomInputs(s, 1), f.ids)
	f.reveal(t, f.commitments(t), f.ids)
	w := f.hub.open.words
	low, high := uint64(field.Prime&0xffff_ffff), uint64(field.Prime>>32)
	w[0], w[1] = w[0]+low, w[1]+high
	if w[0]>>32 > 3 || w[1]>>32 > 3 {
		t.Fatalf("choose other inputs: %x", w)
	}
	f.finish(t, f.broadcast(t), f.ids)
	tr, e := f.evidence(t)
	wants(t, VerifyTranscript(tr, e), ErrFingerprint)
}

// After its fingerprint a member says nothing more in the round.
func TestFingerprintClosesTheRound(t *testing.T) {
	f, _, e := checkedRound(t)
	me := f.members[f.ids[0]]
	again, err := me.Fingerprint(e.Seed)
	must(t, err)
	if diff := cmp.Diff(e.Fingerprints[f.ids[0]], again); diff != "" {
		t.Fatal(diff)
	}
	_, err = me.Fingerprint(testSeed())
	wants(t, err, ErrClosed)
	_, err = me.Upload("tree/3", 32, []int64{1})
	wants(t, err, ErrClosed)
	wants(t, me.Recohort(comity.Cohort{}), ErrClosed)
	if key := me.cfg.Pairs.key(f.ids[1]); key != nil || me.memory.secret != [keySize]byte{} {
		t.Fatal("secrets outlive the round")
	}
}
