package oneshot

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
)

// A member that crashes before or after any of its messages says the same bytes again.
func TestMemberResumes(t *testing.T) {
	w := newWorld(t, terms(), 6)
	ids := w.ids()
	me := ids[2]
	x := w.randomInputs(8)
	d, b, err := w.members[me].Deal()
	must(t, err)
	w.restart(t, me)
	d2, b2, err := w.members[me].Deal()
	must(t, err)
	if d != d2 || !bytes.Equal(b.Bytes(), b2.Bytes()) {
		t.Fatal("a crash changed the deal")
	}
	w.deal(t, ids)
	w.take(t, ids)
	w.restart(t, me)
	c, u, err := w.members[me].Upload(w.cast, x[me])
	must(t, err)
	w.restart(t, me)
	c2, u2, err := w.members[me].Upload(w.cast, x[me])
	must(t, err)
	if c != c2 || !bytes.Equal(u.Bytes(), u2.Bytes()) {
		t.Fatal("a crash changed the upload")
	}
	w.upload(t, x, ids)
	var answers [][]byte
	for range 2 {
		w.restart(t, me)
		p, err := w.hub.Parcels(me)
		must(t, err)
		_, err = w.members[me].Take(w.log.Deals, p)
		must(t, err)
		answer, err := w.members[me].Unmask(w.witnessed())
		must(t, err)
		data, err := canon.Marshal(answer)
		must(t, err)
		answers = append(answers, data)
	}
	if !bytes.Equal(answers[0], answers[1]) {
		t.Fatal("a crash changed the answer")
	}
	// Without its parcels it still answers, with the one share that it knows.
	w.restart(t, me)
	answer, err := w.members[me].Unmask(w.witnessed())
	must(t, err)
	for k, share := range answer.Shares {
		if (len(share) > 0) != (k == 2) {
			t.Fatalf("share %d has %d bytes", k, len(share))
		}
	}
	must(t, w.hub.Unmask(me, answer))
}

// What the journal did not take does not leave the member.
func TestJournalFailure(t *testing.T) {
	full := errors.New("disk full")
	w := newWorld(t, terms(), 5)
	ids := w.ids()
	me := ids[0]
	w.deal(t, ids)
	w.take(t, ids)
	w.journals[me].broken = full
	_, _, err := w.members[me].Upload(w.cast, make([]int64, 5))
	wants(t, err, full)
	w.journals[me].broken = nil
	w.upload(t, w.randomInputs(1), ids)
	w.journals[me].broken = full
	_, err = w.members[me].Unmask(w.witnessed())
	wants(t, err, full)
	w.journals[me].broken = nil
	_, err = w.members[me].Unmask(w.witnessed())
	must(t, err)
	w.journals[ids[1]].broken, w.journals[ids[1]].entries = full, nil
	_, err = NewMember(w.config(ids[1]))
	wants(t, err, full)
}

// A journal of another group, or one that no member wrote, is refused.
func TestJournalRefused(t *testing.T) {
	w := unmasking(t, 5)
	ids := w.ids()
	w.unmask(t, ids[:1])
	entries := w.journals[ids[0]].entries
	if len(entries) != 3 {
		t.Fatalf("%d entries", len(entries))
	}
	for name, bad := range map[string][][]byte{
		"another member's": w.journals[ids[1]].entries,
		"no start":         entries[1:],
		"start twice":      {entries[0], entries[0]},
		"upload twice":     {entries[0], entries[1], entries[1]},
		"unmask first":     {entries[0], entries[2]},
		"unmask twice":     {entries[0], entries[1], entries[2], entries[2]},
		"cut short":        {entries[0][:20]},
		"a byte more":      {append(slices.Clone(entries[0]), 0)},
		"empty entry":      {{}},
		"unknown kind":     {entries[0], []byte(magicJournal + "\x09")},
		"other magic":      {append([]byte("XXXX"), entries[0][4:]...)},
	} {
		cfg := w.config(ids[0])
		cfg.Journal = &notebook{entries: bad}
		_, err := NewMember(cfg)
		t.Run(name, func(t *testing.T) { wants(t, err, secagg.ErrJournal) })
	}
}

