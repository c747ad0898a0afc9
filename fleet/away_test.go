package fleet

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"comity/adapter/nats"
	"comity/body"
	"comity/node"
	"comity/pack"
	"comity/party"
)

// opens founds a consortium of which some members join by invitation, and whose hub runs
// the others itself.
func opens(t *testing.T, s pack.Scenario, away ...party.ID) (*operator, map[party.ID]node.Home) {
	t.Helper()
	o := &operator{
		cfg: Config{
			Home: node.Home(t.TempDir()), Scenario: s, Open: true, Clock: time.Now, Progress: func(node.Event) {},
			Cache: filepath.Join(os.TempDir(), "comity-test-wasm"), Patience: 30 * time.Second,
		},
		address: free(t),
	}
	if err := Init(o.cfg); err != nil {
		t.Fatal(err)
	}
	var invitations []*node.Invitation
	for _, id := range away {
		invitations = append(invitations, o.invites(t, id))
	}
	sealed := o.receives(t)
	homes := map[party.ID]node.Home{}
	for _, v := range invitations {
		n := newcomer(t, v)
		if _, _, err := Join(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if err := dealTables(n.Home, s, v.Party); err != nil {
			t.Fatal(err)
		}
		homes[v.Party] = n.Home
	}
	if err := <-sealed; err != nil {
		t.Fatal(err)
	}
	return o, homes
}

// TestFromInvitationToAnswer has a party join by a line, ratify and approve by stick, and
// answer through the mailbox of another one, each from a home of its own.
func TestFromInvitationToAnswer(t *testing.T) {
	t.Parallel()
	s := plain(small(t, 5))
	away, host := s.Members[1].ID, s.Members[2].ID
	o, homes := opens(t, s, away, host)
	if _, err := WriteBundle(t.Context(), o.cfg.Home, away, false); !errors.Is(err, nats.ErrUnreachable) {
		t.Errorf("a bundle of a hub that does not run: %v", err)
	}
	letter, err := Lodge(homes[host], away, Hosting{Address: free(t)}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := func(id party.ID) Config {
		cfg := o.cfg
		cfg.Home, cfg.Schemas = homes[id], o.cfg.schemas()
		return cfg
	}
	f, err := Start(t.Context(), o.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	serves := func(id party.ID) {
		running.Go(func() {
			if err := RunHome(ctx, own(id), nil, rowsOf(s, id)); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	serves(host)
	trip := func() *node.Visited {
		t.Helper()
		data, err := WriteBundle(t.Context(), o.cfg.Home, away, false)
		if err != nil {
			t.Fatal(err)
		}
		v, err := VisitHome(t.Context(), own(away), rowsOf(s, away), data)
		if err != nil || len(v.Trouble) > 0 {
			t.Fatalf("%+v, %v", v, err)
		}
		if r, err := TakeReply(t.Context(), o.cfg.Home, v.Reply); err != nil || r.Party != away {
			t.Fatalf("%+v, %v", r, err)
		}
		return v
	}
	founded := make(chan error, 1)
	go func() { founded <- f.Found(t.Context()) }()
	until(t, f, func(s *body.State) bool { return len(s.View().Ratified) == 5 })
	forged(t, own(away))
	trip()
	if err := <-founded; err != nil {
		t.Fatal(err, f.reported())
	}
	if kept, err := os.ReadFile(homes[away].Charter()); err != nil || !bytes.Equal(kept, f.Sealed()) {
		t.Errorf("the home keeps another charter than that of the log: %v", err)
	}

	c := &carrier{t, f, nil}
	q, done := c.ask(t.Context(), "invited")
	until(t, f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Keys) >= 4 })
	if v := trip(); len(v.Said) != 5 {
		t.Fatalf("%+v", v)
	}
	if _, err := UseMailbox(homes[host], &letter); !errors.Is(err, node.ErrAddressee) {
		t.Errorf("another's mailbox: %v", err)
	}
	if _, err := UseMailbox(homes[away], &letter); err != nil {
		t.Fatal(err)
	}
	serves(away)
	got := <-done
	if got.err != nil || len(got.board.Survivors.Members) != 5 || len(got.board.Unmasks) != 5 {
		t.Errorf("%v, %+v, %v", got.err, got.board.Survivors, f.reported())
	}
	if m, err := UseMailbox(homes[away], nil); !errors.Is(err, node.ErrBusy) {
		t.Errorf("a mailbox is left while the member runs: %+v, %v", m, err)
	}
}

// forged brings a home that has not seen the charter the bundle of another consortium, which
// a carrier founded with the same parties and rules.
func forged(t *testing.T, cfg Config) {
	t.Helper()
	m, err := LoadMembership(cfg.Home)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(cfg.Home.Charter()); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	fake := carriedScenario(t, cfg.Scenario, m.Party)
	data, err := fake.f.hub.Bundle(t.Context(), m.Party, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VisitHome(t.Context(), cfg, nil, data); !errors.Is(err, node.ErrTerms) {
		t.Errorf("the bundle of a consortium that a carrier founded: %v, want ErrTerms", err)
	}
	if _, err := os.Stat(cfg.Home.Charter()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its charter is kept: %v", err)
	}
}
