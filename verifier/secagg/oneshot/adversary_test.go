package oneshot

import (
	"maps"
	"slices"
	"testing"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/field"
)

// lies lists ways to change a value and what refuses each.
type lies[T any] map[string]struct {
	lie  func(*T)
	want error
}

// Nobody joins on terms that do not hold together.
func TestTermsRefused(t *testing.T) {
	must(t, CheckOpen(terms()))
	half, _ := exact.Ratio(1, 2)
	cases := lies[comity.Open]{
		"no round":               {func(o *comity.Open) { o.Round = "" }, ErrTerms},
		"long round":             {func(o *comity.Open) { o.Round = string(make([]byte, maxText+1)) }, ErrTerms},
		"no epoch":               {func(o *comity.Open) { o.Epoch = "" }, ErrTerms},
		"no clause":              {func(o *comity.Open) { o.Clause = "" }, ErrTerms},
		"no noise":               {func(o *comity.Open) { o.Noise = "" }, ErrTerms},
		"no layout":              {func(o *comity.Open) { o.Layout = "" }, ErrTerms},
		"no plan":                {func(o *comity.Open) { o.Plan = canon.Digest{} }, ErrTerms},
		"no schema":              {func(o *comity.Open) { o.Schema = canon.Digest{} }, ErrTerms},
		"no lanes":               {func(o *comity.Open) { o.Lanes = 0 }, ErrTerms},
		"too many lanes":         {func(o *comity.Open) { o.Lanes = secagg.MaxLanes + 1 }, ErrTerms},
		"no bound":               {func(o *comity.Open) { o.Bound = 0 }, ErrTerms},
		"half of the holders":    {func(o *comity.Open) { o.Threshold = half }, ErrTerms},
		"more than all holders":  {func(o *comity.Open) { o.Threshold = exact.Int(2) }, ErrTerms},
		"two members":            {func(o *comity.Open) { o.MinMembers = 2 }, ErrTerms},
		"small buckets":          {func(o *comity.Open) { o.Bucket = 4 }, ErrTerms},
		"buckets below minimum":  {func(o *comity.Open) { o.Bucket, o.MinMembers = 6, 7 }, ErrTerms},
		"odd degree":             {func(o *comity.Open) { o.Degree = 21 }, ErrTerms},
		"small degree":           {func(o *comity.Open) { o.Degree = 8 }, ErrTerms},
		"more than GF(256) hold": {func(o *comity.Open) { o.Degree = 256 }, ErrTerms},
		"deadlines swapped":      {func(o *comity.Open) { o.DealBy, o.CommitBy = o.CommitBy, o.DealBy }, ErrTerms},
		"no deadline":            {func(o *comity.Open) { o.JoinBy = 0 }, ErrTerms},
	}
	for name, e := range cases {
		o := terms()
		e.lie(&o)
		t.Run(name, func(t *testing.T) { wants(t, CheckOpen(o), e.want) })
	}
}

// A nonce counts only as its author committed to it.
func TestRosterRefuses(t *testing.T) {
	type both struct {
		joins  map[party.ID]comity.Join
		nonces map[party.ID]comity.Nonce
	}
	a, b := partyID(1), partyID(2)
	cases := lies[both]{
		"another nonce": {func(w *both) { n := w.nonces[a]; n.Nonce = flip(n.Nonce, 3); w.nonces[a] = n }, ErrNonce},
		"a short nonce": {func(w *both) { n := w.nonces[a]; n.Nonce = n.Nonce[1:]; w.nonces[a] = n }, ErrNonce},
		"a peer's":      {func(w *both) { w.joins[a], w.nonces[a] = w.joins[b], w.nonces[b] }, ErrNonce},
		"other round":   {func(w *both) { n := w.nonces[a]; n.Round = "x"; w.nonces[a] = n }, ErrRound},
		"other join":    {func(w *both) { j := w.joins[a]; j.Round = "x"; w.joins[a] = j }, ErrRound},
		"both other": {func(w *both) {
			j, n := w.joins[a], w.nonces[a]
			j.Round, n.Round = "x", "x"
			w.joins[a], w.nonces[a] = j, n
		}, ErrRound},
		"never joined": {func(w *both) { delete(w.joins, a) }, secagg.ErrStranger},
		"no party": {func(w *both) {
			w.joins["x"], w.nonces["x"] = w.joins[a], w.nonces[a]
		}, secagg.ErrStranger},
		"too few": {func(w *both) { delete(w.nonces, a); delete(w.nonces, b) }, secagg.ErrMinMembers},
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			w := both{}
			w.joins, w.nonces = joined(t, terms(), 4)
			e.lie(&w)
			_, err := Roster(terms(), w.joins, w.nonces)
			wants(t, err, e.want)
			_, err = NewLayout(terms(), w.joins, w.nonces)
			wants(t, err, e.want)
		})
	}
	// Who joined and kept its nonce is not in; the others are.
	joins, nonces := joined(t, terms(), 4)
	delete(nonces, a)
	in, err := Roster(terms(), joins, nonces)
	must(t, err)
	if len(in) != 3 || slices.Contains(in, a) {
		t.Fatalf("the roster is %v", in)
	}
}

