package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// lookEvery is how often a member looks for a hub that is not there yet.
const lookEvery = 500 * time.Millisecond

// RunMember runs one member of the consortium in a home until ctx ends, in a process of
// its own. The hub may be away: the member looks for it until it is there, wherever it
// says by then that it is.
func RunMember(ctx context.Context, cfg Config, id party.ID) error {
	if cfg.Progress == nil {
		cfg.Progress = func(node.Event) {}
	}
	home := cfg.Home.Member(id)
	lock, err := lockHome(string(home))
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // The kernel drops the lock.
	sealed, founded, err := isFounded(cfg.Home)
	if err != nil {
		return err
	}
	if !founded {
		return fmt.Errorf("%s: %w: nothing was founded there; run comity init first", cfg.Home, ErrHome)
	}
	engine, err := highs.New(highs.Config{Cache: cfg.Cache})
	if err != nil {
		return err
	}
	defer engine.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Frees memory of a process that ends.
	m, err := cfg.find(ctx, id, sealed, engine)
	if err != nil || m == nil {
		return err
	}
	defer m.Close()
	return m.Run(ctx)
}

// find connects a member to the hub as soon as there is one; nil if ctx ends before.
func (c Config) find(ctx context.Context, id party.ID, sealed []byte, solver solve.Solver) (*node.Member, error) {
	for {
		at, err := readPlace(c.Home)
		if err == nil {
			var m *node.Member
			if m, err = c.member(ctx, id, sealed, at, solver); err == nil {
				c.Progress(node.Event{Phase: "connect", Text: "connected to the hub at " + at.Address, Done: 1, Total: 1})
				return m, nil
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
func (c Config) member(ctx context.Context, id party.ID, sealed []byte, at place, solver solve.Solver) (*node.Member, error) {
	home := c.Home.Member(id)
	return node.Join(ctx, node.MemberConfig{
		Self: id, Home: home, Charter: sealed, Address: at.Address, Pin: at.Pin,
		Rows: func() ([]forecast.Observation, error) { return csv.Vintages(filepath.Join(home.Data(), "series.csv")) },
		Table: func(clause comity.DataClause) (schema.Schema, node.Table, error) {
			return node.OpenTable(ctx, home, c.schemas(), clause)
		},
		Declare: c.declare(id), Solver: solver, Clock: c.Clock, Logger: c.Logger, Rehearse: c.rehearse(id),
		Distort: c.Cheat.distort(id), Notice: c.Cheat.notice(id),
	})
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
	if _, founded, err := isFounded(cfg.Home); err != nil || founded {
		if err == nil {
			err = fmt.Errorf("%s: %w: a consortium is founded here already", cfg.Home, ErrHome)
		}
		return err
	}
	_, err = Found(cfg, rand.Reader)
	return err
}
