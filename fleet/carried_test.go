package fleet

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"comity"
	"comity/body"
	"comity/exact"
	"comity/governor/charter"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
	"comity/party"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
)

// carrier walks between a hub and members that have no line to it.
type carrier struct {
	t      *testing.T
	f      *Fleet
	visits map[party.ID]int
}

// bundle is what the hub gives it for a member.
func (c *carrier) bundle(id party.ID) []byte {
	c.t.Helper()
	data, err := c.f.hub.Bundle(c.t.Context(), id, false)
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

// visit opens a member's home, which lies on a machine of its own, for one bundle.
func (c *carrier) visit(id party.ID, data []byte) (*node.Visited, error) {
	return c.visitIn(c.t.Context(), id, data)
}

func (c *carrier) visitIn(ctx context.Context, id party.ID, data []byte) (*node.Visited, error) {
	cfg, err := c.f.cfg.member(id)(ctx, c.f.sealed, place{}, c.f.engine)
	if err != nil {
		return nil, err
	}
	return node.Visit(ctx, cfg, data)
}

// trip goes there and back.
func (c *carrier) trip(id party.ID) *node.Visited {
	c.t.Helper()
	v, err := c.visit(id, c.bundle(id))
	if err != nil {
		c.t.Fatal(err)
	}
	if _, _, err := c.f.hub.Take(c.t.Context(), v.Reply); err != nil {
		c.t.Fatal(err)
	}
	c.visits[id]++
	return v
}

// plain is a scenario whose rows are not about persons, so that sums are exact and can be
// compared.
func plain(s pack.Scenario) pack.Scenario {
	s.Charter = strings.NewReplacer("personal: true", "personal: false", "health/visits@1", plainVisits().ID).Replace(s.Charter)
	s.Tables = slices.Clone(s.Tables)
	s.Tables[0].Schema = plainVisits()
	return s
}

// carriedFleet founds a consortium of which some members are never connected.
func carriedFleet(t *testing.T, members int, carried ...int) *carrier {
	t.Helper()
	s := plain(small(t, members))
	var ids []party.ID
	for _, i := range carried {
		ids = append(ids, s.Members[i].ID)
	}
	return carriedScenario(t, s, ids...)
}

func carriedScenario(t *testing.T, s pack.Scenario, carried ...party.ID) *carrier {
	t.Helper()
	members := len(s.Members)
	cfg := Config{
		Home: node.Home(t.TempDir()), Scenario: s, Clock: time.Now, Cache: filepath.Join(os.TempDir(), "comity-test-wasm"), Progress: func(node.Event) {},
		Carried: carried,
	}
	f, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close(t.Context()) })
	for _, m := range cfg.Scenario.Members {
		if err := dealTables(cfg.Home.Member(m.ID), cfg.Scenario, m.ID); err != nil {
			t.Fatal(err)
		}
	}
	c := &carrier{t, f, map[party.ID]int{}}
	founded := make(chan error, 1)
	go func() { founded <- f.Found(t.Context()) }()
	until(t, f, func(s *body.State) bool { return len(s.View().Ratified) == members+1-len(carried) })
	for _, id := range cfg.Carried {
		c.trip(id)
	}
	if err := <-founded; err != nil {
		t.Fatal(err, f.reported())
	}
	clear(c.visits)
	return c
}

// plainVisits is the schema of rows that are about nobody.
func plainVisits() schema.Schema {
	s := health.Visits()
	s.ID, s.Person = "test/visits@1", ""
	s.Columns = slices.Clone(s.Columns)
	for i := range s.Columns {
		s.Columns[i].Personal = false
	}
	return s
}

// until waits for the hub's log.
func until(t *testing.T, f *Fleet, done func(*body.State) bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		ok := false
		f.hub.Look(func(s *body.State) { ok = done(s) })
		if ok {
			return
		}
		if time.Now().After(end) {
			f.hub.Look(func(s *body.State) {
				for round := range s.View().Questions {
					b, _ := s.Board(round)
					t.Errorf("%s: %s, waiting for %v", round, b.Phase(), b.Missing())
				}
			})
			t.Fatal("the log does not come to it", f.reported())
		}
	}
}

// asked is a question under way.
type asked struct {
	board  federation.Board
	answer analytics.Answer
	err    error
}

