package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"comity"
	"comity/adapter/nats"
	"comity/adapter/tlog"
	"comity/body"
	"comity/canon"
	"comity/fleet"
	"comity/fleet/own"
	"comity/governor/charter"
	"comity/node"
	"comity/party"
	"comity/replay"
	"comity/verifier/ledger"
)

// doctorCommand looks for what is wrong and changes nothing.
type doctorCommand struct {
	Home string `help:"Home to look into. Without it, only this machine is looked at." placeholder:"DIR"`
}

// check is one thing that was looked at.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // What was found.
	Next   string `json:"next"`   // What to type if it is wrong; empty if it is not.
	err    error
}

// Run looks at everything, whatever becomes of the rest, and fails with the code of the
// first check that fails.
func (c *doctorCommand) Run(ctx context.Context, t *terminal) error {
	d := &doctor{clock: time.Now}
	d.machine()
	if c.Home != "" {
		folder, err := filepath.Abs(c.Home)
		if err != nil {
			return err
		}
		d.home = node.Home(folder)
		own, err := findOwn(folder)
		switch {
		case err != nil:
			d.found("member", "", err, d.keep("member.json"))
		case own != nil:
			d.member(ctx, own)
		default:
			d.consortium(ctx)
		}
	}
	var first error
	var b strings.Builder
	for _, k := range d.checks {
		mark := "ok  "
		if !k.OK {
			mark = "FAIL"
			first = cmp.Or(first, fmt.Errorf("%s: %w", k.Name, k.err))
		}
		line := hang(fmt.Sprintf("%s  %-9s  ", mark, k.Name), k.Detail)
		fmt.Fprintln(&b, strings.Replace(line, "FAIL", t.paint(red, "FAIL"), 1))
		if k.Next != "" {
			fmt.Fprintf(&b, "      next:      %s\n", k.Next)
		}
	}
	if c.Home == "" {
		b.WriteString("For the rest name a home: comity doctor --home DIR\n")
	}
	data, text := map[string]any{"checks": d.checks}, b.String()
	if first != nil {
		return &refusal{cause: first, data: data, text: text}
	}
	return t.result("doctor", data, text)
}

// doctor collects what it finds.
type doctor struct {
	clock  func() time.Time
	home   node.Home
	checks []check
}

// found notes a check: with an error it failed, and next says what to type.
func (d *doctor) found(name, detail string, err error, next string) {
	if err == nil {
		next = ""
	} else {
		detail = err.Error()
	}
	d.checks = append(d.checks, check{Name: name, OK: err == nil, Detail: detail, Next: next, err: err})
}

const (
	// slack is how far clocks of honest machines may lie apart: what Kerberos allows.
	slack = 5 * time.Minute
	// asleep is how long a consortium may rest before its clock is doubted: a charter of
	// `up` lives as long.
	asleep = 365 * 24 * time.Hour
	// roomy is the free space that a home should have, in bytes: ten weeks of thirty
	// members take 60 MB, and a compiled solver 20 MB.
	roomy = 200_000_000
)

// machine looks at what every command needs.
func (d *doctor) machine() {
	d.found("program", fmt.Sprintf("comity %s, %s/%s, %s", version, runtime.GOOS, runtime.GOARCH, runtime.Version()), nil, "")
	cache := cacheFolder()
	if cache == "" {
		d.found("cache", "", fmt.Errorf("%w: no folder for the compiled solver, which is compiled in every run (2 s)", fs.ErrNotExist), "export XDG_CACHE_HOME=DIR")
		return
	}
	d.writable("cache", cache, "export XDG_CACHE_HOME=DIR")
}

