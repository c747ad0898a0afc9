package cheat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/body"
	"comity/canon"
	"comity/chance"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/modeler/picture"
	"comity/pack"
	"comity/party"
	"comity/quantity"
	"comity/verifier/secagg"
)

// errEnough ends a twin that has shown what was wanted.
var errEnough = errors.New("seen enough")

// plan is what a week comes to.
type plan struct {
	series  []comity.Series
	problem comity.Problem
	result  solve.Result
}

// input is what the training of the rehearsed week starts from. Before there is one, its
// public coin is a fixed one.
func (s *stage) input() forecast.Input {
	in := forecast.Input{
		Origin: s.period, Targets: s.rules.Models.Targets, Unit: s.rules.Models.Unit, Recipe: s.rules.Models.Recipe,
		Seed: chance.Derive(chance.Seed{}, "comity/cheat"),
	}
	s.view(func(st *body.State) {
		round := body.RoundName(s.period, s.rules.Models.Task)
		if nonces := st.Nonces(round); len(nonces) > 0 {
			in.Seed = secagg.PublicSeed(round, nonces)
		}
	})
	return in
}

// archive holds the rows of some members as known in the rehearsed week.
func (s *stage) archive(rows pack.Rows, of []party.ID) (*forecast.Archive, error) {
	known, err := rows.Known(s.period)
	if err != nil {
		return nil, err
	}
	return forecast.NewArchive(slices.DeleteFunc(slices.Clone(known), func(o forecast.Observation) bool {
		return !slices.Contains(of, o.Place)
	}))
}

// members lists all members.
func (s *stage) members() []party.ID {
	var ids []party.ID
	for _, m := range s.Scenario.Members {
		ids = append(ids, m.ID)
	}
	return ids
}

// played forecasts every place from the sums on the tape, some of them altered, the way
// members do: they train without rows and read their own afterwards.
func (s *stage) played(ctx context.Context, alter func(step string, sum []int64)) ([]comity.Series, error) {
	in, sums := s.input(), player{s.tape, alter}
	trained, err := forecast.Run(ctx, in, sums)
	if err != nil {
		return nil, err
	}
	if in.Archive, err = s.archive(s.Scenario.Rows, s.members()); err != nil {
		return nil, err
	}
	return forecast.Update(ctx, in, trained.Model, sums)
}

// pooled forecasts every place from all rows in one place.
func (s *stage) pooled(ctx context.Context, rows pack.Rows) ([]comity.Series, error) {
	in := s.input()
	var err error
	if in.Archive, err = s.archive(rows, s.members()); err != nil {
		return nil, err
	}
	result, err := forecast.Run(ctx, in, learn.Pooled{})
	if err != nil {
		return nil, err
	}
	return result.Series, nil
}

// allocate takes forecasts to an allocation under some rules, as hub and members do.
func (s *stage) allocate(ctx context.Context, rules comity.Charter, needs pack.Needs, series []comity.Series) (*plan, error) {
	declared, err := s.declared(rules, needs)
	if err != nil {
		return nil, err
	}
	model := canon.Sum([]byte("twin"))
	byPlace := map[party.ID][]comity.Series{}
	for _, x := range series {
		byPlace[x.Place] = append(byPlace[x.Place], x)
	}
	var forecasts []picture.Authored
	for _, id := range slices.Sorted(maps.Keys(byPlace)) {
		forecasts = append(forecasts, picture.Authored{Author: id, Forecast: comity.Forecast{Period: s.period, Model: model, Series: byPlace[id]}})
	}
	frozen, err := picture.Freeze(s.period, model, forecasts, s.members())
	if err != nil {
		return nil, err
	}
	p := &plan{series: series}
	p.problem, err = program.Lower(program.Inputs{
		Charter: rules, CharterDigest: s.digest(), Picture: frozen, PictureDigest: model, Declarations: declared,
	})
	if err != nil {
		return nil, err
	}
	p.result, err = s.solve(ctx, p.problem)
	return p, err
}

// solve finds the allocation that the rules name.
func (s *stage) solve(ctx context.Context, p comity.Problem) (solve.Result, error) {
	engine, err := s.engine()
	if err != nil {
		return solve.Result{}, err
	}
	in := s.input()
	return solve.Allocate(ctx, p, engine, canon.Digest(chance.Derive(in.Seed, "lot", s.period)))
}

// certify proves units that another plan than the rules chose.
func (s *stage) certify(ctx context.Context, p comity.Problem, units []quantity.Amount) (comity.Certificate, error) {
	engine, err := s.engine()
	if err != nil {
		return comity.Certificate{}, err
	}
	return solve.Certify(ctx, p, engine, units)
}

// declared is what the parties declare in the first week.
func (s *stage) declared(rules comity.Charter, needs pack.Needs) ([]program.Declared, error) {
	var all []program.Declared
	for _, clause := range rules.Data {
		if clause.LeavesHome != "signed_plain" || len(clause.Values) == 0 {
			continue
		}
		for _, id := range clause.From {
			var values map[string]canon.Int
			var err error
			if id == s.Scenario.Operator.ID {
				values, err = needs.Supply(0)
			} else {
				values, err = needs.Declare(id, 0, 0)
			}
			if err != nil {
				return nil, err
			}
			all = append(all, program.Declared{Party: id, Declaration: comity.Declaration{Period: s.period, Clause: clause.ID, Values: values}})
		}
	}
	return all, nil
}

// moved says in words how a lie divides things otherwise.
func (s *stage) moved(honest, lied []comity.Share) string {
	var total, gone, lost, most, least quantity.Amount
	var winner, loser party.ID
	before := map[party.ID]quantity.Amount{}
	for _, x := range honest {
		before[x.Party] = x.Amount
		total += x.Amount
	}
	for _, x := range lied {
		change := x.Amount - before[x.Party]
		gone, lost = gone+max(change, 0), lost-min(change, 0)
		if change > most {
			most, winner = change, x.Party
		}
		if change < least {
			least, loser = change, x.Party
		}
	}
	units := s.rules.Scope.Resource
	if gone = max(gone, lost); gone == 0 {
		return fmt.Sprintf("all %s %s go where they went", grouped(total), units)
	}
	text := fmt.Sprintf("%s of %s %s go elsewhere", grouped(gone), grouped(total), units)
	if winner != "" {
		text += fmt.Sprintf(", most to %s (%s instead of %s)", s.name(winner), grouped(before[winner]+most), grouped(before[winner]))
	}
	if loser != "" {
		text += fmt.Sprintf(", most from %s (%s instead of %s)", s.name(loser), grouped(before[loser]+least), grouped(before[loser]))
	}
	return text
}

// outlook is the median of a place two weeks ahead over its own high level, in percent,
// the highest of its series.
func outlook(series []comity.Series, place party.ID) int64 {
	middle := slices.Index(comity.QuantileLevels[:], 500)
	var most int64
	for _, x := range series {
		for _, h := range x.Horizons {
			if x.Place == place && h.Weeks == 2 && x.Reference > 0 {
				most = max(most, 100*int64(h.Quantiles[middle])/int64(x.Reference))
			}
		}
	}
	return most
}

// grouped writes a whole number with commas.
func grouped[N ~int | ~int64](n N) string {
	digits := fmt.Sprint(max(n, -n))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n < 0 {
		return "-" + digits
	}
	return digits
}
