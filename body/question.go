package body

import (
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/federation"
	"comity/verifier/privacy"
)

// QuestionEpoch returns the name of the key epoch that all questions of a period share.
func QuestionEpoch(body, period string) string { return EpochName(body, period) + "/questions" }

// question takes what a party asks, if a clause of the charter allows it on these terms
// and the privacy budget has room for it. Whether its numbers are those of its query takes
// the schema, and is checked by each member at home before it approves.
func (s *State) question(author party.ID, q comity.Question) (func(), broken) {
	if b := s.inForceNow(); b.err != nil {
		return nil, b
	}
	if b := checkPeriod(q.Period); b.err != nil {
		return nil, b
	}
	_, trained := s.view.Rounds[q.Round]
	_, asked := s.view.Questions[q.Round]
	if trained || asked {
		return nil, breaks(RuleOnce, "round %.80q is open", q.Round)
	}
	if b := s.allowed(q); b.err != nil {
		return nil, b
	}
	if b := s.affordable(q); b.err != nil {
		return nil, b
	}
	return func() {
		s.view.Questions[q.Round] = federation.Round{Question: q, By: author, AskedAt: s.view.Size + 1}
	}, broken{}
}

// dateQuestions gives questions that the newest checkpoint covers the time at which their
// answers begin to be waited for.
func (s *State) dateQuestions() {
	for _, name := range slices.Sorted(maps.Keys(s.view.Questions)) {
		if r := s.view.Questions[name]; r.Asked == 0 && r.AskedAt <= s.view.TimeAt {
			r.Asked = s.view.Time
			s.view.Questions[name] = r
		}
	}
}

// allowed holds a question against the clause that it is asked of.
func (s *State) allowed(q comity.Question) broken {
	if err := federation.Check(q); err != nil {
		return broken{RuleQuestion, err}
	}
	clause, ok := charter.Clause(s.charter, q.Clause)
	if !ok || clause.Queries == nil {
		return notAllowed("clause %.40q answers no questions", q.Clause)
	}
	may := clause.Queries
	switch {
	case !slices.Contains(may.Kinds, q.Query.Kind):
		return notAllowed("clause %s allows %v, not %.40q", clause.ID, may.Kinds, q.Query.Kind)
	case q.Epoch != QuestionEpoch(s.view.Body, q.Period):
		return notAllowed("epoch %.80q, want %s", q.Epoch, QuestionEpoch(s.view.Body, q.Period))
	case q.MinMembers < may.MinMembers || q.MinMembers > len(clause.From):
		return notAllowed("at least %d members, clause %s wants %d to %d", q.MinMembers, clause.ID, may.MinMembers, len(clause.From))
	case q.Query.MinimumCell < may.MinimumCell:
		return notAllowed("counts below %d are withheld, clause %s wants %d", q.Query.MinimumCell, clause.ID, may.MinimumCell)
	case may.Personal && q.Disclosure != privacy.Noisy:
		return broken{RulePrivacy, fmt.Errorf("%w: rows of %s are about persons: their sums need noise", privacy.ErrPersonal, clause.ID)}
	case q.Disclosure == privacy.Noisy && s.charter.Privacy == nil:
		return broken{RulePrivacy, fmt.Errorf("%w: the charter has no privacy budget", federation.ErrQuestion)}
	}
	return broken{}
}

func notAllowed(format string, args ...any) broken {
	return broken{RuleQuestion, fmt.Errorf("%w: "+format, append([]any{federation.ErrQuestion}, args...)...)}
}

// MayAsk returns why a question would be refused now, whoever asked it.
func (s *State) MayAsk(q comity.Question) error {
	_, b := s.question("", q)
	return b.err
}

// affordable asks whether everybody who may answer still has the budget for it.
func (s *State) affordable(q comity.Question) broken {
	if q.Disclosure != privacy.Noisy {
		return broken{}
	}
	clause, _ := charter.Clause(s.charter, q.Clause)
	return s.charge(q, clause.From, clause.From, (*privacy.Ledger).May)
}

