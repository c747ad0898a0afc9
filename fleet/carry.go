package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"comity/adapter/highs"
	"comity/adapter/nats"
	"comity/durable"
	"comity/governor/charter"
	"comity/modeler/forecast"
	"comity/node"
	"comity/party"
)

// WriteBundle has the hub that runs in a home, in whatever process, write the next bundle
// for a member, or one with the whole log. From then on questions wait for that member.
// Errors: nats.ErrUnreachable if no hub runs, those of node.Fetch.
func WriteBundle(ctx context.Context, home node.Home, id party.ID, whole bool) ([]byte, error) {
	hub, err := asOperator(ctx, home)
	if err != nil {
		return nil, err
	}
	defer hub.Close()
	return node.Fetch(ctx, hub, id, 0, whole)
}

// TakeReply gives a member's reply to the hub that runs in a home. Errors: as WriteBundle.
func TakeReply(ctx context.Context, home node.Home, reply []byte) (node.Receipt, error) {
	hub, err := asOperator(ctx, home)
	if err != nil {
		return node.Receipt{}, err
	}
	defer hub.Close()
	return node.Deliver(ctx, hub, reply)
}

// asOperator connects to the hub that runs in a home, with the operator's identity.
func asOperator(ctx context.Context, home node.Home) (*nats.Member, error) {
	sealed, founded, err := isFounded(home)
	if err != nil {
		return nil, err
	}
	if !founded {
		return nil, fmt.Errorf("%s: %w: no sealed charter lies there", home, ErrHome)
	}
	c, _, err := charter.Open(sealed)
	if err != nil {
		return nil, err
	}
	identity, err := nats.LoadIdentity(home.Hub().TransportKey())
	if err != nil {
		return nil, err
	}
	at, err := readPlace(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: no hub runs there that others may reach; start comity serve --hub, or comity query ask", home, nats.ErrUnreachable)
	}
	if err != nil {
		return nil, err
	}
	hub, err := nats.Dial(ctx, nats.MemberConfig{
		Address: at.Address, Pin: at.Pin, Name: string(c.Transparency.Log.Operator), Identity: identity,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: no hub runs there; start comity serve --hub, or comity query ask: %w", home, err)
	}
	return hub, nil
}

// VisitHome has the member whose own home it is do what a bundle asks, and returns its
// reply. It needs no network: a home that never saw the sealed charter takes it from the
// bundle, and compares it with what it agreed to. Errors: node.ErrTerms, those of node.Visit.
func VisitHome(ctx context.Context, cfg Config, rows func(asOf string) ([]forecast.Observation, error), bundle []byte) (*node.Visited, error) {
	m, err := LoadMembership(cfg.Home)
	if err != nil {
		return nil, err
	}
	lock, err := lockHome(string(cfg.Home))
	if err != nil {
		return nil, err
	}
	defer lock.Close() //nolint:errcheck // The kernel drops the lock.
	engine, err := highs.New(highs.Config{Cache: cfg.Cache})
	if err != nil {
		return nil, err
	}
	defer engine.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Frees memory of a process that ends.
	return cfg.visit(ctx, m, visitor{rows, engine}, bundle)
}

// visitor is what a member brings to a visit beside its home.
type visitor struct {
	rows   func(asOf string) ([]forecast.Observation, error)
	engine *highs.Engine
}

func (c Config) visit(ctx context.Context, m *Membership, v visitor, bundle []byte) (*node.Visited, error) {
	sealed, err := os.ReadFile(c.Home.Charter())
	fresh := errors.Is(err, fs.ErrNotExist)
	if fresh {
		sealed, err = node.SealedIn(c.Home, bundle)
	}
	if err != nil {
		return nil, err
	}
	member, err := c.ownMember(m, v.rows)(ctx, sealed, place{}, v.engine)
	if err != nil {
		return nil, err
	}
	visited, err := node.Visit(ctx, member, bundle)
	if err != nil || !fresh {
		return visited, err
	}
	return visited, durable.WriteFile(c.Home.Charter(), sealed) // Now the log's own key vouches for it.
}
