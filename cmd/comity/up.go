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
	"syscall"
	"time"

	"comity/adapter/csv"
	"comity/audit"
	"comity/canon"
	"comity/chance"
	"comity/console"
	"comity/fleet"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
)

// upCommand runs a consortium on one machine.
type upCommand struct {
	Scenario string `arg:"" optional:"" default:"respiratory" help:"What to found: respiratory."`
	Home     string `help:"Folder to found in, or to resume. Default: a new one under the state folder." placeholder:"DIR"`
	Data     string `help:"Run on the surveillance snapshots in this folder (*vintages*.csv)." placeholder:"DIR"`
	Origin   string `help:"Origin date of the first week, a Wednesday. Default: the newest that the data allow." placeholder:"DATE"`
	Once     bool   `help:"Exit after the last week."`
	Weeks    int    `help:"How many weeks to decide, one after another." default:"1"`
	Port     int    `help:"Port of the page on 127.0.0.1. Default: 7474, or a free one if it is taken." default:"0"`
}

const (
	defaultPort = 7474
	maxWeeks    = 520
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
	weeks    []*fleet.Week
	summary  []string
	page     *http.Server
	address  string
}

// Run founds or resumes a consortium, decides week by week, verifies the receipts the
// way an outsider would, and stays up with a page until it is interrupted.
func (c *upCommand) Run(ctx context.Context, t *terminal) (err error) {
	if c.Weeks < 1 || c.Weeks > maxWeeks {
		return usageError{fmt.Errorf("--weeks %d; give 1 to %d", c.Weeks, maxWeeks)}
	}
	s := &session{cmd: c, terminal: t, view: newView(t)}
	if s.scenario, err = c.scenario(); err != nil {
		return err
	}
	if s.home, err = c.home(); err != nil {
		return err
	}
	if s.scenario.Label != "" {
		t.say("%s: %s", s.scenario.Label, s.scenario.Source)
	}
	cache, err := os.UserCacheDir()
	if err == nil {
		cache = filepath.Join(cache, "comity")
	}
	s.fleet, err = fleet.Start(ctx, fleet.Config{
		Home: s.home, Scenario: s.scenario, Cache: cache, Clock: time.Now, Progress: s.view.progress,
	})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.fleet.Close(context.WithoutCancel(ctx)))
	}()
	if err := s.serve(ctx); err != nil {
		return err
	}
	defer s.page.Close() //nolint:errcheck // Ends with the process.
	if err := s.decide(ctx); err != nil {
		return err
	}
	if err := s.report(); err != nil || c.Once {
		return err
	}
	return s.stay(ctx)
}

// scenario finds the pack's proposal: synthetic by name, or observed from a folder.
func (c *upCommand) scenario() (pack.Scenario, error) {
	if c.Data == "" {
		return health.Scenario(c.Scenario, chance.Derive(chance.Seed{}, "comity/world", c.Scenario))
	}
	file, err := csv.Find(c.Data)
	if err != nil {
		return pack.Scenario{}, err
	}
	rows, err := csv.Vintages(file)
	if err != nil {
		return pack.Scenario{}, err
	}
	newest := ""
	for _, r := range rows {
		newest = max(newest, r.AsOf)
	}
	start := c.Origin
	if start == "" {
		if start, err = pack.OriginAfter(newest, 1-c.Weeks); err != nil {
			return pack.Scenario{}, err
		}
	}
	return health.Observed(rows, start)
}

// home returns the folder to run in. Without --home each run founds anew.
func (c *upCommand) home() (node.Home, error) {
	if c.Home != "" {
		home, err := filepath.Abs(c.Home)
		return node.Home(home), err
	}
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		state = filepath.Join(user, ".local", "state")
	}
	parent := filepath.Join(state, "comity")
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", err
	}
	home, err := os.MkdirTemp(parent, c.Scenario+"-")
	return node.Home(home), err
}

// serve opens the page. A port that was asked for must be free; the default may move.
func (s *session) serve(ctx context.Context) error {
	port := s.cmd.Port
	if port == 0 {
		port = defaultPort
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) && s.cmd.Port == 0 {
		listener, err = config.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return fmt.Errorf("open the page: %w; choose another --port", err)
	}
	s.address = "http://" + listener.Addr().String()
	handler, err := console.New(console.Config{
		Status: s.status, Receipts: s.home.Receipts(), Log: s.home.Log(), Charter: s.home.Charter(),
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
	if err := s.fleet.Found(ctx); err != nil {
		return err
	}
	first, err := s.fleet.NextWeek()
	if err != nil {
		return err
	}
	for n := range s.cmd.Weeks {
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
		s.weeks = append(s.weeks, w)
		s.summary = s.sentences(w)
	}
	return nil
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
	s.terminal.say("\nThe page stays at %s; Ctrl-C ends it. Resume with: comity up --home %s", s.address, s.home)
	<-ctx.Done()
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return s.page.Shutdown(shutdown)
}
