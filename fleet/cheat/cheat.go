// Package cheat rehearses dishonesty: it runs a consortium in which one party lies, and
// says what it tried, who noticed, by which check, and what would have come of it.
//
// Honest parties run the code that they always run. What lies stands here and enters
// through node.HubRehearsal, fleet.Cheat and the scenario's rows alone. What would have
// come of it is computed by the consortium's own engines, never estimated.
package cheat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"comity/canon"
	"comity/fleet"
	"comity/node"
	"comity/pack"
	"comity/party"
)

// ErrUnknown says that no cheat has that name.
var ErrUnknown = errors.New("no such cheat")

// Cheat is one way to be dishonest.
type Cheat struct {
	Name  string
	Title string
	Who   string // Who lies: "hub" or "member"; "stranger" for whoever forges a file.
	Tries string // One sentence.
	run   func(ctx context.Context, s *stage) error
}

// Config says with whom a cheat is rehearsed and where.
type Config struct {
	Home     node.Home // A new folder: what it holds afterwards is no consortium to go on with.
	Scenario pack.Scenario
	Cache    string // Folder for compiled WebAssembly.
	Clock    node.Clock
	Progress node.Progress
	Logger   *slog.Logger
	// Started, if set, gets the consortium as soon as it runs, for who shows its state.
	Started func(*fleet.Fleet)
}

// Outcome is what a rehearsal came to.
type Outcome struct {
	Name, Title, Who string
	Tried            string     // What was done, with the names and numbers of this run.
	By               string     // Who noticed, in words: "30 of 30 members".
	Noticed          []party.ID // The parties that noticed, ascending; empty if nobody did or no party is needed.
	Check            string     // The check that refused it: a rule of package body, or a sentinel error.
	Refusal          string     // The words of the honest code.
	Also             []string   // Further refusals.
	WouldHave        string     // What would have come of it.
	Caught           bool
	Causes           []error // Refusals as errors, for exit codes.

	Charter canon.Digest // That the members signed.
	Size    int          // Of the log at the end, in the honest part of it.
	Week    *fleet.Week  // The decision that stands, if there is one.
}

// All lists every cheat, the hub's first.
func All() []Cheat {
	return []Cheat{
		hubAltersSum(), hubTwoStories(), hubDropsMember(), hubSwapsKey(),
		logSplit(), logRewrites(),
		solverLies(), allocationFavoursFriend(), charterSwapped(), receiptForged(),
		memberOutOfRange(), memberLow(),
	}
}

// Find returns the cheat of a name, or ErrUnknown.
func Find(name string) (Cheat, error) {
	all := All()
	i := slices.IndexFunc(all, func(c Cheat) bool { return c.Name == name })
	if i < 0 {
		return Cheat{}, fmt.Errorf("%w: %.40q", ErrUnknown, name)
	}
	return all[i], nil
}

// Run rehearses the cheat in a new consortium. An error means that the rehearsal itself
// went wrong; a lie that nobody caught is an Outcome.
func (c Cheat) Run(ctx context.Context, cfg Config) (*Outcome, error) {
	s := &stage{Config: cfg, heard: map[party.ID][]error{}, tape: &tape{sums: map[string][]int64{}}}
	s.out = &Outcome{Name: c.Name, Title: c.Title, Who: c.Who}
	err := c.run(ctx, s)
	if err = errors.Join(err, s.close(ctx)); err != nil {
		return nil, fmt.Errorf("rehearse %s: %w", c.Name, err)
	}
	return s.out, nil
}
