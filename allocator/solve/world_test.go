package solve_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"comity"
	"comity/adapter/highs"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
	"comity/party"
	"comity/quantity"
)

// nation is what the vaccine charter reads about one party.
type nation struct {
	name                 string
	population           int64
	weight               int64 // Of one dose, in sixteenths, times the group's weight.
	frontline, general   int64
	coldChain            int64
	frontlineX, generalX int64 // Group weights, in halves.
}

// world draws nations as they are: populations from 1e5 to 1.4e9 by the power law of
// real countries, weights in sixteenths from a half upwards in so many levels, and
// twins with the data of one of the first three.
func world(r *rand.Rand, count, twins int, levels int64) []nation {
	nations := make([]nation, 0, count)
	for k := range count - twins {
		population := int64(100_000)
		for range r.IntN(14) {
			population *= 2
		}
		population = min(population+r.Int64N(population), 1_400_000_000)
		if k == 0 {
			population = 1_400_000_000
		}
		nations = append(nations, nation{
			population: population,
			weight:     8 + r.Int64N(levels),
			frontline:  population * (10 + r.Int64N(30)) / 1000,
			general:    population * (500 + r.Int64N(300)) / 1000,
			coldChain:  population * (60 + r.Int64N(600)) / 1000,
			frontlineX: 4, generalX: 2,
		})
	}
	for k := range twins {
		nations = append(nations, nations[k%3])
	}
	for k := range nations {
		nations[k].name = fmt.Sprintf("P%02d", k)
	}
	return nations
}

// vaccines lowers the world to the problem of the vaccine charter by hand.
func vaccines(nations []nation, supply int64) comity.Problem {
	nations = slices.Clone(nations)
	slices.SortFunc(nations, func(a, b nation) int { return cmp.Compare(a.name, b.name) })
	p := comity.Problem{Period: "2027-01-04", Unit: "dose", Stages: weighted(32)}
	var everybody int64
	for _, n := range nations {
		everybody += n.population
	}
	total := comity.Row{ID: "c.supply", Clause: "c.supply", Upper: amount(supply)}
	var colds, floors []comity.Row
	for k, n := range nations {
		id := party.ID(n.name)
		p.Columns = append(p.Columns,
			comity.Column{ID: n.name + "/frontline", Party: id, Upper: quantity.Amount(n.frontline)},
			comity.Column{ID: n.name + "/general", Party: id, Upper: quantity.Amount(n.general)})
		p.Stages[0].Costs = append(p.Stages[0].Costs, canon.Int(n.weight*n.frontlineX), canon.Int(n.weight*n.generalX))
		terms := []comity.Term{{Column: 2 * k, Coeff: 1}, {Column: 2*k + 1, Coeff: 1}}
		total.Terms = append(total.Terms, terms...)
		floor := min(n.frontline, n.coldChain, int64(float64(supply)*float64(n.population)/float64(everybody)/2))
		floors = append(floors, comity.Row{ID: "c.floor/" + n.name, Clause: "c.floor", Lower: amount(floor), Terms: terms})
		colds = append(colds, comity.Row{ID: "c.cold/" + n.name, Clause: "c.cold", Upper: amount(n.coldChain), Terms: terms})
		p.Needs = append(p.Needs, comity.Need{Party: id, Amount: quantity.Amount(n.frontline + n.general)})
	}
	p.Rows = slices.Concat(colds, floors, []comity.Row{total})
	return p
}

// weighted is one stage without costs.
func weighted(scale canon.Int) []comity.Stage {
	return []comity.Stage{{ID: "worth", Kind: certificate.Weighted, Scale: scale, Costs: []canon.Int{}}}
}

func amount(x int64) *quantity.Amount { a := quantity.Amount(x); return &a }

// engine compiles HiGHS once for all tests of the package.
func engine(t testing.TB) solve.Solver {
	t.Helper()
	e, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var shared = sync.OnceValues(func() (*highs.Engine, error) {
	e, err := highs.New(highs.Config{})
	if err != nil {
		return nil, err
	}
	return e, e.Warm(context.Background())
})

// renamed gives every party, column, row and clause a new name, which also changes
// the order of all of them. It returns, by old place, the new place of each column.
func renamed(r *rand.Rand, p comity.Problem) (comity.Problem, []int) {
	q := p
	q.Columns, q.Rows, q.Needs = slices.Clone(p.Columns), slices.Clone(p.Rows), slices.Clone(p.Needs)
	names := map[party.ID]party.ID{}
	parties := r.Perm(len(p.Needs))
	for k, at := range parties {
		names[p.Needs[k].Party] = party.ID(fmt.Sprintf("Q%03d", at))
		q.Needs[at] = comity.Need{Party: names[p.Needs[k].Party], Amount: p.Needs[k].Amount}
	}
	to := r.Perm(len(p.Columns))
	q.Stages, q.Limits = slices.Clone(p.Stages), slices.Clone(p.Limits)
	for s := range q.Stages {
		q.Stages[s].Costs = slices.Clone(p.Stages[s].Costs)
		q.Stages[s].Per = permuted(p.Stages[s].Per, parties)
		q.Stages[s].Outside = permuted(p.Stages[s].Outside, parties)
		q.Stages[s].Power = permuted(p.Stages[s].Power, parties)
	}
	for l := range q.Limits {
		q.Limits[l].Per = permuted(p.Limits[l].Per, parties)
	}
	for j, c := range p.Columns {
		c.ID, c.Party = fmt.Sprintf("%05d", to[j]), names[c.Party]
		q.Columns[to[j]] = c
		for s := range q.Stages {
			q.Stages[s].Costs[to[j]] = p.Stages[s].Costs[j]
		}
	}
	for i, at := range r.Perm(len(p.Rows)) {
		row := p.Rows[i]
		row.ID, row.Clause = fmt.Sprintf("%05d", at), "renamed"
		row.Terms = slices.Clone(row.Terms)
		for k := range row.Terms {
			row.Terms[k].Column = to[row.Terms[k].Column]
		}
		slices.SortFunc(row.Terms, func(a, b comity.Term) int { return a.Column - b.Column })
		q.Rows[at] = row
	}
	return q, to
}

// permuted puts value k to place to[k].
func permuted[T any](values []T, to []int) []T {
	if values == nil {
		return nil
	}
	list := make([]T, len(values))
	for k, at := range to {
		list[at] = values[k]
	}
	return list
}
