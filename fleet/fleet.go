// Package fleet founds a consortium in one folder and runs it there: all in one process,
// or the hub and each member in a process of its own. Either way each has its own keys,
// folder, witness and connection, and runs the same code.
package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"comity"
	"comity/adapter/highs"
	"comity/allocator/solve"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/node"
	"comity/pack"
	"comity/party"
	"comity/quantity"
	"comity/schema"
)

// Config says what to run and where.
type Config struct {
	Home     node.Home
	Scenario pack.Scenario
	Cache    string // Folder for compiled WebAssembly; empty compiles every time.
	Clock    node.Clock
	Progress node.Progress
	Logger   *slog.Logger

	// Apart leaves the members to processes of their own, which find the hub by the home.
	Apart bool
	// Open lets members whose homes lie elsewhere connect, or bundles be carried to and from
	// them, while those whose homes lie here run in this process.
	Open bool
	// Carried are members whose homes lie here and who do not connect all the same.
	Carried []party.ID
	// Schemas are those that packs declare, for a member's own home to name in its tables.
	Schemas []schema.Schema
	// Listen is HOST:PORT for the hub of members that run apart; empty: as invitations say,
	// or where it was, or a free port of this machine.
	Listen string
	// Patience bounds every wait for members; 0 means the hub's default.
	Patience time.Duration
	// StepSeconds is what a founded charter lets one silent member delay a sum; 0 means 10.
	StepSeconds int
	// Through, if set, names the address at which a member reaches the hub, such as that
	// of a line which a rehearsal can cut.
	Through func(id party.ID, address string) string
	// Rehearse makes members fail on purpose; see node.MemberConfig.
	Rehearse func(id party.ID, kind string, step int) error
	// Cheat makes the hub or members lie on purpose; nil in real life.
	Cheat *Cheat
	// Below returns the scenario of a home that a member's tables name as a federation: of
	// the body that it is the hub of. Nil runs no such bodies.
	Below func(home node.Home) (pack.Scenario, error)

	level  int           // How many bodies stand above this one.
	engine *highs.Engine // Of the body above, shared with this one; nil for one of its own.
}

// Fleet is a running consortium.
type Fleet struct {
	cfg     Config
	sealed  []byte
	hub     *node.Hub
	engine  *highs.Engine
	members []*joined
	stop    context.CancelFunc
	running sync.WaitGroup
	locks   []*os.File // Of the home, and of each member that runs in this process.
	twin    struct {   // The newest pooled twin.
		origin string
		model  canon.Digest
	}
	closing sync.Once
	closed  error
}

