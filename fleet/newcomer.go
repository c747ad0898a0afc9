package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"comity/adapter/nats"
	"comity/canon"
	"comity/durable"
	"comity/node"
	"comity/pack"
	"comity/party"
)

// Newcomer is a party that takes up an invitation in a home of its own.
type Newcomer struct {
	Home       node.Home
	Invitation *node.Invitation
	// Words are those that the operator said; nil if nobody compared them yet.
	Words  *canon.Anchor
	Proxy  string // Kept in the home; see Membership.
	Route  Route
	Clock  node.Clock
	Logger *slog.Logger
}

// Join makes the keys of a party in its own home and presents their public halves at the
// hub. Repeated after an interruption it presents the same keys. Errors: node.ErrWords,
// node.ErrExpired, node.ErrEnrolment, nats.ErrPin, nats.ErrRefused, nats.ErrUnreachable.
func Join(ctx context.Context, n Newcomer) (*Membership, []party.ID, error) {
	v := n.Invitation
	if n.Words != nil && !n.Words.Matches(v.Digest) {
		return nil, nil, fmt.Errorf("%w: the invitation says %q, the operator said %q; do not use it: somebody may have put it in the place of yours",
			node.ErrWords, v.Words(), n.Words)
	}
	if _, err := nats.ProxyURL(n.Proxy); err != nil {
		return nil, nil, err
	}
	if err := reads(v.Text, v.Draft); err != nil {
		return nil, nil, err
	}
	lock, err := lockHome(string(n.Home))
	if err != nil {
		return nil, nil, err
	}
	defer lock.Close() //nolint:errcheck // The kernel drops the lock.
	m, err := n.begin()
	if err != nil {
		return nil, nil, err
	}
	missing, err := n.present(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	m.Joined = true
	return m, missing, saveJSON(MembershipFile(n.Home), m)
}

// begin prepares the home, or finds it prepared by an earlier attempt.
func (n Newcomer) begin() (*Membership, error) {
	v := n.Invitation
	m, err := LoadMembership(n.Home)
	if err == nil {
		if m.Invitation == v.Digest {
			m.Proxy = n.Proxy
			return m, nil
		}
		if m.Joined {
			return nil, fmt.Errorf("%s: %w: it is that of %s in %s; choose another --home", n.Home, ErrHome, m.Party, m.Body)
		}
		// An earlier invitation that came to nothing: its keys are known to nobody.
		err = errors.Join(os.RemoveAll(filepath.Dir(n.Home.NodeKey())), os.Remove(MembershipFile(n.Home)))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := n.fresh(); err != nil {
		return nil, err
	}
	terms, err := canon.DigestOf(v.Draft)
	if err != nil {
		return nil, err
	}
	keys, witness, err := enrol(n.Home, pack.Party{ID: v.Party}, rand.Reader)
	if err != nil {
		return nil, err
	}
	m = &Membership{
		Party: v.Party, Body: v.Draft.ID, Addresses: v.Addresses, Pin: v.Pin.String(), Proxy: n.Proxy, World: v.World, Targets: v.Draft.Models.Targets, Invitation: v.Digest,
		Enrolment: node.Enrolment{
			Party: v.Party, Terms: terms, Officers: keys.Keys, Node: keys.NodeKey, Witness: witness, Transport: keys.Transport,
		},
	}
	if err := errors.Join(os.MkdirAll(n.Home.Data(), 0o700), durable.WriteFile(DraftText(n.Home), []byte(v.Text)), saveJSON(declaresFile(n.Home), v.Declares)); err != nil {
		return nil, err
	}
	return m, saveJSON(MembershipFile(n.Home), m)
}

// fresh refuses a folder that holds something else, and clears keys that an attempt which
// was cut short left: nobody has seen them.
func (n Newcomer) fresh() error {
	for _, other := range []string{n.Home.Charter(), draftFile(n.Home), string(n.Home.Hub())} {
		if _, err := os.Stat(other); err == nil {
			return fmt.Errorf("%s: %w: a consortium was founded there; choose another --home", n.Home, ErrHome)
		}
	}
	return os.RemoveAll(filepath.Dir(n.Home.NodeKey()))
}

// present shows the public keys to the hub under the token.
func (n Newcomer) present(ctx context.Context, m *Membership) ([]party.ID, error) {
	guest, name, err := n.Invitation.Guest()
	if err != nil {
		return nil, err
	}
	nodeKey, err := party.LoadKey(n.Home.NodeKey())
	if err != nil {
		return nil, err
	}
	var sealing []party.Key
	for i := range m.Enrolment.Officers {
		k, err := party.LoadKey(n.Home.OfficerKey(strconv.Itoa(i + 1)))
		if err != nil {
			return nil, err
		}
		sealing = append(sealing, k)
	}
	signed, err := m.Enrolment.Sign(m.Body, sealing, nodeKey)
	if err != nil {
		return nil, err
	}
	request, err := canon.Marshal(signed)
	if err != nil {
		return nil, err
	}
	answer, err := m.insist(ctx, caller{name: name, identity: guest, route: n.Route, logger: n.Logger}, request)
	if errors.Is(err, nats.ErrRefused) {
		// The hub may have taken the keys, and its answer was lost: then it knows them.
		if known, kerr := n.known(ctx, m); known || kerr != nil {
			return nil, kerr
		}
	}
	if err != nil {
		return nil, err
	}
	var e node.Enrolled
	if err := canon.Unmarshal(answer, &e); err != nil {
		return nil, fmt.Errorf("%w: the hub's answer: %w", node.ErrEnrolment, err)
	}
	return e.Missing, nil
}

// known tells whether the hub lists the keys of this home.
func (n Newcomer) known(ctx context.Context, m *Membership) (bool, error) {
	identity, err := nats.LoadIdentity(n.Home.TransportKey())
	if err != nil {
		return false, err
	}
	_, err = m.ask(ctx, caller{name: string(m.Party), identity: identity, route: n.Route, logger: n.Logger}, node.MsgCharter, nil)
	return err == nil || errors.Is(err, ErrOpen), nil
}

// insist presents an enrolment again when the hub hung up: it opens its doors anew whenever
// somebody has joined. What was taken already is taken again.
func (m *Membership) insist(ctx context.Context, c caller, request []byte) (answer []byte, err error) {
	for range doorTries {
		answer, err = m.ask(ctx, c, node.MsgEnrol, request)
		if errors.Is(err, nats.ErrRefused) {
			return nil, fmt.Errorf("%w: the hub does not know this invitation: it was withdrawn, or the charter is sealed and parties come by amendment: %w", node.ErrExpired, err)
		}
		if !errors.Is(err, nats.ErrUnreachable) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(doorPause):
		}
	}
	return nil, err
}

// A hub that opens its doors anew is back within a fifth of a second.
const (
	doorTries = 4
	doorPause = 300 * time.Millisecond
)
