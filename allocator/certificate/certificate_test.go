package certificate_test

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
	"comity/exact"
	"comity/quantity"
)

// example: 10 units for two parties; KE's are worth 3, TZ's 2; TZ gets at least 2.
func example() (comity.Problem, []quantity.Amount, comity.Certificate) {
	p := comity.Problem{
		Columns: []comity.Column{{ID: "KE/all", Party: "KE", Cost: 3, Upper: 9}, {ID: "TZ/all", Party: "TZ", Cost: 2, Upper: 9}},
		Rows: []comity.Row{
			{ID: "c.floor/TZ", Clause: "c.floor", Lower: amount(2), Terms: []comity.Term{{Column: 1, Coeff: 1}}},
			{ID: "c.supply", Clause: "c.supply", Upper: amount(10), Terms: []comity.Term{{Column: 0, Coeff: 1}, {Column: 1, Coeff: 1}}},
		},
		Needs: []comity.Need{{Party: "KE", Amount: 9}, {Party: "TZ", Amount: 9}},
	}
	cert := comity.Certificate{
		Duals:     []canon.Int{-1 << 20, 3 << 20},
		Objective: exact.Int(28), Bound: exact.Int(28), Gap: exact.Int(0),
	}
	return p, []quantity.Amount{8, 2}, cert
}

func amount(x int64) *quantity.Amount { a := quantity.Amount(x); return &a }

func TestCheckAcceptsAnOptimum(t *testing.T) {
	p, units, cert := example()
	if err := certificate.Check(p, units, cert, exact.Int(0)); err != nil {
		t.Fatal(err)
	}
}

func TestCheckAllowsAGapUpToTheChartersShare(t *testing.T) {
	p, _, cert := example()
	units := []quantity.Amount{7, 2}
	cert.Objective, cert.Gap = exact.Int(25), exact.Int(3)
	enough, _ := exact.Ratio(3, 28)
	if err := certificate.Check(p, units, cert, enough); err != nil {
		t.Error(err)
	}
	less, _ := exact.Ratio(3, 29)
	if err := certificate.Check(p, units, cert, less); !errors.Is(err, certificate.ErrGap) {
		t.Errorf("gap above the share: got %v, want ErrGap", err)
	}
}

func TestEveryTamperingIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   error
		tamper func(p *comity.Problem, units []quantity.Amount, cert *comity.Certificate)
	}{
		{"unit above its column", certificate.ErrPrimal, func(_ *comity.Problem, u []quantity.Amount, _ *comity.Certificate) { u[0], u[1] = 10, 0 }},
		{"unit below its column", certificate.ErrPrimal, func(_ *comity.Problem, u []quantity.Amount, _ *comity.Certificate) { u[0] = -1 }},
		{"row above its bound", certificate.ErrPrimal, func(_ *comity.Problem, u []quantity.Amount, _ *comity.Certificate) { u[1] = 3 }},
		{"row below its bound", certificate.ErrPrimal, func(_ *comity.Problem, u []quantity.Amount, _ *comity.Certificate) { u[1] = 1 }},
		{"other units, same certificate", certificate.ErrObjective, func(_ *comity.Problem, u []quantity.Amount, _ *comity.Certificate) { u[0], u[1] = 7, 3 }},
		{"objective", certificate.ErrObjective, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Objective = exact.Int(29) }},
		{"bound", certificate.ErrBound, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Bound = exact.Int(27) }},
		{"gap", certificate.ErrGap, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Gap = exact.Int(-1) }},
		{"price", certificate.ErrBound, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Duals[1]++ }},
		{"price towards no bound", certificate.ErrBound, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Duals[0] = 1 }},
		{"price missing", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Duals = c.Duals[:1] }},
		{"cost", certificate.ErrObjective, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Columns[0].Cost = 4 }},
		{"column order", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Columns[0].ID = "ZZ/all" }},
		{"column twice", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Columns[0].ID = "TZ/all" }},
		{"empty column", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Columns[0].Lower = 10 }},
		{"column missing", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Columns = p.Columns[:1] }},
		{"row order", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Rows[0].ID = "c.z" }},
		{"empty row", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Rows[1].Lower = amount(11) }},
		{"row missing", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Rows = p.Rows[:1] }},
		{"term outside", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Rows[0].Terms[0].Column = 2 }},
		{"term below", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Rows[0].Terms[0].Column = -1 }},
		{"term zero", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Rows[0].Terms[0].Coeff = 0 }},
		{"term twice", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Rows[1].Terms[1].Column = 0 }},
		{"need below zero", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Needs[0].Amount = -1 }},
		{"need twice", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Needs[0].Party = "TZ" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, units, cert := example()
			c.tamper(&p, units, &cert)
			err := certificate.Check(p, units, cert, exact.Int(0))
			if !errors.Is(err, c.want) || !errors.Is(err, certificate.ErrInvalid) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestAnyPricesBoundTheBestPlan is weak duality, against all plans of a tiny problem.
func TestAnyPricesBoundTheBestPlan(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawProblem(r)
		prices := make([]canon.Int, len(p.Rows))
		for i, row := range p.Rows {
			y := rapid.Int64Range(-9<<20, 9<<20).Draw(r, "price")
			if y > 0 && row.Upper != nil || y < 0 && row.Lower != nil {
				prices[i] = canon.Int(y)
			}
		}
		bound, err := certificate.Bound(p, prices)
		if err != nil {
			r.Fatal(err)
		}
		best, feasible := enumerate(p)
		if feasible && bound.Big().Cmp(best) < 0 {
			r.Fatalf("prices %v bound worth by %s, a plan reaches %s", prices, bound, best)
		}
		if feasible && certificate.CheckInfeasible(p, prices) == nil {
			r.Fatalf("ray %v proves a feasible problem infeasible", prices)
		}
	})
}

