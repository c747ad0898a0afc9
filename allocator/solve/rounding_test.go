package solve_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
)

// roundings counts whole-number programmes: those without an answer, and the columns of the
// largest.
type roundings struct {
	solve.Solver
	none, widest int
}

func (w *roundings) Solve(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	s, err := w.Solver.Solve(ctx, lp)
	if lp.Integer {
		w.widest = max(w.widest, len(lp.Cost))
		if s.Status == solve.NoSolution {
			w.none++
		}
	}
	return s, err
}

// TestFractionsThatFewColumnsCannotRound has countries that must be served by clinics without
// room, of groups whose doses do not fit into their hub. More columns then move, but never
// all whole units are searched, which took minutes; and still no order moves a unit.
func TestFractionsThatFewColumnsCannotRound(t *testing.T) {
	for _, o := range tight()[:2] {
		t.Run(fmt.Sprintf("%dx%dx%d", o.countries, o.groups, o.periods), func(t *testing.T) {
			p, watch := o.problem(o.seed), &roundings{Solver: engine(t)}
			got, err := solve.Allocate(t.Context(), p, watch, canon.Digest{})
			if err != nil {
				t.Fatal(err)
			}
			if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 10_000)); err != nil {
				t.Error(err)
			}
			if watch.none == 0 {
				t.Error("two more columns of each country are enough: the test tests nothing")
			}
			if watch.widest > len(p.Columns)/4 {
				t.Errorf("a whole-number programme has %d columns, the problem %d", watch.widest, len(p.Columns))
			}
			q, to := renamed(rand.New(rand.NewPCG(3, 4)), p)
			want := o.totals(p, got.Units, identity(len(p.Columns)))
			again := o.totals(p, allocate(t, q, canon.Sum([]byte{1})), to)
			if all, most := moved(want, again); all != 0 {
				t.Errorf("%d units change hands, at most %d for one", all, most)
			}
		})
	}
}
