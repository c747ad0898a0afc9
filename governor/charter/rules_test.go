package charter_test

import (
	"errors"
	"maps"
	"os"
	"slices"
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

// broken is a charter or a document that breaks one rule, and where.
type broken struct {
	rule, path string
	charter    func(t testing.TB, c *comity.Charter) // Changes the sealed form, or
	document   func(root *charter.Node)              // the document.
	sealedOnly bool                                  // No document says it: a compiler makes no such tree.
}

// TestEveryRuleHasAFailingExample: no rule is only words.
func TestEveryRuleHasAFailingExample(t *testing.T) {
	all := examples()
	for _, rule := range charter.Rules() {
		if !slices.ContainsFunc(all, func(b broken) bool { return b.rule == rule.ID }) {
			t.Errorf("%s (%s) has no failing example", rule.ID, rule.Says)
		}
	}
	for _, b := range all {
		t.Run(b.rule+" "+b.path, func(t *testing.T) {
			c := small(t)
			if b.charter != nil {
				b.charter(t, &c)
			}
			problems := charter.Lint(c)
			if !b.sealedOnly {
				root := document(t, c)
				if b.document != nil {
					b.document(&root)
				}
				_, problems = charter.Read(root, cel.Compile)
			}
			found := func(p charter.Problem) bool {
				return p.Rule == b.rule && p.Path == b.path && (p.Line > 0) != b.sealedOnly && p.Message != "" && p.Fix != ""
			}
			if !slices.ContainsFunc(problems, found) {
				t.Fatalf("want %s at %s, got %v", b.rule, b.path, problems.Err("f"))
			}
			if err := problems.Err("f"); !errors.Is(err, charter.ErrRefused) || !strings.HasPrefix(err.Error(), "f:") || !strings.Contains(err.Error(), "["+b.rule+"]") {
				t.Errorf("report reads %v", err)
			}
			if b.charter == nil {
				return
			}
			if _, _, err := charter.Seal(c); !errors.Is(err, charter.ErrRefused) || !strings.Contains(err.Error(), b.rule) {
				t.Errorf("Seal says %v, want %s", err, b.rule)
			}
		})
	}
}

// TestThePageHasEveryRule: what people read is what the code says.
func TestThePageHasEveryRule(t *testing.T) {
	page, err := os.ReadFile("../../docs/format/charter.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range charter.Rules() {
		if line := "| " + rule.ID + " | " + rule.Says + " |\n"; !strings.Contains(string(page), line) {
			t.Errorf("the page lacks %s", line)
		}
	}
	if digest := canon.Sum(sealed(t, small(t))).String(); !strings.Contains(string(page), digest) {
		t.Errorf("the page lacks the digest of the example, %s", digest)
	}
}

func examples() []broken {
	return slices.Concat(brokenDocuments(), brokenValues(), brokenExpressions(), brokenLaw(), brokenStages(), brokenKinds(), brokenQueries(), brokenAdoption(), brokenKeys())
}

// value returns the value at a path of keys; an empty key means the first item.
func value(n *charter.Node, keys ...string) *charter.Node {
	for _, k := range keys {
		if k == "" {
			n = &n.Items[0]
			continue
		}
		i := slices.IndexFunc(n.Fields, func(f charter.Field) bool { return f.Key.Text == k })
		n = &n.Fields[i].Value
	}
	return n
}

func plain(text string) func(n *charter.Node) {
	return func(n *charter.Node) { n.Text, n.Style = text, charter.Plain }
}

// doc is an example that changes one value of the document.
func doc(rule, path string, change func(*charter.Node), keys ...string) broken {
	return broken{rule: rule, path: path, document: func(root *charter.Node) { change(value(root, keys...)) }}
}

func brokenDocuments() []broken {
	erased := func(n *charter.Node) { *n = charter.Node{Line: n.Line, Column: n.Column} }
	quoted := func(text string) func(*charter.Node) {
		return func(n *charter.Node) { n.Text, n.Style = text, charter.DoubleQuoted }
	}
	return []broken{
		doc("E101", "charter", erased),
		doc("E101", "purpose", erased, "purpose"),
		doc("E101", "parties", erased, "parties"),
		doc("E101", "id", func(n *charter.Node) { n.Shape = charter.Sequence }, "id"),
		doc("E102", "objektive", func(n *charter.Node) { n.Fields[0].Key.Text = "objektive" }),
		doc("E102", "parties[0].wait", func(n *charter.Node) { n.Fields[3].Key.Text = "wait" }, "parties", ""),
		doc("E103", "comity", func(n *charter.Node) { n.Fields = n.Fields[1:] }),
		doc("E103", "parties[0].id", func(n *charter.Node) { n.Fields = n.Fields[1:] }, "parties", ""),
		doc("E104", "comity", func(n *charter.Node) { n.Fields = append(n.Fields, n.Fields[0]) }),
		doc("E104", "title.en", func(n *charter.Node) { n.Fields = append(n.Fields, n.Fields[0]) }, "title"),
		doc("E105", "parties[0].id", plain("NO"), "parties", "", "id"),
		doc("E105", "data[0].from[0]", plain("BR"), "data", "", "from", ""),
		doc("E106", "version", plain("1.0"), "version"),
		doc("E106", "version", plain("01"), "version"),
		doc("E106", "version", quoted("1"), "version"),
		doc("E106", "version", plain("9007199254740992"), "version"),
		doc("E106", "models.recipe.rounds", plain("9223372036854775808"), "models", "recipe", "rounds"),
		doc("E107", "id", plain("12:30:00"), "id"),
		doc("E107", "id", plain("2026-11-20"), "id"),
		doc("E107", "title.en", plain("no"), "title", "en"),
		doc("E107", "title.en", plain(""), "title", "en"),
		doc("E107", "title", func(n *charter.Node) { n.Fields[0].Key.Text = "no" }, "title"),
		doc("E108", "decisions.max_gap", plain("0.005"), "decisions", "max_gap"),
		doc("E108", "decisions.max_gap", quoted("1e-3"), "decisions", "max_gap"),
		doc("E108", "parties[0].weight", quoted("one"), "parties", "", "weight"),
		doc("E115", "supersedes", plain("none"), "supersedes"),
		doc("E115", "supersedes", quoted("sha256:12"), "supersedes"),
		doc("E116", "purpose.banned", func(n *charter.Node) { n.Items = make([]charter.Node, 300) }, "purpose", "banned"),
		doc("E118", "data[0].by_period", func(n *charter.Node) {
			n.Fields = append(n.Fields, charter.Field{Key: charter.Node{Text: "by_period"}, Value: charter.Node{Text: "yes", Line: 1, Column: 1}})
		}, "data", ""),
		doc("E119", "parties", func(n *charter.Node) { *n = charter.Node{Text: "founding", Line: n.Line, Column: 1} }, "parties"),
		doc("E119", "transparency", func(n *charter.Node) { *n = charter.Node{Text: "founding", Line: n.Line, Column: 1} }, "transparency"),
		doc("E201", "objective.stages[0].measure.cel", quoted("party.need * 0.5"), "objective", "stages", "", "measure", "cel"),
		doc("E201", "objective.stages[0].measure.cel", quoted("party.need *"), "objective", "stages", "", "measure", "cel"),
	}
}

// law is an example that changes the sealed form.
func law(rule, path string, change func(t testing.TB, c *comity.Charter)) broken {
	return broken{rule: rule, path: path, charter: change}
}

func brokenValues() []broken {
	return []broken{
		law("E107", "purpose.banned[0]", func(_ testing.TB, c *comity.Charter) { c.Purpose.Banned = []string{" "} }),
		law("E107", "title.en", func(_ testing.TB, c *comity.Charter) { c.Title = text("a\x1b[31mb") }),
		law("E107", "title.en", func(_ testing.TB, c *comity.Charter) { c.Title = text(strings.Repeat("x", 5000)) }),
		law("E109", "id", func(_ testing.TB, c *comity.Charter) { c.ID = "Small Charter" }),
		law("E109", "pack", func(_ testing.TB, c *comity.Charter) { c.Pack = "health" }),
		law("E109", "data[0].id", func(_ testing.TB, c *comity.Charter) { c.Data[0].ID = "series" }),
		law("E109", "data[2].values[0]", func(_ testing.TB, c *comity.Charter) { c.Data[2].Values[0] = "in" }),
		law("E109", "transparency.log.origin", func(_ testing.TB, c *comity.Charter) { c.Transparency.Log.Origin = "a b" }),
		law("E110", "parties[0].id", func(_ testing.TB, c *comity.Charter) { c.Parties[0].ID = "Brazil" }),
		law("E111", "scope.cadence", func(_ testing.TB, c *comity.Charter) { c.Scope.Cadence = "P1M" }),
		law("E111", "data[0].due", func(_ testing.TB, c *comity.Charter) { c.Data[0].Due = "weekly" }),
		law("E112", "effective", func(_ testing.TB, c *comity.Charter) { c.Effective = "2026-11-20T00:00:00+01:00" }),
		law("E112", "sunset.expires", func(_ testing.TB, c *comity.Charter) { c.Sunset.Expires = "2027-02-30T00:00:00Z" }),
		law("E113", "title", func(_ testing.TB, c *comity.Charter) { c.Languages = []string{"en", "fr"} }),
		law("E113", "authentic_languages[1]", func(_ testing.TB, c *comity.Charter) { c.Languages = []string{"en", "en"} }),
		law("E113", "authentic_languages[0]", func(_ testing.TB, c *comity.Charter) { c.Languages = []string{"English"} }),
		law("E114", "comity", func(_ testing.TB, c *comity.Charter) { c.Comity = "charter/v2" }),
		law("E114", "parties[0].kind", func(_ testing.TB, c *comity.Charter) { c.Parties[0].Kind = "stat" }),
		law("E114", "data[0].leaves_home", func(_ testing.TB, c *comity.Charter) { c.Data[0].LeavesHome = "aggregate" }),
		law("E114", "data[2].as", func(_ testing.TB, c *comity.Charter) { c.Data[2].As = "picture" }),
		law("E114", "constraints[0].kind", func(_ testing.TB, c *comity.Charter) { c.Constraints[0].Kind = "gini" }),
		law("E114", "objective.sense", func(_ testing.TB, c *comity.Charter) { c.Objective.Sense = "minimize!" }),
		law("E114", "sunset.on_expiry", func(_ testing.TB, c *comity.Charter) { c.Sunset.OnExpiry = "go on" }),
		law("E116", "models.step_seconds", func(_ testing.TB, c *comity.Charter) { c.Models.StepSeconds = 0 }),
		law("E116", "models.targets", func(_ testing.TB, c *comity.Charter) { c.Models.Targets = nil }),
		law("E107", "title.en", func(_ testing.TB, c *comity.Charter) { c.Title = text("a\u202eb") }),
		law("E107", "models.unit", func(_ testing.TB, c *comity.Charter) { c.Models.Unit = "" }),
		law("E116", "purpose.allowed", func(_ testing.TB, c *comity.Charter) { c.Purpose.Allowed = nil }),
	}
}

func brokenExpressions() []broken {
	measure := func(rule, source string) broken {
		return law(rule, "objective.stages[0].measure", func(t testing.TB, c *comity.Charter) { c.Objective.Stages[0].Measure = expr(t, source) })
	}
	budget := func(source string) broken {
		return law("E203", "constraints[0].at_most", func(t testing.TB, c *comity.Charter) { c.Constraints[0].AtMost = new(expr(t, source)) })
	}
	return []broken{
		measure("E202", "party.populatoin"),
		measure("E202", "supply.need"),
		measure("E202", "total.doses"),
		measure("E202", "picture.ratio_w5"),
		budget("party.population"),
		budget("min(supply.doses, picture.ratio_w1)"),
		measure("E206", "party.need / 0"),
		measure("E206", "party.need / (2 - 2)"),
		measure("E206", "round(party.need, 0 - 1)"),
		law("E205", "objective.stages[0].measure", func(t testing.TB, c *comity.Charter) {
			c.Constraints[2].Inputs = []string{"party.id", "party.need"}
			c.Objective.Stages[0].Measure = expr(t, "party.need")
		}),
		{rule: "E204", path: "objective.stages[0].measure", sealedOnly: true, charter: func(_ testing.TB, c *comity.Charter) {
			c.Objective.Stages[0].Measure = comity.Expr{Op: "input", Name: "party.Need"}
		}},
	}
}

func brokenLaw() []broken {
	return []broken{
		law("E301", "version", func(_ testing.TB, c *comity.Charter) { c.Version = 0 }),
		law("E301", "supersedes", func(_ testing.TB, c *comity.Charter) { c.Version = 2 }),
		law("E301", "supersedes", func(_ testing.TB, c *comity.Charter) { c.Supersedes = &canon.Digest{1} }),
		law("E302", "parties", func(_ testing.TB, c *comity.Charter) { c.Parties = c.Parties[:1] }),
		law("E303", "parties[1].id", func(_ testing.TB, c *comity.Charter) { slices.Reverse(c.Parties) }),
		law("E303", "parties[1].id", func(_ testing.TB, c *comity.Charter) { c.Parties[1].ID = c.Parties[0].ID }),
		law("E303", "data[0].from[1]", func(_ testing.TB, c *comity.Charter) { c.Data[0].From = []party.ID{"KE", "BR"} }),
		law("E303", "constraints[2].inputs[1]", func(_ testing.TB, c *comity.Charter) { slices.Reverse(c.Constraints[2].Inputs) }),
		law("E303", "models.targets[1]", func(_ testing.TB, c *comity.Charter) { slices.Reverse(c.Models.Targets) }),
		law("E306", "parties[3].weight", func(_ testing.TB, c *comity.Charter) { c.Parties[3].Weight = exact.Int(-1) }),
		law("E306", "parties[0].weight", func(_ testing.TB, c *comity.Charter) { c.Parties[0].Kind = "observer" }),
		law("E306", "parties", func(_ testing.TB, c *comity.Charter) {
			for i := range c.Parties {
				c.Parties[i].Weight = exact.Int(0)
			}
		}),
		law("E309", "data[0].from[0]", func(_ testing.TB, c *comity.Charter) { c.Data[0].From = []party.ID{"AA"} }),
		law("E310", "data[2].values[1]", func(_ testing.TB, c *comity.Charter) { c.Data[2].Values = []string{"need", "need"} }),
		law("E311", "data[2]", func(_ testing.TB, c *comity.Charter) { c.Data[2].Values = nil }),
		law("E311", "data[2]", func(_ testing.TB, c *comity.Charter) { c.Data[2].LeavesHome = "nothing" }),
		law("E311", "data[1]", func(_ testing.TB, c *comity.Charter) { c.Data[1].As, c.Data[1].Values = "party", []string{"x"} }),
		law("E311", "data[3].from", func(_ testing.TB, c *comity.Charter) { c.Data[3].From = []party.ID{"BR", "FJ"} }),
		law("E312", "models.clause", func(_ testing.TB, c *comity.Charter) { c.Models.Clause = "d.none" }),
		law("E312", "models.clause", func(_ testing.TB, c *comity.Charter) { c.Models.Clause = "d.capacity" }),
		law("E313", "models.disclosure", func(_ testing.TB, c *comity.Charter) { c.Models.Disclosure = "dp" }),
		law("E314", "models.min_members", func(_ testing.TB, c *comity.Charter) { c.Models.MinMembers = 2 }),
		law("E314", "models.min_members", func(_ testing.TB, c *comity.Charter) { c.Models.MinMembers = 4 }),
		law("E315", "constraints[0]", func(_ testing.TB, c *comity.Charter) { c.Constraints[0].AtMost = nil }),
		law("E315", "constraints[1].at_most", func(_ testing.TB, c *comity.Charter) { c.Constraints[1].AtMost = c.Constraints[0].AtMost }),
		law("E315", "constraints[2]", func(_ testing.TB, c *comity.Charter) { c.Constraints[2].Inputs = nil }),
		law("E316", "decisions.max_gap", func(_ testing.TB, c *comity.Charter) { c.Decisions.MaxGap = exact.Int(1) }),
		law("E316", "decisions.max_gap", func(_ testing.TB, c *comity.Charter) { c.Decisions.MaxGap = exact.Int(-1) }),
		law("E317", "sunset.expires", func(_ testing.TB, c *comity.Charter) { c.Sunset.Expires = c.Effective }),
		law("E317", "sunset.expires", func(_ testing.TB, c *comity.Charter) { c.Sunset.Expires = "2029-11-20T00:00:01Z" }),
		law("E318", "purpose.banned", func(_ testing.TB, c *comity.Charter) { c.Purpose.Banned = nil }),
		law("E319", "data[1].id", func(_ testing.TB, c *comity.Charter) { c.Data[1].ID = "d.series" }),
		law("E319", "constraints[1].id", func(_ testing.TB, c *comity.Charter) { c.Constraints[1].ID = "c.supply" }),
		law("E319", "objective.groups[1].id", func(_ testing.TB, c *comity.Charter) {
			c.Objective.Groups = append(c.Objective.Groups, c.Objective.Groups[0])
		}),
		law("E320", "objective.groups[0].weight", func(_ testing.TB, c *comity.Charter) { c.Objective.Groups[0].Weight = exact.Int(0) }),
		law("E320", "objective.tie_break", func(_ testing.TB, c *comity.Charter) { c.Objective.TieBreak = []string{"lot"} }),
		law("E321", "data[2].from", func(_ testing.TB, c *comity.Charter) {
			c.Data[2].From = c.Data[2].From[:2]
			other := c.Data[2]
			other.ID, other.From, other.Values = "d.more", []party.ID{"KE"}, []string{"more"}
			c.Data = append(c.Data, other)
		}),
		law("E321", "data", func(_ testing.TB, c *comity.Charter) { c.Data[0].From = c.Data[0].From[:2] }),
		law("E322", "constraints", func(_ testing.TB, c *comity.Charter) { c.Constraints = c.Constraints[1:] }),
	}
}

// stage is an example that changes the first stage.
func stage(rule, path string, change func(a *comity.Aim)) broken {
	return law(rule, path, func(_ testing.TB, c *comity.Charter) { change(&c.Objective.Stages[0]) })
}

func brokenStages() []broken {
	const path = "objective.stages[0]"
	one := new(comity.Expr{Op: "const", Value: new(exact.Int(1))})
	quarter, err := exact.Ratio(1, 4)
	if err != nil {
		panic(err)
	}
	piece := func(share, weight int64) comity.Piece {
		s, err := exact.Ratio(share, 4)
		if err != nil {
			panic(err)
		}
		return comity.Piece{Share: s, Weight: exact.Int(weight)}
	}
	benefit := func(path string, pieces ...comity.Piece) broken {
		return law("E324", "objective.groups[0].benefit"+path, func(_ testing.TB, c *comity.Charter) { c.Objective.Groups[0].Benefit = pieces })
	}
	return []broken{
		law("E116", "objective.stages", func(_ testing.TB, c *comity.Charter) { c.Objective.Stages = nil }),
		stage("E109", path+".id", func(a *comity.Aim) { a.ID = "c.worth" }),
		stage("E114", path+".kind", func(a *comity.Aim) { a.Kind = "utilitarian" }),
		stage("E323", path+".id", func(a *comity.Aim) { a.ID = "evenness" }),
		stage("E323", path+".per", func(a *comity.Aim) { a.Per = one }),
		stage("E323", path+".outside", func(a *comity.Aim) { a.Kind, a.Per, a.Outside = "leximin", one, one }),
		stage("E323", path, func(a *comity.Aim) { a.Kind = "maximin" }),
		stage("E323", path, func(a *comity.Aim) { a.Kind, a.Power = "nash", one }),
		stage("E323", path+".slack", func(a *comity.Aim) { a.Kind, a.Outside, a.Slack = "nash", one, quarter }),
		law("E323", path+".kind", func(_ testing.TB, c *comity.Charter) {
			c.Objective.Sense, c.Objective.Stages[0].Kind, c.Objective.Stages[0].Per = "minimise", "leximin", one
		}),
		law("E319", "objective.stages[1].id", func(_ testing.TB, c *comity.Charter) {
			c.Objective.Stages = append(c.Objective.Stages, c.Objective.Stages[0])
		}),
		stage("E325", path+".slack", func(a *comity.Aim) { a.Slack = exact.Int(1) }),
		stage("E325", path+".slack", func(a *comity.Aim) { a.Slack = exact.Int(-1) }),
		stage("E325", path+".per", func(a *comity.Aim) {
			a.Kind, a.Per = "leximin", new(comity.Expr{Op: "const", Value: new(exact.Int(0))})
		}),
		stage("E325", path+".power", func(a *comity.Aim) {
			a.Kind, a.Outside, a.Power = "nash", one, new(comity.Expr{Op: "const", Value: new(exact.Int(-1))})
		}),
		benefit("", piece(3, 2)),
		benefit("[1].weight", piece(2, 1), piece(2, 1)),
		benefit("[0].share", piece(0, 2), piece(4, 1)),
		benefit("[0].weight", piece(4, -1)),
		law("E324", "objective.groups[0].benefit", func(_ testing.TB, c *comity.Charter) {
			c.Objective.Sense, c.Objective.Groups[0].Benefit = "minimise", []comity.Piece{piece(4, 1)}
		}),
		law("E116", "objective.groups[0].benefit", func(_ testing.TB, c *comity.Charter) { c.Objective.Groups[0].Benefit = []comity.Piece{} }),
		law("E116", "scope.periods", func(_ testing.TB, c *comity.Charter) { c.Scope.Periods = 0 }),
		law("E116", "scope.periods", func(_ testing.TB, c *comity.Charter) { c.Scope.Periods = 521 }),
	}
}

func brokenQueries() []broken {
	asked := func(rule, field string, change func(c *comity.Charter, q *comity.Queries)) broken {
		return law(rule, field, func(t testing.TB, c *comity.Charter) {
			c.Data, c.Privacy = append(c.Data, cases()), budget(t)
			change(c, c.Data[4].Queries)
		})
	}
	spent := func(field string, change func(p *comity.Privacy)) broken {
		return asked("E329", field, func(c *comity.Charter, _ *comity.Queries) { change(c.Privacy) })
	}
	const path = "data[4].queries"
	return []broken{
		asked("E313", "models.disclosure", func(c *comity.Charter, _ *comity.Queries) { c.Models.Clause = "d.cases" }),
		asked("E328", path, func(c *comity.Charter, _ *comity.Queries) { c.Data[4].LeavesHome = "nothing" }),
		asked("E116", path+".kinds", func(_ *comity.Charter, q *comity.Queries) { q.Kinds = nil }),
		asked("E114", path+".kinds[0]", func(_ *comity.Charter, q *comity.Queries) { q.Kinds = []string{"rows"} }),
		asked("E303", path+".kinds[1]", func(_ *comity.Charter, q *comity.Queries) { q.Kinds = []string{"sum", "sum"} }),
		asked("E314", path+".min_members", func(_ *comity.Charter, q *comity.Queries) { q.MinMembers = 2 }),
		asked("E116", path+".minimum_cell", func(_ *comity.Charter, q *comity.Queries) { q.MinimumCell = -1 }),
		asked("E328", path+".approvals", func(_ *comity.Charter, q *comity.Queries) { q.Approvals = 4 }),
		asked("E329", path+".personal", func(c *comity.Charter, _ *comity.Queries) { c.Privacy = nil }),
		asked("E114", "privacy.unit", func(c *comity.Charter, _ *comity.Queries) { c.Privacy.Unit = "household" }),
		asked("E114", "privacy.on_exhausted", func(c *comity.Charter, _ *comity.Queries) { c.Privacy.OnExhausted = "go_on" }),
		spent("privacy.per_release", func(p *comity.Privacy) { p.PerRelease.Epsilon = exact.Int(5) }),
		spent("privacy.per_release", func(p *comity.Privacy) { p.PerYear.Delta = p.PerRelease.Delta.Mul(p.PerRelease.Delta) }),
		spent("privacy.per_release.epsilon", func(p *comity.Privacy) { p.PerRelease.Epsilon = exact.Int(0) }),
		spent("privacy.per_year.epsilon", func(p *comity.Privacy) { p.PerYear.Epsilon = exact.Int(21) }),
		spent("privacy.per_year.delta", func(p *comity.Privacy) { p.PerYear.Delta = exact.Int(1) }),
		spent("privacy.per_release.delta", func(p *comity.Privacy) { p.PerRelease.Delta = exact.Int(0) }),
	}
}

// clause is an example that adds one constraint, as the fourth.
func clause(rule, field string, change func(t testing.TB, c *comity.Charter, k *comity.Constraint)) broken {
	return law(rule, "constraints[3]"+field, func(t testing.TB, c *comity.Charter) {
		c.Scope.Periods = 2
		k := comity.Constraint{ID: "c.more", Why: text("An example.")}
		change(t, c, &k)
		c.Constraints = append(c.Constraints, k)
	})
}

func brokenKinds() []broken {
	return slices.Concat(wrongFields(), wrongNumbers(), []broken{
		clause("E114", ".each", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.AtMost, k.Each = "cap", new(expr(t, "7")), "period"
		}),
		clause("E114", ".measure", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.AtMost, k.Measure = "inequality", new(expr(t, "7")), "fairness.theil_t"
		}),
		clause("E116", ".groups", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.AtMost, k.Groups = "cap", new(expr(t, "7")), []string{}
		}),
		clause("E116", ".between", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Measure, k.AtMost, k.Per, k.Between = "inequality", charter.Parity, new(expr(t, "1")), new(expr(t, "party.population")), []string{"islands"}
		}),
		clause("E303", ".groups[1]", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.AtMost, k.Groups = "cap", new(expr(t, "7")), []string{"all", "all"}
		}),
		clause("E327", ".groups[0]", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.AtMost, k.Groups = "cap", new(expr(t, "7")), []string{"frontline"}
		}),
		clause("E327", ".between[0]", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Measure, k.AtMost, k.Per, k.Between = "inequality", charter.Parity, new(expr(t, "1")), new(expr(t, "party.population")), []string{"inland", "islands"}
		}),
		clause("E326", ".to", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.From, k.To, k.AtMost = "flow_limit", "BR", "SECRETARIAT", new(expr(t, "7"))
		}),
		clause("E326", ".to", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.From, k.To, k.AtMost = "flow_limit", "BR", "BR", new(expr(t, "7"))
		}),
		clause("E326", "", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.From, k.To, k.AtMost = "flow_limit", "BR", "FJ", new(expr(t, "7"))
		}),
		clause("E205", ".from", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.From, k.To, k.AtMost = "flow_limit", "BR", "FJ", new(expr(t, "7"))
		}),
		clause("E205", ".between", func(t testing.TB, c *comity.Charter, k *comity.Constraint) {
			c.Constraints[2].Inputs = []string{"party.groups"}
			k.Kind, k.Measure, k.AtMost, k.Per, k.Between = "inequality", charter.Parity, new(expr(t, "1")), new(expr(t, "party.population")), []string{"inland", "islands"}
		}),
		clause("E205", ".coefficient", func(t testing.TB, c *comity.Charter, k *comity.Constraint) {
			c.Constraints[2].Inputs = []string{"party.population"}
			k.Kind, k.Coefficient, k.AtMost = "affine", new(expr(t, "total.population")), new(expr(t, "1"))
		}),
		law("E311", "data[0].by_period", func(_ testing.TB, c *comity.Charter) { c.Data[0].ByPeriod = true }),
	})
}

