package charter

import (
	"fmt"
	"slices"
	"strings"

	"comity"
	"comity/party"
)

// Kinds of constraint (docs/format/charter.md, Kinds of constraint).
const (
	Budget       = "budget"
	Floor        = "floor"
	Cap          = "cap"
	Conservation = "conservation"
	FlowLimit    = "flow_limit"
	Stock        = "stock"
	MinimumLot   = "minimum_lot"
	Ratio        = "ratio"
	Affine       = "affine"
	Inequality   = "inequality"
	Rationality  = "individual_rationality"
	Forbidden    = "forbidden_inputs"
)

// Measures of inequality.
const (
	Gini   = "fairness.gini"
	Jain   = "fairness.jain"
	Parity = "fairness.demographic_parity"
)

// What a constraint holds for: each of these on its own.
const (
	EachAll         = "all"          // Everything together.
	EachPeriod      = "period"       // All parties together in a period.
	EachParty       = "party"        // One party over the whole plan.
	EachPartyPeriod = "party_period" // One party in a period.
)

// kind says which fields a constraint has besides id, kind and why.
type kind struct {
	name    string
	measure string   // Inequality: each measure has fields of its own.
	needs   []string // All of them.
	one     []string // Exactly one of them.
	may     []string
	each    []string // What each may say. Left out it is the first.
}

func kinds() []kind {
	perParty, together := []string{EachParty, EachPartyPeriod}, []string{EachAll, EachPeriod}
	groups, either := []string{"groups"}, []string{"at_least", "at_most"}
	return []kind{
		{name: Budget, needs: []string{"at_most"}, may: groups, each: together},
		{name: Floor, needs: []string{"at_least"}, may: groups, each: perParty},
		{name: Cap, needs: []string{"at_most"}, may: groups, each: perParty},
		{name: Conservation, needs: []string{"arrivals"}, may: groups},
		{name: FlowLimit, needs: []string{"at_most", "from", "to"}},
		{name: Stock, needs: []string{"arrivals", "at_most", "opening"}, may: groups, each: []string{EachAll, EachParty}},
		{name: MinimumLot, needs: []string{"lot"}, may: groups, each: perParty},
		{name: Ratio, needs: []string{"groups", "of"}, one: either, each: []string{EachParty, EachPartyPeriod, EachAll, EachPeriod}},
		{name: Affine, needs: []string{"coefficient"}, one: either, may: groups, each: together},
		{name: Inequality, measure: Gini, needs: []string{"at_most", "measure", "per"}},
		{name: Inequality, measure: Jain, needs: []string{"at_least", "measure", "per"}},
		{name: Inequality, measure: Parity, needs: []string{"at_most", "between", "measure", "per"}},
		{name: Rationality, needs: []string{"baseline"}, may: groups, each: perParty},
		{name: Forbidden, needs: []string{"inputs"}},
	}
}

// kindOf returns what c's kind, and for an inequality its measure, asks for.
func kindOf(c comity.Constraint) (kind, bool) {
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool {
		return k.name == c.Kind && (k.name != Inequality || k.measure == c.Measure)
	})
	if i < 0 {
		return kind{}, false
	}
	return all[i], true
}

// Each returns what c holds for on its own: EachAll, EachPeriod, EachParty or
// EachPartyPeriod; empty for a kind that leaves no choice.
func Each(c comity.Constraint) string {
	if k, ok := kindOf(c); ok && c.Each == "" && len(k.each) > 0 {
		return k.each[0]
	}
	return c.Each
}

// field is one field of a constraint that not every kind has.
type field struct {
	name  string
	there bool
	expr  *comity.Expr // Of a field that is one.
}

func fields(c comity.Constraint) []field {
	number := func(name string, e *comity.Expr) field { return field{name, e != nil, e} }
	list := func(name string, items []string) field { return field{name, items != nil, nil} }
	return []field{
		{"each", c.Each != "", nil},
		list("groups", c.Groups),
		number("at_most", c.AtMost),
		number("at_least", c.AtLeast),
		number("coefficient", c.Coefficient),
		list("of", c.Of),
		number("lot", c.Lot),
		{"measure", c.Measure != "", nil},
		number("per", c.Per),
		list("between", c.Between),
		number("baseline", c.Baseline),
		{"from", c.From != "", nil},
		{"to", c.To != "", nil},
		number("opening", c.Opening),
		number("arrivals", c.Arrivals),
		list("inputs", c.Inputs),
	}
}

// constraints checks the rules that no allocation may break.
func (l *linter) constraints() {
	cs := l.c.Constraints
	l.some("constraints", len(cs))
	ids := make([]string, len(cs))
	bounded := false
	for i, c := range cs {
		path := at("constraints", i)
		ids[i] = c.ID
		l.form(path+".id", c.ID, isClauseID, "words with dots between, as c.supply")
		l.languages(path+".why", c.Why) // A rule without a reason cannot be negotiated.
		l.constraint(path, c)
		bounded = bounded || c.Kind == Budget || c.Kind == Conservation || c.Kind == Stock
	}
	l.unique("constraints", ids)
	if !bounded {
		l.refuse("constraints", ruleBudget, "no constraint is a budget, a conservation or a stock", "add one, as kind: budget with at_most: supply.doses")
	}
	l.balance()
}

// Fits returns nil if c has a kind and the fields of its kind, else an error that says
// what is wrong first. Lint says more.
func Fits(c comity.Constraint) error {
	l := &linter{}
	if l.kind(c.ID, c); len(l.problems) > 0 {
		return fmt.Errorf("%s; %s", l.problems[0].Message, l.problems[0].Fix)
	}
	return nil
}

