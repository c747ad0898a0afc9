package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"comity"
	"comity/adapter/csv"
	"comity/adapter/nats"
	"comity/canon"
	"comity/durable"
	"comity/fleet"
	"comity/node"
	"comity/party"
)

// joinCommand takes up an invitation.
type joinCommand struct {
	File  string        `arg:"" help:"The invitation."`
	Home  string        `help:"Folder for the party's keys, rows and charter: a new one." required:"" placeholder:"DIR"`
	Words *canon.Anchor `help:"The eight words that the operator said." placeholder:"WORDS"`
	Proxy string        `help:"Proxy for the websocket, kept in the home. Default: HTTPS_PROXY." placeholder:"URL"`
	Rows  string        `help:"File of the party's weekly numbers, copied into the home." placeholder:"FILE.csv"`
}

// joinData is the JSON form of what a newcomer agreed to.
type joinData struct {
	Party    string               `json:"party"`
	Home     string               `json:"home"`
	Body     string               `json:"body"`
	Address  string               `json:"address"`
	Words    string               `json:"words"`    // Of the invitation.
	Compared bool                 `json:"compared"` // They were given and are these.
	Terms    canon.Digest         `json:"terms"`    // Of the draft without keys.
	Declares map[string]canon.Int `json:"declares"`
	Missing  []party.ID           `json:"missing"`
	Charter  string               `json:"charter"` // Words of the sealed charter; empty while it is a draft.
	Next     string               `json:"next"`
}

// Run joins.
func (c *joinCommand) Run(ctx context.Context, t *terminal) error {
	if u, err := nats.ProxyURL(c.Proxy); err != nil || u != nil && u.User != nil {
		return usageError{errors.New("--proxy is not http://HOST:PORT or https://HOST:PORT; a password does not belong on a command line: put it into HTTPS_PROXY, or into member.json of the home")}
	}
	v, err := node.ReadInvitation(c.File)
	if err != nil {
		return err
	}
	folder, err := filepath.Abs(c.Home)
	if err != nil {
		return err
	}
	if err := emptyOrMember(folder); err != nil {
		return err
	}
	ends, err := v.Deadline()
	if err != nil {
		return err
	}
	if now := time.Now().UTC(); now.After(ends) {
		return fmt.Errorf("%s: %w: it ended at %s, here it is %s; ask the operator for a new one", c.File, node.ErrExpired, v.Expires, now.Format(time.RFC3339))
	}
	rows, err := c.rows(v)
	if err != nil {
		return err
	}
	home := node.Home(folder)
	m, missing, err := fleet.Join(ctx, fleet.Newcomer{Home: home, Invitation: v, Words: c.Words, Proxy: c.Proxy, Route: route, Clock: time.Now})
	if err != nil {
		return err
	}
	if rows != nil {
		if err := durable.WriteFile(rowsFile(home), rows); err != nil {
			return err
		}
	}
	d := joinData{
		Party: string(m.Party), Home: folder, Body: m.Body, Address: m.Addresses[0], Words: v.Words(), Compared: c.Words != nil,
		Terms: m.Enrolment.Terms, Declares: v.Declares, Missing: missing, Next: command("serve", "--member", "--home", folder),
	}
	if len(missing) == 0 {
		d.Charter = c.sealed(ctx, home)
	}
	return t.result("member-join", d, agreement(d, v))
}

// sealed returns the words of the charter, if the hub has sealed it by now; serving waits
// for it in any case.
func (c *joinCommand) sealed(ctx context.Context, home node.Home) string {
	ctx, cancel := context.WithTimeout(ctx, sealedWithin)
	defer cancel()
	for ctx.Err() == nil {
		if data, err := fleet.Charter(ctx, home, route); err == nil {
			return canon.Sum(data).Words()
		}
		select {
		case <-ctx.Done():
		case <-time.After(sealedWithin / 10):
		}
	}
	return ""
}

// sealedWithin is how long the last newcomer waits for the charter to be sealed.
const sealedWithin = 3 * time.Second

