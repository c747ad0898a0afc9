package solve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"comity/allocator/certificate"
)

// reach is how many units each column may move when whole units are searched by
// branching: rows that are not sums leave fractions of a few units only.
const reach = 64

// decide finds whole units where linear programmes alone do not. What is yes or no is
// decided first, by an integer programme of the first stage; among what is then left,
// linear programmes choose as they always do, or, where single units are what does not
// come out whole, integer programmes stage by stage.
func (f *form) decide(ctx context.Context, s Solver, cuts []cut) (*search, []int64, error) {
	decided := f.clone()
	decided.cuts = withoutMargins(cuts)
	some, err := decided.decideSwitches(ctx, s)
	if errors.Is(err, errFractions) {
		f.cuts = decided.cuts
		err = f.contradiction(ctx, s)
	}
	if err != nil {
		return nil, nil, err
	}
	h := newSearch(decided, s, !some)
	x, err := h.run(ctx)
	if some && errors.Is(err, errFractions) {
		decided.cuts = withoutMargins(h.cuts)
		h = newSearch(decided, s, true)
		x, err = h.run(ctx)
	}
	if errors.Is(err, errFractions) {
		f.cuts = withoutMargins(h.cuts)
		err = f.contradiction(ctx, s)
	}
	for i := range h.hints {
		h.hints[i] = hint{reached: h.hints[i].reached} // Prices of a part prove little of all.
	}
	return h, x, err
}

// decideSwitches fixes the means that are yes or no at what is best for the first stage.
func (f *form) decideSwitches(ctx context.Context, s Solver) (bool, error) {
	switches := make([]bool, len(f.columns))
	some := false
	for j, c := range f.columns {
		switches[j] = c.isSwitch() && c.lower < c.upper
		some = some || switches[j]
	}
	if !some {
		return false, nil
	}
	fc, x := f.open(), make([]int64, len(f.columns))
	for j, c := range f.columns {
		x[j] = c.lower
	}
	for range maxRounds {
		r := fc.firstProgramme(x)
		lp := r.programme()
		lp.Whole = append(slices.Clone(switches), make([]bool, len(lp.Cost)-len(switches))...)
		lp.Nodes = wholeNodes
		solution, err := ask(ctx, s, lp, "decide what is yes or no")
		if err != nil {
			return true, err
		}
		if solution.Status != Optimal || len(solution.Primal) != len(lp.Cost) {
			return true, fmt.Errorf("%w: no whole units keep every rule", errFractions)
		}
		totals := make([]float64, len(f.need))
		for k, members := range f.members {
			for _, j := range members {
				totals[k] += float64(x[j]) + math.Ldexp(solution.Primal[j], r.columns[j])
			}
		}
		if f.separate(totals) {
			continue
		}
		for j, c := range f.columns {
			if switches[j] {
				at := x[j] + clampFloat(solution.Primal[j], c.lower-x[j], c.upper-x[j])
				f.columns[j].lower, f.columns[j].upper = at, at
			}
		}
		return true, nil
	}
	return true, fmt.Errorf("%w: limits are not kept after %d integer programmes", ErrSolver, maxRounds)
}

// firstProgramme is that of the first stage.
func (fc *face) firstProgramme(x []int64) *relaxation {
	st := fc.stages[0]
	if st.Kind != certificate.Weighted {
		if st.Kind == certificate.Nash {
			st = st.alike(fc.form)
		}
		return fc.levelProgramme(st, x, slices.Repeat([]float64{math.NaN()}, len(fc.need))).relaxation
	}
	fc.aim(st)
	return fc.relax(x)
}

// finish returns whole units of the face that are best by its curves, by branching if
// need be.
func (h *search) finish(ctx context.Context) ([]int64, error) {
	x, err := h.whole(ctx)
	if !h.branching || !errors.Is(err, errFractions) {
		return x, err
	}
	return h.branch(ctx)
}

// branch returns whole units of the face by branching alone: those at hand, made more even
// within reach, or any.
func (h *search) branch(ctx context.Context) ([]int64, error) {
	if h.face.holds(h.x) && certificate.Feasible(h.p, h.units(h.x)) == nil {
		return h.near(ctx, h.x)
	}
	return h.integers(ctx, h.x)
}

// near returns the best whole units by the face's curves within reach of x, which keeps
// all rules.
func (h *search) near(ctx context.Context, x []int64) ([]int64, error) {
	m := h.face.newModel()
	if len(m.columns) == 0 {
		return x, nil
	}
	m.centre(h.face, x, 1)
	m.confine(reach)
	m.lp.Integer, m.lp.Nodes = true, nearNodes
	solution, err := ask(ctx, h.solver, m.lp, "search whole units near those at hand")
	if err != nil {
		return nil, err
	}
	if solution.Status != Optimal || len(solution.Primal) != len(m.lp.Cost) {
		return x, nil
	}
	found := slices.Clone(x)
	h.face.move(found, m, solution.Primal)
	if h.face.holds(found) && certificate.Feasible(h.p, h.units(found)) == nil {
		return found, nil
	}
	return x, nil
}

// integers returns the whole units of the face that are worth most in the stage at hand:
// near x first, then anywhere.
func (h *search) integers(ctx context.Context, x []int64) ([]int64, error) {
	h.cuts = withoutMargins(h.cuts)
	for _, within := range []float64{reach, math.Inf(1)} {
		for range maxRelaxations {
			r := h.face.relaxBy(x, 0)
			lp := r.programme()
			for j := range h.columns {
				if h.columns[j].party < 0 {
					continue // A means is cheap to move and can be far away.
				}
				lp.Lower[j] = max(lp.Lower[j], min(-within, lp.Upper[j]))
				lp.Upper[j] = min(lp.Upper[j], max(within, lp.Lower[j]))
			}
			lp.Integer, lp.Nodes = true, wholeNodes
			solution, err := ask(ctx, h.solver, lp, "search whole units")
			if err != nil {
				return nil, err
			}
			if solution.Status != Optimal || len(solution.Primal) != len(lp.Cost) {
				break
			}
			found := make([]int64, len(x))
			for j := range found {
				found[j] = x[j] + clampFloat(solution.Primal[j], h.face.lower[j]-x[j], h.face.upper[j]-x[j])
			}
			if !h.face.holds(found) {
				break
			}
			if certificate.Feasible(h.p, h.units(found)) == nil {
				return found, nil
			}
			h.widen(found)
		}
	}
	return nil, errFractions
}

const (
	// wholeNodes bounds the branching for the whole units of a stage, and nearNodes that
	// for the last few units.
	wholeNodes = 2000
	nearNodes  = 200
)

// confine keeps the columns within so many units of the present point.
func (m *model) confine(reach float64) {
	for at := range m.columns {
		m.lp.Lower[at] = max(m.lp.Lower[at], min(-reach, m.lp.Upper[at]))
		m.lp.Upper[at] = min(m.lp.Upper[at], max(reach, m.lp.Lower[at]))
	}
}