// A group is of its own layout, in order, and large enough.
func TestGroupRefuses(t *testing.T) {
	o := terms()
	w := newWorld(t, o, 6)
	ids := w.ids()
	cases := lies[comity.Open]{
		"other layout": {func(o *comity.Open) { o.Layout = "x" }, ErrTerms},
		"other epoch":  {func(o *comity.Open) { o.Epoch = "x" }, ErrTerms},
		"buckets":      {func(o *comity.Open) { o.Bucket = 5 }, ErrTerms},
		"degree":       {func(o *comity.Open) { o.Degree = 10 }, ErrTerms},
		"terms":        {func(o *comity.Open) { o.Lanes = 0 }, ErrTerms},
		"minimum":      {func(o *comity.Open) { o.MinMembers = 7 }, secagg.ErrMinMembers},
		"bound":        {func(o *comity.Open) { o.Bound = 1 << 60 }, ErrTerms},
	}
	for name, e := range cases {
		o := terms()
		e.lie(&o)
		_, err := NewGroup(o, w.layout, ids, 0)
		t.Run(name, func(t *testing.T) { wants(t, err, e.want) })
	}
	_, err := NewGroup(o, w.layout, ids, 1)
	wants(t, err, ErrBucket)
	_, err = NewGroup(o, w.layout, []party.ID{ids[1], ids[0], ids[2]}, 0)
	wants(t, err, ErrBucket)
	_, err = NewGroup(o, w.layout, ids[:2], 0)
	wants(t, err, secagg.ErrMinMembers)
	_, err = NewLayout(comity.Open{}, w.joins, w.nonces)
	wants(t, err, ErrTerms)
	o.Layout = "another"
	_, err = NewLayout(o, w.joins, w.nonces)
	wants(t, err, ErrTerms)
	cfg := w.config(ids[0])
	cfg.Pairs = &secagg.Pairs{}
	_, err = NewMember(cfg)
	wants(t, err, secagg.ErrConfig)
	cfg = w.config(ids[0])
	cfg.Self = "NOBODY"
	_, err = NewMember(cfg)
	wants(t, err, secagg.ErrStranger)
	cfg = w.config(ids[0])
	cfg.Secret = nil
	w.journals[ids[0]].entries = nil
	_, err = NewMember(cfg)
	wants(t, err, secagg.ErrRandom)
}

// The hub takes only bundles that are what their dealers logged, honest repeats, and
// nothing when dealing is over.
func TestHubRefusesDeals(t *testing.T) {
	w := newWorld(t, terms(), 5)
	id, peer := w.ids()[1], w.ids()[2]
	d, b, err := w.members[id].Deal()
	must(t, err)
	wants(t, w.hub.Deal("NOBODY", d, b), secagg.ErrStranger)
	wants(t, w.hub.Deal(peer, d, b), ErrDeal) // Somebody else's, copied.
	type both struct {
		d comity.Deal
		b Bundle
	}
	cases := lies[both]{
		"other round":      {func(m *both) { m.d.Round = "x" }, ErrRound},
		"other bucket":     {func(m *both) { m.d.Bucket++ }, ErrRound},
		"other context":    {func(m *both) { m.b.Context[0] ^= 1 }, ErrContext},
		"other table":      {func(m *both) { m.b.Table = flip(m.b.Table, 9) }, ErrDeal},
		"table stated":     {func(m *both) { m.d.Table[0] ^= 1 }, ErrDeal},
		"short table":      {func(m *both) { m.b.Table = m.b.Table[1:] }, ErrDeal},
		"shares stated":    {func(m *both) { m.d.Shares[0] ^= 1 }, ErrDeal},
		"one share fewer":  {func(m *both) { m.b.leaves = m.b.leaves[1:] }, ErrDeal},
		"pair digest":      {func(m *both) { m.b.leaves[0].pair[0] ^= 1 }, ErrDeal},
		"self digest":      {func(m *both) { m.b.leaves[0].self[0] ^= 1 }, ErrDeal},
		"recovery digest":  {func(m *both) { m.b.leaves[0].recovery[0] ^= 1 }, ErrDeal},
		"key digest":       {func(m *both) { m.b.leaves[0].check[0] ^= 1 }, ErrDeal},
		"sealed share":     {func(m *both) { m.b.leaves[0].sealed[0] ^= 1 }, ErrDeal},
		"shares exchanged": {func(m *both) { m.b.leaves[0], m.b.leaves[2] = m.b.leaves[2], m.b.leaves[0] }, ErrDeal},
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			m := both{d, b}
			m.b.leaves = slices.Clone(b.leaves)
			e.lie(&m)
			wants(t, w.hub.Deal(id, m.d, m.b), e.want)
		})
	}
	wants(t, w.hub.CloseDeals(), secagg.ErrMinMembers)
	must(t, w.hub.Deal(id, d, b))
	must(t, w.hub.Deal(id, d, b)) // An honest repeat.
	second := d
	second.Self[0] ^= 1
	wants(t, w.hub.Deal(id, second, b), secagg.ErrRepeated)
	_, err = w.hub.Parcels(id)
	wants(t, err, secagg.ErrOrder)
	w.deal(t, without(w.ids(), id))
	must(t, w.hub.Deal(id, d, b)) // A repeat may be late.
	wants(t, w.hub.CloseDeals(), secagg.ErrOrder)
	_, err = w.hub.Parcels("NOBODY")
	wants(t, err, secagg.ErrStranger)
	late := newWorld(t, terms(), 5)
	late.deal(t, late.ids()[1:])
	d, b, err = late.members[late.ids()[0]].Deal()
	must(t, err)
	wants(t, late.hub.Deal(late.ids()[0], d, b), secagg.ErrOrder)
	if got := newWorld(t, terms(), 5).hub.Missing(); len(got) != 5 {
		t.Fatalf("missing are %v", got)
	}
}

