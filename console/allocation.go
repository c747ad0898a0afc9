package console

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"comity/console/account"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

// allocationPage is what the template of the allocation draws.
type allocationPage struct {
	account.Allocation
	Lead    string
	Second  string
	Weeks   weekLinks
	Rows    []shareEntry
	Sorts   []navEntry
	Prices  []string // What one more unit would be worth, in sentences.
	Proof   string
	Checked string
	Receipt string // File name; empty if it is not written yet.
	Party   *sharePanel
	Rules   []ruleCount
	WhatIf  *whatIfPanel
}

// shareEntry is one party in bars and table.
type shareEntry struct {
	ID      party.ID
	Name    string
	Link    string
	Amount  string
	Change  string // Against the period before; empty without one.
	Per1000 string
	Bar     int64 // Thousandths of the longest bar.
	Floor   int64 // Where the party's floor stands on it; 0 without one.
	Rule    account.Rule
	Says    string // The rule, in words.
	Clause  string
	Current bool
}

// ruleCount says how many parties a rule kept from more.
type ruleCount struct {
	Rule account.Rule
	Says string
	N    int
}

// sharePanel is one party's "why".
type sharePanel struct {
	shareEntry
	Reasons []string
	Groups  []groupRow
}

type groupRow struct{ Name, Units, Need, Worth string }

func drawAllocation(ctx context.Context, q *request) (any, error) {
	a, err := q.book.Allocation(q.query.Get("week"))
	if err != nil {
		return nil, err
	}
	receipts, err := account.Receipts(q.cfg.Receipts)
	if err != nil {
		return nil, err
	}
	page := &allocationPage{Allocation: a, Weeks: q.weeks(a.Period, q.book.Decided())}
	page.Lead, page.Second, page.Rules = q.allocationLead(a)
	page.Rows, page.Sorts = q.shares(a)
	page.Prices = q.prices(a)
	page.Proof = q.proofSays(a)
	page.Checked = q.words.say("allocation.checked", len(a.Checks), a.Members)
	if len(a.Dissents) > 0 {
		page.Checked += " " + q.words.say("allocation.dissent", len(a.Dissents))
	}
	file := a.Period + "-allocation.proof"
	if slices.ContainsFunc(receipts, func(r account.Receipt) bool { return r.File == file }) {
		page.Receipt = file
	}
	i := slices.IndexFunc(page.Rows, func(e shareEntry) bool { return e.Current })
	page.Party = q.sharePanel(a, page.Rows[max(0, i)])
	page.WhatIf = q.whatIfPanel(ctx, a)
	return page, nil
}

// allocationLead says who gets what and what kept parties from more.
func (q *request) allocationLead(a account.Allocation) (lead, second string, rules []ruleCount) {
	for _, s := range a.Parties {
		says := q.words.rule(s.Rule, s.Clause)
		i := slices.IndexFunc(rules, func(r ruleCount) bool { return r.Says == says })
		if i < 0 {
			i, rules = len(rules), append(rules, ruleCount{s.Rule, says, 0})
		}
		rules[i].N++
	}
	slices.SortStableFunc(rules, func(x, y ruleCount) int { return cmp.Compare(y.N, x.N) })
	lead = q.words.say("allocation.lead", grouped(int64(a.Total)), a.Resource, len(a.Parties), q.words.date(a.Period))
	for _, b := range a.Budgets {
		if !b.Binds && b.Kind == charter.Budget {
			second = q.words.say("allocation.lead.rest", grouped(int64(b.Bound)), grouped(int64(b.Bound-b.Used))) + " "
		}
	}
	return lead, second + q.words.say("allocation.second"), rules
}