// ask asks without noise, so that sums can be compared.
func (c *carrier) ask(ctx context.Context, name string) (comity.Question, <-chan asked) {
	c.t.Helper()
	q := byAge(name)
	q.Seconds, q.Disclosure, q.Variance, q.Query.PersonRows = 120, "exact", exact.Rat{}, 0
	q, err := node.Terms(c.f.hub.Charter(), q, plainVisits())
	if err != nil {
		c.t.Fatal(err)
	}
	done := make(chan asked, 1)
	go func() {
		b, a, err := c.f.Ask(ctx, q, plainVisits())
		if err != nil {
			c.t.Logf("question %s: %v", name, err)
		}
		done <- asked{b, a, err}
	}()
	return q, done
}

// phase waits until a question is in a phase, and all but some members did what it asks.
func (c *carrier) phase(round string, phase federation.Phase, did func(federation.Board) int, want int) {
	c.t.Helper()
	until(c.t, c.f, func(s *body.State) bool {
		b, ok := s.Board(round)
		return ok && b.Phase() == phase && did(b) >= want
	})
}

func consents(b federation.Board) int { return len(b.Consents) }
func deals(b federation.Board) int    { return len(b.Deals) }

// TestAMemberByStick has one of five members take part in a question through files alone:
// two visits, and a third for its fingerprint.
func TestAMemberByStick(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 5, 2)
	away := c.f.cfg.Carried[0]
	q, done := c.ask(t.Context(), "by-stick")
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Keys) >= 4 })
	v := c.trip(away)
	want := []comity.Kind{comity.KindConsent, comity.KindKeys, comity.KindBoxes, comity.KindJoin, comity.KindNonce}
	if !slices.Equal(v.Said, want) || v.Ahead != 2 || len(v.Trouble) > 0 {
		t.Fatalf("first visit: %+v", v)
	}
	c.phase(q.Round, federation.Dealing, deals, 4)
	v = c.trip(away)
	if want := []comity.Kind{comity.KindDeal, comity.KindSettled, comity.KindCommit}; !slices.Equal(v.Said, want) || v.Ahead != 1 || len(v.Trouble) > 0 {
		t.Fatalf("second visit: %+v", v)
	}
	c.phase(q.Round, federation.Unmasking, deals, 5)
	if v = c.trip(away); !slices.Equal(v.Said, []comity.Kind{comity.KindUnmask}) {
		t.Fatalf("third visit: %+v", v)
	}
	c.answered(<-done, 5)
	for _, m := range c.f.cfg.Scenario.Members {
		if m.ID != away {
			erased(t, c.f.cfg.Home.Member(m.ID), q.Round)
		}
	}
	if v = c.trip(away); len(v.Said) > 0 {
		t.Errorf("after the answer: %+v", v)
	}
	erased(t, c.f.cfg.Home.Member(away), q.Round)
}

// answered requires the sum over the rows of so many members, to the last unit: what they
// would have given had all been connected.
func (c *carrier) answered(got asked, members int) {
	c.t.Helper()
	if got.err != nil || len(got.board.Survivors.Members) != members {
		c.t.Fatalf("%v, %v, %v", got.err, got.board.Survivors, c.f.reported())
	}
	sum, err := c.f.hub.Sum(got.board)
	if err != nil {
		c.t.Fatal(err)
	}
	l, err := analytics.NewLayout(got.board.Question.Query, plainVisits())
	if err != nil {
		c.t.Fatal(err)
	}
	want := make([]int64, len(sum))
	for _, id := range got.board.Survivors.Members {
		clause, _ := charter.Clause(c.f.hub.Charter(), got.board.Question.Clause)
		s, table, err := node.OpenTable(c.t.Context(), c.f.cfg.Home.Member(id), c.f.cfg.schemas(), clause)
		if err != nil {
			c.t.Fatal(err)
		}
		e := l.Encoder()
		_, err = schema.Read(s, table, 1, e.Add)
		if err := errors.Join(err, table.Close()); err != nil {
			c.t.Fatal(err)
		}
		for i, x := range e.Vector() {
			want[i] += x
		}
	}
	if !slices.Equal(sum, want) {
		c.t.Errorf("sum %v, rows give %v", sum, want)
	}
}

