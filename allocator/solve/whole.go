package solve

import (
	"context"
	"fmt"
	"math"
	"slices"

	"comity"
	"comity/allocator/certificate"
)

// reach is how many units each column may move when whole units are searched by
// branching: rows that are not sums leave fractions of a few units only.
const reach = 64

// wholeUnits returns an allocation that keeps every rule, near x: first on the face,
// so that nothing of the worth is lost, then anywhere near, then anywhere.
func (fc *face) wholeUnits(ctx context.Context, p comity.Problem, s Solver, x []int64) ([]int64, error) {
	everything := fc.open()
	for _, try := range []struct {
		face  *face
		worth bool // Maximise worth before evenness.
		reach float64
	}{
		{fc, false, reach},
		{everything, true, reach},
		{everything, true, math.Inf(1)},
	} {
		m := try.face.model(x, 1)
		if len(m.columns) == 0 {
			continue
		}
		if try.worth {
			m.preferWorth(fc.form)
		}
		m.confine(try.reach)
		m.lp.Integer = true
		solution, err := ask(ctx, s, m.lp, "search whole units")
		if err != nil {
			return nil, err
		}
		if solution.Status != Optimal || len(solution.Primal) != len(m.lp.Cost) {
			continue
		}
		found := slices.Clone(x)
		try.face.move(found, m, solution.Primal)
		if certificate.Feasible(p, fc.units(found)) == nil {
			return found, nil
		}
	}
	return nil, fmt.Errorf("%w: fractions keep every rule, but no whole units were found that do", ErrSolver)
}

// open returns the face of everything feasible.
func (fc *face) open() *face {
	all := &face{form: fc.form, rows: fc.form.rows}
	for _, c := range fc.columns {
		all.lower, all.upper = append(all.lower, c.lower), append(all.upper, c.upper)
	}
	return all
}

// preferWorth replaces the objective by the worth; evenness decides only between
// plans that differ by less than a part in 2^floatBits of the largest cost.
func (m *model) preferWorth(f *form) {
	lp, _, _ := f.worthLP()
	for at := range m.lp.Cost {
		m.lp.Cost[at] = math.Ldexp(m.lp.Cost[at], -2*floatBits)
	}
	for at, j := range m.columns {
		m.lp.Cost[at] = lp.Cost[j]
	}
}

// confine keeps the columns within so many units of the present point.
func (m *model) confine(reach float64) {
	for at := range m.columns {
		m.lp.Lower[at] = max(m.lp.Lower[at], min(-reach, m.lp.Upper[at]))
		m.lp.Upper[at] = min(m.lp.Upper[at], max(reach, m.lp.Lower[at]))
	}
}
