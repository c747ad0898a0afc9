package basis_test

import (
	"math/big"
	"testing"

	"comity/adapter/highs/highstest"
	"comity/allocator/basis"
	"comity/allocator/linear"
	"comity/exact"
)

// TestManyRowsAreSettledByShortNumbers has 2,100 rows xᵢ/3 + y <= i/7 and, the second
// time, an equation that leaves no room to round in.
func TestManyRowsAreSettledByShortNumbers(t *testing.T) {
	for _, equation := range []bool{false, true} {
		zero, third := exact.Int(0), exact.FromBig(big.NewRat(1, 3))
		p := linear.Programme{Maximise: true, Columns: []linear.Column{{Name: "y", Cost: exact.Int(1), Lower: &zero}}}
		for i := range 2100 {
			upper := exact.FromBig(big.NewRat(int64(i+1), 7))
			p.Columns = append(p.Columns, linear.Column{Cost: exact.FromBig(big.NewRat(int64(i%9+1), 100)), Lower: &zero})
			p.Rows = append(p.Rows, linear.Row{Upper: &upper, Terms: []linear.Term{{Column: 0, Coeff: exact.Int(1)}, {Column: i + 1, Coeff: third}}})
		}
		if equation {
			p.Rows[5].Lower = p.Rows[5].Upper
		}
		got, err := basis.Solve(t.Context(), p, highstest.Engine(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := linear.Check(p, got); err != nil {
			t.Fatal(err)
		}
		allowed := new(big.Rat).Mul(got.Objective.Big(), big.NewRat(1, 100_000))
		if got.Status != linear.Optimal || got.Gap.Big().Cmp(allowed) > 0 {
			t.Errorf("equation %t: %s with gap %s", equation, got.Status, got.Gap)
		}
		if got.Tree == nil {
			t.Errorf("equation %t: exact prices instead of short ones", equation)
		}
	}
}
