package node

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
)

// HubRehearsal makes a hub misbehave on purpose, so that people and tests see who
// notices. Each field is asked at the one place where a dishonest operator would change
// its own program; what is nil stays honest. Members know nothing of it.
type HubRehearsal struct {
	// Sum returns the sum blob of a finished step as the hub stores and shows it to all.
	Sum func(number int, step string, blob []byte) []byte
	// Show returns what one member is shown: kind is "commitments", "sum", "checkpoint"
	// or, for its witness, "witness".
	Show func(to party.ID, kind string, data []byte) []byte
	// Late names members whom the hub leaves out of a step in which everybody revealed.
	// It keeps the attempt, so that the sum without them is over the same inputs.
	Late func(number int, step string) []party.ID
	// Box returns the sealed pair secret that a member is given in the place of box.
	Box func(from, to party.ID, epoch string, box []byte) ([]byte, error)
	// Say may change what the operator is about to say. With force it goes into the log
	// without being admissible.
	Say func(st *comity.Statement) (force bool, err error)
	// Credulous hubs log a model although its sums fail their own check.
	Credulous bool
	// Refused hears which messages of a step do not fit the hub's sum.
	Refused func(from party.ID, err error)
}

// broadcast sends one message to all members, to each what it is to see.
func (h *Hub) broadcast(kind string, data []byte) error {
	if r := h.cfg.Rehearse; r == nil || r.Show == nil {
		return h.link.Broadcast(kind, data)
	}
	var all error
	for _, id := range h.members {
		all = errors.Join(all, h.link.Send(string(id), kind, h.shown(id, kind, data)))
	}
	return all
}

// shown is what one member is shown in the place of data.
func (h *Hub) shown(to party.ID, kind string, data []byte) []byte {
	if r := h.cfg.Rehearse; r != nil && r.Show != nil {
		return r.Show(to, kind, data)
	}
	return data
}

// box is the sealed pair secret that a member is given.
func (h *Hub) box(from, to party.ID, epoch string, box []byte) ([]byte, error) {
	if r := h.cfg.Rehearse; r != nil && r.Box != nil {
		return r.Box(from, to, epoch, box)
	}
	return box, nil
}

// force appends an entry that is not admissible and waits until witnesses have seen it:
// they look at the tree, not at what stands in it. The hub's own state stays behind.
func (h *Hub) force(ctx context.Context, entry []byte) (int, error) {
	index, err := h.log.Append(ctx, entry)
	if err != nil {
		return 0, err
	}
	_, err = h.log.Witnessed(ctx, index)
	return int(index), err
}

// rehearsedSum lets a rehearsal replace the sum that was just finished. The hub's books
// are then written again with the other sum, as a hub would that lies to all alike.
func (s *stepServer) rehearsedSum(b secagg.Broadcast) (secagg.Broadcast, error) {
	r := s.hub.cfg.Rehearse
	if r == nil || r.Sum == nil {
		return b, nil
	}
	t := s.agg.Transcript()
	last := &t.Steps[len(t.Steps)-1]
	blob := r.Sum(len(t.Steps)-1, last.Name, b.Sum)
	if bytes.Equal(blob, b.Sum) {
		return b, nil
	}
	last.Sum = canon.Sum(blob)
	agg, err := secagg.NewHub(secagg.HubConfig{
		Plan: t.Plan, Cohort: t.Cohorts[0], MinMembers: s.plan.MinMembers, Store: fileStore(s.folder(t.Round)),
	})
	if err != nil {
		return b, err
	}
	later := t.Cohorts[1:]
	for number, step := range t.Steps {
		for len(later) > 0 && later[0].FromStep == number {
			if err := agg.Recohort(later[0]); err != nil {
				return b, err
			}
			later = later[1:]
		}
		sum := blob
		if number < len(t.Steps)-1 {
			if sum, err = os.ReadFile(Blob(s.hub.cfg.Home.Log(), step.Sum)); err != nil {
				return b, err
			}
		}
		if _, b, err = agg.Resume(step, sum); err != nil {
			return b, err
		}
	}
	s.agg = agg
	return b, nil
}

// rehearsedLate leaves members out of a step in which everybody revealed, at the same
// attempt, and goes no further: nobody answers after that.
func (s *stepServer) rehearsedLate(ctx context.Context, step string) error {
	r := s.hub.cfg.Rehearse
	if r == nil || r.Late == nil {
		return nil
	}
	late := r.Late(s.agg.Position().Number, step)
	if len(late) == 0 {
		return nil
	}
	next := s.agg.Cohort()
	next.Number, next.FromStep, next.Reason = next.Number+1, s.agg.Position().Number, "no answer in time"
	next.Members = slices.DeleteFunc(next.Members, func(id party.ID) bool { return slices.Contains(late, id) })
	if _, err := s.hub.say(ctx, comity.KindCohort, next); err != nil {
		return err
	}
	if err := s.hub.tell(ctx, due{What: dueCohort, Round: next.Round}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// refused lets a rehearsal hear what did not fit the sum.
func (s *stepServer) refused(from party.ID, err error) {
	if r := s.hub.cfg.Rehearse; r != nil && r.Refused != nil {
		r.Refused(from, err)
	}
}

// verified is the hub's own check of a round, whose result a rehearsal may ignore.
func (s *stepServer) verified(round string) error {
	err := s.verify(round)
	if r := s.hub.cfg.Rehearse; r != nil && r.Credulous {
		return nil
	}
	return err
}

// Entries returns log entries from and up to before to, as the hub wrote them: a
// rehearsal that forges a history starts from the true one.
func (h *Hub) Entries(ctx context.Context, from, to int64) ([][]byte, error) {
	size, err := h.log.Size(ctx)
	if err != nil || from >= size {
		return nil, err
	}
	return h.log.Entries(ctx, from, min(to, size))
}
