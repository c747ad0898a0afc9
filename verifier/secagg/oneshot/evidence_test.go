package oneshot

import (
	"slices"
	"testing"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/field"
	"comity/verifier/secagg/internal/lane"
)

// finished is a round of 9 in which one never dealt, one fell out after it dealt, and
// one gave no answer at the end.
func finished(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, terms(), 9)
	ids := w.ids()
	w.run(t, w.randomInputs(5), ids[:8], ids[:7], ids[:6])
	return w
}

// A stranger refuses evidence in which anything at all was changed.
func TestVerifyRefuses(t *testing.T) {
	w := finished(t)
	ids := w.ids()
	honest := w.evidence()
	sum, err := Verify(honest)
	must(t, err)
	if want := trusted(w.randomInputs(5), ids[:7], 5); !slices.Equal(sum, want) {
		t.Fatalf("sum %v, want %v", sum, want)
	}
	other := unmasking(t, 5)
	swap := func(e *Evidence, named *canon.Digest, change func([]byte) []byte) {
		data := change(slices.Clone(w.blobs[*named]))
		*named = canon.Sum(data)
		before := e.Blob
		e.Blob = func(d canon.Digest) ([]byte, error) {
			if d == canon.Sum(data) {
				return data, nil
			}
			return before(d)
		}
	}
	commit := func(e *Evidence, who party.ID, lie func(*comity.Commit)) {
		c := e.Commits[who]
		lie(&c)
		e.Commits[who] = c
	}
	deal := func(e *Evidence, who party.ID, lie func(*comity.Deal)) { d := e.Deals[who]; lie(&d); e.Deals[who] = d }
	unmask := func(e *Evidence, who party.ID, lie func(*comity.Unmask)) {
		u := e.Unmasks[who]
		lie(&u)
		e.Unmasks[who] = u
	}
	cases := lies[Evidence]{
		"group":         {func(e *Evidence) { e.Group = other.group }, secagg.ErrStranger},
		"deal round":    {func(e *Evidence) { deal(e, ids[0], func(d *comity.Deal) { d.Round = "x" }) }, ErrRound},
		"deal bucket":   {func(e *Evidence) { deal(e, ids[0], func(d *comity.Deal) { d.Bucket++ }) }, ErrRound},
		"deal self":     {func(e *Evidence) { deal(e, ids[0], func(d *comity.Deal) { d.Self[0] ^= 1 }) }, ErrDealers},
		"deal recovery": {func(e *Evidence) { deal(e, ids[7], func(d *comity.Deal) { d.Recovery[0] ^= 1 }) }, ErrDealers},
		"deal table":    {func(e *Evidence) { deal(e, ids[7], func(d *comity.Deal) { d.Table[0] ^= 1 }) }, ErrDealers},
		"deal shares":   {func(e *Evidence) { deal(e, ids[7], func(d *comity.Deal) { d.Shares[0] ^= 1 }) }, ErrDealers},
		"a deal fewer":  {func(e *Evidence) { delete(e.Deals, ids[7]) }, ErrDealers},
		"a deal more":   {func(e *Evidence) { e.Deals[ids[8]] = e.Deals[ids[0]] }, ErrDealers},
		"a complaint": {func(e *Evidence) {
			e.Complaints = []Filed{{ids[0], comity.Complaint{Round: w.open.Round, Dealer: ids[1]}}}
		}, ErrExcluded},
		"commit round":      {func(e *Evidence) { commit(e, ids[0], func(c *comity.Commit) { c.Round = "x" }) }, ErrRound},
		"commit bucket":     {func(e *Evidence) { commit(e, ids[0], func(c *comity.Commit) { c.Bucket++ }) }, ErrRound},
		"commit dealers":    {func(e *Evidence) { commit(e, ids[0], func(c *comity.Commit) { c.Dealers[0] ^= 1 }) }, ErrDealers},
		"commit masked":     {func(e *Evidence) { commit(e, ids[6], func(c *comity.Commit) { c.Masked[0] ^= 1 }) }, secagg.ErrOpening},
		"a commit fewer":    {func(e *Evidence) { delete(e.Commits, ids[0]) }, ErrSurvivors},
		"survivors round":   {func(e *Evidence) { e.Survivors.Round = "x" }, ErrRound},
		"survivors bucket":  {func(e *Evidence) { e.Survivors.Bucket++ }, ErrRound},
		"a survivor fewer":  {func(e *Evidence) { e.Survivors.Members = e.Survivors.Members[:6] }, ErrSurvivors},
		"a survivor more":   {func(e *Evidence) { e.Survivors.Members = ids[:8] }, ErrSurvivors},
		"survivors' sum":    {func(e *Evidence) { e.Survivors.Masked[0] ^= 1 }, ErrSurvivors},
		"unmask round":      {func(e *Evidence) { unmask(e, ids[0], func(u *comity.Unmask) { u.Round = "x" }) }, ErrRound},
		"unmask bucket":     {func(e *Evidence) { unmask(e, ids[0], func(u *comity.Unmask) { u.Bucket++ }) }, ErrRound},
		"unmask survivors":  {func(e *Evidence) { unmask(e, ids[0], func(u *comity.Unmask) { u.Survivors[0] ^= 1 }) }, ErrSurvivors},
		"unmask size":       {func(e *Evidence) { unmask(e, ids[0], func(u *comity.Unmask) { u.Size++ }) }, ErrWitness},
		"unmask points":     {func(e *Evidence) { unmask(e, ids[0], func(u *comity.Unmask) { u.Points = []canon.Int{1, 2} }) }, secagg.ErrFingerprint},
		"unmask no points":  {func(e *Evidence) { unmask(e, ids[0], func(u *comity.Unmask) { u.Points = nil }) }, secagg.ErrFingerprint},
		"unmask stranger":   {func(e *Evidence) { e.Unmasks[ids[7]] = e.Unmasks[ids[0]] }, ErrExcluded},
		"log size":          {func(e *Evidence) { e.Size++ }, ErrWitness},
		"log root":          {func(e *Evidence) { e.Root = flip(e.Root, 1) }, secagg.ErrFingerprint},
		"no root":           {func(e *Evidence) { e.Root = nil }, ErrWitness},
		"result round":      {func(e *Evidence) { e.Result.Round = "x" }, ErrRound},
		"result bucket":     {func(e *Evidence) { e.Result.Bucket++ }, ErrRound},
		"result survivors":  {func(e *Evidence) { e.Result.Survivors[0] ^= 1 }, ErrResult},
		"result opening":    {func(e *Evidence) { e.Result.Opening[0] ^= 1 }, secagg.ErrIncomplete},
		"result sum":        {func(e *Evidence) { e.Result.Sum[0] ^= 1 }, ErrResult},
		"no opened vector":  {func(e *Evidence) { e.Opened = nil }, secagg.ErrIncomplete},
		"vector not kept":   {func(e *Evidence) { e.Opened = func(party.ID) ([]byte, error) { return nil, errNotKept } }, secagg.ErrIncomplete},
		"vector cut short":  {func(e *Evidence) { e.Opened = func(party.ID) ([]byte, error) { return make([]byte, 9), nil } }, secagg.ErrOpening},
		"vector of another": {func(e *Evidence) { e.Opened = func(party.ID) ([]byte, error) { return w.hub.Opened(ids[0]) } }, secagg.ErrOpening},
		"blob of another digest": {func(e *Evidence) {
			e.Blob = func(canon.Digest) ([]byte, error) { return w.outcome.Sum, nil }
		}, secagg.ErrSum},
		"no blob": {func(e *Evidence) { e.Blob = func(canon.Digest) ([]byte, error) { return nil, errNotKept } }, secagg.ErrIncomplete},
		"self mask": {func(e *Evidence) {
			swap(e, &e.Result.Opening, func(b []byte) []byte { return flip(b, 8*(4+32+2+1)) })
		}, ErrDealer},
		"table key": {func(e *Evidence) {
			swap(e, &e.Result.Opening, func(b []byte) []byte { return flip(b, 8*(4+32+2+7*33+1)) })
		}, ErrDealer},
		"leaf of the gone": {func(e *Evidence) {
			swap(e, &e.Result.Opening, func(b []byte) []byte { return flip(b, 8*(4+32+2+7*33+33+2)) })
		}, ErrTable},
		"table of the gone": {func(e *Evidence) {
			swap(e, &e.Result.Opening, func(b []byte) []byte { return flip(b, 8*(len(b)-1)) })
		}, ErrTable},
		"kind of secret": {func(e *Evidence) {
			swap(e, &e.Result.Opening, func(b []byte) []byte { b[4+32+2] = 3; return b })
		}, secagg.ErrMalformed},
		"opening of another": {func(e *Evidence) {
			swap(e, &e.Result.Opening, func(b []byte) []byte { return flip(b, 8*4) })
		}, ErrResult},
		"opening cut short": {func(e *Evidence) {
			swap(e, &e.Result.Opening, func(b []byte) []byte { return b[:len(b)-1] })
		}, secagg.ErrMalformed},
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			changed := w.evidence()
			e.lie(&changed)
			_, err := Verify(changed)
			wants(t, err, e.want)
		})
	}
	// Without the vector that stands for a missing fingerprint the masks still follow.
	honest.Opened, honest.MasksOnly = nil, true
	_, err = Verify(honest)
	must(t, err)
	if got := honest.Lacking(); !slices.Equal(got, ids[6:7]) {
		t.Fatalf("lacking are %v", got)
	}
}