// TestSticksThatAreLost has every second stick lost, in both directions, and some brought
// twice: what is said again is what was said.
func TestSticksThatAreLost(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 4, 0)
	away := c.f.cfg.Carried[0]
	q, done := c.ask(t.Context(), "lost-sticks")
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Keys) >= 3 })
	c.bundle(away) // Lost on its way there.
	first, err := c.visit(away, c.bundle(away))
	if err != nil {
		t.Fatal(err)
	} // Lost on its way back.
	data := c.bundle(away)
	again, err := c.visit(away, data)
	if err != nil {
		t.Fatal(err)
	}
	saysTheSame(t, first.Reply, again.Reply)
	for range 2 {
		if _, _, err := c.f.hub.Take(t.Context(), again.Reply); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.f.hub.Take(t.Context(), first.Reply); !errors.Is(err, node.ErrStale) {
		t.Errorf("an old reply after a new one: %v", err)
	}
	if v, err := c.visit(away, data); err != nil || !bytes.Equal(v.Reply, again.Reply) {
		t.Errorf("the same bundle again: %v", err)
	}
	c.phase(q.Round, federation.Dealing, deals, 3)
	lost, err := c.visit(away, c.bundle(away))
	if err != nil {
		t.Fatal(err)
	}
	found := c.trip(away)
	saysTheSame(t, lost.Reply, found.Reply)
	if _, err := c.visit(away, data); !errors.Is(err, node.ErrStale) {
		t.Errorf("an old bundle after a new one: %v", err)
	}
	c.phase(q.Round, federation.Unmasking, deals, 4)
	c.trip(away)
	c.answered(<-done, 4)
}

// saysTheSame requires two replies that say the same, to different bundles.
func saysTheSame(t *testing.T, a, b []byte) {
	t.Helper()
	said := func(data []byte) string {
		b, err := node.ParseBundle(data)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(b.Statements(), "\n")
	}
	if x, y := said(a), said(b); x != y || x == "" {
		t.Errorf("said %d bytes first, and then %d", len(x), len(y))
	}
}

// TestSeveralMembersByStick has two members come by stick: each needs the other's keys and
// shares, which takes a visit more for each of both.
func TestSeveralMembersByStick(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 7, 1, 4)
	q, done := c.ask(t.Context(), "two-sticks")
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Keys) >= 5 })
	all := func() {
		for _, id := range c.f.cfg.Carried {
			if v := c.trip(id); len(v.Trouble) > 0 {
				t.Fatalf("%s: %+v", id, v)
			}
		}
	}
	all() // Consent and keys.
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Boxes) >= 5 })
	all() // Boxes, and what opens the round.
	c.phase(q.Round, federation.Dealing, deals, 5)
	all() // Deals.
	c.phase(q.Round, federation.Complaining, func(b federation.Board) int { return len(b.Settled) }, 5)
	all() // Vectors.
	c.phase(q.Round, federation.Unmasking, deals, 7)
	all() // Fingerprints.
	c.answered(<-done, 7)
	if v := c.visits; v[c.f.cfg.Carried[0]] != 5 || v[c.f.cfg.Carried[1]] != 5 {
		t.Errorf("%v visits", v)
	}
}

// TestKilledOnTheWay kills the hub after it took a reply, and the member before it had written
// one.
func TestKilledOnTheWay(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 4, 1)
	away := c.f.cfg.Carried[0]
	reply := filepath.Join(string(c.f.cfg.Home.Member(away)), "carried", "reply")
	ctx, kill := context.WithCancel(t.Context())
	q, done := c.ask(ctx, "killed")
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Keys) >= 3 })
	data := c.bundle(away)
	before, err := os.ReadFile(reply)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.visit(away, data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(reply, before, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := c.visit(away, data)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.f.hub.Take(t.Context(), v.Reply); err != nil {
		t.Fatal(err)
	}
	kill()
	<-done
	if err := c.f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.restart(c.f.cfg)
	_, done = c.ask(t.Context(), "killed")
	c.phase(q.Round, federation.Dealing, deals, 3)
	if _, err := c.visit(away, c.bundle(away)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(reply, v.Reply, 0o600); err != nil {
		t.Fatal(err)
	}
	if v = c.trip(away); len(v.Trouble) > 0 {
		t.Fatalf("%+v", v)
	}
	c.phase(q.Round, federation.Unmasking, deals, 4)
	c.trip(away)
	c.answered(<-done, 4)
}

// TestADecisionPassesBy has a week decided while one member is carried: nobody waits for it,
// the cohort is the others, and it checks the decision when a stick comes.
func TestADecisionPassesBy(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 4, 2)
	away := c.f.cfg.Carried[0]
	w := decide(t, c.f, 0)
	c.f.hub.Look(func(s *body.State) {
		round, _, _ := s.LatestModel()
		cohorts := s.View().Rounds[round].Cohorts
		if len(cohorts) != 1 || len(cohorts[0].Members) != 3 || slices.Contains(cohorts[0].Members, away) {
			t.Errorf("cohorts %+v", cohorts)
		}
	})
	if v := c.trip(away); !slices.Equal(v.Said, []comity.Kind{comity.KindCheck}) || len(v.Trouble) > 0 {
		t.Errorf("%+v", v)
	}
	until(t, c.f, func(s *body.State) bool { return slices.Contains(s.View().Decisions[w.Period].Checks, away) })
}
