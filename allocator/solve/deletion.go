package solve

import (
	"context"
	"errors"
	"slices"

	"comity/allocator/certificate"
)

// maxDeletion bounds the programmes that are spent on making a conflict of whole units
// smaller, in all: as many as the first tree may take.
const maxDeletion = 600

// errSpent ends a search that has used up its programmes.
var errSpent = errors.New("no programmes left")

// purse solves so many programmes and no more.
type purse struct {
	Solver
	left int
}

// Solve solves a programme while any are left.
func (p *purse) Solve(ctx context.Context, lp LP) (Solution, error) {
	if p.left == 0 {
		return Solution{}, errSpent
	}
	p.left--
	return p.Solver.Solve(ctx, lp)
}

// fewer returns a proof of a conflict that needs fewer rules, if it finds one. A tree has a
// price for nearly every row somewhere. So rules are left out, clause by clause and then row
// by row, in canonical order: what is contradictory without one does not need it
// (Chinneck and Dravnieks, "Locating minimal infeasible constraint sets in linear
// programs", 1991, the deletion filter). What cannot be decided within the programmes
// stays.
func (f *form) fewer(ctx context.Context, s Solver, proof certificate.Infeasible) certificate.Infeasible {
	p := &purse{Solver: s, left: maxDeletion}
	g := f.clone()
	g.release(unpriced(proof, f.rows))
	for _, sets := range []func(*form, []int) [][]int{clausesOf, rowsOf} {
		for _, set := range sets(g, priced(proof, f.rows)) {
			if !slices.ContainsFunc(set, g.binds) {
				continue // The last proof did without it.
			}
			less := g.clone()
			less.release(set)
			if found, err := less.nowhere(ctx, p); err == nil {
				less.release(unpriced(found, less.rows))
				g, proof = less, found
			}
		}
	}
	return proof
}

// release takes the bounds off rows.
func (f *form) release(rows []int) {
	for _, i := range rows {
		f.rows[i].lower, f.rows[i].upper = nil, nil
	}
}

func (f *form) binds(row int) bool { return f.rows[row].lower != nil || f.rows[row].upper != nil }

// priced returns the rows of a form that have a price in a proof, and unpriced the others.
func priced(proof certificate.Infeasible, rows []row) (used []int) {
	signs := make([]int, len(rows))
	collect(proof.Proof, signs)
	for i, r := range rows {
		if signs[r.at] != 0 {
			used = append(used, i)
		}
	}
	return used
}

func unpriced(proof certificate.Infeasible, rows []row) (idle []int) {
	used := priced(proof, rows)
	for i := range rows {
		if !slices.Contains(used, i) {
			idle = append(idle, i)
		}
	}
	return idle
}

// clausesOf groups rows by clause, in the order of their first rows; rowsOf leaves each on
// its own.
func clausesOf(f *form, rows []int) [][]int {
	var sets [][]int
	at := map[string]int{}
	for _, i := range rows {
		clause := f.p.Rows[f.rows[i].at].Clause
		k, known := at[clause]
		if !known {
			k, at[clause] = len(sets), len(sets)
			sets = append(sets, nil)
		}
		sets[k] = append(sets[k], i)
	}
	return sets
}

func rowsOf(_ *form, rows []int) [][]int {
	var sets [][]int
	for _, i := range rows {
		sets = append(sets, []int{i})
	}
	return sets
}