func TestInfeasibility(t *testing.T) {
	p, _, _ := example()
	p.Rows[1].Upper = amount(1) // Below the floor of 2.
	for _, c := range []struct {
		name string
		ray  []canon.Int
		want error
	}{
		{"proof", []canon.Int{-1, 1}, nil},
		{"any multiple", []canon.Int{-1 << 40, 1 << 40}, nil},
		{"nothing", []canon.Int{0, 0}, certificate.ErrRay},
		{"one rule alone", []canon.Int{-1, 0}, certificate.ErrRay},
		{"the wrong way", []canon.Int{1, -1}, certificate.ErrBound},
		{"too short", []canon.Int{-1}, certificate.ErrShape},
	} {
		if err := certificate.CheckInfeasible(p, c.ray); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestSharesSumByParty(t *testing.T) {
	p, units, _ := example()
	got, err := certificate.Shares(p, units)
	if err != nil || len(got) != 2 || got[0] != (comity.Share{Party: "KE", Amount: 8}) || got[1] != (comity.Share{Party: "TZ", Amount: 2}) {
		t.Fatalf("got %v, %v", got, err)
	}
	p.Needs = p.Needs[:1]
	if _, err := certificate.Shares(p, units); !errors.Is(err, certificate.ErrShape) {
		t.Errorf("a party without need: got %v, want ErrShape", err)
	}
}

// TestNumbersOf64BitsDoNotWrap uses the largest numbers that a record can hold.
func TestNumbersOf64BitsDoNotWrap(t *testing.T) {
	const most = 1<<63 - 1
	p := comity.Problem{
		Columns: []comity.Column{{ID: "A", Party: "AA", Cost: most, Upper: most}, {ID: "B", Party: "AA", Cost: most, Upper: most}},
		Rows:    []comity.Row{{ID: "r", Upper: amount(most), Terms: []comity.Term{{Column: 0, Coeff: most}, {Column: 1, Coeff: most}}}},
		Needs:   []comity.Need{{Party: "AA", Amount: most}},
	}
	if _, err := certificate.Objective(p, []quantity.Amount{most, most}); !errors.Is(err, certificate.ErrPrimal) {
		t.Errorf("got %v, want ErrPrimal", err)
	}
	bound, err := certificate.Bound(p, []canon.Int{0})
	want := new(big.Int).Mul(big.NewInt(most), big.NewInt(most))
	if want.Lsh(want, 1); err != nil || bound.Big().Num().Cmp(want) != 0 {
		t.Errorf("got %s, %v, want %s", bound, err, want)
	}
}

func drawProblem(r *rapid.T) comity.Problem {
	var p comity.Problem
	for j := range rapid.IntRange(1, 3).Draw(r, "columns") {
		low := rapid.Int64Range(-2, 2).Draw(r, "lower")
		p.Columns = append(p.Columns, comity.Column{
			ID: string(rune('A' + j)), Party: "PP",
			Cost:  canon.Int(rapid.Int64Range(-5, 5).Draw(r, "cost")),
			Lower: quantity.Amount(low), Upper: quantity.Amount(low + rapid.Int64Range(0, 4).Draw(r, "width")),
		})
	}
	for i := range rapid.IntRange(0, 3).Draw(r, "rows") {
		row := comity.Row{ID: string(rune('a' + i))}
		low := rapid.Int64Range(-6, 6).Draw(r, "low")
		if rapid.Bool().Draw(r, "has lower") {
			row.Lower = amount(low)
		}
		if rapid.Bool().Draw(r, "has upper") {
			row.Upper = amount(low + rapid.Int64Range(0, 6).Draw(r, "row width"))
		}
		for j := range p.Columns {
			if c := rapid.Int64Range(-3, 3).Draw(r, "coefficient"); c != 0 {
				row.Terms = append(row.Terms, comity.Term{Column: j, Coeff: canon.Int(c)})
			}
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

func enumerate(p comity.Problem) (best *big.Rat, feasible bool) {
	units := make([]quantity.Amount, len(p.Columns))
	var visit func(j int)
	visit = func(j int) {
		if j == len(units) {
			worth, err := certificate.Objective(p, units)
			if err == nil && (best == nil || worth.Big().Cmp(best) > 0) {
				best, feasible = worth.Big(), true
			}
			return
		}
		for x := p.Columns[j].Lower; x <= p.Columns[j].Upper; x++ {
			units[j] = x
			visit(j + 1)
		}
	}
	visit(0)
	return best, feasible
}

func BenchmarkCheck(b *testing.B) {
	const parties = 200
	var p comity.Problem
	supply := comity.Row{ID: "s", Upper: amount(parties * 1_000_000)}
	for k := range parties {
		id := string([]byte{'A' + byte(k/20), 'A' + byte(k%20)})
		for g := range 2 {
			supply.Terms = append(supply.Terms, comity.Term{Column: len(p.Columns), Coeff: 1})
			p.Columns = append(p.Columns, comity.Column{ID: id + "/" + string(rune('0'+g)), Cost: canon.Int(k), Upper: 1_000_000})
		}
	}
	p.Rows = []comity.Row{supply}
	units := make([]quantity.Amount, len(p.Columns))
	for b.Loop() {
		if _, err := certificate.State(p, units, []canon.Int{100 << 20}); err != nil {
			b.Fatal(err)
		}
	}
}