// A hub that crashes in any phase ends with the same result from its log and store.
func TestHubResumes(t *testing.T) {
	w := newWorld(t, terms(), 9)
	ids := w.ids()
	x := w.randomInputs(9)
	crash := func(phase Phase) {
		t.Helper()
		h, err := NewHub(HubConfig{Group: w.group, Store: w.hub.cfg.Store})
		must(t, err)
		must(t, h.Resume(w.log, phase))
		if h.Phase() != phase || w.hub.Phase() == phase && !slices.Equal(h.Missing(), w.hub.Missing()) {
			t.Fatalf("resumed in %s, waiting for %v", h.Phase(), h.Missing())
		}
		w.hub = h
	}
	for _, id := range ids[:8] {
		d, b, err := w.members[id].Deal()
		must(t, err)
		must(t, w.hub.Deal(id, d, b))
		w.log.Deals[id] = d
		crash(Dealing)
	}
	must(t, w.hub.CloseDeals())
	crash(Complaining)
	w.take(t, ids[:8])
	for _, id := range ids[:7] {
		c, u, err := w.members[id].Upload(w.cast, x[id])
		must(t, err)
		must(t, w.hub.Upload(id, c, u))
		w.log.Commits[id] = c
		crash(Uploading)
	}
	w.upload(t, nil, nil)
	late, u, err := w.members[ids[7]].Upload(w.cast, x[ids[7]])
	must(t, err)
	wants(t, w.hub.Upload(ids[7], late, u), secagg.ErrOrder)
	w.log.Commits[ids[7]] = late // Logged, but too late.
	for _, id := range ids[:6] {
		w.unmask(t, []party.ID{id})
		crash(Unmasking)
	}
	got := w.finish(t)
	if want := trusted(x, ids[:7], 5); !slices.Equal(got, want) {
		t.Fatalf("sum %v, want %v", got, want)
	}
	crash(Unmasking)
	first := w.outcome.Result
	w.finish(t)
	if w.outcome.Result != first {
		t.Fatal("a crash changed the result")
	}
	if again, err := w.hub.Finish(); err != nil || again.Result != first {
		t.Fatal("two results of one bucket")
	}
	wants(t, w.hub.Resume(w.log, Unmasking), secagg.ErrOrder)
	h, err := NewHub(HubConfig{Group: w.group, Store: w.hub.cfg.Store})
	must(t, err)
	other := w.log
	other.Survivors.Masked[0] ^= 1
	wants(t, h.Resume(other, Unmasking), secagg.ErrJournal)
}

// The order in which messages arrive changes nothing.
func TestOrderDoesNotMatter(t *testing.T) {
	var first Outcome
	for turn, order := range [][]int{{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {2, 5, 0, 3, 1, 4}} {
		w := newWorld(t, terms(), 6)
		ids := make([]party.ID, len(order))
		for k, i := range order {
			ids[k] = partyID(i)
		}
		w.run(t, w.randomInputs(2), ids, ids, ids)
		if turn == 0 {
			first = w.outcome
		}
		if w.outcome.Result != first.Result {
			t.Fatalf("order %v gives another result", order)
		}
	}
}

// Parts that are missing are named when a machine is built.
func TestConfigRefused(t *testing.T) {
	w := newWorld(t, terms(), 5)
	for name, lie := range map[string]func(*MemberConfig){
		"no group":   func(c *MemberConfig) { c.Group = nil },
		"no pairs":   func(c *MemberConfig) { c.Pairs = nil },
		"no journal": func(c *MemberConfig) { c.Journal = nil },
		"no store":   func(c *MemberConfig) { c.Store = nil },
	} {
		c := w.config(w.ids()[0])
		lie(&c)
		_, err := NewMember(c)
		t.Run(name, func(t *testing.T) { wants(t, err, secagg.ErrConfig) })
	}
	_, err := NewHub(HubConfig{Group: w.group})
	wants(t, err, secagg.ErrConfig)
	_, err = NewHub(HubConfig{Store: shelf{}})
	wants(t, err, secagg.ErrConfig)
	_, _, err = NewJoin("r", "AA", bytes.NewReader(nil))
	wants(t, err, secagg.ErrRandom)
	if w.layout.Neighbours("NOBODY") != nil {
		t.Fatal("nobody has neighbours")
	}
	_, _, err = w.group.Holders("NOBODY")
	wants(t, err, secagg.ErrStranger)
	if w.group.Bits() != 16 || w.group.Bucket() != 0 || w.group.Open().Round != w.open.Round {
		t.Fatalf("%d bits, bucket %d", w.group.Bits(), w.group.Bucket())
	}
}

// What the store lost or changed is found before it does harm.
func TestStoreFailure(t *testing.T) {
	w := unmasking(t, 5)
	ids := w.ids()
	me := ids[0]
	must(t, w.stores[me].Put(maskedName, []byte{1}))
	_, err := w.members[me].Unmask(w.witnessed())
	wants(t, err, secagg.ErrMalformed)
	w.stores[me] = shelf{}
	w.restart(t, me)
	_, err = w.members[me].Unmask(w.witnessed())
	wants(t, err, errNotKept)
	kept := w.hub.cfg.Store.(shelf)
	kept[openedName(ids[1])] = []byte{1}
	_, err = w.hub.Opened(ids[1])
	wants(t, err, secagg.ErrMalformed)
	resume := func() error {
		h, err := NewHub(HubConfig{Group: w.group, Store: kept})
		must(t, err)
		return h.Resume(w.log, Unmasking)
	}
	wants(t, resume(), secagg.ErrMalformed)
	delete(kept, openedName(ids[1]))
	wants(t, resume(), secagg.ErrJournal) // The sum would be another.
	kept[bundleName(ids[2])] = []byte{1}
	wants(t, resume(), secagg.ErrMalformed)
	delete(kept, bundleName(ids[2]))
	if err := resume(); err == nil {
		t.Fatal("a hub without a bundle went on")
	}
}
