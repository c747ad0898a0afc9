package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"comity"
	"comity/adapter/nats"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
)

// files is a store as hub and members have it.
type files string

func (f files) Put(name string, data []byte) error {
	return os.WriteFile(filepath.Join(string(f), name), data, 0o600)
}

func (f files) Get(name string) ([]byte, error) { return os.ReadFile(filepath.Join(string(f), name)) }

// diary is a journal that is on disk when Append returns.
type diary struct{ *os.File }

func (d diary) Entries() ([][]byte, error) { return nil, nil } // The round is new.

func (d diary) Append(entry []byte) error {
	_, err := d.Write(entry)
	return errors.Join(err, d.Sync())
}

// sums is the hub of a sequence: what package node does, without a log and a training.
type sums struct {
	mu    sync.Mutex
	agg   *secagg.Hub
	link  *nats.Hub
	step  secagg.Step
	shown bool
	left  int // Steps to go.
}

// take hears one message of a member and shows what follows from it.
func (s *sums) take(hear func() error) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := hear(); err != nil {
		return nil, err
	}
	if !s.shown {
		c, err := s.agg.Commitments()
		if errors.Is(err, secagg.ErrOrder) {
			return nil, nil // Uploads are still missing.
		}
		s.shown = true
		return nil, errors.Join(err, s.link.Broadcast("commitments", c.Bytes()))
	}
	if len(s.agg.Missing()) > 0 {
		return nil, nil
	}
	b, err := s.agg.Broadcast()
	if err != nil {
		return nil, err
	}
	s.shown = false
	if s.left--; s.left > 0 {
		err = s.agg.Begin(s.step)
	}
	return nil, errors.Join(err, s.link.Broadcast("sum", b.Bytes()))
}

func (s *sums) upload(_ context.Context, from string, data []byte) ([]byte, error) {
	return s.take(func() error {
		u, err := secagg.ParseUpload(data)
		if err != nil {
			return err
		}
		return s.agg.Upload(party.ID(from), u)
	})
}

func (s *sums) reveal(_ context.Context, from string, data []byte) ([]byte, error) {
	return s.take(func() error {
		v, err := secagg.ParseReveal(data)
		if err != nil {
			return err
		}
		return s.agg.Reveal(party.ID(from), v)
	})
}

// adder is a member of a sequence.
type adder struct {
	*secagg.Member
	link              *nats.Member
	commitments, sums chan []byte
}

// run adds x in every step and returns the last sum.
func (a *adder) run(ctx context.Context, step secagg.Step, steps int, x []int64) (sum []int64, err error) {
	for range steps {
		u, err := a.Upload(step.Name, step.Bits, x)
		if err != nil {
			return nil, err
		}
		if _, err := a.link.Request(ctx, "upload", u.Bytes()); err != nil {
			return nil, err
		}
		data, err := next(ctx, a.commitments)
		if err != nil {
			return nil, err
		}
		c, err := secagg.ParseCommitments(data)
		if err != nil {
			return nil, err
		}
		v, err := a.Reveal(c)
		if err != nil {
			return nil, err
		}
		if _, err := a.link.Request(ctx, "reveal", v.Bytes()); err != nil {
			return nil, err
		}
		if data, err = next(ctx, a.sums); err != nil {
			return nil, err
		}
		b, err := secagg.ParseBroadcast(data)
		if err != nil {
			return nil, err
		}
		if sum, err = a.Finish(b); err != nil {
			return nil, err
		}
	}
	_, err = a.Fingerprint(secagg.FingerprintSeed("bench", make([]byte, 32)))
	return sum, err
}

