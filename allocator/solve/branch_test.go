package solve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
	"comity/party"
	"comity/quantity"
)

// TestLargeLotsAgainstEnumeration: where lots are a large part of what there is, the plan
// is the best of all, the bound lies at it, and both come out the same again. Lots are
// written as package program does and, weaker, with one row for all columns of a party.
func TestLargeLotsAgainstEnumeration(t *testing.T) {
	trees := 0
	rapid.Check(t, func(r *rapid.T) {
		p := drawLots(r)
		best := bestOfAll(p)
		got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
		if err != nil {
			r.Fatal(err)
		}
		proof := got.Certificate.Stages[0]
		if want := new(big.Rat).SetInt64(best); proof.Value.Big().Cmp(want) != 0 {
			r.Fatalf("worth %s, the best plan is worth %d", proof.Value, best)
		}
		// A thousandth of the least that a unit is worth.
		if proof.Gap.Big().Cmp(big.NewRat(1, 1000)) > 0 {
			r.Fatalf("bound %s, the best plan is worth %d", proof.Bound, best)
		}
		if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 1000)); err != nil && best > 0 {
			r.Fatal(err) // Of no worth at all there is no thousandth.
		}
		if len(proof.Proof.Tree) == 0 {
			return
		}
		trees++
		again, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
		if err != nil || !bytes.Equal(encoded(r, again), encoded(r, got)) {
			r.Fatalf("another certificate the second time: %v", err)
		}
	})
	if trees == 0 {
		t.Error("no proof was a tree")
	}
}

func encoded(r *rapid.T, got solve.Result) []byte {
	data, err := json.Marshal(got)
	if err != nil {
		r.Fatal(err)
	}
	return data
}

// drawLots draws two or three parties of two columns each and one supply, with a price on
// being served at all.
func drawLots(r *rapid.T) comity.Problem {
	var b builder
	apart := rapid.Bool().Draw(r, "apart")
	total := int64(0)
	for k := range rapid.IntRange(2, 3).Draw(r, "parties") {
		id := fmt.Sprintf("P%d", k)
		most := rapid.SliceOfN(rapid.Int64Range(0, 3), 2, 2).Draw(r, "most")
		total += most[0] + most[1]
		b.p.Needs = append(b.p.Needs, comity.Need{Party: party.ID(id), Amount: quantity.Amount(most[0] + most[1])})
		b.column(id+"~lot", "", -rapid.Int64Range(0, 9).Draw(r, "price"), 1)
		b.row(id+"/least", amount(0), nil)
		b.rows[id+"/least"][id+"~lot"] = -rapid.Int64Range(1, 6).Draw(r, "lot")
		for g, upper := range most {
			column, row := fmt.Sprintf("%s/%d", id, g), id+"/most"
			if apart {
				row += column
			}
			if b.rows[row] == nil {
				b.row(row, nil, amount(0))
			}
			b.column(column, party.ID(id), rapid.Int64Range(1, 9).Draw(r, "cost"), upper)
			b.rows[id+"/least"][column], b.rows[row][column] = 1, 1
			b.rows[row][id+"~lot"] -= upper
		}
	}
	b.row("supply", nil, amount(rapid.Int64Range(1, max(1, total)).Draw(r, "supply")))
	for _, c := range b.p.Columns {
		if c.Party != "" {
			b.rows["supply"][c.ID] = 1
		}
	}
	p := b.build()
	for i := range p.Rows { // A column without units has no part in a row.
		terms := p.Rows[i].Terms[:0]
		for _, t := range p.Rows[i].Terms {
			if t.Coeff != 0 {
				terms = append(terms, t)
			}
		}
		p.Rows[i].Terms = terms
	}
	return p
}

// bestOfAll tries all plans.
func bestOfAll(p comity.Problem) int64 {
	best, units := int64(0), make([]quantity.Amount, len(p.Columns)) // Nothing for anybody is a plan.
	var try func(j int, worth int64)
	try = func(j int, worth int64) {
		if j == len(units) {
			if worth > best && certificate.Feasible(p, units) == nil {
				best = worth
			}
			return
		}
		for x := range p.Columns[j].Upper + 1 {
			units[j] = x
			try(j+1, worth+int64(p.Stages[0].Costs[j])*int64(x))
		}
	}
	try(0, 0)
	return best
}

// A solver that gives up on evenness, as HiGHS does on one of these, costs the width of
// that proof alone: what is divided is proved as well as before.
func TestEvennessWithoutASolver(t *testing.T) {
	p := drawnLots(19, 60, 0.2, 0.9)
	got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 200)); err != nil {
		t.Fatal(err)
	}
}
