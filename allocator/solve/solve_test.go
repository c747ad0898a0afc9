package solve_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// cases are the vaccine charter at scarce and at ample supply, with few and with many
// levels of weights; few levels make most of the doses a matter of evenness.
func cases(parties int, weights ...int64) map[string]comity.Problem {
	list := map[string]comity.Problem{}
	for _, levels := range weights {
		for _, supply := range []int64{20_000_003, 300_000_001, 3_000_000_007} {
			r := rand.New(rand.NewPCG(uint64(levels), uint64(supply)))
			list[fmt.Sprintf("levels=%d/supply=%d", levels, supply)] = vaccines(world(r, parties, 6, levels), supply)
		}
	}
	return list
}

func TestTheVaccineCharterIsCertifiedWithoutGap(t *testing.T) {
	for name, p := range cases(31, 1, 3, 25) {
		t.Run(name, func(t *testing.T) {
			got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
			if err != nil {
				t.Fatal(err)
			}
			if err := certificate.Check(p, got.Units, got.Certificate, exact.Int(0)); err != nil {
				t.Error(err)
			}
			t.Logf("objective %s, bound %s, certified gap %s", first(got).Value, first(got).Bound, first(got).Gap)
			checkQuotients(t, p, got)
		})
	}
}

// TestTheSameAllocationEverywhere pins units and prices: on every processor the same.
func TestTheSameAllocationEverywhere(t *testing.T) {
	const want = "sha256:21a3e9d88bc887f5a28b89a354488f388600f7e870e22afd914ebd3aa382f454"
	list := cases(31, 3)
	var digests []canon.Digest
	for _, name := range slices.Sorted(maps.Keys(list)) {
		got, err := solve.Allocate(t.Context(), list[name], engine(t), canon.Digest{})
		if err != nil {
			t.Fatal(err)
		}
		digest, err := canon.DigestOf(comity.Allocation{Units: got.Units, Parties: got.Parties, Certificate: got.Certificate})
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if got, err := canon.DigestOf(digests); err != nil || got.String() != want {
		t.Errorf("allocations have digest %s, %v, want %s", got, err, want)
	}
}

// checkQuotients is the plain twin: where rows bound the sum of everything or of one
// party, units are spread most evenly exactly if no single unit can better move to
// another party (Frank and Murota, "Decreasing minimization on M-convex sets", 2022).
func checkQuotients(t *testing.T, p comity.Problem, got solve.Result) {
	t.Helper()
	for a, give := range p.Columns {
		for b, take := range p.Columns {
			k, l := a/2, b/2
			from, to := got.Parties[k].Amount, got.Parties[l].Amount
			if p.Stages[0].Costs[a] != p.Stages[0].Costs[b] || k == l || got.Units[a] == 0 || got.Units[b] == take.Upper ||
				from == *p.Rows[len(p.Needs)+k].Lower || to == *p.Rows[l].Upper {
				continue
			}
			last, _ := exact.Ratio(int64(2*from-1), int64(p.Needs[k].Amount))
			next, _ := exact.Ratio(int64(2*to+1), int64(p.Needs[l].Amount))
			if last.Cmp(next) > 0 {
				t.Errorf("%s keeps a unit with quotient %s that %s would take at %s", give.ID, last, take.ID, next)
			}
		}
	}
}

// TestNeutrality renames everything, which also reorders everything. No unit may move
// between parties, except that parties with equal data may trade places by lot.
func TestNeutrality(t *testing.T) {
	moved, runs := quantity.Amount(0), 0
	for name, p := range cases(31, 1, 3) {
		want := outcomes(p, allocate(t, p, canon.Digest{}))
		r := rand.New(rand.NewPCG(7, uint64(len(name))))
		for range 4 {
			q, to := renamed(r, p)
			got := allocate(t, q, canon.Sum([]byte{byte(runs)}))
			back := make([]quantity.Amount, len(p.Columns))
			for j := range back {
				back[j] = got[to[j]]
			}
			runs++
			for data, units := range outcomes(p, back) {
				for k := range units {
					moved += max(units[k]-want[data][k], want[data][k]-units[k])
				}
			}
		}
	}
	if t.Logf("%d renamings of 31 parties", runs); moved != 0 {
		t.Errorf("%d units changed hands, want 0", moved)
	}
}

// first is the proof of the first stage.
func first(got solve.Result) comity.StageProof { return got.Certificate.Stages[0] }

func allocate(t testing.TB, p comity.Problem, lot canon.Digest) []quantity.Amount {
	t.Helper()
	got, err := solve.Allocate(t.Context(), p, engine(t), lot)
	if err != nil {
		t.Fatal(err)
	}
	return got.Units
}

// outcomes lists the units of each group, sorted, by the data of its party: parties
// with equal data have one list.
func outcomes(p comity.Problem, units []quantity.Amount) map[string][]quantity.Amount {
	list := map[string][]quantity.Amount{}
	for j, c := range p.Columns {
		a, b := p.Columns[j&^1], p.Columns[j|1]
		costs := p.Stages[0].Costs
		data := fmt.Sprint(costs[j], c.Upper, costs[j&^1], a.Upper, costs[j|1], b.Upper, *p.Rows[j/2].Upper)
		list[data] = append(list[data], units[j])
		slices.Sort(list[data])
	}
	return list
}

func TestTheLotDecidesOnlyBetweenEqualParties(t *testing.T) {
	p := comity.Problem{Stages: weighted(1), Rows: []comity.Row{{ID: "c.supply", Clause: "c.supply", Upper: amount(10)}}}
	for j, id := range []party.ID{"AA", "BB", "CC"} {
		p.Columns = append(p.Columns, comity.Column{ID: string(id), Party: id, Upper: 5})
		p.Stages[0].Costs = append(p.Stages[0].Costs, 1)
		p.Needs = append(p.Needs, comity.Need{Party: id, Amount: 5})
		p.Rows[0].Terms = append(p.Rows[0].Terms, comity.Term{Column: j, Coeff: 1})
	}
	lucky := map[string]int{}
	for k := range 30 {
		lucky[fmt.Sprint(allocate(t, p, canon.Sum([]byte{byte(k)})))]++
	}
	if len(lucky) != 3 || lucky["[4 3 3]"] == 0 || lucky["[3 4 3]"] == 0 || lucky["[3 3 4]"] == 0 {
		t.Errorf("30 lots give %v, want each of three equal parties to draw the tenth unit", lucky)
	}
}

// TestSmallProblemsAgainstEnumeration compares with all whole-unit plans: rows over
// consecutive columns, which keep whole numbers whole.
func TestSmallProblemsAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawIntervals(r)
		best, spread, feasible := enumerate(p)
		got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
		if !feasible {
			var conflict *solve.ConflictError
			if !errors.As(err, &conflict) || certificate.CheckInfeasible(p, conflict.Proof) != nil {
				r.Fatalf("no plan exists, got %v", err)
			}
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		if first(got).Value.Cmp(exact.Int(best)) != 0 || first(got).Gap.Sign() != 0 {
			r.Fatalf("worth %s with gap %s, enumeration finds %d", first(got).Value, first(got).Gap, best)
		}
		if s := spreadOf(p, got.Units); s.Cmp(spread) != 0 {
			r.Fatalf("units %v have squared unmet needs %s, enumeration finds %s", got.Units, s, spread)
		}
	})
}