// shares lists the parties in the order that is asked for.
func (q *request) shares(a account.Allocation) ([]shareEntry, []navEntry) {
	shares := slices.Clone(a.Parties)
	order := q.query.Get("sort")
	by := map[string]func(x, y account.Share) int{
		"amount":   func(x, y account.Share) int { return cmp.Compare(y.Amount, x.Amount) },
		"per_1000": func(x, y account.Share) int { return cmp.Compare(y.Tenths, x.Tenths) },
		"name":     func(x, y account.Share) int { return cmp.Compare(q.name(x.Party), q.name(y.Party)) },
	}
	if by[order] == nil {
		order = "amount"
	}
	slices.SortStableFunc(shares, by[order])
	var sorts []navEntry
	for _, name := range []string{"amount", "per_1000", "name"} {
		sorts = append(sorts, navEntry{q.words.say("sort." + name), q.link("sort", name), name == order})
	}
	longest := quantity.Amount(1)
	for _, s := range shares {
		longest = max(longest, s.Amount)
	}
	var out []shareEntry
	for _, s := range shares {
		e := shareEntry{
			ID: s.Party, Name: q.name(s.Party), Link: q.link("party", string(s.Party)) + "#why", Amount: grouped(int64(s.Amount)),
			Bar: max(2, int64(s.Amount)*1000/int64(longest)), Rule: s.Rule, Says: q.words.rule(s.Rule, s.Clause), Clause: s.Clause,
			Current: s.Party == party.ID(q.query.Get("party")),
		}
		if s.Last != nil {
			e.Change = signed(int64(s.Amount - *s.Last))
		}
		if s.Population > 0 {
			e.Per1000 = tenths(s.Tenths)
		}
		for _, f := range s.Floors {
			e.Floor = int64(f.Bound) * 1000 / int64(longest)
		}
		out = append(out, e)
	}
	return out, sorts
}

// maxPrices bounds the common rules that a page tells the prices of; all stand in its
// JSON document.
const maxPrices = 8

// prices tells what one more unit of the common rules' bounds would be worth: of budgets,
// and of other rules over several parties that bind.
func (q *request) prices(a account.Allocation) (says []string) {
	for _, b := range a.Budgets {
		if len(says) < maxPrices && (b.Binds || b.Kind == charter.Budget) {
			says = append(says, q.priceSays(a, b))
		}
	}
	return says
}

func (q *request) priceSays(a account.Allocation, b account.Price) string {
	switch {
	case !b.Binds:
		return q.words.say("price.slack", b.Clause, grouped(int64(b.Used)), grouped(int64(b.Bound)), a.Resource)
	case b.Price == nil:
		return q.words.say("why.tree")
	case b.Price.Sign() == 0:
		return q.words.say("price.zero", b.Clause, grouped(int64(b.Bound)), a.Resource)
	}
	return q.words.say("price.binds", b.Clause, grouped(int64(b.Bound)), a.Resource, a.Unit, q.words.decimal(*b.Price))
}

func (q *request) proofSays(a account.Allocation) string {
	if a.Gap.Sign() == 0 {
		return q.words.say("proof.exact")
	}
	return q.words.say("proof.gap", q.words.decimal(a.Gap), q.words.decimal(a.Bound), a.MaxGap)
}

// teller tells in the language of the page.
func (q *request) teller() Teller { return Teller{q.words, q.book.Charter} }

// sharePanel says in sentences why one party gets what it gets. Every number in them is
// one of the problem, the units or the certificate.
func (q *request) sharePanel(a account.Allocation, e shareEntry) *sharePanel {
	s, _ := a.Of(e.ID)
	panel := &sharePanel{shareEntry: e}
	for _, g := range s.Groups {
		panel.Groups = append(panel.Groups, groupRow{q.words.group(g.ID), grouped(int64(g.Units)), grouped(int64(g.Need)), q.words.decimal(g.Worth)})
	}
	for _, r := range q.teller().Why(s.Why) {
		if r.Kind != "group" { // They stand in a table.
			panel.Reasons = append(panel.Reasons, r.Says)
		}
	}
	if s.Last != nil {
		panel.Reasons = append(panel.Reasons, q.words.say("since.total", q.words.date(a.Previous), grouped(int64(*s.Last)), signed(int64(s.Amount-*s.Last))))
	}
	if len(a.Unused) > 0 {
		panel.Reasons = append(panel.Reasons, q.words.say("why.unused", q.words.list(a.Unused)))
	}
	return panel
}

func allocationData(q *request) (any, error) { return q.book.Allocation(q.query.Get("week")) }

func allocationTable(q *request) ([][]string, error) {
	a, err := q.book.Allocation(q.query.Get("week"))
	if err != nil {
		return nil, err
	}
	rows := [][]string{{"label", "period", "party", "name", "unit", "amount", "previous_period", "previous_amount", "population", "per_1000", "rule", "clause"}}
	for _, s := range a.Parties {
		last, per := "", ""
		if s.Last != nil {
			last = s.Last.String()
		}
		if s.Population > 0 {
			per = strconv.FormatInt(s.Tenths/10, 10) + "." + strconv.FormatInt(s.Tenths%10, 10)
		}
		rows = append(rows, []string{
			q.cfg.Label, a.Period, string(s.Party), q.name(s.Party), a.Unit, s.Amount.String(), a.Previous, last,
			strconv.FormatInt(s.Population, 10), per, string(s.Rule), s.Clause,
		})
	}
	return rows, nil
}
