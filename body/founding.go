package body

import (
	"time"

	"comity"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

func (s *State) isOperator(id party.ID) bool { return id == s.charter.Transparency.Log.Operator }

func (s *State) operatorOnly(id party.ID) broken {
	if s.isOperator(id) {
		return broken{}
	}
	return breaks(RuleOperator, "%s is not the operator %s", id, s.charter.Transparency.Log.Operator)
}

// ratify counts one party's seals. Version 1 takes force when every founder ratified:
// there is no older rule under which some could bind the others.
func (s *State) ratify(author party.ID, r comity.Ratification) (func(), broken) {
	if r.Charter != s.view.Charter {
		return nil, breaks(RuleSeals, "it seals %s, the charter is %s", r.Charter, s.view.Charter)
	}
	if s.view.Ratified[author] {
		return nil, breaks(RuleOnce, "%s ratified before", author)
	}
	p, _ := charter.PartyOf(s.charter, author)
	if err := party.CheckSeals(s.view.Body, r.Charter, p.Keys.Of, p.Keys.Threshold, r.Seals); err != nil {
		return nil, broken{RuleSeals, err}
	}
	return func() {
		s.view.Ratified[author] = true
		s.view.InForce = len(s.view.Ratified) == len(s.charter.Parties)
	}, broken{}
}

// tick moves log time to the median of the witnesses' times on a checkpoint of this log.
func (s *State) tick(author party.ID, t comity.Tick) (func(), broken) {
	if b := s.operatorOnly(author); b.err != nil {
		return nil, b
	}
	c, err := ledger.ParseCheckpoint([]byte(t.Checkpoint), ledger.PolicyOf(s.charter))
	if err != nil {
		return nil, broken{RuleTime, err}
	}
	root, ok := s.Root(int(c.Size))
	median, merr := ledger.MedianTime(c.Cosigned)
	switch {
	case merr != nil:
		return nil, broken{RuleTime, merr}
	case !ok || root != [32]byte(c.Root):
		return nil, breaks(RuleTime, "its checkpoint of %d entries is not of this log", c.Size)
	case int64(t.UnixTime) != median:
		return nil, breaks(RuleTime, "it says %d, the witnesses' median is %d", t.UnixTime, median)
	case t.UnixTime < s.view.Time:
		return nil, breaks(RuleTime, "time went back from %d to %d", s.view.Time, t.UnixTime)
	}
	return func() { s.view.Time = t.UnixTime }, broken{}
}

// inForceNow adds the calendar to ratification: a decision needs log time between the
// charter's first and last day.
func (s *State) inForceNow() broken {
	from, err := time.Parse(time.RFC3339, s.charter.Effective)
	if err != nil {
		return broken{RuleInForce, err}
	}
	until, err := time.Parse(time.RFC3339, s.charter.Sunset.Expires)
	if err != nil {
		return broken{RuleInForce, err}
	}
	now := time.Unix(int64(s.view.Time), 0).UTC()
	if now.Before(from) || !now.Before(until) {
		return breaks(RuleInForce, "log time is %s, the charter runs from %s to %s",
			now.Format(time.RFC3339), s.charter.Effective, s.charter.Sunset.Expires)
	}
	return broken{}
}

// maxEpoch bounds the name of an epoch.
const maxEpoch = 64

func (s *State) keys(author party.ID, k comity.EpochKeys) (func(), broken) {
	e, ok := s.view.Epochs[k.Epoch]
	if !ok {
		e = Epoch{Keys: map[party.ID]comity.EpochKeys{}, Boxes: map[party.ID]comity.Boxes{}}
	}
	if _, said := e.Keys[author]; said {
		return nil, breaks(RuleOnce, "%s has keys for epoch %q", author, k.Epoch)
	}
	if k.Epoch == "" || len(k.Epoch) > maxEpoch || len(k.Key) != secagg.PublicKeySize {
		return nil, breaks(RuleForm, "epoch %.64q, key of %d bytes; want 1 to %d characters and %d bytes", k.Epoch, len(k.Key), maxEpoch, secagg.PublicKeySize)
	}
	return func() {
		e.Keys[author] = k
		s.view.Epochs[k.Epoch] = e
	}, broken{}
}

func (s *State) boxes(author party.ID, b comity.Boxes) (func(), broken) {
	e := s.view.Epochs[b.Epoch]
	own, ok := e.Keys[author]
	if !ok {
		return nil, breaks(RuleEpoch, "%s has no key in epoch %.64q", author, b.Epoch)
	}
	if _, said := e.Boxes[author]; said {
		return nil, breaks(RuleOnce, "%s sealed its boxes of epoch %q", author, b.Epoch)
	}
	if err := secagg.CheckNonce(b.Epoch, author, b.Nonce, own.NonceCommit); err != nil {
		return nil, broken{RuleEpoch, err}
	}
	last := author
	for _, box := range b.Boxes {
		if _, ok := e.Keys[box.To]; !ok || box.To <= last {
			return nil, breaks(RuleEpoch, "box to %.40q after %s: boxes go to later parties with keys, ascending", box.To, last)
		}
		last = box.To
	}
	return func() { e.Boxes[author] = b }, broken{}
}