// writable tries to write a file, in the folder or in the one that it would be made in.
func (d *doctor) writable(name, folder, next string) {
	at := folder
	for _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at); _, err = os.Stat(at) {
		at = filepath.Dir(at)
	}
	f, err := os.CreateTemp(at, ".doctor-*")
	if err != nil {
		d.found(name, "", fmt.Errorf("%s cannot be written to: %w", at, err), next)
		return
	}
	err = errors.Join(f.Close(), os.Remove(f.Name()))
	var disk syscall.Statfs_t
	if err == nil {
		err = syscall.Statfs(at, &disk)
	}
	free := int64(disk.Bavail) * int64(disk.Bsize) //nolint:gosec,unconvert // Types differ between systems; 8 EiB fit.
	if err == nil && free < roomy {
		err = fmt.Errorf("%s: %w: %s are free, %s should be", at, syscall.ENOSPC, bytesText(free), bytesText(roomy))
		next = "df -h " + quoted(at)
	}
	d.found(name, fmt.Sprintf("%s can be written to, %s free", folder, bytesText(free)), err, next)
}

// consortium looks at a home. What cannot be looked at without a charter is left out.
func (d *doctor) consortium(ctx context.Context) {
	again := command("up", "--home", string(d.home))
	if _, err := os.Stat(string(d.home)); err != nil {
		d.found("home", "", err, again+"   # or with an invitation: "+command("member", "join", "FILE", "--home", string(d.home)))
		return
	}
	d.writable("home", string(d.home), "chmod u+rwx "+quoted(string(d.home)))
	if fleet.Drafted(d.home) {
		if seats, whole, err := fleet.Seats(d.home); err != nil || !whole {
			d.draft(seats, err)
			return
		}
	}
	sealed, err := readBounded(d.home.Charter(), maxCharter)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("nothing was founded here: %w", err)
		}
		d.found("charter", "", err, again)
		return
	}
	rules, digest, err := charter.Open(sealed)
	if err != nil {
		d.found("charter", "", fmt.Errorf("%s: %w", d.home.Charter(), err), d.keep("charter.json"))
		return
	}
	d.found("charter", fmt.Sprintf("%s version %d, %s", rules.ID, rules.Version, digest.Words()), nil, "")
	d.source()
	d.keys(rules)
	d.log(ctx, rules, digest)
	d.receipts(digest)
	d.use(ctx)
}

// draft looks at the home of an operator who waits for parties to join.
func (d *doctor) draft(seats []fleet.Seat, err error) {
	if err != nil {
		d.found("charter", "", err, d.keep("draft.json"))
		return
	}
	next := command("serve", "--hub", "--home", string(d.home))
	var missing []party.ID
	for _, s := range seats {
		if s.Joined != "" || s.Here {
			continue
		}
		if missing = append(missing, s.Party); s.Expires == "" {
			next = command("member", "invite", string(s.Party), "--home", string(d.home))
		}
	}
	d.found("charter", "", fmt.Errorf("%w: %s have to join", fleet.ErrOpen, idsText(missing)), next)
}

// keep sets a broken part aside: it may be evidence.
func (d *doctor) keep(name string) string {
	file := filepath.Join(string(d.home), name)
	return "mv " + quoted(file) + " " + quoted(file+".broken") + "   # then put back a copy"
}

// source looks for the data that the home was founded on.
func (d *doctor) source() {
	from, err := loadSource(d.home)
	next := "comity up --home " + quoted(string(d.home)) + " --data DIR"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.found("data", "not noted in the home: give --data again if it was given", nil, "")
		return
	case err == nil && from.Data == "":
		d.found("data", "a synthetic world: "+from.Scenario, nil, "")
		return
	case err == nil && own.Is(from.Data):
		_, err = own.Read(from.Data, own.When{Origin: from.Origin, Weeks: 1})
		next = command("up", "--data", from.Data, "--home", string(d.home)) + "   # says the same; correct the file"
	case err == nil:
		_, err = os.Stat(from.Data)
	}
	d.found("data", fmt.Sprintf("%s, first decision of %s", from.Data, from.Origin), err, next)
}

