package account

import (
	"testing"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/exact"
	"comity/modeler/tally"
)

// Two weeks of a model and one of a canary beside it give the digits that a person adds
// up by hand.
func TestModelsAddUpTheirWeeks(t *testing.T) {
	first, second := canon.Sum([]byte("first")), canon.Sum([]byte("second"))
	m := comity.ModelClause{
		Interface: "forecast/quantile@1", Task: "forecast/quick@1", Targets: []string{"cases"}, RefitWeeks: 1,
		Adoption: &comity.Adoption{CanaryWeeks: 2, MinScored: 1, AdoptRatio: exact.Int(1), RollbackRatio: exact.Int(2), RollbackWeeks: 1, RetireWeeks: 9},
	}
	sum := func(wis, reference canon.Int) comity.ScoreSum {
		s, _, _ := tally.Read(make([]int64, tally.Length(1)), m.Targets, 0)
		if reference > 0 {
			s.Members, s.Cells[0] = 2, comity.ScoreCell{Target: "cases", Weeks: 1, Forecasts: 2, WIS: wis, Reference: reference, Within50: 1, Within90: 2}
		}
		return s
	}
	round := func(period, task string, model canon.Digest, sc comity.Score) body.Round {
		name := body.RoundName(period, task)
		sc.Round = name
		return body.Round{Plan: comity.Plan{Round: name, Period: period, Task: task}, Model: &comity.Model{Round: name, Model: model}, Score: &sc}
	}
	b := book(t, nil)
	b.Charter.Models = m
	b.View.Rounds = map[string]body.Round{
		"2026-11-18/forecast": round("2026-11-18", m.Task, first, comity.Score{Served: sum(0, 0), Tried: sum(0, 0)}),
		"2026-11-25/forecast": round("2026-11-25", m.Task, second, comity.Score{Model: &first, Served: sum(80, 100), Tried: sum(0, 0)}),
		"2026-12-02/update":   round("2026-12-02", body.TaskUpdate, first, comity.Score{Model: &first, Canary: &second, Served: sum(70, 100), Tried: sum(90, 70)}),
	}
	picture := b.View.Decisions["2026-11-18"]
	picture.Round, picture.Picture.Model = "2026-11-18/forecast", first
	b.View.Decisions["2026-11-18"] = picture
	got, err := b.Models()
	if err != nil || len(got.Models) != 2 || got.Period != "2026-12-02" {
		t.Fatalf("%+v, %v", got, err)
	}
	old, canary := got.Models[0], got.Models[1]
	if old.Status != body.InForce || old.RetireBy != "2027-01-20" || len(old.Rounds) != 1 || old.Words != first.Words() {
		t.Errorf("the first model is %+v", old)
	}
	if old.Served.Ratio != "0.750" || old.Served.Forecasts != 4 || old.Served.Within50 != 2 {
		t.Errorf("its score is %+v, want 150 of 200", old.Served)
	}
	if canary.Status != body.Canary || len(canary.Scores) != 1 || canary.Scores[0].Against != first.String() || canary.Served.Forecasts != 0 || canary.Tried.Ratio != "1.286" {
		t.Errorf("the canary is %+v", canary)
	}
	if got := canary.Scores[0].Ratio; got != "1.286" {
		t.Errorf("beside the model in force it has %s, want 90 of 70", got)
	}
	if canary.Served.Ratio != "" {
		t.Error("what was never published has a score")
	}
}
