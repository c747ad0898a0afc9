package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"comity"
	"comity/node"
	"comity/schema"
)

const (
	// maxLevels bounds how many bodies stand one below the other: the world, nations,
	// regions, hospitals, and as many again.
	maxLevels = 8
	// patience is what a hub has without being told; see node.HubConfig.
	patience = time.Minute
)

// joined is a member that is connected, with the bodies that it is the hub of.
type joined struct {
	*node.Member
	under *under
}

// connect joins a member to its hub. Start its under next.
func (c Config) connect(ctx context.Context, cfg node.MemberConfig) (*joined, error) {
	below := &under{cfg: c, home: cfg.Home, running: map[node.Home]lower{}}
	cfg.Below = below.find
	m, err := node.Join(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &joined{m, below}, nil
}

// under runs the bodies that one member is the hub of, in the member's own process: all
// that its tables name.
type under struct {
	cfg  Config    // Of the body above.
	home node.Home // Of the member.

	mu      sync.Mutex
	running map[node.Home]lower
}

// lower is a running body, and the way down to it.
type lower struct {
	fleet *Fleet
	way   *node.Beneath
}

// start runs all that is there from the beginning.
func (u *under) start(ctx context.Context) error {
	homes, err := node.Federations(u.home)
	if err != nil {
		return err
	}
	for _, home := range homes {
		if _, err := u.open(ctx, home); err != nil {
			return err
		}
	}
	return nil
}

// find is node.MemberConfig.Below: tables may have changed since the member started.
func (u *under) find(ctx context.Context, clause comity.DataClause) (schema.Schema, node.Below, error) {
	s, home, err := node.Federation(u.home, u.cfg.schemas(), clause)
	if err != nil {
		return s, nil, err
	}
	l, err := u.open(ctx, home)
	if err != nil {
		return s, nil, err
	}
	return s, l.way, nil
}

// open returns the body of a home, and runs it if it does not run yet. The lock of the
// home keeps a second member from adding the same rows, and a body from being below
// itself.
func (u *under) open(ctx context.Context, home node.Home) (lower, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if l, ok := u.running[home]; ok {
		return l, nil
	}
	cfg, err := u.below(home)
	if err != nil {
		return lower{}, fmt.Errorf("%s: %w", u.home.Tables(), err)
	}
	f, err := Start(ctx, cfg)
	if err == nil {
		err = f.Found(ctx)
	}
	if err == nil {
		err = f.dealTables()
	}
	if err != nil {
		return lower{}, fmt.Errorf("%s: federation %s: %w", u.home.Tables(), home, errors.Join(err, f.Close(context.WithoutCancel(ctx))))
	}
	l := lower{f, node.NewBeneath(f.hub)}
	u.running[home] = l
	return l, nil
}

// below is how the body of a home runs. It waits half as long as the body above, so that
// what it finds out is in time there.
func (u *under) below(home node.Home) (Config, error) {
	c := u.cfg
	if c.level+1 >= maxLevels {
		return c, fmt.Errorf("federation %s: %w: %d levels, at most %d", home, ErrHome, c.level+2, maxLevels)
	}
	if c.Below == nil {
		return c, fmt.Errorf("federation %s: %w: this process runs no bodies below its own", home, ErrHome)
	}
	_, founded, err := isFounded(home)
	if err == nil && !founded {
		err = fmt.Errorf("federation %s: %w: nothing was founded there; run comity init first", home, ErrHome)
	}
	if err != nil {
		return c, err
	}
	s, err := c.Below(home)
	return Config{
		Home: home, Scenario: s, Cache: c.Cache, Clock: c.Clock, Progress: func(node.Event) {}, Logger: c.Logger,
		Patience: cmp.Or(c.Patience, patience) / 2, Below: c.Below, level: c.level + 1, engine: c.engine,
	}, err
}

// Close stops all of them.
func (u *under) Close(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	var err error
	for _, home := range slices.Sorted(maps.Keys(u.running)) {
		err = errors.Join(err, u.running[home].fleet.Close(ctx))
	}
	clear(u.running)
	return err
}
