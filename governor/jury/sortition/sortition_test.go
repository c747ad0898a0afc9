package sortition_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"comity/adapter/highs"
	"comity/allocator/solve"
	"comity/exact"
	"comity/governor/jury"
	"comity/governor/jury/sortition"
)

var shared = sync.OnceValues(func() (*highs.Engine, error) {
	e, err := highs.New(highs.Config{Nodes: 300}) // As the command does.
	if err != nil {
		return nil, err
	}
	return e, e.Warm(context.Background())
})

func engine(t testing.TB) *highs.Engine {
	t.Helper()
	e, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func opener(t testing.TB) sortition.Engine {
	t.Helper()
	e := engine(t)
	return func(ctx context.Context, lp solve.LP) (sortition.Session, error) { return e.Open(ctx, lp) }
}

// draw returns a checked result and the processor time of this process that it took.
func draw(t testing.TB, pool jury.Pool, a jury.Algorithm) (jury.Result, time.Duration) {
	t.Helper()
	open := opener(t)
	start := processor(t)
	result, err := sortition.Draw(t.Context(), pool, a, open)
	if err != nil {
		t.Fatal(err)
	}
	took := processor(t) - start
	if err := jury.Check(pool, result); err != nil {
		t.Fatal(err)
	}
	return result, took
}

func processor(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// shape is what a random pool looks like.
type shape struct {
	people, size int
	features     []int // Of each category.
	slack        int   // Of the quotas, around one panel that there is.
}

// random returns a pool whose quotas surround the counts of one of its panels. Features
// are unevenly spread, as in real pools.
func random(seed uint64, s shape) jury.Pool {
	r := rand.New(rand.NewPCG(seed, 7))
	p := jury.Pool{Size: s.size}
	for range s.people {
		p.People = append(p.People, nil)
	}
	for c, n := range s.features {
		for i := range p.People {
			f := min(int(1.2*float64(n)*r.Float64()*r.Float64()), n-1)
			p.People[i] = append(p.People[i], len(p.Quotas)+f)
		}
		for f := range n {
			p.Quotas = append(p.Quotas, jury.Quota{Category: fmt.Sprint("c", c), Feature: fmt.Sprint(f)})
		}
	}
	for _, i := range r.Perm(s.people)[:s.size] {
		for _, f := range p.People[i] {
			p.Quotas[f].Min++
			p.Quotas[f].Max++
		}
	}
	for f := range p.Quotas {
		p.Quotas[f].Min = max(0, p.Quotas[f].Min-r.IntN(s.slack+1))
		p.Quotas[f].Max += r.IntN(s.slack + 1)
	}
	return p
}

// cornered returns a pool for a panel of two with at least one of each of three
// features: one person has all, the others have one each. That person must be on every
// panel, and no sum of quotas says so.
func cornered(people int) jury.Pool {
	p := jury.Pool{Size: 2, People: [][]int{{0, 2, 4}}}
	for _, c := range []string{"a", "b", "c"} {
		p.Quotas = append(p.Quotas, jury.Quota{Category: c, Feature: "yes", Min: 1, Max: 2}, jury.Quota{Category: c, Feature: "no", Max: 2})
	}
	for i := range people {
		features := []int{1, 3, 5}
		features[i%3]--
		p.People = append(p.People, features)
	}
	return p
}

// assembly returns a pool as large assemblies have it: quotas near the shares of a
// population, some tight, some wide, and volunteers who differ from it.
func assembly(seed uint64, people, size int, features []int) jury.Pool {
	r := rand.New(rand.NewPCG(seed, 1))
	p := jury.Pool{Size: size, People: make([][]int, people)}
	for c, n := range features {
		volunteers, population := make([]float64, n), make([]float64, n)
		sumV, sumP := 0.0, 0.0
		for f := range n {
			population[f] = 0.3 + r.Float64()
			volunteers[f] = population[f] * (0.3 + 1.7*r.Float64())
			sumP, sumV = sumP+population[f], sumV+volunteers[f]
		}
		first := len(p.Quotas)
		for f := range n {
			want := population[f] / sumP * float64(size)
			wide := []float64{0, 0.02, 0.05, 0.15}[r.IntN(4)]
			p.Quotas = append(p.Quotas, jury.Quota{
				Category: fmt.Sprint("c", c), Feature: fmt.Sprint(f), Min: int(want * (1 - wide)), Max: int(want*(1+wide)) + 1,
			})
		}
		for i := range p.People {
			u, f := r.Float64()*sumV, 0
			for ; f < n-1 && u > volunteers[f]; f++ {
				u -= volunteers[f]
			}
			p.People[i] = append(p.People[i], first+f)
		}
	}
	return p
}

// panels lists all panels of a small pool.
func panels(p jury.Pool) (all [][]int) {
	for set := range 1 << len(p.People) {
		var panel []int
		for i := range p.People {
			if set>>i&1 == 1 {
				panel = append(panel, i)
			}
		}
		if p.CheckPanel(panel) == nil {
			all = append(all, panel)
		}
	}
	return all
}

// twin computes leximin as its definition says: over all panels, one programme after
// the other, a person fixed where a programme shows that nothing more is possible.
func twin(t *testing.T, p jury.Pool) []float64 {
	t.Helper()
	all, n := panels(p), len(p.People)
	fixed := slices.Repeat([]float64{-1}, n)
	solveFor := func(aim int, least float64) float64 {
		// Columns: weights of panels, then z. Rows: people, then the sum of weights.
		lp := solve.LP{Start: []int32{0}, RowLower: make([]float64, n+1), RowUpper: slices.Repeat([]float64{math.Inf(1)}, n+1)}
		lp.RowLower[n], lp.RowUpper[n] = 1, 1
		for i := range n {
			switch {
			case fixed[i] >= 0:
				lp.RowLower[i] = fixed[i] - 1e-9
			case aim >= 0:
				lp.RowLower[i] = least - 1e-9
			}
		}
		column := func(cost float64, rows []int32, values []float64) {
			lp.Cost, lp.Lower, lp.Upper = append(lp.Cost, cost), append(lp.Lower, 0), append(lp.Upper, 1)
			lp.Index, lp.Value = append(lp.Index, rows...), append(lp.Value, values...)
			lp.Start = append(lp.Start, int32(len(lp.Index)))
		}
		for _, panel := range all {
			cost, rows := 0.0, []int32{}
			for _, i := range panel {
				rows = append(rows, int32(i))
				if i == aim {
					cost = 1
				}
			}
			rows = append(rows, int32(n))
			column(cost, rows, slices.Repeat([]float64{1}, len(rows)))
		}
		if aim < 0 {
			var rows []int32
			for i := range n {
				if fixed[i] < 0 {
					rows = append(rows, int32(i))
				}
			}
			column(1, rows, slices.Repeat([]float64{-1}, len(rows)))
		}
		found, err := engine(t).Solve(t.Context(), lp)
		if err != nil || found.Status != solve.Optimal {
			t.Fatal(found.Status, err)
		}
		value := 0.0
		for j, v := range found.Primal {
			value += v * lp.Cost[j]
		}
		return value
	}
	for slices.Contains(fixed, -1) {
		least := solveFor(-1, 0)
		var stuck []int
		for i := range n {
			if fixed[i] < 0 && solveFor(i, least) < least+1e-6 {
				stuck = append(stuck, i)
			}
		}
		for _, i := range stuck {
			fixed[i] = least
		}
		if len(stuck) == 0 {
			t.Fatal("the twin settles nobody")
		}
	}
	return fixed
}

// TestLeximinIsThatOfTheDefinition compares with all panels of small pools, with and
// without households. Many of them need cuts: their panels do not reach what the quotas
// alone would allow.
func TestLeximinIsThatOfTheDefinition(t *testing.T) {
	cuts := 0
	for seed := range uint64(24) {
		r := rand.New(rand.NewPCG(seed, 3))
		features := make([]int, 3+r.IntN(3))
		for c := range features {
			features[c] = 2 + r.IntN(2)
		}
		p := random(seed, shape{people: 7 + r.IntN(4), size: 2 + r.IntN(3), features: features, slack: int(seed % 2)})
		if seed%4 == 1 {
			p = cornered(3 + r.IntN(5))
		}
		if seed%3 == 0 {
			p.Households = make([]int, len(p.People))
			for i := range p.Households {
				p.Households[i] = i
			}
			p.Households[0], p.Households[2] = 1, 3
			if len(panels(p)) == 0 {
				continue
			}
		}
		want := twin(t, p)
		result, _ := draw(t, p, jury.Leximin)
		cuts += len(result.Certificate.Cuts)
		for i, c := range result.Chances {
			if math.Abs(about(c)-want[i]) > 1e-6 {
				t.Fatalf("seed %d: person %d has chance %s, by definition %g", seed, i, c, want[i])
			}
		}
	}
	if cuts == 0 {
		t.Error("no pool needed a cut; the test has lost what it is for")
	}
}

// TestDirectSearchIsThatOfTheDefinition: the search over panels, on which hard pools fall
// back, needs neither the best expected numbers of the rows nor cuts.
func TestDirectSearchIsThatOfTheDefinition(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 4))
		p := random(seed, shape{people: 8 + r.IntN(3), size: 3, features: []int{2, 3, 2 + r.IntN(2)}, slack: int(seed % 2)})
		if seed%4 == 1 {
			p = cornered(3 + r.IntN(5))
		}
		want := twin(t, p)
		result, err := sortition.Directly(t.Context(), p, jury.Leximin, opener(t))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i, c := range result.Chances {
			if math.Abs(about(c)-want[i]) > 1e-5 {
				t.Fatalf("seed %d: person %d has chance %s, by definition %g", seed, i, c, want[i])
			}
		}
		nash, err := sortition.Directly(t.Context(), p, jury.Nash, opener(t))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		leastProduct(t, p, nash)
	}
}

