package secagg

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
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg/internal/wire"
)

// coin is a secret coin that tests can replay.
func coin(seed byte) io.Reader {
	return rand.NewChaCha8([32]byte{seed})
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

// federation is a whole round in one place.
type federation struct {
	hub      *Hub
	ids      []party.ID
	members  map[party.ID]*Member
	journals map[party.ID]*notebook
	stores   map[party.ID]shelf
	configs  map[party.ID]MemberConfig
	blobs    map[canon.Digest][]byte
	pairs    map[[2]party.ID][keySize]byte
	logged   []comity.Cohort
}

var testPlan = canon.Sum([]byte("a plan"))

func partyID(i int) party.ID { return party.ID(fmt.Sprintf("P%03d", i)) }

// newFederation has n members whose peer secrets are drawn, not sealed.
func newFederation(t testing.TB, n int) *federation {
	t.Helper()
	f := &federation{
		members: map[party.ID]*Member{}, journals: map[party.ID]*notebook{}, stores: map[party.ID]shelf{},
		configs: map[party.ID]MemberConfig{}, blobs: map[canon.Digest][]byte{}, pairs: map[[2]party.ID][keySize]byte{},
	}
	secret := coin(1)
	for i := range n {
		f.ids = append(f.ids, partyID(i))
		for j := range i {
			key, err := wire.Draw(secret)
			if err != nil {
				t.Fatal(err)
			}
			f.pairs[[2]party.ID{partyID(j), partyID(i)}] = key
		}
	}
	first := comity.Cohort{Round: "2026-W46/forecast", Number: 1, Members: f.ids, Reason: "opened"}
	f.logged = []comity.Cohort{first}
	hub, err := NewHub(HubConfig{Plan: testPlan, Cohort: first, MinMembers: MinMembers, Store: shelf{}})
	if err != nil {
		t.Fatal(err)
	}
	f.hub = hub
	for i, id := range f.ids {
		f.journals[id], f.stores[id] = &notebook{}, shelf{}
		f.configs[id] = MemberConfig{
			Plan: testPlan, Self: id, Cohort: first, MinMembers: MinMembers, Secret: coin(byte(10 + i)),
			Journal: f.journals[id], Store: f.stores[id],
		}
		f.restart(t, id)
	}
	return f
}

// restart builds a member from what survives a crash.
func (f *federation) restart(t testing.TB, id party.ID) {
	t.Helper()
	cfg := f.configs[id]
	cfg.Pairs = f.pairsOf(id)
	m, err := NewMember(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.members[id] = m
}

func (f *federation) pairsOf(id party.ID) *Pairs {
	p := &Pairs{}
	for _, peer := range f.ids {
		if peer != id {
			p.Set(peer, f.pairs[[2]party.ID{min(id, peer), max(id, peer)}])
		}
	}
	return p
}

// inputs of a step, by member.
type inputs map[party.ID][]int64

// randomInputs stay inside the bound of the cohort.
func (f *federation) randomInputs(s Step, seed uint64) inputs {
	r := rand.New(rand.NewPCG(seed, 1))
	limit := bound(s.Bits, len(f.hub.cohort.Members))
	x := inputs{}
	for _, id := range f.hub.cohort.Members {
		x[id] = make([]int64, s.Lanes)
		for k := range x[id] {
			x[id][k] = r.Int64N(limit) - r.Int64N(limit)
		}
	}
	return x
}

// trusted is the plain slow twin: a party that everybody trusts with everything.
func trusted(x inputs, members []party.ID) []int64 {
	var sum []int64
	for _, id := range members {
		if sum == nil {
			sum = make([]int64, len(x[id]))
		}
		for k, v := range x[id] {
			sum[k] += v
		}
	}
	return sum
}

// upload has every member of the cohort upload, in the given order.
func (f *federation) upload(t testing.TB, s Step, x inputs, order []party.ID) {
	t.Helper()
	must(t, f.hub.Begin(s))
	for _, id := range order {
		u, err := f.members[id].Upload(s.Name, s.Bits, x[id])
		must(t, err)
		u, err = ParseUpload(u.Bytes())
		must(t, err)
		must(t, f.hub.Upload(id, u))
	}
}

// commitments is what the hub shows, as it arrives.
func (f *federation) commitments(t testing.TB) Commitments {
	t.Helper()
	c, err := f.hub.Commitments()
	must(t, err)
	c, err = ParseCommitments(c.Bytes())
	must(t, err)
	return c
}

// reveal has members answer the commitments.
func (f *federation) reveal(t testing.TB, c Commitments, order []party.ID) {
	t.Helper()
	for _, id := range order {
		v, err := f.members[id].Reveal(c)
		must(t, err)
		v, err = ParseReveal(v.Bytes())
		must(t, err)
		must(t, f.hub.Reveal(id, v))
	}
}

// broadcast is what the hub ends the step with, as it arrives.
func (f *federation) broadcast(t testing.TB) Broadcast {
	t.Helper()
	b, err := f.hub.Broadcast()
	must(t, err)
	b, err = ParseBroadcast(b.Bytes())
	must(t, err)
	f.blobs[canon.Sum(b.Sum)] = b.Sum
	return b
}

// step runs one step in cohort order and returns the sum that members got.
func (f *federation) step(t testing.TB, s Step, x inputs) []int64 {
	t.Helper()
	order := f.hub.Cohort().Members
	f.upload(t, s, x, order)
	f.reveal(t, f.commitments(t), order)
	return f.finish(t, f.broadcast(t), order)
}

func (f *federation) finish(t testing.TB, b Broadcast, order []party.ID) (sum []int64) {
	t.Helper()
	for i, id := range order {
		got, err := f.members[id].Finish(b)
		must(t, err)
		if i > 0 && !slices.Equal(got, sum) {
			t.Fatalf("%s got another sum than %s", id, order[0])
		}
		sum = got
	}
	return sum
}

// drop continues with a smaller cohort.
func (f *federation) drop(t testing.TB, gone ...party.ID) comity.Cohort {
	t.Helper()
	c, err := f.hub.Successor(gone, "silent")
	must(t, err)
	must(t, f.hub.Recohort(c))
	f.logged = append(f.logged, c)
	for _, id := range c.Members {
		must(t, f.members[id].Recohort(c))
	}
	return c
}

// evidence closes the round and collects what a stranger gets.
func (f *federation) evidence(t testing.TB) (Transcript, Evidence) {
	t.Helper()
	e := Evidence{
		Plan: testPlan, MinMembers: MinMembers, Cohorts: f.logged, Heads: map[party.ID]comity.Head{},
		Fingerprints: map[party.ID]comity.Fingerprint{}, Opened: f.hub.Opened,
		Blob: func(d canon.Digest) ([]byte, error) {
			if b, ok := f.blobs[d]; ok {
				return b, nil
			}
			return nil, errNotKept
		},
	}
	members := f.hub.Cohort().Members
	for _, id := range members {
		e.Heads[id] = f.members[id].Head()
	}
	e.Seed = FingerprintSeed(f.hub.transcript.Round, []byte("a root"))
	for _, id := range members {
		fp, err := f.members[id].Fingerprint(e.Seed)
		must(t, err)
		e.Fingerprints[id] = fp
	}
	bytes, err := canon.Marshal(f.hub.Transcript())
	must(t, err)
	tr, err := ParseTranscript(bytes)
	must(t, err)
	return tr, e
}

// copyOf lets one test spoil evidence without spoiling another's.
func copyOf(e Evidence) Evidence {
	e.Heads, e.Fingerprints = maps.Clone(e.Heads), maps.Clone(e.Fingerprints)
	e.Cohorts = slices.Clone(e.Cohorts)
	return e
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

func testSeed() chance.Seed { return chance.Seed{7: 1} }