// A changed parcel does not reach a complaint: it is the hub that changed it.
func TestEveryBitOfParcels(t *testing.T) {
	w := newWorld(t, terms(), 3)
	w.deal(t, w.ids())
	id := w.ids()[0]
	p, err := w.hub.Parcels(id)
	must(t, err)
	data := p.Bytes()
	for bit := range 8 * len(data) {
		changed, err := ParseParcels(flip(data, bit))
		if err != nil {
			continue
		}
		if _, err := w.members[id].Take(w.log.Deals, changed); err == nil {
			t.Fatalf("bit %d of %d: nobody noticed", bit, 8*len(data))
		}
	}
	_, err = w.members[id].Take(nil, p)
	wants(t, err, ErrParcel)
	wants(t, errOf(w.members[w.ids()[1]].Take(w.log.Deals, p)), ErrParcel) // Another holder's.
	if got := w.members[id].Waiting(w.log.Deals); len(got) != 2 {
		t.Fatalf("waiting for %v", got)
	}
	_, err = w.members[id].Take(w.log.Deals, p)
	must(t, err)
	if got := w.members[id].Waiting(w.log.Deals); len(got) != 0 {
		t.Fatalf("waiting for %v", got)
	}
}

func errOf[T any](_ T, err error) error { return err }

// Every bit of a bundle and of an upload matters to the hub.
func TestEveryBitToTheHub(t *testing.T) {
	w := newWorld(t, terms(), 3)
	id := w.ids()[0]
	d, b, err := w.members[id].Deal()
	must(t, err)
	data := b.Bytes()
	for bit := range 8 * len(data) {
		if changed, err := ParseBundle(flip(data, bit)); err == nil && w.hub.Deal(id, d, changed) == nil {
			t.Fatalf("bundle, bit %d of %d: the hub took it", bit, 8*len(data))
		}
	}
	w.deal(t, w.ids())
	w.take(t, w.ids())
	c, u, err := w.members[id].Upload(w.cast, make([]int64, 5))
	must(t, err)
	data = u.Bytes()
	for bit := range 8 * len(data) {
		if changed, err := ParseUpload(flip(data, bit)); err == nil && w.hub.Upload(id, c, changed) == nil {
			t.Fatalf("upload, bit %d of %d: the hub took it", bit, 8*len(data))
		}
	}
}

// relog puts a changed bundle into the log as if its dealer had dealt it so.
func (w *world) relog(dealer party.ID, change func(*comity.Deal, []leaf)) {
	i, _ := w.group.index(dealer)
	d, b := w.group.deal(i, w.pairsOf(dealer), w.members[dealer].memory.secret)
	change(&d, b.leaves)
	d.Shares = root(w.group.leafDigests(i, b))
	w.log.Deals[dealer], w.hub.deals[dealer], w.hub.bundles[i], w.hub.paths[i] = d, d, b, nil
}

// A dealer that lies to a holder is found by that holder before anything is masked.
func TestDealersThatLie(t *testing.T) {
	const dealer, holder = 1, 3
	for name, e := range map[string]struct {
		lie    func(*world, *comity.Deal, []leaf)
		proven bool
	}{
		"does not open":   {func(_ *world, _ *comity.Deal, l []leaf) { l[holder].sealed[5] ^= 1 }, true},
		"self share":      {func(_ *world, _ *comity.Deal, l []leaf) { l[holder].self[5] ^= 1 }, true},
		"recovery share":  {func(_ *world, _ *comity.Deal, l []leaf) { l[holder].recovery[5] ^= 1 }, true},
		"another's share": {func(_ *world, _ *comity.Deal, l []leaf) { l[holder].sealed = l[2].sealed }, true},
		"other key":       {func(_ *world, _ *comity.Deal, l []leaf) { l[holder].check[5] ^= 1 }, false},
		"other pair":      {func(_ *world, _ *comity.Deal, l []leaf) { l[holder].pair[5] ^= 1 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, terms(), 9)
			w.deal(t, w.ids())
			liar, honest := w.ids()[dealer], w.ids()[holder]
			w.relog(liar, func(d *comity.Deal, l []leaf) { e.lie(w, d, l) })
			w.take(t, w.ids())
			if len(w.log.Complaints) != 1 || (len(w.log.Complaints[0].Key) > 0) != e.proven {
				t.Fatalf("complaints: %+v", w.log.Complaints)
			}
			if w.cast.Has(liar) || w.cast.Has(honest) != e.proven {
				t.Fatalf("left are %v", w.cast.Members())
			}
			want := ErrDispute
			if e.proven {
				want = ErrDeal
			}
			wants(t, w.cast.Out()[0].Because, want)
			// The round goes on without them.
			x, left := w.randomInputs(1), w.cast.Members()
			w.upload(t, x, left)
			w.unmask(t, left)
			if got, want := w.finish(t), trusted(x, left, 5); !slices.Equal(got, want) {
				t.Fatalf("sum %v, want %v", got, want)
			}
			_, err := Verify(w.evidence())
			must(t, err)
		})
	}
}

