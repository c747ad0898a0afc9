package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/conformance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/anchor"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
	"comity/party"
	"comity/verifier/secagg"
)

// guild is a round of secure sums in one place: every member masks what it adds, the hub
// adds masked vectors and unmasks nothing but sums. What crosses between them is bytes.
type guild struct {
	hub     *secagg.Hub
	members []*secagg.Member
	ids     []party.ID

	mutex   sync.Mutex
	waiting []chan answer
	uploads [][]byte
	step    secagg.Step
}

// answer is what a member gets in each stage of a step.
type answer struct {
	data []byte
	err  error
}

// drawer is a journal and store that forget nothing as long as they live.
type drawer struct {
	entries [][]byte
	named   map[string][]byte
}

var errNotThere = errors.New("not there")

func (d *drawer) Entries() ([][]byte, error) { return d.entries, nil }

func (d *drawer) Append(e []byte) error {
	d.entries = append(d.entries, bytes.Clone(e))
	return nil
}

func (d *drawer) Put(name string, data []byte) error {
	d.named[name] = bytes.Clone(data)
	return nil
}

func (d *drawer) Get(name string) ([]byte, error) {
	if data, ok := d.named[name]; ok {
		return data, nil
	}
	return nil, errNotThere
}

func newDrawer() *drawer { return &drawer{named: map[string][]byte{}} }

// newGuild opens a round of n members whose pair secrets are drawn.
func newGuild(tb testing.TB, n int) *guild {
	tb.Helper()
	g := &guild{}
	coin := rand.NewChaCha8([32]byte{1})
	pairs := make([]*secagg.Pairs, n)
	for i := range n {
		g.ids = append(g.ids, party.ID(fmt.Sprintf("P%02d", i)))
		pairs[i] = &secagg.Pairs{}
		for j := range i {
			var key [32]byte
			_, _ = coin.Read(key[:])
			pairs[i].Set(g.ids[j], key)
			pairs[j].Set(g.ids[i], key)
		}
	}
	plan := canon.Sum([]byte("a plan"))
	cohort := comity.Cohort{Round: "adult/train", Number: 1, Members: g.ids, Reason: "opened"}
	var err error
	g.hub, err = secagg.NewHub(secagg.HubConfig{Plan: plan, Cohort: cohort, MinMembers: secagg.MinMembers, Store: newDrawer()})
	if err != nil {
		tb.Fatal(err)
	}
	for i, id := range g.ids {
		own := newDrawer()
		m, err := secagg.NewMember(secagg.MemberConfig{
			Plan: plan, Self: id, Cohort: cohort, MinMembers: secagg.MinMembers, Pairs: pairs[i],
			Secret: rand.NewChaCha8([32]byte{2, byte(i)}), Journal: own, Store: own,
		})
		if err != nil {
			tb.Fatal(err)
		}
		g.members = append(g.members, m)
	}
	return g
}

// sitter is one member's learn.Summer.
type sitter struct {
	guild *guild
	index int
}

// Sum masks x and hands it in, reveals what unmasks the sum of all, and reads that.
func (s *sitter) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	m := s.guild.members[s.index]
	upload, err := m.Upload(step.Name, step.Bits, x)
	if err != nil {
		return nil, err
	}
	s.guild.mutex.Lock()
	s.guild.step = secagg.Step{Name: step.Name, Bits: step.Bits, Lanes: len(x)}
	s.guild.mutex.Unlock()
	shown, err := s.exchange(ctx, upload.Bytes(), s.guild.commitments)
	if err != nil {
		return nil, err
	}
	list, err := secagg.ParseCommitments(shown)
	if err != nil {
		return nil, err
	}
	reveal, err := m.Reveal(list)
	if err != nil {
		return nil, err
	}
	said, err := s.exchange(ctx, reveal.Bytes(), s.guild.broadcast)
	if err != nil {
		return nil, err
	}
	last, err := secagg.ParseBroadcast(said)
	if err != nil {
		return nil, err
	}
	sum, err := m.Finish(last)
	if err != nil {
		return nil, err
	}
	return sum, nil
}

