package certificate_test

import (
	"errors"
	"math/big"
	"slices"
	"testing"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// example: 10 units for two parties; KE's are worth 3, TZ's 2; TZ gets at least 2.
// Supply is worth 3, the floor costs 1; units can move only at a loss, so the price of
// the floor that the stage leaves is large in the proof of evenness.
func example() (comity.Problem, []quantity.Amount, comity.Certificate) {
	p := comity.Problem{
		Columns: []comity.Column{{ID: "KE/all", Party: "KE", Upper: 9}, {ID: "TZ/all", Party: "TZ", Upper: 9}},
		Rows: []comity.Row{
			{ID: "c.floor/TZ", Clause: "c.floor", Lower: amount(2), Terms: []comity.Term{{Column: 1, Coeff: 1}}},
			{ID: "c.supply", Clause: "c.supply", Upper: amount(10), Terms: []comity.Term{{Column: 0, Coeff: 1}, {Column: 1, Coeff: 1}}},
		},
		Needs:  []comity.Need{{Party: "KE", Amount: 9}, {Party: "TZ", Amount: 9}},
		Stages: []comity.Stage{{ID: "worth", Kind: certificate.Weighted, Scale: 1, Costs: []canon.Int{3, 2}}},
	}
	const one = 1 << certificate.EvenBits
	cert := comity.Certificate{Stages: []comity.StageProof{
		{Stage: "worth", Value: exact.Int(28), Bound: exact.Int(28), Gap: exact.Int(0), Proof: prices(-1<<20, 3<<20)},
		// Weights 1/9 and 7/9, rounded down, are the slopes at 8 and 2 of 9 units. With
		// price -(7/9-1/9) on the sum 3x+2y and the same three times on the supply, each
		// column keeps just its weight.
		{Stage: "evenness", Weights: []canon.Int{one / 9, one / 9 * 7}, Proof: prices(0, one/9*7+2*(one/9*6), -(one / 9 * 6))},
	}}
	units := []quantity.Amount{8, 2}
	even, err := certificate.State(p, units, cert)
	if err != nil {
		panic(err)
	}
	cert.Stages[1] = even.Stages[1]
	return p, units, cert
}

func prices(of ...canon.Int) comity.Proof { return comity.Proof{Prices: of} }

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
	cert.Stages[0].Value, cert.Stages[0].Gap = exact.Int(25), exact.Int(3)
	cert.Stages[1].Weights[0] = 2 * (1 << certificate.EvenBits) / 9
	even, err := certificate.State(p, units, cert)
	if err != nil {
		t.Fatal(err)
	}
	cert.Stages[1] = even.Stages[1]
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
		{"other units, same certificate", certificate.ErrInvalid, func(_ *comity.Problem, u []quantity.Amount, _ *comity.Certificate) { u[0], u[1] = 7, 3 }},
		{"a stage without proof", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages = c.Stages[1:] }},
		{"no proof of evenness", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages = c.Stages[:1] }},
		{"a proof too many", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) {
			c.Stages = append(c.Stages, c.Stages[1])
		}},
		{"proof of another stage", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[0].Stage = "other" }},
		{"weights of a sum", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) {
			c.Stages[0].Weights = []canon.Int{1, 1}
		}},
		{"slope too steep", certificate.ErrBound, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[1].Weights[0] *= 3 }},
		{"slope too flat", certificate.ErrBound, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[1].Weights[1] /= 2 }},
		{"evenness gap", certificate.ErrGap, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[1].Gap = exact.Int(1) }},
		{"evenness price", certificate.ErrBound, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[1].Proof.Prices[1]++ }},
		{"a cut of no limit", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) {
			c.Stages[0].Cuts = []comity.Cut{{Vector: []canon.Int{-1, 1}}}
		}},
		{"a split of nothing", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) {
			c.Stages[0].Proof = comity.Proof{Tree: []comity.Case{{Split: &comity.Split{At: 3}}}}
		}},
		{"half a tree", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) {
			whole := c.Stages[0].Proof
			c.Stages[0].Proof = comity.Proof{Tree: []comity.Case{{Split: &comity.Split{At: 3}}, {Prices: whole.Prices}}}
		}},
		{"a split outside", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) {
			whole := c.Stages[0].Proof
			c.Stages[0].Proof = comity.Proof{Tree: []comity.Case{{Split: &comity.Split{At: 9}}, {Prices: whole.Prices}, {Prices: whole.Prices}}}
		}},
		{"no stage", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Stages = nil }},
		{"stage of another kind", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Stages[0].Kind = "best" }},
		{"slack below zero", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Stages[0].Slack = exact.Int(-1) }},
		{"cost missing", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) {
			p.Stages[0].Costs = p.Stages[0].Costs[:1]
		}},
		{"limit without parties", certificate.ErrShape, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) {
			p.Limits = []comity.Limit{{ID: "l", Kind: certificate.LimitGini}}
		}},
		{"limit broken", certificate.ErrPrimal, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) {
			p.Limits = []comity.Limit{{ID: "l", Kind: certificate.LimitGini, Per: []quantity.Amount{1, 1}, Bound: exact.Int(0)}}
		}},
		{"objective", certificate.ErrObjective, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[0].Value = exact.Int(29) }},
		{"bound", certificate.ErrBound, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[0].Bound = exact.Int(27) }},
		{"gap", certificate.ErrGap, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[0].Gap = exact.Int(-1) }},
		{"price", certificate.ErrBound, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[0].Proof.Prices[1]++ }},
		{"price towards no bound", certificate.ErrBound, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) { c.Stages[0].Proof.Prices[0] = 1 }},
		{"price missing", certificate.ErrShape, func(_ *comity.Problem, _ []quantity.Amount, c *comity.Certificate) {
			c.Stages[0].Proof.Prices = c.Stages[0].Proof.Prices[:1]
		}},
		{"cost", certificate.ErrObjective, func(p *comity.Problem, _ []quantity.Amount, _ *comity.Certificate) { p.Stages[0].Costs[0] = 4 }},
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
		if err := certificate.CheckInfeasible(p, certificate.Infeasible{Proof: comity.Proof{Prices: c.ray}}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// TestALevelSettlesAPartyOnce has two parties of which TZ can have 1 and KE 3: a second
// level may not lean on TZ again, which lies below it.
func TestALevelSettlesAPartyOnce(t *testing.T) {
	p := comity.Problem{
		Columns: []comity.Column{{ID: "KE/all", Party: "KE", Upper: 3}, {ID: "TZ/all", Party: "TZ", Upper: 1}},
		Needs:   []comity.Need{{Party: "KE", Amount: 3}, {Party: "TZ", Amount: 1}},
		Stages:  []comity.Stage{{ID: "least", Kind: certificate.Leximin, Scale: 1, Costs: []canon.Int{1, 1}, Per: []quantity.Amount{1, 1}}},
	}
	const one = 1 << certificate.EvenBits
	cert := comity.Certificate{Stages: []comity.StageProof{
		{Stage: "least", Weights: []canon.Int{0, 1}, Proof: prices()},
		{Stage: "least", Weights: []canon.Int{1, 0}, Proof: prices(0)},
		{Stage: "evenness", Weights: []canon.Int{one / 6, one / 2}, Proof: prices(0, 0)},
	}}
	units := []quantity.Amount{3, 1}
	cert, err := certificate.State(p, units, cert)
	if err != nil {
		t.Fatal(err)
	}
	if got := [2]string{cert.Stages[0].Bound.String(), cert.Stages[1].Bound.String()}; got != [2]string{"1", "3"} {
		t.Errorf("levels %v, want 1 and 3", got)
	}
	if err := certificate.Check(p, units, cert, exact.Int(0)); err != nil {
		t.Error(err)
	}
	cert.Stages[1].Weights = []canon.Int{1, 1}
	if _, err := certificate.State(p, units, cert); !errors.Is(err, certificate.ErrShape) {
		t.Errorf("a party that is settled twice: got %v, want ErrShape", err)
	}
	if err := certificate.Check(p, []quantity.Amount{1, 1}, restated(t, p, []quantity.Amount{1, 1}), exact.Int(0)); !errors.Is(err, certificate.ErrGap) {
		t.Errorf("a party two units below its level: got %v, want ErrGap", err)
	}
}

// restated proves the same levels for other units.
func restated(t *testing.T, p comity.Problem, units []quantity.Amount) comity.Certificate {
	t.Helper()
	const one = 1 << certificate.EvenBits
	cert, err := certificate.State(p, units, comity.Certificate{Stages: []comity.StageProof{
		{Stage: "least", Weights: []canon.Int{0, 1}, Proof: prices()},
		{Stage: "least", Weights: []canon.Int{1, 0}, Proof: prices(0)},
		{Stage: "evenness", Weights: []canon.Int{one / 6 * 4, one / 2}, Proof: prices(0, 0)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return cert
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
		Columns: []comity.Column{{ID: "A", Party: "AA", Upper: most}, {ID: "B", Party: "AA", Upper: most}},
		Rows:    []comity.Row{{ID: "r", Upper: amount(most), Terms: []comity.Term{{Column: 0, Coeff: most}, {Column: 1, Coeff: most}}}},
		Needs:   []comity.Need{{Party: "AA", Amount: most}},
		Stages:  []comity.Stage{{ID: "s", Kind: certificate.Weighted, Scale: 1, Costs: []canon.Int{most, most}}},
	}
	if err := certificate.Feasible(p, []quantity.Amount{most, most}); !errors.Is(err, certificate.ErrPrimal) {
		t.Errorf("got %v, want ErrPrimal", err)
	}
	cert := comity.Certificate{Stages: []comity.StageProof{
		{Stage: "s", Proof: prices(0)}, {Stage: "evenness", Weights: []canon.Int{1 << certificate.EvenBits}, Proof: prices(0, 0)},
	}}
	got, err := certificate.State(p, []quantity.Amount{0, 0}, cert)
	if err != nil {
		t.Fatal(err)
	}
	want := new(big.Int).Mul(big.NewInt(most), big.NewInt(most))
	if want.Lsh(want, 1); got.Stages[0].Bound.Big().Num().Cmp(want) != 0 {
		t.Errorf("got %s, want %s", got.Stages[0].Bound, want)
	}
}

func BenchmarkCheck(b *testing.B) {
	const parties = 200
	var p comity.Problem
	supply := comity.Row{ID: "s", Upper: amount(parties * 1_000_000)}
	for k := range parties {
		id := string([]byte{'A' + byte(k/20), 'A' + byte(k%20)})
		for g := range 2 {
			supply.Terms = append(supply.Terms, comity.Term{Column: len(p.Columns), Coeff: 1})
			p.Columns = append(p.Columns, comity.Column{ID: id + "/" + string(rune('0'+g)), Party: party.ID(id), Upper: 1_000_000})
		}
	}
	p.Rows = []comity.Row{supply}
	costs := make([]canon.Int, len(p.Columns))
	for j, c := range p.Columns {
		costs[j] = canon.Int(j / 2)
		if j%2 == 0 {
			p.Needs = append(p.Needs, comity.Need{Party: c.Party, Amount: 2_000_000})
		}
	}
	p.Stages = []comity.Stage{{ID: "s", Kind: certificate.Weighted, Scale: 1, Costs: costs}}
	weights := make([]canon.Int, parties)
	for k := range weights {
		weights[k] = 1 << certificate.EvenBits
	}
	cert := comity.Certificate{Stages: []comity.StageProof{
		{Stage: "s", Proof: prices(100 << 20)}, {Stage: "evenness", Weights: weights, Proof: prices(0, 0)},
	}}
	units := make([]quantity.Amount, len(p.Columns))
	for b.Loop() {
		if _, err := certificate.State(p, units, cert); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckLarge checks 200 countries, 20 groups and 12 periods: 48,000 columns in
// 7,452 rows of 42 terms.
func BenchmarkCheckLarge(b *testing.B) {
	const parties, columns, rows, terms = 200, 240, 7452, 42
	p := comity.Problem{Rows: make([]comity.Row, rows)}
	stage := comity.Stage{ID: "s", Kind: certificate.Weighted, Scale: 1}
	for k := range parties {
		id := party.ID([]byte{'A' + byte(k/20), 'A' + byte(k%20)})
		p.Needs = append(p.Needs, comity.Need{Party: id, Amount: 2_000_000})
		for c := range columns {
			p.Columns = append(p.Columns, comity.Column{ID: string(id) + "/" + string([]byte{'a' + byte(c/16), 'a' + byte(c%16)}), Party: id, Upper: 8_000})
			stage.Costs = append(stage.Costs, canon.Int(c*k))
		}
	}
	p.Stages = []comity.Stage{stage}
	first := comity.StageProof{Stage: "s"}
	for i := range p.Rows {
		p.Rows[i] = comity.Row{ID: string([]byte{'a' + byte(i/625), 'a' + byte(i/25%25), 'a' + byte(i%25)}), Upper: amount(1 << 40)}
		for k := range terms {
			p.Rows[i].Terms = append(p.Rows[i].Terms, comity.Term{Column: (i*6 + k*999) % len(p.Columns), Coeff: canon.Int(1 + k%9)})
		}
		slices.SortFunc(p.Rows[i].Terms, func(a, b comity.Term) int { return a.Column - b.Column })
		first.Proof.Prices = append(first.Proof.Prices, canon.Int(i)<<20)
	}
	even := comity.StageProof{Stage: "evenness", Proof: comity.Proof{Prices: make([]canon.Int, rows+1)}}
	for range p.Needs {
		even.Weights = append(even.Weights, 1<<certificate.EvenBits)
	}
	cert := comity.Certificate{Stages: []comity.StageProof{first, even}}
	units := make([]quantity.Amount, len(p.Columns))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := certificate.State(p, units, cert); err != nil {
			b.Fatal(err)
		}
	}
}
