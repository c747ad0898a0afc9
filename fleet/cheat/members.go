package cheat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/pack"
	"comity/party"
	"comity/quantity"
)

func memberOutOfRange() Cheat {
	return Cheat{
		Name: "member-out-of-range", Title: "A member sends what no rows can give", Who: "member",
		Tries: "Under its mask, where nobody sees it, a member adds numbers that no rows can give, to outweigh all others.",
		run:   outOfRange,
	}
}

// erase is how many past errors the liar takes out of every cell below the middle: more
// than all members together have.
const erase = 1_000_000

// outweigh wipes out the lower half of past errors: what came in below its forecast.
func outweigh(x []int64) {
	for lead := range leads {
		for i := range residualCells / 2 {
			x[lead*residualCells+i] -= erase
		}
	}
}

func outOfRange(ctx context.Context, s *stage) error {
	liar := s.middle()
	s.cheat.Distort = func(id party.ID, step learn.Step, x []int64) []int64 {
		if id != liar || step.Name != stepResiduals {
			return x
		}
		x = slices.Clone(x)
		outweigh(x)
		return x
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	wanted := func(err error) bool { return is(forecast.ErrSum)(err) || is(learn.ErrSum)(err) }
	if err := s.until(ctx, s.decide, wanted, s.everybody()); err != nil {
		return err
	}
	s.caught(wanted)
	if wanted(s.ended) {
		s.out.By += " and the hub"
	}
	s.out.Tried = fmt.Sprintf("In the last sum, under its mask, %s took %s past errors out of each of %s cells, so that only outbreaks that were underestimated would count.",
		s.name(liar), grouped(int64(erase)), grouped(leads*residualCells/2))
	honest := func(step string, sum []int64) {
		if step == stepResiduals { // Its own part is what the liar knows how to undo.
			for lead := range leads {
				for i := range residualCells / 2 {
					sum[lead*residualCells+i] += erase
				}
			}
		}
	}
	a, err := s.played(ctx, honest)
	if err != nil {
		return err
	}
	b, err := s.played(ctx, func(step string, sum []int64) {
		if step == stepResiduals {
			for i := range leads * residualCells {
				sum[i] = max(sum[i], 0)
			}
		}
	})
	if err != nil {
		return err
	}
	if err := s.compare(ctx, a, b); err != nil {
		return err
	}
	s.out.WouldHave = "Had negative counts been taken for none: " + strings.ToLower(s.out.WouldHave[:1]) + s.out.WouldHave[1:] +
		" The sum alone does not say who it was: today the round ends here and nothing is decided. To name the member, vectors would have to be opened, or uploads carry proofs of their range; neither is built."
	return nil
}

func memberLow() Cheat {
	return Cheat{
		Name: "member-low", Title: "A member reports low", Who: "member",
		Tries: "A member reports a fifth less than it sees, in its rows and in what it declares, all of it plausible.",
		run:   low,
	}
}

const (
	// lowWeeks is for how long the liar has reported low, in weeks.
	lowWeeks = 12
	// lowPercent is what it reports of what it sees.
	lowPercent = 80
)

// lowRows are rows in which one place's newest weeks are low.
type lowRows struct {
	pack.Rows
	liar  party.ID
	since string
}

// Known returns the rows as the liar reports them.
func (r lowRows) Known(asOf string) ([]forecast.Observation, error) {
	rows, err := r.Rows.Known(asOf)
	rows = slices.Clone(rows)
	for i := range rows {
		if rows[i].Place == r.liar && rows[i].Date >= r.since {
			rows[i].Value = rows[i].Value * lowPercent / 100
		}
	}
	return rows, err
}

// lowNeeds are declarations of which one party's are low.
type lowNeeds struct {
	pack.Needs
	liar party.ID
}

// Declare returns what the liar declares.
func (n lowNeeds) Declare(id party.ID, week int, received quantity.Amount) (map[string]canon.Int, error) {
	values, err := n.Needs.Declare(id, week, received)
	if id == n.liar {
		for name := range values {
			values[name] = values[name] * lowPercent / 100
		}
	}
	return values, err
}

func low(ctx context.Context, s *stage) error {
	seen, liar := s.Scenario, s.largest()
	start, err := time.Parse(time.DateOnly, seen.Start)
	if err != nil {
		return err
	}
	s.Scenario.Rows = lowRows{seen.Rows, liar, start.AddDate(0, 0, -7*lowWeeks).Format(time.DateOnly)}
	s.Scenario.Needs = lowNeeds{seen.Needs, liar}
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.week(ctx); err != nil {
		return err
	}
	series, err := s.pooled(ctx, seen.Rows)
	if err != nil {
		return err
	}
	honest, err := s.allocate(ctx, s.rules, seen.Needs, series)
	if err != nil {
		return err
	}
	reported := s.out.Week.Frozen.Series
	s.out.Tried = fmt.Sprintf("For %d weeks %s reported %d %% of what it saw, and declared %d %% of its people and needs.", lowWeeks, s.name(liar), lowPercent, lowPercent)
	s.out.WouldHave = fmt.Sprintf("The forecast for %s in two weeks reads %d %% of its own high level; honest reports give %d %%. It gets %s %s instead of %s; %s.",
		s.name(liar), outlook(reported, liar), outlook(series, liar),
		grouped(share(s.out.Week.Allocation.Parties, liar)), s.rules.Scope.Resource, grouped(share(honest.result.Parties, liar)),
		s.moved(honest.result.Parties, s.out.Week.Allocation.Parties))
	return nil
}
