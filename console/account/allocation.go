package account

import (
	"fmt"
	"math/big"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/body"
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
	Gap      exact.Rat       `json:"gap"`
	Bound    exact.Rat       `json:"bound"`
	Scale    canon.Int       `json:"scale"`
	Groups   []string        `json:"groups"`
	Budgets  []Price         `json:"budgets"` // Rules over all parties together.
	Unused   []string        `json:"unused"`  // Inputs that the charter forbids.
	Parties  []Share         `json:"parties"`
	Checks   []party.ID      `json:"checks"`
	Dissents []party.ID      `json:"dissents"`
	Members  int             `json:"members"`
	Effect   bool            `json:"effective"`
}

// Rule says what keeps a party from more.
type Rule string

// Rules, in the order in which they are looked for. Budget is what remains: the party
// could use more and keep more, but elsewhere a unit is worth more.
const (
	RuleNeed   Rule = "need"  // All its groups have what they could use.
	RuleCap    Rule = "cap"   // A row of a cap holds with equality.
	RuleFloor  Rule = "floor" // It gets exactly its floor.
	RuleBudget Rule = "budget"
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
	Floors     []Price          `json:"floors"`
	Caps       []Price          `json:"caps"`
}

// Group is one group of a party's people.
type Group struct {
	ID    string          `json:"id"`
	Units quantity.Amount `json:"units"`
	Need  quantity.Amount `json:"need"`  // What it could use.
	Worth exact.Rat       `json:"worth"` // Of one unit there, by the charter's measure and weight.
}

// Price is one row of the problem: a rule, how far it is used, and what it costs.
type Price struct {
	Row    string          `json:"row"`
	Clause string          `json:"clause"`
	Bound  quantity.Amount `json:"bound"` // What the rule allows, or demands.
	Used   quantity.Amount `json:"used"`
	Binds  bool            `json:"binds"` // Used equals Bound.
	Price  exact.Rat       `json:"price"` // Worth that one more unit of Bound would add; negative for what a floor costs.
}

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
	a := Allocation{
		Period: period, Digest: d.About, Problem: d.Allocation.Problem, Unit: p.Unit, Resource: b.Charter.Scope.Resource,
		MaxGap: b.Charter.Decisions.MaxGap, Gap: d.Allocation.Certificate.Gap, Bound: d.Allocation.Certificate.Bound, Scale: p.Scale,
		Checks: d.Checks, Dissents: d.Dissents, Members: len(b.Contributors()), Effect: b.Effective[period],
	}
	if a.Total, err = comity.Total(d.Allocation.Parties); err != nil {
		return Allocation{}, err
	}
	for _, g := range b.Charter.Objective.Groups {
		a.Groups = append(a.Groups, g.ID)
	}
	for _, c := range b.Charter.Constraints {
		a.Unused = append(a.Unused, c.Inputs...)
	}
	var last *comity.Allocation
	if previous, ok := before(periods, period); ok {
		a.Previous, last = previous, b.View.Decisions[previous].Allocation
	}
	return a, a.fill(b, p, d, last)
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
	if len(a.Units) != len(p.Columns) || len(a.Certificate.Duals) != len(p.Rows) {
		return p, fmt.Errorf("%w: %d units for %d columns, %d prices for %d rows",
			certificate.ErrShape, len(a.Units), len(p.Columns), len(a.Certificate.Duals), len(p.Rows))
	}
	return p, nil
}

