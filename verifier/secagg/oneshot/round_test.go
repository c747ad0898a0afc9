package oneshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
)

// coin is a secret coin that tests can replay.
func coin(seed byte, more ...byte) io.Reader {
	var s [32]byte
	s[0] = seed
	copy(s[1:], more)
	return rand.NewChaCha8(s)
}

// notebook is a journal in memory that can lose power.
type notebook struct {
	entries [][]byte
	broken  error // What the next Append answers.
}

func (j *notebook) Entries() ([][]byte, error) { return j.entries, nil }

func (j *notebook) Append(e []byte) error {
	if j.broken != nil {
		return j.broken
	}
	j.entries = append(j.entries, bytes.Clone(e))
	return nil
}

// shelf is a store in memory.
type shelf map[string][]byte

var errNotKept = errors.New("not kept")

func (s shelf) Put(name string, data []byte) error { s[name] = bytes.Clone(data); return nil }

func (s shelf) Get(name string) ([]byte, error) {
	if data, ok := s[name]; ok {
		return data, nil
	}
	return nil, errNotKept
}

// world is one round of one bucket in one place, log and all.
type world struct {
	open     comity.Open
	layout   *Layout
	joins    map[party.ID]comity.Join
	nonces   map[party.ID]comity.Nonce
	group    *Group
	hub      *Hub
	members  map[party.ID]*Member
	journals map[party.ID]*notebook
	stores   map[party.ID]Store
	keys     map[[2]party.ID][keySize]byte
	log      Record
	cast     *Cast
	blobs    map[canon.Digest][]byte
	outcome  Outcome
}

func partyID(i int) party.ID { return party.ID(fmt.Sprintf("P%03d", i)) }

// terms of a small round; tests change what they are about.
func terms() comity.Open {
	return comity.Open{
		Round: "2026-W46/count", Epoch: "2026", Clause: "d.counts", Plan: canon.Sum([]byte("plan")), Schema: canon.Sum([]byte("schema")),
		Lanes: 5, Bound: 1000, Noise: "none", Threshold: DefaultThreshold(), MinMembers: 3, Layout: "2026-W46/count",
		JoinBy: 1, NonceBy: 2, DealBy: 3, ComplainBy: 4, CommitBy: 5, UnmaskBy: 6,
	}
}

// joined has n members join.
func joined(t testing.TB, o comity.Open, n int) (map[party.ID]comity.Join, map[party.ID]comity.Nonce) {
	t.Helper()
	joins, nonces := map[party.ID]comity.Join{}, map[party.ID]comity.Nonce{}
	for i := range n {
		j, v, err := NewJoin(o.Round, partyID(i), coin(1, byte(i), byte(i>>8)))
		must(t, err)
		joins[partyID(i)], nonces[partyID(i)] = j, v
	}
	return joins, nonces
}

// newWorld has n members in one bucket of a round on the given terms.
func newWorld(t testing.TB, o comity.Open, n int) *world {
	t.Helper()
	return newBucket(t, o, n, 0)
}

// newBucket is one bucket of a round that n members joined.
func newBucket(t testing.TB, o comity.Open, n, number int) *world {
	t.Helper()
	w := &world{
		open: o, members: map[party.ID]*Member{}, journals: map[party.ID]*notebook{}, stores: map[party.ID]Store{},
		keys: map[[2]party.ID][keySize]byte{}, blobs: map[canon.Digest][]byte{},
		log: Record{
			Deals: map[party.ID]comity.Deal{}, Commits: map[party.ID]comity.Commit{}, Unmasks: map[party.ID]comity.Unmask{},
		},
	}
	w.joins, w.nonces = joined(t, o, n)
	var err error
	w.layout, err = NewLayout(o, w.joins, w.nonces)
	must(t, err)
	roster, err := Roster(o, w.joins, w.nonces)
	must(t, err)
	w.group, err = NewGroup(o, w.layout, roster, number)
	must(t, err)
	w.hub, err = NewHub(HubConfig{Group: w.group, Store: shelf{}})
	must(t, err)
	for _, id := range w.group.members {
		w.journals[id], w.stores[id] = &notebook{}, shelf{}
		w.restart(t, id)
	}
	return w
}

func (w *world) ids() []party.ID { return w.group.Members() }

// pairsOf gives both ends of a pair the same secret.
func (w *world) pairsOf(id party.ID) *secagg.Pairs {
	p := &secagg.Pairs{}
	for _, peer := range w.layout.Neighbours(id) {
		pair := [2]party.ID{min(id, peer), max(id, peer)}
		if _, ok := w.keys[pair]; !ok {
			w.keys[pair] = canon.Sum([]byte(pair[0] + "/" + pair[1]))
		}
		p.Set(peer, w.keys[pair])
	}
	return p
}

func (w *world) config(id party.ID) MemberConfig {
	return MemberConfig{
		Group: w.group, Self: id, Pairs: w.pairsOf(id), Secret: coin(2, []byte(id)...), Journal: w.journals[id], Store: w.stores[id],
	}
}

// restart builds a member from what survives a crash.
func (w *world) restart(t testing.TB, id party.ID) {
	t.Helper()
	m, err := NewMember(w.config(id))
	must(t, err)
	w.members[id] = m
}

