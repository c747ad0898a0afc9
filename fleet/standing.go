package fleet

import (
	"context"
	"errors"

	"comity/adapter/nats"
	"comity/node"
)

// Way is one way to the hub of a member's own home.
type Way struct {
	Address string
	Proxy   string // Without its password; empty: none.
	Err     error  // nats.ErrPin, ErrProxy, ErrUnreachable or ErrConfig.
}

// Ways tries every way to the hub.
func (m *Membership) Ways(ctx context.Context, route Route) (ways []Way) {
	for _, address := range m.Addresses {
		w := Way{Address: address}
		proxy, err := m.proxyFor(address, route)
		if proxy != nil {
			w.Proxy = proxy.Redacted()
		}
		if w.Err = err; err == nil {
			w.Err = nats.Probe(ctx, address, m.Pin, proxy)
		}
		ways = append(ways, w)
	}
	return ways
}

// Standing looks at the hub as the member of a home would, by the first way that works.
func (m *Membership) Standing(ctx context.Context, home node.Home, sealed []byte, route Route) (s node.Standing, err error) {
	for _, address := range m.Addresses {
		proxy, perr := m.proxyFor(address, route)
		if perr != nil {
			return s, perr
		}
		s, perr = node.Look(ctx, node.MemberConfig{
			Self: m.Party, Home: home, Charter: sealed, Address: address, Pin: m.Pin, Proxy: proxy,
		})
		if perr == nil || !errors.Is(perr, nats.ErrUnreachable) && !errors.Is(perr, nats.ErrProxy) {
			return s, perr
		}
		err = errors.Join(err, perr)
	}
	return s, err
}
