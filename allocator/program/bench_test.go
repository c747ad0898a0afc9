package program_test

import (
	"fmt"
	"testing"

	"comity"
	"comity/allocator/program"
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// BenchmarkLower lowers a plan for 200 parties, 20 groups and 12 periods: 48,000 shares.
func BenchmarkLower(b *testing.B) {
	inputs := wide(200, 20, 12)
	for b.Loop() {
		p, err := program.Lower(inputs)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(p.Columns)), "columns")
		b.ReportMetric(float64(len(p.Rows)), "rows")
	}
}

// wide is a stockpile for many parties and groups, each with needs of its own.
func wide(parties, groups, periods int) program.Inputs {
	c := comity.Charter{
		Scope: comity.Scope{Unit: "dose", Periods: periods},
		Data: []comity.DataClause{
			{ID: "d.people", As: "party", Values: []string{"population", "room"}},
			{ID: "d.months", As: "party", Values: []string{"cases"}, ByPeriod: true},
			{ID: "d.depot", From: []party.ID{"DEPOT"}, As: "supply", Values: []string{"doses"}, ByPeriod: true},
		},
		Objective: comity.Objective{Sense: "maximise", Stages: []comity.Aim{{
			Counts: "worth",
			ID:     "worth", Kind: "weighted", Measure: op("round", op("div", op("mul", num("1000"), in("party.cases")), in("party.population")), num("1/16")),
		}}},
		Constraints: []comity.Constraint{
			{ID: "c.store", Kind: "stock", Opening: new(num("0")), Arrivals: new(in("supply.doses")), AtMost: new(num("100000"))},
			{ID: "c.room", Kind: "cap", Each: "party_period", AtMost: new(in("party.room"))},
			{ID: "c.floor", Kind: "floor", Each: "party_period", AtLeast: new(op("div", op("mul", in("supply.doses"), in("party.cases")), op("mul", num("4"), in("total.cases"))))},
		},
	}
	for g := range groups {
		c.Objective.Groups = append(c.Objective.Groups, comity.Group{
			ID: fmt.Sprintf("g%d", g), Weight: exact.Int(int64(1 + g)), Need: op("div", in("party.population"), num(fmt.Sprint(40+g))),
		})
	}
	in := program.Inputs{}
	add := func(id party.ID, clause string, values map[string]canon.Int) {
		in.Declarations = append(in.Declarations, program.Declared{Party: id, Declaration: comity.Declaration{Clause: clause, Values: values}})
	}
	doses := map[string]canon.Int{}
	for t := range periods {
		doses[fmt.Sprintf("doses/%d", t+1)] = canon.Int(1_000_000 + 10_000*t)
	}
	add("DEPOT", "d.depot", doses)
	for k := range parties {
		id := party.ID(fmt.Sprintf("P%03d", k))
		c.Data[0].From, c.Data[1].From = append(c.Data[0].From, id), append(c.Data[1].From, id)
		cases := map[string]canon.Int{}
		for t := range periods {
			cases[fmt.Sprintf("cases/%d", t+1)] = canon.Int(100 + 37*k%900 + 11*t)
		}
		add(id, "d.months", cases)
		add(id, "d.people", map[string]canon.Int{"population": canon.Int(1_000_000 + 7919*k), "room": 60_000})
	}
	in.Charter = c
	return in
}