// A secret that was not dealt as committed shows when it is needed, with its dealer's name.
func TestDealersThatLieToEverybody(t *testing.T) {
	for name, e := range map[string]struct {
		drops bool // Whether the liar falls out after it dealt.
		lie   func(*world, int, *comity.Deal, *Bundle)
		want  error
	}{
		"shares of another self mask": {false, func(w *world, i int, d *comity.Deal, b *Bundle) { w.redeal(i, d, b, 2, true) }, ErrDealer},
		"shares of another table key": {true, func(w *world, i int, d *comity.Deal, b *Bundle) { w.redeal(i, d, b, 2, true) }, ErrDealer},
		"no polynomial":               {false, func(w *world, i int, d *comity.Deal, b *Bundle) { w.redeal(i, d, b, 6, false) }, ErrDealer},
		"a table of noise": {true, func(w *world, i int, d *comity.Deal, b *Bundle) {
			b.Table[0] ^= 1
			d.Table = commitTable(w.group.context, w.group.members[i], b.Table)
		}, ErrTable},
		"a table of other masks": {true, func(w *world, i int, d *comity.Deal, b *Bundle) {
			s := newSecrets(w.members[w.group.members[i]].memory.secret, w.group.context)
			plain := make([]byte, (len(b.leaves)-1)*keySize)
			b.Table = aead(tableKey(w.group.context, w.group.members[i], s.recovery)).Seal(nil, zeroNonce(), plain, nil)
			d.Table = commitTable(w.group.context, w.group.members[i], b.Table)
		}, ErrTable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, terms(), 9)
			liar := w.ids()[2]
			i, _ := w.group.index(liar)
			w.deal(t, w.ids())
			d, b := w.group.deal(i, w.pairsOf(liar), w.members[liar].memory.secret)
			e.lie(w, i, &d, &b)
			d.Shares = root(w.group.leafDigests(i, b))
			w.log.Deals[liar], w.hub.deals[liar], w.hub.bundles[i], w.hub.paths[i] = d, d, b, nil
			w.take(t, w.ids())
			if len(w.log.Complaints) != 0 {
				t.Fatalf("complaints: %+v", w.log.Complaints)
			}
			left := w.ids()
			if e.drops {
				left = without(left, liar)
			}
			for _, id := range left {
				if id == liar {
					w.log.Commits[id] = w.uploadOf(t, id)
					continue
				}
				c, u, err := w.members[id].Upload(w.cast, make([]int64, 5))
				must(t, err)
				must(t, w.hub.Upload(id, c, u))
				w.log.Commits[id] = c
			}
			w.upload(t, nil, nil)
			w.unmask(t, without(left, liar))
			_, err := w.hub.Finish()
			wants(t, err, e.want)
			// The hub can show anybody whose fault it is.
			for _, id := range w.ids() {
				bundle, err := w.hub.Bundle(id)
				must(t, err)
				if err := ConvictDealer(w.evidence(), id, bundle); (err == nil) != (id == liar) {
					t.Fatalf("%s: %v", id, err)
				}
			}
		})
	}
}

// uploadOf has a member upload that would refuse because its deal was changed.
func (w *world) uploadOf(t testing.TB, id party.ID) comity.Commit {
	t.Helper()
	c := comity.Commit{Round: w.open.Round, Dealers: w.cast.digest}
	u := Upload{Context: w.group.context, Masked: make([]byte, w.group.shape.Size())}
	c.Masked = w.cast.commitMasked(id, u.Salt, u.Masked)
	must(t, w.hub.Upload(id, c, u))
	return c
}

// redeal shares out other secrets than committed, from place first on, consistently
// sealed and hashed.
func (w *world) redeal(i int, d *comity.Deal, b *Bundle, first int, all bool) {
	g, me := w.group, w.group.members[i]
	other := split([pairSize]byte{9}, make([]byte, (g.need[i]-1)*pairSize), len(b.leaves))
	for k, j := range g.holders[i] {
		if k < first && !all || j == i {
			continue
		}
		l, holder := &b.leaves[k], g.members[j]
		l.self = shareDigest(g.context, "self", me, holder, other[k][:keySize])
		l.recovery = shareDigest(g.context, "recovery", me, holder, other[k][keySize:])
		key := g.shareKey(w.pairsOf(me), holder, me, holder, *d)
		copy(l.sealed[:], aead(key).Seal(nil, zeroNonce(), other[k][:], nil))
	}
}

