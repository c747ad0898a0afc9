package fleet

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"comity"
	"comity/adapter/nats"
	"comity/body"
	"comity/canon"
	"comity/node"
	"comity/party"
	"comity/verifier/federation"
	"comity/verifier/ledger"
)

// mailbox has one member of a fleet keep a mailbox for another, which takes part through it
// until the test ends.
func (c *carrier) mailbox(host int, guest party.ID) (*node.Mailbox, node.Letterbox) {
	c.t.Helper()
	l, public, err := node.NewLetterbox(node.Letterbox{Body: c.f.hub.Charter().ID, Host: c.f.cfg.Scenario.Members[host].ID, Party: guest}, rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := c.f.members[host].Host(c.t.Context(), node.MailboxConfig{
		Address: "127.0.0.1:0", Guests: []nats.MemberIdentity{{Name: string(guest), NKey: public}},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	l.Address, l.Pin = b.Address(), b.Pin()
	return b, l
}

// stays runs the machine of a guest until the returned function switches it off.
func (c *carrier) stays(l node.Letterbox) (off func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- node.RunGuest(ctx, node.GuestConfig{
			Home: c.f.cfg.Home.Member(l.Party), Letterbox: l, Progress: func(node.Event) {},
			Visit: func(ctx context.Context, bundle []byte) (*node.Visited, error) {
				return c.visitIn(ctx, l.Party, bundle)
			},
		})
	}()
	return func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
	}
}

// TestOneByStickAndOneHosted has one of seven members come by stick and one through a
// mailbox: the sum is that of all rows.
func TestOneByStickAndOneHosted(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 7, 1, 4)
	stick, guest := c.f.cfg.Carried[0], c.f.cfg.Carried[1]
	box, l := c.mailbox(0, guest)
	defer box.Close()
	off := c.stays(l)
	q, done := c.ask(t.Context(), "stick-and-host")
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Keys) >= 6 }) // The guest's among them.
	c.trip(stick)
	c.phase(q.Round, federation.Dealing, deals, 6)
	off() // The guest's machine is off for a while; what it said ahead is at the hub.
	if v := c.trip(stick); !slices.Contains(v.Said, comity.KindDeal) {
		t.Fatalf("%+v", v)
	}
	off = c.stays(l)
	defer func() { off() }()
	c.phase(q.Round, federation.Unmasking, deals, 7)
	c.trip(stick)
	c.answered(<-done, 7)
}

// TestWhatAHostHolds gives a host's whole disk to somebody who looks for the guest's secrets,
// and has the host say something in the guest's name.
func TestWhatAHostHolds(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 4, 2)
	guest := c.f.cfg.Carried[0]
	host := c.f.cfg.Scenario.Members[0].ID
	box, l := c.mailbox(0, guest)
	off := c.stays(l)
	_, done := c.ask(t.Context(), "hosted")
	c.answered(<-done, 4)
	off()
	box.Close()

	secrets := map[string][]byte{}
	home := c.f.cfg.Home.Member(guest)
	keys, err := filepath.Glob(filepath.Join(filepath.Dir(home.NodeKey()), "*"))
	if err != nil || len(keys) < 5 {
		t.Fatal(keys, err)
	}
	for _, file := range keys {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.SplitN(strings.TrimSpace(string(data)), "+", 5) // PRIVATE+KEY+NAME+HASH+SECRET, or a secret alone.
		secrets[file] = []byte(parts[len(parts)-1])
	}
	rows, err := os.ReadFile(filepath.Join(home.Data(), "visits.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(rows), []byte("\n"))
	for i, line := range lines[1:] {
		if i%20 == 0 {
			secrets[string(line)] = line
		}
	}
	held := everything(t, c.f.cfg.Home.Member(host))
	if !bytes.Contains(held, []byte("comity-bundle/v1")) {
		t.Fatal("the host holds no bundle")
	}
	for what, secret := range secrets {
		if bytes.Contains(held, secret) {
			t.Errorf("the host holds %s", what)
		}
	}

	key, err := party.LoadKey(c.f.cfg.Home.Member(host).NodeKey())
	if err != nil {
		t.Fatal(err)
	}
	counter := 0
	c.f.hub.Look(func(s *body.State) { counter = s.View().Counters[guest] })
	entry, err := ledger.Sign(comity.Statement{
		Body: c.f.hub.Charter().ID, Charter: canon.Sum(c.f.sealed), Author: guest, Counter: counter + 1, Kind: comity.KindSettled, Record: canon.Raw(`{"round":"2026-11-18/hosted"}`),
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	c.f.hub.Look(func(s *body.State) {
		var r *body.Refusal
		if err := s.Admissible(entry); !errors.As(err, &r) || r.Rule != body.RuleSignature {
			t.Errorf("a statement that the host signed for its guest: %v", err)
		}
	})
	reply := c.reply(guest)
	if _, _, err := c.f.hub.Take(t.Context(), resealed(t, reply, c.f.cfg.Home.Member(host).NodeKey())); !errors.Is(err, party.ErrSignature) {
		t.Errorf("a reply that the host sealed for its guest: %v", err)
	}
}

// TestAMailboxThatFails kills the host while it holds a reply that it could not deliver, and
// asks it for what is not the guest's.
func TestAMailboxThatFails(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 4, 2)
	guest := c.f.cfg.Carried[0]
	box, l := c.mailbox(0, guest)
	token, err := nats.ParseIdentity(l.Token)
	if err != nil {
		t.Fatal(err)
	}
	line, err := nats.Dial(t.Context(), nats.MemberConfig{Address: l.Address, Pin: l.Pin, Name: string(guest), Identity: token})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.Fetch(t.Context(), line, c.f.cfg.Scenario.Members[1].ID, 0, false); !errors.Is(err, node.ErrAddressee) {
		t.Errorf("another's bundle: %v", err)
	}
	if _, err := node.Deliver(t.Context(), line, []byte("no bundle")); !errors.Is(err, node.ErrBundle) {
		t.Errorf("no bundle: %v", err)
	}
	stale := c.reply(guest)
	c.trip(guest)
	c.trip(guest)
	if _, err := node.Deliver(t.Context(), line, stale); !errors.Is(err, node.ErrStale) {
		t.Errorf("an old reply: %v", err)
	}
	line.Close()
	stranger, err := nats.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nats.Dial(t.Context(), nats.MemberConfig{Address: l.Address, Pin: l.Pin, Name: string(guest), Identity: stranger}); !errors.Is(err, nats.ErrRefused) {
		t.Errorf("a stranger at the mailbox: %v", err)
	}

	q, done := c.ask(t.Context(), "host-dies")
	off := c.stays(l)
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Boxes) >= 4 })
	box.Close() // And the guest goes on dialling where it was.
	off()
	box, l2 := c.mailbox(1, guest) // Another host: nothing of the first is needed.
	defer box.Close()
	off = c.stays(l2)
	defer off()
	c.answered(<-done, 4)
}
