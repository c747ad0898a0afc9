package program_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/program"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

func num(text string) comity.Expr {
	v, err := exact.Parse(text)
	if err != nil {
		panic(err)
	}
	return comity.Expr{Op: "const", Value: &v}
}

func in(name string) comity.Expr                      { return comity.Expr{Op: "input", Name: name} }
func op(name string, args ...comity.Expr) comity.Expr { return comity.Expr{Op: name, Args: args} }

func half() exact.Rat { r, _ := exact.Ratio(1, 2); return r }

// vaccines is the health charter in small: KE and TZ receive, GAVI supplies.
func vaccines() program.Inputs {
	c := comity.Charter{
		Parties: []comity.Party{{ID: "GAVI"}, {ID: "KE"}, {ID: "TZ"}},
		Scope:   comity.Scope{Resource: "doses", Unit: "dose", Periods: 1},
		Data: []comity.DataClause{
			{ID: "d.rows", From: []party.ID{"KE", "TZ"}, LeavesHome: "nothing"},
			{ID: "d.needs", From: []party.ID{"KE", "TZ"}, As: "party", Values: []string{"population", "frontline", "general", "cold_chain"}},
			{ID: "d.supply", From: []party.ID{"GAVI"}, As: "supply", Values: []string{"doses"}},
		},
		Objective: comity.Objective{
			Sense:  "maximise",
			Stages: []comity.Aim{{Counts: "worth", ID: "worth", Kind: "weighted", Measure: op("round", in("picture.ratio_w4"), num("1/16"))}},
			Groups: []comity.Group{
				{ID: "frontline", Weight: exact.Int(2), Need: in("party.frontline")},
				{ID: "general", Weight: half(), Need: in("party.general")},
			},
		},
		Constraints: []comity.Constraint{
			{ID: "c.supply", Kind: "budget", AtMost: new(in("supply.doses"))},
			{ID: "c.floor", Kind: "floor", AtLeast: new(op("min", in("party.frontline"),
				op("div", op("mul", in("supply.doses"), in("party.population")), op("mul", in("total.population"), num("2")))))},
			{ID: "c.cold", Kind: "cap", AtMost: new(in("party.cold_chain"))},
			{ID: "c.blind", Kind: "forbidden_inputs", Inputs: []string{"party.id", "party.name", "party.contribution"}},
		},
	}
	declare := func(id party.ID, clause string, values map[string]canon.Int) program.Declared {
		return program.Declared{Party: id, Declaration: comity.Declaration{Period: "2027-01-04", Clause: clause, Values: values}}
	}
	return program.Inputs{
		Charter: c, CharterDigest: canon.Sum([]byte("charter")),
		Picture: comity.Picture{Period: "2027-01-04", Series: []comity.Series{
			series("KE", "ILI incidence", 1000, 1500), series("TZ", "ILI incidence", 900, 300),
		}},
		PictureDigest: canon.Sum([]byte("picture")),
		Declarations: []program.Declared{
			declare("KE", "d.needs", map[string]canon.Int{"population": 3000, "frontline": 90, "general": 1500, "cold_chain": 800}),
			declare("TZ", "d.needs", map[string]canon.Int{"population": 1000, "frontline": 40, "general": 500, "cold_chain": 700}),
			declare("GAVI", "d.supply", map[string]canon.Int{"doses": 401}),
		},
	}
}

// series forecasts the same median for 4 weeks ahead; other quantiles lie around it.
func series(place party.ID, target string, reference, median canon.Int) comity.Series {
	h := comity.Horizon{Weeks: 4}
	for _, level := range comity.QuantileLevels {
		h.Quantiles = append(h.Quantiles, median+canon.Int(level)-500)
	}
	return comity.Series{Place: place, Target: target, Reference: reference, Horizons: []comity.Horizon{h}}
}

// sameNumbers compares exact numbers by value.
func sameNumbers() gocmp.Option {
	return gocmp.Comparer(func(a, b exact.Rat) bool { return a.Cmp(b) == 0 })
}

func amount(x int64) *quantity.Amount { a := quantity.Amount(x); return &a }

