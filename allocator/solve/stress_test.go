package solve_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"comity"
	"comity/allocator/solve"
	"comity/canon"
	"comity/party"
	"comity/quantity"
)

func TestStress(t *testing.T) {
	out, _ := os.Create(os.Getenv("STRESS"))
	n, worst := 0, 0
	s := counting2{engine(t), &n}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		var p comity.Problem
		for k := range 5 + r.IntN(30) {
			id := party.ID(fmt.Sprintf("P%02d", k))
			need := comity.Need{Party: id}
			for g := range 1 + r.IntN(3) {
				u := r.Int64N(1 << (1 + r.IntN(31)))
				p.Columns = append(p.Columns, comity.Column{ID: fmt.Sprintf("%s/%d", id, g), Party: id, Cost: canon.Int(1 + r.IntN(2)), Upper: quantity.Amount(u)})
				need.Amount += quantity.Amount(u)
			}
			p.Needs = append(p.Needs, need)
		}
		for i := range 1 + r.IntN(12) {
			from := r.IntN(len(p.Columns))
			to := from + r.IntN(len(p.Columns)-from)
			if i == 0 {
				from, to = 0, len(p.Columns)-1
			}
			row := comity.Row{ID: fmt.Sprintf("%02d", i)}
			sum := int64(0)
			for j := from; j <= to; j++ {
				row.Terms = append(row.Terms, comity.Term{Column: j, Coeff: 1})
				sum += int64(p.Columns[j].Upper)
			}
			row.Upper = amount(r.Int64N(sum+1))
			p.Rows = append(p.Rows, row)
		}
		n = 0
		got, err := solve.Allocate(t.Context(), p, s, canon.Digest{})
		if err != nil {
			t.Error(seed, err)
			continue
		}
		worst = max(worst, n)
		fmt.Fprintln(out, seed, got.Certificate.Gap, got.Certificate.Objective, spreadOf(p, got.Units), got.Parties)
	}
	t.Log("most programmes", worst)
}

type counting2 struct {
	solve.Solver
	count *int
}

func (c counting2) Solve(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	*c.count++
	return c.Solver.Solve(ctx, lp)
}
