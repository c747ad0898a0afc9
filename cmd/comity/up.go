package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"comity/adapter/csv"
	"comity/adapter/highs"
	"comity/audit"
	"comity/canon"
	"comity/chance"
	"comity/console"
	"comity/fleet"
	"comity/fleet/cheat"
	"comity/fleet/own"
	"comity/modeler/forecast"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
	"comity/verifier/secagg"
)

// upCommand runs a consortium on one machine.
type upCommand struct {
	Scenario string `arg:"" optional:"" default:"respiratory" help:"What to found: respiratory."`
	Home     string `help:"Folder to found in, or to resume. Default: a new one under the state folder." placeholder:"DIR"`
	Data     string `help:"Run on the data in this folder: your own (scenario.yaml) or surveillance snapshots (*vintages*.csv or .csv.gz)." placeholder:"DIR"`
	Example  string `help:"Write an example of your own data to this new folder, and exit." placeholder:"DIR"`
	Cheat    string `help:"Rehearse dishonesty: one party lies, and the end says who noticed. List: --cheat help." placeholder:"NAME"`
	Origin   string `help:"Origin date of the first week, a Wednesday. Default: the newest that the data allow." placeholder:"DATE"`
	Once     bool   `help:"Exit after the last week."`
	Weeks    int    `help:"How many weeks to decide, one after another." default:"1"`
	Port     int    `help:"Port of the page on 127.0.0.1. Default: 7474, or a free one if it is taken." placeholder:"PORT"`
}

const (
	defaultScenario = "respiratory"
	defaultPort     = 7474
	maxPort         = 1<<16 - 1
	maxWeeks        = 520
	// grace is how long the page may finish what it serves when the command ends.
	grace = 2 * time.Second
)

// session is one run of `up`.
type session struct {
	cmd      *upCommand
	terminal *terminal
	scenario pack.Scenario
	fleet    *fleet.Fleet
	home     node.Home
	view     *view
	page     *http.Server
	address  string
	apart    bool   // Members run in processes of their own.
	at       string // With apart: where the hub listens; empty: as the home says.
	until    int    // With apart: how many weeks to decide in all; 0 means one more.

	mu      sync.Mutex // The page reads while weeks are decided.
	weeks   []*fleet.Week
	summary []string
	outcome *cheat.Outcome // Of a rehearsal.
}

// Run founds or resumes a consortium, decides week by week, verifies the receipts the
// way an outsider would, and stays up with a page until it is interrupted. Everything
// that can be wrong with the command line, the data and the port is found out before
// anything is written.
func (c *upCommand) Run(ctx context.Context, t *terminal) error {
	if err := c.check(); err != nil {
		return err
	}
	switch {
	case c.Example != "":
		return c.writeExample(t)
	case c.Cheat == "help":
		return listCheats(t)
	case c.Cheat != "" && !isCheat(c.Cheat):
		return usageError{fmt.Errorf("--cheat %q; use help or one of %s", c.Cheat, cheats())}
	}
	if err := c.recall(); err != nil {
		return err
	}
	s := &session{cmd: c, terminal: t, view: newView(t)}
	var err error
	if s.scenario, err = c.scenario(); err != nil {
		return err
	}
	listener, err := c.listen(ctx, t)
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // The page has closed it already.
	if c.Cheat != "" {
		return s.rehearse(ctx, listener)
	}
	home, err := openHome(c.Home, s.scenario)
	if err != nil {
		return err
	}
	if err := c.sameRules(home.Home, s.scenario); err != nil {
		return err
	}
	s.home = home.Home
	if home.empty {
		if err := s.remember(); err != nil {
			return home.tidy(err)
		}
	}
	return home.tidy(s.interrupted(ctx, s.run(ctx, listener)))
}

// check refuses numbers out of their bounds.
func (c *upCommand) check() error {
	switch {
	case c.Weeks < 1 || c.Weeks > maxWeeks:
		return usageError{fmt.Errorf("--weeks %d; give 1 to %d", c.Weeks, maxWeeks)}
	case c.Port < 0 || c.Port > maxPort:
		return usageError{fmt.Errorf("--port %d; give 1 to %d", c.Port, maxPort)}
	}
	return nil
}

