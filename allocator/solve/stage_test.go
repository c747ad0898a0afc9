package solve_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
	"comity/quantity"
)

// drawStages replaces the stages of a problem by one to three of any kind.
func drawStages(r *rapid.T, p *comity.Problem) {
	p.Stages = nil
	for s := range rapid.IntRange(1, 3).Draw(r, "stages") {
		stage := comity.Stage{
			ID: fmt.Sprint("stage-", s), Scale: 1,
			Kind: rapid.SampledFrom([]string{certificate.Weighted, certificate.Maximin, certificate.Leximin, certificate.Nash}).Draw(r, "kind"),
		}
		if stage.Kind != certificate.Nash && rapid.Bool().Draw(r, "gives up") {
			stage.Slack, _ = exact.Ratio(rapid.Int64Range(1, 40).Draw(r, "slack"), 100)
		}
		for range p.Columns {
			cost := rapid.SampledFrom([]int64{1, 1, 1, 0, 2}).Draw(r, "cost")
			if stage.Kind == certificate.Weighted {
				cost = rapid.Int64Range(-1, 3).Draw(r, "cost")
			}
			stage.Costs = append(stage.Costs, canon.Int(cost))
		}
		for range p.Needs {
			switch stage.Kind {
			case certificate.Nash:
				stage.Outside = append(stage.Outside, canon.Int(rapid.Int64Range(-2, 1).Draw(r, "outside")))
				stage.Power = append(stage.Power, canon.Int(rapid.Int64Range(1, 3).Draw(r, "power")))
			case certificate.Maximin, certificate.Leximin:
				stage.Per = append(stage.Per, quantity.Amount(rapid.Int64Range(1, 4).Draw(r, "per")))
			}
		}
		p.Stages = append(p.Stages, stage)
	}
}

// plans lists every plan that keeps all rules.
func plans(p comity.Problem) [][]quantity.Amount {
	var list [][]quantity.Amount
	units := make([]quantity.Amount, len(p.Columns))
	var visit func(j int)
	visit = func(j int) {
		if j == len(units) {
			if certificate.Feasible(p, units) == nil {
				list = append(list, slices.Clone(units))
			}
			return
		}
		for x := p.Columns[j].Lower; x <= p.Columns[j].Upper; x++ {
			units[j] = x
			visit(j + 1)
		}
	}
	visit(0)
	return list
}

// worths sums a stage's costs times units by party.
func worths(p comity.Problem, s comity.Stage, units []quantity.Amount) []int64 {
	sums := make([]int64, len(p.Needs))
	for j, c := range p.Columns {
		for k, n := range p.Needs {
			if n.Party == c.Party {
				sums[k] += int64(s.Costs[j]) * int64(units[j])
			}
		}
	}
	return sums
}

// TestEveryKindOfStageAgainstEnumeration: what is returned is feasible if anything is,
// its certificate holds within a unit, and the first aim is the best of all plans.
func TestEveryKindOfStageAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawIntervals(r)
		drawStages(r, &p)
		all := plans(p)
		first := p.Stages[0]
		got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
		agreed := slices.ContainsFunc(all, func(x []quantity.Amount) bool { return !math.IsInf(product(p, first, x), -1) })
		if len(all) == 0 || first.Kind == certificate.Nash && !agreed {
			if !errors.Is(err, solve.ErrInfeasible) {
				r.Fatalf("no plan exists, got %v, %v", got.Units, err)
			}
			return
		}
		if errors.Is(err, solve.ErrInfeasible) && slices.ContainsFunc(p.Stages, func(s comity.Stage) bool { return s.Kind == certificate.Nash }) {
			return // A later nash stage may find nobody gaining on what earlier ones leave.
		}
		if err != nil {
			r.Fatal(err)
		}
		allowed := ratio(1, 10_000)
		if slices.ContainsFunc(p.Stages[:len(p.Stages)-1], func(s comity.Stage) bool { return s.Slack.Sign() > 0 }) {
			// The floor that slack leaves is no sum over consecutive columns: fractions may then
			// promise a later aim more than whole units reach, and the stated gap says so.
			allowed = ratio(1_000, 1)
		}
		if err := certificate.Check(p, got.Units, got.Certificate, allowed); err != nil {
			r.Fatalf("%v: %v", got.Units, err)
		}
		switch best := math.Inf(-1); first.Kind {
		case certificate.Weighted:
			for _, x := range all {
				best = max(best, total(first, x))
			}
			if v, _ := got.Certificate.Stages[0].Value.Big().Float64(); v != best {
				r.Fatalf("the first stage reached %v, enumeration finds %v", v, best)
			}
		case certificate.Nash:
			for _, x := range all {
				best = max(best, product(p, first, x))
			}
			if v := product(p, first, got.Units); v < best-1e-9 {
				r.Fatalf("%v have a sum of logarithms of %v, enumeration finds %v", got.Units, v, best)
			}
		}
	})
}

