package own_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comity/adapter/csv"
	"comity/adapter/yaml"
	"comity/fleet/own"
	"comity/governor/charter"
	"comity/pack"
)

// example writes the example into a new folder.
func example(t testing.TB) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	if err := own.Write(folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

// change replaces the first old in a file of the example; with an empty old the file is
// replaced as a whole, and with an empty new text too it is removed.
type change struct{ file, old, text string }

func (c change) apply(t testing.TB, folder string) {
	t.Helper()
	path := filepath.Join(folder, c.file)
	if c.old == "" && c.text == "" {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	text := c.text
	if c.old != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), c.old) {
			t.Fatalf("%s has no %q", c.file, c.old)
		}
		text = strings.Replace(string(data), c.old, c.text, 1)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// refusals are folders that people write by mistake, and all that is said about each.
func refusals() []struct {
	name string
	change
	want string
} {
	const (
		scenario = "scenario.yaml"
		rules    = "charter.yaml"
		xa       = "members/XA.csv"
	)
	return []struct {
		name string
		change
		want string
	}{
		{"CASE", change{scenario, "name: harbours", "nam: harbours"}, ""},
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	cases := refusals()
	if len(cases) < 30 {
		t.Errorf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			folder := example(t)
			c.apply(t, folder)
			_, err := own.Read(folder, own.When{})
			if err == nil {
				t.Fatal("accepted")
			}
			if !errors.Is(err, yaml.ErrUnreadable) && !errors.Is(err, csv.ErrUnreadable) && !errors.Is(err, charter.ErrRefused) {
				t.Errorf("%v wraps no error that says so", err)
			}
			got := strings.ReplaceAll(err.Error(), folder+string(filepath.Separator), "")
			if got != c.want {
				t.Errorf("\ngot:  %s\nwant: %s", got, c.want)
			}
		})
	}
}

var _ = pack.ErrPeriod
