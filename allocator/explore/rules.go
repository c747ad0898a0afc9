package explore

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

// Try is one change of a rule, and what it does to everybody.
type Try struct {
	By       string          `json:"by"` // "off", "+100%".
	Moved    quantity.Amount `json:"moved"`
	Value    *exact.Rat      `json:"value,omitempty"` // What is then reached in the aim.
	Parties  []Difference    `json:"parties,omitempty"`
	Conflict []string        `json:"conflict,omitempty"`
	Refused  string          `json:"refused,omitempty"` // Why nothing can be computed.
}

// Effect is what a clause or a weight does here.
type Effect struct {
	ID   string `json:"id"`   // "c.floor", "group.frontline", "stage.worth".
	Kind string `json:"kind"` // Of the constraint; "weight", "stage".
	// Inert says that none of the tries moves a unit.
	Inert bool  `json:"inert"`
	Tries []Try `json:"tries"`
	// Price is what keeping the clause costs: the value without it less the value with
	// it. Of what is minimised, the other way round.
	Price *exact.Rat `json:"price,omitempty"`
}

// Effects tries each clause without it and with twice its bound, and each weight at half
// and twice what it is. Effects of weights list every party.
func (e *Engine) Effects(ctx context.Context, a Answer) ([]Effect, error) {
	var out []Effect
	add := func(kind, name string, parties bool, changes ...Change) error {
		effect, err := e.effect(ctx, a, name, changes, parties)
		effect.Kind = kind
		out = append(out, effect)
		return err
	}
	for _, k := range a.Inputs.Charter.Constraints {
		if k.Kind == charter.Forbidden {
			continue
		}
		if err := add(k.Kind, k.ID, false, Change{Name: k.ID, How: Off}, Percent(k.ID, 100)); err != nil {
			return nil, err
		}
	}
	for _, g := range a.Inputs.Charter.Objective.Groups {
		name := groupPrefix + g.ID
		if err := add("weight", name, true, Percent(name, -50), Percent(name, 100)); err != nil {
			return nil, err
		}
	}
	for _, s := range a.Inputs.Charter.Objective.Stages {
		if len(a.Inputs.Charter.Objective.Stages) == 1 {
			break
		}
		if err := add("stage", stagePrefix+s.ID, false, Change{Name: stagePrefix + s.ID, How: Off}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *Engine) effect(ctx context.Context, a Answer, name string, changes []Change, parties bool) (Effect, error) {
	out := Effect{ID: name, Inert: true}
	for _, c := range changes {
		t, err := e.try(ctx, a, c, parties)
		if err != nil {
			return out, err
		}
		out.Tries = append(out.Tries, t)
		out.Inert = out.Inert && t.Moved == 0 && t.Conflict == nil && t.Refused == ""
		if c.How == Off && t.Value != nil {
			price := signed(a.Inputs.Charter, t.Value.Sub(a.Value()))
			out.Price = &price
		}
	}
	return out, nil
}

func (e *Engine) try(ctx context.Context, a Answer, c Change, parties bool) (Try, error) {
	t := Try{By: c.Value()}
	in, err := c.Apply(a.Inputs)
	if refused(err) {
		t.Refused = err.Error()
		return t, nil
	}
	if err != nil {
		return t, err
	}
	then, no, err := e.attempt(ctx, in, a.Lot)
	if t.Conflict, t.Refused = no.conflict, no.refused; err != nil || no.is() {
		return t, err
	}
	differences := Differences(a, then)
	t.Moved = Moved(differences)
	if parties {
		t.Parties = slices.DeleteFunc(differences, func(d Difference) bool { return d.Change == 0 })
	}
	if value, ok := valueIn(a, then); ok {
		t.Value = &value
	}
	return t, nil
}

// valueIn measures another division of the same columns by the worths of an answer: with
// other weights or stages its own value would be in another currency.
func valueIn(a, then Answer) (exact.Rat, bool) {
	units, ok := unitsAs(a.Problem, then)
	if !ok {
		return exact.Rat{}, false
	}
	return ValueOf(a.Inputs.Charter, a.Problem, AimOf(a.Problem), units), true
}

// unitsAs returns the units of another answer by the columns of a problem. Columns of
// means may be missing on either side; a party's may not.
func unitsAs(p comity.Problem, from Answer) ([]quantity.Amount, bool) {
	units := make([]quantity.Amount, len(p.Columns))
	for j, c := range from.Problem.Columns {
		at, ok := slices.BinarySearchFunc(p.Columns, c.ID, func(x comity.Column, id string) int { return cmp.Compare(x.ID, id) })
		if ok {
			units[at] = from.Units[j]
		} else if c.Party != "" {
			return nil, false
		}
	}
	return units, true
}

// Fairness is the price of fairness: what the first weighted aim would reach without the
// rules that serve fairness and without slack for them, against what it reaches with them.
type Fairness struct {
	Stage    string     `json:"stage"`             // The aim that is measured; empty where none is a sum.
	Rules    []string   `json:"rules"`             // What counts as fairness here: clauses and stages.
	Kinds    []string   `json:"kinds"`             // The kinds of rule that do.
	Without  *exact.Rat `json:"without"`           // What the aim reaches without them.
	With     *exact.Rat `json:"with"`              // What it reaches.
	Share    *exact.Rat `json:"share"`             // (without - with) / without.
	Conflict []string   `json:"conflict"`          // Clauses that contradict each other without them.
	Refused  string     `json:"refused,omitempty"` // Why nothing can be computed without them.
}

// fairKinds are the constraints that serve fairness: a least for each party, a limit on
// inequality, and what a party would have alone.
func fairKinds() []string { return []string{charter.Floor, charter.Inequality, charter.Rationality} }

// Fairness computes the price of fairness.
func (e *Engine) Fairness(ctx context.Context, a Answer) (Fairness, error) {
	out := Fairness{Rules: []string{}, Kinds: append(fairKinds(), "stages besides the sum of worths"), Conflict: []string{}}
	rules := a.Inputs.Charter
	aim := a.Problem.Stages[AimOf(a.Problem)]
	if aim.Kind != certificate.Weighted {
		return out, nil
	}
	out.Stage = aim.ID
	rules.Constraints = slices.DeleteFunc(slices.Clone(rules.Constraints), func(k comity.Constraint) bool {
		if slices.Contains(fairKinds(), k.Kind) {
			out.Rules = append(out.Rules, k.ID)
			return true
		}
		return false
	})
	rules.Objective.Stages = slices.DeleteFunc(slices.Clone(rules.Objective.Stages), func(s comity.Aim) bool {
		if s.ID != aim.ID {
			out.Rules = append(out.Rules, stagePrefix+s.ID)
			return true
		}
		return false
	})
	rules.Objective.Stages[0].Slack = exact.Rat{} // Nothing follows that it could be given up for.
	in := a.Inputs
	in.Charter = rules
	then, no, err := e.attempt(ctx, in, a.Lot)
	if err != nil {
		return out, err
	}
	if no.is() {
		out.Conflict, out.Refused = append(out.Conflict, no.conflict...), no.refused
		return out, nil
	}
	with := a.Value()
	without, ok := valueIn(a, then)
	if !ok {
		return out, nil
	}
	out.With, out.Without = &with, &without
	if share, err := without.Sub(with).Quo(without); err == nil {
		share = signed(rules, share)
		out.Share = &share
	}
	return out, nil
}

// The kinds of alternative that a charter can name.
const (
	OutsideBaseline = "individual_rationality" // Units that a constraint says it has alone.
	OutsideNash     = "nash"                   // Worth that a stage says it has without an agreement.
	OutsideAlone    = "alone"                  // What the rules give it from its own supply.
	OutsideNone     = "none"                   // The charter names no alternative.
)

// Outside is what a party would have without the others, as far as the charter says.
type Outside struct {
	Kind   string           `json:"kind"`
	Clause string           `json:"clause,omitempty"` // Or the id of the stage.
	Amount *quantity.Amount `json:"amount,omitempty"`
	Worth  *exact.Rat       `json:"worth,omitempty"` // Nash: of what it has; Inside is what it has here.
	Inside *exact.Rat       `json:"inside,omitempty"`
}

// Outside returns a party's alternative. Errors: ErrName.
func (e *Engine) Outside(ctx context.Context, a Answer, id party.ID) (Outside, error) {
	k, err := a.Party(id)
	if err != nil {
		return Outside{}, err
	}
	for _, c := range a.Inputs.Charter.Constraints {
		if c.Kind != charter.Rationality {
			continue
		}
		var sum quantity.Amount
		for _, r := range a.Problem.Rows {
			if r.Clause == c.ID && r.Lower != nil && touches(a.Problem, r, id) {
				sum += *r.Lower
			}
		}
		return Outside{Kind: OutsideBaseline, Clause: c.ID, Amount: &sum}, nil
	}
	for _, s := range a.Problem.Stages {
		if s.Kind == certificate.Nash {
			worth := over(exact.Int(int64(s.Outside[k])), int64(s.Scale))
			inside := over(exact.FromBig(new(big.Rat).SetInt(worths(a.Problem, s, a.Units)[k])), int64(s.Scale))
			return Outside{Kind: OutsideNash, Clause: s.ID, Worth: &worth, Inside: &inside}, nil
		}
	}
	for _, c := range a.Inputs.Charter.Constraints {
		if charter.Balances(c) {
			return e.alone(ctx, a, k, c.ID)
		}
	}
	return Outside{Kind: OutsideNone}, nil
}

// alone divides what arrives at one party to it alone: its own columns, stores and rows,
// no flows, and none of the rules that count others too.
func (e *Engine) alone(ctx context.Context, a Answer, k int, clause string) (Outside, error) {
	id := a.Problem.Needs[k].Party
	p := comity.Problem{Unit: a.Problem.Unit, Needs: a.Problem.Needs[k : k+1]}
	to := map[int]int{}
	kept := func(t comity.Term) bool { _, ok := to[t.Column]; return ok }
	for j, c := range a.Problem.Columns {
		if c.Party == id || c.Party == "" && ofParty(c.ID, id) {
			to[j] = len(p.Columns)
			p.Columns = append(p.Columns, c)
		}
	}
	for _, r := range a.Problem.Rows {
		if !touches(a.Problem, r, id) || slices.ContainsFunc(r.Terms, func(t comity.Term) bool {
			return a.Problem.Columns[t.Column].Party != "" && !kept(t)
		}) || !personal(a.Inputs.Charter, r.Clause) {
			continue
		}
		r.Terms = slices.DeleteFunc(slices.Clone(r.Terms), func(t comity.Term) bool { return !kept(t) })
		for i := range r.Terms {
			r.Terms[i].Column = to[r.Terms[i].Column]
		}
		p.Rows = append(p.Rows, r)
	}
	for _, s := range a.Problem.Stages {
		costs := s.Costs
		s.Costs = nil
		for j := range a.Problem.Columns {
			if _, ok := to[j]; ok {
				s.Costs = append(s.Costs, costs[j])
			}
		}
		if s.Per != nil {
			s.Per = s.Per[k : k+1]
		}
		p.Stages = append(p.Stages, s)
	}
	then, err := e.divide(ctx, a.Case, p)
	if errors.Is(err, solve.ErrInfeasible) {
		return Outside{Kind: OutsideNone}, nil
	}
	if err != nil {
		return Outside{}, err
	}
	return Outside{Kind: OutsideAlone, Clause: clause, Amount: &then.Shares[0].Amount}, nil
}
