package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"comity/adapter/nats"
	"comity/canon"
	"comity/party"
)

// A mailbox is a carrier that is always on: another member's node, the host, fetches the
// bundles of a guest from the hub and delivers the guest's replies, over its own connection
// and under its own identity. The guest dials the host when its machine is on. The host holds
// no key of the guest, and what it stores is what a stick would carry.

// Letterbox is the file that a host gives to its guest: where the mailbox is, and by what the
// guest is known there. The token opens nothing but that: it is not the identity that the
// charter lists, which a host could otherwise use to answer the hub's challenge in its stead.
type Letterbox struct {
	Comity  string   `json:"comity"` // letterboxMagic.
	Body    string   `json:"body"`
	Host    party.ID `json:"host"`
	Party   party.ID `json:"party"`
	Address string   `json:"address"` // HOST:PORT, or wss://HOST:PORT.
	Pin     string   `json:"pin"`     // Of the mailbox's TLS key.
	Token   string   `json:"token"`   // The seed of a NATS user NKey: the secret.
}

const (
	letterboxMagic = "mailbox/v1"
	// maxLetterbox bounds the file in bytes.
	maxLetterbox = 4 << 10
)

// NewLetterbox draws the token of a guest, and returns its public half for the host to keep.
func NewLetterbox(l Letterbox, secret io.Reader) (Letterbox, string, error) {
	token, err := nats.NewIdentity(secret)
	if err != nil {
		return l, "", err
	}
	l.Comity, l.Token = letterboxMagic, token.Seed()
	return l, token.Public(), nil
}

// Bytes returns the file.
func (l Letterbox) Bytes() ([]byte, error) {
	data, err := canon.Marshal(l)
	return append(data, '\n'), err
}

// ParseLetterbox reads the file.
func ParseLetterbox(data []byte) (l Letterbox, err error) {
	if len(data) > maxLetterbox || len(data) == 0 || data[len(data)-1] != '\n' {
		return l, fmt.Errorf("%w: a mailbox file of %d bytes; it has one line of at most %d", ErrBundle, len(data), maxLetterbox)
	}
	if err := canon.Unmarshal(data[:len(data)-1], &l); err != nil {
		return l, fmt.Errorf("%w: mailbox file: %w", ErrBundle, err)
	}
	_, perr := canon.ParseDigest(l.Pin)
	_, terr := nats.ParseIdentity(l.Token)
	if err := errors.Join(perr, terr, l.Party.Check(), l.Host.Check()); l.Comity != letterboxMagic || err != nil {
		return l, fmt.Errorf("%w: mailbox file of %.20q: %w", ErrBundle, l.Comity, err)
	}
	return l, nil
}

// MailboxConfig says for whom a member keeps a mailbox, and where.
type MailboxConfig struct {
	Address string                // Listen here, HOST:PORT.
	Guests  []nats.MemberIdentity // By party and token.
}

// MailboxFolder is where a host keeps what is on its way, and the mailbox's TLS key.
func MailboxFolder(home Home) string { return home.path("mailbox") }

// mailEvery is how often a host looks for bundles, and a guest for what came.
const mailEvery = time.Second