// wrongFields gives every kind what it has not, and takes away what it has.
func wrongFields() []broken {
	fields := map[string]func(k *comity.Constraint, e *comity.Expr){
		".at_most":     func(k *comity.Constraint, e *comity.Expr) { k.AtMost = e },
		".at_least":    func(k *comity.Constraint, e *comity.Expr) { k.AtLeast = e },
		".coefficient": func(k *comity.Constraint, e *comity.Expr) { k.Coefficient = e },
		".lot":         func(k *comity.Constraint, e *comity.Expr) { k.Lot = e },
		".per":         func(k *comity.Constraint, e *comity.Expr) { k.Per = e },
		".baseline":    func(k *comity.Constraint, e *comity.Expr) { k.Baseline = e },
		".opening":     func(k *comity.Constraint, e *comity.Expr) { k.Opening = e },
		".arrivals":    func(k *comity.Constraint, e *comity.Expr) { k.Arrivals = e },
		".groups":      func(k *comity.Constraint, _ *comity.Expr) { k.Groups = []string{"all"} },
		".of":          func(k *comity.Constraint, _ *comity.Expr) { k.Of = []string{"all"} },
		".between":     func(k *comity.Constraint, _ *comity.Expr) { k.Between = []string{"a", "b"} },
		".inputs":      func(k *comity.Constraint, _ *comity.Expr) { k.Inputs = []string{"party.id"} },
		".each":        func(k *comity.Constraint, _ *comity.Expr) { k.Each = "party" },
		".from":        func(k *comity.Constraint, _ *comity.Expr) { k.From = "BR" },
		".to":          func(k *comity.Constraint, _ *comity.Expr) { k.To = "BR" },
	}
	wrong := map[string][]string{
		"budget":                 {".at_least", ".lot", ".per"},
		"floor":                  {".at_most", ".coefficient", ".baseline"},
		"cap":                    {".at_least", ".arrivals", ".from"},
		"conservation":           {".at_most", ".each", ".opening"},
		"flow_limit":             {".each", ".groups", ".at_least"},
		"stock":                  {".at_least", ".lot", ".to"},
		"minimum_lot":            {".at_most", ".at_least", ".of"},
		"ratio":                  {".coefficient", ".between", ".per"},
		"affine":                 {".of", ".per", ".inputs"},
		"individual_rationality": {".at_least", ".at_most", ".inputs"},
		"forbidden_inputs":       {".groups", ".each", ".at_most"},
	}
	var all []broken
	for _, kind := range slices.Sorted(maps.Keys(wrong)) {
		for _, name := range wrong[kind] {
			all = append(all, clause("E315", name, func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
				k.Kind = kind
				fields[name](k, new(expr(t, "1")))
			}))
		}
		all = append(all, clause("E315", "", func(_ testing.TB, _ *comity.Charter, k *comity.Constraint) { k.Kind = kind }))
	}
	return append(all,
		clause("E315", "", func(_ testing.TB, _ *comity.Charter, k *comity.Constraint) { k.Kind = "inequality" }),
		clause("E315", "", func(_ testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Measure = "inequality", charter.Parity
		}),
		clause("E315", ".between", func(_ testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Measure, k.Between = "inequality", charter.Gini, []string{"a", "b"}
		}),
		clause("E315", ".at_most", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Measure, k.AtMost = "inequality", charter.Jain, new(expr(t, "1"))
		}),
		clause("E315", "", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Groups, k.Of, k.AtMost, k.AtLeast = "ratio", []string{"all"}, []string{"all"}, new(expr(t, "1")), new(expr(t, "1"))
		}),
	)
}

