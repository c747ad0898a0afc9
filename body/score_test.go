package body_test

import (
	"testing"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/exact"
	"comity/modeler/tally"
)

// tried is the world of a charter that tries models for a week, after its first round.
func tried(t testing.TB) *world {
	t.Helper()
	w := found(t, func(c *comity.Charter) {
		c.Models.Adoption = &comity.Adoption{CanaryWeeks: 1, MinScored: 3, AdoptRatio: exact.Int(1), RollbackRatio: exact.Int(1), RollbackWeeks: 1, RetireWeeks: 5}
	})
	w.founding()
	w.training(period)
	return w
}

// scores is a sum of one forecast of each of three members, after the first round.
func (w *world) scores(name string, wis int) comity.Score {
	w.t.Helper()
	sc := comity.Score{Round: name}
	sc.Model, sc.Canary = w.state.Examined(name)
	sum := func(about *canon.Digest) comity.ScoreSum {
		s, _, _ := tally.Read(make([]int64, tally.Length(2)), w.charter.Models.Targets, 0)
		if about != nil {
			s.Members, s.Cells[5] = 3, comity.ScoreCell{Target: "ILI incidence", Weeks: 2, Forecasts: 3, WIS: canon.Int(wis), Reference: 100, Within50: 1, Within90: 2}
		}
		return s
	}
	sc.Served, sc.Tried = sum(sc.Model), sum(sc.Canary)
	return sc
}

// updated closes an update of the model that is in force.
func (w *world) updated(period string) string {
	w.t.Helper()
	w.update(period)
	name := period + "/update"
	m, _ := w.state.InForce(period)
	w.say(operator, comity.KindModel, comity.Model{Round: name, Model: m.Model})
	return name
}

func of(f comity.Forecast, period, date string, model canon.Digest) comity.Forecast {
	f.Period, f.Model, f.Series[0].Horizons[0].Date = period, model, date
	return f
}

// The first model serves at once; the second is tried, whoever would like it to decide
// earlier, and adopted by its scores.
func TestAdoption(t *testing.T) {
	w := tried(t)
	first := canon.Sum([]byte("model of " + round))
	early := w.sign(w.statement("KE", comity.KindForecast, forecastOf(period, "KE", 0)))
	w.refuses(early, body.RuleModel) // No scores are said.
	w.refuses(w.sign(w.statement(operator, comity.KindPlan, plan(w, "2026-11-25", body.TaskUpdate))), body.RulePlan)
	w.say(operator, comity.KindScore, w.scores(round, 90))
	must(t, w.state.Admissible(early))

	const second, third, fourth = "2026-11-25", "2026-12-02", "2026-12-09"
	w.refuses(w.sign(w.statement(operator, comity.KindPlan, w.plan(second))), body.RulePlan) // No training is due.
	w.say(operator, comity.KindScore, w.scores(w.updated(second), 90))
	w.refuses(w.sign(w.statement(operator, comity.KindPlan, plan(w, third, body.TaskUpdate))), body.RulePlan)
	w.training(third)
	canary := modelOf(third + "/forecast")
	w.say(operator, comity.KindScore, w.scores(third+"/forecast", 90))
	w.refuses(w.sign(w.statement("KE", comity.KindForecast, of(forecastOf(period, "KE", 0), third, "2026-12-06", canary))), body.RuleModel)
	must(t, w.state.Admissible(w.sign(w.statement("KE", comity.KindForecast, of(forecastOf(period, "KE", 0), third, "2026-12-06", first)))))

	w.update(fourth)
	w.refuses(w.sign(w.statement(operator, comity.KindModel, comity.Model{Round: fourth + "/update", Model: canary})), body.RuleModel)
	w.say(operator, comity.KindModel, comity.Model{Round: fourth + "/update", Model: first})
	w.say(operator, comity.KindScore, w.scores(fourth+"/update", 90))
	w.refuses(w.sign(w.statement("KE", comity.KindForecast, of(forecastOf(period, "KE", 0), fourth, "2026-12-13", first))), body.RuleModel)
	w.say("KE", comity.KindForecast, of(forecastOf(period, "KE", 0), fourth, "2026-12-13", canary))

	const fifth = "2026-12-16"
	w.training(fifth)
	w.say(operator, comity.KindScore, w.scores(fifth+"/forecast", 101)) // Worse than carried forecasts: back.
	w.refuses(w.sign(w.statement("KE", comity.KindForecast, of(forecastOf(period, "KE", 0), fifth, "2026-12-20", canary))), body.RuleModel)
	w.say("KE", comity.KindForecast, of(forecastOf(period, "KE", 0), fifth, "2026-12-20", first))
	if got := w.before(len(w.entries)).digest(); got != w.digest() {
		t.Errorf("folded again the state is %s, was %s", got, w.digest())
	}
}

