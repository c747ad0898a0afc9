package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"comity/fleet"
	"comity/node"
	"comity/pack"
	"comity/party"
)

// initCommand founds a consortium and starts nobody.
type initCommand struct {
	Scenario string `arg:"" optional:"" default:"respiratory" help:"What to found: respiratory."`
	Home     string `help:"Folder to found in." required:"" placeholder:"DIR"`
	Data     string `help:"Found on the data in this folder." placeholder:"DIR"`
	Origin   string `help:"Origin date of the first week, a Wednesday." placeholder:"DATE"`
}

// initData is the JSON form of a founding.
type initData struct {
	Home     string   `json:"home"`
	Operator string   `json:"operator"`
	Members  []string `json:"members"`
	Next     []string `json:"next"` // Command lines: of the hub, then of each member.
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
	from, err := up.source(s)
	if err != nil {
		return home.tidy(err)
	}
	view := newView(t)
	view.progress(node.Event{Phase: "found", Text: "making keys for " + count(len(s.Members)+1, "party")})
	err = fleet.Init(fleet.Config{Home: home.Home, Scenario: s, Clock: time.Now, Progress: view.progress})
	if err == nil {
		err = from.save(home.Home)
	}
	if err != nil {
		return home.tidy(err)
	}
	view.finish()
	folder := string(home.Home)
	d := initData{Home: folder, Operator: string(s.Operator.ID), Next: []string{command("serve", "--hub", "--home", folder)}}
	for _, m := range s.Members {
		d.Members = append(d.Members, string(m.ID))
		if slices.Contains(s.Away, m.ID) {
			continue
		}
		d.Next = append(d.Next, command("serve", "--member", string(m.ID), "--home", folder))
	}
	if len(s.Away) > 0 {
		return t.result("init", d, drafted(d, s))
	}
	return t.result("init", d, fmt.Sprintf("Founded %s in %s. Nobody runs yet. The hub, in a process of its own:\n  %s\n"+
		"and each member, in one of its own:\n  %s\n  ... %s\nOr all of them in one process:\n  %s\n",
		count(len(d.Members)+1, "party"), folder, d.Next[0], d.Next[1], andSoOn(d.Members[1:]), command("up", "--home", folder)))
}

// drafted says how a consortium goes on whose parties make their keys at home.
func drafted(d initData, s pack.Scenario) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Drafted the charter of %s in %s. It is sealed when those have joined whose rows lie elsewhere. For each of them:\n", count(len(d.Members)+1, "party"), d.Home)
	for _, id := range s.Away {
		fmt.Fprintf(&b, "  %s\n", command("member", "invite", string(id), "--home", d.Home, "--hub-address", "HOST:PORT", "--out", string(id)+".invitation"))
	}
	fmt.Fprintf(&b, "Then the hub, which waits for them:\n  %s\n", d.Next[0])
	return b.String()
}

// andSoOn names what else there is, shortly.
func andSoOn(names []string) string {
	if len(names) < 2 {
		return "and " + names[0]
	}
	return fmt.Sprintf("and so on for %s to %s (%d more)", names[0], names[len(names)-1], len(names))
}

// serveCommand runs the hub or one member of a founded consortium.
type serveCommand struct {
	Home   string `help:"Folder that comity init or comity up founded in, or that comity member join made." required:"" placeholder:"DIR"`
	Hub    bool   `help:"Run the hub: sequence the log, add masked vectors, decide week by week, show the page."`
	Member string `help:"Run this member. Without ID: the one whose own home it is." placeholder:"[ID]"`
	Listen string `help:"With --hub: where members connect. Default: as invitations say, or any free port of this machine." placeholder:"HOST:PORT"`
	Weeks  int    `help:"With --hub: how many weeks to decide, one after another." default:"1"`
	Until  int    `help:"With --hub, instead of --weeks: decide until so many weeks are decided in all, and exit. A hub that was restarted goes on towards the same week." placeholder:"N"`
	Once   bool   `help:"With --hub: exit after the last week."`
	Port   int    `help:"With --hub: port of the page on 127.0.0.1. Default: 7474, or a free one if it is taken." placeholder:"PORT"`
}

