package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"comity/adapter/csv"
	"comity/chance"
	"comity/fleet"
	"comity/modeler/forecast"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
)

// itself is the value of --member without an id. No party has it: ids begin with a letter
// or digit.
const itself = "-"

// ownHome is a member's home on a machine of its own.
type ownHome struct {
	node.Home
	membership *fleet.Membership
}

// findOwn returns the member's own home in a folder, nil if the folder is none.
func findOwn(folder string) (*ownHome, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	m, err := fleet.LoadMembership(node.Home(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // See above.
	}
	return &ownHome{node.Home(folder), m}, err
}

// ownHome returns the member's own home that a command line names, nil if it names
// another one.
func (c *serveCommand) ownHome() (*ownHome, error) {
	own, err := findOwn(c.Home)
	if err != nil || own == nil {
		return nil, err
	}
	id := string(own.membership.Party)
	switch {
	case c.Hub:
		return nil, usageError{fmt.Errorf("%s is the home of member %s; no hub runs in it", c.Home, id)}
	case c.Member != "" && c.Member != itself && c.Member != id:
		return nil, usageError{fmt.Errorf("%s is the home of member %s; give --member alone", c.Home, id)}
	case c.Listen != "" || c.Weeks != 1 || c.Until != 0 || c.Once || c.Port != 0:
		return nil, usageError{errors.New("--listen, --weeks, --until, --once and --port go with --hub: members do what the hub asks")}
	}
	return own, nil
}

// serve runs the member until it is interrupted, which is how it ends well.
func (o *ownHome) serve(ctx context.Context, t *terminal) error {
	t.say("member %s in %s, until Ctrl-C", o.membership.Party, o.Home)
	progress, logger, printed := t.connecting(memberData{string(o.membership.Party), string(o.Home)})
	err := fleet.RunHome(ctx, fleet.Config{
		Home: o.Home, Cache: cacheFolder(), Clock: time.Now, Progress: progress, Logger: logger, Below: scenarioBelow,
		Schemas: knownSchemas(),
	}, route, o.rows)
	return errors.Join(err, *printed)
}

// rowsFile is the file of a member's own weekly numbers.
func rowsFile(home node.Home) string { return filepath.Join(home.Data(), "weekly.csv") }

// rows returns the member's rows as they were known on a day: those of its file, or those
// of a simulated world.
func (o *ownHome) rows(asOf string) ([]forecast.Observation, error) {
	file := rowsFile(o.Home)
	if _, err := os.Stat(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	} else if err == nil {
		rows, err := csv.NewWeekly(o.membership.Targets).Read(file, o.membership.Party)
		if err != nil {
			return nil, err
		}
		return pack.Recorded(rows).Known(asOf)
	}
	if o.membership.World == "" {
		return nil, fmt.Errorf("%s: %w: put the weekly numbers of %s there (columns date, value)", file, fs.ErrNotExist, o.membership.Party)
	}
	s, err := health.Scenario(o.membership.World, chance.Derive(chance.Seed{}, "comity/world", o.membership.World))
	if err != nil {
		return nil, err
	}
	rows, err := s.Rows.Known(asOf)
	return slices.DeleteFunc(rows, func(r forecast.Observation) bool { return r.Place != o.membership.Party }), err
}

// route finds the proxy of the environment for a websocket: HTTPS_PROXY and NO_PROXY, as
// other programs read them.
func route(address string) (*url.URL, error) {
	return http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: strings.TrimPrefix(address, "wss://")}})
}