// wrongNumbers puts numbers where they differ from what they stand for.
func wrongNumbers() []broken {
	byPeriod := func(c *comity.Charter) { c.Data[2].ByPeriod = true }
	return []broken{
		clause("E203", ".at_most", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Coefficient, k.AtMost = "affine", new(expr(t, "party.need")), new(expr(t, "party.need"))
		}),
		clause("E203", ".opening", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Opening, k.Arrivals, k.AtMost = "stock", new(expr(t, "party.need")), new(expr(t, "1")), new(expr(t, "1"))
		}),
		clause("E203", ".at_most", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.From, k.To, k.AtMost = "flow_limit", "BR", "FJ", new(expr(t, "picture.ratio_w1"))
		}),
		clause("E207", ".at_most", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.AtMost = "cap", new(expr(t, "period.number"))
		}),
		clause("E207", ".at_most", func(t testing.TB, c *comity.Charter, k *comity.Constraint) {
			byPeriod(c)
			k.Kind, k.AtMost = "cap", new(expr(t, "party.need"))
		}),
		clause("E207", ".opening", func(t testing.TB, c *comity.Charter, k *comity.Constraint) {
			byPeriod(c)
			k.Kind, k.Opening, k.Arrivals, k.AtMost = "stock", new(expr(t, "total.need")), new(expr(t, "total.need")), new(expr(t, "1"))
		}),
		clause("E207", ".per", func(t testing.TB, c *comity.Charter, k *comity.Constraint) {
			byPeriod(c)
			k.Kind, k.Measure, k.AtMost, k.Per = "inequality", charter.Gini, new(expr(t, "1/5")), new(expr(t, "party.need"))
		}),
		law("E202", "objective.stages[0].measure", func(t testing.TB, c *comity.Charter) { // A plan of one period has none to count.
			c.Objective.Stages[0].Measure = expr(t, "period.number")
		}),
		clause("E325", ".lot", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Lot = "minimum_lot", new(expr(t, "0 - 1"))
		}),
		clause("E325", ".at_most", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Measure, k.AtMost, k.Per = "inequality", charter.Gini, new(expr(t, "3/2")), new(expr(t, "party.need"))
		}),
		clause("E325", ".at_least", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Measure, k.AtLeast, k.Per = "inequality", charter.Jain, new(expr(t, "0 - 1")), new(expr(t, "party.need"))
		}),
		clause("E325", ".at_least", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Measure, k.AtLeast, k.Per = "inequality", charter.Jain, new(expr(t, "0")), new(expr(t, "party.need"))
		}),
		clause("E325", ".per", func(t testing.TB, _ *comity.Charter, k *comity.Constraint) {
			k.Kind, k.Measure, k.AtMost, k.Per = "inequality", charter.Gini, new(expr(t, "1/5")), new(expr(t, "0"))
		}),
	}
}

