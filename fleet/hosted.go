package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"time"

	"comity/adapter/highs"
	"comity/adapter/nats"
	"comity/modeler/forecast"
	"comity/node"
	"comity/party"
)

// Hosting is for whom the member of a home keeps a mailbox, and where.
type Hosting struct {
	Listen  string   `json:"listen"`  // HOST:PORT on this machine.
	Address string   `json:"address"` // Where guests reach it.
	Guests  []Lodger `json:"guests"`  // Ascending.
}

// Lodger is one guest. Token is the public half of what it is known by.
type Lodger struct {
	Party party.ID `json:"party"`
	Token string   `json:"token"`
}

func hostingFile(home node.Home) string { return filepath.Join(string(home), "hosting.json") }

// LoadHosting reads what Lodge wrote. Errors: fs.ErrNotExist, ErrHome.
func LoadHosting(home node.Home) (*Hosting, error) {
	h := new(Hosting)
	return h, loadJSON(hostingFile(home), h)
}

// maxGuests bounds for how many one member keeps mailboxes.
const maxGuests = 100

// Lodge has the member of a home keep a mailbox for another member from its next start on,
// and returns the file for that member. An earlier file for it is void. Address is where
// guests reach the mailbox, and Listen where it is on this machine; empty: as before.
func Lodge(home node.Home, guest party.ID, at Hosting, secret io.Reader) (node.Letterbox, error) {
	h, err := LoadHosting(home)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return node.Letterbox{}, err
	}
	if at.Address != "" {
		h.Address, h.Listen = at.Address, at.Listen
	}
	_, port, err := net.SplitHostPort(h.Address)
	if err != nil {
		return node.Letterbox{}, fmt.Errorf("%w: where guests reach the mailbox, %q, is not HOST:PORT", nats.ErrConfig, h.Address)
	}
	h.Listen = cmp.Or(h.Listen, ":"+port)
	pin, err := nats.PinOf(node.MailboxFolder(home))
	if err != nil {
		return node.Letterbox{}, err
	}
	m, err := LoadMembership(home)
	if err != nil {
		return node.Letterbox{}, err
	}
	if err := guest.Check(); err != nil || guest == m.Party {
		return node.Letterbox{}, fmt.Errorf("%w: %.40q cannot be a guest of %s", party.ErrID, guest, m.Party)
	}
	l, public, err := node.NewLetterbox(node.Letterbox{Body: m.Body, Host: m.Party, Party: guest, Address: h.Address, Pin: pin}, secret)
	if err != nil {
		return l, err
	}
	h.Guests = append(slices.DeleteFunc(h.Guests, func(g Lodger) bool { return g.Party == guest }), Lodger{guest, public})
	slices.SortFunc(h.Guests, func(a, b Lodger) int { return cmp.Compare(a.Party, b.Party) })
	if len(h.Guests) > maxGuests {
		return l, fmt.Errorf("%w: %d guests, at most %d", nats.ErrConfig, len(h.Guests), maxGuests)
	}
	return l, saveJSON(hostingFile(home), h)
}

// keepMailbox opens the mailbox of a home's member, if it keeps one; nil if not.
func keepMailbox(ctx context.Context, home node.Home, m *node.Member) (*node.Mailbox, error) {
	h, err := LoadHosting(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // See above.
	}
	if err != nil {
		return nil, err
	}
	cfg := node.MailboxConfig{Address: h.Listen}
	for _, g := range h.Guests {
		cfg.Guests = append(cfg.Guests, nats.MemberIdentity{Name: string(g.Party), NKey: g.Token})
	}
	return m.Host(ctx, cfg)
}

// runGuest takes part through a host's mailbox until ctx ends. The host may be away.
func (c Config) runGuest(ctx context.Context, m *Membership, rows func(asOf string) ([]forecast.Observation, error)) error {
	lock, err := lockHome(string(c.Home))
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // The kernel drops the lock.
	engine, err := highs.New(highs.Config{Cache: c.Cache})
	if err != nil {
		return err
	}
	defer engine.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Frees memory of a process that ends.
	for {
		err := node.RunGuest(ctx, node.GuestConfig{
			Home: c.Home, Letterbox: *m.Mailbox, Progress: c.Progress, Logger: c.Logger,
			Visit: func(ctx context.Context, bundle []byte) (*node.Visited, error) {
				return c.visit(ctx, m, visitor{rows, engine}, bundle)
			},
		})
		if ctx.Err() != nil || !errors.Is(err, nats.ErrUnreachable) {
			return err
		}
		c.Progress(node.Event{Phase: "connect", Text: fmt.Sprintf("waiting for the mailbox at %s, %s", m.Mailbox.Host, m.Mailbox.Address), Total: 1})
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		}
	}
}

// UseMailbox has the member of a home take part through a host's mailbox from its next start
// on, or by itself again without one.
func UseMailbox(home node.Home, l *node.Letterbox) (*Membership, error) {
	m, err := LoadMembership(home)
	if err != nil {
		return nil, err
	}
	if l != nil && (l.Party != m.Party || l.Body != m.Body) {
		return nil, fmt.Errorf("%w: the mailbox is that of %s in %s, this is the home of %s in %s", node.ErrAddressee, l.Party, l.Body, m.Party, m.Body)
	}
	lock, err := lockHome(string(home))
	if err != nil {
		return nil, err
	}
	defer lock.Close() //nolint:errcheck // The kernel drops the lock.
	m.Mailbox = l
	return m, saveJSON(MembershipFile(home), m)
}
