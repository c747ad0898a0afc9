package explore

import (
	"cmp"
	"slices"
	"strings"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

// Kept says what keeps a party from more.
type Kept string

// What keeps a party from more, in the order in which it is looked for.
const (
	ByNeed   Kept = "need"   // All its groups have what they could use.
	ByCap    Kept = "cap"    // A row of its own is full.
	ByFloor  Kept = "floor"  // It gets exactly what a floor demands.
	ByBudget Kept = "budget" // A rule over several parties is full: a unit is worth more elsewhere.
	ByRule   Kept = "rule"   // None of these alone: a limit, a lot, or several together.
)

// Account says why one party gets what it gets. Every number is one of the problem, the
// units or the certificate.
type Account struct {
	Party  party.ID        `json:"party"`
	Amount quantity.Amount `json:"amount"`
	Need   quantity.Amount `json:"need"`
	Groups []Group         `json:"groups"`
	Own    []Rule          `json:"own"`    // Rows over its columns alone.
	Shared []Rule          `json:"shared"` // Rows over several parties that it is in.
	Kept   Kept            `json:"kept"`
	Clause string          `json:"clause"` // Of what keeps it from more; empty for need.
	Level  *Level          `json:"level,omitempty"`
	// Equals are parties that no number tells apart from it. Where they get another
	// amount, the lot decided about the last unit.
	Equals []party.ID `json:"equals"`
	ByLot  bool       `json:"by_lot"`
}

// Group is what one group of a party's people gets.
type Group struct {
	ID     string          `json:"id"`
	Units  quantity.Amount `json:"units"`
	Need   quantity.Amount `json:"need"`   // What it could use.
	Weight exact.Rat       `json:"weight"` // Of the group in the charter.
	Worth  exact.Rat       `json:"worth"`  // Of one unit there: the best piece of the first period.
	// Shortfall is the worth of what the prices of the first proof would give it besides:
	// 0, unless a later aim or the certified gap takes it. Absent where there are no prices.
	Shortfall *exact.Rat `json:"shortfall,omitempty"`
}

// Priced tells whether the prices of the proof alone explain what the groups get: none is
// short of what they would give it.
func (a *Account) Priced() bool {
	return !slices.ContainsFunc(a.Groups, func(g Group) bool { return g.Shortfall != nil && g.Shortfall.Sign() != 0 })
}

// Level is how far the party's need is met, and the Webster quotients of its last and
// its next unit: (need - k + 1/2)/need for the k-th. Among units of equal worth the
// highest quotients are served first.
type Level struct {
	Met  exact.Rat `json:"met"`
	Last exact.Rat `json:"last"`
	Next exact.Rat `json:"next"`
}

// Account returns the account of one party. Errors: ErrName.
func (a Answer) Account(id party.ID) (Account, error) {
	all, err := a.Accounts([]party.ID{id})
	if err != nil {
		return Account{}, err
	}
	return all[0], nil
}

// Accounts returns the accounts of some parties; nil means all of them.
func (a Answer) Accounts(ids []party.ID) ([]Account, error) {
	rules, err := Rules(a.Inputs.Charter, a.Problem, a.Units, a.Certificate)
	if err != nil {
		return nil, err
	}
	if ids == nil {
		for _, n := range a.Problem.Needs {
			ids = append(ids, n.Party)
		}
	}
	twins, at := equals(a.Problem), placesOf(a.Problem)
	short := shortfalls(a.Problem, a.Units, a.Certificate)
	out := make([]Account, len(ids))
	for i, id := range ids {
		k, err := a.Party(id)
		if err != nil {
			return nil, err
		}
		out[i] = a.account(k, rules, at[id])
		out[i].short(a.Problem, at[id], short)
		for _, other := range twins[k] {
			out[i].Equals = append(out[i].Equals, a.Problem.Needs[other].Party)
			out[i].ByLot = out[i].ByLot || a.Shares[other].Amount != a.Shares[k].Amount
		}
	}
	return out, nil
}

// place is where a party stands in a problem.
type place struct{ columns, rows []int }

func placesOf(p comity.Problem) map[party.ID]*place {
	at := map[party.ID]*place{}
	for _, n := range p.Needs {
		at[n.Party] = &place{}
	}
	for j, c := range p.Columns {
		if at[c.Party] != nil {
			at[c.Party].columns = append(at[c.Party].columns, j)
		}
	}
	for i, r := range p.Rows {
		for _, t := range r.Terms {
			here := at[p.Columns[t.Column].Party]
			if here != nil && (len(here.rows) == 0 || here.rows[len(here.rows)-1] != i) {
				here.rows = append(here.rows, i)
			}
		}
	}
	return at
}

func (a Answer) account(k int, rules []Rule, at *place) Account {
	id := a.Problem.Needs[k].Party
	out := Account{
		Party: id, Amount: a.Shares[k].Amount, Need: a.Problem.Needs[k].Amount,
		Groups: a.groups(id, at), Own: []Rule{}, Shared: []Rule{}, Equals: []party.ID{},
	}
	for _, i := range at.rows {
		if rules[i].Party != "" {
			out.Own = append(out.Own, rules[i])
		} else {
			out.Shared = append(out.Shared, rules[i])
		}
	}
	out.Level = levelOf(out.Amount, out.Need)
	out.Kept, out.Clause = out.kept(a.Problem)
	return out
}

// levelOf is nil for a party that needs nothing.
func levelOf(amount, need quantity.Amount) *Level {
	if need <= 0 {
		return nil
	}
	quotient := func(twice int64) exact.Rat { return over(exact.Int(twice), 2*int64(need)) }
	left := int64(need - amount)
	return &Level{Met: over(exact.Int(int64(amount)), int64(need)), Last: quotient(2*left + 1), Next: quotient(2*left - 1)}
}

// groups sums what each group of the party gets over pieces and periods.
func (a Answer) groups(id party.ID, at *place) []Group {
	aim := a.Problem.Stages[AimOf(a.Problem)]
	var out []Group
	for _, j := range at.columns {
		c := a.Problem.Columns[j]
		name := groupOf(c)
		i := slices.IndexFunc(out, func(g Group) bool { return g.ID == name })
		if i < 0 {
			i = len(out)
			out = append(out, Group{ID: name, Worth: signed(a.Inputs.Charter, over(exact.Int(int64(aim.Costs[j])), int64(aim.Scale)))})
		}
		out[i].Units += a.Units[j] // Below the sum of all needs, which is at most 2^50.
		out[i].Need += c.Upper
	}
	for i := range out {
		for _, g := range a.Inputs.Charter.Objective.Groups {
			if g.ID == out[i].ID {
				out[i].Weight = g.Weight
			}
		}
		// A need over a plan of several periods is bounded by a row for each piece.
		var plan quantity.Amount
		for _, r := range at.rows {
			row := a.Problem.Rows[r]
			if row.Clause == needClause && groupName(row.ID[len(needClause)+len(id)+2:]) == out[i].ID {
				plan += *row.Upper
			}
		}
		if plan > 0 {
			out[i].Need = plan
		}
	}
	return out
}

// needClause is the clause of rows that bound what a group gets over a plan
// (package program).
const needClause = "need"

// groupOf returns the group of a party's column: "KE/frontline.2@03" is of frontline.
func groupOf(c comity.Column) string { return groupName(c.ID[len(c.Party)+1:]) }

func groupName(name string) string {
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ".")
	return name
}