// leastProduct checks the condition for the greatest product of chances p: no panel has
// a sum of 1/p above the number of people who can be drawn.
func leastProduct(t *testing.T, p jury.Pool, result jury.Result) {
	t.Helper()
	people := 0.0
	for _, c := range result.Chances {
		if c.Sign() > 0 {
			people++
		}
	}
	for _, panel := range panels(p) {
		sum := 0.0
		for _, i := range panel {
			sum += 1 / about(result.Chances[i])
		}
		if sum > people*(1+1e-5) {
			t.Fatalf("panel %v raises the product of chances: sum %g of %g people", panel, sum, people)
		}
	}
}

// TestTightPools: seven categories and hardly any room. Whole panels reach the best
// expected numbers in few ways in the first pool, and not at all in the second.
func TestTightPools(t *testing.T) {
	result, took := draw(t, assembly(10, 220, 25, []int{5, 4, 5, 5, 2, 5, 4}), jury.Leximin)
	if gap := about(result.Certificate.Gap); gap > 1e-6 {
		t.Errorf("gap %g", gap)
	}
	t.Logf("%s of processor time", took)
	p := assembly(16, 133, 35, []int{5, 4, 5, 2, 3, 2, 3})
	result, took = draw(t, p, jury.Leximin)
	t.Logf("%s of processor time, gap %g", took, about(result.Certificate.Gap))
	if len(result.Certificate.Levels) < 2 || result.Certificate.Gap.Cmp(exact.Int(1)) >= 0 {
		t.Errorf("%d levels, gap %s", len(result.Certificate.Levels), result.Certificate.Gap)
	}
	// Leximin by plain column generation with another solver's branch and bound.
	var chances []float64
	for _, c := range result.Chances {
		chances = append(chances, about(c))
	}
	slices.Sort(chances)
	at := 0
	for _, level := range []struct {
		people int
		chance float64
	}{
		{63, 0},
		{23, 0.043478},
		{2, 0.065217},
		{3, 0.094203},
		{1, 0.224638},
		{3, 0.263285},
		{1, 0.359903},
		{1, 0.36715},
		{1, 0.475845},
		{2, 0.493961},
		{1, 0.531401},
		{1, 0.533816},
		{1, 0.618358},
		{1, 0.717391},
		{1, 0.731884},
		{1, 0.826087},
		{1, 0.835749},
		{1, 0.847826},
		{1, 0.913043},
		{1, 0.92029},
		{2, 0.956522},
		{1, 0.992754},
		{20, 1},
	} {
		for range level.people {
			if math.Abs(chances[at]-level.chance) > 1e-4 {
				t.Errorf("chance %d in order is %g, want %g", at, chances[at], level.chance)
			}
			at++
		}
	}
}