// remember writes down what the home is founded on.
func (s *session) remember() error {
	from, err := s.cmd.source(s.scenario)
	if err != nil {
		return err
	}
	return from.save(s.home)
}

// run starts everybody, decides and reports.
func (s *session) run(ctx context.Context, listener net.Listener) (err error) {
	if s.scenario.Label != "" {
		s.terminal.say("%s", hang("", s.scenario.Label+": "+s.scenario.Source))
	}
	s.fleet, err = fleet.Start(ctx, fleet.Config{
		Home: s.home, Scenario: s.scenario, Cache: cacheFolder(), Clock: time.Now, Progress: s.view.progress, Apart: s.apart, Listen: s.at,
		Below: scenarioBelow,
	})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.fleet.Close(context.WithoutCancel(ctx)))
	}()
	if err := s.remember(); err != nil { // The data may have moved since.
		return err
	}
	if err := s.serve(listener); err != nil {
		return err
	}
	defer s.page.Close() //nolint:errcheck // Ends with the process.
	if err := s.decide(ctx); err != nil {
		return err
	}
	if len(s.weeks) > 0 {
		if err := s.report(); err != nil {
			return err
		}
	}
	if s.cmd.Once {
		return nil
	}
	return s.stay(ctx)
}

// cacheFolder keeps the compiled solver between runs; empty compiles it every time.
func cacheFolder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "comity")
}

// interrupted says what was interrupted and how to go on.
func (s *session) interrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	step := s.view.now().Text
	if step == "" {
		step = "starting"
	}
	return fmt.Errorf("%w while %s; what was logged is kept; to go on: %s", errInterrupted, step, s.resume())
}

// resume is the command line that goes on in the same home.
func (s *session) resume() string {
	if s.apart {
		return command("serve", "--hub", "--home", string(s.home))
	}
	return command("up", "--home", string(s.home))
}

// scenario finds the pack's proposal: synthetic by name, or observed from a folder.
func (c *upCommand) scenario() (pack.Scenario, error) {
	if c.Data == "" {
		if c.Origin != "" {
			return pack.Scenario{}, usageError{errors.New("--origin goes with --data")}
		}
		return health.Scenario(c.Scenario, chance.Derive(chance.Seed{}, "comity/world", c.Scenario))
	}
	if own.Is(c.Data) {
		return own.Read(c.Data, own.When{Origin: c.Origin, Weeks: c.Weeks})
	}
	file, err := csv.Find(c.Data)
	if err != nil {
		return pack.Scenario{}, err
	}
	rows, err := csv.Vintages(file)
	if err != nil {
		return pack.Scenario{}, err
	}
	start, err := c.origin(file, rows)
	if err != nil {
		return pack.Scenario{}, err
	}
	s, err := health.Observed(rows, start)
	if err != nil {
		return s, fmt.Errorf("%s:1:1: %w", file, err)
	}
	if n := len(s.Members); n < secagg.MinMembers {
		return s, fmt.Errorf("%s:1:1: %w: rows of %s, but masked sums need %d members; add rows of others",
			file, csv.ErrUnreadable, count(n, "place"), secagg.MinMembers)
	}
	return s, nil
}

// origin returns the first origin date: the one that was asked for, or the newest that
// the snapshots allow.
func (c *upCommand) origin(file string, rows []forecast.Observation) (string, error) {
	oldest, newest := rows[0].AsOf, rows[0].AsOf
	for _, r := range rows {
		oldest, newest = min(oldest, r.AsOf), max(newest, r.AsOf)
	}
	if c.Origin == "" {
		start, err := pack.OriginAfter(newest, 1-c.Weeks)
		if err != nil {
			return "", fmt.Errorf("%s:1:1: %w", file, err)
		}
		return start, nil
	}
	at, err := time.Parse(time.DateOnly, c.Origin)
	switch {
	case err != nil:
		return "", usageError{fmt.Errorf("--origin %q is no date; write YYYY-MM-DD", c.Origin)}
	case at.Weekday() != time.Wednesday:
		return "", usageError{fmt.Errorf("--origin %s is a %s; forecasts are made on Wednesdays", c.Origin, at.Weekday())}
	case c.Origin < oldest:
		return "", usageError{fmt.Errorf("--origin %s is before the oldest snapshot in %s, of %s", c.Origin, file, oldest)}
	}
	return c.Origin, nil
}

