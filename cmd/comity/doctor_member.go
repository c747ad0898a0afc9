package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"comity/adapter/csv"
	"comity/adapter/nats"
	"comity/canon"
	"comity/fleet"
	"comity/node"
	"comity/party"
)

// member looks at a member's own home, from its disk to the hub and back.
func (d *doctor) member(ctx context.Context, own *ownHome) {
	m := own.membership
	d.writable("home", string(d.home), "chmod u+rwx "+quoted(string(d.home)))
	var err error
	if !m.Joined {
		err = fmt.Errorf("%w: the hub has not taken the keys of %s", fleet.ErrHome, m.Party)
	}
	d.found("member", fmt.Sprintf("%s of %s", m.Party, m.Body), err, command("member", "join", "FILE", "--home", string(d.home)))
	d.ownKeys(m)
	if err != nil {
		return // The rest begins with joining.
	}
	d.ownRows(own)
	serve := command("serve", "--member", "--home", string(d.home))
	sealed := d.ownCharter(m, serve)
	if d.carried(ctx, own) {
		return
	}
	reached := d.ways(ctx, m)
	if sealed != nil && reached {
		d.standing(ctx, m, sealed)
	}
	err = nil
	if busy := fleet.Busy(d.home); !errors.Is(busy, node.ErrBusy) {
		err = errors.Join(busy, errIdle)
	}
	d.found("serving", "a process of this home takes part", err, serve)
}

// carried looks at the carrier of a member that has no line to the hub, if it has one: its
// mailbox, or the bundle that it answered last.
func (d *doctor) carried(ctx context.Context, own *ownHome) bool {
	serve := command("serve", "--member", "--home", string(d.home))
	if l := own.membership.Mailbox; l != nil {
		err := nats.Probe(ctx, l.Address, l.Pin, nil)
		next := fmt.Sprintf("ask %s whether its node runs, then: %s", l.Host, command("doctor", "--home", string(d.home)))
		if errors.Is(err, nats.ErrPin) {
			next = fmt.Sprintf("ask %s for another mailbox file: another machine answers in its place", l.Host)
		}
		d.found("mailbox", fmt.Sprintf("%s keeps it at %s", l.Host, l.Address), err, next)
		err = nil
		if busy := fleet.Busy(d.home); !errors.Is(busy, node.ErrBusy) {
			err = errors.Join(busy, errIdle)
		}
		d.found("serving", "a process of this home takes part", err, serve)
		return true
	}
	data, err := node.LastReply(d.home)
	if err != nil || fleet.Busy(d.home) != nil {
		return false // It answered none, or it runs and has a line.
	}
	b, err := node.ParseBundle(data)
	detail := ""
	if err == nil {
		detail = fmt.Sprintf("answered number %d last, over %s of the log; the hub is reached by files", b.Number, count(b.Size, "entry"))
	}
	d.found("bundles", detail, err, "ask the operator for a bundle, then: "+command("import", "FILE", "--home", string(d.home)))
	return true
}

