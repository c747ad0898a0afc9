package body

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/modeler/tally"
)

// term is a charter of which only the models clause matters.
func term(a *comity.Adoption) comity.Charter {
	return comity.Charter{Models: comity.ModelClause{
		Interface: "forecast/quantile@1", Targets: []string{"ILI incidence"}, Task: "forecast/quick@1", RefitWeeks: 4, Adoption: a,
	}}
}

func rules() *comity.Adoption {
	return &comity.Adoption{CanaryWeeks: 2, MinScored: 2, AdoptRatio: exact.Int(1), RollbackRatio: exact.Int(1), RollbackWeeks: 2, RetireWeeks: 16}
}

// years is a log of closed rounds alone.
type years struct {
	*State
	period string
	next   int
}

func begin(a *comity.Adoption) *years {
	y := &years{State: New(), period: "2026-01-07"}
	y.charter = term(a)
	return y
}

// week closes one round as the rules ask for: the task is the one that is due.
func (y *years) week(served, tried comity.ScoreSum) (round string) {
	task := y.Task(y.period)
	round = RoundName(y.period, task)
	serving, _ := y.InForce(y.period)
	model := serving.Model
	if task != TaskUpdate {
		y.next++
		model = canon.Sum(fmt.Append(nil, "model", y.next))
	}
	y.view.Rounds[round] = Round{Plan: comity.Plan{Round: round, Period: y.period, Task: task}, Model: &comity.Model{Round: round, Model: model}}
	about, canary := y.Examined(round)
	if about == nil {
		served = sumOf(0, 0, 0)
	}
	if canary == nil {
		tried = sumOf(0, 0, 0)
	}
	r := y.view.Rounds[round]
	r.Score = &comity.Score{Round: round, Model: about, Canary: canary, Served: served, Tried: tried}
	y.view.Rounds[round] = r
	y.period = addWeeks(y.period, 1)
	return round
}

// sumOf is the sum of one forecast of each member.
func sumOf(members, wis, reference int) comity.ScoreSum {
	s, _, _ := tally.Read(make([]int64, tally.Length(1)), []string{"ILI incidence"}, 0)
	s.Members = canon.Int(members)
	s.Cells[0].Forecasts, s.Cells[0].WIS, s.Cells[0].Reference = canon.Int(members), canon.Int(wis), canon.Int(reference)
	return s
}

func (y *years) statuses() (all []Status) {
	g := y.Registry(addWeeks(y.period, -1))
	for _, m := range g.Models {
		all = append(all, m.Status)
	}
	return all
}

func (y *years) expect(t *testing.T, when string, want ...Status) {
	t.Helper()
	if got := y.statuses(); !slices.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", when, got, want)
	}
}

// One life of three models: adopted, rejected, rolled back, retired.
func TestTheLivesOfModels(t *testing.T) {
	y := begin(rules())
	good, even, bad := sumOf(3, 80, 100), sumOf(3, 100, 100), sumOf(3, 120, 100)
	few := sumOf(1, 900, 100)
	y.week(good, good)
	y.expect(t, "with nothing in force the first model is at once", InForce)
	for range 3 {
		y.week(good, good)
	}
	y.week(good, good)
	y.expect(t, "after four weeks another is trained", InForce, Canary)
	y.week(good, bad)
	y.week(good, bad)
	y.expect(t, "worse than the model in force", InForce, Rejected)
	y.week(good, good)
	y.week(good, good)
	y.expect(t, "four weeks after the second", InForce, Rejected, Canary)
	y.week(good, even)
	y.week(good, good)
	y.expect(t, "as good is enough at a ratio of one", Previous, Rejected, InForce)
	y.week(bad, good)
	y.week(few, good)
	y.expect(t, "a week of too few members does not count", Previous, Rejected, InForce, Canary)
	y.week(bad, bad)
	y.expect(t, "two weeks worse than carried forecasts", InForce, Rejected, RolledBack, Canary)
	y.week(bad, few)
	y.expect(t, "without a previous model the one in force stays, and the trial begins again", InForce, Rejected, RolledBack, Canary)
	y.week(bad, few)
	y.expect(t, "the older is in its last week", InForce, Rejected, RolledBack, Canary)
	y.week(good, good)
	y.expect(t, "a model that is over gives way to a new one, and nobody on trial decides", Retired, Rejected, RolledBack, Rejected, InForce)
}

