package secagg

import (
	"errors"
	"slices"
	"testing"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg/internal/lane"
)

// small is the step that the adversary tampers with: an odd lane count leaves a half
// word unused.
func small() Step { return Step{"tree/1", 32, 3} }

// elsewhere lists every way to lie about a position and what refuses it.
func elsewhere() map[string]struct {
	lie  func(*Position)
	want error
} {
	return map[string]struct {
		lie  func(*Position)
		want error
	}{
		"later step":       {func(p *Position) { p.Number++ }, ErrStep},
		"other attempt":    {func(p *Position) { p.Attempt++ }, ErrAttempt},
		"other cohort":     {func(p *Position) { p.Cohort++ }, ErrCohort},
		"other transcript": {func(p *Position) { p.Transcript[0] ^= 1 }, ErrTranscript},
	}
}

// A member answers nothing that was moved, shortened, swapped or changed.
func TestMemberRefusesCommitments(t *testing.T) {
	f := newFederation(t, 4)
	me := f.members[f.ids[1]]
	_, err := me.Reveal(Commitments{Position: me.Position(), List: make([]Commitment, 4)})
	wants(t, err, ErrOrder) // Nothing uploaded yet.
	f.upload(t, small(), f.randomInputs(small(), 1), f.ids)
	honest := f.commitments(t)
	for name, e := range elsewhere() {
		t.Run(name, func(t *testing.T) {
			c := honest
			e.lie(&c.Position)
			_, err := me.Reveal(c)
			wants(t, err, e.want)
		})
	}
	for name, e := range map[string]struct {
		lie  func(*Commitments)
		want error
	}{
		"one left out":     {func(c *Commitments) { c.List = c.List[:3] }, ErrCohort},
		"one too many":     {func(c *Commitments) { c.List = append(c.List, c.List[0]) }, ErrCohort},
		"own vector":       {func(c *Commitments) { c.List[1].Masked[0] ^= 1 }, ErrOwnCommitment},
		"own self mask":    {func(c *Commitments) { c.List[1].Self[0] ^= 1 }, ErrOwnCommitment},
		"order":            {func(c *Commitments) { slices.Reverse(c.List) }, ErrOwnCommitment},
		"a peer's instead": {func(c *Commitments) { c.List[1] = c.List[2] }, ErrOwnCommitment},
	} {
		t.Run(name, func(t *testing.T) {
			c := Commitments{honest.Position, slices.Clone(honest.List)}
			e.lie(&c)
			_, err := me.Reveal(c)
			wants(t, err, e.want)
		})
	}
	if n := len(f.journals[f.ids[1]].entries); n != 1 {
		t.Fatalf("refusals wrote %d journal entries", n-1)
	}
	first, err := me.Reveal(honest)
	must(t, err)
	again, err := me.Reveal(honest)
	must(t, err)
	if first != again {
		t.Fatal("two answers to the same commitments")
	}
	other := Commitments{honest.Position, slices.Clone(honest.List)}
	other.List[2].Masked[0] ^= 1
	_, err = me.Reveal(other)
	wants(t, err, ErrEquivocation)
}