// Run serves until it is interrupted.
func (c *serveCommand) Run(ctx context.Context, t *terminal) error {
	own, err := c.ownHome()
	if err != nil || own != nil {
		if err == nil {
			err = own.serve(ctx, t)
		}
		return err
	}
	switch {
	case c.Hub == (c.Member != ""):
		return usageError{errors.New("give --hub or --member ID, one of them")}
	case c.Member == itself:
		return usageError{fmt.Errorf("%s is no member's own home; give --member ID", c.Home)}
	case c.Member != "" && (c.Listen != "" || c.Weeks != 1 || c.Until != 0 || c.Once || c.Port != 0):
		return usageError{errors.New("--listen, --weeks, --until, --once and --port go with --hub: members do what the hub asks")}
	case c.Until < 0 || c.Until > maxWeeks, c.Until > 0 && c.Weeks != 1:
		return usageError{fmt.Errorf("--until %d; give 1 to %d, and no --weeks", c.Until, maxWeeks)}
	}
	up := &upCommand{Scenario: defaultScenario, Home: c.Home, Port: c.Port, Weeks: c.Weeks, Once: c.Once || c.Until > 0}
	if err := up.check(); err != nil {
		return err
	}
	folder, err := filepath.Abs(c.Home)
	if err != nil {
		return err
	}
	home := node.Home(folder)
	if err := founded(home); err != nil {
		return err
	}
	if err := up.recall(); err != nil {
		return err
	}
	s, err := up.scenario()
	if err != nil {
		return err
	}
	if err := up.sameRules(home, s); err != nil {
		return err
	}
	session := &session{cmd: up, terminal: t, view: newView(t), scenario: s, home: home, apart: true, until: c.Until, at: c.Listen}
	if c.Member != "" {
		return session.member(ctx, party.ID(c.Member))
	}
	listener, err := up.listen(ctx, t)
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // The page has closed it already.
	if err := session.enrol(ctx); err != nil {
		return session.interrupted(ctx, err)
	}
	if err := up.sameRules(home, s); err != nil { // There was no charter to compare with before.
		return err
	}
	return session.interrupted(ctx, session.run(ctx, listener))
}

// memberData is the JSON form of a member that runs: printed when it is connected.
type memberData struct {
	Party string `json:"party"`
	Home  string `json:"home"`
}

// member runs one member until it is interrupted, which is how it ends well.
func (s *session) member(ctx context.Context, id party.ID) error {
	if _, err := s.scenario.Member(id); err != nil {
		var all []string
		for _, m := range s.scenario.Members {
			all = append(all, string(m.ID))
		}
		return fmt.Errorf("%w; the members are %s", err, strings.Join(all, ", "))
	}
	folder := string(s.home.Member(id))
	s.terminal.say("member %s in %s, until Ctrl-C", id, folder)
	progress, logger, printed := s.terminal.connecting(memberData{string(id), folder})
	err := fleet.RunMember(ctx, fleet.Config{
		Home: s.home, Scenario: s.scenario, Cache: cacheFolder(), Clock: time.Now, Progress: progress, Logger: logger,
		Below: scenarioBelow,
	}, id)
	return errors.Join(err, *printed)
}

// enrol serves invitations before the hub starts, where the charter is still a draft.
func (s *session) enrol(ctx context.Context) error {
	last := ""
	return fleet.Enrol(ctx, fleet.Config{Home: s.home, Scenario: s.scenario, Listen: s.at, Clock: time.Now, Progress: func(e node.Event) {
		if e.Text != last {
			s.terminal.say("%s", e.Text)
			last = e.Text
		}
	}})
}

// connecting returns what a member that runs says to people and to programs; the error
// is that of the document for programs, printed when the member is connected.
func (t *terminal) connecting(d memberData) (node.Progress, *slog.Logger, *error) {
	var once sync.Once
	printed := new(error)
	last := ""
	progress := func(e node.Event) {
		if e.Text != last {
			t.say("%s", e.Text)
			last = e.Text
		}
		if e.Done > 0 && t.json {
			once.Do(func() { *printed = t.result("member", d, "") })
		}
	}
	if t.quiet || t.json {
		return progress, slog.New(slog.DiscardHandler), printed
	}
	return progress, slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelInfo})), printed
}