// constraint checks the fields of one constraint.
func (l *linter) constraint(path string, c comity.Constraint) {
	if !l.kind(path, c) {
		return
	}
	l.groupsOf(path+".groups", c.Groups)
	l.groupsOf(path+".of", c.Of)
	l.between(path+".between", c.Between)
	l.words(path+".inputs", c.Inputs, isInputName, "two words with a dot between, as party.name")
	if c.Kind == FlowLimit {
		l.flow(path, c)
	}
}

// kind checks that a constraint has a kind, what the kind needs and nothing else.
func (l *linter) kind(path string, c comity.Constraint) bool {
	names := []string{}
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	names = slices.Compact(names)
	k, ok := kindOf(c)
	switch {
	case !slices.Contains(names, c.Kind):
		l.choice(path+".kind", c.Kind, names...)
		return false
	case !ok && c.Measure == "":
		l.refuse(path, ruleConstraint, fmt.Sprintf("%s of kind %s has no measure", clip(c.ID), c.Kind), "add one of "+strings.Join([]string{Gini, Jain, Parity}, ", "))
		return false
	case !ok:
		l.choice(path+".measure", c.Measure, Gini, Jain, Parity)
		return false
	}
	l.parts(path, c, k)
	if c.Each != "" && len(k.each) > 0 {
		l.choice(path+".each", c.Each, k.each...)
	}
	return true
}

// parts compares the fields that a constraint has with those of its kind.
func (l *linter) parts(path string, c comity.Constraint, k kind) {
	known := slices.Concat(k.needs, k.one, k.may)
	if len(k.each) > 0 {
		known = append(known, "each")
	}
	slices.Sort(known)
	called, has := c.Kind, []string{}
	if k.measure != "" {
		called += " by " + k.measure
	}
	for _, f := range fields(c) {
		if f.there {
			has = append(has, f.name)
		}
		if f.there && !slices.Contains(known, f.name) {
			l.refuse(path+"."+f.name, ruleConstraint, fmt.Sprintf("%s of kind %s has %s, which is no field of the kind", clip(c.ID), called, f.name), "take it out; the kind has "+strings.Join(known, ", "))
		}
	}
	for _, name := range k.needs {
		if !slices.Contains(has, name) {
			l.refuse(path, ruleConstraint, fmt.Sprintf("%s of kind %s has no %s", clip(c.ID), called, name), "add it; the kind has "+strings.Join(known, ", "))
		}
	}
	missing := 0
	for _, name := range k.one {
		if !slices.Contains(has, name) {
			missing++
		}
	}
	if len(k.one) > 0 && missing != 1 {
		l.refuse(path, ruleConstraint, fmt.Sprintf("%s of kind %s has %d of %s", clip(c.ID), called, len(k.one)-missing, strings.Join(k.one, " and ")), "write one of the two")
	}
	if slices.Contains(has, "between") && len(c.Between) != 2 {
		l.refuse(path+".between", ruleBounds, fmt.Sprintf("%d groups of parties", len(c.Between)), "name two")
	}
}

// groupsOf checks a list of the objective's groups.
func (l *linter) groupsOf(path string, names []string) {
	l.words(path, names, IsWord, "a lower-case word")
	for i, name := range names {
		if !slices.ContainsFunc(l.c.Objective.Groups, func(g comity.Group) bool { return g.ID == name }) {
			l.refuse(at(path, i), ruleNoSuchGroup, fmt.Sprintf("%q is no group of the objective", clip(name)), "name one of objective.groups")
		}
	}
}

// between checks two groups of parties.
func (l *linter) between(path string, names []string) {
	l.words(path, names, isSlug, "lower-case letters, digits and hyphens")
	for i, name := range names {
		inGroup := func(id party.ID) bool { p, _ := PartyOf(l.c, id); return slices.Contains(p.Groups, name) }
		if !slices.ContainsFunc(Recipients(l.c), inGroup) {
			l.refuse(at(path, i), ruleNoSuchGroup, fmt.Sprintf("no recipient is in the group %q", clip(name)), "name a group that recipients list under groups")
		}
	}
}

// words checks a list of names in ascending order. A list that is there has items.
func (l *linter) words(path string, names []string, good func(string) bool, form string) {
	if names != nil {
		l.some(path, len(names))
	}
	for i, name := range names {
		l.form(at(path, i), name, good, form)
		if i > 0 && names[i-1] >= name {
			l.ascending(at(path, i), names[i-1], name)
		}
	}
}

// flow checks where a flow begins and ends.
func (l *linter) flow(path string, c comity.Constraint) {
	for _, end := range []struct {
		name string
		id   party.ID
	}{{"from", c.From}, {"to", c.To}} {
		if end.id != "" && !slices.Contains(Recipients(l.c), end.id) {
			l.refuse(path+"."+end.name, ruleFlow, fmt.Sprintf("%s is no recipient, so nothing balances what flows there", clip(string(end.id))), "name a party that declares party values")
		}
	}
	if c.From == c.To {
		l.refuse(path+".to", ruleFlow, fmt.Sprintf("from %s to itself", clip(string(c.From))), "name two parties")
	}
}

// balance refuses flows that no clause counts, or that several count: each would let
// the same units be used again.
func (l *linter) balance() {
	flows, balances := -1, 0
	for i, c := range l.c.Constraints {
		switch {
		case c.Kind == FlowLimit && flows < 0:
			flows = i
		case Balances(c):
			balances++
		}
	}
	if flows >= 0 && balances != 1 {
		l.refuse(at("constraints", flows), ruleFlow, fmt.Sprintf("%d constraints count what flows in and out of a party", balances), "have one conservation, or one stock with each: party")
	}
}

// Balances tells whether c counts what flows in and out of each party.
func Balances(c comity.Constraint) bool {
	return c.Kind == Conservation || c.Kind == Stock && Each(c) == EachParty
}