// A member takes no broadcast whose reveals are not those committed to.
func TestMemberRefusesBroadcast(t *testing.T) {
	f := newFederation(t, 4)
	me := f.members[f.ids[1]]
	f.upload(t, small(), f.randomInputs(small(), 1), f.ids)
	c := f.commitments(t)
	others := slices.DeleteFunc(slices.Clone(f.ids), func(id party.ID) bool { return id == f.ids[1] })
	f.reveal(t, c, others)
	_, err := me.Finish(Broadcast{Position: me.Position()})
	wants(t, err, ErrOrder) // Not revealed yet.
	f.reveal(t, c, f.ids[1:2])
	honest := f.broadcast(t)
	for name, e := range elsewhere() {
		t.Run(name, func(t *testing.T) {
			b := honest
			e.lie(&b.Position)
			_, err := me.Finish(b)
			wants(t, err, e.want)
		})
	}
	wider := Sum{lane.New(lane.Shape{Bits: 64, Lanes: 3}), make([]byte, 6)}.Bytes()
	longer := Sum{lane.New(lane.Shape{Bits: 32, Lanes: 4}), make([]byte, 4)}.Bytes()
	for name, e := range map[string]struct {
		lie  func(*Broadcast)
		want error
	}{
		"one left out":     {func(b *Broadcast) { b.Reveals = b.Reveals[:3] }, ErrCohort},
		"own reveal":       {func(b *Broadcast) { b.Reveals[1][0] ^= 1 }, ErrOwnReveal},
		"a peer's reveal":  {func(b *Broadcast) { b.Reveals[2][31] ^= 1 }, ErrReveal},
		"peers swapped":    {func(b *Broadcast) { b.Reveals[2], b.Reveals[3] = b.Reveals[3], b.Reveals[2] }, ErrReveal},
		"wider lanes":      {func(b *Broadcast) { b.Sum = wider }, ErrSum},
		"more lanes":       {func(b *Broadcast) { b.Sum = longer }, ErrSum},
		"sum cut short":    {func(b *Broadcast) { b.Sum = b.Sum[:len(b.Sum)-1] }, ErrMalformed},
		"impossible carry": {func(b *Broadcast) { b.Sum[len(b.Sum)-1] = 4 }, ErrSum},
	} {
		t.Run(name, func(t *testing.T) {
			b := Broadcast{honest.Position, slices.Clone(honest.Reveals), slices.Clone(honest.Sum)}
			e.lie(&b)
			_, err := me.Finish(b)
			wants(t, err, e.want)
		})
	}
	_, err = me.Finish(honest)
	must(t, err)
	_, err = me.Finish(honest)
	wants(t, err, ErrStep) // Repeated.
	_, err = me.Reveal(c)
	wants(t, err, ErrStep) // Delayed.
}

// The hub names whoever sends what does not belong, and takes honest repeats.
func TestHubRefuses(t *testing.T) {
	f := newFederation(t, 4)
	id, peer := f.ids[1], f.ids[2]
	x := f.randomInputs(small(), 1)
	honest, err := f.members[id].Upload(small().Name, small().Bits, x[id])
	must(t, err)
	wants(t, f.hub.Upload(id, honest), ErrOrder) // The step has not begun.
	must(t, f.hub.Begin(small()))
	wants(t, f.hub.Begin(small()), ErrOrder)
	wants(t, f.hub.Upload("NOBODY", honest), ErrStranger)
	wants(t, f.hub.Upload(peer, honest), ErrCommitment) // Somebody else's, copied.
	for name, e := range elsewhere() {
		t.Run(name, func(t *testing.T) {
			u := honest
			e.lie(&u.Position)
			wants(t, f.hub.Upload(id, u), e.want)
		})
	}
	for name, e := range map[string]struct {
		lie  func(*Upload)
		want error
	}{
		"other name":         {func(u *Upload) { u.Name = "tree/2" }, ErrStep},
		"other bits":         {func(u *Upload) { u.Bits = 64 }, ErrStep},
		"other lanes":        {func(u *Upload) { u.Lanes++ }, ErrStep},
		"cut short":          {func(u *Upload) { u.Masked = u.Masked[1:] }, ErrMalformed},
		"other vector":       {func(u *Upload) { u.Masked = flip(u.Masked, 0) }, ErrCommitment},
		"other salt":         {func(u *Upload) { u.Salt[0] ^= 1 }, ErrCommitment},
		"other commitment":   {func(u *Upload) { u.Commitment.Masked[0] ^= 1 }, ErrCommitment},
		"under another name": {func(u *Upload) { u.Commitment.Masked = commitMasked(canon.Digest{}, id, u.Salt, u.Masked) }, ErrCommitment},
	} {
		t.Run(name, func(t *testing.T) {
			u := honest
			e.lie(&u)
			wants(t, f.hub.Upload(id, u), e.want)
		})
	}
	must(t, f.hub.Upload(id, honest))
	must(t, f.hub.Upload(id, honest)) // An honest repeat.
	second := honest
	second.Commitment.Self[0] ^= 1
	wants(t, f.hub.Upload(id, second), ErrRepeated)
	_, err = f.hub.Commitments()
	wants(t, err, ErrOrder) // Three are missing.
	testHubRefusesReveals(t, f, x)
}

