package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"comity/console"
	"comity/fleet"
	"comity/fleet/cheat"
	"comity/node"
	"comity/party"
)

// errNotCaught says that a lie went through.
var errNotCaught = errors.New("not caught")

// cheatData is the JSON form of a rehearsal: that of a run, as far as the run came, and
// what became of the lie.
type cheatData struct {
	upData
	Cheat     string         `json:"cheat"`
	Title     string         `json:"title"`
	Who       string         `json:"who"`   // "hub", "member" or "stranger".
	Tried     string         `json:"tried"` // One sentence.
	Caught    bool           `json:"caught"`
	CaughtBy  string         `json:"caught_by"` // In words.
	Noticed   []party.ID     `json:"noticed"`   // Members, ascending.
	Check     string         `json:"check"`     // A rule or a sentinel error.
	Refusal   string         `json:"refusal"`   // The words of the check.
	Refusals  []cheatRefusal `json:"refusals"`  // All of them, the first once more.
	WouldHave string         `json:"would_have"`
}

// cheatRefusal is one refusal and the exit code that a command gives for it.
type cheatRefusal struct {
	Exit    int    `json:"exit"`
	Message string `json:"message"`
}

// listCheats explains every cheat in one line.
func listCheats(t *terminal) error {
	type line struct {
		Name  string `json:"name"`
		Title string `json:"title"`
		Who   string `json:"who"`
		Tries string `json:"tries"`
	}
	var lines []line
	var b strings.Builder
	b.WriteString("comity up --cheat NAME runs the same consortium with one party that lies:\n\n")
	for _, c := range cheat.All() {
		lines = append(lines, line{c.Name, c.Title, c.Who, c.Tries})
		fmt.Fprintf(&b, "%s\n", hang(fmt.Sprintf("  %-26s", c.Name), c.Tries))
	}
	return t.result("cheats", map[string]any{"cheats": lines}, b.String())
}

