package own_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"comity/adapter/csv"
	"comity/adapter/yaml"
	"comity/fleet"
	"comity/fleet/own"
	"comity/node"
	"comity/party"
)

// sendAway has members of a folder keep their rows elsewhere.
func sendAway(t *testing.T, folder string, ids ...party.ID) {
	t.Helper()
	file := filepath.Join(folder, own.ScenarioFile)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		name := "members/" + string(id) + ".csv"
		text = []byte(strings.Replace(string(text), "data: "+name, "data: away", 1))
		if err := os.Remove(filepath.Join(folder, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRowsMayBeElsewhere leaves the files of some members out, then those of all.
func TestRowsMayBeElsewhere(t *testing.T) {
	t.Parallel()
	folder := example(t)
	sendAway(t, folder, "XA", "XC")
	s, err := own.Read(folder, own.When{})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.Rows.Known(s.Start)
	if err != nil || !slices.Equal(s.Away, []party.ID{"XA", "XC"}) || len(s.Members) != 8 || s.Start != "2026-11-18" {
		t.Errorf("away are %v of %d, the start is %s, %v", s.Away, len(s.Members), s.Start, err)
	}
	for _, r := range rows {
		if slices.Contains(s.Away, r.Place) {
			t.Fatalf("there are rows of %s", r.Place)
		}
	}
	if f, err := fleet.Start(t.Context(), fleet.Config{Home: node.Home(t.TempDir()), Scenario: s, Clock: time.Now, Progress: func(node.Event) {}}); !errors.Is(err, fleet.ErrOpen) || f == nil {
		t.Errorf("in one process: %v, want ErrOpen", err)
	}

	sendAway(t, folder, "XB", "XD", "XE", "XF", "XG", "XH")
	if _, err := own.Read(folder, own.When{}); !errors.Is(err, yaml.ErrUnreadable) || !strings.Contains(err.Error(), "start: ") {
		t.Errorf("no rows and no start: %v", err)
	}
	s, err = own.Read(folder, own.When{Origin: "2026-11-25", Weeks: 3})
	if err != nil || len(s.Away) != 8 || s.Start != "2026-11-25" {
		t.Errorf("away are %v, the start is %s, %v", s.Away, s.Start, err)
	}
}

// TestAFileOfAMemberWhoIsAwayIsAStray holds that rows do not lie about unnoticed.
func TestAFileOfAMemberWhoIsAwayIsAStray(t *testing.T) {
	t.Parallel()
	folder := example(t)
	kept, err := os.ReadFile(filepath.Join(folder, "members", "XA.csv"))
	if err != nil {
		t.Fatal(err)
	}
	sendAway(t, folder, "XA")
	if err := os.WriteFile(filepath.Join(folder, "members", "XA.csv"), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := own.Read(folder, own.When{}); !errors.Is(err, csv.ErrUnreadable) || !strings.Contains(err.Error(), "no member of scenario.yaml names this file") {
		t.Errorf("a file of a member who is away: %v", err)
	}
}