func testHubRefusesReveals(t *testing.T, f *federation, x inputs) {
	t.Helper()
	id, peer := f.ids[1], f.ids[2]
	for _, other := range f.ids {
		u, err := f.members[other].Upload(small().Name, small().Bits, x[other])
		must(t, err)
		must(t, f.hub.Upload(other, u))
	}
	at := f.hub.Position()
	wants(t, f.hub.Reveal(id, Reveal{Position: at}), ErrOrder) // Nothing was shown.
	c := f.commitments(t)
	v, err := f.members[id].Reveal(c)
	must(t, err)
	for name, e := range elsewhere() {
		t.Run("reveal "+name, func(t *testing.T) {
			r := v
			e.lie(&r.Position)
			wants(t, f.hub.Reveal(id, r), e.want)
		})
	}
	wants(t, f.hub.Reveal("NOBODY", v), ErrStranger)
	wants(t, f.hub.Reveal(peer, v), ErrReveal)
	changed := v
	changed.Self[5] ^= 1
	wants(t, f.hub.Reveal(id, changed), ErrReveal)
	must(t, f.hub.Reveal(id, v))
	must(t, f.hub.Reveal(id, v)) // An honest repeat.
	_, err = f.hub.Broadcast()
	wants(t, err, ErrOrder)
	f.reveal(t, c, f.ids)
	b := f.broadcast(t)
	again := f.broadcast(t)
	if !slices.Equal(b.Bytes(), again.Bytes()) {
		t.Fatal("two broadcasts of one step")
	}
	wants(t, f.hub.Reveal(id, v), ErrStep) // Delayed.
}

// Every bit of every message matters: flipped on its way, it is refused by who gets it,
// or it shows in a commitment or head that its author compares.
func TestEveryBitOfAnUpload(t *testing.T) {
	f := newFederation(t, 3)
	x := f.randomInputs(small(), 1)
	f.upload(t, small(), x, f.ids)
	id := f.ids[0]
	u, err := f.members[id].Upload(small().Name, small().Bits, x[id])
	must(t, err)
	data := u.Bytes()
	for bit := range 8 * len(data) {
		changed, err := ParseUpload(flip(data, bit))
		if err == nil {
			f.hub.open.in[0], f.hub.open.words = false, make([]uint64, small().words())
			err = f.hub.Upload(id, changed)
		}
		if err == nil {
			c := Commitments{f.hub.Position(), f.hub.open.list}
			_, err = f.members[id].Reveal(c)
			wants(t, err, ErrOwnCommitment)
		}
		if err == nil {
			t.Fatalf("bit %d of %d: nobody noticed", bit, 8*len(data))
		}
	}
}

func TestEveryBitOfARevealAndABroadcast(t *testing.T) {
	f := newFederation(t, 3)
	f.upload(t, small(), f.randomInputs(small(), 1), f.ids)
	c := f.commitments(t)
	f.reveal(t, c, f.ids)
	me := f.members[f.ids[0]]
	v, err := me.Reveal(c)
	must(t, err)
	for bit := range 8 * len(v.Bytes()) {
		changed, err := ParseReveal(flip(v.Bytes(), bit))
		if err == nil {
			err = f.hub.Reveal(f.ids[0], changed)
		}
		if err == nil {
			t.Fatalf("reveal, bit %d: the hub took it", bit)
		}
	}
	before := *me
	data := f.broadcast(t).Bytes()
	for bit := range 8 * len(data) {
		*me = before
		changed, err := ParseBroadcast(flip(data, bit))
		if err != nil {
			continue
		}
		if _, err := me.Finish(changed); err == nil && me.Head() == f.hub.Head() {
			t.Fatalf("broadcast, bit %d of %d: nobody noticed", bit, 8*len(data))
		}
	}
}

