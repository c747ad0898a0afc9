package charter_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"comity"
	"comity/adapter/cel"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/party/partytest"
)

// small is a charter of three states and an operator that breaks no rule.
func small(t testing.TB) comity.Charter {
	t.Helper()
	states := []party.ID{"BR", "FJ", "KE"}
	c := comity.Charter{
		Comity: charter.Version1, ID: "small-3", Version: 1, Domain: "health.vaccines", Pack: "health@1",
		Title: text("Small charter"), Languages: []string{"en"}, Effective: "2026-11-20T00:00:00Z",
		Purpose: comity.Purpose{Allowed: []string{"To share vaccine."}, Banned: []string{"To watch persons."}},
		Scope:   comity.Scope{Resource: "doses", Unit: "dose", Cadence: "P7D", Periods: 1, Excludes: text("Own doses.")},
		Data: []comity.DataClause{
			{ID: "d.series", From: states, What: text("Rates."), Schema: "health/series@1", LeavesHome: "aggregate_only", Values: []string{}, Due: "P7D"},
			{ID: "d.forecast", From: states, What: text("Quantiles."), Schema: "health/forecast@1", LeavesHome: "signed_plain", Values: []string{}, Due: "P7D"},
			{ID: "d.capacity", From: states, What: text("People."), Schema: "health/capacity@1", LeavesHome: "signed_plain", As: "party", Values: []string{"population", "need"}, Due: "P7D"},
			{ID: "d.supply", From: []party.ID{"SECRETARIAT"}, What: text("Doses."), Schema: "health/supply@1", LeavesHome: "signed_plain", As: "supply", Values: []string{"doses"}, Due: "PT12H"},
		},
		Models: comity.ModelClause{
			Interface: "forecast/quantile@1", Targets: []string{"ARI incidence", "ILI incidence"}, Unit: "per 100,000 per week", Task: "forecast/quick@1", Recipe: map[string]canon.Int{"rounds": 24},
			Clause: "d.series", Disclosure: "exact", MinMembers: 3, StepSeconds: 2, RefitWeeks: 13,
		},
		Objective: comity.Objective{
			Sense:    "maximise",
			Stages:   []comity.Aim{{Counts: "worth", ID: "worth", Kind: "weighted", Measure: expr(t, `round(picture.ratio_w2, q("1/16"))`)}},
			Groups:   []comity.Group{{ID: "all", Weight: exact.Int(1), Need: expr(t, "party.need")}},
			TieBreak: []string{"least_squares_unmet", "webster", "lot"},
		},
		Constraints: []comity.Constraint{
			{ID: "c.supply", Kind: "budget", AtMost: new(expr(t, "supply.doses")), Why: text("No more than there is.")},
			{ID: "c.floor", Kind: "floor", AtLeast: new(expr(t, "supply.doses * party.population / total.population / 2")), Why: text("Half by people.")},
			{ID: "c.blind", Kind: "forbidden_inputs", Inputs: []string{"party.id", "party.name"}, Why: text("Names do not count.")},
		},
		Decisions: comity.Decisions{MaxGap: ratio(t, 1, 200)},
		Sunset:    comity.Sunset{Expires: "2027-11-20T00:00:00Z", OnExpiry: "stop"},
	}
	for _, id := range append(slices.Clone(states), "SECRETARIAT") {
		p := member(t, id)
		if id == "SECRETARIAT" {
			p.Kind, p.Weight = "agency", exact.Int(0)
		} else {
			c.Transparency.Witnesses.Of = append(c.Transparency.Witnesses.Of, partytest.Key(t, party.WitnessName(id)).Cosigner())
		}
		c.Parties = append(c.Parties, p)
	}
	c.Transparency.Witnesses.Threshold = charter.LeastWitnesses(len(states))
	c.Transparency.Log = comity.LogClause{Origin: "comity.example/small", Key: partytest.Key(t, "comity.example/small").Verifier(), Operator: "SECRETARIAT"}
	return c
}

