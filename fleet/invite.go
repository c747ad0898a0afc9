package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"comity/adapter/nats"
	"comity/canon"
	"comity/node"
	"comity/pack"
	"comity/party"
)

// Offer says whom an operator invites, and how the newcomer finds the hub.
type Offer struct {
	Home     node.Home
	Scenario pack.Scenario
	Party    party.ID
	// Address and Web are HOST:PORT as they are reached from the newcomer's machine; empty:
	// as in earlier invitations, and without any 127.0.0.1:7475 and no websocket.
	Address, Web string
	// Listen and ListenWeb are HOST:PORT on this machine; empty: the ports of the above, on
	// every interface, or on 127.0.0.1 where that is the host.
	Listen, ListenWeb string
	World             string        // Of simulated rows; see node.Invitation.
	Lifetime          time.Duration // 1 hour to 30 days; default 7 days.
	Clock             node.Clock
}

const (
	// DefaultAddress is where a hub is found if nobody says otherwise: a rehearsal on one
	// machine. The port beside the page's is not assigned by IANA.
	DefaultAddress   = "127.0.0.1:7475"
	defaultLifetime  = 7 * 24 * time.Hour
	shortestLifetime = time.Minute
	longestLifetime  = 30 * 24 * time.Hour
)

// Invite opens the seat of a party and returns the invitation to it. Keys for the party
// that lay in this home, and every earlier invitation to it, are void from then on.
// Errors: ErrRuns if the charter is sealed and in use, pack.ErrUnknown for no member.
func Invite(o Offer, secret io.Reader) (*node.Invitation, error) {
	o.Lifetime = cmp.Or(o.Lifetime, defaultLifetime)
	if o.Lifetime < shortestLifetime || o.Lifetime > longestLifetime {
		return nil, fmt.Errorf("%w: an invitation for %s; use %s to %s", nats.ErrConfig, o.Lifetime, shortestLifetime, longestLifetime)
	}
	if _, err := o.Scenario.Member(o.Party); err != nil {
		return nil, err
	}
	token, err := nats.NewIdentity(secret)
	if err != nil {
		return nil, err
	}
	pin, err := nats.PinOf(o.Home.Hub().Transport())
	if err != nil {
		return nil, err
	}
	v := &node.Invitation{
		Comity: "invitation/v1", Party: o.Party, World: o.World, Token: token.Seed(), Officers: officers, Needed: officersNeeded,
		Expires: o.Clock().UTC().Add(o.Lifetime).Truncate(time.Second).Format(time.RFC3339),
	}
	if v.Pin, err = canon.ParseDigest(pin); err != nil {
		return nil, err
	}
	if v.Declares, err = proposal(o.Scenario, o.Party); err != nil {
		return nil, err
	}
	err = change(o.Home, func(d *draft) error {
		if err := d.open(o); err != nil {
			return err
		}
		s := d.seatOf(o.Party)
		if s.Token != "" {
			s.Spent = append(s.Spent, s.Token)
		}
		s.Token, s.Expires = token.Public(), v.Expires
		v.Addresses = d.Addresses
		c, text, _, err := d.terms(o.Home)
		if err != nil {
			return err
		}
		v.Draft, v.Text = c, string(text)
		return v.Seal()
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w: no draft lies in it; found first: comity init --home DIR", o.Home, ErrHome)
	}
	if err != nil {
		return nil, fmt.Errorf("invite %s: %w", o.Party, err)
	}
	return v, nil
}

// open makes a seat that a newcomer can take.
func (d *draft) open(o Offer) error {
	if d.State == stateSealed {
		return fmt.Errorf("%w: the parties signed it as it is, and %s would be one more; that is an amendment, which the parties vote on, or another consortium: comity init in a new home",
			ErrRuns, o.Party)
	}
	if d.State == stateHeld {
		// From here on there is no charter: a draft first, then the file.
		d.State = stateOpen
		if err := d.save(o.Home); err != nil {
			return err
		}
	}
	for _, name := range []string{o.Home.Charter(), o.Home.Text()} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s := d.seatOf(o.Party)
	if s == nil {
		d.Seats = append(d.Seats, invitee{Party: o.Party})
		slices.SortFunc(d.Seats, func(a, b invitee) int { return strings.Compare(string(a.Party), string(b.Party)) })
		s = d.seatOf(o.Party)
	}
	switch {
	case s.Joined != "":
		return fmt.Errorf("%w: it joined at %s; its keys are in the draft", node.ErrExpired, s.Joined)
	case len(s.Spent) >= maxSpent:
		return fmt.Errorf("%w: %d invitations; ask why none was used", node.ErrBusy, maxSpent)
	}
	// Keys that were made here for a party of its own would be known to two.
	if err := os.RemoveAll(string(o.Home.Member(o.Party))); err != nil {
		return err
	}
	return d.place(o)
}

// place notes where the hub is.
func (d *draft) place(o Offer) error {
	address := o.Address
	if address == "" && len(d.Addresses) == 0 {
		address = DefaultAddress
	}
	if address != "" {
		d.Addresses = append([]string{address}, webOf(d.Addresses)...)
		d.Listen = cmp.Or(o.Listen, behind(address))
	}
	if o.Web != "" {
		d.Addresses = []string{d.Addresses[0], "wss://" + o.Web}
		d.ListenWeb = cmp.Or(o.ListenWeb, behind(o.Web))
	}
	if o.Listen != "" {
		d.Listen = o.Listen
	}
	if o.ListenWeb != "" {
		d.ListenWeb = o.ListenWeb
	}
	for _, a := range d.Addresses {
		if err := node.CheckAddress(a); err != nil {
			return err
		}
	}
	return nil
}

// webOf returns the websockets among addresses.
func webOf(addresses []string) []string {
	return slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return !strings.HasPrefix(a, "wss://") })
}

// behind is where to listen so that an address reaches it: its port, on this machine alone
// if the address is of this machine alone.
func behind(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address // Refused by who checks it.
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return address
	}
	return ":" + port
}

// proposal is what a scenario says that a party declares in the first week, without what
// the log knows better.
func proposal(s pack.Scenario, id party.ID) (map[string]canon.Int, error) {
	values, err := s.Needs.Declare(id, 0, 0)
	if err != nil {
		return nil, err
	}
	out := map[string]canon.Int{}
	for name, v := range values {
		if base, _, _ := strings.Cut(name, "/"); base != "received" {
			out[name] = v
		}
	}
	return out, nil
}

// Seat is how far a party of a draft has come, for people.
type Seat struct {
	Party   party.ID
	Here    bool   // Its keys lie in this home.
	Expires string // Of the open invitation, RFC 3339 in UTC; empty without one.
	Joined  string // When, RFC 3339 in UTC; empty if it has not.
}

// Seats lists the members of a home's consortium, ascending, and tells whether its charter
// is sealed.
func Seats(home node.Home) (seats []Seat, sealed bool, err error) {
	d, err := loadDraft(home)
	if err != nil {
		return nil, false, err
	}
	for _, p := range d.Founding.Parties {
		if p.ID == d.Founding.Operator {
			continue
		}
		s := Seat{Party: party.ID(p.ID), Here: holds(home, party.ID(p.ID))}
		if at := d.seatOf(s.Party); at != nil {
			s.Expires, s.Joined = at.Expires, at.Joined
		}
		seats = append(seats, s)
	}
	return seats, d.State != stateOpen, nil
}

// Drafted tells whether a home holds the draft of a charter.
func Drafted(home node.Home) bool {
	_, err := os.Stat(draftFile(home))
	return err == nil
}