// plan is the plan of another task.
func plan(w *world, period, task string) comity.Plan {
	p := w.plan(period)
	p.Task, p.Round = task, body.RoundName(period, task)
	return p
}

// Every single tampering with a statement of scores is refused.
func TestScoresThatCannotBeAreRefused(t *testing.T) {
	w := tried(t)
	w.say(operator, comity.KindScore, w.scores(round, 90))
	name := w.updated("2026-11-25")
	other := canon.Sum([]byte("other"))
	for what, c := range map[string]struct {
		rule   string
		change func(*comity.Score)
	}{
		"other round":         {body.RuleScore, func(s *comity.Score) { s.Round = round }},
		"other model":         {body.RuleScore, func(s *comity.Score) { s.Model = &other }},
		"no model":            {body.RuleScore, func(s *comity.Score) { s.Model = nil }},
		"invented canary":     {body.RuleScore, func(s *comity.Score) { s.Canary = &other }},
		"scores of no canary": {body.RuleScore, func(s *comity.Score) { s.Tried = s.Served }},
		"members":             {body.RuleScore, func(s *comity.Score) { s.Served.Members = 6 }},
		"negative members":    {body.RuleScore, func(s *comity.Score) { s.Served.Members = -1 }},
		"too many forecasts":  {body.RuleScore, func(s *comity.Score) { s.Served.Cells[5].Forecasts = 3*tally.MaxWeeks + 1 }},
		"negative forecasts":  {body.RuleScore, func(s *comity.Score) { s.Served.Cells[5].Forecasts = -1 }},
		"negative score":      {body.RuleScore, func(s *comity.Score) { s.Served.Cells[5].WIS = -1 }},
		"too large a score":   {body.RuleScore, func(s *comity.Score) { s.Served.Cells[5].WIS = 3*tally.MaxWIS + 1 }},
		"negative reference":  {body.RuleScore, func(s *comity.Score) { s.Served.Cells[5].Reference = -1 }},
		"large reference":     {body.RuleScore, func(s *comity.Score) { s.Served.Cells[5].Reference = 1 << 62 }},
		"outside in":          {body.RuleScore, func(s *comity.Score) { s.Served.Cells[5].Within50 = 3 }},
		"more inside":         {body.RuleScore, func(s *comity.Score) { s.Served.Cells[5].Within90 = 4 }},
		"negative inside":     {body.RuleScore, func(s *comity.Score) { s.Served.Cells[5].Within50 = -1 }},
		"void with numbers":   {body.RuleScore, func(s *comity.Score) { s.Void = true }},
		"a cell less":         {body.RuleForm, func(s *comity.Score) { s.Served.Cells = s.Served.Cells[1:] }},
		"cells disordered": {body.RuleForm, func(s *comity.Score) {
			s.Served.Cells[0], s.Served.Cells[1] = s.Served.Cells[1], s.Served.Cells[0]
		}},
	} {
		t.Run(what, func(t *testing.T) {
			w.t = t
			sc := w.scores(name, 90)
			c.change(&sc)
			w.refuses(w.sign(w.statement(operator, comity.KindScore, sc)), c.rule)
		})
	}
	w.t = t
	w.refuses(w.sign(w.statement("KE", comity.KindScore, w.scores(name, 90))), body.RuleOperator)
	w.say(operator, comity.KindScore, w.scores(name, 90))
	w.refuses(w.sign(w.statement(operator, comity.KindScore, w.scores(name, 90))), body.RuleOnce)
}