// A complaint that proves nothing has no effect, whatever in it is false.
func TestComplaintsThatProveNothing(t *testing.T) {
	w := newWorld(t, terms(), 6)
	w.deal(t, w.ids())
	liar, by, other := w.ids()[1], w.ids()[3], w.ids()[4]
	w.relog(liar, func(_ *comity.Deal, l []leaf) { l[3].sealed[5] ^= 1 })
	p, err := w.hub.Parcels(by)
	must(t, err)
	found, err := w.members[by].Take(w.log.Deals, p)
	must(t, err)
	good := found[0]
	must(t, w.group.CheckComplaint(by, w.log.Deals[liar], good))
	fair := w.fairShare(t, by, other)
	cases := lies[comity.Complaint]{
		"other round":   {func(c *comity.Complaint) { c.Round = "x" }, ErrRound},
		"other bucket":  {func(c *comity.Complaint) { c.Bucket++ }, ErrRound},
		"stranger":      {func(c *comity.Complaint) { c.Dealer = "NOBODY" }, secagg.ErrStranger},
		"oneself":       {func(c *comity.Complaint) { c.Dealer = by }, secagg.ErrStranger},
		"other dealer":  {func(c *comity.Complaint) { c.Dealer = other }, ErrComplaint},
		"other leaf":    {func(c *comity.Complaint) { c.Leaf = flip(c.Leaf, 7) }, ErrComplaint},
		"short leaf":    {func(c *comity.Complaint) { c.Leaf = c.Leaf[1:] }, ErrComplaint},
		"long leaf":     {func(c *comity.Complaint) { c.Leaf = append(slices.Clone(c.Leaf), 0) }, ErrComplaint},
		"other path":    {func(c *comity.Complaint) { c.Path = slices.Clone(c.Path); c.Path[0][0] ^= 1 }, ErrComplaint},
		"short path":    {func(c *comity.Complaint) { c.Path = c.Path[1:] }, ErrComplaint},
		"other key":     {func(c *comity.Complaint) { c.Key = flip(c.Key, 0) }, ErrComplaint},
		"short key":     {func(c *comity.Complaint) { c.Key = c.Key[1:] }, ErrComplaint},
		"no key":        {func(c *comity.Complaint) { c.Key = nil }, ErrComplaint},
		"a share as it": {func(c *comity.Complaint) { *c = fair }, ErrComplaint},
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			c := good
			e.lie(&c)
			deal := w.log.Deals[liar]
			if name == "other dealer" || name == "a share as it" {
				deal = w.log.Deals[other]
			}
			wants(t, w.group.CheckComplaint(by, deal, c), e.want)
			cast, err := w.group.Settle(w.log.Deals, []Filed{{by, c}})
			if must(t, err); len(cast.Out()) != 0 {
				t.Fatalf("it put %v out", cast.Out())
			}
		})
	}
	wants(t, w.group.CheckComplaint("NOBODY", w.log.Deals[liar], good), secagg.ErrStranger)
	wants(t, w.group.CheckComplaint(other, w.log.Deals[liar], good), ErrComplaint) // A peer's, copied.
	must(t, w.hub.Complain(by, good))
	must(t, w.hub.Complain(by, good)) // An honest repeat.
	if _, err := w.hub.CloseComplaints(); err != nil || len(w.hub.complaints) != 1 {
		t.Fatalf("%d complaints, %v", len(w.hub.complaints), err)
	}
	wants(t, w.hub.Complain(other, comity.Complaint{Round: good.Round, Dealer: liar}), secagg.ErrOrder)
}

// fairShare is a complaint about a share that is as stated.
func (w *world) fairShare(t testing.TB, by, dealer party.ID) comity.Complaint {
	t.Helper()
	p, err := w.hub.Parcels(by)
	must(t, err)
	for _, e := range p.list {
		if e.dealer == dealer {
			key := w.group.shareKey(w.pairsOf(by), dealer, dealer, by, w.log.Deals[dealer])
			return comity.Complaint{Round: w.open.Round, Dealer: dealer, Leaf: e.leaf.bytes(), Path: e.path, Key: key[:]}
		}
	}
	t.Fatalf("no parcel of %s", dealer)
	return comity.Complaint{}
}

// Whoever complains without proof goes with whom it accuses, so that c liars put out at
// most c honest members, whatever they say.
func TestDisputesCostTheLiar(t *testing.T) {
	w := newWorld(t, terms(), 12)
	w.deal(t, w.ids())
	ids := w.ids()
	word := func(by, about int) Filed {
		return Filed{ids[by], comity.Complaint{Round: w.open.Round, Dealer: ids[about]}}
	}
	var filed []Filed
	for about := 2; about < 12; about++ {
		filed = append(filed, word(0, about), word(1, about))
	}
	cast, err := w.group.Settle(w.log.Deals, filed)
	must(t, err)
	if got := cast.Members(); len(got) != 8 || cast.Has(ids[0]) || cast.Has(ids[1]) || cast.Has(ids[2]) || cast.Has(ids[3]) {
		t.Fatalf("left are %v", got)
	}
	// Proof comes before word against word, wherever it stands in the log.
	w.relog(ids[5], func(_ *comity.Deal, l []leaf) { l[7].sealed[1] ^= 1 })
	p, err := w.hub.Parcels(ids[7])
	must(t, err)
	found, err := w.members[ids[7]].Take(w.log.Deals, p)
	must(t, err)
	cast, err = w.group.Settle(w.log.Deals, []Filed{word(5, 6), {ids[7], found[0]}})
	must(t, err)
	if !cast.Has(ids[6]) || !cast.Has(ids[7]) || cast.Has(ids[5]) {
		t.Fatalf("out are %v", cast.Out())
	}
	// Too many gone: refused before anything is masked.
	_, err = w.group.Settle(w.log.Deals, []Filed{word(0, 2), word(1, 3), word(4, 5)})
	wants(t, err, ErrThreshold)
	deals := maps.Clone(w.log.Deals)
	deals["NOBODY"] = deals[ids[0]]
	wants(t, errOf(w.group.Settle(deals, nil)), secagg.ErrStranger)
	deals = maps.Clone(w.log.Deals)
	deals[ids[0]] = comity.Deal{Round: "x"}
	wants(t, errOf(w.group.Settle(deals, nil)), ErrRound)
}

