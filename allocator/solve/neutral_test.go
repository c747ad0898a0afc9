package solve_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// rollouts are the programme of eight periods with rows that are sums and others, with fine and with
// coarse weights, up to multiples of coarsest, with and without pairs of countries that no number tells apart.
func rollouts(countries, groups, twins int, coarsest int64) map[string]rollout {
	list := map[string]rollout{}
	for _, rough := range []bool{false, true} {
		for _, coarse := range []int64{0, coarsest / 10, coarsest} {
			for _, pairs := range []int{0, twins} {
				o := rollout{countries, groups, 8, rough, coarse, pairs}
				list[fmt.Sprintf("rough=%t/coarse=%d/twins=%d", rough, coarse, pairs)] = o
			}
		}
	}
	return list
}

// totals sums a plan by country; twins, which may trade places by lot, in ascending order.
func (o rollout) totals(p comity.Problem, units []quantity.Amount, to []int) []quantity.Amount {
	at := map[party.ID]int{}
	for k, n := range p.Needs {
		at[n.Party] = k
	}
	totals := make([]quantity.Amount, len(p.Needs))
	for j, c := range p.Columns {
		if c.Party != "" {
			totals[at[c.Party]] += units[to[j]]
		}
	}
	for k := range o.twins {
		slices.Sort(totals[2*k : 2*k+2])
	}
	return totals
}

// moved returns how many units changed hands between two plans, and the most that one
// country got more or less.
func moved(a, b []quantity.Amount) (all, most quantity.Amount) {
	for k := range a {
		change := max(a[k]-b[k], b[k]-a[k])
		all, most = all+change, max(most, change)
	}
	return all, most
}

func identity(n int) []int {
	list := make([]int, n)
	for k := range list {
		list[k] = k
	}
	return list
}

// TestNoOrderMovesAUnit renames and reorders all of a programme over periods; also
// where rows are no sums and whole units must be searched, no unit may move.
func TestNoOrderMovesAUnit(t *testing.T) {
	times, long := orders(t)
	list := rollouts(16, 8, 3, 500)
	if long {
		list = rollouts(60, 12, 30, 5000)
	}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		o := list[name]
		t.Run(name, func(t *testing.T) {
			p := o.problem(42)
			want := o.totals(p, allocate(t, p, canon.Digest{}), identity(len(p.Columns)))
			r := rand.New(rand.NewPCG(3, 4))
			for k := range times {
				q, to := renamed(r, p)
				got := o.totals(p, allocate(t, q, canon.Sum([]byte{byte(k)})), to)
				if all, most := moved(want, got); all != 0 {
					t.Errorf("renaming %d: %d units change hands, at most %d for one", k, all, most)
				}
			}
		})
	}
}

// TestNoOrderMovesAUnitOfALargeProgramme is the same where the face of greatest worth is
// trimmed. What is proved of evenness is proved on that whole face.
func TestNoOrderMovesAUnitOfALargeProgramme(t *testing.T) {
	o := rollout{countries: 105, groups: 12, periods: 8, rough: true, coarse: 5000, twins: 10}
	p := o.problem(42)
	plan, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := certificate.Check(p, plan.Units, plan.Certificate, ratio(1, 10_000)); err != nil {
		t.Error(err)
	}
	if gap, _ := plan.Certificate.Stages[1].Gap.Big().Float64(); gap > 2*float64(o.countries) {
		t.Errorf("evenness is proved to %g, want two units of each country", gap)
	}
	q, to := renamed(rand.New(rand.NewPCG(3, 4)), p)
	want := o.totals(p, plan.Units, identity(len(p.Columns)))
	got := o.totals(p, allocate(t, q, canon.Sum([]byte{1})), to)
	if all, most := moved(want, got); all != 0 {
		t.Errorf("%d units change hands, at most %d for one", all, most)
	}
}

// cold hides where the last search stopped, so that each starts from nothing.
type cold struct{ solve.Solver }

func (c cold) Solve(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	lp.From = nil
	s, err := c.Solver.Solve(ctx, lp)
	s.Basis = nil
	return s, err
}

// TestTheStartOfASearchLeavesNoTrace compares warm searches with cold ones: a start saves
// time, and what each country gets is defined without it.
func TestTheStartOfASearchLeavesNoTrace(t *testing.T) {
	for name, o := range rollouts(16, 8, 3, 500) {
		if o.rough {
			continue // Fractions, and thus their rounding, depend on the vertex.
		}
		t.Run(name, func(t *testing.T) {
			p := o.problem(7)
			warm, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := solve.Allocate(t.Context(), p, cold{engine(t)}, canon.Digest{})
			if err != nil {
				t.Fatal(err)
			}
			to := identity(len(p.Columns))
			if all, most := moved(o.totals(p, warm.Units, to), o.totals(p, got.Units, to)); all != 0 {
				t.Errorf("%d units differ, at most %d for one", all, most)
			}
		})
	}
}

// TestRolloutsAreCertified holds the gap: none where rows are sums.
func TestRolloutsAreCertified(t *testing.T) {
	for name, o := range rollouts(16, 8, 3, 500) {
		p := o.problem(42)
		got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
		if err != nil {
			t.Fatal(err)
		}
		allowed := exact.Int(0)
		if o.rough {
			allowed = ratio(1, 500) // A unit is a larger part of a small programme.
		}
		if err := certificate.Check(p, got.Units, got.Certificate, allowed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
