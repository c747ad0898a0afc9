package solve

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"comity"
	"comity/party"
)

// name fills in what the proof needs: the clauses and rows that have a price in it, and
// what they say.
func (e *ConflictError) name(p comity.Problem) {
	signs := make([]int, len(p.Rows)) // 1 towards an upper bound, -1 towards a lower one.
	leaves, equal := collect(e.Proof.Proof, signs)
	sides := map[string]*side{}
	for i, sign := range signs {
		if sign == 0 {
			continue
		}
		r := p.Rows[i]
		e.Rows = append(e.Rows, r.ID)
		e.Clauses = append(e.Clauses, r.Clause)
		if sides[r.Clause] == nil {
			sides[r.Clause] = &side{clause: r.Clause, sum: new(big.Int), sign: sign}
		}
		sides[r.Clause].add(p, r, sign)
	}
	limited := len(e.Proof.Cuts) > 0
	for _, c := range e.Proof.Cuts {
		e.Rows = append(e.Rows, p.Limits[c.Limit].ID)
		e.Clauses = append(e.Clauses, p.Limits[c.Limit].Clause)
	}
	slices.Sort(e.Rows)
	e.Rows = slices.Compact(e.Rows)
	slices.Sort(e.Clauses)
	e.Clauses = slices.Compact(e.Clauses)
	if leaves != 1 || !equal || limited {
		return // No plain sum: the clauses' names must do.
	}
	for _, id := range e.Clauses {
		s := sides[id]
		if s.mixed {
			e.says = nil
			return
		}
		e.says = append(e.says, s.sentence(p))
	}
}

// collect writes down the sign of each row that has a price, the last one where a tree has
// both, and tells how many proofs by prices there are and whether a single one has prices of
// one size.
func collect(proof comity.Proof, signs []int) (leaves int, equal bool) {
	size, equal := int64(0), true
	for _, c := range append([]comity.Case{{Prices: proof.Prices}}, proof.Tree...) {
		if len(c.Prices) < len(signs) {
			continue // A split, or the place of prices where there is a tree.
		}
		leaves++
		for i := range signs {
			y := int64(c.Prices[i])
			if y == 0 {
				continue
			}
			signs[i] = 1
			if y < 0 {
				signs[i], y = -1, -y
			}
			equal = equal && (size == 0 || size == y)
			size = y
		}
	}
	return leaves, equal && leaves == 1
}

// side is what the rows of one clause demand or allow together.
type side struct {
	clause  string
	sign    int
	sum     *big.Int
	rows    int
	parties []party.ID
	mixed   bool // Not a plain sum of units.
}

func (s *side) add(p comity.Problem, r comity.Row, sign int) {
	end := r.Upper
	if sign < 0 {
		end = r.Lower
	}
	s.rows++
	s.mixed = s.mixed || end == nil || sign != s.sign
	if end != nil {
		s.sum.Add(s.sum, big.NewInt(int64(*end)))
	}
	for _, t := range r.Terms {
		id := p.Columns[t.Column].Party
		s.mixed = s.mixed || t.Coeff != 1 || id == ""
		if id != "" && !slices.Contains(s.parties, id) {
			s.parties = append(s.parties, id)
		}
	}
}

// sentence says what the clause demands or has, in units, and of whom if these are few.
func (s *side) sentence(p comity.Problem) string {
	verb := "has"
	if s.sign < 0 {
		verb = "demands"
	}
	text := fmt.Sprintf("%s %s %s", s.clause, verb, grouped(s.sum.String()))
	if p.Unit != "" {
		text += " " + p.Unit + "s"
	}
	if s.rows > 1 {
		text += " in all"
	}
	if len(s.parties) <= 3 {
		names := make([]string, len(s.parties))
		for k, id := range s.parties {
			names[k] = string(id)
		}
		text += " for " + strings.Join(names, ", ")
	}
	return text
}

// grouped writes the digits of a whole number in groups of three.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