// keys looks for the folder of every party, and whether others can read its keys.
func (d *doctor) keys(rules comity.Charter) {
	var missing, open []string
	elsewhere, away := map[party.ID]bool{}, 0
	if seats, _, err := fleet.Seats(d.home); err == nil {
		for _, s := range seats {
			if elsewhere[s.Party] = s.Joined != ""; s.Joined != "" {
				away++
			}
		}
	}
	files := 0
	var broken error
	for _, p := range rules.Parties {
		folder := d.home.Member(p.ID)
		if p.ID == rules.Transparency.Log.Operator {
			folder = d.home.Hub()
		}
		names := []string{folder.NodeKey(), folder.WitnessKey(), folder.TransportKey()}
		if p.ID == rules.Transparency.Log.Operator {
			names = append(names, folder.LogKey())
		}
		if _, err := os.Stat(string(folder)); err != nil {
			if !elsewhere[p.ID] {
				missing = append(missing, string(p.ID))
			}
			continue
		}
		for n := 1; ; n++ { // Officers may keep their keys elsewhere.
			officer := folder.OfficerKey(strconv.Itoa(n))
			if _, err := os.Stat(officer); err != nil {
				break
			}
			names = append(names, officer)
		}
		for _, name := range names {
			info, err := os.Stat(name)
			switch {
			case err != nil:
				broken = cmp.Or(broken, err)
				continue
			case info.Mode().Perm()&0o077 != 0:
				open = append(open, name)
				continue
			}
			files++
			if name != folder.TransportKey() {
				_, err = party.LoadKey(name)
			} else {
				_, err = nats.LoadIdentity(name)
			}
			broken = cmp.Or(broken, err)
		}
	}
	var err error
	if len(missing) > 0 {
		err = fmt.Errorf("no folder of %s: %w", strings.Join(missing, ", "), fs.ErrNotExist)
	}
	here := count(len(rules.Parties)-away, "folder") + " of parties"
	if away > 0 {
		here += fmt.Sprintf(", %d have homes of their own", away)
	}
	d.found("members", here, err, "ls "+quoted(filepath.Join(string(d.home), "members"))+"   # put back a copy: keys cannot be made again")
	switch {
	case len(open) > 0:
		slices.Sort(open)
		d.found("keys", "", fmt.Errorf("%w: others can read %s: %s", party.ErrKeyFile, count(len(open), "file"), open[0]),
			"find "+quoted(string(d.home))+" -path '*/keys/*' -exec chmod 600 {} +")
	default:
		d.found("keys", count(files, "file")+" that only the owner can read", broken, "put back a copy: keys cannot be made again")
	}
}

// log folds the log by the rules and compares the clock with its newest checkpoint.
func (d *doctor) log(ctx context.Context, rules comity.Charter, digest canon.Digest) {
	next := command("log", "verify", "--home", string(d.home))
	source, err := replay.Open(ctx, string(d.home))
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ledger.ErrProof) {
		d.found("log", "", fmt.Errorf("nothing is logged yet: %w", err), command("up", "--home", string(d.home)))
		return
	}
	if err != nil {
		d.found("log", "", err, next)
		return
	}
	_, head, err := source.Log().Check(ledger.PolicyOf(rules))
	var state *body.State
	if err == nil {
		state, err = fold(ctx, source.Log())
	}
	if err == nil && state.View().Charter != digest {
		err = fmt.Errorf("%w: the log is of %q, charter.json is %q", replay.ErrAnchor, state.View().Charter.Words(), digest.Words())
	}
	if err != nil {
		d.found("log", "", err, next)
		return
	}
	d.found("log", fmt.Sprintf("%s lead to the root, %d of %d witnesses cosigned", count(int(head.Size), "entry"), len(head.Cosigned), len(ledger.PolicyOf(rules).Witnesses)), nil, "")
	d.force(rules, state)
	at, err := ledger.MedianTime(head.Cosigned)
	if err != nil {
		d.found("clock", "", err, next)
		return
	}
	d.time(time.Unix(at, 0).UTC())
}

// fold reads a whole log by the rules of the body.
func fold(ctx context.Context, log *tlog.Reader) (*body.State, error) {
	state := body.New()
	for from := int64(0); from < log.Size(); from += tlog.MaxEntries {
		entries, err := log.Entries(ctx, from, min(log.Size(), from+tlog.MaxEntries))
		if err != nil {
			return nil, err
		}
		for i, e := range entries {
			if _, err := state.Fold(e); err != nil {
				return nil, fmt.Errorf("log entry %d: %w", from+int64(i), err)
			}
		}
	}
	return state, nil
}

