package body

import (
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/secagg"
)

// Round is one federated computation.
type Round struct {
	Plan         comity.Plan                     `json:"plan"`
	Trained      string                          `json:"trained"`  // The period of the training whose model it ends with.
	Consents     map[party.ID]comity.Consent     `json:"consents"` // Of those who said whether they take part.
	Cohorts      []comity.Cohort                 `json:"cohorts"`
	Heads        map[party.ID]comity.Head        `json:"heads"`     // Signed under the newest cohort.
	HeadsAt      int                             `json:"heads_at"`  // Log size after the newest head.
	PlacesAt     int                             `json:"places_at"` // Log size whose root chose the fingerprints' places; 0 before the first.
	Fingerprints map[party.ID]comity.Fingerprint `json:"fingerprints"`
	Model        *comity.Model                   `json:"model"`
	Score        *comity.Score                   `json:"score,omitempty"` // Under a charter with adoption.
}

// Cohort returns who takes part now, or nobody before the first COHORT.
func (r Round) Cohort() []party.ID {
	if len(r.Cohorts) == 0 {
		return nil
	}
	return r.Cohorts[len(r.Cohorts)-1].Members
}

// agreed requires the same head from the whole cohort: nobody was told another story.
func (r Round) agreed() broken {
	members := r.Cohort()
	for _, id := range members {
		h, ok := r.Heads[id]
		if !ok {
			return breaks(RuleAgreement, "%s has not signed its head of round %q", id, r.Plan.Round)
		}
		if first := r.Heads[members[0]]; h.Chain != first.Chain || h.Steps != first.Steps {
			return breaks(RuleAgreement, "%s saw %s after %d steps, %s saw %s after %d", members[0], first.Chain, first.Steps, id, h.Chain, h.Steps)
		}
	}
	return broken{}
}

// plan opens a round only on the terms of the charter's model clause, and after every
// round that gave a model: a training, or an update while that model serves. Once its
// period and task are named, nothing is left to choose: members exchange keys for it
// afterwards, or refuse it.
func (s *State) plan(p comity.Plan) (func(), broken) {
	if b := s.inForceNow(); b.err != nil {
		return nil, b
	}
	if b := checkPeriod(p.Period); b.err != nil {
		return nil, b
	}
	m := s.charter.Models
	clause, _ := charter.Clause(s.charter, m.Clause)
	_, known := s.view.Rounds[p.Round]
	newest, _, _ := s.LatestModel()
	trained := p.Period
	if p.Task == TaskUpdate {
		serving, _ := s.InForce(p.Period)
		trained = serving.Trained
	}
	switch {
	case known:
		return nil, breaks(RuleOnce, "round %q is open", p.Round)
	case p.Round != RoundName(p.Period, p.Task):
		return nil, breaks(RulePlan, "round %.80q, want %.80s", p.Round, RoundName(p.Period, p.Task))
	case p.Task != m.Task && p.Task != TaskUpdate || p.Clause != m.Clause || p.Disclosure != m.Disclosure:
		return nil, breaks(RulePlan, "task %.40q under clause %.40q, disclosure %.20q; the charter says %q, %q, %q",
			p.Task, p.Clause, p.Disclosure, m.Task, m.Clause, m.Disclosure)
	case p.Epoch != EpochName(s.view.Body, p.Period):
		return nil, breaks(RulePlan, "epoch %.80q, want %s", p.Epoch, EpochName(s.view.Body, p.Period))
	case p.Schema != canon.Sum([]byte(clause.Schema)):
		return nil, breaks(RulePlan, "schema %s is not the digest of %q, of which the rows are", p.Schema, clause.Schema)
	case !maps.Equal(p.Recipe, m.Recipe):
		return nil, breaks(RulePlan, "its recipe differs from the charter's")
	case p.MinMembers != m.MinMembers || p.StepSeconds != m.StepSeconds:
		return nil, breaks(RulePlan, "at least %d members and %d s a step; the charter says %d and %d",
			p.MinMembers, p.StepSeconds, m.MinMembers, m.StepSeconds)
	case p.Round < newest:
		return nil, breaks(RulePlan, "round %q comes before %q, which has a model", p.Round, newest)
	case p.Task == TaskUpdate && newest == "":
		return nil, breaks(RulePlan, "there is no model to update")
	case m.Adoption == nil && p.Period >= addWeeks(trained, m.RefitWeeks):
		return nil, breaks(RulePlan, "the model of %s serves %d weeks; in %s one is trained", trained, m.RefitWeeks, p.Period)
	}
	return func() { s.view.Rounds[p.Round] = Round{Plan: p, Trained: trained} }, s.due(p)
}

