package body

import (
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/program"
	"comity/canon"
	"comity/party"
	"comity/verifier/ledger"
)

// Inputs returns all that the allocation of a period rests on. Once a later period is
// allocated, the declarations of an earlier one may be gone (Declared): whoever wants
// them folds the log up to that allocation.
func (s *State) Inputs(period string) (program.Inputs, error) {
	d := s.decision(period)
	if d.Picture == nil {
		return program.Inputs{}, fmt.Errorf("%w: none is frozen for %.40q", program.ErrPicture, period)
	}
	digest, err := canon.DigestOf(*d.Picture)
	if err != nil {
		return program.Inputs{}, err
	}
	return program.Inputs{
		Charter: s.charter, CharterDigest: s.view.Charter,
		Picture: *d.Picture, PictureDigest: digest, Declarations: s.declarations(period),
	}, nil
}

// Problem lowers the charter, the picture and the declarations of a period to the
// programme that its allocation must solve.
func (s *State) Problem(period string) (comity.Problem, error) {
	in, err := s.Inputs(period)
	if err != nil {
		return comity.Problem{}, err
	}
	return program.Lower(in)
}

// allocation accepts units only with the proof that no permitted division is better by
// more than the charter's gap. Allocations follow one another by period. Witnesses have
// told the time after the last forecast: else an operator that logs no more TICKs could
// decide beyond the charter's last day.
func (s *State) allocation(a comity.Allocation) (func(), broken) {
	if b := s.inForceNow(); b.err != nil {
		return nil, b
	}
	d := s.decision(a.Period)
	switch {
	case d.Picture == nil:
		return nil, breaks(RulePicture, "no picture of %.40q is frozen", a.Period)
	case d.Allocation != nil:
		return nil, breaks(RuleOnce, "%s is allocated", a.Period)
	case s.view.TimeAt < d.InputsAt:
		return nil, breaks(RuleInForce, "log time is that of %d entries, the newest forecast is entry %d; log a TICK first", s.view.TimeAt, d.InputsAt)
	}
	for _, other := range slices.Sorted(maps.Keys(s.view.Decisions)) {
		if other > a.Period && s.view.Decisions[other].Allocation != nil {
			return nil, breaks(RuleOnce, "%s is allocated, which is later than %s", other, a.Period)
		}
	}
	p, err := s.Problem(a.Period)
	if err != nil {
		return nil, broken{RuleProblem, err}
	}
	if b := about(p, a); b.err != nil {
		return nil, b
	}
	if err := certificate.Check(p, a.Units, a.Certificate, s.charter.Decisions.MaxGap); err != nil {
		return nil, broken{RuleCertificate, err}
	}
	shares, err := certificate.Shares(p, a.Units)
	if err != nil {
		return nil, broken{RuleCertificate, err}
	}
	if !slices.Equal(shares, a.Parties) {
		return nil, breaks(RuleCertificate, "its units by party do not add up to its units by column")
	}
	digest, err := canon.DigestOf(a) // Of the record, which is canonical.
	if err != nil {
		return nil, broken{RuleForm, err}
	}
	return func() {
		d.Allocation, d.About = &a, digest
		s.view.Decisions[a.Period] = d
		for _, clause := range slices.Sorted(maps.Keys(s.view.Declared)) {
			s.view.Declared[clause] = s.view.Declared[clause].settle(a.Period)
		}
	}, broken{}
}

// about requires that an allocation is of the picture and the problem of its period.
func about(p comity.Problem, a comity.Allocation) broken {
	if p.Picture != a.Picture {
		return breaks(RulePicture, "it rests on picture %s, frozen is %s", a.Picture, p.Picture)
	}
	problem, err := canon.DigestOf(p)
	if err != nil {
		return broken{RuleProblem, err}
	}
	if problem != a.Problem {
		return breaks(RuleProblem, "it solves %s, the charter lowers to %s", a.Problem, problem)
	}
	return broken{}
}

// expect fixes what a member that replays the log up to this allocation must find.
func (s *State) expect(allocation canon.Digest) {
	digest, err := s.Digest()
	if err != nil {
		// Every part of a View was read from canonical bytes of at most ledger.MaxEntry,
		// and no table entry holds more than all parties' worth of them.
		panic(fmt.Sprintf("body: the state has no canonical form: %v", err))
	}
	d, _ := s.allocated(allocation)
	d.Expected = comity.Check{Size: s.view.Size, State: digest, About: allocation}
	s.view.Decisions[d.Period] = d
}

// allocated returns the decision whose allocation has a digest.
func (s *State) allocated(digest canon.Digest) (Decision, bool) {
	for _, period := range slices.Backward(slices.Sorted(maps.Keys(s.view.Decisions))) {
		if d := s.view.Decisions[period]; d.Allocation != nil && d.About == digest {
			return d, true
		}
	}
	return Decision{}, false
}

// check records what a party found when it replayed the log. One that found another
// state is not refused: disagreement is what the log must not lose.
func (s *State) check(author party.ID, c comity.Check) (func(), broken) {
	d, ok := s.allocated(c.About)
	switch {
	case !ok:
		return nil, breaks(RuleCheck, "no allocation %s in this log", c.About)
	case s.isOperator(author):
		return nil, breaks(RuleCheck, "the operator %s does not check itself", author)
	case slices.Contains(d.Checks, author) || slices.Contains(d.Dissents, author):
		return nil, breaks(RuleOnce, "%s checked %s", author, d.Period)
	}
	return func() {
		if c == d.Expected {
			d.Checks = append(slices.Clip(d.Checks), author)
		} else {
			d.Dissents = append(slices.Clip(d.Dissents), author)
		}
		s.view.Decisions[d.Period] = d
	}, broken{}
}

// Effective tells whether the allocation of a period has effect: as many parties as the
// charter's witness threshold replayed the log and found the same state. Only parties
// whose witness counts do so here, or a few observers could put anything into effect.
func (s *State) Effective(period string) bool {
	d := s.view.Decisions[period]
	policy := ledger.PolicyOf(s.charter)
	agree := 0
	for _, id := range d.Checks {
		if _, counts := policy.WitnessOf(id); counts {
			agree++
		}
	}
	return d.Allocation != nil && agree >= s.charter.Transparency.Witnesses.Threshold
}