// exchange hands data in and waits for what the hub makes of everybody's.
func (s *sitter) exchange(ctx context.Context, data []byte, hub func(all [][]byte) ([]byte, error)) ([]byte, error) {
	g, mine := s.guild, make(chan answer, 1)
	g.mutex.Lock()
	if g.uploads == nil {
		g.uploads = make([][]byte, len(g.members))
	}
	g.uploads[s.index] = data
	if g.waiting = append(g.waiting, mine); len(g.waiting) == len(g.members) {
		var a answer
		a.data, a.err = hub(g.uploads)
		for _, c := range g.waiting {
			c <- a
		}
		g.waiting, g.uploads = nil, nil
	}
	g.mutex.Unlock()
	select {
	case a := <-mine:
		return a.data, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// commitments adds all uploads and shows what members committed to.
func (g *guild) commitments(all [][]byte) ([]byte, error) {
	if err := g.hub.Begin(g.step); err != nil {
		return nil, err
	}
	for i, data := range all {
		u, err := secagg.ParseUpload(data)
		if err != nil {
			return nil, err
		}
		if err := g.hub.Upload(g.ids[i], u); err != nil {
			return nil, err
		}
	}
	c, err := g.hub.Commitments()
	return c.Bytes(), err
}

// broadcast unmasks the sum.
func (g *guild) broadcast(all [][]byte) ([]byte, error) {
	for i, data := range all {
		r, err := secagg.ParseReveal(data)
		if err != nil {
			return nil, err
		}
		if err := g.hub.Reveal(g.ids[i], r); err != nil {
			return nil, err
		}
	}
	b, err := g.hub.Broadcast()
	return b.Bytes(), err
}

// adult deals the a9a training rows out to n members and says how they learn.
func adult(tb testing.TB, n, rounds int) (hands []*learn.Rows, all *learn.Rows, cfg *trees.Config) {
	tb.Helper()
	var files []string
	for _, name := range conformance.Glob(tb, "benchmarks/a9a*/*.gz") {
		if !strings.Contains(name, "test") {
			files = append(files, name)
		}
	}
	frame, err := anchor.ReadLibSVM(files, 123)
	if err != nil {
		tb.Fatal(err)
	}
	features := frame.Features(255)
	all = frame.Table(features, 1).Rows
	lists := make([][]int, n)
	for i := range all.Len() {
		lists[i%n] = append(lists[i%n], i)
	}
	for _, list := range lists {
		hands = append(hands, learntest.Take(all, list))
	}
	return hands, all, &trees.Config{
		Name: "adult", Tasks: 1, Folds: 1, Rounds: rounds, Depth: 6, RatePermille: 100, Lambda: 1, MinRows: 20,
		RowPermille: 1000, FeaturePermille: 1000, Members: n, Loss: loss.Loss{Kind: loss.Logistic, Scale: fixed.One},
		TargetLo: -fixed.One, TargetHi: fixed.One, Seed: chance.Seed{3}, Features: features,
	}
}

// train has every member learn at its seat and returns what each has.
func (g *guild) train(ctx context.Context, hands []*learn.Rows, cfg *trees.Config) ([]*trees.Model, error) {
	models, errs := make([]*trees.Model, len(hands)), make([]error, len(hands))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wait sync.WaitGroup
	for i, rows := range hands {
		wait.Go(func() {
			own := *cfg
			if models[i], errs[i] = trees.Train(ctx, rows, &own, &sitter{g, i}); errs[i] != nil {
				stop()
			}
		})
	}
	wait.Wait()
	return models, errors.Join(errs...)
}

// TestConformanceTreesUnderMasks grows trees on real rows whose sums nobody sees but
// masked, and wants the model of pooled rows.
func TestConformanceTreesUnderMasks(t *testing.T) {
	hands, all, cfg := adult(t, 5, 4)
	got, err := newGuild(t, len(hands)).train(t.Context(), hands, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want, err := trees.Train(t.Context(), all, cfg, learn.Pooled{})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range got {
		if !bytes.Equal(m.Encode(), want.Encode()) {
			t.Errorf("member %d has another model than pooled rows give", i)
		}
	}
}

// BenchmarkTreesUnderMasks is a9a among three members, the fewest there may be: 50 trees
// of depth 6, members and hub on the same processors.
func BenchmarkTreesUnderMasks(b *testing.B) {
	const rounds = 50
	hands, _, cfg := adult(b, secagg.MinMembers, rounds)
	b.ReportAllocs()
	var spent float64
	for b.Loop() {
		g := newGuild(b, len(hands))
		before := seconds()
		if _, err := g.train(b.Context(), hands, cfg); err != nil {
			b.Fatal(err)
		}
		spent += seconds() - before
	}
	b.ReportMetric(spent/float64(b.N)/rounds, "cpu_s/tree")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/rounds, "wall_s/tree")
}

// seconds returns what all processors spent on this process.
func seconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
