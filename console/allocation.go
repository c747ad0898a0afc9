package console

import (
	"cmp"
	"slices"
	"strconv"

	"comity/console/account"
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

func drawAllocation(q *request) (any, error) {
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
	for _, b := range a.Budgets {
		page.Prices = append(page.Prices, q.priceSays(a, b))
	}
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
		if !b.Binds {
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

// priceSays words what one more unit of a common rule's bound would be worth.
func (q *request) priceSays(a account.Allocation, b account.Price) string {
	switch {
	case !b.Binds:
		return q.words.say("price.slack", b.Clause, grouped(int64(b.Used)), grouped(int64(b.Bound)), a.Resource)
	case b.Price.Sign() == 0:
		return q.words.say("price.zero", b.Clause, grouped(int64(b.Bound)), a.Resource)
	}
	return q.words.say("price.binds", b.Clause, grouped(int64(b.Bound)), a.Resource, a.Unit, q.words.decimal(b.Price))
}

func (q *request) proofSays(a account.Allocation) string {
	if a.Gap.Sign() == 0 {
		return q.words.say("proof.exact")
	}
	return q.words.say("proof.gap", q.words.decimal(a.Gap), q.words.decimal(a.Bound), a.MaxGap)
}

// sharePanel says in sentences why one party gets what it gets. Every number in them is
// one of the problem, the units or the prices.
func (q *request) sharePanel(a account.Allocation, e shareEntry) *sharePanel {
	s, _ := a.Of(e.ID)
	panel := &sharePanel{shareEntry: e}
	say := func(key string, parts ...any) { panel.Reasons = append(panel.Reasons, q.words.say(key, parts...)) }
	for _, g := range s.Groups {
		name := q.words.group(g.ID)
		panel.Groups = append(panel.Groups, groupRow{name, grouped(int64(g.Units)), grouped(int64(g.Need)), q.words.decimal(g.Worth)})
	}
	say("why.worth", e.Name)
	for _, f := range s.Floors {
		key := "why.floor.above"
		if f.Binds {
			key = "why.floor.binds"
		}
		say(key, f.Clause, grouped(int64(f.Bound)), a.Resource, q.book.Why(f.Clause, q.language()))
		if f.Price.Sign() < 0 {
			say("why.floor.price", f.Clause, a.Unit, q.words.decimal(f.Price.Neg()))
		}
	}
	for _, c := range s.Caps {
		key := "why.cap.below"
		if c.Binds {
			key = "why.cap.binds"
		}
		say(key, c.Clause, grouped(int64(c.Bound)), a.Resource, q.book.Why(c.Clause, q.language()))
		if c.Price.Sign() > 0 {
			say("why.cap.price", c.Clause, a.Unit, q.words.decimal(c.Price))
		}
	}
	q.whyRule(a, s, say)
	if s.Last != nil {
		say("why.last", grouped(int64(*s.Last)), q.words.date(a.Previous), signed(int64(s.Amount-*s.Last)))
	}
	if len(a.Unused) > 0 {
		say("why.unused", q.words.list(a.Unused))
	}
	return panel
}

// whyRule says what keeps the party from more.
func (q *request) whyRule(a account.Allocation, s account.Share, say func(string, ...any)) {
	switch s.Rule {
	case account.RuleNeed:
		say("why.need", a.Resource)
	case account.RuleCap, account.RuleFloor: // Said with the rule itself.
	case account.RuleBudget:
		for _, b := range a.Budgets {
			if b.Clause == s.Clause {
				say("why.budget", grouped(int64(b.Bound)), a.Resource, q.words.decimal(b.Price), a.Unit)
			}
		}
	}
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