func TestEveryBitOfCommitments(t *testing.T) {
	f := newFederation(t, 3)
	f.upload(t, small(), f.randomInputs(small(), 1), f.ids)
	data := f.commitments(t).Bytes()
	f.reveal(t, f.commitments(t), f.ids[1:])
	b := func(v Reveal) Broadcast {
		r := *f.hub.open
		r.reveals = slices.Clone(r.reveals)
		r.reveals[0] = v.Self
		return Broadcast{f.hub.Position(), r.reveals, unmask(r.step, r.words, r.context, r.reveals).Bytes()}
	}
	me := f.members[f.ids[0]]
	before, pending := *me, *me.pending
	for bit := range 8 * len(data) {
		*me, *me.pending = before, pending
		me.memory.reveals = map[place]revealed{} // Each bit is another world.
		changed, err := ParseCommitments(flip(data, bit))
		if err != nil {
			continue
		}
		v, err := me.Reveal(changed)
		if err != nil {
			continue
		}
		end := b(v)
		if _, err := me.Finish(end); err != nil {
			continue
		}
		truth := before.chain.step(pending.context, f.hub.open.list, end.Reveals, canon.Sum(end.Sum))
		if me.chain == truth {
			t.Fatalf("bit %d of %d: nobody noticed", bit, 8*len(data))
		}
		me.pending = &pending
	}
}

// A hub that has everybody's vectors cannot have a step repeated without one member
// and subtract: whoever revealed takes no smaller cohort for the same attempt.
func TestSubtractionAttack(t *testing.T) {
	f := newFederation(t, 4)
	x := f.randomInputs(small(), 1)
	f.upload(t, small(), x, f.ids)
	c := f.commitments(t)
	victim, rest := f.ids[3], f.ids[:3]
	smaller := comity.Cohort{Round: c0(f).Round, Number: 2, FromStep: 0, Attempt: 0, Members: rest, Reason: "a lie"}
	f.reveal(t, c, f.ids)
	for _, id := range rest {
		wants(t, f.members[id].Recohort(smaller), ErrAttempt)
		f.restart(t, id) // Forgetting in memory does not help.
		wants(t, f.members[id].Recohort(smaller), ErrAttempt)
	}
	smaller.Attempt = 1
	for _, id := range rest {
		must(t, f.members[id].Recohort(smaller))
		_, err := f.members[id].Upload(small().Name, small().Bits, x[id])
		wants(t, err, ErrReused)
	}
	wants(t, f.members[victim].Recohort(smaller), ErrStranger)
}

// A member that revealed for one input does not reveal for another at the same place,
// even if it crashed, computed something else and the hub plays along.
func TestOneRevealAPlace(t *testing.T) {
	f := newFederation(t, 3)
	x := f.randomInputs(small(), 1)
	f.upload(t, small(), x, f.ids)
	c := f.commitments(t)
	f.reveal(t, c, f.ids)
	me := f.ids[0]
	f.restart(t, me)
	x[me][0]++
	u, err := f.members[me].Upload(small().Name, small().Bits, x[me])
	must(t, err)
	if u.Commitment == c.List[0] {
		t.Fatal("two inputs share a commitment")
	}
	other := Commitments{c.Position, slices.Clone(c.List)}
	other.List[0] = u.Commitment
	_, err = f.members[me].Reveal(other)
	wants(t, err, ErrRepeated)
}

// A hub that leads a crashed member back to an early step of another history gets none
// of the inputs again that were revealed from there on.
func TestRollbackOfACrashedMember(t *testing.T) {
	f := newFederation(t, 4)
	var x []inputs
	for k := range 3 {
		x = append(x, f.randomInputs(small(), uint64(k)))
		f.step(t, small(), x[k])
	}
	me := f.ids[0]
	f.restart(t, me)
	early := comity.Cohort{Round: c0(f).Round, Number: 2, FromStep: 0, Members: f.ids[:3], Reason: "a lie"}
	wants(t, f.members[me].Recohort(early), ErrAttempt)
	early.Attempt = 1
	must(t, f.members[me].Recohort(early))
	for k := range x {
		_, err := f.members[me].Upload(small().Name, small().Bits, x[k][me])
		wants(t, err, ErrReused)
	}
}