// uploading is a world in which all dealt and nobody has uploaded.
func uploading(t testing.TB, n int) *world {
	t.Helper()
	w := newWorld(t, terms(), n)
	w.deal(t, w.ids())
	w.take(t, w.ids())
	return w
}

// The hub adds only what was committed to, once, in time.
func TestHubRefusesUploads(t *testing.T) {
	w := newWorld(t, terms(), 9)
	ids := w.ids()
	id, peer, out := ids[1], ids[2], ids[8]
	wants(t, w.hub.Upload(id, comity.Commit{}, Upload{}), secagg.ErrOrder)
	w.deal(t, without(ids, out))
	wants(t, w.hub.Upload(id, comity.Commit{}, Upload{}), secagg.ErrOrder)
	w.take(t, without(ids, out))
	c, u, err := w.members[id].Upload(w.cast, make([]int64, 5))
	must(t, err)
	type both struct {
		c comity.Commit
		u Upload
	}
	cases := lies[both]{
		"other round":      {func(m *both) { m.c.Round = "x" }, ErrRound},
		"other bucket":     {func(m *both) { m.c.Bucket++ }, ErrRound},
		"other dealers":    {func(m *both) { m.c.Dealers[0] ^= 1 }, ErrDealers},
		"other commitment": {func(m *both) { m.c.Masked[0] ^= 1 }, secagg.ErrCommitment},
		"other context":    {func(m *both) { m.u.Context[0] ^= 1 }, ErrContext},
		"other salt":       {func(m *both) { m.u.Salt[0] ^= 1 }, secagg.ErrCommitment},
		"other vector":     {func(m *both) { m.u.Masked = flip(m.u.Masked, 1) }, secagg.ErrCommitment},
		"cut short":        {func(m *both) { m.u.Masked = m.u.Masked[2:] }, secagg.ErrMalformed},
	}
	for name, e := range cases {
		m := both{c, u}
		e.lie(&m)
		t.Run(name, func(t *testing.T) { wants(t, w.hub.Upload(id, m.c, m.u), e.want) })
	}
	wants(t, w.hub.Upload("NOBODY", c, u), secagg.ErrStranger)
	wants(t, w.hub.Upload(out, c, u), ErrExcluded)
	wants(t, w.hub.Upload(peer, c, u), secagg.ErrCommitment) // Somebody else's, copied.
	must(t, w.hub.Upload(id, c, u))
	must(t, w.hub.Upload(id, c, u)) // An honest repeat is added once.
	second, other := c, u
	other.Salt[0] ^= 1
	second.Masked = w.cast.commitMasked(id, other.Salt, other.Masked)
	wants(t, w.hub.Upload(id, second, other), secagg.ErrRepeated)
	_, _, err = w.hub.CloseUploads()
	wants(t, err, ErrThreshold)
	if got := w.hub.Missing(); len(got) != 7 {
		t.Fatalf("missing are %v", got)
	}
	late, lateUpload, err := w.members[ids[0]].Upload(w.cast, make([]int64, 5))
	must(t, err)
	x := w.randomInputs(1)
	w.upload(t, x, ids[2:8])
	must(t, w.hub.Upload(id, c, u)) // A repeat may be late.
	wants(t, w.hub.Upload(ids[0], late, lateUpload), secagg.ErrOrder)
	_, err = w.hub.Opened(ids[0])
	wants(t, err, ErrExcluded)
}

// A member uploads one input inside its bound, for the cast that the log gives.
func TestMemberRefusesToUpload(t *testing.T) {
	w := newWorld(t, terms(), 9)
	ids := w.ids()
	w.deal(t, ids[1:])
	w.take(t, ids[1:])
	me := w.members[ids[1]]
	x := []int64{1, -2, 3, 1000, -1000}
	for name, bad := range map[string][]int64{
		"too large": {1001, 0, 0, 0, 0}, "too small": {0, 0, 0, 0, -1001}, "too few": {1, 2}, "too many": {0, 0, 0, 0, 0, 0},
	} {
		_, _, err := me.Upload(w.cast, bad)
		t.Run(name, func(t *testing.T) { wants(t, err, secagg.ErrRange) })
	}
	_, _, err := w.members[ids[0]].Upload(w.cast, x)
	wants(t, err, ErrExcluded)
	_, _, err = me.Upload(nil, x)
	wants(t, err, ErrContext)
	_, _, err = me.Upload(uploading(t, 5).cast, x)
	wants(t, err, ErrContext)
	changed := maps.Clone(w.log.Deals)
	d := changed[ids[1]]
	d.Self[0] ^= 1
	changed[ids[1]] = d
	cast, err := w.group.Settle(changed, nil)
	must(t, err)
	_, _, err = me.Upload(cast, x)
	wants(t, err, ErrDeal)
	if n := len(w.journals[ids[1]].entries); n != 1 {
		t.Fatalf("refusals wrote %d journal entries", n-1)
	}
	c, u, err := me.Upload(w.cast, x)
	must(t, err)
	again, same, err := me.Upload(w.cast, x)
	must(t, err)
	if c != again || !slices.Equal(u.Bytes(), same.Bytes()) {
		t.Fatal("two uploads of one input")
	}
	_, _, err = me.Upload(w.cast, []int64{1, -2, 3, 1000, -999})
	wants(t, err, secagg.ErrRepeated)
	smaller := maps.Clone(w.log.Deals)
	delete(smaller, ids[5])
	cast, err = w.group.Settle(smaller, nil)
	must(t, err)
	_, _, err = me.Upload(cast, x)
	wants(t, err, secagg.ErrRepeated)
	w.restart(t, ids[1]) // Forgetting in memory does not help.
	_, _, err = w.members[ids[1]].Upload(cast, x)
	wants(t, err, secagg.ErrRepeated)
	_, u, err = w.members[ids[1]].Upload(w.cast, x)
	must(t, err)
	if !slices.Equal(u.Bytes(), same.Bytes()) {
		t.Fatal("a crash changed the upload")
	}
}