// Start founds the consortium, or resumes the one in the home, and connects everybody.
func Start(ctx context.Context, cfg Config) (_ *Fleet, err error) {
	f := &Fleet{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := f.take(cfg.Home); err != nil {
		return f, err
	}
	var founded bool
	if f.sealed, founded, err = isFounded(cfg.Home); err != nil {
		return f, err
	}
	if d, err := loadDraft(cfg.Home); err == nil && d.State == stateOpen {
		return f, openDraft(d)
	}
	if !founded {
		if len(cfg.Scenario.Away) > 0 {
			return f, fmt.Errorf("%w: the rows of %s lie elsewhere; found with comity init and invite them", ErrOpen, names(cfg.Scenario.Away))
		}
		cfg.Progress(node.Event{Phase: "found", Text: fmt.Sprintf("making keys for %d parties", len(cfg.Scenario.Members)+1)})
		if f.sealed, err = Found(cfg, rand.Reader); err != nil {
			return f, err
		}
	}
	if err := begin(cfg.Home); err != nil {
		return f, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	if err := f.warm(running); err != nil {
		return f, err
	}
	address, web := cfg.doors()
	seen := &presence{home: cfg.Home, changed: true}
	served, rehearsal, err := cfg.Cheat.hub(f.sealed)
	if err != nil {
		return f, err
	}
	f.hub, err = node.Serve(ctx, node.HubConfig{
		Home: cfg.Home, Charter: served, Address: address, Web: web, Presence: seen.told, Solver: f.engine, Supply: cfg.supply, Rehearse: rehearsal,
		Patience: cfg.Patience, Clock: cfg.Clock, Progress: cfg.Progress, Logger: cfg.Logger,
	})
	if err != nil {
		return f, err
	}
	if cfg.Apart || cfg.Open {
		f.running.Go(func() { seen.keep(running) })
		err = writePlace(cfg.Home, place{Address: nearby(f.hub.Address()), Pin: f.hub.Pin()})
	} else {
		err = dropPlace(cfg.Home)
	}
	if err != nil || cfg.Apart {
		return f, err
	}
	return f, f.join(ctx, running)
}

// warm makes the solver, or takes that of the body above.
func (f *Fleet) warm(running context.Context) (err error) {
	if f.engine = f.cfg.engine; f.engine != nil {
		return nil
	}
	if f.engine, err = highs.New(highs.Config{Cache: f.cfg.Cache}); err != nil {
		return err
	}
	f.running.Go(func() {
		// Compiling the solver takes seconds that training leaves free; if it fails,
		// Solve fails with the same error.
		_ = f.engine.Warm(running)
	})
	return nil
}

// take keeps other processes out of a home until this fleet is closed.
func (f *Fleet) take(home node.Home) error {
	lock, err := lockHome(string(home))
	if err == nil {
		f.locks = append(f.locks, lock)
	}
	return err
}

// join starts every member and connects it. A member that runs in a process of its own
// keeps its folder: two copies of one member would contradict each other.
func (f *Fleet) join(ctx, running context.Context) error {
	ids := slices.DeleteFunc(slices.Clone(f.hub.Members()), func(id party.ID) bool {
		return slices.Contains(f.cfg.Carried, id) || f.cfg.Open && !holds(f.cfg.Home, id)
	})
	for _, id := range ids {
		if !holds(f.cfg.Home, id) {
			return fmt.Errorf("%s: %w: %s has its own home elsewhere; run comity serve --hub", f.cfg.Home, ErrHome, id)
		}
		if err := f.take(f.cfg.Home.Member(id)); err != nil {
			return err
		}
	}
	f.cfg.Progress(node.Event{Phase: "found", Text: "members connect"})
	turns := &inTurn{solver: f.engine, free: make(chan struct{}, runtime.GOMAXPROCS(0))}
	cfg := f.cfg
	cfg.engine = f.engine
	members := make([]*joined, len(ids))
	failures := make([]error, len(members))
	var joining sync.WaitGroup
	for i, id := range ids {
		at := place{Address: f.hub.Address(), Pin: f.hub.Pin()}
		if f.cfg.Through != nil {
			at.Address = f.cfg.Through(id, at.Address)
		}
		joining.Go(func() {
			var m node.MemberConfig
			if m, failures[i] = f.cfg.member(id)(ctx, f.sealed, at, turns); failures[i] != nil {
				return
			}
			if members[i], failures[i] = cfg.connect(ctx, m); failures[i] == nil {
				failures[i] = members[i].under.start(ctx)
			}
		})
	}
	joining.Wait()
	f.members = slices.DeleteFunc(slices.Clone(members), func(m *joined) bool { return m == nil })
	if err := errors.Join(failures...); err != nil {
		return err
	}
	for _, m := range members {
		f.running.Go(func() { _ = m.Run(running) }) // Its failures reach the hub in words.
	}
	return nil
}

// inTurn lets as many members of one machine solve at a time as it has processors: each
// solver instance has its own memory. It implements solve.Solver.
type inTurn struct {
	solver solve.Solver
	free   chan struct{}
}

// Solve waits for its turn.
func (t *inTurn) Solve(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	select {
	case t.free <- struct{}{}:
		defer func() { <-t.free }()
		return t.solver.Solve(ctx, lp)
	case <-ctx.Done():
		return solve.Solution{}, ctx.Err()
	}
}

// rehearse gives a member its part of the rehearsal, if there is one.
func (c Config) rehearse(id party.ID) func(string, int) error {
	if c.Rehearse == nil {
		return nil
	}
	return func(kind string, step int) error { return c.Rehearse(id, kind, step) }
}

// declare returns what a member declares, from the scenario.
func (c Config) declare(id party.ID) func(comity.DataClause, string, int64) (map[string]canon.Int, error) {
	return func(_ comity.DataClause, period string, received int64) (map[string]canon.Int, error) {
		week, err := c.Scenario.Week(period)
		if err != nil {
			return nil, err
		}
		return c.Scenario.Needs.Declare(id, week, quantity.Amount(received))
	}
}

// supply returns what the operator declares, from the scenario.
func (c Config) supply(_ comity.DataClause, period string) (map[string]canon.Int, error) {
	week, err := c.Scenario.Week(period)
	if err != nil {
		return nil, err
	}
	return c.Scenario.Needs.Supply(week)
}

// Week is what one week gave, in numbers that people and programs read.
type Week struct {
	Period     string
	Steps      int
	Model      canon.Digest // In force: what forecasts were made with.
	Trained    canon.Digest // Newest: where models are tried first it need not be in force.
	Pooled     canon.Digest // The twin of the newest; zero where rows are not simulated or public.
	Picture    canon.Digest
	Allocation comity.Allocation
	Frozen     comity.Picture
	Checks     int
	Skill      forecast.Skill
	Score      Score // Of the forecasts of earlier weeks.
	Sent       int64 // Bytes of masked vectors that one member uploaded, on average.
	Rows       int   // Rows that stayed in members' folders.
	Receipts   []string
	Seconds    map[string]time.Duration // By phase.
}

// Found brings the charter into force.
func (f *Fleet) Found(ctx context.Context) error { return f.hub.Found(ctx) }

// Week takes the decision of one period. Beside it, and from the same rows, it trains
// the pooled model that no deployment could train, to show that it is the same.
func (f *Fleet) Week(ctx context.Context, period string) (*Week, error) {
	w := &Week{Period: period, Seconds: map[string]time.Duration{}}
	if _, err := f.cfg.Scenario.Week(period); err != nil {
		return nil, err
	}
	if err := deal(f.cfg.Home, f.cfg.Scenario, period); err != nil {
		return nil, err
	}
	if err := f.hub.Week(ctx, period); err != nil {
		return nil, errors.Join(err, f.reported())
	}
	var err error
	if w.Pooled, w.Rows, err = f.pooled(ctx); err != nil {
		return nil, err
	}
	if w.Score, err = f.score(period); err != nil {
		return nil, err
	}
	if w.Receipts, err = f.hub.Receipts(ctx); err != nil {
		return nil, err
	}
	f.hub.Look(func(s *body.State) {
		d := s.View().Decisions[period]
		model, _ := s.Serving(d.Round)
		g := s.Registry(period)
		w.Trained = g.Models[len(g.Models)-1].Model
		w.Model, w.Allocation, w.Frozen, w.Checks = model.Model, *d.Allocation, *d.Picture, len(d.Checks)
		w.Picture = d.Allocation.Picture
	})
	w.Steps, w.Sent = f.hub.Trained()
	if w.Skill, err = f.skill(w.Model); err != nil {
		return nil, err
	}
	if !w.Pooled.IsZero() && w.Pooled != w.Trained {
		return w, fmt.Errorf("%w: federated model %s, pooled %s", node.ErrDissent, w.Trained, w.Pooled)
	}
	return w, nil
}

// skill reads what a model says of itself, whenever it was trained.
func (f *Fleet) skill(d canon.Digest) (forecast.Skill, error) {
	data, err := os.ReadFile(node.Blob(f.cfg.Home.Log(), d))
	if err != nil {
		return forecast.Skill{}, err
	}
	m, err := forecast.ParseModel(data)
	if err != nil {
		return forecast.Skill{}, err
	}
	return m.Skill, nil
}

// reported joins what members reported as wrong, for the reader of an error.
func (f *Fleet) reported() error {
	var all error
	for i, failure := range f.hub.Failures() {
		if i == maxReported {
			break
		}
		all = errors.Join(all, fmt.Errorf("%s reports: %s", failure.Party, failure.Text))
	}
	return all
}

// maxReported bounds how many members' reports an error repeats.
const maxReported = 5

// NextWeek is the first week of the scenario that the log has no allocation of.
func (f *Fleet) NextWeek() (week int, err error) {
	f.hub.Look(func(s *body.State) {
		for _, period := range slices.Sorted(maps.Keys(s.View().Decisions)) {
			if s.View().Decisions[period].Allocation == nil {
				continue
			}
			var n int
			if n, err = f.cfg.Scenario.Week(period); err == nil {
				week = n + 1
			}
		}
	})
	return week, err
}

// Sealed returns the charter of the consortium.
func (f *Fleet) Sealed() []byte { return f.sealed }

// Hub returns the hub, for who shows its state.
func (f *Fleet) Hub() *node.Hub { return f.hub }

// Close disconnects members, then stops the hub. A second call returns what the first did.
func (f *Fleet) Close(ctx context.Context) error {
	f.closing.Do(func() { f.closed = f.close(ctx) })
	return f.closed
}

func (f *Fleet) close(ctx context.Context) error {
	if f.hub != nil {
		f.untilForgotten()
	}
	if f.stop != nil {
		f.stop()
	}
	var err error
	if f.hub != nil {
		err = f.hub.Close(ctx)
	}
	for _, m := range f.members {
		m.Close()
	}
	f.running.Wait()
	for _, m := range f.members {
		err = errors.Join(err, m.under.Close(ctx))
	}
	if f.engine != nil && f.cfg.engine == nil {
		err = errors.Join(err, f.engine.Close(ctx))
	}
	for _, lock := range f.locks {
		err = errors.Join(err, lock.Close())
	}
	return err
}