// The other way round: whoever accepted the smaller cohort does not reveal under the
// larger one any more, not even after a crash.
func TestAcceptedCohortIsFinal(t *testing.T) {
	f := newFederation(t, 4)
	x := f.randomInputs(small(), 1)
	f.upload(t, small(), x, f.ids)
	c := f.commitments(t)
	smaller := comity.Cohort{Round: c0(f).Round, Number: 2, Members: f.ids[:3], Reason: "silent"}
	me := f.ids[0]
	must(t, f.members[me].Recohort(smaller))
	must(t, f.members[me].Recohort(smaller)) // An honest repeat.
	_, err := f.members[me].Reveal(c)
	wants(t, err, ErrCohort)
	f.restart(t, me)
	_, err = f.members[me].Upload(small().Name, small().Bits, x[me])
	must(t, err)
	_, err = f.members[me].Reveal(c)
	wants(t, err, ErrSuccessor)
	other := smaller
	other.Members = []party.ID{f.ids[0], f.ids[1], f.ids[3]}
	wants(t, f.members[me].Recohort(other), ErrSuccessor)
	must(t, f.members[me].Recohort(smaller))
}

func c0(f *federation) comity.Cohort { return f.logged[0] }

// Members who were told different stories part: masks do not cancel, and the hub's own
// checks see it first.
func TestTwoStories(t *testing.T) {
	f := newFederation(t, 4)
	s := small()
	f.upload(t, s, f.randomInputs(s, 1), f.ids)
	f.reveal(t, f.commitments(t), f.ids)
	honest := f.broadcast(t)
	lie := Broadcast{honest.Position, honest.Reveals, slices.Clone(honest.Sum)}
	lie.Sum[9] ^= 1 // One count more or less, for two of the four.
	f.finish(t, honest, f.ids[:2])
	f.finish(t, lie, f.ids[2:])
	x := f.randomInputs(s, 2)
	must(t, f.hub.Begin(s))
	words, reveals := make([]uint64, s.words()), make([][keySize]byte, 0, 4)
	for i, id := range f.ids {
		u, err := f.members[id].Upload(s.Name, s.Bits, x[id])
		must(t, err)
		if err := f.hub.Upload(id, u); i < 2 != (err == nil) || err != nil && !errors.Is(err, ErrTranscript) {
			t.Fatalf("%s: %v", id, err)
		}
		lane.AddWords(words, small().shape(), u.Masked)
		reveals = append(reveals, f.members[id].pending.self)
	}
	context := f.members[f.ids[0]].pending.context
	if got := unmask(s, words, context, reveals).Values(); slices.Equal(got, trusted(x, f.ids)) {
		t.Fatal("masks cancelled across two stories")
	}
}

// What a member cannot write down it does not say.
func TestJournalFailure(t *testing.T) {
	f := newFederation(t, 3)
	f.upload(t, small(), f.randomInputs(small(), 1), f.ids)
	c := f.commitments(t)
	me, power := f.ids[0], errors.New("no space left")
	f.journals[me].broken = power
	v, err := f.members[me].Reveal(c)
	wants(t, err, power)
	if v.Self != [keySize]byte{} {
		t.Fatal("a self mask left without a journal entry")
	}
	_, err = f.members[me].Finish(Broadcast{Position: f.members[me].Position()})
	wants(t, err, ErrOrder)
	smaller := comity.Cohort{Round: c0(f).Round, Number: 2, Attempt: 1, Members: f.ids, Reason: "silent"}
	wants(t, f.members[me].Recohort(smaller), power)
	if at := f.members[me].Position(); at.Cohort != 1 {
		t.Fatalf("cohort %d without a journal entry", at.Cohort)
	}
	f.journals[me].broken = nil
	f.reveal(t, c, f.ids)
	cfg := f.configs[me]
	cfg.Pairs, cfg.Journal = f.pairsOf(me), &notebook{broken: power}
	_, err = NewMember(cfg)
	wants(t, err, power)
}

