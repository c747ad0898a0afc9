package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"comity/adapter/nats"
	"comity/canon"
	"comity/node"
	"comity/party"
)

// Enrol serves invitations until everybody who was invited has joined, and then seals the
// charter. Where nobody is invited it returns at once. New invitations may be written
// while it serves. The caller starts the consortium after it.
func Enrol(ctx context.Context, cfg Config) error {
	lock, err := lockHome(string(cfg.Home))
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // The kernel drops the lock.
	for ctx.Err() == nil {
		d, err := loadDraft(cfg.Home)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if d.State != stateOpen {
			return nil
		}
		if len(d.missing()) > 0 {
			if err := cfg.receive(ctx, d); err != nil {
				return err
			}
			continue
		}
		if err := change(cfg.Home, sealing(cfg.Home)); err != nil {
			return err
		}
		cfg.Progress(node.Event{Phase: "found", Text: "everybody has joined; the charter is sealed"})
	}
	return ctx.Err()
}

// sealing seals a draft whose seats are taken.
func sealing(home node.Home) func(*draft) error {
	return func(d *draft) error {
		if len(d.missing()) > 0 {
			return nil // Somebody was invited in this moment.
		}
		if _, err := d.seal(home); err != nil {
			return err
		}
		d.State = stateSealed
		return nil
	}
}

// lookForInvitations is how often a hub looks for invitations that another process wrote.
const lookForInvitations = 250 * time.Millisecond

// answerGrace is how long the hub keeps its doors open after an answer.
const answerGrace = 200 * time.Millisecond

// receive serves one state of the draft: whoever is invited or has joined may connect. It
// returns when the draft has changed, for the next state to be served.
func (c Config) receive(ctx context.Context, d *draft) error {
	if len(d.Addresses) == 0 {
		return fmt.Errorf("%w: invite them first: comity member invite %s --home %s --out FILE", openDraft(d), d.missing()[0], c.Home)
	}
	desk := &desk{cfg: c, changed: make(chan struct{}, 1)}
	hub, err := nats.Listen(ctx, nats.HubConfig{
		Address: cmp.Or(c.Listen, d.Listen), Web: d.ListenWeb, Folder: c.Home.Hub().Transport(), Members: guests(d), Logger: c.Logger,
	})
	if err != nil {
		return err
	}
	defer hub.Close()
	if err := errors.Join(hub.Handle(node.MsgEnrol, desk.enrol), hub.Handle(node.MsgCharter, desk.charter)); err != nil {
		return err
	}
	c.Progress(node.Event{Phase: "invite", Text: "waiting for " + names(d.missing()) + " at " + hub.Address(), Done: len(d.Seats) - len(d.missing()), Total: len(d.Seats)})
	look := time.NewTicker(lookForInvitations)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-desk.changed:
			// The answer is on its way to the newcomer. Should it be lost, the newcomer finds
			// out that it is known.
			time.Sleep(answerGrace)
			return nil
		case <-look.C:
			now, err := loadDraft(c.Home)
			if err != nil {
				return err
			}
			if now.State != d.State || !slices.Equal(guests(now), guests(d)) {
				return nil
			}
		}
	}
}

// openDraft says who is missing.
func openDraft(d *draft) error {
	return fmt.Errorf("%w: %s must join before it can be sealed", ErrOpen, names(d.missing()))
}

// names joins ids for people.
func names(ids []party.ID) string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = string(id)
	}
	return strings.Join(text, ", ")
}

// guests lists who may connect to a draft: tokens, spent ones too so that they are told
// why they are refused, and parties that joined.
func guests(d *draft) []nats.MemberIdentity {
	var all []nats.MemberIdentity
	for _, s := range d.Seats {
		for _, token := range append(slices.Clone(s.Spent), s.Token) {
			if token != "" {
				all = append(all, nats.MemberIdentity{Name: node.GuestName(token), NKey: token})
			}
		}
		if s.Joined != "" {
			all = append(all, nats.MemberIdentity{Name: string(s.Party), NKey: d.party(s.Party).Transport})
		}
	}
	return all
}

// desk answers newcomers.
type desk struct {
	cfg     Config
	changed chan struct{}
}

// refuse is an answer that a newcomer's program understands.
func refuse(code, format string, args ...any) error {
	return &nats.RemoteError{Code: code, Text: fmt.Sprintf(format, args...)}
}

// charter tells a party that joined that it has to wait.
func (d *desk) charter(context.Context, string, []byte) ([]byte, error) {
	now, err := loadDraft(d.cfg.Home)
	if err != nil {
		return nil, err
	}
	return nil, refuse(node.CodeDraft, "waiting for %s", names(now.missing()))
}

// enrol takes a newcomer's keys. Who holds the token was proven when the connection was
// opened: the hub knows its public half alone, and the token never travels.
func (d *desk) enrol(_ context.Context, from string, data []byte) (answer []byte, err error) {
	err = change(d.cfg.Home, func(now *draft) error {
		before := len(now.missing())
		if err := d.admit(now, strings.TrimPrefix(from, node.GuestName("")), data); err != nil {
			return err
		}
		if len(now.missing()) < before {
			select {
			case d.changed <- struct{}{}:
			default:
			}
		}
		answer, err = canon.Marshal(node.Enrolled{Missing: now.missing()})
		return err
	})
	return answer, err
}

// admit gives the seat of a token to who presents it. Presented again with the same keys
// it succeeds again, for the answer may have been lost.
func (d *desk) admit(now *draft, token string, data []byte) error {
	at := slices.IndexFunc(now.Seats, func(s invitee) bool { return s.Token == token || slices.Contains(s.Spent, token) })
	if at < 0 || now.State != stateOpen {
		return refuse(node.CodeUsed, "this invitation is to no seat of the draft")
	}
	s := &now.Seats[at]
	if s.Token != token {
		return refuse(node.CodeUsed, "this invitation to %s was withdrawn; a newer one was written", s.Party)
	}
	e, err := node.ParseEnrolment(data, now.Founding.ID)
	if err != nil {
		return refuse(node.CodeRefused, "%v", err)
	}
	if s.Joined != "" {
		if p := now.party(s.Party); e.Party == s.Party && p.Transport == e.Transport && p.NodeKey == e.Node && slices.Equal(p.Keys, e.Officers) {
			return nil
		}
		return refuse(node.CodeUsed, "this invitation was used at %s: if it was not by you, tell the operator", s.Joined)
	}
	ends, err := time.Parse(time.RFC3339, s.Expires)
	if err != nil {
		return err
	}
	if clock := d.cfg.Clock().UTC(); clock.After(ends) {
		return refuse(node.CodeExpired, "this invitation ended at %s, here it is %s", s.Expires, clock.Format(time.RFC3339))
	}
	_, _, terms, err := now.terms(d.cfg.Home)
	if err != nil {
		return err
	}
	switch {
	case e.Party != s.Party:
		return refuse(node.CodeRefused, "the invitation is to %s, the keys are those of %s", s.Party, e.Party)
	case e.Terms != terms:
		return refuse(node.CodeRefused, "the draft is %s, agreed to is %s", terms, e.Terms)
	}
	if err := now.take(d.cfg.Home, e); err != nil {
		return refuse(node.CodeRefused, "%v", err)
	}
	s.Joined, s.Terms = d.cfg.Clock().UTC().Truncate(time.Second).Format(time.RFC3339), terms.String()
	d.cfg.Progress(node.Event{Phase: "invite", Text: string(s.Party) + " has joined"})
	return nil
}