// TestMediumPools: each is proved to a gap that nobody notices.
func TestMediumPools(t *testing.T) {
	for seed, s := range []shape{
		{60, 9, []int{3, 2, 4}, 1}, {120, 20, []int{2, 5, 3, 4}, 1}, {200, 25, []int{4, 3, 3, 5}, 2}, {240, 30, []int{2, 2, 3, 3, 4}, 2},
	} {
		for _, a := range []jury.Algorithm{jury.Leximin, jury.Maximin, jury.Nash} {
			result, _ := draw(t, random(uint64(seed), s), a)
			if gap := about(result.Certificate.Gap); gap > 1e-6 {
				t.Errorf("pool %d, %s: gap %g", seed, a, gap)
			}
		}
	}
}

// TestNashBeatsOthers: its product of chances is not below that of leximin.
func TestNashBeatsOthers(t *testing.T) {
	product := func(r jury.Result) (sum float64) {
		for _, c := range r.Chances {
			sum += math.Log(about(c))
		}
		return sum
	}
	for seed := range uint64(5) {
		p := random(seed, shape{50, 12, []int{2, 3, 3}, 2})
		nash, _ := draw(t, p, jury.Nash)
		leximin, _ := draw(t, p, jury.Leximin)
		if a, b := product(nash), product(leximin); a < b-1e-6 {
			t.Errorf("seed %d: log of the product %g, leximin has %g", seed, a, b)
		}
	}
}

