package sim

import (
	"errors"
	"slices"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
)

// patience is how long the hub waits for a step, in milliseconds: several times what a
// member is away that crashed.
const patience = 4_000

// hubNode is the hub. Its disk holds the finished steps and the uploads.
type hubNode struct {
	*sequence
	disk *disk

	agg     *secagg.Hub
	at      cursor
	since   int // When the step under way began to wait.
	begun   bool
	showing bool
	shown   []shown // Of finished steps.
	blamed  []party.ID
	short   bool // Too few members were left.
	end     *ending
}

// shown is what members saw of a step.
type shown struct {
	commitments secagg.Commitments
	broadcast   secagg.Broadcast
}

// ending is how a round ended.
type ending struct {
	model      bool // Logged: all agree on the sums.
	why        string
	transcript secagg.Transcript
}

func (h *hubNode) forget() {
	h.agg, h.at, h.begun, h.showing, h.shown = nil, cursor{}, false, false, nil
}

func (h *hubNode) stop(why string) { h.end = &ending{why: why} }

// to addresses the same message to all.
func (h *hubNode) to(ids []party.ID, kind string, data func(party.ID) []byte) []message {
	var out []message
	for _, id := range ids {
		out = append(out, message{hub, id, kind, data(id)})
	}
	return out
}

func (h *hubNode) look() []message {
	r := h.state.View().Rounds[roundName]
	if len(r.Cohorts) == 0 {
		first := comity.Cohort{Round: roundName, Number: 1, Members: h.state.Ready(roundName), Reason: "all members with keys"}
		if err := h.say(operator, comity.KindCohort, first); err != nil {
			h.stop(err.Error())
		}
		return nil
	}
	if h.agg == nil && h.open(r) != nil {
		return nil
	}
	if h.at.done(h.task) {
		h.close(r)
		return nil
	}
	if !h.begun {
		if h.agg.Begin(h.at.step(h.task)) != nil {
			return nil
		}
		h.begun, h.since = true, h.net.now
	}
	if late := h.agg.Missing(); len(late) > 0 && h.net.now-h.since > patience {
		h.shrink(late)
		return nil
	}
	return h.show()
}

// open prepares the round and leads itself through the finished steps.
func (h *hubNode) open(r body.Round) error {
	plan, err := canon.DigestOf(r.Plan)
	if err != nil {
		return err
	}
	on := round{h.disk, roundName}
	if h.agg, err = secagg.NewHub(secagg.HubConfig{Plan: plan, Cohort: r.Cohorts[0], MinMembers: r.Plan.MinMembers, Store: on}); err != nil {
		return err
	}
	h.at, h.begun, h.showing, h.shown = cursor{}, false, false, nil
	logged := r.Cohorts[1:]
	follow := func() error {
		for len(logged) > 0 && logged[0].FromStep == h.agg.Position().Number {
			if err := h.agg.Recohort(logged[0]); err != nil {
				return err
			}
			h.at.restart(logged[0].Attempt)
			logged = logged[1:]
		}
		return nil
	}
	steps, err := on.Entries()
	if err != nil {
		return err
	}
	for _, raw := range steps {
		if err := follow(); err != nil {
			return err
		}
		var s secagg.StepRecord
		if err := canon.Unmarshal(raw, &s); err != nil {
			return err
		}
		blob, err := on.Get(s.Sum.Hex())
		if err != nil {
			return err
		}
		c, b, err := h.agg.Resume(s, blob)
		if err != nil {
			return err
		}
		h.shown = append(h.shown, shown{c, b})
		h.at.finish(h.task)
	}
	return follow()
}

// show moves the step on as far as it goes.
func (h *hubNode) show() []message {
	c, err := h.agg.Commitments()
	if err != nil {
		return nil
	}
	if !h.showing {
		h.showing, h.since = true, h.net.now
	}
	members := h.agg.Cohort().Members
	if late := h.agg.Missing(); len(late) > 0 {
		return h.to(late, "commitments", func(id party.ID) []byte { return h.liar.commitments(id, members[0], c) })
	}
	b, err := h.agg.Broadcast()
	if err != nil {
		return nil
	}
	b = h.falsified(b)
	if !h.keep(b) {
		h.forget() // The disk is full: as after a crash, members send it all again.
		return nil
	}
	h.shown = append(h.shown, shown{c, b})
	h.at.finish(h.task)
	h.begun, h.showing = false, false
	return h.to(members, "sum", func(id party.ID) []byte { return h.liar.broadcast(id, members[0], b) })
}