// deal has the given members deal, each message as it travels.
func (w *world) deal(t testing.TB, who []party.ID) {
	t.Helper()
	for _, id := range who {
		d, b, err := w.members[id].Deal()
		must(t, err)
		b, err = ParseBundle(b.Bytes())
		must(t, err)
		d = overTheLog(t, d)
		must(t, w.hub.Deal(id, d, b))
		w.log.Deals[id] = d
	}
	must(t, w.hub.CloseDeals())
}

// take hands out parcels and logs complaints.
func (w *world) take(t testing.TB, who []party.ID) {
	t.Helper()
	for _, id := range who {
		p, err := w.hub.Parcels(id)
		must(t, err)
		p, err = ParseParcels(p.Bytes())
		must(t, err)
		complaints, err := w.members[id].Take(w.log.Deals, p)
		must(t, err)
		for _, c := range complaints {
			c = overTheLog(t, c)
			w.log.Complaints = append(w.log.Complaints, Filed{id, c})
			must(t, w.hub.Complain(id, c))
		}
	}
	var err error
	w.cast, err = w.hub.CloseComplaints()
	must(t, err)
}

// upload has the given members upload their inputs.
func (w *world) upload(t testing.TB, x inputs, who []party.ID) {
	t.Helper()
	for _, id := range who {
		c, u, err := w.members[id].Upload(w.cast, x[id])
		must(t, err)
		u, err = ParseUpload(u.Bytes())
		must(t, err)
		c = overTheLog(t, c)
		must(t, w.hub.Upload(id, c, u))
		w.log.Commits[id] = c
	}
	s, blob, err := w.hub.CloseUploads()
	must(t, err)
	w.log.Survivors = overTheLog(t, s)
	w.blobs[s.Masked] = blob
	w.log.Size, w.log.Root = 77, bytes.Repeat([]byte{7}, keySize)
	must(t, w.hub.Witness(w.log.Size, w.log.Root))
}

func (w *world) witnessed() Witnessed {
	return Witnessed{Cast: w.cast, Commits: w.log.Commits, Survivors: w.log.Survivors, Size: w.log.Size, Root: w.log.Root}
}

// unmask has the given members unmask.
func (w *world) unmask(t testing.TB, who []party.ID) {
	t.Helper()
	for _, id := range who {
		u, err := w.members[id].Unmask(w.witnessed())
		must(t, err)
		u = overTheLog(t, u)
		must(t, w.hub.Unmask(id, u))
		w.log.Unmasks[id] = u
	}
}

// overTheLog gives a statement as a reader of the log gets it.
func overTheLog[T any](t testing.TB, record T) T {
	t.Helper()
	data, err := canon.Marshal(record)
	must(t, err)
	var out T
	must(t, canon.Unmarshal(data, &out))
	return out
}

// finish ends the round and returns the sum.
func (w *world) finish(t testing.TB) []int64 {
	t.Helper()
	var err error
	w.outcome, err = w.hub.Finish()
	must(t, err)
	w.outcome.Result = overTheLog(t, w.outcome.Result)
	w.blobs[w.outcome.Result.Opening], w.blobs[w.outcome.Result.Sum] = w.outcome.Opening, w.outcome.Sum
	return w.outcome.Values
}

// evidence is what a stranger gets.
func (w *world) evidence() Evidence {
	e := Evidence{
		Group: w.group, Record: w.log, Result: w.outcome.Result, Opened: w.hub.Opened, Disputed: w.outcome.Disputed,
		Blob: func(d canon.Digest) ([]byte, error) {
			if b, ok := w.blobs[d]; ok {
				return b, nil
			}
			return nil, errNotKept
		},
	}
	e.Deals, e.Commits, e.Unmasks = maps.Clone(e.Deals), maps.Clone(e.Commits), maps.Clone(e.Unmasks)
	e.Survivors.Members, e.Complaints = slices.Clone(e.Survivors.Members), slices.Clone(e.Complaints)
	return e
}

// run is a whole round in which who deals, uploads and unmasks is given.
func (w *world) run(t testing.TB, x inputs, deal, upload, unmask []party.ID) []int64 {
	t.Helper()
	w.deal(t, deal)
	w.take(t, deal)
	w.upload(t, x, upload)
	w.unmask(t, unmask)
	return w.finish(t)
}

// inputs of a round, by member.
type inputs map[party.ID][]int64

// randomInputs stay inside the bound.
func (w *world) randomInputs(seed uint64) inputs {
	r := rand.New(rand.NewPCG(seed, 1))
	x := inputs{}
	for _, id := range w.group.members {
		x[id] = make([]int64, w.open.Lanes)
		for k := range x[id] {
			x[id][k] = r.Int64N(2*int64(w.open.Bound)+1) - int64(w.open.Bound)
		}
	}
	return x
}

// trusted is the plain slow twin: a party that everybody trusts with everything.
func trusted(x inputs, members []party.ID, lanes int) []int64 {
	sum := make([]int64, lanes)
	for _, id := range members {
		for k, v := range x[id] {
			sum[k] += v
		}
	}
	return sum
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails unless err wraps the sentinel.
func wants(t testing.TB, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("got %v, want %v", err, sentinel)
	}
}

// flip returns data with one bit changed.
func flip(data []byte, bit int) []byte {
	out := bytes.Clone(data)
	out[bit/8] ^= 1 << (bit % 8)
	return out
}

func without(ids []party.ID, gone ...party.ID) []party.ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id party.ID) bool { return slices.Contains(gone, id) })
}