// unmasking is a world in which all uploaded but those in gone.
func unmasking(t testing.TB, n int, gone ...int) *world {
	t.Helper()
	w := uploading(t, n)
	left := w.ids()
	for _, i := range gone {
		left = without(left, partyID(i))
	}
	w.upload(t, w.randomInputs(4), left)
	return w
}

// A member answers one witnessed, admissible set of survivors, with itself in it.
func TestMemberRefusesToUnmask(t *testing.T) {
	w := unmasking(t, 9, 8)
	ids := w.ids()
	me := w.members[ids[1]]
	other := unmasking(t, 5)
	cases := lies[Witnessed]{
		"no root":        {func(w *Witnessed) { w.Root = nil }, ErrWitness},
		"no size":        {func(w *Witnessed) { w.Size = 0 }, ErrWitness},
		"no cast":        {func(w *Witnessed) { w.Cast = nil }, ErrContext},
		"other group":    {func(w *Witnessed) { w.Cast = other.cast }, ErrContext},
		"other round":    {func(w *Witnessed) { w.Survivors.Round = "x" }, ErrRound},
		"other bucket":   {func(w *Witnessed) { w.Survivors.Bucket++ }, ErrRound},
		"without me":     {func(w *Witnessed) { w.Survivors.Members = without(w.Survivors.Members, ids[1]) }, ErrExcluded},
		"a stranger":     {func(w *Witnessed) { w.Survivors.Members = append(w.Survivors.Members, "ZZ") }, ErrSurvivors},
		"order":          {func(w *Witnessed) { slices.Reverse(w.Survivors.Members) }, ErrSurvivors},
		"twice":          {func(w *Witnessed) { w.Survivors.Members[0] = w.Survivors.Members[1] }, ErrSurvivors},
		"uncommitted":    {func(w *Witnessed) { w.Survivors.Members = append(w.Survivors.Members, ids[8]) }, ErrSurvivors},
		"too few":        {func(w *Witnessed) { w.Survivors.Members = w.Survivors.Members[:5] }, ErrThreshold},
		"my commitment":  {func(w *Witnessed) { c := w.Commits[ids[1]]; c.Masked[0] ^= 1; w.Commits[ids[1]] = c }, secagg.ErrOwnCommitment},
		"a peer's round": {func(w *Witnessed) { c := w.Commits[ids[2]]; c.Round = "x"; w.Commits[ids[2]] = c }, ErrRound},
		"a peer's cast":  {func(w *Witnessed) { c := w.Commits[ids[2]]; c.Dealers[0] ^= 1; w.Commits[ids[2]] = c }, ErrDealers},
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			a := w.witnessed()
			a.Survivors.Members, a.Commits = slices.Clone(a.Survivors.Members), maps.Clone(a.Commits)
			e.lie(&a)
			_, err := me.Unmask(a)
			wants(t, err, e.want)
		})
	}
	if n := len(w.journals[ids[1]].entries); n != 2 {
		t.Fatalf("refusals wrote %d journal entries", n-2)
	}
	_, err := w.members[ids[8]].Unmask(w.witnessed())
	wants(t, err, ErrExcluded)
	u, err := me.Unmask(w.witnessed())
	must(t, err)
	again, err := me.Unmask(w.witnessed())
	must(t, err)
	if !sameUnmask(u, again) {
		t.Fatal("two answers to the same survivors")
	}
	cases = lies[Witnessed]{
		"other survivors": {func(a *Witnessed) { a.Survivors.Members = without(a.Survivors.Members, ids[2]) }, secagg.ErrEquivocation},
		"other sum":       {func(a *Witnessed) { a.Survivors.Masked[0] ^= 1 }, secagg.ErrEquivocation},
		"other root":      {func(a *Witnessed) { a.Root = flip(a.Root, 0) }, secagg.ErrEquivocation},
		"other size":      {func(a *Witnessed) { a.Size++ }, secagg.ErrEquivocation},
	}
	for name, e := range cases {
		t.Run("then "+name, func(t *testing.T) {
			a := w.witnessed()
			e.lie(&a)
			_, err := me.Unmask(a)
			wants(t, err, e.want)
			if name != "other size" { // The log names one checkpoint by its size.
				w.restart(t, ids[1])
				_, err = w.members[ids[1]].Unmask(a)
				wants(t, err, secagg.ErrEquivocation)
			}
		})
	}
	// Its secrets are gone.
	wants(t, errOf3(me.Upload(w.cast, make([]int64, 5))), secagg.ErrClosed)
	wants(t, errOf3(me.Deal()), secagg.ErrClosed)
	wants(t, errOf(me.Take(w.log.Deals, Parcels{Context: w.group.context})), secagg.ErrClosed)
	if me.memory.secret != [keySize]byte{} || len(me.cfg.Pairs.Peers()) != 0 {
		t.Fatal("secrets outlive the answer")
	}
	fresh := uploading(t, 5)
	closed := fresh.members[fresh.ids()[0]]
	closed.Close()
	fresh.upload(t, fresh.randomInputs(1), fresh.ids()[1:])
	wants(t, errOf(closed.Unmask(fresh.witnessed())), secagg.ErrClosed)
}