// listen takes the page's port before anything else is done. A port that was asked for
// must be free; the default may move.
func (c *upCommand) listen(ctx context.Context, t *terminal) (net.Listener, error) {
	port := c.Port
	if port == 0 {
		port = defaultPort
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) && c.Port == 0 {
		if listener, err = config.Listen(ctx, "tcp", "127.0.0.1:0"); err == nil {
			t.say("port %d is taken; the page takes another one", defaultPort)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the page: %w; choose another --port", err)
	}
	return listener, nil
}

// serve opens the page.
func (s *session) serve(listener net.Listener) error {
	s.address = "http://" + listener.Addr().String()
	// An engine of its own: whoever moves the slider never waits for a decision, nor a
	// decision for the slider. It compiles, from the cache, when the first one does.
	engine, err := highs.New(highs.Config{Cache: cacheFolder()})
	if err != nil {
		return err
	}
	handler, err := console.New(console.Config{
		Look: s.fleet.Hub().Look, Now: s.now, Title: s.scenario.Title, Label: s.scenario.Label, Source: s.scenario.Source,
		Log: s.home.Log(), Receipts: s.home.Receipts(), Charter: s.home.Charter(), Clock: time.Now,
		Solver: engine,
	})
	if err != nil {
		return err
	}
	s.page = console.Server(handler)
	go func() { _ = s.page.Serve(listener) }() // Ends with Close.
	s.terminal.say("page: %s", s.address)
	return nil
}

// decide runs the weeks. A home that holds decisions goes on after the last of them.
func (s *session) decide(ctx context.Context) error {
	if err := s.found(ctx); err != nil {
		return err
	}
	first, err := s.fleet.NextWeek()
	if err != nil {
		return err
	}
	weeks := s.cmd.Weeks
	if s.until > 0 {
		weeks = max(0, s.until-first)
	}
	for n := range weeks {
		period, err := s.scenario.Period(first + n)
		if err != nil {
			return err
		}
		s.view.week(period)
		w, err := s.fleet.Week(ctx, period)
		if err != nil {
			return err
		}
		if err := s.verify(w); err != nil {
			return err
		}
		w.Seconds = s.view.finish()
		summary := s.sentences(w)
		s.mu.Lock()
		s.weeks, s.summary = append(s.weeks, w), summary
		s.mu.Unlock()
	}
	return nil
}

// found brings the charter into force. Members that run apart may come when they like.
func (s *session) found(ctx context.Context) error {
	for {
		err := s.fleet.Found(ctx)
		if !s.apart || !errors.Is(err, node.ErrQuorum) || ctx.Err() != nil {
			return err
		}
		s.terminal.say("%v; waiting for them", err)
	}
}

// verify reads the receipts back from disk and checks them as an outsider would who has
// the files and the charter's digest, and nothing else.
func (s *session) verify(w *fleet.Week) error {
	anchor, err := canon.ParseAnchor(canon.Sum(s.fleet.Sealed()).Words())
	if err != nil {
		return err
	}
	for _, file := range w.Receipts {
		s.view.progress(node.Event{Phase: "verify", Text: "verifying receipts as an outsider would"})
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if r := audit.Receipt(data, &anchor); r.Err != nil {
			return fmt.Errorf("%s: %w", file, r.Err)
		}
	}
	return nil
}

// stay keeps the page up until the command is interrupted, which is how it ends well.
func (s *session) stay(ctx context.Context) error {
	s.terminal.say("\nThe page stays at %s until Ctrl-C. To go on later:\n  %s", s.address, s.resume())
	<-ctx.Done()
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return s.page.Shutdown(shutdown)
}
