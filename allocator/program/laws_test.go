package program_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/program"
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// everything is a plan with every kind of constraint and stage but comparisons of
// groups of parties.
func everything() program.Inputs {
	inputs := plan(
		comity.Constraint{ID: "c.a", Kind: "budget", Each: "period", AtMost: new(in("supply.delivered")), Groups: []string{"front", "ward"}},
		comity.Constraint{ID: "c.b", Kind: "floor", AtLeast: new(op("div", in("total.load"), num("4"))), Each: "party_period"},
		comity.Constraint{ID: "c.c", Kind: "cap", AtMost: new(in("total.frontline"))},
		comity.Constraint{ID: "c.d", Kind: "conservation", Arrivals: new(in("party.load"))},
		comity.Constraint{ID: "c.e", Kind: "flow_limit", From: "KE", To: "TZ", AtMost: new(num("3"))},
		comity.Constraint{ID: "c.f", Kind: "flow_limit", From: "TZ", To: "KE", AtMost: new(in("period.number"))},
		comity.Constraint{ID: "c.g", Kind: "stock", Opening: new(num("3")), Arrivals: new(in("supply.delivered")), AtMost: new(num("5"))},
		comity.Constraint{ID: "c.h", Kind: "minimum_lot", Lot: new(num("2"))},
		comity.Constraint{ID: "c.i", Kind: "ratio", Groups: []string{"front"}, Of: []string{"ward"}, AtMost: new(num("2/3"))},
		comity.Constraint{ID: "c.j", Kind: "affine", Coefficient: new(in("party.frontline")), AtMost: new(in("total.population"))},
		comity.Constraint{ID: "c.k", Kind: "inequality", Measure: "fairness.gini", Per: new(in("party.population")), AtMost: new(num("1/4"))},
		comity.Constraint{ID: "c.l", Kind: "individual_rationality", Baseline: new(in("party.frontline"))},
		comity.Constraint{ID: "c.m", Kind: "forbidden_inputs", Inputs: []string{"party.groups", "party.name", "party.price"}},
	)
	inputs.Charter.Objective.Stages = []comity.Aim{
		{Counts: "worth", ID: "a", Kind: "weighted", Measure: op("div", in("party.load"), num("3"))},
		{Counts: "worth", ID: "b", Kind: "leximin", Measure: num("1"), Per: new(in("party.population"))},
		{Counts: "worth", ID: "c", Kind: "nash", Measure: num("1"), Outside: new(in("party.frontline")), Power: new(in("party.population"))},
	}
	inputs.Charter.Objective.Groups[1].Benefit = []comity.Piece{{Share: half(), Weight: exact.Int(2)}, {Share: half(), Weight: exact.Int(1)}}
	return inputs
}

// TestOrderOfARuleLeavesNoTrace: no list whose order says nothing changes a byte.
func TestOrderOfARuleLeavesNoTrace(t *testing.T) {
	want := bytesOf(t, everything())
	rapid.Check(t, func(r *rapid.T) {
		inputs := everything()
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1)).Shuffle
		c := &inputs.Charter
		shuffleAll(shuffle, inputs.Declarations)
		shuffleAll(shuffle, c.Parties)
		shuffleAll(shuffle, c.Data)
		for i := range c.Data {
			c.Data[i].From = slices.Clone(c.Data[i].From)
			shuffleAll(shuffle, c.Data[i].From)
			shuffleAll(shuffle, c.Data[i].Values)
		}
		shuffleAll(shuffle, c.Objective.Groups)
		shuffleAll(shuffle, c.Constraints)
		for i := range c.Constraints {
			shuffleAll(shuffle, c.Constraints[i].Groups)
			shuffleAll(shuffle, c.Constraints[i].Inputs)
		}
		if got := bytesOf(r, inputs); !bytes.Equal(got, want) {
			r.Fatalf("got %s, want %s", got, want)
		}
	})
}