// short adds up by group what its columns are short of.
func (a *Account) short(p comity.Problem, at *place, short []exact.Rat) {
	if short == nil {
		return
	}
	for i := range a.Groups {
		var sum exact.Rat
		for _, j := range at.columns {
			if groupOf(p.Columns[j]) == a.Groups[i].ID {
				sum = sum.Add(short[j])
			}
		}
		a.Groups[i].Shortfall = &sum
	}
}

// kept finds what keeps the party from more: of several rules the one with the highest
// price, then the first.
func (a *Account) kept(p comity.Problem) (Kept, string) {
	if !slices.ContainsFunc(a.Groups, func(g Group) bool { return g.Units < g.Need }) {
		return ByNeed, ""
	}
	for _, c := range []struct {
		kept  Kept
		rules []Rule
		full  func(Rule) bool
	}{
		{ByCap, a.Own, func(r Rule) bool { return !r.Floor && (r.IsSum() || isSupply(r.Kind)) }},
		{ByFloor, a.Own, func(r Rule) bool { return r.Floor && r.IsSum() }},
		{ByBudget, a.Shared, func(r Rule) bool { return !r.Floor && (r.Kind == charter.Budget || isSupply(r.Kind)) }},
		{ByRule, slices.Concat(a.Own, a.Shared), func(Rule) bool { return true }},
	} {
		full := slices.DeleteFunc(slices.Clone(c.rules), func(r Rule) bool { return !r.Binds || !c.full(r) || r.Clause == needClause })
		if len(full) > 0 {
			return c.kept, slices.MaxFunc(full, func(x, y Rule) int { return cmp.Or(priceSize(x).Cmp(priceSize(y)), -cmp.Compare(x.Row, y.Row)) }).Clause
		}
	}
	for _, l := range p.Limits {
		return ByRule, l.Clause
	}
	for _, r := range a.Shared { // Within the certified gap a few units may be left over.
		if !r.Floor {
			return ByBudget, r.Clause
		}
	}
	return ByRule, ""
}