// Mailbox is a host's side.
type Mailbox struct {
	host   *Member
	hub    *nats.Hub // The end that guests dial.
	mu     sync.Mutex
	guests map[party.ID]*guestBox
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// guestBox is what is on its way to and from one guest; the files hold it too.
type guestBox struct {
	bundle []byte
	number int
	reply  []byte // Not delivered yet.
}

// Host opens a mailbox over this member's connection to the hub, until Close.
func (m *Member) Host(ctx context.Context, cfg MailboxConfig) (*Mailbox, error) {
	b := &Mailbox{host: m, guests: map[party.ID]*guestBox{}}
	for _, g := range cfg.Guests {
		box, err := b.load(party.ID(g.Name))
		if err != nil {
			return nil, fmt.Errorf("mailbox of %s: %w", g.Name, err)
		}
		b.guests[party.ID(g.Name)] = box
	}
	var err error
	b.hub, err = nats.Listen(ctx, nats.HubConfig{
		Address: cfg.Address, Folder: MailboxFolder(m.cfg.Home), Members: cfg.Guests, Logger: m.cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	if err := (&post{bundle: b.give, take: b.take}).serve(b.hub); err != nil {
		b.hub.Close()
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	b.done.Go(func() { b.run(running) })
	return b, nil
}

// Address and Pin are what guests dial.
func (b *Mailbox) Address() string { return b.hub.Address() }

// Pin returns what guests pin the mailbox by.
func (b *Mailbox) Pin() string { return b.hub.Pin() }

// Close ends the mailbox. What is on its way stays on disk.
func (b *Mailbox) Close() {
	b.stop()
	b.done.Wait()
	b.hub.Close()
}

func (b *Mailbox) file(id party.ID, name string) string {
	return filepath.Join(MailboxFolder(b.host.cfg.Home), string(id), name)
}

// load reads what was on its way when the host ended.
func (b *Mailbox) load(id party.ID) (*guestBox, error) {
	box := &guestBox{}
	for name, into := range map[string]*[]byte{"bundle": &box.bundle, "reply": &box.reply} {
		data, err := os.ReadFile(b.file(id, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		*into = data
	}
	if p, err := ParseBundle(box.bundle); err == nil {
		box.number = p.Number
	}
	return box, nil
}

// give hands a guest its own bundle, if it is newer than what it has.
func (b *Mailbox) give(_ context.Context, by string, r bundleRequest) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	box := b.guests[party.ID(by)]
	if r.Party != party.ID(by) {
		return nil, fmt.Errorf("%w: %s asks for that of %.40q", ErrAddressee, by, r.Party)
	}
	if box.number <= r.Than {
		return nil, nil
	}
	return box.bundle, nil
}

// take keeps a guest's reply until the hub has it.
func (b *Mailbox) take(ctx context.Context, by string, reply []byte) (Receipt, error) {
	p, err := ParseBundle(reply)
	if err != nil {
		return Receipt{}, err
	}
	id := party.ID(by)
	if p.From != id {
		return Receipt{}, fmt.Errorf("%w: %s brings that of %.40q", ErrAddressee, by, p.From)
	}
	b.mu.Lock()
	b.guests[id].reply = reply
	b.mu.Unlock()
	if err := writeFile(b.file(id, "reply"), reply); err != nil {
		return Receipt{}, err
	}
	r, err := b.deliver(ctx, id)
	if errors.Is(err, nats.ErrUnreachable) {
		return Receipt{Party: id, Kept: true}, nil
	}
	return r, err
}

// deliver passes a reply on. One that the hub refuses is not tried again.
func (b *Mailbox) deliver(ctx context.Context, id party.ID) (Receipt, error) {
	b.mu.Lock()
	reply := b.guests[id].reply
	b.mu.Unlock()
	if reply == nil {
		return Receipt{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, absence)
	defer cancel()
	r, err := Deliver(ctx, b.host.link, reply)
	if errors.Is(err, nats.ErrUnreachable) || ctx.Err() != nil {
		return r, fmt.Errorf("reply of %s: %w: %w", id, nats.ErrUnreachable, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if box := b.guests[id]; bytes.Equal(box.reply, reply) { // Else a newer one came meanwhile.
		box.reply = nil
		err = errors.Join(err, os.Remove(b.file(id, "reply")))
	}
	return r, err
}

// run looks for bundles of all guests, and delivers what could not be delivered before.
func (b *Mailbox) run(ctx context.Context) {
	look := time.NewTicker(mailEvery)
	defer look.Stop()
	for {
		for _, id := range sortedParties(b.guests) {
			if _, err := b.deliver(ctx, id); err != nil && !errors.Is(err, nats.ErrUnreachable) {
				b.host.logger.LogAttrs(ctx, slog.LevelWarn, "reply not delivered", slog.String("guest", string(id)), slog.Any("err", err))
			}
			if err := b.fetch(ctx, id); err != nil && ctx.Err() == nil && !errors.Is(err, nats.ErrUnreachable) {
				b.host.logger.LogAttrs(ctx, slog.LevelWarn, "bundle not fetched", slog.String("guest", string(id)), slog.Any("err", err))
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// fetch keeps the newest bundle of a guest.
func (b *Mailbox) fetch(ctx context.Context, id party.ID) error {
	b.mu.Lock()
	than := b.guests[id].number
	b.mu.Unlock()
	data, err := Fetch(ctx, b.host.link, id, than, false)
	if err != nil || data == nil {
		return err
	}
	p, err := ParseBundle(data)
	if err != nil {
		return err
	}
	if err := writeFile(b.file(id, "bundle"), data); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.guests[id].bundle, b.guests[id].number = data, p.Number
	return nil
}

// GuestConfig says how a member reaches its mailbox, and what it does with a bundle.
type GuestConfig struct {
	Home      Home
	Letterbox Letterbox
	// Visit does what a bundle asks; see Visit.
	Visit    func(ctx context.Context, bundle []byte) (*Visited, error)
	Progress Progress
	Logger   *slog.Logger
}

// RunGuest exchanges bundles with a mailbox whenever it can be reached, until ctx ends.
// Errors are those of the first connection: nats.ErrPin, ErrRefused, ErrUnreachable.
func RunGuest(ctx context.Context, cfg GuestConfig) error {
	l := cfg.Letterbox
	token, err := nats.ParseIdentity(l.Token)
	if err != nil {
		return err
	}
	line, err := nats.Dial(ctx, nats.MemberConfig{Address: l.Address, Pin: l.Pin, Name: string(l.Party), Identity: token, Logger: cfg.Logger})
	if err != nil {
		return fmt.Errorf("mailbox of %s at %s: %w", l.Party, l.Host, err)
	}
	defer line.Close()
	cfg.Progress(Event{Phase: "connect", Text: fmt.Sprintf("connected to the mailbox at %s, %s", l.Host, l.Address), Done: 1, Total: 1})
	g := &guest{cfg: cfg, line: line}
	last, err := lastReply(cfg.Home)
	if err != nil {
		return err
	}
	if last != nil { // Perhaps this machine went off before it was delivered.
		g.number, g.owes = last.Number, true
	}
	look := time.NewTicker(mailEvery)
	defer look.Stop()
	for {
		if err := g.turn(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, nats.ErrUnreachable) {
			orDiscard(cfg.Logger).LogAttrs(ctx, slog.LevelWarn, "bundle not answered", slog.Int("number", g.number), slog.Any("err", err))
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// guest is a member at its mailbox.
type guest struct {
	cfg    GuestConfig
	line   asker
	number int  // Of the newest bundle that was looked at.
	owes   bool // Its reply was not delivered yet.
}

// turn delivers what was not delivered, and answers the newest bundle. One that is refused
// is not tried again.
func (g *guest) turn(ctx context.Context) error {
	if err := g.deliver(ctx); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, absence)
	defer cancel()
	data, err := Fetch(waiting, g.line, g.cfg.Letterbox.Party, g.number, false)
	if err != nil || data == nil {
		return err
	}
	if b, err := ParseBundle(data); err == nil {
		g.number = b.Number
	}
	v, err := g.cfg.Visit(ctx, data)
	if err != nil {
		return err
	}
	if len(v.Said) > 0 {
		g.cfg.Progress(Event{Phase: "visit", Text: fmt.Sprintf("bundle %d: signed %v", v.Number, v.Said), Done: 1, Total: 1})
	}
	g.owes = true
	return g.deliver(ctx)
}

func (g *guest) deliver(ctx context.Context) error {
	if !g.owes {
		return nil
	}
	reply, err := LastReply(g.cfg.Home)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, absence)
	defer cancel()
	_, err = Deliver(waiting, g.line, reply)
	g.owes = errors.Is(err, nats.ErrUnreachable) || waiting.Err() != nil
	if errors.Is(err, ErrStale) {
		return nil // A newer one was taken.
	}
	return err
}