// next waits for what the hub shows.
func next(ctx context.Context, shown <-chan []byte) ([]byte, error) {
	select {
	case data := <-shown:
		return data, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// exchanged are the pair secrets of members who sealed them to one another.
func exchanged(b *testing.B, ids []party.ID) map[party.ID]*secagg.Pairs {
	b.Helper()
	keys, peers := map[party.ID]*secagg.EpochKey{}, []secagg.Peer(nil)
	for _, id := range ids {
		key, public, err := secagg.NewEpoch(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		keys[id], peers = key, append(peers, secagg.Peer{Party: id, Key: public})
	}
	pairs, boxes := map[party.ID]*secagg.Pairs{}, map[party.ID][]secagg.Box{}
	for _, id := range ids {
		var err error
		others := slices.DeleteFunc(slices.Clone(peers), func(p secagg.Peer) bool { return p.Party == id })
		if _, boxes[id], pairs[id], err = keys[id].Deal("bench", "epoch", id, others, rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
	for _, from := range ids {
		for _, box := range boxes[from] {
			at := secagg.BoxContext{Body: "bench", Epoch: "epoch", From: from, To: box.To}
			secret, err := keys[box.To].Open(at, canon.Sum(box.Sealed), box.Sealed)
			if err != nil {
				b.Fatal(err)
			}
			pairs[box.To].Set(from, secret)
		}
	}
	for _, id := range ids {
		pairs[id] = pairs[id].Ratchet("bench")
	}
	return pairs
}

// BenchmarkSequence is a training sequence of a whole consortium on one machine: hub and
// thirty members, each with its own TLS connection to the hub's server on loopback, its
// journal on disk and its vectors in files. Keys are exchanged and everybody is connected
// before it begins; at the end each member gives its fingerprint.
func BenchmarkSequence(b *testing.B) {
	const members, steps, lanes = 30, 100, 20_000
	step := secagg.Step{Name: "step", Bits: 32, Lanes: lanes}
	used := 0.0
	for b.Loop() {
		b.StopTimer()
		s, all := sequence(b, members, steps, step)
		x := make([]int64, lanes)
		for i := range x {
			x[i] = int64(i)
		}
		ctx, stop := context.WithTimeout(b.Context(), 5*time.Minute)
		before := cpu(b)
		b.StartTimer()
		var running sync.WaitGroup
		for _, a := range all {
			running.Go(func() {
				sum, err := a.run(ctx, step, steps, x)
				if err != nil || sum[1] != members || sum[lanes-1] != members*(lanes-1) {
					b.Error("another sum than a trusted party's", err)
					stop() // Nobody waits for a member that is out.
				}
			})
		}
		running.Wait()
		b.StopTimer()
		stop()
		if got := len(s.agg.Transcript().Steps); got != steps {
			b.Fatalf("%d steps, want %d", got, steps)
		}
		used += cpu(b) - before
		b.StartTimer()
	}
	b.ReportMetric(used/float64(b.N), "cpu-s/op")
}

// sequence connects a hub and its members.
func sequence(b *testing.B, members, steps int, step secagg.Step) (*sums, []*adder) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	cohort := comity.Cohort{Round: "bench", Number: 1, Reason: "opened"}
	var identities []nats.Identity
	var known []nats.MemberIdentity
	for i := range members {
		identity, err := nats.NewIdentity(rand.Reader)
		must(err)
		id := fmt.Sprintf("M%02d", i)
		cohort.Members = append(cohort.Members, party.ID(id))
		identities, known = append(identities, identity), append(known, nats.MemberIdentity{Name: id, NKey: identity.Public()})
	}
	s := &sums{step: step, left: steps}
	var err error
	s.link, err = nats.Listen(b.Context(), nats.HubConfig{Folder: b.TempDir(), Members: known})
	must(err)
	b.Cleanup(s.link.Close)
	plan := canon.Sum([]byte("bench"))
	s.agg, err = secagg.NewHub(secagg.HubConfig{Plan: plan, Cohort: cohort, MinMembers: secagg.MinMembers, Store: files(b.TempDir())})
	must(err)
	must(s.agg.Begin(step))
	must(errors.Join(s.link.Handle("upload", s.upload), s.link.Handle("reveal", s.reveal)))
	pairs := exchanged(b, cohort.Members)
	var all []*adder
	for i, id := range cohort.Members {
		a := &adder{commitments: make(chan []byte, 1), sums: make(chan []byte, 1)}
		journal, err := os.Create(filepath.Join(b.TempDir(), "journal"))
		must(err)
		b.Cleanup(func() { _ = journal.Close() })
		a.Member, err = secagg.NewMember(secagg.MemberConfig{
			Plan: plan, Self: id, Cohort: cohort, MinMembers: secagg.MinMembers, Pairs: pairs[id], Secret: rand.Reader,
			Journal: diary{journal}, Store: files(b.TempDir()),
		})
		must(err)
		a.link, err = nats.Dial(b.Context(), nats.MemberConfig{Address: s.link.Address(), Pin: s.link.Pin(), Name: string(id), Identity: identities[i]})
		must(err)
		b.Cleanup(a.link.Close)
		must(errors.Join(
			a.link.Handle("commitments", func(_ context.Context, data []byte) ([]byte, error) { a.commitments <- data; return nil, nil }),
			a.link.Handle("sum", func(_ context.Context, data []byte) ([]byte, error) { a.sums <- data; return nil, nil }),
		))
		all = append(all, a)
	}
	return s, all
}