// charge passes what a question costs some members to the ledger.
func (s *State) charge(q comity.Question, invited, members []party.ID, how func(*privacy.Ledger, []privacy.Charge) error) broken {
	charges, err := federation.Charges(q, s.charter.Privacy.Unit, invited, members)
	if err != nil {
		return broken{RulePrivacy, err}
	}
	ledger, err := s.spent()
	if err != nil {
		return broken{RulePrivacy, err}
	}
	if err := how(ledger, charges); err != nil {
		return broken{RulePrivacy, err}
	}
	return broken{}
}

// Ledger returns what each party's rows have told so far, nil if the charter has no
// privacy budget. The caller must not change it.
func (s *State) Ledger() (*privacy.Ledger, error) {
	if s.charter.Privacy == nil {
		return nil, nil
	}
	return s.spent()
}

// spent returns the ledger. It follows from the View.
func (s *State) spent() (*privacy.Ledger, error) {
	if s.ledger != nil {
		return s.ledger, nil
	}
	p := s.charter.Privacy
	limit := func(b comity.Budget) privacy.Limit { return privacy.Limit{Epsilon: b.Epsilon, Delta: b.Delta} }
	var err error
	s.ledger, err = privacy.NewLedger(privacy.Rules{Budget: privacy.Budget{Release: limit(p.PerRelease), Year: limit(p.PerYear)}})
	return s.ledger, err
}

// Board returns a question as this log has it, with what is needed to go on with it.
func (s *State) Board(round string) (federation.Board, bool) {
	r, ok := s.view.Questions[round]
	if !ok {
		return federation.Board{}, false
	}
	b := federation.Board{Round: r, Now: s.view.Time, Root: rootsOf(s.roots)}
	if r.Open == nil {
		b.Ready = s.willing(r)
	}
	if clause, ok := charter.Clause(s.charter, r.Question.Clause); ok && clause.Queries != nil {
		b.From, b.Needed = clause.From, clause.Queries.Approvals
	}
	return b, true
}

// rootsOf answers from the roots as they are now: whoever holds a board may ask it while the
// log goes on.
func rootsOf(roots [][32]byte) func(size int) ([32]byte, bool) {
	return func(size int) (root [32]byte, ok bool) {
		if size < 1 || size > len(roots) {
			return root, false
		}
		return roots[size-1], true
	}
}

// willing lists who approved and has keys and boxes, ascending.
func (s *State) willing(r federation.Round) []party.ID {
	clause, _ := charter.Clause(s.charter, r.Question.Clause)
	return slices.DeleteFunc(s.eligible(r.Question.Epoch, clause.From), func(id party.ID) bool { return !r.Consents[id].Approves })
}

// ofRound makes the rule of a statement about one round: admit returns the round as it
// is afterwards.
func ofRound[R any](s *State, name func(R) string, admit func(federation.Board, party.ID, R) (federation.Round, error)) func(party.ID, R) (func(), broken) {
	return func(author party.ID, record R) (func(), broken) {
		b, ok := s.Board(name(record))
		if !ok {
			return nil, breaks(RuleRound, "nobody asked %.80q", name(record))
		}
		next, err := admit(b, author, record)
		if err != nil {
			return nil, broken{RuleSum, err}
		}
		return func() { s.view.Questions[b.Question.Round] = next }, broken{}
	}
}

// open opens a round. What may be asked is checked again: another question may have
// spent the budget since.
func (s *State) open(o comity.Open) (func(), broken) {
	b, ok := s.Board(o.Round)
	if !ok {
		return nil, breaks(RuleRound, "nobody asked %.80q", o.Round)
	}
	if b := s.inForceNow(); b.err != nil {
		return nil, b
	}
	next, err := b.AdmitOpen(o)
	if err != nil {
		return nil, broken{RuleSum, err}
	}
	if b.Question.Disclosure == privacy.Noisy {
		if b := s.charge(b.Question, b.Ready, b.Ready, (*privacy.Ledger).May); b.err != nil {
			return nil, b
		}
	}
	return func() {
		s.view.Questions[o.Round] = next
		e := s.view.Epochs[o.Epoch]
		e.Opened = append(slices.Clip(e.Opened), o.Round)
		s.view.Epochs[o.Epoch] = e
	}, broken{}
}

