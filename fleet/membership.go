package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"comity/adapter/nats"
	"comity/canon"
	"comity/durable"
	"comity/node"
	"comity/party"
)

// Membership is what a member's own home knows of its consortium. It holds no secret but
// perhaps the password of a proxy.
type Membership struct {
	Party     party.ID `json:"party"`
	Body      string   `json:"body"`
	Addresses []string `json:"addresses"` // Of the hub, tried in this order.
	Pin       string   `json:"pin"`
	// Proxy is where websockets go through; empty: HTTPS_PROXY of the environment.
	Proxy      string         `json:"proxy"`
	World      string         `json:"world"`   // Of simulated rows; empty in real life.
	Targets    []string       `json:"targets"` // What is forecast, from the rows.
	Enrolment  node.Enrolment `json:"enrolment"`
	Invitation canon.Digest   `json:"invitation"`
	Joined     bool           `json:"joined"` // The hub has taken the keys.
	// Mailbox is through whom it takes part; nil: by itself. Its token is a secret of little worth.
	Mailbox *node.Letterbox `json:"mailbox,omitempty"`
}

// MembershipFile is the file of a member's own home that says what it is.
func MembershipFile(home node.Home) string { return filepath.Join(string(home), "member.json") }

// DraftText is the file of the draft as people read it, in a member's own home.
func DraftText(home node.Home) string { return filepath.Join(string(home), "draft.yaml") }

// maxMembership bounds a membership file in bytes.
const maxMembership = 1 << 16

// LoadMembership reads what Join wrote. Errors: fs.ErrNotExist, ErrHome.
func LoadMembership(home node.Home) (*Membership, error) {
	m := new(Membership)
	return m, loadJSON(MembershipFile(home), m)
}

func loadJSON(file string, into any) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.Size() > maxMembership {
		return fmt.Errorf("%s:1:1: %w: %d bytes, at most %d", file, ErrHome, info.Size(), maxMembership)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s:1:1: %w: %w; put back a copy", file, ErrHome, err)
	}
	return nil
}

func saveJSON(file string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return durable.WriteFile(file, append(data, '\n'))
}

// Route finds the proxy for an address (wss://HOST:PORT); nil: none.
type Route func(address string) (*url.URL, error)

// caller is who opens a connection to a hub.
type caller struct {
	name     string
	identity nats.Identity
	route    Route
	logger   *slog.Logger
}

// proxyFor returns the proxy for an address: only websockets look to a proxy like what it
// lets through.
func (m *Membership) proxyFor(address string, route Route) (*url.URL, error) {
	if len(webOf([]string{address})) == 0 {
		return nil, nil //nolint:nilnil // None.
	}
	if m.Proxy != "" || route == nil {
		return nats.ProxyURL(m.Proxy)
	}
	return route(address)
}

// ask opens a connection by the first way that works, asks once, and hangs up.
func (m *Membership) ask(ctx context.Context, c caller, kind string, data []byte) (answer []byte, err error) {
	var link *nats.Member
	for _, address := range m.Addresses {
		proxy, perr := m.proxyFor(address, c.route)
		if perr != nil {
			return nil, perr
		}
		link, perr = nats.Dial(ctx, nats.MemberConfig{
			Address: address, Pin: m.Pin, Name: c.name, Identity: c.identity, Proxy: proxy, Logger: c.logger,
		})
		if perr == nil {
			break
		}
		err = errors.Join(err, perr)
	}
	if link == nil {
		return nil, err
	}
	defer link.Close()
	answer, err = link.Request(ctx, kind, data)
	if remote, ok := errors.AsType[*nats.RemoteError](err); ok {
		switch remote.Code {
		case node.CodeExpired, node.CodeUsed:
			return nil, fmt.Errorf("%w: %s", node.ErrExpired, remote.Text)
		case node.CodeRefused:
			return nil, fmt.Errorf("%w: %s", node.ErrEnrolment, remote.Text)
		case node.CodeDraft:
			return nil, fmt.Errorf("%w: %s", ErrOpen, remote.Text)
		}
	}
	return answer, err
}

// Charter returns the sealed charter of a member's home; it fetches and checks it when
// there is none. Errors: ErrOpen while others have to join, node.ErrTerms.
func Charter(ctx context.Context, home node.Home, route Route) ([]byte, error) {
	sealed, err := os.ReadFile(home.Charter())
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return sealed, err
	}
	m, err := LoadMembership(home)
	if err != nil {
		return nil, err
	}
	if !m.Joined {
		return nil, fmt.Errorf("%s: %w: the hub has not taken its keys; run comity member join again", home, ErrHome)
	}
	identity, err := nats.LoadIdentity(home.TransportKey())
	if err != nil {
		return nil, err
	}
	sealed, err = m.ask(ctx, caller{name: string(m.Party), identity: identity, route: route}, node.MsgCharter, nil)
	if err != nil {
		return nil, err
	}
	if _, err := node.Agreed(sealed, m.Enrolment); err != nil {
		return nil, err
	}
	return sealed, durable.WriteFile(home.Charter(), sealed)
}
