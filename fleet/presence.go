package fleet

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net"
	"path/filepath"
	"sync"
	"time"

	"comity/node"
	"comity/party"
)

// presence keeps in a file who is connected to a hub, for commands in other processes.
type presence struct {
	home node.Home

	mu      sync.Mutex
	here    map[party.ID]bool
	changed bool
}

func presenceFile(home node.Home) string { return filepath.Join(string(home.Hub()), "presence.json") }

// told notes that a connection opened or ended; it never blocks on the disk.
func (p *presence) told(id party.ID, connected bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.here == nil {
		p.here = map[party.ID]bool{}
	}
	p.changed = p.changed || p.here[id] != connected
	p.here[id] = connected
}

// notePresence is how often changes reach the file.
const notePresence = 500 * time.Millisecond

// keep writes changes until ctx ends. A file that cannot be written shows an old state,
// which nothing depends on.
func (p *presence) keep(ctx context.Context) {
	tick := time.NewTicker(notePresence)
	defer tick.Stop()
	for {
		p.mu.Lock()
		now, changed := maps.Clone(p.here), p.changed
		p.changed = false
		p.mu.Unlock()
		if changed {
			_ = saveJSON(presenceFile(p.home), now)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Connected tells who is connected to the hub of a home that runs in another process.
// Without one it is nobody.
func Connected(home node.Home) (map[party.ID]bool, error) {
	here := map[party.ID]bool{}
	if err := Busy(home); err == nil || !errors.Is(err, node.ErrBusy) {
		return here, err // What the file says is of a hub that has ended.
	}
	err := loadJSON(presenceFile(home), &here)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return here, err
}

// doors says where a hub listens: plainly and, perhaps, for websockets.
func (c Config) doors() (address, web string) {
	if !c.Apart && !c.Open {
		return "127.0.0.1:0", ""
	}
	if d, err := loadDraft(c.Home); err == nil && d.Listen != "" {
		address, web = d.Listen, d.ListenWeb
	} else if last, err := readPlace(c.Home); err == nil {
		address = last.Address // Members that were away look for the hub where it was.
	} else {
		address = "127.0.0.1:0"
	}
	if c.Listen != "" {
		address = c.Listen
	}
	return address, web
}

// nearby is how processes of the same machine reach a bound address.
func nearby(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}
