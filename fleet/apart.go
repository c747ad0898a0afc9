package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"comity"
	"comity/adapter/csv"
	"comity/adapter/highs"
	"comity/adapter/nats"
	"comity/allocator/solve"
	"comity/durable"
	"comity/modeler/forecast"
	"comity/node"
	"comity/party"
	"comity/schema"
)

// place is where members find the hub, and the digest of its TLS key.
type place struct {
	Address string `json:"address"`
	Pin     string `json:"pin"`
	proxy   *url.URL
}

func placeFile(home node.Home) string { return filepath.Join(string(home.Hub()), "place.json") }

func writePlace(home node.Home, p place) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return durable.WriteFile(placeFile(home), data)
}

// dropPlace takes back what an earlier hub said: this one serves nobody outside.
func dropPlace(home node.Home) error {
	if err := os.Remove(placeFile(home)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func readPlace(home node.Home) (p place, err error) {
	data, err := os.ReadFile(placeFile(home))
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("%s: %w: %w", placeFile(home), ErrHome, err)
	}
	return p, nil
}

const (
	// lookEvery is how often a member looks for a hub that is not there yet.
	lookEvery = 500 * time.Millisecond
	// fetchEvery is how often it asks for a charter that is not sealed yet.
	fetchEvery = time.Second
)

// RunMember runs one member of the consortium in a home until ctx ends, in a process of
// its own. The hub may be away: the member looks for it until it is there, wherever it
// says by then that it is.
func RunMember(ctx context.Context, cfg Config, id party.ID) error {
	home := cfg.Home.Member(id)
	if d, err := loadDraft(cfg.Home); err == nil && d.seatOf(id) != nil {
		return fmt.Errorf("%s: %w: %s has its own home elsewhere; there: comity serve --member --home DIR", cfg.Home, ErrHome, id)
	}
	return cfg.run(ctx, outpost{
		home: home,
		charter: func(context.Context) ([]byte, error) {
			sealed, founded, err := isFounded(cfg.Home)
			if err != nil || founded {
				return sealed, err
			}
			if d, err := loadDraft(cfg.Home); err == nil && d.State == stateOpen {
				return nil, openDraft(d)
			}
			return nil, fmt.Errorf("%s: %w: nothing was founded there; run comity init first", cfg.Home, ErrHome)
		},
		places: func() ([]place, error) {
			at, err := readPlace(cfg.Home)
			return []place{at}, err
		},
		member: cfg.member(id),
	})
}

// RunHome runs the member whose own home it is, until ctx ends. Rows returns its rows as
// they were known on a day.
func RunHome(ctx context.Context, cfg Config, route Route, rows func(asOf string) ([]forecast.Observation, error)) error {
	m, err := LoadMembership(cfg.Home)
	if err != nil {
		return err
	}
	if m.Mailbox != nil {
		return cfg.runGuest(ctx, m, rows)
	}
	return cfg.run(ctx, outpost{
		home:    cfg.Home,
		charter: func(ctx context.Context) ([]byte, error) { return Charter(ctx, cfg.Home, route) },
		places: func() (places []place, err error) {
			for _, address := range m.Addresses {
				proxy, err := m.proxyFor(address, route)
				if err != nil {
					return nil, err
				}
				places = append(places, place{Address: address, Pin: m.Pin, proxy: proxy})
			}
			return places, nil
		},
		member: cfg.ownMember(m, rows),
	})
}

// ownMember wires the member whose own home it is.
func (c Config) ownMember(m *Membership, rows func(asOf string) ([]forecast.Observation, error)) func(context.Context, []byte, place, solve.Solver) (node.MemberConfig, error) {
	return func(ctx context.Context, sealed []byte, at place, solver solve.Solver) (node.MemberConfig, error) {
		rules, err := node.Agreed(sealed, m.Enrolment)
		return node.MemberConfig{
			Self: m.Party, Home: c.Home, Charter: sealed, Address: at.Address, Pin: at.Pin, Proxy: at.proxy,
			Rows: rows, Declare: declares(c.Home, rules.Scope.Periods), Solver: solver, Clock: c.Clock, Logger: c.Logger,
			Table: func(clause comity.DataClause) (schema.Schema, node.Table, error) {
				return node.OpenTable(ctx, c.Home, c.Schemas, clause)
			},
		}, err
	}
}

// outpost is a member that runs in a process of its own.
type outpost struct {
	home    node.Home
	charter func(context.Context) ([]byte, error) // ErrOpen, fs.ErrNotExist or nats.ErrUnreachable: not yet.
	places  func() ([]place, error)               // fs.ErrNotExist: not yet.
	member  func(ctx context.Context, sealed []byte, at place, solver solve.Solver) (node.MemberConfig, error)
}

// run keeps other processes out of the home and does what the hub asks.
func (c Config) run(ctx context.Context, o outpost) error {
	if c.Progress == nil {
		c.Progress = func(node.Event) {}
	}
	lock, err := lockHome(string(o.home))
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // The kernel drops the lock.
	sealed, err := c.await(ctx, o)
	if err != nil || sealed == nil {
		return err
	}
	engine, err := highs.New(highs.Config{Cache: c.Cache})
	if err != nil {
		return err
	}
	defer engine.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Frees memory of a process that ends.
	c.engine = engine
	m, err := c.find(ctx, o, sealed, engine)
	if err != nil || m == nil {
		return err
	}
	mailbox, err := keepMailbox(ctx, o.home, m.Member)
	if err == nil {
		err = m.under.start(ctx)
	}
	if mailbox != nil {
		c.Progress(node.Event{Phase: "connect", Text: "keeps mailboxes at " + mailbox.Address(), Done: 1, Total: 1})
	}
	if err == nil {
		err = m.Run(ctx)
	}
	if mailbox != nil {
		mailbox.Close()
	}
	m.Close()
	return errors.Join(err, m.under.Close(context.WithoutCancel(ctx)))
}

// await returns the charter as soon as it is sealed; nil if ctx ends before.
func (c Config) await(ctx context.Context, o outpost) ([]byte, error) {
	for {
		sealed, err := o.charter(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, nil //nolint:nilerr // See above.
		case err == nil:
			return sealed, nil
		case errors.Is(err, ErrOpen):
			c.Progress(node.Event{Phase: "connect", Text: err.Error(), Total: 1})
		case errors.Is(err, nats.ErrUnreachable):
			c.Progress(node.Event{Phase: "connect", Text: "waiting for the hub", Total: 1})
		case errors.Is(err, nats.ErrRefused):
			// It took the keys; its doors open for them in a moment.
			c.Progress(node.Event{Phase: "connect", Text: "waiting for the hub to list this party", Total: 1})
		default:
			return nil, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(fetchEvery):
		}
	}
}

// find connects a member to the hub as soon as there is one; nil if ctx ends before.
func (c Config) find(ctx context.Context, o outpost, sealed []byte, solver solve.Solver) (*joined, error) {
	for {
		places, err := o.places()
		if err == nil {
			for _, at := range places {
				cfg, cerr := o.member(ctx, sealed, at, solver)
				if cerr != nil {
					return nil, cerr
				}
				m, jerr := c.connect(ctx, cfg)
				if jerr == nil {
					c.Progress(node.Event{Phase: "connect", Text: "connected to the hub at " + at.Address, Done: 1, Total: 1})
					return m, nil
				}
				err = errors.Join(err, jerr)
			}
		}
		if ctx.Err() != nil {
			return nil, nil //nolint:nilnil,nilerr // See above.
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, nats.ErrUnreachable) {
			return nil, err
		}
		c.Progress(node.Event{Phase: "connect", Text: "waiting for the hub", Total: 1})
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// member wires one member of a scenario to its folder and to the hub.
func (c Config) member(id party.ID) func(context.Context, []byte, place, solve.Solver) (node.MemberConfig, error) {
	home := c.Home.Member(id)
	return func(ctx context.Context, sealed []byte, at place, solver solve.Solver) (node.MemberConfig, error) {
		return node.MemberConfig{
			Self: id, Home: home, Charter: sealed, Address: at.Address, Pin: at.Pin,
			Rows: func(string) ([]forecast.Observation, error) {
				return csv.Vintages(filepath.Join(home.Data(), "series.csv"))
			},
			Table: func(clause comity.DataClause) (schema.Schema, node.Table, error) {
				return node.OpenTable(ctx, home, c.schemas(), clause)
			},
			Declare: c.declare(id), Solver: solver, Clock: c.Clock, Logger: c.Logger, Rehearse: c.rehearse(id),
			Distort: c.Cheat.distort(id), Notice: c.Cheat.notice(id),
		}, nil
	}
}

// schemas are those of the scenario's tables.
func (c Config) schemas() []schema.Schema {
	var all []schema.Schema
	for _, t := range c.Scenario.Tables {
		all = append(all, t.Schema)
	}
	return all
}

// Init founds a consortium and starts nobody.
func Init(cfg Config) error {
	lock, err := lockHome(string(cfg.Home))
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // The kernel drops the lock.
	_, founded, err := isFounded(cfg.Home)
	if d, derr := loadDraft(cfg.Home); derr == nil && d.State != stateHeld {
		founded = true
	}
	if err != nil || founded {
		if err == nil {
			err = fmt.Errorf("%s: %w: a consortium is founded here already", cfg.Home, ErrHome)
		}
		return err
	}
	_, err = Found(cfg, rand.Reader)
	return err
}