// cheatingHub ends a round whose masked sum the hub changed before it named survivors.
func cheatingHub(t testing.TB, cheat func([]uint64)) (*world, error) {
	t.Helper()
	w := uploading(t, 9)
	x, ids := w.randomInputs(6), w.ids()
	for _, id := range ids {
		c, u, err := w.members[id].Upload(w.cast, x[id])
		must(t, err)
		must(t, w.hub.Upload(id, c, u))
		w.log.Commits[id] = c
	}
	cheat(w.hub.words)
	w.upload(t, nil, nil)
	w.unmask(t, ids)
	_, err := w.hub.Finish()
	if err != nil {
		return w, err
	}
	w.finish(t)
	w.outcome.Disputed = nil // It would not say so.
	return w, nil
}

// A hub that changes the masked sum is found out by the fingerprints, and the vectors
// that it has to open put the blame on it.
func TestHubThatChangesTheSum(t *testing.T) {
	for name, cheat := range map[string]func([]uint64){
		"by one":          func(w []uint64) { w[0]++ },
		"between lanes":   func(w []uint64) { w[0]++; w[1]-- },
		"a carry":         func(w []uint64) { w[3] ^= 1 << 16 },
		"a vector twice":  func(w []uint64) { w[2] += 7 },
		"lanes exchanged": func(w []uint64) { w[1], w[4] = w[4], w[1] },
	} {
		t.Run(name, func(t *testing.T) {
			w, err := cheatingHub(t, cheat)
			if err != nil {
				wants(t, err, ErrBound) // So large a change shows at once.
				return
			}
			_, err = Verify(w.evidence())
			wants(t, err, secagg.ErrFingerprint)
			_, err = Blame(w.evidence())
			wants(t, err, secagg.ErrFingerprint)
		})
	}
}

