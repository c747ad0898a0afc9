package node

import (
	"slices"
	"time"

	"comity/adapter/nats"
	"comity/party"
)

// window is the time that the hub gives members for one part of a step. For a member that
// is connected it counts from when its line could have brought what it needs, and again
// from each piece that it sends; for one that is away, from the beginning. So a slow line
// is waited for as long as it moves and carries nats.SlowestLine, and a dead one is not.
// Who never came since the hub started is given no longer than it takes to come back.
type window struct {
	began    time.Time
	patience time.Duration // For somebody of whom nothing moves.
	down, up int           // Bytes that a member receives first, and then sends.
}

// line is what the hub knows of a member's connection.
type line struct {
	here  bool
	met   bool      // Connected now or before, since the hub started.
	moved time.Time // When the last piece of a large message came; zero: none.
}

// returning is how long a hub that started again waits for members that have not come back:
// three times as long as for one of whom it knows that it went. A member's dial may hang for
// ten seconds, and on a loaded machine several of them at once are slow.
const returning = 3 * absence

// due is when a member is late.
func (w window) due(l line) time.Time {
	switch {
	case l.here:
	case l.met:
		return w.began.Add(w.patience)
	default:
		return w.began.Add(min(returning, w.patience))
	}
	ready := w.began.Add(nats.Carries(w.down))
	first := ready.Add(w.patience + nats.Carries(min(w.up, nats.PieceBytes)))
	// However it trickles: nobody may hold up the others for longer than a line needs.
	last := ready.Add(w.patience + nats.Carries(w.up))
	moved := l.moved.Add(w.patience)
	switch {
	case l.moved.Before(w.began) || moved.Before(first):
		return first
	case moved.After(last):
		return last
	}
	return moved
}

// soonest bounds how often the hub looks.
const soonest = 20 * time.Millisecond

// late returns who of the missing is late now, and otherwise when to look again.
func (w window) late(missing []party.ID, now time.Time, of func(party.ID) line) (late []party.ID, next time.Duration) {
	next = w.patience
	for _, id := range missing {
		left := w.due(of(id)).Sub(now)
		if left <= 0 {
			late = append(late, id)
			continue
		}
		next = min(next, left)
	}
	return late, max(next, soonest)
}

// window opens the time for a part of the step under way.
func (s *stepServer) window(down, up int) window {
	w := window{began: s.hub.cfg.Clock(), patience: time.Duration(s.plan.StepSeconds) * time.Second, down: down, up: up}
	if !s.started {
		// Before the first step members read their rows and open their boxes, or start again.
		w.patience = max(w.patience, s.hub.cfg.Patience)
	}
	return w
}

// lines returns what is known of the members' connections now.
func (s *stepServer) lines() func(party.ID) line {
	here := s.hub.link.Connected()
	return func(id party.ID) line {
		s.mu.Lock()
		defer s.mu.Unlock()
		return line{here: slices.Contains(here, string(id)), met: s.met[id], moved: s.last[id]}
	}
}

// greet notes that a member's connection opened.
func (s *stepServer) greet(id party.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.met[id] = true
}

// moved notes that a piece of a member's message came.
func (s *stepServer) moved(id party.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[id] = s.hub.cfg.Clock()
}

// lastShown is how many bytes members were shown last.
func (s *stepServer) lastShown() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.shown) == 0 {
		return 0
	}
	last := s.shown[len(s.shown)-1]
	return max(len(last.sum), len(last.commitments))
}
