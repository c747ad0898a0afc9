package body

import (
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/program"
	"comity/canon"
	"comity/governor/charter"
	"comity/modeler/picture"
	"comity/party"
)

// decision returns the decision of a period, empty before its first statement.
func (s *State) decision(period string) Decision {
	if d, ok := s.view.Decisions[period]; ok {
		return d
	}
	return Decision{Period: period, Forecasts: map[party.ID]comity.Forecast{}}
}

func (s *State) forecast(author party.ID, f comity.Forecast) (func(), broken) {
	if b := checkPeriod(f.Period); b.err != nil {
		return nil, b
	}
	clause, _ := charter.Clause(s.charter, s.charter.Models.Clause)
	_, model, ok := s.LatestModel()
	d := s.decision(f.Period)
	switch {
	case !slices.Contains(clause.From, author):
		return nil, breaks(RuleClause, "clause %s asks nothing of %s", clause.ID, author)
	case !ok || f.Model != model.Model:
		return nil, breaks(RuleModel, "made with model %s, in force is %s", f.Model, model.Model)
	case d.Picture != nil:
		return nil, breaks(RuleOnce, "the picture of %s is frozen", f.Period)
	}
	if _, said := d.Forecasts[author]; said {
		return nil, breaks(RuleOnce, "%s forecast %s before", author, f.Period)
	}
	if err := picture.Check(picture.Authored{Author: author, Forecast: f}); err != nil {
		return nil, broken{RuleForm, err}
	}
	return func() {
		d.Forecasts[author] = f
		s.view.Decisions[f.Period] = d
	}, broken{}
}

// declaration keeps a party's newest numbers under a clause; they never go back to an
// earlier period.
func (s *State) declaration(author party.ID, r comity.Declaration) (func(), broken) {
	if b := checkPeriod(r.Period); b.err != nil {
		return nil, b
	}
	clause, ok := charter.Clause(s.charter, r.Clause)
	if !ok || clause.LeavesHome != "signed_plain" || !slices.Contains(clause.From, author) {
		return nil, breaks(RuleClause, "no clause %.40q asks plain numbers of %s", r.Clause, author)
	}
	if want := slices.Sorted(slices.Values(clause.Values)); !slices.Equal(slices.Sorted(maps.Keys(r.Values)), want) {
		return nil, breaks(RuleClause, "clause %s wants exactly %v", clause.ID, want)
	}
	for _, name := range clause.Values {
		if r.Values[name] < 0 {
			return nil, breaks(RuleForm, "%s is %d, below 0", name, r.Values[name])
		}
	}
	d, ok := s.view.Declared[clause.ID]
	if !ok {
		d = Declared{Latest: map[party.ID]comity.Declaration{}}
	}
	if last, said := d.Latest[author]; said && last.Period >= r.Period {
		return nil, breaks(RuleOnce, "%s declared %s for %s", author, clause.ID, last.Period)
	}
	return func() {
		d.Latest[author] = r
		s.view.Declared[clause.ID] = d
	}, broken{}
}

// Freeze builds the picture that the logged forecasts of a period amount to.
func (s *State) Freeze(period string) (comity.Picture, error) {
	clause, _ := charter.Clause(s.charter, s.charter.Models.Clause)
	d := s.decision(period)
	_, model, _ := s.LatestModel()
	var forecasts []picture.Authored
	for _, id := range slices.Sorted(maps.Keys(d.Forecasts)) {
		forecasts = append(forecasts, picture.Authored{Author: id, Forecast: d.Forecasts[id]})
	}
	return picture.Freeze(period, model.Model, forecasts, clause.From)
}

