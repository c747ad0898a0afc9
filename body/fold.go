package body

import (
	"bytes"
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
type Refusal struct {
	Rule    string // One of the Rule constants; see docs/format/statements.md.
	Author  party.ID
	Counter int
	Kind    comity.Kind
	Cause   error
}

// Error names author, statement, rule and reason.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s statement %d of %s refused by rule %s: %v", r.Kind, r.Counter, r.Author, r.Rule, r.Cause)
}

// Unwrap gives ErrRefused and the cause.
func (r *Refusal) Unwrap() []error { return []error{ErrRefused, r.Cause} }

// Fold admits one entry and moves the state, or refuses it and leaves the state as it was.
func (s *State) Fold(entry []byte) (comity.Statement, error) {
	e, err := ledger.Parse(entry)
	if err != nil {
		return comity.Statement{}, &Refusal{Rule: RuleForm, Cause: err}
	}
	st := e.Statement()
	step, err := s.admit(e, st)
	if err != nil {
		return st, err
	}
	step()
	s.view.Counters[st.Author] = st.Counter
	s.view.Size++
	s.tree.Append(e.Leaf())
	s.roots = append(s.roots, s.tree.Root())
	if st.Kind == comity.KindAllocation {
		return st, s.expect(st)
	}
	return st, nil
}

// Admissible tells whether Fold would accept an entry, without moving the state.
func (s *State) Admissible(entry []byte) error {
	e, err := ledger.Parse(entry)
	if err != nil {
		return &Refusal{Rule: RuleForm, Cause: err}
	}
	_, err = s.admit(e, e.Statement())
	return err
}

// admit runs the rules in order: form, author, signature, sequence, then the kind's
// own. It returns the change that the statement makes.
func (s *State) admit(e ledger.Entry, st comity.Statement) (step func(), err error) {
	refuse := func(rule string, cause error) error {
		return &Refusal{Rule: rule, Author: st.Author, Counter: st.Counter, Kind: st.Kind, Cause: cause}
	}
	if st.Kind == comity.KindCharter {
		step, cause := s.charterStatement(e, st)
		if cause.err != nil {
			return nil, refuse(cause.rule, cause.err)
		}
		return step, nil
	}
	if s.sealed == nil {
		return nil, refuse(RuleCharterFirst, errors.New("the log has no charter yet"))
	}
	if st.Body != s.view.Body {
		return nil, refuse(RuleBody, fmt.Errorf("it is for body %.40q, this is %q", st.Body, s.view.Body))
	}
	if st.Charter != s.view.Charter {
		return nil, refuse(RuleBody, fmt.Errorf("it is said under charter %s, in force is %s", st.Charter, s.view.Charter))
	}
	author, ok := charter.PartyOf(s.charter, st.Author)
	if !ok {
		return nil, refuse(RuleAuthor, fmt.Errorf("%.40q is not a party of the charter", st.Author))
	}
	if err := e.Verify(author.Node.Key); err != nil {
		return nil, refuse(RuleSignature, err)
	}
	if want := s.view.Counters[st.Author] + 1; st.Counter != want {
		return nil, refuse(RuleCounter, fmt.Errorf("its counter is %d, the author's next is %d", st.Counter, want))
	}
	step, cause := s.byKind(st)
	if cause.err != nil {
		return nil, refuse(cause.rule, cause.err)
	}
	return step, nil
}

// broken is a rule and why it does not hold; its zero value is "all rules hold".
type broken struct {
	rule string
	err  error
}

func breaks(rule, format string, args ...any) broken {
	return broken{rule, fmt.Errorf(format, args...)}
}

// read decodes the record of a statement and then applies its rule.
func read[R any](st comity.Statement, rule func(R) (func(), broken)) (func(), broken) {
	var record R
	if err := canon.Unmarshal(st.Record, &record); err != nil {
		return nil, broken{RuleForm, err}
	}
	return rule(record)
}

func (s *State) byKind(st comity.Statement) (func(), broken) {
	if st.Kind != comity.KindRatify && st.Kind != comity.KindTick && !s.view.InForce {
		return nil, breaks(RuleInForce, "the charter is not in force: %d of %d parties ratified it",
			len(s.view.Ratified), len(s.charter.Parties))
	}
	switch st.Kind {
	case comity.KindRatify:
		return read(st, func(r comity.Ratification) (func(), broken) { return s.ratify(st.Author, r) })
	case comity.KindTick:
		return read(st, func(r comity.Tick) (func(), broken) { return s.tick(st.Author, r) })
	case comity.KindKeys:
		return read(st, func(r comity.EpochKeys) (func(), broken) { return s.keys(st.Author, r) })
	case comity.KindBoxes:
		return read(st, func(r comity.Boxes) (func(), broken) { return s.boxes(st.Author, r) })
	case comity.KindPlan:
		return read(st, func(r comity.Plan) (func(), broken) { return s.plan(st.Author, r) })
	case comity.KindCohort:
		return read(st, func(r comity.Cohort) (func(), broken) { return s.cohort(st.Author, r) })
	case comity.KindHead:
		return read(st, func(r comity.Head) (func(), broken) { return s.head(st.Author, r) })
	case comity.KindFingerprint:
		return read(st, func(r comity.Fingerprint) (func(), broken) { return s.fingerprint(st.Author, r) })
	case comity.KindModel:
		return read(st, func(r comity.Model) (func(), broken) { return s.model(st.Author, r) })
	case comity.KindForecast:
		return read(st, func(r comity.Forecast) (func(), broken) { return s.forecast(st.Author, r) })
	case comity.KindDeclaration:
		return read(st, func(r comity.Declaration) (func(), broken) { return s.declaration(st.Author, r) })
	case comity.KindPicture:
		return read(st, func(r comity.Frozen) (func(), broken) { return s.picture(st.Author, r) })
	case comity.KindAllocation:
		return read(st, func(r comity.Allocation) (func(), broken) { return s.allocation(st, r) })
	case comity.KindCheck:
		return read(st, func(r comity.Check) (func(), broken) { return s.check(st.Author, r) })
	case comity.KindCharter: // Handled before: it has no state to be checked against.
	}
	return nil, breaks(RuleForm, "unknown kind %.40q", st.Kind)
}

// charterStatement accepts the first entry of a log: the charter itself, signed by the
// node key that the charter gives to the operator of the log.
func (s *State) charterStatement(e ledger.Entry, st comity.Statement) (func(), broken) {
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
	case !ok || st.Author != operator.ID:
		return nil, breaks(RuleOperator, "the charter is logged by %.40q, the operator is %s", st.Author, c.Transparency.Log.Operator)
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

// expect fixes what a member that replays the log up to this allocation must find.
func (s *State) expect(st comity.Statement) error {
	var a comity.Allocation
	if err := canon.Unmarshal(st.Record, &a); err != nil {
		return err
	}
	digest, err := s.Digest()
	if err != nil {
		return err
	}
	d := s.view.Decisions[a.Period]
	d.Expected = comity.Check{Size: s.view.Size, State: digest, About: d.About}
	s.view.Decisions[a.Period] = d
	return nil
}
