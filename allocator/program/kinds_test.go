package program_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"comity"
	"comity/allocator/program"
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// plan is a small charter of three periods without constraints: KE and TZ have front
// lines with one need for the plan and hospitals with a need for every period.
func plan(constraints ...comity.Constraint) program.Inputs {
	both := []party.ID{"KE", "TZ"}
	c := comity.Charter{
		Parties: []comity.Party{{ID: "GAVI"}, {ID: "KE", Groups: []string{"coast"}}, {ID: "TZ", Groups: []string{"inland"}}},
		Scope:   comity.Scope{Resource: "doses", Unit: "dose", Periods: 3},
		Data: []comity.DataClause{
			{ID: "d.people", From: both, As: "party", Values: []string{"population", "frontline", "price"}},
			{ID: "d.load", From: both, As: "party", Values: []string{"load"}, ByPeriod: true},
			{ID: "d.store", From: []party.ID{"GAVI"}, As: "supply", Values: []string{"doses"}},
			{ID: "d.trucks", From: []party.ID{"GAVI"}, As: "supply", Values: []string{"delivered"}, ByPeriod: true},
		},
		Objective: comity.Objective{
			Sense:  "maximise",
			Stages: []comity.Aim{{Counts: "worth", ID: "worth", Kind: "weighted", Measure: num("1")}},
			Groups: []comity.Group{
				{ID: "front", Weight: exact.Int(2), Need: in("party.frontline")},
				{ID: "ward", Weight: exact.Int(1), Need: in("party.load")},
			},
		},
		Constraints: constraints,
	}
	declare := func(id party.ID, clause string, values map[string]canon.Int) program.Declared {
		return program.Declared{Party: id, Declaration: comity.Declaration{Clause: clause, Values: values}}
	}
	return program.Inputs{Charter: c, Declarations: []program.Declared{
		declare("KE", "d.people", map[string]canon.Int{"population": 30, "frontline": 9, "price": 4}),
		declare("KE", "d.load", map[string]canon.Int{"load/1": 5, "load/2": 6, "load/3": 7}),
		declare("TZ", "d.people", map[string]canon.Int{"population": 12, "frontline": 2, "price": 6}),
		declare("TZ", "d.load", map[string]canon.Int{"load/1": 3, "load/2": 1, "load/3": 0}),
		declare("GAVI", "d.store", map[string]canon.Int{"doses": 20}),
		declare("GAVI", "d.trucks", map[string]canon.Int{"delivered/1": 8, "delivered/2": 4, "delivered/3": 6}),
	}}
}

