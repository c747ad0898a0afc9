package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"comity/durable"
	"comity/fleet"
	"comity/node"
	"comity/pack"
	"comity/party"
)

// source says what a home was founded on, so that later commands need not be told again.
type source struct {
	Scenario string `json:"scenario"`
	Data     string `json:"data"`   // Folder of observed rows, absolute; empty for a synthetic world.
	Origin   string `json:"origin"` // Of the first week; empty for the scenario's own.
}

func sourceFile(home string) string { return filepath.Join(home, "source.json") }

func (s source) save(home string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return durable.WriteFile(sourceFile(home), data)
}

func loadSource(home string) (s source, err error) {
	data, err := os.ReadFile(sourceFile(home))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w: %w", sourceFile(home), fleet.ErrHome, err)
	}
	return s, nil
}

// pack finds the scenario of a source.
func (s source) pack() (pack.Scenario, error) {
	c := upCommand{Scenario: s.Scenario, Data: s.Data, Origin: s.Origin, Weeks: 1}
	return c.scenario()
}

// initCommand founds a consortium and starts nobody.
type initCommand struct {
	Scenario string `arg:"" optional:"" default:"respiratory" help:"What to found: respiratory."`
	Home     string `help:"Folder to found in." required:"" placeholder:"DIR"`
	Data     string `help:"Found on the data in this folder." placeholder:"DIR"`
	Origin   string `help:"Origin date of the first week." placeholder:"DATE"`
}

// Run founds.
func (c *initCommand) Run(t *terminal) error {
	up := upCommand{Scenario: c.Scenario, Data: c.Data, Origin: c.Origin, Weeks: 1}
	s, err := up.scenario()
	if err != nil {
		return err
	}
	home, err := openHome(c.Home, s)
	if err != nil {
		return err
	}
	from := source{Scenario: c.Scenario, Origin: s.Start}
	if c.Data != "" {
		if from.Data, err = filepath.Abs(c.Data); err != nil {
			return err
		}
	} else {
		from.Origin = ""
	}
	view := newView(t)
	err = fleet.Init(fleet.Config{Home: home.Home, Scenario: s, Clock: time.Now, Progress: view.progress})
	if err == nil {
		err = from.save(string(home.Home))
	}
	view.finish()
	if err != nil {
		return home.tidy(err)
	}
	members := []string{}
	for _, m := range s.Members {
		members = append(members, string(m.ID))
	}
	text := fmt.Sprintf("founded %d parties in %s\nnext: %s\nand for each member, in a process of its own: %s\n", len(members)+1, home.Home,
		command("serve", "--hub", "--home", string(home.Home)), command("serve", "--member", members[0], "--home", string(home.Home)))
	return t.result("init", map[string]any{"home": string(home.Home), "members": members, "operator": string(s.Operator.ID)}, text)
}

// serveCommand runs the hub or one member of a founded consortium.
type serveCommand struct {
	Home   string `help:"Folder that comity init made." required:"" placeholder:"DIR"`
	Hub    bool   `help:"Run the hub: sequence the log, add masked vectors, decide week by week."`
	Member string `help:"Run this member." placeholder:"ID"`
	Weeks  int    `help:"With --hub: decide until so many weeks are decided in all, then stop. 0: one new week, then stay." default:"0"`
	Port   int    `help:"With --hub: port of the page on 127.0.0.1." placeholder:"PORT"`
}

// Run serves until it is interrupted.
func (c *serveCommand) Run(ctx context.Context, t *terminal) error {
	if c.Hub == (c.Member != "") {
		return usageError{errors.New("give --hub or --member ID")}
	}
	folder, err := filepath.Abs(c.Home)
	if err != nil {
		return err
	}
	from, err := loadSource(folder)
	if err != nil {
		return fmt.Errorf("%w; found a consortium first: comity init --home %s", err, c.Home)
	}
	s, err := from.pack()
	if err != nil {
		return err
	}
	if c.Member != "" {
		if _, err := s.Member(party.ID(c.Member)); err != nil {
			return err
		}
		logger := slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
		t.say("member %s of the consortium in %s; Ctrl-C ends it", c.Member, folder)
		return fleet.RunMember(ctx, fleet.Config{Home: node.Home(folder), Scenario: s, Cache: cacheFolder(), Clock: time.Now, Logger: logger}, party.ID(c.Member))
	}
	up := &upCommand{Scenario: from.Scenario, Data: from.Data, Origin: from.Origin, Port: c.Port, Weeks: 1}
	session := &session{cmd: up, terminal: t, view: newView(t), scenario: s, home: node.Home(folder), apart: true, until: c.Weeks}
	listener, err := up.listen(ctx, t)
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // The page has closed it already.
	return session.interrupted(ctx, session.run(ctx, listener))
}