func ratio(a, b int64) exact.Rat {
	r, err := exact.Ratio(a, b)
	if err != nil {
		panic(err)
	}
	return r
}

func total(s comity.Stage, units []quantity.Amount) float64 {
	sum := int64(0)
	for j, c := range s.Costs {
		sum += int64(c) * int64(units[j])
	}
	return float64(sum)
}

// product is the sum of power times the logarithm of gain.
func product(p comity.Problem, s comity.Stage, units []quantity.Amount) float64 {
	if s.Kind != certificate.Nash {
		return 0
	}
	sum := 0.0
	for k, w := range worths(p, s, units) {
		if w <= int64(s.Outside[k]) {
			return math.Inf(-1)
		}
		sum += float64(s.Power[k]) * math.Log(float64(w-int64(s.Outside[k])))
	}
	return sum
}

// TestLimitsAndMeansAgainstEnumeration adds limits on inequality and yes-or-no means: the
// result keeps all rules if any plan does, and the bound of the first stage holds.
func TestLimitsAndMeansAgainstEnumeration(t *testing.T) {
	found, infeasible := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		p := drawIntervals(r)
		drawMeans(r, &p)
		all := plans(p)
		got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
		if len(all) == 0 {
			if infeasible++; !errors.Is(err, solve.ErrInfeasible) && !errors.Is(err, solve.ErrSolver) {
				r.Fatalf("no plan exists, got %v, %v", got.Units, err)
			}
			if conflict, ok := errors.AsType[*solve.ConflictError](err); ok {
				if err := certificate.CheckInfeasible(p, conflict.Proof); err != nil {
					r.Fatal(err)
				}
			}
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		found++
		best := math.Inf(-1)
		for _, x := range all {
			best = max(best, total(p.Stages[0], x))
		}
		if v := total(p.Stages[0], got.Units); v < best-2 {
			r.Fatalf("%v are worth %v, enumeration finds %v", got.Units, v, best)
		}
		if bound, _ := first(got).Bound.Big().Float64(); bound < best-1e-9 {
			r.Fatalf("bound %v, enumeration finds %v", bound, best)
		}
	})
	t.Logf("%d with a plan, %d without", found, infeasible)
}

