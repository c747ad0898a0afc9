package body

import (
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/governor/charter"
	"comity/modeler/picture"
	"comity/party"
)

// Decision is what was decided for one period.
type Decision struct {
	Period     string                       `json:"period"`
	Round      string                       `json:"round"` // Whose model the forecasts are made with.
	Forecasts  map[party.ID]comity.Forecast `json:"forecasts"`
	InputsAt   int                          `json:"inputs_at"` // Log size after the newest forecast.
	Picture    *comity.Picture              `json:"picture"`
	Allocation *comity.Allocation           `json:"allocation"`
	About      canon.Digest                 `json:"about"`    // Digest of the allocation record.
	Expected   comity.Check                 `json:"expected"` // What a member that replayed must find.
	Checks     []party.ID                   `json:"checks"`   // Parties that found it, in log order.
	Dissents   []party.ID                   `json:"dissents"` // Parties that found something else.
}

// decision returns the decision of a period; before its first forecast, an empty one
// that rests on the model in force.
func (s *State) decision(period string) Decision {
	d, ok := s.view.Decisions[period]
	if !ok {
		d.Period = period
		d.Round, _, _ = s.LatestModel()
	}
	return d
}

// forecast takes one forecast of each party for its own place. All forecasts of a
// decision are made with one model, and a model serves its own period and the weeks
// until the charter has it trained again: earlier ones it would know from hindsight.
func (s *State) forecast(author party.ID, f comity.Forecast) (func(), broken) {
	if b := checkPeriod(f.Period); b.err != nil {
		return nil, b
	}
	m := s.charter.Models
	clause, _ := charter.Clause(s.charter, m.Clause)
	if !slices.Contains(clause.From, author) {
		return nil, breaks(RuleClause, "clause %s asks nothing of %s", clause.ID, author)
	}
	d := s.decision(f.Period)
	r := s.view.Rounds[d.Round]
	serving, served := s.Serving(d.Round)
	_, said := d.Forecasts[author]
	switch {
	case d.Picture != nil:
		return nil, breaks(RuleOnce, "the picture of %s is frozen", f.Period)
	case said:
		return nil, breaks(RuleOnce, "%s forecast %s before", author, f.Period)
	case !served:
		return nil, breaks(RuleModel, "made with model %s, none is in force", f.Model)
	case f.Model != serving.Model:
		return nil, breaks(RuleModel, "made with model %s, for %s it is %s", f.Model, f.Period, serving.Model)
	case f.Period < r.Plan.Period || f.Period >= serving.RetireBy:
		return nil, breaks(RuleModel, "round %q and its model, from %s until before %s, do not serve %s", d.Round, serving.Trained, serving.RetireBy, f.Period)
	}
	if err := picture.Check(picture.Authored{Author: author, Forecast: f}); err != nil {
		return nil, broken{RuleForm, err}
	}
	for _, series := range f.Series {
		if !slices.Contains(m.Targets, series.Target) || series.Unit != m.Unit {
			return nil, breaks(RuleClause, "a series of %.40q in %.40q; the charter forecasts %q in %q", series.Target, series.Unit, m.Targets, m.Unit)
		}
	}
	return func() {
		d.Forecasts = with(d.Forecasts, author, f)
		d.InputsAt = s.view.Size + 1
		s.view.Decisions[f.Period] = d
	}, broken{}
}

// Freeze returns the picture of a period: the frozen one, or what the logged forecasts
// would freeze to now.
func (s *State) Freeze(period string) (comity.Picture, error) {
	d := s.decision(period)
	if d.Picture != nil {
		return *d.Picture, nil
	}
	clause, _ := charter.Clause(s.charter, s.charter.Models.Clause)
	serving, _ := s.Serving(d.Round)
	var forecasts []picture.Authored
	for _, id := range slices.Sorted(maps.Keys(d.Forecasts)) {
		forecasts = append(forecasts, picture.Authored{Author: id, Forecast: d.Forecasts[id]})
	}
	return picture.Freeze(period, serving.Model, forecasts, clause.From)
}

func (s *State) picture(f comity.Frozen) (func(), broken) {
	d := s.decision(f.Period)
	if d.Picture != nil {
		return nil, breaks(RuleOnce, "the picture of %s is frozen", f.Period)
	}
	if n := len(d.Forecasts); n < s.charter.Models.MinMembers {
		return nil, breaks(RulePicture, "%d forecasts for %.40q, at least %d", n, f.Period, s.charter.Models.MinMembers)
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
		d.Picture, d.Forecasts = &p, nil // The picture holds every series from here on.
		s.view.Decisions[f.Period] = d
	}, broken{}
}