// A member that lies in its fingerprint is named by the hub, and by who gets the vectors.
func TestFingerprintThatLies(t *testing.T) {
	w := unmasking(t, 9, 8)
	ids := w.ids()
	liar := ids[3]
	for _, id := range ids[:8] {
		u, err := w.members[id].Unmask(w.witnessed())
		must(t, err)
		if id == liar {
			u.Points = slices.Clone(u.Points)
			u.Points[1] = (u.Points[1] + 1) % field.Prime
		}
		must(t, w.hub.Unmask(id, u))
		w.log.Unmasks[id] = u
	}
	if got, want := w.finish(t), trusted(w.randomInputs(4), ids[:8], 5); !slices.Equal(got, want) {
		t.Fatalf("sum %v, want %v", got, want)
	}
	if !slices.Equal(w.outcome.Disputed, []party.ID{liar}) {
		t.Fatalf("disputed are %v", w.outcome.Disputed)
	}
	e := w.evidence()
	_, err := Verify(e)
	must(t, err)
	e.Disputed = nil
	_, err = Verify(e)
	wants(t, err, secagg.ErrFingerprint)
	liars, err := Blame(e)
	must(t, err)
	if !slices.Equal(liars, []party.ID{liar}) {
		t.Fatalf("blamed are %v", liars)
	}
	// A hub that opens something else is itself to blame.
	e.Opened = func(who party.ID) ([]byte, error) {
		data, err := w.hub.Opened(who)
		return flip(data, 300), err
	}
	_, err = Blame(e)
	wants(t, err, secagg.ErrOpening)
}