// rich is a charter with every kind of stage and constraint, a benefit that falls,
// numbers by period, and queries about persons, that breaks no rule.
func rich(t testing.TB) comity.Charter {
	t.Helper()
	c := small(t)
	number := func(source string) *comity.Expr { return new(expr(t, source)) }
	c.Scope.Periods = 4
	c.Parties[0].Groups, c.Parties[1].Groups = []string{"inland"}, []string{"islands"}
	c.Data[3].ByPeriod = true
	c.Data, c.Privacy = append(c.Data, cases()), budget(t)
	c.Objective.Groups = append(c.Objective.Groups, comity.Group{
		ID: "late", Weight: ratio(t, 1, 3), Need: expr(t, "party.need * period.number"),
		Benefit: []comity.Piece{{Share: ratio(t, 1, 4), Weight: exact.Int(2)}, {Share: ratio(t, 3, 4), Weight: exact.Int(0)}},
	})
	c.Objective.Stages = append(c.Objective.Stages,
		comity.Aim{Counts: "worth", ID: "least", Kind: "maximin", Measure: expr(t, "1"), Per: number("party.population"), Slack: ratio(t, 1, 8)},
		comity.Aim{Counts: "worth", ID: "lesser", Kind: "leximin", Measure: expr(t, "supply.doses"), Per: number("1")},
		comity.Aim{Counts: "worth", ID: "bargain", Kind: "nash", Measure: expr(t, "1"), Outside: number("party.need / 2"), Power: number("party.population")},
	)
	rules := []comity.Constraint{
		{ID: "c.supply", Kind: "budget", Each: "period", AtMost: number("supply.doses")},
		{ID: "c.floor", Kind: "floor", Each: "party_period", Groups: []string{"all", "late"}, AtLeast: number("party.need / period.number")},
		{ID: "c.cap", Kind: "cap", AtMost: number("party.need")},
		{ID: "c.alone", Kind: "individual_rationality", Baseline: number("party.need / 9")},
		{ID: "c.balance", Kind: "conservation", Arrivals: number("supply.doses / 3")},
		{ID: "c.road", Kind: "flow_limit", From: "BR", To: "KE", AtMost: number("supply.doses / 5")},
		{ID: "c.store", Kind: "stock", Each: "all", Opening: number("7"), Arrivals: number("supply.doses"), AtMost: number("90")},
		{ID: "c.tray", Kind: "minimum_lot", Each: "party", Groups: []string{"late"}, Lot: number("12")},
		{ID: "c.ratio", Kind: "ratio", Each: "all", Groups: []string{"late"}, Of: []string{"all"}, AtLeast: number("1 / 3")},
		{ID: "c.money", Kind: "affine", Coefficient: number("party.population"), AtMost: number("total.population")},
		{ID: "c.gini", Kind: "inequality", Measure: "fairness.gini", Per: number("party.population"), AtMost: number("1 / 5")},
		{ID: "c.jain", Kind: "inequality", Measure: "fairness.jain", Per: number("party.population"), AtLeast: number("4 / 5")},
		{ID: "c.parity", Kind: "inequality", Measure: "fairness.demographic_parity", Per: number("party.population"), AtMost: number("1"), Between: []string{"inland", "islands"}},
		{ID: "c.blind", Kind: "forbidden_inputs", Inputs: []string{"party.name"}},
	}
	for i := range rules {
		rules[i].Why = text("An example.")
	}
	c.Constraints = rules
	return c
}

// cases is a clause whose rows are about persons and may be asked about.
func cases() comity.DataClause {
	return comity.DataClause{
		ID: "d.cases", From: []party.ID{"BR", "FJ", "KE"}, What: text("Cases."), Schema: "health/cases@1", LeavesHome: "aggregate_only", Values: []string{}, Due: "P7D",
		Queries: &comity.Queries{Kinds: []string{"count", "histogram"}, Personal: true, MinMembers: 3, MinimumCell: 11, Approvals: 2},
	}
}

// budget lets a release tell little, and a year sixteen times that.
func budget(t testing.TB) *comity.Privacy {
	t.Helper()
	return &comity.Privacy{
		Unit: "person", PerRelease: comity.Budget{Epsilon: ratio(t, 1, 4), Delta: ratio(t, 1, 1e9)},
		PerYear: comity.Budget{Epsilon: exact.Int(4), Delta: ratio(t, 1, 1e7)}, OnExhausted: "stop_releases",
	}
}

func member(t testing.TB, id party.ID) comity.Party {
	t.Helper()
	name := strings.ToLower(string(id))
	return comity.Party{
		ID: id, Kind: "state", Name: text("State of " + string(id)), Weight: exact.Int(1), Groups: []string{},
		Keys: comity.Threshold{Threshold: 2, Of: []string{partytest.Key(t, name+".officer-1").Verifier(), partytest.Key(t, name+".officer-2").Verifier()}},
		Node: comity.Node{Key: partytest.Key(t, name+".node").Verifier(), Transport: partytest.Transport(name)},
	}
}

func text(en string) comity.Text { return comity.Text{"en": en} }

