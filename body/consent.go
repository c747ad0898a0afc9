package body

import (
	"slices"

	"comity"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/federation"
)

// consent takes the answer of one of those whose rows a plan is about, while it is not
// settled yet who takes part.
func (s *State) consent(author party.ID, c comity.Consent) (func(), broken) {
	if b, ok := s.Board(c.Round); ok {
		return s.answer(b, author, c)
	}
	r, ok := s.view.Rounds[c.Round]
	if !ok || len(r.Cohorts) > 0 {
		return nil, breaks(RuleRound, "round %.80q is not open for consent", c.Round)
	}
	if b := s.answers(author, c, r.Plan.Clause, r.Plan); b.err != nil {
		return nil, b
	}
	if _, said := r.Consents[author]; said {
		return nil, breaks(RuleOnce, "%s answered round %q", author, c.Round)
	}
	return func() {
		r.Consents = with(r.Consents, author, c)
		s.view.Rounds[c.Round] = r
	}, broken{}
}

// answer takes the answer to a question.
func (s *State) answer(b federation.Board, author party.ID, c comity.Consent) (func(), broken) {
	if b := s.answers(author, c, b.Question.Clause, b.Question); b.err != nil {
		return nil, b
	}
	next, err := b.AdmitConsent(author, c)
	if err != nil {
		return nil, broken{RuleSum, err}
	}
	return func() { s.view.Questions[c.Round] = next }, broken{}
}

// answers checks that an answer is to this very plan, by somebody who is asked.
func (s *State) answers(author party.ID, c comity.Consent, asked string, plan any) broken {
	clause, _ := charter.Clause(s.charter, asked)
	if !slices.Contains(clause.From, author) {
		return breaks(RuleClause, "clause %s asks nothing of %s", asked, author)
	}
	digest, err := canon.DigestOf(plan)
	switch {
	case err != nil:
		return broken{RuleForm, err}
	case c.Plan != digest:
		return breaks(RuleConsent, "it answers plan %s, that of round %q is %s", c.Plan, c.Round, digest)
	case !plain(c.Reason):
		return breaks(RuleForm, "the reason is not plain text of at most %d characters", maxReason)
	case c.Approves && c.Reason != "":
		return breaks(RuleForm, "an approval has no reason")
	}
	return broken{}
}

// Ready returns who can take part in a round: those with keys and boxes in its epoch
// who did not refuse it, in ascending order.
func (s *State) Ready(round string) []party.ID {
	r := s.view.Rounds[round]
	return slices.DeleteFunc(s.Eligible(r.Plan.Epoch), r.refused)
}

// refused tells whether a party said that it takes no part.
func (r Round) refused(id party.ID) bool {
	c, said := r.Consents[id]
	return said && !c.Approves
}