func (s *State) picture(author party.ID, f comity.Frozen) (func(), broken) {
	if b := s.operatorOnly(author); b.err != nil {
		return nil, b
	}
	d, ok := s.view.Decisions[f.Period]
	if !ok || len(d.Forecasts) < s.charter.Models.MinMembers {
		return nil, breaks(RulePicture, "%d forecasts for %.40q, at least %d", len(d.Forecasts), f.Period, s.charter.Models.MinMembers)
	}
	if d.Picture != nil {
		return nil, breaks(RuleOnce, "the picture of %s is frozen", f.Period)
	}
	p, err := s.Freeze(f.Period)
	if err != nil {
		return nil, broken{RulePicture, err}
	}
	digest, err := canon.DigestOf(p)
	if err != nil {
		return nil, broken{RulePicture, err}
	}
	if digest != f.Picture || p.Model != f.Model {
		return nil, breaks(RulePicture, "it is %s of model %s, the logged forecasts freeze to %s of %s", f.Picture, f.Model, digest, p.Model)
	}
	return func() {
		// The picture holds every series from here on.
		d.Picture, d.Forecasts = &p, map[party.ID]comity.Forecast{}
		s.view.Decisions[f.Period] = d
	}, broken{}
}

// Problem lowers the charter, the picture and the newest declarations of a period to
// the programme that its allocation must solve.
func (s *State) Problem(period string) (comity.Problem, error) {
	d := s.decision(period)
	if d.Picture == nil {
		return comity.Problem{}, fmt.Errorf("%w: none is frozen for %s", program.ErrPicture, period)
	}
	digest, err := canon.DigestOf(*d.Picture)
	if err != nil {
		return comity.Problem{}, err
	}
	return program.Lower(program.Inputs{
		Charter: s.charter, CharterDigest: s.view.Charter,
		Picture: *d.Picture, PictureDigest: digest, Declarations: s.declarations(),
	})
}

func (s *State) allocation(st comity.Statement, a comity.Allocation) (func(), broken) {
	if b := s.operatorOnly(st.Author); b.err != nil {
		return nil, b
	}
	if b := s.inForceNow(); b.err != nil {
		return nil, b
	}
	d, ok := s.view.Decisions[a.Period]
	switch {
	case !ok || d.Picture == nil:
		return nil, breaks(RulePicture, "no picture of %.40q is frozen", a.Period)
	case d.Allocation != nil:
		return nil, breaks(RuleOnce, "%s is allocated", a.Period)
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
	if b := digests(p, d.Picture, a); b.err != nil {
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
	about := canon.Sum(st.Record)
	return func() {
		d.Allocation, d.About = &a, about
		s.view.Decisions[a.Period] = d
	}, broken{}
}

// digests requires that an allocation is about the picture and problem of its period.
func digests(p comity.Problem, frozen *comity.Picture, a comity.Allocation) broken {
	problem, err := canon.DigestOf(p)
	if err != nil {
		return broken{RuleProblem, err}
	}
	if problem != a.Problem {
		return breaks(RuleProblem, "it solves %s, the charter lowers to %s", a.Problem, problem)
	}
	pic, err := canon.DigestOf(*frozen)
	if err != nil {
		return broken{RulePicture, err}
	}
	if pic != a.Picture {
		return breaks(RulePicture, "it rests on picture %s, frozen is %s", a.Picture, pic)
	}
	return broken{}
}

// check counts a member's replay. A member that found another state is recorded, not
// refused: disagreement is what the log must not lose.
func (s *State) check(author party.ID, c comity.Check) (func(), broken) {
	period := ""
	for _, name := range slices.Sorted(maps.Keys(s.view.Decisions)) {
		if d := s.view.Decisions[name]; d.Allocation != nil && d.About == c.About {
			period = name
		}
	}
	d, ok := s.view.Decisions[period]
	switch {
	case !ok:
		return nil, breaks(RuleCheck, "no allocation %s in this log", c.About)
	case s.isOperator(author):
		return nil, breaks(RuleCheck, "the operator %s does not check itself", author)
	case slices.Contains(d.Checks, author) || slices.Contains(d.Dissents, author):
		return nil, breaks(RuleOnce, "%s checked %s", author, period)
	}
	return func() {
		if c == d.Expected {
			d.Checks = append(slices.Clip(d.Checks), author)
		} else {
			d.Dissents = append(slices.Clip(d.Dissents), author)
		}
		s.view.Decisions[period] = d
	}, broken{}
}