// TestEvennessDoesNotDependOnTheStart moves large needs over overlapping rows from
// random starts: where values are strictly concave, all must end in the same totals.
func TestEvennessDoesNotDependOnTheStart(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 9))
		p := overlapping(r)
		want, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := solve.EvenFrom(t.Context(), p, engine(t), func(low, high int64) int64 { return low + r.Int64N(high-low+1) })
		if err != nil || got == nil {
			t.Fatalf("seed %d: %v, %v", seed, got, err)
		}
		if a, b := spreadOf(p, want.Units), spreadOf(p, got); a.Cmp(b) != 0 {
			t.Errorf("seed %d: squared unmet needs are %s from the optimum and %s from a random start", seed, a, b)
		}
	}
}

// overlapping draws parties with needs from 1 to 2^31 under caps on stretches of them.
func overlapping(r *rand.Rand) comity.Problem {
	p := comity.Problem{Stages: weighted(1)}
	for k := range 5 + r.IntN(20) {
		need := comity.Need{Party: party.ID(fmt.Sprintf("P%02d", k))}
		for g := range 1 + r.IntN(3) {
			c := comity.Column{
				ID: fmt.Sprintf("%s/%d", need.Party, g), Party: need.Party,
			}
			p.Stages[0].Costs = append(p.Stages[0].Costs, canon.Int(1+r.IntN(2)))
			c.Upper = quantity.Amount(r.Int64N(1 << (1 + r.IntN(31))))
			need.Amount += c.Upper
			p.Columns = append(p.Columns, c)
		}
		p.Needs = append(p.Needs, need)
	}
	for i := range 1 + r.IntN(12) {
		from := r.IntN(len(p.Columns)) * min(i, 1)
		row, sum := comity.Row{ID: fmt.Sprintf("%02d", i), Clause: "c.cap"}, int64(0)
		for j := from; j < len(p.Columns) && (i == 0 || r.IntN(9) > 0); j++ {
			row.Terms = append(row.Terms, comity.Term{Column: j, Coeff: 1})
			sum += int64(p.Columns[j].Upper)
		}
		row.Upper = amount(r.Int64N(sum + 1))
		p.Rows = append(p.Rows, row)
	}
	return p
}

