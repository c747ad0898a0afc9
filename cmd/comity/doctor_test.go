package main

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
	"time"

	"comity/fleet"
	"comity/node"
)

// TestClockIsComparedWithWitnesses holds both halves at their bounds.
func TestClockIsComparedWithWitnesses(t *testing.T) {
	last := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	for after, ok := range map[time.Duration]bool{
		0: true, time.Hour: true, -slack: true, -slack - time.Second: false, asleep: true, asleep + time.Second: false,
	} {
		d := &doctor{clock: func() time.Time { return last.Add(after) }}
		d.time(last)
		if k := d.checks[0]; k.OK != ok || k.OK == (k.Next != "") {
			t.Errorf("%s after the witnesses: %+v", after, k)
		}
	}
}

// TestAMembersClockIsComparedWithTheHubs holds both halves at their bounds, and a clock that
// is three days off.
func TestAMembersClockIsComparedWithTheHubs(t *testing.T) {
	hub := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	const days = 72 * time.Hour
	for off, ok := range map[time.Duration]bool{
		0: true, slack: true, -slack: true, slack + time.Second: false, -slack - time.Second: false, days: false, -days: false,
	} {
		d := &doctor{clock: func() time.Time { return hub.Add(off) }}
		d.compare(hub)
		if k := d.checks[0]; k.Name != "clock" || k.OK != ok || k.OK == (k.Next != "") || errors.Is(k.err, errClock) == ok {
			t.Errorf("%s from the hub's: %+v", off, k)
		}
	}
}

// TestBusyHome holds that looking at a home neither takes it nor makes anything.
func TestBusyHome(t *testing.T) {
	home := node.Home(t.TempDir())
	if err := fleet.Busy(home); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(string(home)); err != nil || len(entries) > 0 {
		t.Errorf("looking left %v, %v", entries, err)
	}
}

// TestLicencesNameEveryModule asks the go command what is linked into the binary. The page
// has one home: the command embeds it, and docs has a copy.
func TestLicencesNameEveryModule(t *testing.T) {
	const page = "../../docs/licences.md"
	if *update {
		if err := os.WriteFile(page, []byte(licences), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if copied, err := os.ReadFile(page); err != nil || string(copied) != licences {
		t.Errorf("%s is not cmd/comity/licences.md (%v); change the latter and run with -update", page, err)
	}
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for module := range strings.FieldsSeq(string(out)) {
		name := module
		if base := path.Base(module); len(base) < 4 && strings.HasPrefix(base, "v") { // A major version.
			name = path.Dir(module)
		}
		if !strings.Contains(licences, path.Base(name)) {
			t.Errorf("%s is linked and not in licences.md", module)
		}
	}
}
