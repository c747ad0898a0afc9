package solve

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"comity/allocator/certificate"
)

const (
	// branchable is how many columns may all be searched by branching. Branching over more
	// has no end in sight; then only what is not whole is rounded.
	branchable = 300
	// treeable is how many columns a problem may have that is proved by a tree, which takes
	// up to maxTree programmes of its size.
	treeable = 10_000
	// within is how far from the best a rounding may stay, as a share of the worth: a
	// tenth of the gap that a problem of 48,012 columns must be certified with. In a small
	// one, where a unit is a larger share, it may be a sixteenth of the dearest unit.
	within = 1e-6
	// partners is how many other columns of a party may move by a unit when its fractions
	// are rounded. On 48,012 columns none leave a gap of 10 millionths and two of 6 to 8;
	// all leave 2, but the search then takes longer than all the rest. Where these cannot
	// be rounded widen times as many may, and so on.
	partners, widen = 2, 2
	// roundingNodes bounds the search. Good roundings are found at its first node; what
	// follows raises a bound that nobody asks for. On six programmes of 350 to 530 columns
	// 200 nodes, begun anew after the first, take 1.6 to 8.3 s of processor time and five
	// nodes without that 0.6 to 1.9 s; what they find differs by less than a tenth of the
	// dearest unit. On 48,012 columns not beginning anew finds as much or more, too.
	roundingNodes = 5
	// play is how many units a party's sum may move without cost beyond the whole numbers
	// next to it.
	play = 1
)

// isLarge tells whether a proof has to do with the programmes that found the units: each
// takes long, or only single units are what a tree of them would decide.
func (f *form) isLarge() bool {
	return len(f.columns) > treeable || len(f.columns) > branchable && !f.undecided()
}

// undecided tells whether some means are yes or no and may be either.
func (f *form) undecided() bool {
	return slices.ContainsFunc(f.columns, func(c column) bool { return c.isSwitch() && c.lower < c.upper })
}

// rounded takes fractions up or down so that all rules are kept, by an integer programme
// over these and a few other columns of each party. A few are mostly enough. But a party may
// have a floor to reach by clinics without room and groups whose doses do not fit into what
// is left of its hub: if its fractions cannot be rounded, the programme has no answer. More
// columns move then, and at last all, those at a bound too. A programme that has no
// answer says so in milliseconds, and even the widest is small beside a search over all
// whole units, which takes minutes on problems that take a second here.
//
// It returns false where the problem is small enough for that search, where rules other than
// rows bind, and where it finds nothing.
func (h *search) rounded(ctx context.Context, x []int64, rest []remainder) ([]int64, bool, error) {
	if len(h.columns) <= branchable || len(rest) == 0 || len(h.p.Limits) > 0 || h.face.nash != nil {
		return nil, false, nil
	}
	if h.undecided() || !h.branching && len(h.stages) > 1 {
		return nil, false, nil // Only where stages are rows does rounding keep all of them.
	}
	for wide := partners; ; wide *= widen {
		r := h.open().rounding(x, rest, wide)
		found, err := r.solve(ctx, h.solver)
		if err != nil {
			return nil, false, err
		}
		if found != nil && r.face.holds(found) && certificate.Feasible(h.p, h.units(found)) == nil {
			return found, true, nil
		}
		if r.all {
			return nil, false, nil
		}
	}
}

// rounding is the programme that takes each fraction up or down.
type rounding struct {
	lp       LP
	face     *face
	columns  []int     // Of the face, by column of the programme; deviations follow.
	from     []int64   // All fractions down.
	wide     int       // How many columns of a party may move besides its fractions.
	all      bool      // No party has more.
	cost     []float64 // By column of the face.
	activity []int64   // By row of the face, at from.
	rowAt    []int     // By row of the face: its place in the programme, -1 for none.
}

// rounding searches the roundings of all fractions for the greatest worth. Means may take
// any value with it, and a few other columns move by a unit. Before worth comes that what
// a party gets in sum is nearly rounded too: each unit beyond that costs as much as the
// dearest column.
func (fc *face) rounding(x []int64, rest []remainder, wide int) *rounding {
	r := &rounding{face: fc, from: slices.Clone(x), wide: wide, all: true}
	r.lp = LP{Start: []int32{0}, Integer: true, Nodes: roundingNodes, Once: true}
	for _, part := range rest {
		r.from[part.column] = part.low
	}
	r.activity, r.rowAt = fc.activity(r.from), slices.Repeat([]int{-1}, len(fc.rows))
	var largest uint64
	for _, c := range fc.columns {
		largest = max(largest, size(c.cost))
	}
	shift := max(0, bits.Len64(largest)-floatBits)
	for j, c := range fc.columns {
		r.cost = append(r.cost, math.Ldexp(float64(c.cost), -shift))
		if c.party < 0 && fc.free(j) {
			r.column(j, float64(fc.lower[j]-r.from[j]), float64(fc.upper[j]-r.from[j]))
			r.lp.endColumn()
		}
		r.lp.Gap += within * math.Abs(float64(r.cost[j]*float64(r.from[j])))
	}
	var sums []int
	for k, list := range fc.byParty(rest) {
		sums = append(sums, r.party(k, list, x))
	}
	r.deviate(sums)
	return r
}