// Whatever members score, a model serves only by the rules.
func TestLawsOfTheRegistry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rules()
		a.CanaryWeeks = rapid.IntRange(0, 4).Draw(t, "canary")
		a.RetireWeeks = rapid.IntRange(9, 20).Draw(t, "retire")
		y := begin(a)
		serving := map[string]Registered{}
		var before Registry
		for range rapid.IntRange(1, 30).Draw(t, "weeks") {
			draw := func(name string) comity.ScoreSum {
				return sumOf(rapid.IntRange(0, 4).Draw(t, name+" members"), rapid.IntRange(50, 150).Draw(t, name), 100)
			}
			round := y.week(draw("served"), draw("tried"))
			period := y.view.Rounds[round].Plan.Period
			g := y.Registry(period)
			now, ok := y.Serving(round)
			if !ok || now.RetireBy <= period {
				t.Fatalf("%s is served by %+v (%t)", period, now, ok)
			}
			serving[round] = now
			alone(t, g, now)
			restored(t, before, g)
			before = g
			if rapid.IntRange(0, 5).Draw(t, "gap") == 0 {
				y.period = addWeeks(y.period, rapid.IntRange(1, 9).Draw(t, "weeks off"))
			}
		}
		for round, then := range serving {
			if again, _ := y.Serving(round); !cmp.Equal(again, then) {
				t.Fatalf("%s was served by %+v, later by %+v", round, then, again)
			}
		}
	})
}

// alone requires one model in force, the one that serves, and no other rival.
func alone(t *rapid.T, g Registry, serving Registered) {
	count := map[Status]int{}
	for _, m := range g.Models {
		count[m.Status]++
		if m.Status == InForce && m.Model != serving.Model {
			t.Fatalf("in force is %s, serving %s", m.Model, serving.Model)
		}
	}
	if count[InForce] != 1 || count[Previous] > 1 || count[Canary] > 1 {
		t.Fatalf("statuses %v", count)
	}
}

// restored requires that a rollback puts the very model back that was in force before;
// one that was trained in the same round without a trial has it behind itself.
func restored(t *rapid.T, before, now Registry) {
	for i, m := range before.Models {
		if m.Status != InForce || now.Models[i].Status != RolledBack {
			continue
		}
		want, ok := before.at(before.previous)
		back, _ := now.InForce()
		if len(now.Models) > len(before.Models) && now.terms.CanaryWeeks == 0 {
			back, _ = now.at(now.previous)
		}
		if !ok || back.Model != want.Model {
			t.Fatalf("rolled back to %s, before it was %s", back.Model, want.Model)
		}
	}
}

// Without adoption the registry tells what always was: the newest model is in force.
func TestWithoutAdoptionTheNewestIsInForce(t *testing.T) {
	y := begin(nil)
	for _, period := range []string{"2026-01-07", "2026-02-04"} {
		round := RoundName(period, y.charter.Models.Task)
		y.view.Rounds[round] = Round{Plan: comity.Plan{Round: round, Period: period, Task: y.charter.Models.Task}, Trained: period, Model: &comity.Model{Round: round, Model: canon.Sum([]byte(period))}}
	}
	y.period = "2026-02-11"
	y.expect(t, "two trainings", Retired, InForce)
	g := y.Registry(y.period)
	in, _ := g.InForce()
	if m, _ := y.InForce(y.period); m.Model != in.Model {
		t.Errorf("updates bring %s up to date, the registry has %s", m.Model, in.Model)
	}
}