// TestWhatIsForbiddenLeavesNoTrace: names, groups and a declared number.
func TestWhatIsForbiddenLeavesNoTrace(t *testing.T) {
	want := bytesOf(t, everything())
	rapid.Check(t, func(r *rapid.T) {
		inputs := everything()
		for k := range inputs.Charter.Parties {
			inputs.Charter.Parties[k].Name = comity.Text{"en": rapid.String().Draw(r, "name")}
			inputs.Charter.Parties[k].Groups = rapid.SliceOf(rapid.SampledFrom([]string{"coast", "inland", "rich"})).Draw(r, "groups")
		}
		for _, d := range inputs.Declarations {
			if _, ok := d.Declaration.Values["price"]; ok {
				d.Declaration.Values["price"] = canon.Int(rapid.Int64Range(0, program.MaxGiven).Draw(r, "price"))
			}
		}
		if !bytes.Equal(bytesOf(r, inputs), want) {
			r.Fatal("the problem differs")
		}
	})
}

// TestRenamingCommutes: lowering renamed parties is renaming what was lowered.
func TestRenamingCommutes(t *testing.T) {
	ids := rapid.Custom(func(r *rapid.T) party.ID {
		return party.ID(rapid.StringMatching(`[A-Z]{2}[A-Z0-9]{0,6}`).Draw(r, "id"))
	})
	rapid.Check(t, func(r *rapid.T) {
		other := map[party.ID]party.ID{"": "", "GAVI": "SUPPLY-1", "KE": ids.Draw(r, "KE"), "TZ": ids.Draw(r, "TZ")}
		if other["KE"] == other["TZ"] {
			return
		}
		inputs := everything()
		before, err := program.Lower(inputs)
		if err != nil {
			r.Fatal(err)
		}
		renameInputs(&inputs, other)
		renameProblem(&before, other)
		want, err := canon.Marshal(before)
		if err != nil {
			r.Fatal(err)
		}
		if got := bytesOf(r, inputs); !bytes.Equal(got, want) {
			r.Fatalf("got %s, want %s", got, want)
		}
	})
}

func renameInputs(inputs *program.Inputs, other map[party.ID]party.ID) {
	c := &inputs.Charter
	for i := range c.Parties {
		c.Parties[i].ID = other[c.Parties[i].ID]
	}
	for i := range c.Data {
		from := make([]party.ID, len(c.Data[i].From))
		for k, id := range c.Data[i].From {
			from[k] = other[id]
		}
		c.Data[i].From = from
	}
	for i := range c.Constraints {
		c.Constraints[i].From, c.Constraints[i].To = other[c.Constraints[i].From], other[c.Constraints[i].To]
	}
	for i := range inputs.Declarations {
		inputs.Declarations[i].Party = other[inputs.Declarations[i].Party]
	}
}

// renameProblem writes other names into a problem and puts it in order again.
func renameProblem(p *comity.Problem, other map[party.ID]party.ID) {
	renamed := func(id string) string {
		for _, old := range []party.ID{"KE", "TZ"} {
			for _, form := range [][2]string{{"^", "/"}, {"/", "/"}, {"/", "@"}, {"/", "$"}} {
				if from := form[0] + string(old) + form[1]; strings.Contains("^"+id+"$", from) {
					return strings.Trim(strings.Replace("^"+id+"$", from, form[0]+string(other[old])+form[1], 1), "^$")
				}
			}
		}
		return id
	}
	columns, needs := make([]int, len(p.Columns)), []int{0, 1}
	for j := range p.Columns {
		columns[j] = j
		p.Columns[j].ID, p.Columns[j].Party = renamed(p.Columns[j].ID), other[p.Columns[j].Party]
	}
	for k := range p.Needs {
		p.Needs[k].Party = other[p.Needs[k].Party]
	}
	slices.SortFunc(columns, func(a, b int) int { return cmp.Compare(p.Columns[a].ID, p.Columns[b].ID) })
	slices.SortFunc(needs, func(a, b int) int { return cmp.Compare(p.Needs[a].Party, p.Needs[b].Party) })
	p.Columns, p.Needs = permuted(p.Columns, columns), permuted(p.Needs, needs)
	for i := range p.Rows {
		row := &p.Rows[i]
		row.ID = renamed(row.ID)
		for k := range row.Terms {
			row.Terms[k].Column = slices.Index(columns, row.Terms[k].Column)
		}
		slices.SortFunc(row.Terms, func(a, b comity.Term) int { return a.Column - b.Column })
	}
	slices.SortFunc(p.Rows, func(a, b comity.Row) int { return cmp.Compare(a.ID, b.ID) })
	for i := range p.Stages {
		s := &p.Stages[i]
		s.Costs, s.Per, s.Outside, s.Power = permuted(s.Costs, columns), permuted(s.Per, needs), permuted(s.Outside, needs), permuted(s.Power, needs)
	}
	for i := range p.Limits {
		p.Limits[i].Per = permuted(p.Limits[i].Per, needs)
	}
}

