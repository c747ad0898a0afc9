package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// Point is one division on the front between the first aim and the least served party.
type Point struct {
	Floor       exact.Rat    `json:"floor"`    // The share of its need that every party is promised.
	Coverage    exact.Rat    `json:"coverage"` // The least share of its need that a party gets.
	Worst       party.ID     `json:"worst"`    // That party.
	Value       exact.Rat    `json:"value"`    // What is reached in the aim.
	Gap         exact.Rat    `json:"gap"`
	Certificate canon.Digest `json:"certificate"`
	Published   bool         `json:"published"` // The division without a promise: what the charter decides.
}

// MaxPoints bounds the points of a front.
const MaxPoints = 101

// Front promises every party more and more of its need, in steps of equal size from
// what the least served party has now to the most that can be promised (to a thousandth),
// and divides again at each: the method of the ε-constraint (Haimes, Lasdon and Wismer,
// "On a bicriterion formulation", 1971). The first point is the answer itself; points that
// are the same as the one before are left out.
//
// Where all parties' needs are met there is nothing to promise and the front is one point.
func (e *Engine) Front(ctx context.Context, a Answer, points int) ([]Point, error) {
	if points < 2 || points > MaxPoints {
		return nil, fmt.Errorf("%w: %d points; a front has 2 to %d", ErrChange, points, MaxPoints)
	}
	first, err := pointOf(a, a, exact.Int(0))
	if err != nil {
		return nil, err
	}
	first.Published = true
	out := []Point{first}
	best, err := e.mostPromised(ctx, a, first.Coverage)
	if err != nil || best.Cmp(first.Coverage) <= 0 {
		return out, err
	}
	step := over(best.Sub(first.Coverage), int64(points-1))
	for i := 1; i < points; i++ {
		floor := first.Coverage.Add(step.Mul(exact.Int(int64(i))))
		then, err := e.divide(ctx, a.Case, promised(a.Problem, floor))
		if refused(err) {
			continue // Nothing with a proof was found; the points around it stand.
		}
		if err != nil {
			return nil, err
		}
		p, err := pointOf(a, then, floor)
		if err != nil {
			return nil, err
		}
		if before := out[len(out)-1]; p.Coverage.Cmp(before.Coverage) != 0 || p.Value.Cmp(before.Value) != 0 {
			out = append(out, p)
		}
	}
	return out, nil
}

// halvings is how often the range of promises is halved to find its end: the front ends
// within a thousandth of the most that can be promised.
const halvings = 10

// mostPromised returns a share of their needs that all can get, where for a thousandth of
// what lies between least and 1 more no division was found.
func (e *Engine) mostPromised(ctx context.Context, a Answer, least exact.Rat) (exact.Rat, error) {
	low, high := least, exact.Int(1)
	at := high // First of all: can every need be met?
	for range halvings + 1 {
		then, err := e.divide(ctx, a.Case, promised(a.Problem, at))
		switch {
		case err == nil:
			low, _ = coverage(then) // At least what was promised.
		case errors.Is(err, solve.ErrInfeasible), refused(err):
			high = at
		default:
			return low, err
		}
		if low.Cmp(high) >= 0 {
			return low, nil
		}
		at = over(low.Add(high), 2)
	}
	return low, nil
}

// coverage returns the least share of its need that a party gets, and the first such
// party; parties that need nothing do not count.
func coverage(a Answer) (least exact.Rat, worst party.ID) {
	least = exact.Int(1)
	for k, n := range a.Problem.Needs {
		if n.Amount <= 0 {
			continue
		}
		if x := over(exact.Int(int64(a.Shares[k].Amount)), int64(n.Amount)); worst == "" || x.Cmp(least) < 0 {
			least, worst = x, n.Party
		}
	}
	return least, worst
}

// promiseClause is the clause of the rows of a promise. Clauses of a charter have a dot
// and no such word before it.
const promiseClause = "promise"

// promised adds a row for each party: at least this share of its need.
func promised(p comity.Problem, share exact.Rat) comity.Problem {
	rows := slices.Clone(p.Rows)
	for _, n := range p.Needs {
		least := quantity.Amount(-share.Mul(exact.Int(-int64(n.Amount))).Floor().Int64()) // Rounded up; at most the need.
		row := comity.Row{ID: promiseClause + "/" + string(n.Party), Clause: promiseClause, Lower: &least}
		for j, c := range p.Columns {
			if c.Party == n.Party {
				row.Terms = append(row.Terms, comity.Term{Column: j, Coeff: 1})
			}
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(x, y comity.Row) int { return cmp.Compare(x.ID, y.ID) })
	p.Rows = rows
	return p
}

func pointOf(a, then Answer, floor exact.Rat) (Point, error) {
	digest, err := then.Digest()
	if err != nil {
		return Point{}, err
	}
	least, worst := coverage(then)
	value := ValueOf(a.Inputs.Charter, a.Problem, AimOf(a.Problem), then.Units)
	return Point{Floor: floor, Coverage: least, Worst: worst, Value: value, Gap: then.Gap(), Certificate: digest}, nil
}