// solve returns the best rounding, nil where there is none.
func (r *rounding) solve(ctx context.Context, s Solver) ([]int64, error) {
	solution, err := ask(ctx, s, r.lp, "round to whole units")
	if err != nil || solution.Status != Optimal || len(solution.Primal) != len(r.lp.Cost) {
		return nil, err
	}
	x := slices.Clone(r.from)
	for k, j := range r.columns {
		x[j] += clampFloat(solution.Primal[k], r.face.lower[j]-x[j], r.face.upper[j]-x[j])
	}
	return x, nil
}

// byParty sorts fractions by their parties; those of means are free anyway.
func (fc *face) byParty(rest []remainder) [][]remainder {
	of := make([][]remainder, len(fc.need))
	for _, part := range rest {
		if k := fc.columns[part.column].party; k >= 0 {
			of[k] = append(of[k], part)
		}
	}
	return of
}

// party adds the columns of one party and the row of their sum, which it returns.
func (r *rounding) party(k int, rest []remainder, x []int64) int {
	total, taken := 0.0, map[int]bool{}
	for _, part := range rest {
		total += part.more
		taken[part.column] = true
	}
	sum := r.row(math.Floor(total+fraction)-play, math.Ceil(total-fraction)+play)
	for _, part := range rest {
		r.column(part.column, 0, 1)
		r.lp.entry(sum, 1)
		r.lp.endColumn()
	}
	for _, j := range r.others(k, x, taken) {
		r.column(j, float64(max(-1, r.face.lower[j]-x[j])), float64(min(1, r.face.upper[j]-x[j])))
		r.lp.entry(sum, 1)
		r.lp.endColumn()
	}
	return sum
}

// others returns columns of a party that may move besides its fractions, those between
// their bounds first.
func (r *rounding) others(k int, x []int64, taken map[int]bool) []int {
	var between, ends []int
	for _, j := range r.face.members[k] {
		switch {
		case taken[j] || !r.face.free(j):
		case r.face.lower[j] < x[j] && x[j] < r.face.upper[j]:
			between = append(between, j)
		default:
			ends = append(ends, j)
		}
	}
	if r.wide > partners {
		between = append(between, ends...)
	} else if len(ends) > 0 {
		r.all = false
	}
	if len(between) > r.wide {
		between, r.all = between[:r.wide], false
	}
	return between
}

// deviate lets the sums miss their bounds, at a price, and says when to stop.
func (r *rounding) deviate(sums []int) {
	dearest := 0.0
	for _, cost := range r.cost {
		dearest = max(dearest, math.Abs(cost))
	}
	r.lp.Gap = max(r.lp.Gap, dearest/16)
	farthest := float64(len(r.columns))
	for _, sum := range sums {
		for _, sign := range []float64{1, -1} {
			r.vary(-max(dearest, 1), 0, farthest)
			r.lp.entry(sum, sign)
			r.lp.endColumn()
		}
	}
}

// column adds a column of the face, its rows, and its range from the point of departure.
func (r *rounding) column(j int, lower, upper float64) {
	r.columns = append(r.columns, j)
	r.vary(r.cost[j], lower, upper)
	for _, t := range r.face.columns[j].terms {
		if r.rowAt[t.at] < 0 {
			bounds, sum := r.face.rows[t.at], r.activity[t.at]
			r.rowAt[t.at] = r.row(distance(bounds.lower, sum, 1, -1), distance(bounds.upper, sum, 1, 1))
		}
		r.lp.entry(r.rowAt[t.at], float64(t.coeff))
	}
}

func (r *rounding) vary(cost, lower, upper float64) {
	r.lp.Cost, r.lp.Lower, r.lp.Upper = append(r.lp.Cost, cost), append(r.lp.Lower, lower), append(r.lp.Upper, upper)
}

func (r *rounding) row(lower, upper float64) int {
	r.lp.RowLower, r.lp.RowUpper = append(r.lp.RowLower, lower), append(r.lp.RowUpper, upper)
	return len(r.lp.RowLower) - 1
}