// cheats names them all, for who misspelt one.
func cheats() string {
	var names []string
	for _, c := range cheat.All() {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func isCheat(name string) bool {
	_, err := cheat.Find(name)
	return err == nil
}

// rehearse runs one cheat in a consortium of its own, which is gone afterwards unless a
// home was asked for.
func (s *session) rehearse(ctx context.Context, listener net.Listener) error {
	c, err := cheat.Find(s.cmd.Cheat)
	if err != nil {
		return err
	}
	folder, err := s.cheatHome()
	if err != nil {
		return err
	}
	s.home = folder
	if s.cmd.Home == "" {
		defer os.RemoveAll(string(folder)) //nolint:errcheck // The system empties its temporary folder.
	}
	s.terminal.say("%s", hang("rehearsal: ", c.Title+". "+c.Tries))
	var serving error
	o, err := c.Run(ctx, cheat.Config{
		Home: s.home, Scenario: s.scenario, Cache: cacheFolder(), Clock: time.Now, Progress: s.view.progress,
		Started: func(f *fleet.Fleet) {
			s.fleet = f
			serving = s.serve(listener)
		},
	})
	if s.page != nil {
		defer s.page.Close() //nolint:errcheck // Ends with the process.
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: nothing of the rehearsal can be resumed; start it again", errInterrupted)
	}
	if err := errors.Join(err, serving); err != nil {
		return err
	}
	seconds := s.view.finish()
	d := s.cheatData(o)
	for phase, took := range seconds {
		d.Seconds[phase] = strconv.FormatFloat(took.Seconds(), 'f', 2, 64)
	}
	text := s.verdict(o)
	s.mu.Lock()
	s.outcome = o
	s.mu.Unlock()
	var missed error
	if !o.Caught {
		missed = &refusal{cause: fmt.Errorf("%s: %w", o.Name, errNotCaught), data: d, text: text}
	} else if err := s.terminal.result("up", d, text); err != nil {
		return err
	}
	if missed != nil || s.cmd.Once || !s.terminal.live {
		return missed // Somebody who looks on may look at the page too.
	}
	s.terminal.say("\nThe page shows it at %s until Ctrl-C.", s.address)
	<-ctx.Done()
	return nil
}

// rehearsed shows on the page what became of the lie.
func (s *session) rehearsed(now *console.Now) {
	o := s.outcome
	now.Rehearsal = &console.Rehearsal{
		Title: o.Title, Tried: o.Tried, Caught: o.Caught, By: o.By, Noticed: o.Noticed, Check: o.Check, Refusal: o.Refusal, WouldHave: o.WouldHave,
	}
}

// cheatHome is a new folder: a rehearsal must not touch a consortium.
func (s *session) cheatHome() (node.Home, error) {
	if s.cmd.Home == "" {
		folder, err := os.MkdirTemp("", "comity-cheat-")
		return node.Home(folder), err
	}
	if entries, err := os.ReadDir(s.cmd.Home); err == nil && len(entries) > 0 {
		return "", fmt.Errorf("%s: %w: a rehearsal founds a consortium of its own; give a new folder or leave --home away", s.cmd.Home, fleet.ErrHome)
	}
	return node.Home(s.cmd.Home), os.MkdirAll(s.cmd.Home, 0o700)
}

func (s *session) cheatData(o *cheat.Outcome) cheatData {
	d := cheatData{
		Cheat: o.Name, Title: o.Title, Who: o.Who, Tried: o.Tried, Caught: o.Caught, CaughtBy: o.By, Noticed: o.Noticed,
		Check: o.Check, Refusal: o.Refusal, Refusals: []cheatRefusal{}, WouldHave: o.WouldHave,
	}
	if d.Noticed == nil {
		d.Noticed = []party.ID{}
	}
	for _, err := range o.Causes {
		d.Refusals = append(d.Refusals, cheatRefusal{codeOf(err).exit, err.Error()})
	}
	d.upData = upData{
		Charter: o.Charter, Words: o.Charter.Words(), Label: s.scenario.Label, Members: len(s.scenario.Members), LogSize: o.Size,
		BytesPerMember: "0", Allocation: map[string]string{}, Gap: "", Receipts: []string{}, Summary: []string{o.Tried, o.WouldHave},
		Commands: []string{}, Seconds: map[string]string{}, Page: s.address, Period: s.scenario.Start,
	}
	if s.cmd.Home != "" {
		d.Home = string(s.home)
	}
	w := o.Week
	if w == nil {
		return d
	}
	d.Rounds, d.BytesPerMember, d.Period, d.Checks = w.Steps, strconv.FormatInt(w.Sent, 10), w.Period, w.Checks
	d.Model, d.PooledModel, d.Picture, d.Gap = w.Model, w.Pooled, w.Picture, w.Allocation.Certificate.Stages[0].Gap.String()
	if s.cmd.Home != "" {
		d.Receipts = w.Receipts
	}
	for _, share := range w.Allocation.Parties {
		d.Allocation[string(share.Party)] = share.Amount.String()
	}
	return d
}

// verdict is the last screen of a rehearsal: what was tried, who noticed, which check,
// what would have been, the words of the check, and in one line whether it was caught.
func (s *session) verdict(o *cheat.Outcome) string {
	var b strings.Builder
	b.WriteString("\n")
	if s.scenario.Label != "" {
		fmt.Fprintf(&b, "%s data. ", s.terminal.paint(bold, s.scenario.Label))
	}
	fmt.Fprintf(&b, "Rehearsal: %s.\n\n", o.Title)
	by, check, effect := o.By, o.Check, "Otherwise"
	if !o.Caught {
		by, check, effect = "nobody", "none: evidence against low and slow lies comes with the trust engine", "Effect"
	}
	for _, line := range [][2]string{{"Tried", o.Tried}, {"Noticed by", sentenceCase(by)}, {"Check", check}, {effect, o.WouldHave}} {
		fmt.Fprintf(&b, "%s\n", hang(fmt.Sprintf("%-12s", line[0]), line[1]))
	}
	for i, err := range o.Causes {
		label := "It said"
		if i > 0 {
			label = "and"
		}
		fmt.Fprintf(&b, "%s\n", hang(fmt.Sprintf("%-12s", label), fmt.Sprintf("%s (exit code %d)", err, codeOf(err).exit)))
	}
	if o.Caught {
		fmt.Fprintf(&b, "\n%s by %s.\n", s.terminal.paint(green, "CAUGHT"), o.By)
	} else {
		fmt.Fprintf(&b, "\n%s. The consortium decided on what it was told.\n", s.terminal.paint(red, "NOT CAUGHT"))
	}
	return b.String()
}
