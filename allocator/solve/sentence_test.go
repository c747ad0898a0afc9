package solve_test

import (
	"errors"
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
	"comity/party"
	"comity/quantity"
)

// told is a problem of parties that need so many doses each; rules add its rows.
func told(needs []int64, rules ...comity.Row) comity.Problem {
	p := comity.Problem{Unit: "dose", Stages: weighted(1), Rows: rules}
	for k, n := range needs {
		id := party.ID(fmt.Sprintf("P%02d", k))
		p.Columns = append(p.Columns, comity.Column{ID: string(id), Party: id, Upper: quantity.Amount(n)})
		p.Needs = append(p.Needs, comity.Need{Party: id, Amount: quantity.Amount(n)})
		p.Stages[0].Costs = append(p.Stages[0].Costs, 1)
	}
	return p
}

// rule is a row of a clause over columns, each with the coefficient that stands before it.
func rule(id, clause string, lower, upper *quantity.Amount, terms ...int) comity.Row {
	r := comity.Row{ID: id, Clause: clause, Lower: lower, Upper: upper}
	for k := 0; k < len(terms); k += 2 {
		r.Terms = append(r.Terms, comity.Term{Coeff: canon.Int(terms[k]), Column: terms[k+1]})
	}
	return r
}

// TestWhatAConflictSays holds the sentence to the letter.
func TestWhatAConflictSays(t *testing.T) {
	many := func(n int) comity.Problem {
		var needs []int64
		var floors []comity.Row
		supply := rule("c.supply", "c.supply", nil, amount(int64(1000*n-1)))
		for k := range n {
			needs = append(needs, 5000)
			floors = append(floors, rule(fmt.Sprintf("c.floor/P%02d", k), "c.floor", amount(1000), nil, 1, k))
			supply.Terms = append(supply.Terms, comity.Term{Column: k, Coeff: 1})
		}
		return told(needs, append(floors, supply)...)
	}
	gini := told([]int64{50, 50, 50}, rule("c.floor/P00", "c.floor", amount(40), nil, 1, 0), rule("c.supply", "c.supply", nil, amount(41), 1, 0, 1, 1, 1, 2))
	gini.Limits = []comity.Limit{{ID: "c.gini", Clause: "c.gini", Kind: certificate.LimitGini, Per: []quantity.Amount{1, 1, 1}, Bound: ratio(1, 10)}}
	nobody := told([]int64{3}, rule("c.least", "c.least", amount(1), nil, 1, 1))
	nobody.Columns = append(nobody.Columns, comity.Column{ID: "stock/c", Upper: 0})
	nobody.Stages[0].Costs = append(nobody.Stages[0].Costs, 0)
	for name, c := range map[string]struct {
		problem comity.Problem
		want    string
	}{
		"two parties": {
			told([]int64{9_000_000, 5}, rule("c.cap/P00", "c.cap", nil, amount(1_234_566), 1, 0), rule("c.floor/P00", "c.floor", amount(1_234_567), nil, 1, 0)),
			"c.cap, c.floor cannot all be kept: c.cap has 1,234,566 doses for P00, c.floor demands 1,234,567 doses for P00 (2 rows: c.cap/P00, c.floor/P00); amend one of them or change what it is computed from",
		},
		"sums over parties": {
			many(3),
			"c.floor, c.supply cannot all be kept: c.floor demands 3,000 doses in all for P00, P01, P02, c.supply has 2,999 doses for P00, P01, P02 (4 rows: c.floor/P00, c.floor/P01, c.floor/P02, c.supply); amend one of them or change what it is computed from",
		},
		"more parties than are named": {
			many(13),
			"c.floor, c.supply cannot all be kept: c.floor demands 13,000 doses in all, c.supply has 12,999 doses (14 rows: c.floor/P00, c.floor/P01, c.floor/P02, c.floor/P03, c.floor/P04, c.floor/P05, c.floor/P06, c.floor/P07, c.floor/P08, c.floor/P09, c.floor/P10, c.floor/P11 and 2 more); amend one of them or change what it is computed from",
		},
		"needs alone": {
			told([]int64{7}, rule("c.floor/P00", "c.floor", amount(8), nil, 1, 0)),
			"c.floor cannot be kept: c.floor demands 8 doses for P00, and needs allow no more (c.floor/P00); amend it or change what it is computed from",
		},
		"an unlucky budget": {
			told([]int64{7}, rule("c.debt", "c.debt", nil, amount(-1_000), 1, 0)),
			"c.debt cannot be kept: c.debt has -1,000 doses for P00, and needs allow no more (c.debt); amend it or change what it is computed from",
		},
		"money": {
			told([]int64{7}, rule("c.money", "c.money", nil, amount(11), 2, 0), rule("c.sure", "c.sure", amount(6), nil, 1, 0)),
			"c.money, c.sure cannot all be kept (2 rows: c.money, c.sure); amend one of them or change what it is computed from",
		},
		"what is nobody's": {
			nobody,
			"c.least cannot be kept, and needs allow no more (c.least); amend it or change what it is computed from",
		},
		"a limit": {
			gini,
			"c.floor, c.gini, c.supply cannot all be kept (3 rows: c.floor/P00, c.gini, c.supply); amend one of them or change what it is computed from",
		},
	} {
		t.Run(name, func(t *testing.T) {
			conflict := conflictOf(t, c.problem)
			if diff := gocmp.Diff("no feasible allocation: "+c.want, conflict.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// conflictOf solves what cannot be solved and checks the proof.
func conflictOf(t *testing.T, p comity.Problem) *solve.ConflictError {
	t.Helper()
	_, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
	conflict, ok := errors.AsType[*solve.ConflictError](err)
	if !ok {
		t.Fatalf("got %v, want a conflict", err)
	}
	if err := certificate.CheckInfeasible(p, conflict.Proof); err != nil {
		t.Error(err)
	}
	return conflict
}

// TestAConflictOfWholeUnitsNamesWhatIsNeeded: fractions keep every rule, and of the rules
// of seven parties those of one contradict each other with the supply.
func TestAConflictOfWholeUnitsNamesWhatIsNeeded(t *testing.T) {
	p := lotted(7)
	conflict := conflictOf(t, p)
	if len(conflict.Proof.Proof.Tree) == 0 {
		t.Fatal("no tree: fractions contradict each other already")
	}
	want := "no feasible allocation: c.cap, c.floor, c.lot cannot all be kept in whole units (4 rows: c.cap/P03, c.floor/P03, c.lot/P03/least, c.lot/P03/most); amend one of them or change what it is computed from"
	if diff := gocmp.Diff(want, conflict.Error()); diff != "" {
		t.Error(diff)
	}
	// Without any one of them there is a plan.
	for i := range p.Rows {
		q := p
		q.Rows = append([]comity.Row{}, p.Rows...)
		for _, id := range conflict.Rows {
			if q.Rows[i].ID == id {
				q.Rows[i].Lower, q.Rows[i].Upper = amount(-1<<40), amount(1<<40)
				if _, err := solve.Allocate(t.Context(), q, engine(t), canon.Digest{}); err != nil {
					t.Errorf("without %s: %v", id, err)
				}
			}
		}
	}
}

// lotted has lots of 50 for all, and one party that may have 20 to 30.
func lotted(parties int) comity.Problem {
	var needs []int64
	supply := rule("c.supply", "c.supply", nil, amount(int64(60*parties)))
	var caps, floors, lots []comity.Row
	for k := range parties {
		needs = append(needs, 100)
		most, least := int64(80), int64(2)
		if k == 3 {
			most, least = 30, 20
		}
		id := fmt.Sprintf("P%02d", k)
		caps = append(caps, rule("c.cap/"+id, "c.cap", nil, amount(most), 1, k))
		floors = append(floors, rule("c.floor/"+id, "c.floor", amount(least), nil, 1, k))
		lots = append(lots, rule("c.lot/"+id+"/least", "c.lot", amount(0), nil, 1, k, -50, parties+k), rule("c.lot/"+id+"/most", "c.lot", nil, amount(0), 1, k, -100, parties+k))
		supply.Terms = append(supply.Terms, comity.Term{Column: k, Coeff: 1})
	}
	p := told(needs, append(append(append(caps, floors...), lots...), supply)...)
	for k := range parties {
		p.Columns = append(p.Columns, comity.Column{ID: fmt.Sprintf("lot/P%02d", k), Upper: 1})
		p.Stages[0].Costs = append(p.Stages[0].Costs, 0)
	}
	return p
}