func TestLowerTheVaccineCharter(t *testing.T) {
	got, err := program.Lower(vaccines())
	if err != nil {
		t.Fatal(err)
	}
	pair := func(first int) []comity.Term {
		return []comity.Term{{Column: first, Coeff: 1}, {Column: first + 1, Coeff: 1}}
	}
	// KE's measure is 1500/1000 = 24/16, TZ's 300/900, rounded to 5/16.
	want := comity.Problem{
		Charter: canon.Sum([]byte("charter")), Picture: canon.Sum([]byte("picture")), Period: "2027-01-04", Unit: "dose",
		Columns: []comity.Column{
			{ID: "KE/frontline", Party: "KE", Upper: 90},
			{ID: "KE/general", Party: "KE", Upper: 1500},
			{ID: "TZ/frontline", Party: "TZ", Upper: 40},
			{ID: "TZ/general", Party: "TZ", Upper: 500},
		},
		Rows: []comity.Row{
			{ID: "c.cold/KE", Clause: "c.cold", Upper: amount(800), Terms: pair(0)},
			{ID: "c.cold/TZ", Clause: "c.cold", Upper: amount(700), Terms: pair(2)},
			{ID: "c.floor/KE", Clause: "c.floor", Lower: amount(90), Terms: pair(0)},
			{ID: "c.floor/TZ", Clause: "c.floor", Lower: amount(40), Terms: pair(2)},
			{ID: "c.supply", Clause: "c.supply", Upper: amount(401), Terms: slices.Concat(pair(0), pair(2))},
		},
		Needs:  []comity.Need{{Party: "KE", Amount: 1590}, {Party: "TZ", Amount: 540}},
		Stages: []comity.Stage{{ID: "worth", Kind: "weighted", Scale: 32, Costs: []canon.Int{96, 24, 20, 5}}},
	}
	if diff := gocmp.Diff(want, got, sameNumbers()); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	if err := certificate.CheckShape(got); err != nil {
		t.Error(err)
	}
}

func TestMissingSeriesGetsTheLowerMedianAndTheWorstSeriesCounts(t *testing.T) {
	inputs := vaccines()
	inputs.Picture.Series = []comity.Series{series("KE", "ILI incidence", 1000, 500), series("KE", "SARI", 100, 200), series("TZ", "SARI", 0, 7)}
	got, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Stages[0]; s.Scale != 1 || s.Costs[0] != 4 || s.Costs[2] != 4 {
		t.Errorf("scale %d, costs %d, want 1 and 4 for both frontlines: ratio 2", s.Scale, s.Costs)
	}
}

func TestWhoNeverDeclaredIsLeftOutAndNamed(t *testing.T) {
	all := vaccines()
	some := vaccines()
	some.Declarations = slices.DeleteFunc(some.Declarations, func(d program.Declared) bool { return d.Party == "TZ" })
	p, err := program.Lower(some)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Absent, []party.ID{"TZ"}) || len(p.Needs) != 1 || p.Needs[0].Party != "KE" {
		t.Fatalf("absent %v, needs %v; want TZ absent and KE alone", p.Absent, p.Needs)
	}
	full, err := program.Lower(all)
	if err != nil {
		t.Fatal(err)
	}
	if len(full.Absent) != 0 || len(full.Needs) != 2 {
		t.Fatalf("absent %v, needs %v; want nobody absent", full.Absent, full.Needs)
	}
}

func TestOrderOfInputsLeavesNoTrace(t *testing.T) {
	want := bytesOf(t, vaccines())
	rapid.Check(t, func(r *rapid.T) {
		inputs := vaccines()
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0)).Shuffle
		inputs.Picture.Series = append(inputs.Picture.Series, series("KE", "SARI", 1000, 100))
		shuffleAll(shuffle, inputs.Declarations)
		shuffleAll(shuffle, inputs.Picture.Series)
		shuffleAll(shuffle, inputs.Charter.Data)
		shuffleAll(shuffle, inputs.Charter.Data[0].From)
		shuffleAll(shuffle, inputs.Charter.Constraints)
		shuffleAll(shuffle, inputs.Charter.Objective.Groups)
		if got := bytesOf(r, inputs); !bytes.Equal(got, want) {
			r.Fatalf("got %s, want %s", got, want)
		}
	})
}