func TestConflictNamesWhatIsInTheWay(t *testing.T) {
	p := random(1, shape{40, 10, []int{2, 3}, 3})
	p.Quotas[0].Min, p.Quotas[0].Max, p.Quotas[1].Min, p.Quotas[1].Max = 0, 4, 0, 5 // 9 of 10.
	_, err := sortition.Draw(t.Context(), p, jury.Leximin, opener(t))
	if !errors.Is(err, jury.ErrQuotas) || !strings.Contains(err.Error(), "at most 4 of c0=0 and at most 5 of c0=1; without any one") {
		t.Errorf("got %v, want the two quotas of c0 and nothing else", err)
	}
	// Every bound alone can be met, and whole numbers of people cannot meet them all.
	p = jury.Pool{Size: 3, Quotas: []jury.Quota{{Category: "a", Feature: "x", Min: 0, Max: 1}, {Category: "a", Feature: "y", Min: 0, Max: 3}, {Category: "b", Feature: "x", Min: 0, Max: 1}, {Category: "b", Feature: "y", Min: 0, Max: 3}, {Category: "c", Feature: "x", Min: 0, Max: 1}, {Category: "c", Feature: "y", Min: 0, Max: 3}}}
	p.People = [][]int{{0, 2, 5}, {0, 3, 4}, {1, 2, 4}}
	_, err = sortition.Draw(t.Context(), p, jury.Leximin, opener(t))
	if !errors.Is(err, jury.ErrQuotas) {
		t.Errorf("got %v, want ErrQuotas", err)
	}
}

// liar spoils what an engine answers.
type liar struct {
	sortition.Session
	r *rand.Rand
}

func (l liar) Run(ctx context.Context) (solve.Solution, error) {
	found, err := l.Session.Run(ctx)
	if l.r.IntN(4) == 0 && len(found.Dual) > 0 {
		found.Dual[l.r.IntN(len(found.Dual))] += l.r.NormFloat64()
	}
	if l.r.IntN(4) == 0 && len(found.Primal) > 0 {
		found.Primal[l.r.IntN(len(found.Primal))] += math.Round(l.r.NormFloat64())
	}
	if l.r.IntN(16) == 0 {
		found.Status = solve.NoSolution
	}
	return found, err
}

// TestLyingEngine: whatever an engine says, a result that comes out is a lottery over
// panels, and its gap is proved.
func TestLyingEngine(t *testing.T) {
	p := random(3, shape{30, 6, []int{2, 3, 2}, 1})
	honest := opener(t)
	results := 0
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 5))
		open := func(ctx context.Context, lp solve.LP) (sortition.Session, error) {
			s, err := honest(ctx, lp)
			return liar{s, r}, err
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		result, err := sortition.Draw(ctx, p, []jury.Algorithm{jury.Leximin, jury.Nash}[seed%2], open)
		stop()
		if err != nil {
			continue
		}
		results++
		if err := jury.Check(p, result); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d of 30 results in spite of lies", results)
}

func TestTheSameResultTwice(t *testing.T) {
	p := random(9, shape{80, 12, []int{3, 3, 2}, 2})
	a, _ := draw(t, p, jury.Leximin)
	b, _ := draw(t, p, jury.Leximin)
	if !slices.EqualFunc(a.Lottery, b.Lottery, func(x, y jury.Panel) bool { return slices.Equal(x.Members, y.Members) && x.Weight.Cmp(y.Weight) == 0 }) {
		t.Error("two draws, two lotteries")
	}
}

// BenchmarkLarge is a panel of 200 out of 2,000 people; 1,161.8 s is what the authors
// of the method report for leximin of this size with a commercial solver.
func BenchmarkLarge(b *testing.B) {
	for name, features := range map[string][]int{"6": {2, 5, 4, 6, 3, 3}, "7": {2, 5, 4, 6, 3, 3, 2}, "8": {2, 5, 4, 8, 3, 3, 2, 4}} {
		pool := assembly(uint64(len(features)-3), 2000, 200, features)
		b.Run("categories="+name, func(b *testing.B) {
			var took time.Duration
			for b.Loop() {
				_, once := draw(b, pool, jury.Leximin)
				took += once
			}
			b.ReportMetric(took.Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}