// rows reads the file of weekly numbers once, so that what is wrong with it is said before
// keys are made.
func (c *joinCommand) rows(v *node.Invitation) ([]byte, error) {
	if c.Rows == "" {
		return nil, nil
	}
	if _, err := csv.NewWeekly(v.Draft.Models.Targets).Read(c.Rows, v.Party); err != nil {
		return nil, err
	}
	return readBounded(c.Rows, maxRowsFile)
}

// maxRowsFile bounds a member's file in bytes: twenty years of weeks take 20 kB.
const maxRowsFile = 256 << 20

// emptyOrMember refuses a folder that holds something else than a member's own home.
func emptyOrMember(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if slices.Contains([]string{"member.json", "keys", "lock"}, e.Name()) {
			return nil // Of an earlier attempt.
		}
	}
	return fmt.Errorf("%s: %w: it is not empty; choose an empty or a new folder", folder, fleet.ErrHome)
}

// agreement shows what the party is about to sign.
func agreement(d joinData, v *node.Invitation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s has joined %s. Its keys are in %s and nowhere else: keep a copy where only you can read it.\n", d.Party, d.Body, d.Home)
	if !d.Compared {
		b.WriteString(hang("", "Before you go on, have the operator tell you the words of this invitation by telephone. If they are others than these, remove the folder: somebody stands between you.") + "\n")
	}
	fmt.Fprintf(&b, "  %s\n", d.Words)
	fmt.Fprintf(&b, "What %s signs when it serves:\n", d.Party)
	for _, line := range terms(v) {
		fmt.Fprintln(&b, hang("  ", line))
	}
	switch {
	case d.Charter != "":
		fmt.Fprintf(&b, "The charter is sealed with exactly these terms. Its words, the same for everybody:\n  %s\n", d.Charter)
	case len(d.Missing) > 0:
		fmt.Fprintf(&b, "The charter is sealed when these have joined: %s.\n", idsText(d.Missing))
	}
	fmt.Fprintf(&b, "Next:\n  %s\n", d.Next)
	return b.String()
}

func idsText(ids []party.ID) string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = string(id)
	}
	return strings.Join(text, ", ")
}

// terms words a draft for the person who agrees to it.
func terms(v *node.Invitation) []string {
	c := v.Draft
	var ids []party.ID
	for _, p := range c.Parties {
		ids = append(ids, p.ID)
	}
	lines := []string{
		fmt.Sprintf("%s: %s, version %d, of %s", c.ID, c.Title["en"], c.Version, idsText(ids)),
		"allowed: " + strings.Join(c.Purpose.Allowed, " "),
		"banned: " + strings.Join(c.Purpose.Banned, " "),
	}
	for _, clause := range c.Data {
		if !slices.Contains(clause.From, v.Party) {
			continue
		}
		switch clause.LeavesHome {
		case "aggregate_only":
			lines = append(lines, clause.ID+": leaves home only in masked sums over at least "+count(c.Models.MinMembers, "member"))
		case "signed_plain":
			lines = append(lines, clause.ID+": leaves home in plain, signed"+declared(clause, v))
		default:
			lines = append(lines, clause.ID+": never leaves home")
		}
	}
	return append(lines,
		fmt.Sprintf("%s divides %s; the log is run by %s; %d of %d members witness it", c.Scope.Cadence, c.Scope.Resource, c.Transparency.Log.Operator, c.Transparency.Witnesses.Threshold, len(c.Parties)-1),
		fmt.Sprintf("%d of %d officers of %s seal for it; in force from %s to %s", v.Needed, v.Officers, v.Party, c.Effective, c.Sunset.Expires),
		"the whole of it is in draft.yaml of the home, for people; comity has compared it with what is signed")
}

// declared lists the numbers that a party would declare under a clause.
func declared(clause comity.DataClause, v *node.Invitation) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(v.Declares)) {
		base, _, _ := strings.Cut(name, "/")
		if slices.Contains(clause.Values, base) {
			parts = append(parts, name+" "+grouped(int64(v.Declares[name])))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ") + " (yours to correct in declares.json)"
}