// rows writes the rows of the clauses of a charter as people would.
func rows(p comity.Problem) string {
	var b strings.Builder
	for _, r := range p.Rows {
		if r.Clause == "need" {
			continue
		}
		fmt.Fprintf(&b, "%s:", r.ID)
		for _, t := range r.Terms {
			fmt.Fprintf(&b, " %+d %s", int64(t.Coeff), p.Columns[t.Column].ID)
		}
		if r.Lower != nil {
			fmt.Fprintf(&b, " >= %d", *r.Lower)
		}
		if r.Upper != nil {
			fmt.Fprintf(&b, " <= %d", *r.Upper)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestColumnsOfAPlan(t *testing.T) {
	p, err := program.Lower(plan())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for j, c := range p.Columns {
		fmt.Fprintf(&b, "%s %d at %d\n", c.ID, c.Upper, p.Stages[0].Costs[j])
	}
	for _, r := range p.Rows {
		fmt.Fprintf(&b, "%s (%s) of %d columns <= %d\n", r.ID, r.Clause, len(r.Terms), *r.Upper)
	}
	for _, n := range p.Needs {
		fmt.Fprintf(&b, "%s needs %d\n", n.Party, n.Amount)
	}
	// The front's need is one for the plan; the wards' is each period's own.
	const want = `KE/front@1 9 at 2
KE/front@2 9 at 2
KE/front@3 9 at 2
KE/ward@1 5 at 1
KE/ward@2 6 at 1
KE/ward@3 7 at 1
TZ/front@1 2 at 2
TZ/front@2 2 at 2
TZ/front@3 2 at 2
TZ/ward@1 3 at 1
TZ/ward@2 1 at 1
TZ/ward@3 0 at 1
need/KE/front (need) of 3 columns <= 9
need/TZ/front (need) of 3 columns <= 2
KE needs 27
TZ needs 6
`
	if diff := gocmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// TestRowsOfEveryKind: what each kind of constraint becomes.
func TestRowsOfEveryKind(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules []comity.Constraint
		want  string
	}{
		{
			"budget",
			[]comity.Constraint{{Kind: "budget", AtMost: new(in("supply.doses")), Groups: []string{"ward"}}},
			"c: +1 KE/ward@1 +1 KE/ward@2 +1 KE/ward@3 +1 TZ/ward@1 +1 TZ/ward@2 +1 TZ/ward@3 <= 20\n",
		},
		{
			"budget of each period",
			[]comity.Constraint{{Kind: "budget", Each: "period", AtMost: new(in("supply.delivered")), Groups: []string{"ward"}}},
			"c@1: +1 KE/ward@1 +1 TZ/ward@1 <= 8\nc@2: +1 KE/ward@2 +1 TZ/ward@2 <= 4\nc@3: +1 KE/ward@3 +1 TZ/ward@3 <= 6\n",
		},
		{
			"floor",
			[]comity.Constraint{{Kind: "floor", AtLeast: new(op("div", in("party.population"), num("4"))), Groups: []string{"front"}}},
			"c/KE: +1 KE/front@1 +1 KE/front@2 +1 KE/front@3 >= 7\nc/TZ: +1 TZ/front@1 +1 TZ/front@2 +1 TZ/front@3 >= 3\n",
		},
		{
			"cap of each period",
			[]comity.Constraint{{Kind: "cap", Each: "party_period", AtMost: new(op("div", in("party.load"), in("period.number")))}},
			"c/KE@1: +1 KE/front@1 +1 KE/ward@1 <= 5\nc/KE@2: +1 KE/front@2 +1 KE/ward@2 <= 3\nc/KE@3: +1 KE/front@3 +1 KE/ward@3 <= 2\n" +
				"c/TZ@1: +1 TZ/front@1 +1 TZ/ward@1 <= 3\nc/TZ@2: +1 TZ/front@2 +1 TZ/ward@2 <= 0\nc/TZ@3: +1 TZ/front@3 +1 TZ/ward@3 <= 0\n",
		},
		{
			"individual rationality",
			[]comity.Constraint{{Kind: "individual_rationality", Baseline: new(in("party.frontline")), Groups: []string{"front"}}},
			"c/KE: +1 KE/front@1 +1 KE/front@2 +1 KE/front@3 >= 9\nc/TZ: +1 TZ/front@1 +1 TZ/front@2 +1 TZ/front@3 >= 2\n",
		},
		{"conservation and flow", []comity.Constraint{
			{Kind: "conservation", Arrivals: new(in("party.load")), Groups: []string{"ward"}},
			{ID: "line", Kind: "flow_limit", From: "KE", To: "TZ", AtMost: new(in("supply.delivered"))},
		}, "c/KE@1: +1 KE/ward@1 +1 flow/line@1 <= 5\nc/KE@2: +1 KE/ward@2 +1 flow/line@2 <= 6\nc/KE@3: +1 KE/ward@3 +1 flow/line@3 <= 7\n" +
			"c/TZ@1: +1 TZ/ward@1 -1 flow/line@1 <= 3\nc/TZ@2: +1 TZ/ward@2 -1 flow/line@2 <= 1\nc/TZ@3: +1 TZ/ward@3 -1 flow/line@3 <= 0\n"},
		{
			"stock",
			[]comity.Constraint{{Kind: "stock", Opening: new(num("3")), Arrivals: new(in("supply.delivered")), AtMost: new(num("5")), Groups: []string{"ward"}}},
			"c@1: +1 KE/ward@1 +1 TZ/ward@1 +1 stock/c@1 <= 11\nc@2: +1 KE/ward@2 +1 TZ/ward@2 -1 stock/c@1 +1 stock/c@2 <= 4\n" +
				"c@3: +1 KE/ward@3 +1 TZ/ward@3 -1 stock/c@2 +1 stock/c@3 <= 6\n",
		},
		{"stock of each party", []comity.Constraint{
			{Kind: "stock", Each: "party", Opening: new(in("party.frontline")), Arrivals: new(in("party.load")), AtMost: new(num("5")), Groups: []string{"ward"}},
			{ID: "line", Kind: "flow_limit", From: "TZ", To: "KE", AtMost: new(num("1"))},
		}, "c/KE@1: +1 KE/ward@1 -1 flow/line@1 +1 stock/c/KE@1 <= 14\nc/KE@2: +1 KE/ward@2 -1 flow/line@2 -1 stock/c/KE@1 +1 stock/c/KE@2 <= 6\n" +
			"c/KE@3: +1 KE/ward@3 -1 flow/line@3 -1 stock/c/KE@2 +1 stock/c/KE@3 <= 7\n" +
			"c/TZ@1: +1 TZ/ward@1 +1 flow/line@1 +1 stock/c/TZ@1 <= 5\nc/TZ@2: +1 TZ/ward@2 +1 flow/line@2 -1 stock/c/TZ@1 +1 stock/c/TZ@2 <= 1\n" +
			"c/TZ@3: +1 TZ/ward@3 +1 flow/line@3 -1 stock/c/TZ@2 +1 stock/c/TZ@3 <= 0\n"},
		{
			"minimum lot",
			[]comity.Constraint{{Kind: "minimum_lot", Each: "party_period", Lot: new(op("max", num("0"), op("sub", in("party.load"), num("4")))), Groups: []string{"ward"}}},
			"c/KE@1/least: +1 KE/ward@1 -1 lot/c/KE@1 >= 0\nc/KE@1/most/ward@1: +1 KE/ward@1 -5 lot/c/KE@1 <= 0\n" +
				"c/KE@2/least: +1 KE/ward@2 -2 lot/c/KE@2 >= 0\nc/KE@2/most/ward@2: +1 KE/ward@2 -6 lot/c/KE@2 <= 0\n" +
				"c/KE@3/least: +1 KE/ward@3 -3 lot/c/KE@3 >= 0\nc/KE@3/most/ward@3: +1 KE/ward@3 -7 lot/c/KE@3 <= 0\n",
		},
		{
			"minimum lot of a plan", // Nothing can go to TZ/ward@3, so nothing switches it.
			[]comity.Constraint{{Kind: "minimum_lot", Each: "party", Lot: new(num("2"))}},
			"c/KE/least: +1 KE/front@1 +1 KE/front@2 +1 KE/front@3 +1 KE/ward@1 +1 KE/ward@2 +1 KE/ward@3 -2 lot/c/KE >= 0\n" +
				"c/KE/most/front@1: +1 KE/front@1 -9 lot/c/KE <= 0\nc/KE/most/front@2: +1 KE/front@2 -9 lot/c/KE <= 0\nc/KE/most/front@3: +1 KE/front@3 -9 lot/c/KE <= 0\n" +
				"c/KE/most/ward@1: +1 KE/ward@1 -5 lot/c/KE <= 0\nc/KE/most/ward@2: +1 KE/ward@2 -6 lot/c/KE <= 0\nc/KE/most/ward@3: +1 KE/ward@3 -7 lot/c/KE <= 0\n" +
				"c/TZ/least: +1 TZ/front@1 +1 TZ/front@2 +1 TZ/front@3 +1 TZ/ward@1 +1 TZ/ward@2 +1 TZ/ward@3 -2 lot/c/TZ >= 0\n" +
				"c/TZ/most/front@1: +1 TZ/front@1 -2 lot/c/TZ <= 0\nc/TZ/most/front@2: +1 TZ/front@2 -2 lot/c/TZ <= 0\nc/TZ/most/front@3: +1 TZ/front@3 -2 lot/c/TZ <= 0\n" +
				"c/TZ/most/ward@1: +1 TZ/ward@1 -3 lot/c/TZ <= 0\nc/TZ/most/ward@2: +1 TZ/ward@2 -1 lot/c/TZ <= 0\n",
		},
		{
			"ratio",
			[]comity.Constraint{{Kind: "ratio", Each: "period", Groups: []string{"front"}, Of: []string{"front", "ward"}, AtLeast: new(num("2/3"))}},
			"c@1: +1 KE/front@1 -2 KE/ward@1 +1 TZ/front@1 -2 TZ/ward@1 >= 0\nc@2: +1 KE/front@2 -2 KE/ward@2 +1 TZ/front@2 -2 TZ/ward@2 >= 0\n" +
				"c@3: +1 KE/front@3 -2 KE/ward@3 +1 TZ/front@3 -2 TZ/ward@3 >= 0\n",
		},
		{
			"affine",
			[]comity.Constraint{{Kind: "affine", Groups: []string{"ward"}, Coefficient: new(op("div", in("party.price"), op("add", num("1"), in("period.number")))), AtMost: new(num("20/7"))}},
			"c: +12 KE/ward@1 +8 KE/ward@2 +6 KE/ward@3 +18 TZ/ward@1 +12 TZ/ward@2 +9 TZ/ward@3 <= 17\n",
		},
		{
			"affine from below rounds up",
			[]comity.Constraint{{Kind: "affine", Each: "period", Groups: []string{"ward"}, Coefficient: new(op("div", in("party.price"), num("8"))), AtLeast: new(num("1/3"))}},
			"c@1: +2 KE/ward@1 +3 TZ/ward@1 >= 2\nc@2: +2 KE/ward@2 +3 TZ/ward@2 >= 2\nc@3: +2 KE/ward@3 +3 TZ/ward@3 >= 2\n",
		},
		{
			"demographic parity",
			[]comity.Constraint{{Kind: "inequality", Measure: "fairness.demographic_parity", Per: new(in("party.population")), AtMost: new(num("1/7")), Between: []string{"coast", "inland"}}},
			"c/first: +2 KE/front@1 +2 KE/front@2 +2 KE/front@3 +2 KE/ward@1 +2 KE/ward@2 +2 KE/ward@3 -5 TZ/front@1 -5 TZ/front@2 -5 TZ/front@3 -5 TZ/ward@1 -5 TZ/ward@2 -5 TZ/ward@3 <= 8\n" +
				"c/second: -2 KE/front@1 -2 KE/front@2 -2 KE/front@3 -2 KE/ward@1 -2 KE/ward@2 -2 KE/ward@3 +5 TZ/front@1 +5 TZ/front@2 +5 TZ/front@3 +5 TZ/ward@1 +5 TZ/ward@2 +5 TZ/ward@3 <= 8\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.rules[0].ID == "" {
				c.rules[0].ID = "c"
			}
			p, err := program.Lower(plan(c.rules...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, rows(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMeansGoToNobody(t *testing.T) {
	inputs := plan(
		comity.Constraint{ID: "b", Kind: "stock", Each: "party", Opening: new(num("0")), Arrivals: new(num("4")), AtMost: new(num("0") /* never below */)},
		comity.Constraint{ID: "c", Kind: "flow_limit", From: "KE", To: "TZ", AtMost: new(op("sub", num("2"), in("period.number")))},
		comity.Constraint{ID: "d", Kind: "minimum_lot", Lot: new(num("2"))},
	)
	p, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"flow/c@1": 1, "flow/c@2": 0, "flow/c@3": 0, "lot/d/KE": 1, "lot/d/TZ": 1}
	for j, c := range p.Columns {
		if c.Party != "" {
			continue
		}
		if p.Stages[0].Costs[j] != 0 || c.Lower != 0 {
			t.Errorf("%s costs %d and is at least %d", c.ID, p.Stages[0].Costs[j], c.Lower)
		}
		if most, ok := want[c.ID]; ok && int64(c.Upper) != most {
			t.Errorf("%s is at most %d, want %d", c.ID, c.Upper, most)
		}
		delete(want, c.ID)
	}
	if len(want) > 0 {
		t.Errorf("no columns %v", want)
	}
}

func TestLimits(t *testing.T) {
	p, err := program.Lower(plan(
		comity.Constraint{ID: "z", Kind: "inequality", Measure: "fairness.gini", Per: new(op("div", in("party.population"), num("7"))), AtMost: new(num("3/10"))},
		comity.Constraint{ID: "a", Kind: "inequality", Measure: "fairness.jain", Per: new(in("party.population")), AtLeast: new(num("1"))},
	))
	if err != nil {
		t.Fatal(err)
	}
	third, err := exact.Ratio(3, 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []comity.Limit{
		{ID: "a", Clause: "a", Kind: "jain", Per: amounts(30, 12), Bound: exact.Int(1)},
		{ID: "z", Clause: "z", Kind: "gini", Per: amounts(4, 1), Bound: third}, // 30/7 and 12/7, rounded down.
	}
	if diff := gocmp.Diff(want, p.Limits, sameNumbers()); diff != "" {
		t.Error(diff)
	}
}

// TestAFlowOfWhoNeverDeclaredIsClosed: nothing says what there is to give.
func TestAFlowOfWhoNeverDeclaredIsClosed(t *testing.T) {
	inputs := plan(
		comity.Constraint{ID: "c", Kind: "conservation", Arrivals: new(in("party.load"))},
		comity.Constraint{ID: "d", Kind: "flow_limit", From: "TZ", To: "KE", AtMost: new(num("9"))},
	)
	inputs.Declarations = inputs.Declarations[:2]
	p, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Columns {
		if c.Party != "KE" {
			t.Errorf("column %s", c.ID)
		}
	}
}

func TestStages(t *testing.T) {
	inputs := plan()
	inputs.Charter.Objective.Stages = []comity.Aim{
		{Counts: "worth", ID: "a", Kind: "leximin", Measure: num("1/2"), Per: new(op("div", in("party.population"), num("7")))},
		{Counts: "worth", ID: "b", Kind: "nash", Measure: num("1/2"), Outside: new(op("div", in("party.frontline"), num("3"))), Power: new(op("div", in("party.price"), num("8")))},
		{Counts: "worth", ID: "c", Kind: "nash", Measure: in("period.number"), Outside: new(num("0"))},
		{Counts: "worth", ID: "d", Kind: "maximin", Measure: op("sub", num("0"), num("1")), Per: new(num("1")), Slack: half()},
	}
	p, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	ints := func(x ...canon.Int) []canon.Int { return x }
	want := []comity.Stage{
		{ID: "a", Kind: "leximin", Scale: 2, Costs: ints(2, 2, 2, 1, 1, 1, 2, 2, 2, 1, 1, 1), Per: amounts(4, 1)},
		{ID: "b", Kind: "nash", Scale: 6, Costs: ints(6, 6, 6, 3, 3, 3, 6, 6, 6, 3, 3, 3), Outside: ints(18, 4), Power: ints(2, 3)},
		{ID: "c", Kind: "nash", Scale: 1, Costs: ints(2, 4, 6, 1, 2, 3, 2, 4, 6, 1, 2, 3), Outside: ints(0, 0), Power: ints(1, 1)},
		{ID: "d", Kind: "maximin", Scale: 1, Costs: ints(-2, -2, -2, -1, -1, -1, -2, -2, -2, -1, -1, -1), Per: amounts(1, 1), Slack: half()},
	}
	if diff := gocmp.Diff(want, p.Stages, sameNumbers()); diff != "" {
		t.Error(diff)
	}
	inputs.Charter.Objective.Sense, inputs.Charter.Objective.Stages = "minimise", []comity.Aim{{Counts: "worth", ID: "cost", Kind: "weighted", Measure: in("party.price")}}
	if p, err = program.Lower(inputs); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(ints(-8, -8, -8, -4, -4, -4, -12, -12, -12, -6, -6, -6), p.Stages[0].Costs); diff != "" || p.Stages[0].Scale != 1 {
		t.Errorf("scale %d: %s", p.Stages[0].Scale, diff)
	}
}

// TestPiecesOfABenefit: they add up to the need, and their worth falls.
func TestPiecesOfABenefit(t *testing.T) {
	inputs := plan()
	third, err := exact.Ratio(1, 3)
	if err != nil {
		t.Fatal(err)
	}
	inputs.Charter.Objective.Groups[1].Benefit = []comity.Piece{
		{Share: third, Weight: exact.Int(3)}, {Share: third, Weight: exact.Int(2)}, {Share: third, Weight: exact.Int(0)},
	}
	inputs.Charter.Objective.Groups[0].Benefit = []comity.Piece{{Share: half(), Weight: exact.Int(1)}, {Share: half(), Weight: half()}}
	p, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for j, c := range p.Columns {
		got[c.ID] = fmt.Sprintf("%d at %d", c.Upper, p.Stages[0].Costs[j])
	}
	for id, want := range map[string]string{
		"KE/ward.1@1": "1 at 3", "KE/ward.2@1": "2 at 2", "KE/ward.3@1": "2 at 0",
		"KE/ward.1@3": "2 at 3", "KE/ward.2@3": "2 at 2", "KE/ward.3@3": "3 at 0",
		"KE/front.1@1": "4 at 2", "KE/front.2@1": "5 at 1", "KE/front.2@3": "5 at 1",
	} {
		if got[id] != want {
			t.Errorf("%s is %q, want %q", id, got[id], want)
		}
	}
	if p.Needs[0].Amount != 27 {
		t.Errorf("KE needs %d, want 27", p.Needs[0].Amount)
	}
	for _, r := range p.Rows {
		if r.ID == "need/KE/front.2" && (*r.Upper != 5 || len(r.Terms) != 3) {
			t.Errorf("row %+v", r)
		}
	}
	inputs.Charter.Objective.Stages[0].Measure = num("-1")
	if _, err := program.Lower(inputs); !errors.Is(err, program.ErrRange) {
		t.Errorf("a benefit below zero: %v", err)
	}
}
