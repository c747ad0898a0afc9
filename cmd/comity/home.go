package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comity/fleet"
	"comity/governor/charter"
	"comity/node"
	"comity/pack"
)

// home is the folder that a run uses. What was made or empty before is so again after a
// run that founded nothing.
type home struct {
	node.Home
	made  bool
	empty bool
}

// openHome finds the home to run in and refuses a folder that holds something else.
// Without a name each run founds anew under the state folder of the user.
func openHome(name string, s pack.Scenario) (home, error) {
	if name == "" {
		return newHome(s.Name)
	}
	folder, err := filepath.Abs(name)
	if err != nil {
		return home{}, err
	}
	h := home{Home: node.Home(folder)}
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.made, h.empty = true, true
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return h, fmt.Errorf("%w: %w", errDisk, err)
		}
		return h, nil
	case err != nil:
		return h, err
	case len(entries) == 0:
		h.empty = true
		return h, nil
	}
	if sealed, err := os.ReadFile(h.Charter()); err == nil {
		return h, h.same(sealed, s)
	}
	// A home that another process is founding at this moment, or was when it was killed,
	// has the lock or the source already.
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "lock" || e.Name() == sourceName }) {
		return h, fmt.Errorf("%s: %w: it is not empty and holds no charter; choose an empty or a new folder", folder, fleet.ErrHome)
	}
	return h, nil
}

func newHome(scenario string) (home, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return home{}, fmt.Errorf("%w; give --home", err)
		}
		state = filepath.Join(user, ".local", "state")
	}
	parent := filepath.Join(state, "comity")
	if err := os.MkdirAll(parent, 0o700); err != nil { //nolint:gosec // The user's own environment names the folder.
		return home{}, fmt.Errorf("%w: %w", errDisk, err)
	}
	folder, err := os.MkdirTemp(parent, scenario+"-")
	if err != nil {
		return home{}, fmt.Errorf("%w: %w", errDisk, err)
	}
	return home{node.Home(folder), true, true}, nil
}

// same refuses to resume the consortium of other parties.
func (h home) same(sealed []byte, s pack.Scenario) error {
	rules, _, err := charter.Open(sealed)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", h.Charter(), fleet.ErrHome, err)
	}
	founded, asked := []string{}, []string{string(s.Operator.ID)}
	for _, p := range rules.Parties {
		founded = append(founded, string(p.ID))
	}
	for _, m := range s.Members {
		asked = append(asked, string(m.ID))
	}
	slices.Sort(asked)
	if !slices.Equal(founded, asked) {
		return fmt.Errorf("%s: %w: it is that of %s with %d parties, scenario %s has %d: %s; choose another --home",
			h.Home, fleet.ErrHome, rules.ID, len(founded), s.Name, len(asked), only(asked, founded))
	}
	return nil
}

// only names a few parties that stand on one side alone.
func only(a, b []string) string {
	const few = 5
	var alone []string
	for _, id := range slices.Concat(a, b) {
		if slices.Contains(a, id) != slices.Contains(b, id) {
			alone = append(alone, id)
		}
	}
	return strings.Join(alone[:min(len(alone), few)], ", ") + " differ"
}

// tidy removes what a run leaves behind that failed before the charter was sealed:
// nothing in it can be resumed.
func (h home) tidy(err error) error {
	if err == nil {
		return nil
	}
	if _, serr := os.Stat(h.Charter()); !errors.Is(serr, fs.ErrNotExist) || errors.Is(err, node.ErrBusy) {
		return err
	}
	if h.empty {
		return errors.Join(err, h.clear())
	}
	return err
}

func (h home) clear() error {
	if h.made {
		return os.RemoveAll(string(h.Home))
	}
	entries, err := os.ReadDir(string(h.Home))
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(string(h.Home), e.Name())))
	}
	return err
}