// TestArbitraryCoefficientsStayCertified has rows that break whole numbers: the
// result need not be best, but it keeps every rule and its bound holds.
func TestArbitraryCoefficientsStayCertified(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawIntervals(r)
		for i := range p.Rows {
			for k := range p.Rows[i].Terms {
				p.Rows[i].Terms[k].Coeff = canon.Int(rapid.IntRange(1, 5).Draw(r, "coefficient"))
			}
		}
		best, _, feasible := enumerate(p)
		got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
		if !feasible {
			if err == nil {
				r.Fatalf("no plan exists, got %v", got.Units)
			}
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		if first(got).Bound.Cmp(exact.Int(best)) < 0 {
			r.Fatalf("bound %s, enumeration finds %d", first(got).Bound, best)
		}
		stated, err := certificate.State(p, got.Units, got.Certificate)
		if err != nil || stated.Stages[0].Gap.Cmp(first(got).Gap) != 0 {
			r.Fatalf("stated gap %s, computed %s: %v", first(got).Gap, stated.Stages[0].Gap, err)
		}
	})
}

func TestConflictNamesTheClauses(t *testing.T) {
	p := vaccines(world(rand.New(rand.NewPCG(3, 3)), 31, 0, 3), 300_000_000)
	for i := range p.Rows {
		if p.Rows[i].ID == "c.floor/P05" {
			p.Rows[i].Lower = amount(int64(*p.Rows[i-31].Upper) + 1)
		}
	}
	_, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
	var conflict *solve.ConflictError
	if !errors.As(err, &conflict) || !errors.Is(err, solve.ErrInfeasible) {
		t.Fatalf("got %v, want a conflict", err)
	}
	if diff := gocmp.Diff([]string{"c.cold/P05", "c.floor/P05"}, conflict.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if err := certificate.CheckInfeasible(p, conflict.Proof); err != nil {
		t.Error(err)
	}
	t.Log(err)
}

// liar answers like an honest solver, except that it spoils some numbers.
type liar struct {
	solve.Solver
	r *rand.Rand
}

func (l liar) Solve(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	s, err := l.Solver.Solve(ctx, lp)
	for _, values := range [][]float64{s.Primal, s.Dual, s.Ray} {
		for k := range values {
			switch l.r.IntN(40) {
			case 0:
				values[k] = math.NaN()
			case 1:
				values[k] = math.Inf(1 - 2*l.r.IntN(2))
			case 2:
				values[k] *= 1e30
			case 3:
				values[k]++
			case 4:
				values[k] = -values[k]
			}
		}
	}
	switch l.r.IntN(40) {
	case 0:
		s.Primal = s.Primal[:len(s.Primal)/2]
	case 1:
		s.Dual = nil
	case 2:
		s.Ray = append(s.Ray, 1)
	case 3:
		s.Status = solve.NoSolution
	case 4:
		s.Status = 7
	}
	return s, err
}

type broken struct{ err error }

func (b broken) Solve(context.Context, solve.LP) (solve.Solution, error) {
	return solve.Solution{}, b.err
}

func TestABrokenSolverIsToldFromAnImpatientCaller(t *testing.T) {
	p := vaccines(world(rand.New(rand.NewPCG(1, 2)), 6, 2, 3), 300_000_001)
	cause := errors.New("out of memory")
	_, err := solve.Allocate(t.Context(), p, broken{cause}, canon.Digest{})
	if !errors.Is(err, solve.ErrSolver) || !errors.Is(err, cause) {
		t.Errorf("got %v, want ErrSolver with its cause", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = solve.Allocate(ctx, p, engine(t), canon.Digest{})
	if errors.Is(err, solve.ErrSolver) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error alone", err)
	}
}

func TestMalformedAndTooLargeProblemsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		want  error
		spoil func(*comity.Problem)
	}{
		"order of columns":   {certificate.ErrShape, func(p *comity.Problem) { p.Columns[0].ID = "~" }},
		"party without need": {certificate.ErrShape, func(p *comity.Problem) { p.Columns[0].Party = "??" }},
		"sum of a row":       {solve.ErrTooLarge, func(p *comity.Problem) { p.Rows[0].Terms[0].Coeff = 1 << 40 }},
		"sum of columns":     {solve.ErrTooLarge, func(p *comity.Problem) { p.Needs[0].Amount = 1 << 62 }},
	} {
		p := vaccines(world(rand.New(rand.NewPCG(1, 2)), 6, 2, 3), 300_000_001)
		c.spoil(&p)
		if _, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if got, err := solve.Allocate(t.Context(), comity.Problem{Stages: weighted(1)}, engine(t), canon.Digest{}); err != nil || len(got.Units) != 0 {
		t.Errorf("an empty problem: got %v, %v, want nothing", got, err)
	}
}

// TestALyingSolverProvesNothing: whatever it answers, what is returned is certified.
func TestALyingSolverProvesNothing(t *testing.T) {
	p := vaccines(world(rand.New(rand.NewPCG(1, 2)), 6, 2, 3), 300_000_001)
	certified := 0
	for seed := range uint64(16) {
		got, err := solve.Allocate(t.Context(), p, liar{engine(t), rand.New(rand.NewPCG(seed, 1))}, canon.Digest{})
		var conflict *solve.ConflictError
		switch {
		case errors.As(err, &conflict):
			t.Errorf("seed %d: a feasible problem is called infeasible: %v", seed, err)
		case errors.Is(err, solve.ErrSolver):
		case err != nil:
			t.Errorf("seed %d: got %v, want ErrSolver", seed, err)
		default:
			certified++
			want, err := certificate.State(p, got.Units, got.Certificate)
			if err != nil || want.Stages[0].Gap.Cmp(first(got).Gap) != 0 || want.Stages[0].Gap.Sign() < 0 {
				t.Errorf("seed %d: gap %s, computed %s: %v", seed, first(got).Gap, want.Stages[0].Gap, err)
			}
		}
	}
	t.Logf("%d of 16 spoilt runs still give a certified result", certified)
}

// TestConflictOfManyRowsIsIrreducible has floors that exceed the supply together.
func TestConflictOfManyRowsIsIrreducible(t *testing.T) {
	p := vaccines(world(rand.New(rand.NewPCG(3, 3)), 31, 0, 3), 300_000_000)
	needed := quantity.Amount(0)
	for i := range p.Rows[31:62] {
		needed += *p.Rows[31+i].Lower
	}
	p.Rows[62].Upper = amount(int64(needed) / 2)
	_, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
	var conflict *solve.ConflictError
	if !errors.As(err, &conflict) || certificate.CheckInfeasible(p, conflict.Proof) != nil {
		t.Fatalf("got %v, want a proved conflict", err)
	}
	if diff := gocmp.Diff([]string{"c.floor", "c.supply"}, conflict.Clauses); diff != "" {
		t.Errorf("clauses (-want +got):\n%s", diff)
	}
	floors, least := quantity.Amount(0), quantity.Amount(math.MaxInt64)
	for _, r := range p.Rows {
		if r.Lower != nil && slices.Contains(conflict.Rows, r.ID) {
			floors, least = floors+*r.Lower, min(least, *r.Lower)
		}
	}
	if floors <= *p.Rows[62].Upper || floors-least > *p.Rows[62].Upper {
		t.Errorf("%d floors sum to %d, the least is %d, the supply %d: not all are needed", len(conflict.Rows)-1, floors, least, *p.Rows[62].Upper)
	}
	t.Log(err)
}

func drawIntervals(r *rapid.T) comity.Problem {
	p := comity.Problem{Stages: weighted(1)}
	parties := rapid.IntRange(1, 3).Draw(r, "parties")
	for k := range parties {
		id := party.ID(fmt.Sprintf("P%d", k))
		need := comity.Need{Party: id}
		for g := range rapid.IntRange(1, 2).Draw(r, "groups") {
			c := comity.Column{
				ID: fmt.Sprintf("%s/%d", id, g), Party: id,
				Upper: quantity.Amount(rapid.IntRange(0, 6).Draw(r, "upper")),
			}
			p.Stages[0].Costs = append(p.Stages[0].Costs, canon.Int(rapid.IntRange(-1, 2).Draw(r, "cost")))
			need.Amount += c.Upper
			p.Columns = append(p.Columns, c)
		}
		p.Needs = append(p.Needs, need)
	}
	for i := range rapid.IntRange(0, 4).Draw(r, "rows") {
		from := rapid.IntRange(0, len(p.Columns)-1).Draw(r, "from")
		to := rapid.IntRange(from, len(p.Columns)-1).Draw(r, "to")
		row := comity.Row{ID: fmt.Sprint(i), Clause: fmt.Sprint(i)}
		for j := from; j <= to; j++ {
			row.Terms = append(row.Terms, comity.Term{Column: j, Coeff: 1})
		}
		low := rapid.Int64Range(0, 12).Draw(r, "low")
		high := rapid.Int64Range(low, 14).Draw(r, "high")
		if rapid.Bool().Draw(r, "floor") {
			row.Lower = &[]quantity.Amount{quantity.Amount(low)}[0]
		}
		if rapid.Bool().Draw(r, "cap") {
			row.Upper = &[]quantity.Amount{quantity.Amount(high)}[0]
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

// enumerate tries every plan.
func enumerate(p comity.Problem) (best int64, spread exact.Rat, feasible bool) {
	units := make([]quantity.Amount, len(p.Columns))
	var visit func(j int)
	visit = func(j int) {
		if j == len(units) {
			if certificate.Feasible(p, units) != nil {
				return
			}
			w, s := int64(0), spreadOf(p, units)
			for j, cost := range p.Stages[0].Costs {
				w += int64(cost) * int64(units[j])
			}
			if !feasible || cmp.Or(cmp.Compare(w, best), -s.Cmp(spread)) > 0 {
				best, spread, feasible = w, s, true
			}
			return
		}
		for x := p.Columns[j].Lower; x <= p.Columns[j].Upper; x++ {
			units[j] = x
			visit(j + 1)
		}
	}
	visit(0)
	return best, spread, feasible
}

// spreadOf returns the sum of squared unmet needs, each divided by the need.
func spreadOf(p comity.Problem, units []quantity.Amount) exact.Rat {
	shares, err := certificate.Shares(p, units)
	if err != nil {
		panic(err)
	}
	var sum exact.Rat
	for k, n := range p.Needs {
		if n.Amount > 0 {
			unmet := int64(n.Amount - shares[k].Amount)
			term, _ := exact.Ratio(unmet*unmet, int64(n.Amount))
			sum = sum.Add(term)
		}
	}
	return sum
}

func BenchmarkAllocate(b *testing.B) {
	for _, parties := range []int{31, 200} {
		p := vaccines(world(rand.New(rand.NewPCG(1, 1)), parties, 6, 3), 300_000_001)
		b.Run(fmt.Sprintf("parties=%d", parties), func(b *testing.B) {
			s := engine(b)
			for b.Loop() {
				if _, err := solve.Allocate(b.Context(), p, s, canon.Digest{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