// ownKeys looks for the keys, and whether others can read them.
func (d *doctor) ownKeys(m *fleet.Membership) {
	names := []string{d.home.NodeKey(), d.home.WitnessKey()}
	for n := range m.Enrolment.Officers {
		names = append(names, d.home.OfficerKey(strconv.Itoa(n+1)))
	}
	next := "put back a copy: keys cannot be made again"
	var err error
	for _, name := range names {
		if _, lerr := party.LoadKey(name); err == nil {
			err = lerr
		}
	}
	if _, lerr := nats.LoadIdentity(d.home.TransportKey()); err == nil {
		err = lerr
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && strings.Contains(err.Error(), "chmod 600") {
		next = "chmod 600 " + quoted(string(d.home)+"/keys") + "/*"
	}
	d.found("keys", count(len(names)+1, "file")+" that only the owner can read", err, next)
}

// ownRows looks for what the member brings: rows that stay and numbers that it declares.
func (d *doctor) ownRows(own *ownHome) {
	file := rowsFile(d.home)
	_, err := os.Stat(file)
	detail, next := "", "cp YOUR.csv "+quoted(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && own.membership.World != "":
		err, detail = nil, "of the simulated world "+own.membership.World
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%s: %w: the weekly numbers of %s (columns date, value)", file, fs.ErrNotExist, own.membership.Party)
	case err == nil:
		rows, rerr := csv.NewWeekly(own.membership.Targets).Read(file, own.membership.Party)
		err, detail = rerr, count(len(rows), "row")+" that stay here"
		next = "correct the file, then: " + command("doctor", "--home", string(d.home))
	}
	d.found("rows", detail, err, next)
	numbers, err := fleet.Declares(d.home)
	d.found("declares", count(len(numbers), "number")+" to sign each week", err, "correct "+quoted(string(d.home)+"/declares.json"))
}

// ownCharter returns the sealed charter, if it is there and what was agreed.
func (d *doctor) ownCharter(m *fleet.Membership, next string) []byte {
	sealed, err := readBounded(d.home.Charter(), maxCharter)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w, or was not fetched yet", fleet.ErrOpen)
	} else if err == nil {
		_, err = node.Agreed(sealed, m.Enrolment)
	}
	d.found("charter", "agreed to; its words are "+canon.Sum(sealed).Words(), err, next)
	if err != nil {
		return nil
	}
	return sealed
}

// ways tries the ways to the hub. One that works is enough.
func (d *doctor) ways(ctx context.Context, m *fleet.Membership) (reached bool) {
	var good []string
	var bad error
	for _, w := range m.Ways(ctx, route) {
		at := w.Address
		if w.Proxy != "" {
			at += " through " + w.Proxy
		}
		if w.Err != nil {
			bad = errors.Join(bad, w.Err)
			continue
		}
		good = append(good, at)
	}
	next := "ask the operator whether the hub runs, then: " + command("doctor", "--home", string(d.home))
	if errors.Is(bad, nats.ErrPin) {
		next = "ask the operator: another machine answers in the place of the hub"
	} else if errors.Is(bad, nats.ErrProxy) {
		next = "export HTTPS_PROXY=http://HOST:PORT   # of your network"
	}
	detail := strings.Join(good, ", ")
	if len(good) > 0 && !errors.Is(bad, nats.ErrPin) {
		bad = nil
	}
	d.found("hub", "answers at "+detail+" with the key of the invitation", bad, next)
	return bad == nil
}

// standing compares log, witnesses and clock with what the hub shows this member.
func (d *doctor) standing(ctx context.Context, m *fleet.Membership, sealed []byte) {
	s, err := m.Standing(ctx, d.home, sealed, route)
	next := "ask the operator; keep " + quoted(string(d.home)+"/evidence") + " if it is there"
	if errors.Is(err, nats.ErrUnreachable) {
		next = "wait until the hub has started, then: " + command("doctor", "--home", string(d.home))
	}
	detail := fmt.Sprintf("%s, %d of %d witnesses cosigned", count(int(s.Checkpoint.Size), "entry"), len(s.Checkpoint.Cosigned), s.Witnesses)
	if s.Checkpoint.Size == 0 {
		detail = "begins when enough members serve"
	}
	d.found("log", detail, err, next)
	if s.Hub.IsZero() {
		return
	}
	d.compare(s.Hub)
}

// compare holds this machine's clock against the hub's.
func (d *doctor) compare(hub time.Time) {
	now := d.clock().UTC()
	gap := now.Sub(hub).Round(time.Second)
	var err error
	if gap < -slack || gap > slack {
		err = fmt.Errorf("%w: here it is %s, at the hub %s", errClock, now.Format(time.DateTime), hub.Format(time.DateTime))
	}
	d.found("clock", fmt.Sprintf("%s from the hub's", gap), err, "date -u   # and set the clock, or let it be set (NTP); if yours is right, tell the operator")
}

// errIdle says that nobody runs in a member's home.
var errIdle = errors.New("nobody runs in this home")