func brokenKeys() []broken {
	return []broken{
		law("E117", "parties[0].keys.of[0]", func(_ testing.TB, c *comity.Charter) { c.Parties[0].Keys.Of[0] = "br+00000000+AAAA" }),
		law("E117", "parties[0].node.key", func(t testing.TB, c *comity.Charter) { c.Parties[0].Node.Key = partytest.Key(t, "br.node").Cosigner() }),
		law("E117", "parties[0].node.transport", func(_ testing.TB, c *comity.Charter) {
			c.Parties[0].Node.Transport = "U" + c.Parties[0].Node.Transport[:55]
		}),
		law("E117", "transparency.log.key", func(t testing.TB, c *comity.Charter) {
			c.Transparency.Log.Key = partytest.Key(t, "comity.example/small").Cosigner()
		}),
		law("E117", "transparency.witnesses.of[0]", func(t testing.TB, c *comity.Charter) {
			c.Transparency.Witnesses.Of[0] = partytest.Key(t, "br.witness").Verifier()
		}),
		law("E304", "parties[1].keys.of[0]", func(_ testing.TB, c *comity.Charter) { c.Parties[1].Keys.Of[0] = c.Parties[0].Keys.Of[0] }),
		law("E304", "parties[0].node.key", func(_ testing.TB, c *comity.Charter) { c.Parties[0].Node.Key = c.Parties[0].Keys.Of[0] }),
		law("E304", "parties[1].node.transport", func(_ testing.TB, c *comity.Charter) { c.Parties[1].Node.Transport = c.Parties[0].Node.Transport }),
		law("E304", "transparency.witnesses.of[1]", func(_ testing.TB, c *comity.Charter) {
			c.Transparency.Witnesses.Of[1] = c.Transparency.Witnesses.Of[0]
		}),
		law("E305", "parties[0].keys.threshold", func(_ testing.TB, c *comity.Charter) { c.Parties[0].Keys.Threshold = 3 }),
		law("E305", "parties[0].keys.threshold", func(_ testing.TB, c *comity.Charter) { c.Parties[0].Keys.Threshold = 0 }),
		law("E305", "transparency.witnesses.threshold", func(_ testing.TB, c *comity.Charter) { c.Transparency.Witnesses.Threshold = 4 }),
		law("E307", "transparency.witnesses.threshold", func(_ testing.TB, c *comity.Charter) { c.Transparency.Witnesses.Threshold = 2 }),
		law("E307", "transparency.witnesses.of[0]", func(t testing.TB, c *comity.Charter) {
			c.Transparency.Witnesses.Of[0] = partytest.Key(t, "xx.witness").Cosigner()
		}),
		law("E308", "transparency.log.operator", func(_ testing.TB, c *comity.Charter) { c.Transparency.Log.Operator = "XX" }),
		law("E308", "transparency.witnesses.of[0]", func(_ testing.TB, c *comity.Charter) { c.Transparency.Log.Operator = "BR" }),
		law("E308", "transparency.log.key", func(t testing.TB, c *comity.Charter) {
			c.Transparency.Log.Key = partytest.Key(t, "elsewhere").Verifier()
		}),
	}
}