func errOf3[T, U any](_ T, _ U, err error) error { return err }

// The hub takes only the shares that were dealt, for the survivors that were witnessed.
func TestHubRefusesToUnmask(t *testing.T) {
	w := unmasking(t, 9, 8)
	ids := w.ids()
	id, peer := ids[1], ids[2]
	u, err := w.members[id].Unmask(w.witnessed())
	must(t, err)
	wants(t, w.hub.Unmask("NOBODY", u), secagg.ErrStranger)
	wants(t, w.hub.Unmask(ids[8], u), ErrExcluded)
	wants(t, w.hub.Unmask(peer, u), ErrShare) // Somebody else's, copied.
	wants(t, uploading(t, 5).hub.Unmask(ids[0], u), secagg.ErrOrder)
	cases := lies[comity.Unmask]{
		"other round":       {func(u *comity.Unmask) { u.Round = "x" }, ErrRound},
		"other bucket":      {func(u *comity.Unmask) { u.Bucket++ }, ErrRound},
		"other survivors":   {func(u *comity.Unmask) { u.Survivors[0] ^= 1 }, ErrSurvivors},
		"other size":        {func(u *comity.Unmask) { u.Size++ }, ErrWitness},
		"a share fewer":     {func(u *comity.Unmask) { u.Shares = u.Shares[1:] }, ErrShare},
		"a false share":     {func(u *comity.Unmask) { u.Shares[0] = flip(u.Shares[0], 0) }, ErrShare},
		"a short share":     {func(u *comity.Unmask) { u.Shares[0] = u.Shares[0][1:] }, ErrShare},
		"shares exchanged":  {func(u *comity.Unmask) { u.Shares[0], u.Shares[3] = u.Shares[3], u.Shares[0] }, ErrShare},
		"own share":         {func(u *comity.Unmask) { u.Shares[1] = flip(u.Shares[1], 0) }, ErrShare},
		"share of the gone": {func(u *comity.Unmask) { u.Shares[8] = flip(u.Shares[8], 0) }, ErrShare},
		"self share of the gone": {func(u *comity.Unmask) {
			u.Shares[8] = w.bothShares(t, ids[1], ids[8])[:keySize]
		}, ErrShare},
		"a point fewer": {func(u *comity.Unmask) { u.Points = u.Points[1:] }, secagg.ErrFingerprint},
		"a large point": {func(u *comity.Unmask) { u.Points[0] = field.Prime }, secagg.ErrFingerprint},
		"a negative":    {func(u *comity.Unmask) { u.Points[1] = -1 }, secagg.ErrFingerprint},
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			m := u
			m.Shares, m.Points = slices.Clone(u.Shares), slices.Clone(u.Points)
			e.lie(&m)
			wants(t, w.hub.Unmask(id, m), e.want)
		})
	}
	must(t, w.hub.Unmask(id, u))
	must(t, w.hub.Unmask(id, u)) // An honest repeat.
	second := u
	second.Points = []canon.Int{1, 2}
	wants(t, w.hub.Unmask(id, second), secagg.ErrRepeated)
	_, err = w.hub.Finish()
	wants(t, err, ErrThreshold)
	wants(t, w.hub.Witness(78, w.log.Root), ErrWitness)
	wants(t, w.hub.Witness(77, flip(w.log.Root, 0)), ErrWitness)
	wants(t, uploading(t, 5).hub.Witness(77, w.log.Root), secagg.ErrOrder)
	if got := w.hub.Missing(); len(got) != 7 {
		t.Fatalf("missing are %v", got)
	}
}

// bothShares is what a holder has of a dealer.
func (w *world) bothShares(t testing.TB, holder, dealer party.ID) []byte {
	t.Helper()
	i, err := w.group.index(dealer)
	must(t, err)
	j, err := w.group.index(holder)
	must(t, err)
	place, _ := slices.BinarySearch(w.group.holders[i], j)
	key := w.group.shareKey(w.pairsOf(holder), dealer, dealer, holder, w.log.Deals[dealer])
	both, err := w.hub.bundles[i].leaves[place].openShare(w.group.context, dealer, holder, key)
	must(t, err)
	return both[:]
}