func TestForbiddenInputsLeaveNoTrace(t *testing.T) {
	want := bytesOf(t, vaccines())
	inputs := vaccines()
	inputs.Charter.Title = comity.Text{"en": "Another title"}
	for k := range inputs.Charter.Parties {
		p := &inputs.Charter.Parties[k]
		p.Name, p.Groups, p.Kind, p.Weight = comity.Text{"en": "Renamed"}, []string{"rich"}, "firm", exact.Int(99)
	}
	if got := bytesOf(t, inputs); !bytes.Equal(got, want) {
		t.Errorf("names, groups and weights change the problem: %s, want %s", got, want)
	}
	inputs.CharterDigest = canon.Sum([]byte("another charter"))
	problem, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	problem.Charter = vaccines().CharterDigest
	if got, _ := canon.Marshal(problem); !bytes.Equal(got, want) {
		t.Errorf("the charter's digest changes more than itself: %s, want %s", got, want)
	}
}

// TestRenamingPartiesPermutesTheProblem exchanges two names and their data: the
// same numbers stand under the other name.
func TestRenamingPartiesPermutesTheProblem(t *testing.T) {
	before, err := program.Lower(vaccines())
	if err != nil {
		t.Fatal(err)
	}
	inputs := vaccines()
	other := map[party.ID]party.ID{"KE": "TZ", "TZ": "KE"}
	for k := range inputs.Declarations {
		if id, ok := other[inputs.Declarations[k].Party]; ok {
			inputs.Declarations[k].Party = id
		}
	}
	for k := range inputs.Picture.Series {
		inputs.Picture.Series[k].Place = other[inputs.Picture.Series[k].Place]
	}
	after, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	for j := range before.Columns {
		a, b := before.Columns[j], after.Columns[(j+2)%4]
		if before.Stages[0].Costs[j] != after.Stages[0].Costs[(j+2)%4] || a.Upper != b.Upper || other[a.Party] != b.Party {
			t.Errorf("column %s is %+v, after renaming %+v", a.ID, a, b)
		}
	}
	for i := range 4 {
		a, b := before.Rows[i], after.Rows[i^1]
		if gocmp.Diff(a.Lower, b.Lower) != "" || gocmp.Diff(a.Upper, b.Upper) != "" {
			t.Errorf("row %s is %+v, after renaming %+v", a.ID, a, b)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   error
		change func(*program.Inputs)
	}{
		{"sense", program.ErrCharter, func(i *program.Inputs) { i.Charter.Objective.Sense = "improve" }},
		{"no groups", program.ErrCharter, func(i *program.Inputs) { i.Charter.Objective.Groups = nil }},
		{"group twice", program.ErrCharter, func(i *program.Inputs) { i.Charter.Objective.Groups[1].ID = "frontline" }},
		{"need of nobody", program.ErrCharter, func(i *program.Inputs) {
			i.Charter.Objective.Groups[0].Need, i.Charter.Objective.Groups[1].Need = num("1"), num("1")
		}},
		{"needs of different parties", program.ErrCharter, func(i *program.Inputs) {
			i.Charter.Data = append(i.Charter.Data, comity.DataClause{ID: "d.more", From: []party.ID{"KE"}, As: "party", Values: []string{"more"}})
			i.Charter.Objective.Groups[1].Need = in("party.more")
		}},
		{"kind", program.ErrCharter, func(i *program.Inputs) { i.Charter.Constraints[0].Kind = "minimum" }},
		{"budget without bound", program.ErrCharter, func(i *program.Inputs) { i.Charter.Constraints[0].AtMost = nil }},
		{"floor from above", program.ErrCharter, func(i *program.Inputs) { i.Charter.Constraints[1].AtMost = new(num("1")) }},
		{"cap from below", program.ErrCharter, func(i *program.Inputs) { i.Charter.Constraints[2].AtLeast = new(num("1")) }},
		{"clause twice", program.ErrCharter, func(i *program.Inputs) {
			i.Charter.Constraints = append(i.Charter.Constraints, i.Charter.Constraints[0])
		}},
		{"value twice", program.ErrCharter, func(i *program.Inputs) {
			i.Charter.Data[0].As, i.Charter.Data[0].Values = "party", []string{"population"}
		}},
		{"values as nothing", program.ErrCharter, func(i *program.Inputs) { i.Charter.Data[2].As = "" }},
		{"two suppliers", program.ErrCharter, func(i *program.Inputs) { i.Charter.Data[2].From = []party.ID{"GAVI", "KE"} }},
		{"forbidden input", program.ErrForbidden, func(i *program.Inputs) { i.Charter.Constraints[2].AtMost = new(in("party.contribution")) }},
		{"total of a forbidden input", program.ErrForbidden, func(i *program.Inputs) { i.Charter.Constraints[2].AtMost = new(in("total.contribution")) }},
		{"forbidden input that exists", program.ErrForbidden, func(i *program.Inputs) { i.Charter.Constraints[3].Inputs = []string{"party.population"} }},
		{"unknown family", program.ErrInput, func(i *program.Inputs) { i.Charter.Objective.Stages[0].Measure = in("weather.rain") }},
		{"unknown value", program.ErrInput, func(i *program.Inputs) { i.Charter.Objective.Stages[0].Measure = in("party.gold") }},
		{"unknown total", program.ErrInput, func(i *program.Inputs) { i.Charter.Objective.Stages[0].Measure = in("total.gold") }},
		{"unknown picture value", program.ErrInput, func(i *program.Inputs) { i.Charter.Objective.Stages[0].Measure = in("picture.ratio_w04") }},
		{"party value in a budget", program.ErrInput, func(i *program.Inputs) { i.Charter.Constraints[0].AtMost = new(in("party.frontline")) }},
		{"no such horizon", program.ErrPicture, func(i *program.Inputs) { i.Charter.Objective.Stages[0].Measure = in("picture.ratio_w9") }},
		{"quantile missing", program.ErrPicture, func(i *program.Inputs) { i.Picture.Series[0].Horizons[0].Quantiles = []canon.Int{1} }},
		{"all needs missing", program.ErrDeclaration, func(i *program.Inputs) {
			i.Declarations = slices.DeleteFunc(i.Declarations, func(d program.Declared) bool { return d.Declaration.Clause == "d.needs" })
		}},
		{"supply missing", program.ErrDeclaration, func(i *program.Inputs) {
			i.Declarations = slices.DeleteFunc(i.Declarations, func(d program.Declared) bool { return d.Declaration.Clause == "d.supply" })
		}},
		{"declaration twice", program.ErrDeclaration, func(i *program.Inputs) { i.Declarations = append(i.Declarations, i.Declarations[0]) }},
		{"declaration of another party", program.ErrDeclaration, func(i *program.Inputs) { i.Declarations[0].Party = "GAVI" }},
		{"declaration of another period", program.ErrDeclaration, func(i *program.Inputs) { i.Declarations[0].Declaration.Period = "2027-01-11" }},
		{"declaration under no clause", program.ErrDeclaration, func(i *program.Inputs) { i.Declarations[0].Declaration.Clause = "d.none" }},
		{"value missing", program.ErrDeclaration, func(i *program.Inputs) { delete(i.Declarations[0].Declaration.Values, "general") }},
		{"value too many", program.ErrDeclaration, func(i *program.Inputs) { i.Declarations[0].Declaration.Values["gold"] = 1 }},
		{"division by zero", exact.ErrDivision, func(i *program.Inputs) { i.Charter.Objective.Stages[0].Measure = op("div", num("1"), num("0")) }},
		{"denominators", program.ErrRange, func(i *program.Inputs) { i.Charter.Objective.Stages[0].Measure = num("1/1099511627777") }},
		{"cost", program.ErrRange, func(i *program.Inputs) { i.Charter.Objective.Stages[0].Measure = num("1099511627776") }},
		{"need", program.ErrRange, func(i *program.Inputs) { i.Declarations[0].Declaration.Values["general"] = program.MaxAmount }},
		{"bound", program.ErrRange, func(i *program.Inputs) { i.Declarations[2].Declaration.Values["doses"] = program.MaxAmount + 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inputs := vaccines()
			c.change(&inputs)
			if _, err := program.Lower(inputs); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestNeedsBelowZeroAreZeroAndFloorsStayLiteral(t *testing.T) {
	inputs := vaccines()
	inputs.Declarations[1].Declaration.Values["general"] = -5
	inputs.Charter.Constraints[1].AtLeast = new(num("700.9"))
	got, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	if got.Columns[3].Upper != 0 || got.Needs[1].Amount != 40 || *got.Rows[3].Lower != 700 {
		t.Errorf("upper %d, need %d, floor %d; want 0, 40, 700", got.Columns[3].Upper, got.Needs[1].Amount, *got.Rows[3].Lower)
	}
}

func shuffleAll[T any](shuffle func(int, func(i, j int)), list []T) {
	shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

func bytesOf(t interface{ Fatal(...any) }, inputs program.Inputs) []byte {
	problem, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := canon.Marshal(problem)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func amounts(list ...quantity.Amount) []quantity.Amount { return list }
