package account

import (
	"fmt"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/explore"
	"comity/allocator/program"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// Allocation is the account of one decision: who gets what, and which rule decided.
type Allocation struct {
	Period   string          `json:"period"`
	Previous string          `json:"previous"` // The decided period before it; empty for the first.
	Digest   canon.Digest    `json:"allocation"`
	Problem  canon.Digest    `json:"problem"`
	Unit     string          `json:"unit"`
	Resource string          `json:"resource"`
	Total    quantity.Amount `json:"total"`
	MaxGap   exact.Rat       `json:"max_gap"` // Allowed, as a share of the bound.
	Value    exact.Rat       `json:"value"`   // What is reached in its aim, in the charter's own worths.
	Given    exact.Rat       `json:"given"`   // Up, within the aim's slack, for later aims.
	Gap      exact.Rat       `json:"gap"`
	Bound    exact.Rat       `json:"bound"`
	Groups   []string        `json:"groups"`
	Budgets  []Price         `json:"budgets"` // Rules over all parties together.
	Unused   []string        `json:"unused"`  // Inputs that nothing depends on.
	Parties  []Share         `json:"parties"`
	Checks   []party.ID      `json:"checks"`
	Dissents []party.ID      `json:"dissents"`
	Members  int             `json:"members"`
	Effect   bool            `json:"effective"`
}

// Rule says what keeps a party from more.
type Rule = explore.Kept

// Rules, in the order in which they are looked for.
const (
	RuleNeed   = explore.ByNeed
	RuleCap    = explore.ByCap
	RuleFloor  = explore.ByFloor
	RuleBudget = explore.ByBudget
	RuleOther  = explore.ByRule
)

// Share is what one party gets and why.
type Share struct {
	Party      party.ID         `json:"party"`
	Amount     quantity.Amount  `json:"amount"`
	Last       *quantity.Amount `json:"last,omitempty"` // In the period before.
	Population int64            `json:"population"`     // As it declared; 0 if it did not.
	Tenths     int64            `json:"per_1000_tenths"`
	Rule       Rule             `json:"rule"`
	Clause     string           `json:"clause"` // Of the cap, floor or budget that decided; empty for need.
	Groups     []Group          `json:"groups"`
	Floors     []Price          `json:"floors"` // Its own rows that demand a least.
	Caps       []Price          `json:"caps"`   // Its own rows that allow a most.
	Level      *explore.Level   `json:"level,omitempty"`
	Equals     []party.ID       `json:"equals"` // Parties that no number tells apart from it.
	ByLot      bool             `json:"by_lot"` // One of them gets another amount: the lot decided.

	Why explore.Account `json:"-"` // All of it, for sentences.
}

// Group is one group of a party's people.
type Group = explore.Group

// Price is one row of the problem: a rule, how far it is used, and what it costs.
type Price = explore.Rule

// Allocation returns the account of a period's decision; "" means the newest. The
// problem is read from the log's blobs and believed only by its digest.
func (b Book) Allocation(period string) (Allocation, error) {
	periods := b.Decided()
	period, err := pick(periods, period)
	if err != nil {
		return Allocation{}, err
	}
	d := b.View.Decisions[period]
	p, err := b.problem(*d.Allocation)
	if err != nil {
		return Allocation{}, err
	}
	answer := explore.Answer{
		Case: explore.Case{Inputs: program.Inputs{Charter: b.Charter}}, Problem: p,
		Units: d.Allocation.Units, Shares: d.Allocation.Parties, Certificate: d.Allocation.Certificate,
	}
	a := Allocation{
		Period: period, Digest: d.About, Problem: d.Allocation.Problem, Unit: p.Unit, Resource: b.Charter.Scope.Resource,
		MaxGap: b.Charter.Decisions.MaxGap, Value: answer.Value(), Gap: answer.Gap(),
		Checks: d.Checks, Dissents: d.Dissents, Members: len(b.Contributors()), Effect: b.Effective[period],
	}
	a.Given = answer.Given()
	a.Bound = a.Value.Add(a.Given).Add(a.Gap)
	if a.Total, err = comity.Total(d.Allocation.Parties); err != nil {
		return Allocation{}, err
	}
	for _, g := range b.Charter.Objective.Groups {
		a.Groups = append(a.Groups, g.ID)
	}
	a.Unused = explore.Unused(b.Charter)
	var last *comity.Allocation
	if previous, ok := before(periods, period); ok {
		a.Previous, last = previous, b.View.Decisions[previous].Allocation
	}
	return a, a.fill(b, answer, last)
}

// problem reads the problem that an allocation solves.
func (b Book) problem(a comity.Allocation) (p comity.Problem, err error) {
	data, err := b.Blobs.Read(a.Problem)
	if err != nil {
		return p, err
	}
	if err := canon.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("problem of %s: %w", a.Period, err)
	}
	if err := certificate.CheckShape(p); err != nil {
		return p, err
	}
	if len(a.Units) != len(p.Columns) || len(a.Certificate.Stages) == 0 {
		return p, fmt.Errorf("%w: %d units for %d columns, %d proofs", certificate.ErrShape, len(a.Units), len(p.Columns), len(a.Certificate.Stages))
	}
	if prices := a.Certificate.Stages[0].Proof.Prices; prices != nil && len(prices) < len(p.Rows) {
		return p, fmt.Errorf("%w: %d prices for %d rows", certificate.ErrShape, len(prices), len(p.Rows))
	}
	return p, nil
}

// fill adds the parties and the rules over all of them.
func (a *Allocation) fill(b Book, answer explore.Answer, last *comity.Allocation) error {
	rules, err := explore.Rules(b.Charter, answer.Problem, answer.Units, answer.Certificate)
	if err != nil {
		return err
	}
	for _, r := range rules {
		if r.Party == "" {
			a.Budgets = append(a.Budgets, r)
		}
	}
	accounts, err := answer.Accounts(nil)
	if err != nil {
		return err
	}
	for _, s := range accounts {
		share := Share{
			Party: s.Party, Amount: s.Amount, Population: b.population(s.Party), Rule: s.Kept, Clause: s.Clause,
			Groups: s.Groups, Level: s.Level, Equals: s.Equals, ByLot: s.ByLot, Why: s,
		}
		if share.Population > 0 {
			share.Tenths = int64(s.Amount) * 10_000 / share.Population // Amounts are below 2^50.
		}
		if last != nil {
			if i := slices.IndexFunc(last.Parties, func(x comity.Share) bool { return x.Party == s.Party }); i >= 0 {
				share.Last = &last.Parties[i].Amount
			}
		}
		for _, row := range s.Own {
			if row.Floor {
				share.Floors = append(share.Floors, row)
			} else {
				share.Caps = append(share.Caps, row)
			}
		}
		a.Parties = append(a.Parties, share)
	}
	return nil
}

// Of returns the share of a party.
func (a *Allocation) Of(id party.ID) (Share, bool) {
	i := slices.IndexFunc(a.Parties, func(s Share) bool { return s.Party == id })
	if i < 0 {
		return Share{}, false
	}
	return a.Parties[i], true
}
