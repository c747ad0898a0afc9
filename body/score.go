package body

import (
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/modeler/tally"
)

// Examined returns the models that a round's scores are about: those in force and on
// trial when it was planned, null for none.
func (s *State) Examined(round string) (model, canary *canon.Digest) {
	g := registry(s.view.Rounds, s.charter.Models, s.view.Rounds[round].Plan.Period, func(name string) bool { return name < round })
	if m, ok := g.InForce(); ok {
		model = &m.Model
	}
	if m, ok := g.Canary(); ok {
		canary = &m.Model
	}
	return model, canary
}

// ScoredSince returns the period of the round before, up to which forecasts are scored; ""
// before the first.
func (s *State) ScoredSince(round string) (period string) {
	for _, name := range slices.Sorted(maps.Keys(s.view.Rounds)) {
		if r := s.view.Rounds[name]; r.Model != nil && name < round {
			period = r.Plan.Period
		}
	}
	return period
}

// score closes a round under a charter with adoption. Whether the numbers are those of
// the round's last sum takes the blobs and is for package replay; members that find
// others do not forecast.
func (s *State) score(sc comity.Score) (func(), broken) {
	name, _, _ := s.LatestModel()
	r := s.view.Rounds[name]
	switch {
	case s.charter.Models.Adoption == nil:
		return nil, breaks(RuleScore, "the charter has no adoption of models")
	case sc.Round != name || name == "":
		return nil, breaks(RuleScore, "of round %.80q, the newest with a model is %q", sc.Round, name)
	case r.Score != nil:
		return nil, breaks(RuleOnce, "the scores of round %q are said", name)
	}
	model, canary := s.Examined(name)
	if !same(sc.Model, model) || !same(sc.Canary, canary) {
		return nil, breaks(RuleScore, "of model %s and canary %s, round %q found %s and %s", or(sc.Model), or(sc.Canary), name, or(model), or(canary))
	}
	for _, part := range []struct {
		sum   comity.ScoreSum
		about *canon.Digest
	}{{sc.Served, model}, {sc.Tried, canary}} {
		if b := s.sane(part.sum, len(r.Cohort()), part.about == nil || sc.Void); b.err != nil {
			return nil, b
		}
	}
	return func() {
		r.Score = &sc
		s.view.Rounds[name] = r
		if m, ok := s.Serving(name); ok {
			s.served[name] = m // Each forecast asks for it; no later statement changes it.
		}
	}, broken{}
}

// sane checks the shape of a sum, and that so many members can have added up to it.
func (s *State) sane(sum comity.ScoreSum, cohort int, empty bool) broken {
	targets := s.charter.Models.Targets
	if len(sum.Cells) != tally.Horizons*len(targets) {
		return breaks(RuleForm, "%d cells, want %d for each of %d targets", len(sum.Cells), tally.Horizons, len(targets))
	}
	for i, c := range sum.Cells {
		if target, weeks := targets[i/tally.Horizons], i%tally.Horizons+1; c.Target != target || c.Weeks != weeks {
			return breaks(RuleForm, "cell %d is of %.40q, week %d; want %q, week %d", i, c.Target, c.Weeks, target, weeks)
		}
	}
	switch n := tally.Total(sum).Forecasts; {
	case !tally.Plausible(sum, cohort):
		return breaks(RuleScore, "%d members of %d cannot have added up to these sums", sum.Members, cohort)
	case empty && (sum.Members != 0 || n != 0):
		return breaks(RuleScore, "%d members with %d forecasts, want none", sum.Members, n)
	}
	return broken{}
}

func same(a, b *canon.Digest) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func or(d *canon.Digest) string {
	if d == nil {
		return "none"
	}
	return d.String()
}