// isSupply tells whether rules of a kind bound what there is.
func isSupply(kind string) bool { return kind == charter.Stock || kind == charter.Conservation }

func priceSize(r Rule) exact.Rat {
	if r.Price == nil {
		return exact.Int(0)
	}
	if r.Price.Sign() < 0 {
		return r.Price.Neg()
	}
	return *r.Price
}

// equals lists for each need those that no number tells apart from it: exchanging the
// two parties' columns, in their order, leaves the problem as it is, apart from names.
func equals(p comity.Problem) [][]int {
	members := make([][]int, len(p.Needs))
	at := map[party.ID]int{}
	for k, n := range p.Needs {
		at[n.Party] = k
	}
	for j, c := range p.Columns {
		if k, ok := at[c.Party]; ok {
			members[k] = append(members[k], j)
		}
	}
	same := make([][]int, len(p.Needs))
	for k := range p.Needs {
		for l := range k {
			if p.Needs[k].Amount == p.Needs[l].Amount && exchangeable(p, k, l, members[k], members[l]) {
				same[k], same[l] = append(same[k], l), append(same[l], k)
			}
		}
	}
	return same
}

func exchangeable(p comity.Problem, k, l int, a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	swap := map[int]int{}
	for i := range a {
		x, y := p.Columns[a[i]], p.Columns[b[i]]
		if x.Lower != y.Lower || x.Upper != y.Upper {
			return false
		}
		swap[a[i]], swap[b[i]] = b[i], a[i]
		for _, s := range p.Stages {
			if s.Costs[a[i]] != s.Costs[b[i]] {
				return false
			}
		}
	}
	for _, s := range p.Stages {
		if len(s.Per) > 0 && s.Per[k] != s.Per[l] || len(s.Outside) > 0 && s.Outside[k] != s.Outside[l] || len(s.Power) > 0 && s.Power[k] != s.Power[l] {
			return false
		}
	}
	for _, limit := range p.Limits {
		if limit.Per[k] != limit.Per[l] {
			return false
		}
	}
	return slices.Equal(signatures(p, nil, swap), signatures(p, swap, swap))
}

// signatures lists the rows that hold an exchanged column, without their names and with
// columns renamed, in order.
func signatures(p comity.Problem, rename, among map[int]int) []canon.Digest {
	var out []canon.Digest
	for _, r := range p.Rows {
		if !slices.ContainsFunc(r.Terms, func(t comity.Term) bool { _, ok := among[t.Column]; return ok }) {
			continue
		}
		r.ID, r.Clause, r.Terms = "", "", slices.Clone(r.Terms)
		for i, t := range r.Terms {
			if to, ok := rename[t.Column]; ok {
				r.Terms[i].Column = to
			}
		}
		slices.SortFunc(r.Terms, func(x, y comity.Term) int { return cmp.Compare(x.Column, y.Column) })
		d, err := canon.DigestOf(r)
		if err != nil {
			return nil
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(x, y canon.Digest) int { return cmp.Compare(x.Hex(), y.Hex()) })
	return out
}

// Unused lists inputs that the charter names, by a declaration or a ban, and that
// nothing in it depends on, ascending.
func Unused(c comity.Charter) []string {
	used := map[string]bool{}
	for _, u := range charter.Uses(c) {
		used[u.Name] = true
		if value, ok := strings.CutPrefix(u.Name, "total."); ok {
			used["party."+value] = true
		}
	}
	var names []string
	for _, d := range c.Data {
		for _, v := range d.Values {
			names = append(names, d.As+"."+v)
		}
	}
	for _, k := range c.Constraints {
		names = append(names, k.Inputs...)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return used[n] })
	slices.Sort(names)
	return slices.Compact(names)
}
