package explore_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"comity"
	"comity/adapter/highs/highstest"
	"comity/allocator/explore"
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

// nation is what one party declares, and its forecast in thousandths of its own level.
type nation struct {
	id                                              party.ID
	population, frontline, general, capacity, ratio int64
}

const period = "2027-01-04"

// vaccines is the charter of the health pack over some nations and a supply.
func vaccines(nations []nation, supply int64) program.Inputs {
	c := comity.Charter{
		ID:    "pool",
		Scope: comity.Scope{Resource: "doses", Unit: "dose", Periods: 1},
		Objective: comity.Objective{
			Sense:  "maximise",
			Stages: []comity.Aim{{Counts: "worth", ID: "worth", Kind: "weighted", Measure: op("round", in("picture.ratio_w2"), num("1/16"))}},
			Groups: []comity.Group{
				{ID: "frontline", Weight: exact.Int(2), Need: in("party.frontline")},
				{ID: "general", Weight: exact.Int(1), Need: in("party.general")},
			},
		},
		Constraints: []comity.Constraint{
			{ID: "c.supply", Kind: "budget", AtMost: new(in("supply.doses"))},
			{ID: "c.floor", Kind: "floor", AtLeast: new(op("min", in("party.frontline"), in("party.capacity"),
				op("div", op("mul", in("supply.doses"), in("party.population")), op("mul", in("total.population"), num("2")))))},
			{ID: "c.cold", Kind: "cap", AtMost: new(in("party.capacity"))},
			{ID: "c.blind", Kind: "forbidden_inputs", Inputs: []string{"party.id", "party.name"}},
		},
	}
	needs := comity.DataClause{ID: "d.needs", As: "party", Values: []string{"population", "frontline", "general", "capacity", "stock"}}
	picture := comity.Picture{Period: period}
	var said []program.Declared
	for _, n := range nations {
		c.Parties = append(c.Parties, comity.Party{ID: n.id})
		needs.From = append(needs.From, n.id)
		picture.Series = append(picture.Series, series(n.id, n.ratio))
		said = append(said, program.Declared{Party: n.id, Declaration: comity.Declaration{Period: period, Clause: "d.needs", Values: map[string]canon.Int{
			"population": canon.Int(n.population), "frontline": canon.Int(n.frontline), "general": canon.Int(n.general), "capacity": canon.Int(n.capacity), "stock": 7,
		}}})
	}
	c.Parties = append(c.Parties, comity.Party{ID: "POOL"})
	c.Data = []comity.DataClause{needs, {ID: "d.supply", As: "supply", From: []party.ID{"POOL"}, Values: []string{"doses"}}}
	said = append(said, program.Declared{Party: "POOL", Declaration: comity.Declaration{Period: period, Clause: "d.supply", Values: map[string]canon.Int{"doses": canon.Int(supply)}}})
	return program.Inputs{
		Charter: c, CharterDigest: canon.Sum([]byte("charter")), Picture: picture, PictureDigest: canon.Sum([]byte("picture")), Declarations: said,
	}
}

func series(id party.ID, ratio int64) comity.Series {
	h := comity.Horizon{Weeks: 2}
	for _, level := range comity.QuantileLevels {
		h.Quantiles = append(h.Quantiles, canon.Int(ratio)+canon.Int(level)-500)
	}
	return comity.Series{Place: id, Target: "ILI", Reference: 1000, Horizons: []comity.Horizon{h}}
}

// three is small enough to try every division.
func three() []nation {
	return []nation{
		{"KE", 60, 4, 20, 12, 1500},
		{"NO", 20, 3, 9, 30, 1000},
		{"TZ", 40, 5, 15, 10, 1000},
	}
}

// many draws nations as they are: populations over four orders of magnitude.
func many(n int) []nation {
	r := rand.New(rand.NewPCG(1, 2))
	var out []nation
	for k := range n {
		population := int64(100_000) << r.IntN(13)
		population += r.Int64N(population)
		out = append(out, nation{
			party.ID(fmt.Sprintf("P%02d", k)), population, population * (10 + r.Int64N(30)) / 1000, population * (500 + r.Int64N(300)) / 1000,
			population * (20 + r.Int64N(300)) / 1000, 500 + r.Int64N(2000),
		})
	}
	return out
}

func fresh(t testing.TB, inputs program.Inputs) (*explore.Engine, explore.Answer) {
	t.Helper()
	e := explore.New(highstest.Engine(t), 0)
	a, err := e.Solve(t.Context(), explore.Case{Inputs: inputs, Lot: canon.Sum([]byte("lot"))})
	if err != nil {
		t.Fatal(err)
	}
	return e, a
}

func amountOf(t testing.TB, a explore.Answer, id party.ID) quantity.Amount {
	t.Helper()
	n, ok := a.Of(id)
	if !ok {
		t.Fatalf("%s gets nothing", id)
	}
	return n
}