// inRound returns an open round in which the author takes part.
func (s *State) inRound(name string, author party.ID) (Round, broken) {
	r, ok := s.view.Rounds[name]
	if !ok || r.Model != nil {
		return r, breaks(RuleRound, "round %.80q is not open", name)
	}
	if !slices.Contains(r.Cohort(), author) {
		return r, breaks(RuleRound, "%s is not in the cohort of round %q", author, name)
	}
	return r, broken{}
}

// head takes one signature of each member of a cohort. Who signs too early stands in
// the way of agreement until the next cohort; if signatures could be replaced, one
// member could withdraw an agreement on which the others already built.
func (s *State) head(author party.ID, h comity.Head) (func(), broken) {
	r, b := s.inRound(h.Round, author)
	if b.err != nil {
		return nil, b
	}
	if _, said := r.Heads[author]; said {
		return nil, breaks(RuleOnce, "%s signed its head of round %q", author, h.Round)
	}
	if least := max(1, r.Cohorts[len(r.Cohorts)-1].FromStep); h.Steps < least || h.Steps > secagg.MaxSteps {
		return nil, breaks(RuleForm, "a head over %d steps, want %d to %d", h.Steps, least, secagg.MaxSteps)
	}
	return func() {
		r.Heads = with(r.Heads, author, h)
		r.HeadsAt = s.view.Size + 1
		s.view.Rounds[h.Round] = r
	}, broken{}
}

const (
	// points of a fingerprint; two make a false match as rare as 1 in 2^100 or less
	// (docs/format/secagg.md).
	points = 2
	// prime bounds their values: 2^61-1.
	prime = 1<<61 - 1
)

// fingerprint waits for every head: the points at which it opens the vectors follow
// from the log right after the newest head, which nobody knew when the heads were
// signed and which nobody can choose.
func (s *State) fingerprint(author party.ID, f comity.Fingerprint) (func(), broken) {
	r, b := s.inRound(f.Round, author)
	if b.err != nil {
		return nil, b
	}
	if b := r.agreed(); b.err != nil {
		return nil, b
	}
	if _, said := r.Fingerprints[author]; said {
		return nil, breaks(RuleOnce, "%s signed its fingerprint of round %q", author, f.Round)
	}
	outside := func(p canon.Int) bool { return p < 0 || p >= prime }
	if len(f.Points) != points || slices.ContainsFunc(f.Points, outside) {
		return nil, breaks(RuleForm, "want %d points from 0 to 2^61-2, not %d: %v", points, len(f.Points), f.Points[:min(points, len(f.Points))])
	}
	if f.Size != r.HeadsAt {
		return nil, breaks(RuleAgreement, "its places come from the log at %d entries, want %d: right after the newest head", f.Size, r.HeadsAt)
	}
	return func() {
		r.Fingerprints = with(r.Fingerprints, author, f)
		r.PlacesAt = f.Size
		s.view.Rounds[f.Round] = r
	}, broken{}
}

// model ends a round with what its cohort agreed on. Whether the sums give this model
// takes the blobs and is for package replay; members that trained another one do not
// forecast with it. An update keeps the model in force.
func (s *State) model(m comity.Model) (func(), broken) {
	r, ok := s.view.Rounds[m.Round]
	if !ok || r.Model != nil || len(r.Cohorts) == 0 {
		return nil, breaks(RuleRound, "round %.80q is not open", m.Round)
	}
	if b := r.agreed(); b.err != nil {
		return nil, b
	}
	for _, id := range r.Cohort() {
		if _, ok := r.Fingerprints[id]; !ok {
			return nil, breaks(RuleAgreement, "%s has not signed its fingerprint of round %q", id, m.Round)
		}
	}
	if newest, _, _ := s.LatestModel(); s.charter.Models.Adoption != nil && m.Round < newest {
		return nil, breaks(RuleRound, "round %q comes before %q, which has a model", m.Round, newest)
	}
	if r.Plan.Task == TaskUpdate {
		if f, _ := s.InForce(r.Plan.Period); m.Model != f.Model || r.Trained != f.Trained {
			return nil, breaks(RuleModel, "an update of %s to model %s, in force is that of %s, %s", r.Trained, m.Model, f.Trained, f.Model)
		}
	}
	return func() {
		r.Model = &m
		s.view.Rounds[m.Round] = r
	}, broken{}
}

// LatestModel returns the newest model of the charter's task, by period, and its round.
func (s *State) LatestModel() (round string, model comity.Model, ok bool) {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(s.view.Rounds))) {
		if m := s.view.Rounds[name].Model; m != nil {
			return name, *m, true
		}
	}
	return "", comity.Model{}, false
}