// lossy is a store that cannot keep.
type lossy struct{}

func (lossy) Put(string, []byte) error   { return errNotKept }
func (lossy) Get(string) ([]byte, error) { return []byte{1}, nil }

// A vector that was not kept does not count, on either side.
func TestStoreFailure(t *testing.T) {
	f := newFederation(t, 3)
	me := f.ids[0]
	f.upload(t, small(), f.randomInputs(small(), 1), f.ids)
	f.reveal(t, f.commitments(t), f.ids)
	b := f.broadcast(t)
	m := f.members[me]
	m.cfg.Store = lossy{}
	_, err := m.Finish(b)
	wants(t, err, errNotKept)
	m.cfg.Store = f.stores[me]
	_, err = m.Finish(b)
	must(t, err)
	m.cfg.Store = lossy{}
	_, err = m.Fingerprint(testSeed())
	wants(t, err, ErrMalformed)
	m.cfg.Store = shelf{}
	_, err = m.Fingerprint(testSeed())
	wants(t, err, errNotKept)
	f.hub.cfg.Store = lossy{}
	must(t, f.hub.Begin(small()))
	f.finish(t, b, f.ids[1:])
	u, err := f.members[f.ids[1]].Upload(small().Name, small().Bits, make([]int64, 3))
	must(t, err)
	wants(t, f.hub.Upload(f.ids[1], u), errNotKept)
	if len(f.hub.Missing()) != 3 {
		t.Fatal("an upload counted that was not kept")
	}
}

// A journal is for one member, round, plan and cohort, and is never repaired.
func TestJournalRefused(t *testing.T) {
	f := newFederation(t, 4)
	f.upload(t, small(), f.randomInputs(small(), 1), f.ids)
	f.reveal(t, f.commitments(t), f.ids)
	id := f.ids[0]
	open := func(change func(*MemberConfig, *notebook)) error {
		cfg := f.configs[id]
		j := &notebook{entries: slices.Clone(f.journals[id].entries)}
		cfg.Pairs, cfg.Journal = f.pairsOf(id), j
		change(&cfg, j)
		_, err := NewMember(cfg)
		return err
	}
	must(t, open(func(*MemberConfig, *notebook) {}))
	for name, change := range map[string]func(*MemberConfig, *notebook){
		"other member": func(c *MemberConfig, _ *notebook) { c.Self, c.Pairs = f.ids[1], f.pairsOf(f.ids[1]) },
		"other plan":   func(c *MemberConfig, _ *notebook) { c.Plan[0] ^= 1 },
		"other round":  func(c *MemberConfig, _ *notebook) { c.Cohort.Round = "another" },
		"other cohort": func(c *MemberConfig, _ *notebook) { c.Cohort.Members = f.ids[:3] },
		"cut short":    func(_ *MemberConfig, j *notebook) { j.entries[1] = j.entries[1][:40] },
		"too long":     func(_ *MemberConfig, j *notebook) { j.entries[1] = append(j.entries[1], 0) },
		"no start":     func(_ *MemberConfig, j *notebook) { j.entries = j.entries[1:] },
		"two starts":   func(_ *MemberConfig, j *notebook) { j.entries = append(j.entries, j.entries[0]) },
		"unknown kind": func(_ *MemberConfig, j *notebook) { j.entries[1] = flip(j.entries[1], 38) },
		"not ours":     func(_ *MemberConfig, j *notebook) { j.entries[0] = []byte("{}") },
		"two reveals":  func(_ *MemberConfig, j *notebook) { j.entries = append(j.entries, j.entries[1]) },
	} {
		t.Run(name, func(t *testing.T) { wants(t, open(change), ErrJournal) })
	}
}