func permuted[T any](list []T, order []int) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for k, at := range order {
		out[k] = list[at]
	}
	return out
}

// TestWrongRules: what Lint would refuse, and what only numbers show, is refused by
// lowering too: a checker lowers sealed charters that it did not lint.
func TestWrongRules(t *testing.T) {
	rule := func(c comity.Constraint) func(*program.Inputs) {
		return func(i *program.Inputs) { c.ID = "c.x"; i.Charter.Constraints = append(i.Charter.Constraints, c) }
	}
	only := func(c comity.Constraint) func(*program.Inputs) {
		return func(i *program.Inputs) { i.Charter.Constraints = nil; rule(c)(i) }
	}
	stage := func(a comity.Aim) func(*program.Inputs) {
		return func(i *program.Inputs) {
			a.ID = "x"
			i.Charter.Objective.Stages = append(i.Charter.Objective.Stages, a)
		}
	}
	declared := func(value string, n canon.Int) func(*program.Inputs) {
		return func(i *program.Inputs) {
			for _, d := range i.Declarations {
				if _, ok := d.Declaration.Values[value]; ok {
					d.Declaration.Values[value] = n
				}
			}
		}
	}
	one, huge := new(num("1")), new(num("1000000000000000000"))
	for _, c := range []struct {
		name   string
		want   error
		change func(*program.Inputs)
	}{
		{"no periods", program.ErrCharter, func(i *program.Inputs) { i.Charter.Scope.Periods = 0 }},
		{"no stages", program.ErrCharter, func(i *program.Inputs) { i.Charter.Objective.Stages = nil }},
		{"stage twice", program.ErrCharter, func(i *program.Inputs) { i.Charter.Objective.Stages[1].ID = "a" }},
		{"stage named evenness", program.ErrCharter, func(i *program.Inputs) { i.Charter.Objective.Stages[1].ID = "evenness" }},
		{"kind of stage", program.ErrCharter, stage(comity.Aim{Counts: "worth", Kind: "utilitarian", Measure: *one})},
		{"leximin without per", program.ErrCharter, stage(comity.Aim{Counts: "worth", Kind: "leximin", Measure: *one})},
		{"weighted with per", program.ErrCharter, stage(comity.Aim{Counts: "worth", Kind: "weighted", Measure: *one, Per: one})},
		{"nash without outside", program.ErrCharter, stage(comity.Aim{Counts: "worth", Kind: "nash", Measure: *one})},
		{"leximin minimised", program.ErrCharter, func(i *program.Inputs) { i.Charter.Objective.Sense = "minimise" }},
		{"slack of one", program.ErrRange, stage(comity.Aim{Counts: "worth", Kind: "weighted", Measure: *one, Slack: exact.Int(1)})},
		{"slack of nash", program.ErrRange, stage(comity.Aim{Counts: "worth", Kind: "nash", Measure: *one, Outside: one, Slack: half()})},
		{"per of zero", program.ErrRange, stage(comity.Aim{Counts: "worth", Kind: "leximin", Measure: *one, Per: new(num("1/2"))})},
		{"per below zero", program.ErrRange, stage(comity.Aim{Counts: "worth", Kind: "maximin", Measure: *one, Per: new(num("-3"))})},
		{"per declared as zero", program.ErrRange, declared("population", 0)},
		{"power of zero", program.ErrRange, stage(comity.Aim{Counts: "worth", Kind: "nash", Measure: *one, Outside: one, Power: new(num("0"))})},
		{"power of fractions", program.ErrRange, stage(comity.Aim{Counts: "worth", Kind: "nash", Measure: *one, Outside: one, Power: new(num("1/2000000000000"))})},
		{"power of 10^18", program.ErrRange, stage(comity.Aim{Counts: "worth", Kind: "nash", Measure: *one, Outside: one, Power: huge})},
		{"outside of 10^18 by 16", program.ErrRange, stage(comity.Aim{Counts: "worth", Kind: "nash", Measure: num("1/16"), Outside: huge})},
		{"weight of 10^18", program.ErrRange, func(i *program.Inputs) { i.Charter.Objective.Groups[0].Weight = exact.Int(1_000_000_000_000_000_000) }},
		{"measure of 10^18", program.ErrRange, stage(comity.Aim{Counts: "worth", Kind: "weighted", Measure: *huge})},
		{"more periods than there may be", program.ErrCharter, func(i *program.Inputs) { i.Charter.Scope.Periods = 521 }},
		{"more columns than there may be", program.ErrRange, func(i *program.Inputs) {
			share, err := exact.Ratio(1, program.MaxSize/6)
			if err != nil {
				panic(err)
			}
			for k := range program.MaxSize / 6 {
				i.Charter.Objective.Groups[0].Benefit = append(i.Charter.Objective.Groups[0].Benefit, comity.Piece{Share: share, Weight: exact.Int(int64(program.MaxSize - k))})
			}
		}},
		{"more rows than there may be", program.ErrRange, func(i *program.Inputs) {
			// 520 rows for each of two parties, and one clause more than fit.
			i.Charter.Scope.Periods = 520
			for k := range program.MaxSize/1040 + 1 {
				i.Charter.Constraints = append(i.Charter.Constraints, comity.Constraint{ID: fmt.Sprintf("x.%d", k), Kind: "cap", Each: "party_period", AtMost: one})
			}
			for at, d := range i.Declarations {
				values := map[string]canon.Int{}
				for name, x := range d.Declaration.Values {
					value, _, seasonal := strings.Cut(name, "/")
					for t := 1; seasonal && t <= 520; t++ {
						values[fmt.Sprintf("%s/%d", value, t)] = x
					}
					if !seasonal {
						values[name] = x
					}
				}
				i.Declarations[at].Declaration.Values = values
			}
		}},
		{"shares above one", program.ErrCharter, func(i *program.Inputs) {
			i.Charter.Objective.Groups[1].Benefit[0].Share = exact.Int(1)
		}},
		{"benefit that rises", program.ErrCharter, func(i *program.Inputs) {
			i.Charter.Objective.Groups[1].Benefit[1].Weight = exact.Int(3)
		}},
		{"kind", program.ErrCharter, rule(comity.Constraint{Kind: "tax", AtMost: one})},
		{"fields of another kind", program.ErrCharter, rule(comity.Constraint{Kind: "cap", AtMost: one, Lot: one})},
		{"unknown group", program.ErrCharter, rule(comity.Constraint{Kind: "cap", AtMost: one, Groups: []string{"none"}})},
		{"each of another kind", program.ErrCharter, rule(comity.Constraint{Kind: "cap", AtMost: one, Each: "all"})},
		{"period value for the plan", program.ErrInput, rule(comity.Constraint{Kind: "cap", AtMost: new(in("party.load"))})},
		{"period total for the plan", program.ErrInput, rule(comity.Constraint{Kind: "cap", AtMost: new(in("total.load"))})},
		{"period number for the plan", program.ErrInput, rule(comity.Constraint{Kind: "cap", AtMost: new(in("period.number"))})},
		{"unknown about the period", program.ErrInput, rule(comity.Constraint{Kind: "cap", Each: "party_period", AtMost: new(in("period.name"))})},
		{"party value for all", program.ErrInput, rule(comity.Constraint{Kind: "budget", AtMost: new(in("party.frontline"))})},
		{"bound of 10^18", program.ErrRange, rule(comity.Constraint{Kind: "cap", AtMost: huge})},
		{"lot below zero", program.ErrRange, rule(comity.Constraint{Kind: "minimum_lot", Lot: new(num("-1"))})},
		{"opening and arrivals", program.ErrRange, rule(comity.Constraint{Kind: "stock", Opening: new(num("1125899906842624")), Arrivals: one, AtMost: one})},
		{"ratio of 10^18", program.ErrRange, rule(comity.Constraint{Kind: "ratio", Groups: []string{"front"}, Of: []string{"ward"}, AtMost: huge})},
		{"coefficient of 10^18", program.ErrRange, rule(comity.Constraint{Kind: "affine", Coefficient: huge, AtMost: one})},
		{"coefficient of fractions", program.ErrRange, rule(comity.Constraint{Kind: "affine", Coefficient: new(num("1/2000000000000")), AtMost: one})},
		{"gini above one", program.ErrRange, rule(comity.Constraint{Kind: "inequality", Measure: "fairness.gini", Per: one, AtMost: new(num("2"))})},
		{"gini of fractions", program.ErrRange, rule(comity.Constraint{Kind: "inequality", Measure: "fairness.gini", Per: one, AtMost: new(num("1/2000000000000"))})},
		{"jain of zero", program.ErrRange, rule(comity.Constraint{Kind: "inequality", Measure: "fairness.jain", Per: one, AtLeast: new(num("0"))})},
		{"jain by at most", program.ErrCharter, rule(comity.Constraint{Kind: "inequality", Measure: "fairness.jain", Per: one, AtMost: one})},
		{"parity between one", program.ErrCharter, only(comity.Constraint{Kind: "inequality", Measure: "fairness.demographic_parity", Per: one, AtMost: one, Between: []string{"coast"}})},
		{"parity with a group of nobody", program.ErrCharter, only(comity.Constraint{Kind: "inequality", Measure: "fairness.demographic_parity", Per: one, AtMost: one, Between: []string{"coast", "desert"}})},
		{"parity of billions", program.ErrRange, only(comity.Constraint{Kind: "inequality", Measure: "fairness.demographic_parity", Per: new(op("add", in("party.population"), num("1000000000"))), AtMost: one, Between: []string{"coast", "inland"}})},
		{"flow to itself", program.ErrCharter, rule(comity.Constraint{Kind: "flow_limit", From: "KE", To: "KE", AtMost: one})},
		{"flow to the supplier", program.ErrCharter, rule(comity.Constraint{Kind: "flow_limit", From: "KE", To: "GAVI", AtMost: one})},
		{"groups forbidden and compared", program.ErrForbidden, rule(comity.Constraint{Kind: "inequality", Measure: "fairness.demographic_parity", Per: one, AtMost: one, Between: []string{"coast", "inland"}})},
		{"ids forbidden and named", program.ErrForbidden, func(i *program.Inputs) { i.Charter.Constraints[12].Inputs = []string{"party.id"} }},
		{"forbidden power", program.ErrForbidden, func(i *program.Inputs) { i.Charter.Objective.Stages[2].Power = new(in("total.price")) }},
		{"clause twice", program.ErrCharter, func(i *program.Inputs) {
			i.Charter.Constraints = append(i.Charter.Constraints, i.Charter.Constraints[1])
		}},
		{"limit twice", program.ErrCharter, func(i *program.Inputs) {
			i.Charter.Constraints = append(i.Charter.Constraints, i.Charter.Constraints[10])
		}},
		{"number of a period missing", program.ErrDeclaration, func(i *program.Inputs) { delete(i.Declarations[1].Declaration.Values, "load/2") }},
		{"number without its period", program.ErrDeclaration, func(i *program.Inputs) { i.Declarations[1].Declaration.Values["load"] = 4 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inputs := everything()
			c.change(&inputs)
			if _, err := program.Lower(inputs); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestUnitsOfForecasts: a series in another unit than the charter's is not compared.
func TestUnitsOfForecasts(t *testing.T) {
	inputs := vaccines()
	inputs.Charter.Models.Unit = "per 100,000 per week"
	if _, err := program.Lower(inputs); !errors.Is(err, program.ErrUnit) {
		t.Errorf("got %v", err)
	}
	for i := range inputs.Picture.Series {
		inputs.Picture.Series[i].Unit = "per 100,000 per week"
	}
	if _, err := program.Lower(inputs); err != nil {
		t.Error(err)
	}
}

// FuzzLower looks for a charter that makes lowering panic, or gives a problem that is
// not in canonical shape. Whoever replays a log lowers charters that strangers wrote.
func FuzzLower(f *testing.F) {
	for _, inputs := range []program.Inputs{vaccines(), plan(), everything()} {
		data, err := canon.Marshal(inputs.Charter)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, inputs := range []program.Inputs{vaccines(), everything()} {
			inputs.Charter = comity.Charter{}
			if canon.Unmarshal(data, &inputs.Charter) != nil {
				return
			}
			p, err := program.Lower(inputs)
			if err != nil {
				continue
			}
			if err := certificate.CheckShape(p); err != nil {
				t.Fatal(err)
			}
		}
	})
}
