package solve_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/allocator/solve"
	"comity/canon"
)

// TestTheOrderSeesNoNames renames and reorders everything: listed in canonical order,
// the numbers of the problem are the same.
func TestTheOrderSeesNoNames(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawIntervals(r)
		chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		q, _ := renamed(chance, p)
		a, b := listing(p, canon.Digest{}), listing(q, canon.Sum([]byte("another lot")))
		if a != b {
			r.Fatalf("before renaming:\n%s\nafter:\n%s", a, b)
		}
	})
}

// listing writes a problem in canonical order without its names.
func listing(p comity.Problem, lot canon.Digest) string {
	columns, rows, parties := solve.Order(p, lot)
	text := ""
	for _, j := range columns {
		c := p.Columns[j]
		k := slices.IndexFunc(p.Needs, func(n comity.Need) bool { return n.Party == c.Party })
		text += fmt.Sprintln("column", p.Stages[0].Costs[j], c.Lower, c.Upper, "party", slices.Index(parties, k))
	}
	for _, i := range rows {
		r := p.Rows[i]
		text += "row"
		if r.Lower != nil {
			text += fmt.Sprint(" from ", *r.Lower)
		}
		if r.Upper != nil {
			text += fmt.Sprint(" to ", *r.Upper)
		}
		terms := []string{}
		for _, t := range r.Terms {
			terms = append(terms, fmt.Sprint(slices.Index(columns, t.Column), "*", t.Coeff))
		}
		slices.Sort(terms)
		text += fmt.Sprintln(" of", terms)
	}
	for _, k := range parties {
		text += fmt.Sprintln("need", p.Needs[k].Amount)
	}
	return text
}

// TestCopiesOfARowAreListedAtOnce has fifty thousand of them: one by one they would take
// longer than a test may.
func TestCopiesOfARowAreListedAtOnce(t *testing.T) {
	p := told([]int64{9, 9})
	for k := range 50_000 {
		p.Rows = append(p.Rows, rule(fmt.Sprintf("%05d", k), "c.cap", nil, amount(5), 1, 0, 1, 1))
	}
	lot := canon.Sum([]byte("lot"))
	_, rows, _ := solve.Order(p, lot)
	if again := slices.Compact(slices.Sorted(slices.Values(rows))); len(again) != len(p.Rows) {
		t.Fatalf("%d rows are listed, want %d", len(again), len(p.Rows))
	}
	_, other, _ := solve.Order(p, canon.Sum([]byte("another lot")))
	if slices.Equal(rows, other) {
		t.Error("two lots give one order")
	}
}

func BenchmarkOrder(b *testing.B) {
	for _, c := range []struct{ parties, twins int }{{200, 0}, {200, 197}, {2000, 0}} {
		p := vaccines(world(rand.New(rand.NewPCG(1, 1)), c.parties, c.twins, 3), 300_000_001)
		b.Run(fmt.Sprintf("parties=%d/twins=%d", c.parties, c.twins), func(b *testing.B) {
			for b.Loop() {
				solve.Order(p, canon.Digest{})
			}
		})
	}
}