// A holder that answers with another share than it was dealt is convicted with the
// dealer's bundle, and nobody else is.
func TestHolderIsConvicted(t *testing.T) {
	w := finished(t)
	ids := w.ids()
	liar, dealer, gone := ids[2], ids[4], ids[7]
	e := w.evidence()
	bundle := func(who party.ID) Bundle {
		b, err := w.hub.Bundle(who)
		must(t, err)
		b, err = ParseBundle(b.Bytes())
		must(t, err)
		return b
	}
	wants(t, ConvictHolder(e, liar, dealer, bundle(dealer)), ErrComplaint)
	u := e.Unmasks[liar]
	u.Shares = slices.Clone(u.Shares)
	u.Shares[4], u.Shares[7] = flip(u.Shares[4], 9), flip(u.Shares[7], 9)
	e.Unmasks[liar] = u
	must(t, ConvictHolder(e, liar, dealer, bundle(dealer)))
	must(t, ConvictHolder(e, liar, gone, bundle(gone)))
	wants(t, ConvictHolder(e, liar, ids[5], bundle(ids[5])), ErrComplaint)
	wants(t, ConvictHolder(e, ids[1], dealer, bundle(dealer)), ErrComplaint)
	wants(t, ConvictHolder(e, ids[6], dealer, bundle(dealer)), ErrComplaint) // It gave no answer.
	wants(t, ConvictHolder(e, "NOBODY", dealer, bundle(dealer)), secagg.ErrStranger)
	wants(t, ConvictHolder(e, liar, ids[8], bundle(dealer)), ErrExcluded)
	wants(t, ConvictHolder(e, liar, dealer, bundle(ids[5])), ErrDeal)
	b := bundle(dealer)
	b.leaves[2].self[0] ^= 1 // To make a true share look false.
	wants(t, ConvictHolder(w.evidence(), liar, dealer, b), ErrDeal)
	wants(t, ConvictDealer(e, dealer, bundle(dealer)), ErrShare)
	for _, who := range ids[:8] {
		wants(t, ConvictDealer(w.evidence(), who, bundle(who)), ErrComplaint)
	}
	_, err := w.hub.Bundle(ids[8])
	wants(t, err, secagg.ErrOrder)
}