// force tells whether the charter is in force today.
func (d *doctor) force(rules comity.Charter, state *body.State) {
	now := d.clock().UTC()
	v := state.View()
	var err error
	next := command("up", "--home", string(d.home))
	from, _ := time.Parse(time.RFC3339, rules.Effective) // A sealed charter's days are instants.
	until, _ := time.Parse(time.RFC3339, rules.Sunset.Expires)
	switch {
	case !v.InForce:
		err = fmt.Errorf("%w: %d of %d parties ratified the charter", node.ErrQuorum, len(v.Ratified), len(rules.Parties))
	case now.Before(from):
		err = fmt.Errorf("%w: the charter has effect from %s on", node.ErrQuorum, rules.Effective)
		next = "date -u   # wait, or set the clock"
	case !now.Before(until):
		err = fmt.Errorf("%w: the charter ended at %s", charter.ErrRefused, rules.Sunset.Expires)
		next = "comity up --home DIR   # found anew in a new folder"
	}
	effective := 0
	for period := range v.Decisions {
		if state.Effective(period) {
			effective++
		}
	}
	d.found("force", fmt.Sprintf("in force until %s; %s in effect", rules.Sunset.Expires, count(effective, "decision")), err, next)
}

// time compares the clock with that of the witnesses, who cannot have signed tomorrow.
func (d *doctor) time(last time.Time) {
	now := d.clock().UTC()
	gap := now.Sub(last).Round(time.Second)
	var err error
	switch {
	case gap < -slack:
		err = fmt.Errorf("%w: the clock says %s, but witnesses cosigned at %s", errClock, now.Format(time.DateTime), last.Format(time.DateTime))
	case gap > asleep:
		err = fmt.Errorf("%w: the clock says %s, and nobody has cosigned since %s", errClock, now.Format(time.DateTime), last.Format(time.DateTime))
	}
	d.found("clock", fmt.Sprintf("%s after the newest cosignatures", gap), err, "date -u   # and set the clock, or let it be set (NTP)")
}

// receipts checks every receipt as an outsider would.
func (d *doctor) receipts(digest canon.Digest) {
	files, err := filepath.Glob(filepath.Join(globbed(d.home.Receipts()), "*.proof"))
	if err != nil {
		d.found("receipts", "", err, "")
		return
	}
	anchor, err := canon.ParseAnchor(digest.String())
	next := ""
	for _, file := range files {
		if err != nil {
			break
		}
		if r := verifyFile(file, &anchor); r.Err != nil {
			err = fmt.Errorf("%s: %w", file, r.Err)
			next = command("audit", "verify", file, "--charter", digest.Words())
		}
	}
	d.found("receipts", count(len(files), "receipt")+" verified under this charter", err, next)
}

// globbed writes a folder so that a pattern matches it as it is.
func globbed(folder string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(folder)
}

// use tells who runs in the home, and whether its hub answers.
func (d *doctor) use(ctx context.Context) {
	busy := fleet.Busy(d.home)
	if busy != nil && !errors.Is(busy, node.ErrBusy) {
		d.found("lock", "", busy, "ls -l "+quoted(string(d.home)))
		return
	}
	who := "nobody runs in this home"
	if busy != nil {
		who = "another process runs in this home"
	}
	d.found("lock", who, nil, "")
	address, err := fleet.Reach(ctx, d.home)
	if errors.Is(err, fs.ErrNotExist) {
		d.found("hub", "runs with the members in one process, or not at all", nil, "")
		return
	}
	next := command("serve", "--hub", "--home", string(d.home))
	if errors.Is(err, nats.ErrPin) || err != nil && busy != nil {
		next = "stop what listens at " + address + ", then: " + next
	}
	d.found("hub", "answers at "+address+" with the key that it announced", err, next)
}

// errClock marks a clock that cannot be right.
var errClock = errors.New("clock is wrong")