// survivors fixes whose numbers are in the sum; from here on it can be opened, so here
// the budget is charged, or the cohort compared with those of earlier sums.
func (s *State) survivors(v comity.Survivors) (func(), broken) {
	b, ok := s.Board(v.Round)
	if !ok {
		return nil, breaks(RuleRound, "nobody asked %.80q", v.Round)
	}
	next, err := b.AdmitSurvivors(v, s.view.Size+1)
	if err != nil {
		return nil, broken{RuleSum, err}
	}
	noisy := b.Question.Disclosure == privacy.Noisy
	if noisy {
		if b := s.charge(b.Question, b.Invited, v.Members, (*privacy.Ledger).May); b.err != nil {
			return nil, b
		}
	} else if b := s.comparable(b.Question, v.Members); b.err != nil {
		return nil, b
	}
	return func() {
		s.view.Questions[v.Round] = next
		if noisy {
			// It was asked above, with the same ledger.
			_ = s.charge(b.Question, b.Invited, v.Members, (*privacy.Ledger).FoldAll)
		}
	}, broken{}
}

// comparable refuses a sum without noise that together with earlier ones would tell the
// sum over a few.
func (s *State) comparable(q comity.Question, members []party.ID) broken {
	next, err := federation.Published(q, members)
	if err != nil {
		return broken{RulePrivacy, err}
	}
	var earlier []privacy.Published
	for _, name := range slices.Sorted(maps.Keys(s.view.Questions)) {
		r := s.view.Questions[name]
		if r.Survivors == nil || r.Question.Disclosure != privacy.Exact {
			continue
		}
		p, err := federation.Published(r.Question, r.Survivors.Members)
		if err != nil {
			return broken{RulePrivacy, err}
		}
		earlier = append(earlier, p)
	}
	if err := privacy.CheckCohort(next, q.Disclosure, earlier, q.MinMembers); err != nil {
		return broken{RulePrivacy, err}
	}
	return broken{}
}

// oneShot applies the rules of the kinds that belong to a question.
func (s *State) oneShot(st comity.Statement) (func(), broken) {
	switch st.Kind { //nolint:exhaustive // The others are in byKind.
	case comity.KindQuestion:
		return read(st, s.question)
	case comity.KindOpen:
		return read(st, operators(s, s.open))
	case comity.KindJoin:
		return read(st, ofRound(s, func(r comity.Join) string { return r.Round }, federation.Board.AdmitJoin))
	case comity.KindNonce:
		return read(st, ofRound(s, func(r comity.Nonce) string { return r.Round }, federation.Board.AdmitNonce))
	case comity.KindDeal:
		return read(st, ofRound(s, func(r comity.Deal) string { return r.Round }, federation.Board.AdmitDeal))
	case comity.KindComplaint:
		return read(st, ofRound(s, func(r comity.Complaint) string { return r.Round }, federation.Board.AdmitComplaint))
	case comity.KindSettled:
		return read(st, ofRound(s, func(r comity.Settled) string { return r.Round }, func(b federation.Board, id party.ID, _ comity.Settled) (federation.Round, error) {
			return b.AdmitSettled(id)
		}))
	case comity.KindCommit:
		return read(st, ofRound(s, func(r comity.Commit) string { return r.Round }, federation.Board.AdmitCommit))
	case comity.KindSurvivors:
		return read(st, operators(s, s.survivors))
	case comity.KindUnmask:
		return read(st, ofRound(s, func(r comity.Unmask) string { return r.Round }, federation.Board.AdmitUnmask))
	case comity.KindResult:
		return read(st, operators(s, s.result))
	}
	return nil, breaks(RuleForm, "unknown kind %.40q", st.Kind)
}

func (s *State) result(r comity.Result) (func(), broken) {
	b, ok := s.Board(r.Round)
	if !ok {
		return nil, breaks(RuleRound, "nobody asked %.80q", r.Round)
	}
	next, err := b.AdmitResult(r)
	if err != nil {
		return nil, broken{RuleSum, err}
	}
	return func() { s.view.Questions[r.Round] = next }, broken{}
}