// keep puts a finished step on disk before anybody sees it.
func (h *hubNode) keep(b secagg.Broadcast) bool {
	on := round{h.disk, roundName}
	s, _ := h.agg.Last()
	s.Sum = canon.Sum(b.Sum)
	raw, err := canon.Marshal(s)
	if err != nil || on.Put(s.Sum.Hex(), b.Sum) != nil {
		return false
	}
	return on.Append(raw) == nil
}

// falsified is the sum that a lying hub shows everybody: one unit more.
func (h *hubNode) falsified(b secagg.Broadcast) secagg.Broadcast {
	if h.liar.tells(hub, lieSum, b.Number) {
		b.Sum = slices.Clone(b.Sum)
		b.Sum[len(b.Sum)/2] ^= 1
	}
	return b
}

// shrink logs a cohort without those who are late.
func (h *hubNode) shrink(late []party.ID) {
	next, err := h.agg.Successor(late, "no answer in time")
	h.short = errors.Is(err, secagg.ErrMinMembers)
	if err != nil {
		h.stop(err.Error())
		return
	}
	next.Attempt = max(next.Attempt, h.agg.Cohort().Attempt+1)
	if err := h.say(operator, comity.KindCohort, next); err != nil {
		h.stop(err.Error())
		return
	}
	if err := h.agg.Recohort(next); err != nil {
		h.stop(err.Error())
		return
	}
	h.at.restart(next.Attempt)
	h.begun, h.showing = false, false
}

// close waits for heads and fingerprints, checks the round and logs its end.
func (h *hubNode) close(r body.Round) {
	cohort := r.Cohort()
	if len(r.Heads) == len(cohort) {
		for _, id := range cohort {
			if r.Heads[id] != r.Heads[cohort[0]] {
				h.stop("heads differ")
				return
			}
		}
	}
	if len(r.Fingerprints) < len(cohort) {
		return
	}
	t := h.agg.Transcript()
	e, err := h.evidence(h.state, t)
	if err != nil {
		h.stop(err.Error())
		return
	}
	e.Opened, e.ChainOnly = h.agg.Opened, false // It holds the vectors of those who left.
	if err := secagg.VerifyTranscript(t, e); err != nil {
		h.end = &ending{why: err.Error(), transcript: t}
		h.blamed, err = secagg.Blame(t, e)
		if err != nil {
			h.blamed = []party.ID{hub}
		}
		return
	}
	raw, err := canon.Marshal(t)
	if err == nil {
		err = h.say(operator, comity.KindModel, comity.Model{Round: roundName, Transcript: canon.Sum(raw), Model: canon.Sum([]byte("model"))})
	}
	if err != nil {
		h.stop(err.Error())
		return
	}
	h.end = &ending{model: true, transcript: t}
}

// evidence is what the log and the public blobs say of the round.
func (h *hubNode) evidence(s *body.State, t secagg.Transcript) (secagg.Evidence, error) {
	r := s.View().Rounds[roundName]
	root, ok := s.Root(r.PlacesAt)
	if !ok {
		return secagg.Evidence{}, errors.New("no root for the fingerprints")
	}
	on := round{h.disk, roundName}
	return secagg.Evidence{
		Plan: t.Plan, MinMembers: r.Plan.MinMembers, Cohorts: r.Cohorts, Heads: r.Heads, Fingerprints: r.Fingerprints,
		Seed: secagg.FingerprintSeed(roundName, root[:]), ChainOnly: true,
		Blob: func(d canon.Digest) ([]byte, error) { return on.Get(d.Hex()) },
	}, nil
}

func (h *hubNode) hear(in message) []message {
	if h.liar.tells(hub, lieSilent, h.at.tree) && in.from == h.consortium.members[0] && in.kind != "entries?" {
		return nil
	}
	switch in.kind {
	case "entries?":
		if data := h.entriesFrom(in.data); data != nil {
			return []message{{hub, in.from, "entries", data}}
		}
	case "submit":
		_ = h.admit(in.data) // Who was refused tries again.
	case "upload":
		u, err := secagg.ParseUpload(in.data)
		if err != nil || h.agg == nil {
			return nil
		}
		if u.Number < len(h.shown) {
			return h.recall(in.from, u.Number)
		}
		_ = h.agg.Upload(in.from, u)
	case "reveal":
		v, err := secagg.ParseReveal(in.data)
		if err != nil || h.agg == nil {
			return nil
		}
		_ = h.agg.Reveal(in.from, v)
	}
	return nil
}

// recall shows a member again what it missed of a finished step.
func (h *hubNode) recall(to party.ID, number int) []message {
	s := h.shown[number]
	first := h.consortium.members[0]
	return []message{
		{hub, to, "commitments", h.liar.commitments(to, first, s.commitments)},
		{hub, to, "sum", h.liar.broadcast(to, first, s.broadcast)},
	}
}
