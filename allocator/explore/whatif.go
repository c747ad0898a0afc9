package explore

import (
	"context"
	"errors"

	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// Outcome is one division in short.
type Outcome struct {
	Total       quantity.Amount `json:"total"`
	Kind        string          `json:"kind"`  // Of its aim (AimOf).
	Value       exact.Rat       `json:"value"` // In its aim.
	Given       exact.Rat       `json:"given"` // Up, within the aim's slack, for later aims.
	Gap         exact.Rat       `json:"gap"`
	Certificate canon.Digest    `json:"certificate"`
}

// Outcome returns an answer in short.
func (a Answer) Outcome() (Outcome, error) {
	total, err := a.Total()
	if err != nil {
		return Outcome{}, err
	}
	digest, err := a.Digest()
	kind := a.Problem.Stages[AimOf(a.Problem)].Kind
	return Outcome{Total: total, Kind: kind, Value: a.Value(), Given: a.Given(), Gap: a.Gap(), Certificate: digest}, err
}

// Difference is what one party gets before and after a change.
type Difference struct {
	Party  party.ID        `json:"party"`
	Before quantity.Amount `json:"before"`
	After  quantity.Amount `json:"after"`
	Change quantity.Amount `json:"change"`
}

// Comparison is one division against another.
type Comparison struct {
	Before  Outcome         `json:"before"`
	After   Outcome         `json:"after"`
	Parties []Difference    `json:"parties"` // All that receive in either, ascending.
	Gained  []party.ID      `json:"gained"`
	Lost    []party.ID      `json:"lost"`
	Moved   quantity.Amount `json:"moved"` // Units that somebody lost or gained, whichever is more.
}

// Compare sets two answers side by side.
func Compare(before, after Answer) (Comparison, error) {
	c := Comparison{Parties: Differences(before, after), Gained: []party.ID{}, Lost: []party.ID{}}
	var err error
	if c.Before, err = before.Outcome(); err != nil {
		return c, err
	}
	if c.After, err = after.Outcome(); err != nil {
		return c, err
	}
	for _, d := range c.Parties {
		switch {
		case d.Change > 0:
			c.Gained = append(c.Gained, d.Party)
		case d.Change < 0:
			c.Lost = append(c.Lost, d.Party)
		}
	}
	c.Moved = Moved(c.Parties)
	return c, nil
}

// Differences lists what each party gets in two answers, ascending by party.
func Differences(before, after Answer) []Difference {
	var out []Difference
	i, j := 0, 0
	for i < len(before.Shares) || j < len(after.Shares) {
		d := Difference{}
		inBefore := i < len(before.Shares) && (j == len(after.Shares) || before.Shares[i].Party <= after.Shares[j].Party)
		inAfter := j < len(after.Shares) && (i == len(before.Shares) || after.Shares[j].Party <= before.Shares[i].Party)
		if inBefore {
			d.Party, d.Before = before.Shares[i].Party, before.Shares[i].Amount
			i++
		}
		if inAfter {
			d.Party, d.After = after.Shares[j].Party, after.Shares[j].Amount
			j++
		}
		d.Change = d.After - d.Before
		out = append(out, d)
	}
	return out
}

// Moved counts the units that some party lost or that some party gained, whichever is
// more: 0 if and only if nobody's amount changed.
func Moved(differences []Difference) quantity.Amount {
	var gained, lost quantity.Amount
	for _, d := range differences {
		gained += max(d.Change, 0)
		lost += max(-d.Change, 0)
	}
	return max(gained, lost)
}

// WhatIf makes changes to a case and divides again.
func (e *Engine) WhatIf(ctx context.Context, c Case, changes []Change) (Answer, error) {
	in, err := Apply(c.Inputs, changes)
	if err != nil {
		return Answer{}, err
	}
	return e.Solve(ctx, Case{in, c.Lot})
}

// Counterfactual is one change, and what the party gets with it: a division of its own.
type Counterfactual struct {
	Change   string          `json:"change"`         // As Parse reads it.
	Name     string          `json:"name"`           // What is changed.
	By       string          `json:"by"`             // "+10%".
	From     *exact.Rat      `json:"from,omitempty"` // The declared number, or the bound where it is one for all.
	To       *exact.Rat      `json:"to,omitempty"`
	Amount   quantity.Amount `json:"amount"`
	Gain     quantity.Amount `json:"gain"`
	Outcome  *Outcome        `json:"outcome,omitempty"`
	Conflict []string        `json:"conflict,omitempty"` // Clauses that then contradict each other: nobody gets anything.
	Refused  string          `json:"refused,omitempty"`  // Why nothing can be computed.
}

// Counterfactual makes one change and says what a party then gets.
func (e *Engine) Counterfactual(ctx context.Context, a Answer, id party.ID, change Change) (Counterfactual, error) {
	out := Counterfactual{Change: change.String(), Name: change.Name, By: change.Value()}
	now, ok := a.Of(id)
	if !ok {
		_, err := a.Party(id)
		return out, err
	}
	in, err := change.Apply(a.Inputs)
	if err != nil {
		return out, err
	}
	then, no, err := e.attempt(ctx, in, a.Lot)
	if out.Conflict, out.Refused = no.conflict, no.refused; err != nil || no.is() {
		return out, err
	}
	out.From, out.To = NumberOf(a, change.Name), NumberOf(then, change.Name)
	out.Amount, _ = then.Of(id)
	out.Gain = out.Amount - now
	o, err := then.Outcome()
	out.Outcome = &o
	return out, err
}

// NumberOf returns the number that a name stands for in an answer: what was declared, or
// the bound of a clause that has one row.
func NumberOf(a Answer, name string) *exact.Rat {
	if x, ok := valueOf(a.Inputs, name); ok {
		return &x
	}
	var found *exact.Rat
	for _, r := range a.Problem.Rows {
		if r.Clause != name {
			continue
		}
		bound := r.Upper
		if bound == nil {
			bound = r.Lower
		}
		if found != nil || bound == nil {
			return nil
		}
		x := exact.Int(int64(*bound))
		found = &x
	}
	for _, l := range a.Problem.Limits {
		if l.Clause == name {
			return &l.Bound
		}
	}
	return found
}

// StepPercent is by how much Counterfactuals raises each number.
const StepPercent = 10

// Counterfactuals raises, one after the other and by StepPercent, each number that the
// party declared, each that was declared for all, and each bound over several parties,
// as far as the charter depends on it.
func (e *Engine) Counterfactuals(ctx context.Context, a Answer, id party.ID) ([]Counterfactual, error) {
	out := []Counterfactual{}
	for _, name := range a.levers(id) {
		c, err := e.Counterfactual(ctx, a, id, Percent(name, StepPercent))
		if errors.Is(err, ErrChange) {
			continue // It cannot be raised: an index of 1, or the largest number there is.
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}
