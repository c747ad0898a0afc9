package body

import (
	"errors"
	"fmt"

	"comity"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/ledger"
)

// ErrRefused is matched by every refusal.
var ErrRefused = errors.New("refused")

// Refusal says which rule kept a statement out of the log, and both of its sides.
type Refusal struct { //nolint:errname // The word that the format pages use.
	Rule    string // One of the Rule constants; see docs/format/statements.md.
	Author  party.ID
	Counter int
	Kind    comity.Kind
	Cause   error
}

// Error names author, statement, rule and reason.
func (r *Refusal) Error() string {
	if r.Author == "" {
		return fmt.Sprintf("entry refused by rule %s: %v", r.Rule, r.Cause)
	}
	return fmt.Sprintf("%.40q statement %d of %s refused by rule %s: %v", string(r.Kind), r.Counter, r.Author, r.Rule, r.Cause)
}

// Unwrap gives ErrRefused and the cause.
func (r *Refusal) Unwrap() []error { return []error{ErrRefused, r.Cause} }

// Fold admits one entry and moves the state, or refuses it with a *Refusal and leaves
// the state as it was.
func (s *State) Fold(entry []byte) (comity.Statement, error) {
	e, change, err := s.admit(entry)
	st := e.Statement()
	if err != nil {
		return st, err
	}
	change()
	s.tree.Append(e.Leaf())
	s.roots = append(s.roots, s.tree.Root())
	s.view.Size, s.view.Root = len(s.roots), canon.Digest(s.tree.Root())
	s.view.Counters[st.Author] = st.Counter
	if st.Kind == comity.KindAllocation {
		s.expect(canon.Sum(st.Record))
	}
	return st, nil
}

// Admissible tells whether Fold would accept an entry, without moving the state.
func (s *State) Admissible(entry []byte) error {
	_, _, err := s.admit(entry)
	return err
}

// broken is a rule and why it does not hold; its zero value is "all rules hold".
type broken struct {
	rule string
	err  error
}

func breaks(rule, format string, args ...any) broken {
	return broken{rule, fmt.Errorf(format, args...)}
}

// admit runs the rules in order: form, author, signature, sequence, then the kind's
// own. It returns the change that the statement makes, and changes nothing itself.
func (s *State) admit(entry []byte) (e ledger.Entry, change func(), err error) {
	e, err = ledger.Parse(entry)
	if err != nil {
		return e, nil, &Refusal{Rule: RuleForm, Cause: err}
	}
	st := e.Statement()
	var b broken
	if st.Kind == comity.KindCharter {
		change, b = s.charterStatement(e)
	} else if b = s.heard(e); b.err == nil {
		change, b = s.byKind(st)
	}
	if b.err != nil {
		return e, nil, &Refusal{Rule: b.rule, Author: st.Author, Counter: st.Counter, Kind: st.Kind, Cause: b.err}
	}
	return e, change, nil
}

// heard holds the rules for every statement but the charter: it is for this body, by
// one of its parties, signed, and the next that this party says.
func (s *State) heard(e ledger.Entry) broken {
	st := e.Statement()
	if s.sealed == nil {
		return breaks(RuleCharterFirst, "the log has no charter yet")
	}
	if st.Body != s.view.Body {
		return breaks(RuleBody, "it is for body %.40q, this is %q", st.Body, s.view.Body)
	}
	if st.Charter != s.view.Charter {
		return breaks(RuleBody, "it is said under charter %s, this body's is %s", st.Charter, s.view.Charter)
	}
	author, ok := charter.PartyOf(s.charter, st.Author)
	if !ok {
		return breaks(RuleAuthor, "%.40q is not a party of the charter", st.Author)
	}
	if err := e.Verify(author.Node.Key); err != nil {
		return broken{RuleSignature, err}
	}
	if want := s.view.Counters[st.Author] + 1; st.Counter != want {
		return breaks(RuleCounter, "its counter is %d, the author's next is %d", st.Counter, want)
	}
	return broken{}
}

// byKind applies the rules of one kind. Whatever the kind, before all founders ratified
// there is nothing to do but to ratify, and to keep time.
func (s *State) byKind(st comity.Statement) (func(), broken) {
	if st.Kind != comity.KindRatify && st.Kind != comity.KindTick && !s.view.InForce {
		return nil, breaks(RuleInForce, "the charter is not in force: %d of %d parties ratified it",
			len(s.view.Ratified), len(s.charter.Parties))
	}
	switch st.Kind {
	case comity.KindCharter: // Handled before: it has no state to be checked against.
	case comity.KindRatify:
		return read(st, s.ratify)
	case comity.KindTick:
		return read(st, operators(s, s.tick))
	case comity.KindKeys:
		return read(st, s.keys)
	case comity.KindBoxes:
		return read(st, s.boxes)
	case comity.KindPlan:
		return read(st, operators(s, s.plan))
	case comity.KindConsent:
		return read(st, s.consent)
	case comity.KindCohort:
		return read(st, operators(s, s.cohort))
	case comity.KindHead:
		return read(st, s.head)
	case comity.KindFingerprint:
		return read(st, s.fingerprint)
	case comity.KindModel:
		return read(st, operators(s, s.model))
	case comity.KindScore:
		return read(st, operators(s, s.score))
	case comity.KindForecast:
		return read(st, s.forecast)
	case comity.KindDeclaration:
		return read(st, s.declaration)
	case comity.KindPicture:
		return read(st, operators(s, s.picture))
	case comity.KindAllocation:
		return read(st, operators(s, s.allocation))
	case comity.KindCheck:
		return read(st, s.check)
	default:
		return s.oneShot(st)
	}
	return nil, breaks(RuleForm, "unknown kind %.40q", st.Kind)
}

// read decodes the record of a statement and then applies its rule.
func read[R any](st comity.Statement, rule func(party.ID, R) (func(), broken)) (func(), broken) {
	var record R
	if err := canon.Unmarshal(st.Record, &record); err != nil {
		return nil, broken{RuleForm, err}
	}
	return rule(st.Author, record)
}

// operators keeps a rule's statements to the operator of the log.
func operators[R any](s *State, rule func(R) (func(), broken)) func(party.ID, R) (func(), broken) {
	return func(author party.ID, record R) (func(), broken) {
		if !s.isOperator(author) {
			return nil, breaks(RuleOperator, "%s is not the operator %s", author, s.charter.Transparency.Log.Operator)
		}
		return rule(record)
	}
}

func (s *State) isOperator(id party.ID) bool { return id == s.charter.Transparency.Log.Operator }