// resum has a hub that everybody believed name another masked sum from the start: what
// is left to refuse it is its shape, its bound and the fingerprints.
func (w *world) resum(t *testing.T, e *Evidence, m Masked, more ...byte) {
	t.Helper()
	data := append(m.Bytes(), more...)
	e.Survivors.Masked = canon.Sum(data)
	digest, err := canon.DigestOf(e.Survivors)
	must(t, err)
	e.Result.Survivors = digest
	for id, u := range e.Unmasks {
		u.Survivors = digest
		e.Unmasks[id] = u
	}
	opening, err := ParseOpening(w.outcome.Opening)
	must(t, err)
	if m.lanes.Shape == w.group.shape {
		cast, err := w.group.Settle(e.Deals, e.Complaints)
		must(t, err)
		present, err := cast.survivors(e.Survivors, e.Commits)
		must(t, err)
		x, err := cast.unmask(m, present, opening)
		must(t, err)
		e.Result.Sum = canon.Sum(x.Bytes())
	}
	e.Blob = func(d canon.Digest) ([]byte, error) {
		if d == e.Survivors.Masked {
			return data, nil
		}
		return w.outcome.Opening, nil
	}
}

func TestVerifyRefusesMaskedSums(t *testing.T) {
	w := finished(t)
	honest, err := ParseMasked(w.blobs[w.log.Survivors.Masked])
	must(t, err)
	for name, c := range map[string]struct {
		lie  func(*Masked)
		more []byte
		want error
	}{
		"a lane":        {func(m *Masked) { m.lanes.Packs[0]++ }, nil, secagg.ErrFingerprint},
		"a carry":       {func(m *Masked) { m.carries[2] ^= 1 }, nil, secagg.ErrFingerprint},
		"out of bound":  {func(m *Masked) { m.lanes.Packs[0] ^= 1 << 15 }, nil, ErrBound},
		"wider lanes":   {func(m *Masked) { *m = newMasked(lane.Shape{Bits: 32, Lanes: 5}, 7, make([]uint64, 5)) }, nil, secagg.ErrSum},
		"more lanes":    {func(m *Masked) { *m = newMasked(lane.Shape{Bits: 16, Lanes: 6}, 7, make([]uint64, 6)) }, nil, secagg.ErrSum},
		"fewer members": {func(m *Masked) { *m = newMasked(w.group.shape, 6, make([]uint64, 5)) }, nil, secagg.ErrSum},
		"a large carry": {func(m *Masked) { m.carries[2] = 7 }, nil, secagg.ErrMalformed},
		"a byte more":   {func(*Masked) {}, []byte{0}, secagg.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			m := Masked{honest.members, lane.Vector{Shape: honest.lanes.Shape, Packs: slices.Clone(honest.lanes.Packs)}, slices.Clone(honest.carries)}
			c.lie(&m)
			e := w.evidence()
			w.resum(t, &e, m, c.more...)
			_, err := Verify(e)
			wants(t, err, c.want)
		})
	}
}

// Above 256 survivors a carry takes two bytes.
func TestWideCarries(t *testing.T) {
	s := lane.Shape{Bits: 16, Lanes: 3}
	for members, size := range map[int]int{256: 1, 257: 2, 1000: 2} {
		most := uint64(members) * 0xffff
		m := newMasked(s, members, []uint64{0, most, most - 1})
		data := m.Bytes()
		if want := 4 + 1 + 4 + 2 + 6 + 3*size; len(data) != want {
			t.Errorf("%d members: %d bytes, want %d", members, len(data), want)
		}
		again, err := ParseMasked(data)
		must(t, err)
		if got := lane.Restore(again.lanes, again.carries); !slices.Equal(got, []uint64{0, most, most - 1}) {
			t.Errorf("%d members: words %d", members, got)
		}
	}
	for name, bad := range map[string][]byte{
		"no lanes":    {'C', 'S', 'X', '1', 16, 0, 0, 0, 0},
		"8 bits":      {'C', 'S', 'X', '1', 8, 0, 0, 0, 1, 1},
		"many lanes":  {'C', 'S', 'X', '1', 16, 1, 0, 0, 0},
		"a byte more": {'C', 'S', 'X', '1', 16, 0, 0, 0, 1, 1, 1, 1},
		"other magic": {'C', 'S', 'Y', '1', 16, 0, 0, 0, 1, 1, 1},
	} {
		_, err := ParseSum(bad)
		t.Run(name, func(t *testing.T) { wants(t, err, secagg.ErrMalformed) })
	}
}
