package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"comity"
	"comity/body"
	"comity/party"
	"comity/verifier/federation"
)

// Carried tells whether a member comes through a carrier: it answered a bundle, or the
// operator had one written, and it is not connected.
func (h *Hub) Carried(id party.ID) bool {
	s, err := h.errands.state(id)
	return err == nil && s.Away && !slices.Contains(h.link.Connected(), string(id))
}

// carriedOf lists those of some members that come through carriers.
func (h *Hub) carriedOf(who []party.ID) []party.ID {
	return slices.DeleteFunc(slices.Clone(who), func(id party.ID) bool { return !h.Carried(id) })
}

// split tells apart who is waited for as long as patience lasts, and who comes through a
// carrier: a question gives them the time that it says, and nothing else waits for them but
// the founding.
func (h *Hub) split(who []party.ID) (here, away []party.ID) {
	founded := false
	h.Look(func(s *body.State) { founded = s.View().InForce })
	if !founded {
		return who, nil
	}
	for _, id := range who {
		if h.Carried(id) {
			away = append(away, id)
		} else {
			here = append(here, id)
		}
	}
	return here, away
}

// settle waits, for as long as the hub has patience, until nobody who is connected has
// something to say in the question that a member is asked.
func (e *errands) settle(ctx context.Context, id party.ID) error {
	over := time.NewTimer(e.hub.cfg.Patience)
	defer over.Stop()
	for {
		var moved <-chan struct{}
		e.hub.queue.watch(func(_ *body.State, m <-chan struct{}) { moved = m })
		ripe, err := e.ripe(ctx)
		if err != nil {
			return err
		}
		if _, b := e.dues(id); !ripe && (b == nil || !e.busy(*b, id)) {
			return nil
		}
		select {
		case <-moved:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ripe tells whether a reply that was taken says something that is due now: it is about to
// be logged.
func (e *errands) ripe(ctx context.Context) (found bool, err error) {
	if err := e.lock(ctx); err != nil {
		return false, err
	}
	defer e.unlock()
	for _, id := range sortedParties(e.waiting) {
		if next := e.unsaid(e.waiting[id]); len(next) > 0 {
			e.hub.Look(func(s *body.State) { found = found || s.Admissible(next[0].entry) == nil })
		}
	}
	return found, nil
}

// busy tells whether somebody else who is connected has something to say, or the hub has.
func (e *errands) busy(b federation.Board, id party.ID) bool {
	missing := b.Missing()
	if b.Phase() == federation.Asked {
		e.hub.Look(func(s *body.State) {
			v := s.View()
			keyless := keyless(v, b)
			if missing = append(missing, keyless...); len(e.hub.carriedOf(keyless)) == 0 {
				missing = append(missing, boxless(v, b)...)
			}
		})
	}
	here := e.hub.link.Connected()
	return len(missing) == 0 || slices.ContainsFunc(missing, func(who party.ID) bool { return who != id && slices.Contains(here, string(who)) })
}

// boxless lists who has a key and sealed no boxes yet.
func boxless(v *body.View, b federation.Board) []party.ID {
	e := v.Epochs[b.Question.Epoch]
	return slices.DeleteFunc(slices.Clone(b.From), func(id party.ID) bool { return !has(e.Keys, id) || has(e.Boxes, id) })
}

// keyless lists who is asked, did not refuse and has no key yet.
func keyless(v *body.View, b federation.Board) []party.ID {
	keys := v.Epochs[b.Question.Epoch].Keys
	return slices.DeleteFunc(slices.Clone(b.From), func(id party.ID) bool { return has(keys, id) || b.Refused(id) })
}

// keyed tells whether everybody who is asked has a key in the epoch, or said no; one alone
// may bring its key together with the boxes for the others.
func keyed(v *body.View, b federation.Board, but party.ID) bool {
	return !slices.ContainsFunc(keyless(v, b), func(id party.ID) bool { return id != but })
}

// awaitCarried gives members that come through carriers the time of a phase to consent and
// bring their keys; those who are here give theirs meanwhile, so that one trip brings all.
func (h *Hub) awaitCarried(ctx context.Context, q comity.Question, from []party.ID) error {
	carried := h.carriedOf(from)
	if len(carried) == 0 {
		return nil
	}
	if err := h.ask(ctx, due{What: dueKeys, Epoch: q.Epoch, Round: q.Round}); err != nil {
		return err
	}
	keyed := func(s *body.State, id party.ID) bool {
		b, _ := s.Board(q.Round)
		return has(s.View().Epochs[q.Epoch].Keys, id) || b.Refused(id)
	}
	if _, err := h.patiently(ctx, from, keyed); err != nil {
		return err
	}
	h.cfg.Progress(Event{Phase: "question", Text: "waiting for bundles of " + listed(carried) + ": approval and keys"})
	return h.phase(ctx, q, carried, keyed)
}

// awaitBoxes gives them the time of another phase to seal secrets to the others.
func (h *Hub) awaitBoxes(ctx context.Context, q comity.Question, from []party.ID) error {
	return h.phase(ctx, q, h.carriedOf(from), func(s *body.State, id party.ID) bool {
		e := s.View().Epochs[q.Epoch]
		return has(e.Boxes, id) || !has(e.Keys, id)
	})
}

// tellCarried tells people whom a question waits for, if it is for bundles alone.
func (h *Hub) tellCarried(b federation.Board) {
	missing := b.Missing()
	if carried := h.carriedOf(missing); len(carried) > 0 && len(carried) == len(missing) {
		h.cfg.Progress(Event{Phase: "question", Text: fmt.Sprintf("waiting for bundles of %s: %s", listed(carried), b.Phase())})
	}
}

// phase waits until done holds for everybody in who, or for as long as a phase of a question
// may take.
func (h *Hub) phase(ctx context.Context, q comity.Question, who []party.ID, done func(*body.State, party.ID) bool) error {
	over := time.NewTimer(time.Duration(q.Seconds) * time.Second)
	defer over.Stop()
	for {
		left, moved := h.queue.undone(who, done)
		if len(left) == 0 {
			return nil
		}
		select {
		case <-moved:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func listed(ids []party.ID) string {
	var text []string
	for _, id := range ids {
		text = append(text, string(id))
	}
	return strings.Join(text, ", ")
}