// fill adds the parties and the rules over all of them.
func (a *Allocation) fill(b Book, p comity.Problem, d body.Decision, last *comity.Allocation) error {
	own := map[party.ID][]Price{}
	kinds := map[string]string{}
	for _, c := range b.Charter.Constraints {
		kinds[c.ID] = c.Kind
	}
	for i, row := range p.Rows {
		price, err := priced(p, row, d.Allocation.Units, d.Allocation.Certificate.Duals[i])
		if err != nil {
			return err
		}
		if id, ok := onlyParty(p, row); ok && kinds[row.Clause] != "budget" {
			own[id] = append(own[id], price)
			continue
		}
		a.Budgets = append(a.Budgets, price)
	}
	for _, s := range d.Allocation.Parties {
		share := Share{Party: s.Party, Amount: s.Amount, Population: b.population(s.Party)}
		if share.Population > 0 {
			share.Tenths = int64(s.Amount) * 10_000 / share.Population // Amounts are below 2^50.
		}
		if last != nil {
			if i := slices.IndexFunc(last.Parties, func(x comity.Share) bool { return x.Party == s.Party }); i >= 0 {
				share.Last = &last.Parties[i].Amount
			}
		}
		for _, row := range own[s.Party] {
			if kinds[row.Clause] == "floor" {
				share.Floors = append(share.Floors, row)
			} else {
				share.Caps = append(share.Caps, row)
			}
		}
		share.groups(p, d.Allocation.Units)
		share.decide(a.Budgets)
		a.Parties = append(a.Parties, share)
	}
	return nil
}

// groups lists what each group of the party gets, needs and is worth.
func (s *Share) groups(p comity.Problem, units []quantity.Amount) {
	for j, c := range p.Columns {
		if c.Party != s.Party {
			continue
		}
		s.Groups = append(s.Groups, Group{
			ID: c.ID[len(c.Party)+1:], Units: units[j], Need: c.Upper, Worth: over(int64(c.Cost), int64(p.Scale)),
		})
	}
}

// decide names what keeps the party from more.
func (s *Share) decide(budgets []Price) {
	unmet := slices.ContainsFunc(s.Groups, func(g Group) bool { return g.Units < g.Need })
	binds := func(p Price) bool { return p.Binds }
	if !unmet {
		s.Rule = RuleNeed
		return
	}
	for _, c := range []struct {
		rule Rule
		rows []Price
	}{{RuleCap, s.Caps}, {RuleFloor, s.Floors}, {RuleBudget, budgets}} {
		if i := slices.IndexFunc(c.rows, binds); i >= 0 {
			s.Rule, s.Clause = c.rule, c.rows[i].Clause
			return
		}
	}
	s.Rule = RuleBudget // Within the certified gap a few units may be left over.
	if len(budgets) > 0 {
		s.Clause = budgets[0].Clause
	}
}

// priced computes how far a row is used. Rows have an upper or a lower bound.
func priced(p comity.Problem, row comity.Row, units []quantity.Amount, dual canon.Int) (Price, error) {
	out := Price{Row: row.ID, Clause: row.Clause}
	used := new(big.Int)
	for _, t := range row.Terms {
		used.Add(used, new(big.Int).Mul(big.NewInt(int64(t.Coeff)), big.NewInt(int64(units[t.Column]))))
	}
	if !used.IsInt64() {
		return out, fmt.Errorf("row %s: %w", row.ID, quantity.ErrOverflow)
	}
	out.Used = quantity.Amount(used.Int64())
	bound := row.Upper
	if bound == nil {
		bound = row.Lower
	}
	if bound != nil {
		out.Bound, out.Binds = *bound, *bound == out.Used
	}
	out.Price = over(int64(dual), int64(p.Scale)).Mul(over(1, 1<<certificate.PriceBits))
	return out, nil
}

// over is a/b, and 0 where b is: a scale is never 0.
func over(a, b int64) exact.Rat {
	r, err := exact.Ratio(a, b)
	if err != nil {
		return exact.Int(0)
	}
	return r
}

// onlyParty returns the party that all terms of a row are of.
func onlyParty(p comity.Problem, row comity.Row) (party.ID, bool) {
	if len(row.Terms) == 0 {
		return "", false
	}
	id := p.Columns[row.Terms[0].Column].Party
	for _, t := range row.Terms {
		if p.Columns[t.Column].Party != id {
			return "", false
		}
	}
	return id, true
}

// Of returns the share of a party.
func (a *Allocation) Of(id party.ID) (Share, bool) {
	i := slices.IndexFunc(a.Parties, func(s Share) bool { return s.Party == id })
	if i < 0 {
		return Share{}, false
	}
	return a.Parties[i], true
}
