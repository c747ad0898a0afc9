package body

import (
	"bytes"

	"comity"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/ledger"
)

// charterStatement accepts the first entry of a log: the charter itself, signed by the
// node key that the charter gives to the operator of the log.
func (s *State) charterStatement(e ledger.Entry) (func(), broken) {
	st := e.Statement()
	if s.sealed != nil {
		return nil, breaks(RuleCharterOnce, "the body already has charter %s", s.view.Charter)
	}
	c, digest, err := charter.Open(st.Record)
	if err != nil {
		return nil, broken{RuleForm, err}
	}
	operator, ok := charter.PartyOf(c, c.Transparency.Log.Operator)
	switch {
	case st.Body != c.ID || st.Charter != digest:
		return nil, breaks(RuleBody, "it is for body %.40q under %s, the charter is %q, %s", st.Body, st.Charter, c.ID, digest)
	case c.Version != 1:
		return nil, breaks(RuleCharterFirst, "it is version %d; a log begins with version 1", c.Version)
	case !ok || st.Author != operator.ID:
		return nil, breaks(RuleOperator, "the charter is logged by %s, the operator is %.40q", st.Author, c.Transparency.Log.Operator)
	case st.Counter != 1:
		return nil, breaks(RuleCounter, "its counter is %d, the author's next is 1", st.Counter)
	}
	if err := e.Verify(operator.Node.Key); err != nil {
		return nil, broken{RuleSignature, err}
	}
	return func() {
		s.charter, s.sealed = c, bytes.Clone(st.Record)
		s.view.Body, s.view.Charter = c.ID, digest
	}, broken{}
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
	p, _ := charter.PartyOf(s.charter, author) // Heard as a party.
	if err := party.CheckSeals(s.view.Body, r.Charter, p.Keys.Of, p.Keys.Threshold, r.Seals); err != nil {
		return nil, broken{RuleSeals, err}
	}
	return func() {
		s.view.Ratified[author] = true
		s.view.InForce = len(s.view.Ratified) == len(s.charter.Parties)
	}, broken{}
}