func ratio(t testing.TB, num, den int64) exact.Rat {
	t.Helper()
	r, err := exact.Ratio(num, den)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func expr(t testing.TB, source string) comity.Expr {
	t.Helper()
	e, err := cel.Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// document writes a charter as the tree that an adapter would read, line by line.
func document(t testing.TB, c comity.Charter) charter.Node {
	t.Helper()
	d := &writer{}
	root := d.mapping(
		"comity", d.text(c.Comity), "id", d.text(c.ID), "version", d.count(c.Version), "supersedes", d.digest(c.Supersedes),
		"domain", d.text(c.Domain), "pack", d.text(c.Pack), "title", d.languages(c.Title),
		"authentic_languages", texts(d, c.Languages), "effective", d.text(c.Effective),
		"purpose", d.mapping("allowed", texts(d, c.Purpose.Allowed), "banned", texts(d, c.Purpose.Banned)),
		"parties", list(c.Parties, d.party), "scope", d.mapping("resource", d.text(c.Scope.Resource), "unit", d.text(c.Scope.Unit), "cadence", d.text(c.Scope.Cadence), "periods", d.count(c.Scope.Periods), "excludes", d.languages(c.Scope.Excludes)),
		"data", list(c.Data, d.clause), "models", d.models(c.Models),
		"objective", d.mapping("sense", d.text(c.Objective.Sense), "stages", list(c.Objective.Stages, d.stage), "groups", list(c.Objective.Groups, d.group), "tie_break", texts(d, c.Objective.TieBreak)),
		"constraints", list(c.Constraints, d.constraint), "decisions", d.mapping("max_gap", d.text(c.Decisions.MaxGap.String())),
		"transparency", d.mapping("log", d.mapping("origin", d.text(c.Transparency.Log.Origin), "key", d.text(c.Transparency.Log.Key), "operator", d.text(string(c.Transparency.Log.Operator))), "witnesses", d.threshold(c.Transparency.Witnesses)),
		"sunset", d.mapping("expires", d.text(c.Sunset.Expires), "on_expiry", d.text(c.Sunset.OnExpiry)),
	)
	if c.Privacy != nil {
		root.Fields = append(root.Fields, d.mapping("privacy", d.privacy(*c.Privacy)).Fields...)
	}
	number(&root, new(int))
	return root
}

// number gives every node a line of its own, in the order of the document.
func number(n *charter.Node, line *int) {
	*line++
	n.Line, n.Column = *line, 1
	for i := range n.Items {
		number(&n.Items[i], line)
	}
	for i := range n.Fields {
		number(&n.Fields[i].Key, line)
		number(&n.Fields[i].Value, line)
	}
}

type writer struct{}

func (*writer) mapping(pairs ...any) charter.Node {
	n := charter.Node{Shape: charter.Mapping}
	for i := 0; i < len(pairs); i += 2 {
		n.Fields = append(n.Fields, charter.Field{Key: charter.Node{Text: pairs[i].(string)}, Value: pairs[i+1].(charter.Node)})
	}
	return n
}

func list[T any](items []T, write func(T) charter.Node) charter.Node {
	n := charter.Node{Shape: charter.Sequence}
	for _, item := range items {
		n.Items = append(n.Items, write(item))
	}
	return n
}

func texts[T ~string](d *writer, items []T) charter.Node {
	return list(items, func(s T) charter.Node { return d.text(string(s)) })
}

func (*writer) text(s string) charter.Node {
	return charter.Node{Text: s, Style: charter.DoubleQuoted}
}

func (d *writer) count(n int) charter.Node { return charter.Node{Text: exact.Int(int64(n)).String()} }

func (d *writer) digest(v *canon.Digest) charter.Node {
	if v == nil {
		return charter.Node{Text: "null"}
	}
	return d.text(v.String())
}

func (d *writer) languages(text comity.Text) charter.Node {
	return d.mapping("en", d.text(text["en"]))
}

func (d *writer) expr(e comity.Expr) charter.Node {
	return d.mapping("cel", d.text(charter.Format(e)))
}

func (d *writer) threshold(t comity.Threshold) charter.Node {
	return d.mapping("threshold", d.count(t.Threshold), "of", texts(d, t.Of))
}

func (d *writer) party(p comity.Party) charter.Node {
	return d.mapping("id", d.text(string(p.ID)), "kind", d.text(p.Kind), "name", d.languages(p.Name), "weight", d.text(p.Weight.String()),
		"groups", texts(d, p.Groups), "keys", d.threshold(p.Keys), "node", d.mapping("key", d.text(p.Node.Key), "transport", d.text(p.Node.Transport)))
}

func (d *writer) clause(c comity.DataClause) charter.Node {
	n := d.mapping("id", d.text(c.ID), "from", texts(d, c.From), "what", d.languages(c.What), "schema", d.text(c.Schema),
		"leaves_home", d.text(c.LeavesHome), "due", d.text(c.Due))
	if c.As != "" {
		n.Fields = append(n.Fields, d.mapping("as", d.text(c.As), "values", texts(d, c.Values)).Fields...)
	}
	if q := c.Queries; q != nil {
		n.Fields = append(n.Fields, d.mapping("queries", d.mapping("kinds", texts(d, q.Kinds), "personal", charter.Node{Text: strconv.FormatBool(q.Personal)},
			"min_members", d.count(q.MinMembers), "minimum_cell", d.count(q.MinimumCell), "approvals", d.count(q.Approvals))).Fields...)
	}
	if c.ByPeriod {
		n.Fields = append(n.Fields, d.mapping("by_period", charter.Node{Text: "true"}).Fields...)
	}
	return n
}

func (d *writer) privacy(p comity.Privacy) charter.Node {
	budget := func(b comity.Budget) charter.Node {
		return d.mapping("epsilon", d.text(b.Epsilon.String()), "delta", d.text(b.Delta.String()))
	}
	return d.mapping("unit", d.text(p.Unit), "per_release", budget(p.PerRelease), "per_year", budget(p.PerYear), "on_exhausted", d.text(p.OnExhausted))
}

func (d *writer) models(m comity.ModelClause) charter.Node {
	n := d.mapping("interface", d.text(m.Interface), "targets", texts(d, m.Targets), "unit", d.text(m.Unit), "task", d.text(m.Task), "recipe", d.mapping("rounds", d.count(int(m.Recipe["rounds"]))),
		"clause", d.text(m.Clause), "disclosure", d.text(m.Disclosure), "min_members", d.count(m.MinMembers),
		"step_seconds", d.count(m.StepSeconds), "refit_weeks", d.count(m.RefitWeeks))
	if a := m.Adoption; a != nil {
		n.Fields = append(n.Fields, d.mapping("adoption", d.mapping(
			"canary_weeks", d.count(a.CanaryWeeks), "min_scored", d.count(a.MinScored), "adopt_ratio", d.text(a.AdoptRatio.String()),
			"rollback_ratio", d.text(a.RollbackRatio.String()), "rollback_weeks", d.count(a.RollbackWeeks), "retire_weeks", d.count(a.RetireWeeks),
		)).Fields...)
	}
	return n
}

func (d *writer) stage(a comity.Aim) charter.Node {
	n := d.mapping("id", d.text(a.ID), "kind", d.text(a.Kind), "measure", d.expr(a.Measure), "slack", d.text(a.Slack.String()))
	d.numbers(&n, "per", a.Per, "outside", a.Outside, "power", a.Power)
	return n
}

func (d *writer) group(g comity.Group) charter.Node {
	n := d.mapping("id", d.text(g.ID), "weight", d.text(g.Weight.String()), "need", d.expr(g.Need))
	if g.Benefit != nil {
		n.Fields = append(n.Fields, d.mapping("benefit", list(g.Benefit, func(p comity.Piece) charter.Node {
			return d.mapping("share", d.text(p.Share.String()), "weight", d.text(p.Weight.String()))
		})).Fields...)
	}
	return n
}

// numbers adds the expressions that are there.
func (d *writer) numbers(n *charter.Node, pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		if e := pairs[i+1].(*comity.Expr); e != nil {
			n.Fields = append(n.Fields, d.mapping(pairs[i], d.expr(*e)).Fields...)
		}
	}
}

func (d *writer) constraint(c comity.Constraint) charter.Node {
	n := d.mapping("id", d.text(c.ID), "kind", d.text(c.Kind), "why", d.languages(c.Why))
	d.numbers(&n, "at_most", c.AtMost, "at_least", c.AtLeast, "coefficient", c.Coefficient, "lot", c.Lot, "per", c.Per,
		"baseline", c.Baseline, "opening", c.Opening, "arrivals", c.Arrivals)
	for _, word := range [][2]string{{"each", c.Each}, {"measure", c.Measure}, {"from", string(c.From)}, {"to", string(c.To)}} {
		if word[1] != "" {
			n.Fields = append(n.Fields, d.mapping(word[0], d.text(word[1])).Fields...)
		}
	}
	for _, names := range []struct {
		key   string
		items []string
	}{{"groups", c.Groups}, {"of", c.Of}, {"between", c.Between}, {"inputs", c.Inputs}} {
		if names.items != nil {
			n.Fields = append(n.Fields, d.mapping(names.key, texts(d, names.items)).Fields...)
		}
	}
	return n
}