// drawMeans adds minimum lots and limits to a problem.
func drawMeans(r *rapid.T, p *comity.Problem) {
	for k, n := range p.Needs {
		if !rapid.Bool().Draw(r, "lot") {
			continue
		}
		lot := rapid.Int64Range(1, 5).Draw(r, "least")
		var least, most comity.Row
		for j, c := range p.Columns {
			if c.Party == n.Party {
				least.Terms = append(least.Terms, comity.Term{Column: j, Coeff: 1})
				most.Terms = append(most.Terms, comity.Term{Column: j, Coeff: 1})
			}
		}
		y := len(p.Columns)
		p.Columns = append(p.Columns, comity.Column{ID: fmt.Sprint("~", k), Upper: 1})
		p.Stages[0].Costs = append(p.Stages[0].Costs, 0)
		least.ID, least.Clause, least.Lower = fmt.Sprint("~least/", k), "lot", amount(0)
		most.ID, most.Clause, most.Upper = fmt.Sprint("~most/", k), "lot", amount(0)
		least.Terms = append(least.Terms, comity.Term{Column: y, Coeff: canon.Int(-lot)})
		most.Terms = append(most.Terms, comity.Term{Column: y, Coeff: -12})
		p.Rows = append(p.Rows, least, most)
	}
	slices.SortFunc(p.Rows, func(a, b comity.Row) int { return compare(a.ID, b.ID) })
	for l, kind := range []string{certificate.LimitGini, certificate.LimitJain} {
		if !rapid.Bool().Draw(r, "limit") {
			continue
		}
		limit := comity.Limit{ID: fmt.Sprint(l), Clause: kind, Kind: kind}
		limit.Bound = ratio(rapid.Int64Range(1, 9).Draw(r, "bound"), 10)
		for range p.Needs {
			limit.Per = append(limit.Per, quantity.Amount(rapid.Int64Range(1, 3).Draw(r, "per")))
		}
		p.Limits = append(p.Limits, limit)
	}
}

// aimed is a stage in which a unit counts 1 for everybody.
func aimed(p comity.Problem, kind string) comity.Stage {
	s := comity.Stage{ID: "then-" + kind, Kind: kind, Scale: 1, Costs: make([]canon.Int, len(p.Columns))}
	for j, c := range p.Columns {
		if c.Party != "" {
			s.Costs[j] = 1
		}
	}
	for _, n := range p.Needs {
		if kind == certificate.Nash {
			s.Outside, s.Power = append(s.Outside, 0), append(s.Power, 1)
		} else if kind != certificate.Weighted {
			s.Per = append(s.Per, n.Amount)
		}
	}
	return s
}

// kinds are problems of 31 parties with every kind of stage, and with minimum lots.
func kinds() map[string]comity.Problem {
	plain := func() comity.Problem {
		return vaccines(world(rand.New(rand.NewPCG(3, 20)), 31, 6, 3), 300_000_001)
	}
	list := map[string]comity.Problem{"lots": lots(16, 300_000_001)}
	for _, kind := range []string{certificate.Maximin, certificate.Leximin, certificate.Nash} {
		p := plain()
		p.Stages = []comity.Stage{aimed(p, kind)}
		list[kind] = p
	}
	slack := plain()
	slack.Stages[0].Slack = ratio(1, 20)
	slack.Stages = append(slack.Stages, aimed(slack, certificate.Maximin))
	list["slack, then maximin"] = slack
	return list
}

// TestNoNameMattersWhateverTheAim renames parties, columns and rows of every kind of
// problem. Sorted totals of parties with the same need stay as they are.
func TestNoNameMattersWhateverTheAim(t *testing.T) {
	for name, p := range kinds() {
		t.Run(name, func(t *testing.T) {
			got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
			if err != nil {
				t.Fatal(err)
			}
			if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 1_000_000)); err != nil {
				t.Error(err)
			}
			want := byNeed(p, got)
			r := rand.New(rand.NewPCG(8, uint64(len(name))))
			for run := range renamings {
				q, _ := renamed(r, p)
				got, err := solve.Allocate(t.Context(), q, engine(t), canon.Sum([]byte{byte(run)}))
				if err != nil {
					t.Fatal(err)
				}
				if diff := byNeed(q, got); diff != want {
					t.Fatalf("renaming %d: totals by need\n%s\nwant\n%s", run, diff, want)
				}
			}
		})
	}
}

// renamings of each kind of problem.
const renamings = 1

func byNeed(p comity.Problem, got solve.Result) string {
	var list []string
	for k, n := range p.Needs {
		list = append(list, fmt.Sprintf("%012d gets %012d", n.Amount, got.Parties[k].Amount))
	}
	slices.Sort(list)
	return fmt.Sprint(list)
}
