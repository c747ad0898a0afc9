package solve

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
)

const (
	// maxTangents bounds the programmes that make one point keep a jain limit. Each
	// quarters how far the limit is missed; a dozen are usual.
	maxTangents = 40
	// tangentNoise is the share by which a square may be missed: below cutNoise.
	tangentNoise = 5e-8
	// maxEven bounds the parties for whom each programme of evening out holds limits exactly.
	// With more one such programme takes seconds, and there are dozens.
	maxEven = 64
	// idle is the share of the largest price below which a limit has none.
	idle = 1e-11
)

// spread is where the columns of a programme stand: each present value, the programme's
// column for it, -1 where it does not move, and how many units one move is.
type spread struct {
	x       []int64
	columns []int
	steps   []float64
}

// spread describes a relaxation around x.
func (r *relaxation) spread(x []int64) spread {
	at := spread{x: x}
	for j := range x {
		at.columns = append(at.columns, j)
		at.steps = append(at.steps, math.Ldexp(1, r.columns[j]))
	}
	return at
}

// spread describes a model around x.
func (m *model) spread(x []int64) spread {
	at := spread{x: x, columns: slices.Repeat([]int{-1}, len(x)), steps: slices.Repeat([]float64{float64(m.step)}, len(x))}
	for i, j := range m.columns {
		at.columns[j] = i
	}
	return at
}

// point returns the values that moves lead to.
func (s spread) point(primal []float64) []float64 {
	point := make([]float64, len(s.x))
	for j, x := range s.x {
		point[j] = float64(x)
		if s.columns[j] >= 0 {
			point[j] += float64(s.steps[j] * primal[s.columns[j]])
		}
	}
	return point
}

// extension is a programme with columns and rows that hold limits exactly. Cuts in the
// columns of a problem alone describe a limit badly: one of 31 parties has more faces
// than can be listed. With a few columns more it has few: this is called an extended
// formulation. The prices of its rows sum up to the one cut that matters.
type extension struct {
	*relaxation
	form          *form
	columns, rows int // Of the programme without it.
	limits        []extended
}

// extended is one limit. What parties are served counts in moves from the present.
type extended struct {
	limit  int
	served []float64 // At present, by party,
	all    float64   // and in sum.
	first  int       // Column and
	row    int       // row of what the first party is served more; others follow,
	sum    int       // and then the column and row of their sum.
	rowSum int
	last   int // The row of the limit.
	square int // For jain: the column of the first party's square.
}

// within solves a programme so that the answer keeps all limits, and returns the cuts that
// hold the answer back.
func (f *form) within(ctx context.Context, s Solver, lp LP, at spread, purpose string) (Solution, []comity.Cut, error) {
	e := &extension{relaxation: &relaxation{lp: lp}, form: f, columns: len(lp.Cost), rows: len(lp.RowLower)}
	for j := range lp.Cost {
		var entries []entry
		for k := lp.Start[j]; k < lp.Start[j+1]; k++ {
			entries = append(entries, entry{int(lp.Index[k]), lp.Value[k]})
		}
		e.entries = append(e.entries, entries)
	}
	largest := 1.0
	for _, c := range lp.Cost {
		largest = max(largest, math.Abs(c))
	}
	shift := max(0, exponent(largest)-floatBits) // A logarithm is steep far below the present.
	e.lp.Cost = make([]float64, len(lp.Cost))
	for j, c := range lp.Cost {
		e.lp.Cost[j] = math.Ldexp(c, -shift)
	}
	e.lp.Lower, e.lp.Upper = slices.Clip(lp.Lower), slices.Clip(lp.Upper)
	e.lp.RowLower, e.lp.RowUpper = slices.Clip(lp.RowLower), slices.Clip(lp.RowUpper)
	e.lp.Start, e.lp.Index, e.lp.Value, e.lp.From = nil, nil, nil, nil
	for _, l := range f.order.limits {
		e.add(l, at)
	}
	var solution Solution
	for round := range maxTangents {
		next, err := ask(ctx, s, e.programme(), purpose)
		if round > 0 && ctx.Err() == nil && (err != nil || next.Status != Optimal) {
			break // Tangents too close for the solver: the last answer misses by little.
		}
		if err != nil {
			return next, nil, err
		}
		solution = next
		if solution.Status == NoSolution {
			return solution, e.cuts(solution.Ray), nil
		}
		if len(solution.Primal) != len(e.lp.Cost) || len(solution.Dual) != len(e.lp.RowLower) || !e.bend(solution.Primal) {
			break
		}
	}
	var cuts []comity.Cut
	if len(solution.Primal) == len(e.lp.Cost) && len(solution.Dual) >= e.rows {
		cuts, solution.Basis = e.cuts(solution.Dual), nil
		solution.Primal, solution.Dual = solution.Primal[:e.columns], solution.Dual[:e.rows]
		for i := range solution.Dual {
			solution.Dual[i] = math.Ldexp(solution.Dual[i], shift)
		}
	}
	return solution, cuts, nil
}

// ask solves a programme, and holds limits exactly if the form says so.
func (f *form) ask(ctx context.Context, s Solver, lp LP, at spread, purpose string) (Solution, error) {
	if f.extended {
		solution, cuts, err := f.within(ctx, s, lp, at, purpose)
		f.found = append(f.found, cuts...)
		return solution, err
	}
	return ask(ctx, s, lp, purpose)
}

// keeping solves a programme, and once more if the answer breaks a limit.
func (f *form) keeping(ctx context.Context, s Solver, lp LP, at spread, purpose string) (Solution, error) {
	solution, err := ask(ctx, s, lp, purpose)
	if err != nil || solution.Status != Optimal || len(solution.Primal) != len(lp.Cost) ||
		len(f.need) > maxEven || !f.breaks(at.point(solution.Primal)) {
		return solution, err
	}
	kept, cuts, err := f.within(ctx, s, lp, at, purpose)
	f.found = append(f.found, cuts...)
	if err != nil && ctx.Err() == nil {
		return Solution{Status: NoSolution}, nil // The search ends where it stands.
	}
	return kept, err
}

// gather makes cuts that were found part of the programmes to come.
func (f *form) gather() {
	for _, c := range f.found {
		f.learn(c)
	}
	f.found = nil
}

// add adds a limit: what each party is served, the sum, and the limit itself.
func (e *extension) add(l int, at spread) {
	f := e.form
	limit := f.p.Limits[l]
	x := make([]float64, len(f.need))
	largest := 0.0
	for k, from := range f.order.parties {
		for _, j := range f.members[k] {
			x[k] += float64(at.x[j])
			if at.columns[j] >= 0 {
				largest = max(largest, at.steps[j]/float64(limit.Per[from]))
			}
		}
	}
	if largest == 0 {
		return
	}
	x, all := f.served(limit, x)
	t := extended{limit: l, served: x, all: all / largest, first: len(e.lp.Cost), row: len(e.lp.RowLower)}
	for k := range x {
		x[k] /= largest
		column, row := e.more(x[k]), e.row(0, 0)
		e.enter(column, row, 1)
		for _, j := range f.members[k] {
			if at.columns[j] >= 0 {
				e.enter(at.columns[j], row, -at.steps[j]/float64(limit.Per[f.order.parties[k]])/largest)
			}
		}
	}
	t.sum, t.rowSum = e.more(t.all), e.row(0, 0)
	e.enter(t.sum, t.rowSum, 1)
	for k := range x {
		e.enter(t.first+k, t.rowSum, -1)
	}
	bound, _ := limit.Bound.Big().Float64()
	if bound *= float64(len(x)); limit.Kind == certificate.LimitGini {
		e.ranks(&t, bound)
	} else {
		e.squares(&t, bound)
	}
	e.limits = append(e.limits, t)
}

// more adds a column for how much more than at present something is that is never below 0.
// Its lower bound is below that, so that it has no price.
func (e *extension) more(present float64) int {
	return e.column(0, -present-1, math.Inf(1))
}

// ranks holds a gini limit: Σ (2i-n-1)·uᵢ <= bound·S, where u are sorted by a network of
// comparisons, each of which gives two columns: one at least as large as both that it
// compares, and the rest. If the sum holds for such columns it holds for the sorted ones.
// The network is Batcher's (Knuth, "The Art of Computer Programming", volume 3, section
// 5.2.2, algorithm M), so that columns grow with n·(log n)² and not with n².
func (e *extension) ranks(t *extended, bound float64) {
	n := len(t.served)
	wire, value := make([]int, n), slices.Clone(t.served)
	for k := range wire {
		wire[k] = t.first + k
	}
	half := 1 << bits.Len(uint(n-1)) / 2 // 0 for one party: nothing to compare.
	for p := half; p > 0; p /= 2 {
		for q, r, d := half, 0, p; ; q, r, d = q/2, p, q-p {
			for i := 0; i+d < n; i++ {
				if i&p == r {
					e.compare(wire, value, i, i+d)
				}
			}
			if q == p {
				break
			}
		}
	}
	end := bound * t.all
	for i, v := range value {
		end -= float64(float64(2*(i+1)-n-1) * v)
	}
	t.last = e.row(math.Inf(-1), end)
	for i, column := range wire {
		e.enter(column, t.last, float64(2*(i+1)-n-1))
	}
	e.enter(t.sum, t.last, -bound)
}

// compare puts the smaller of two wires first.
func (e *extension) compare(wire []int, value []float64, a, b int) {
	top := max(value[a], value[b])
	low, high := e.more(min(value[a], value[b])), e.more(top)
	rest := e.row(0, 0)
	for i, from := range []int{wire[a], wire[b]} {
		row := e.row([]float64{value[a], value[b]}[i]-top, math.Inf(1))
		e.enter(high, row, 1)
		e.enter(from, row, -1)
		e.enter(from, rest, -1)
	}
	e.enter(low, rest, 1)
	e.enter(high, rest, 1)
	wire[a], wire[b] = low, high
	value[a], value[b] = min(value[a], value[b]), top
}

// squares holds a jain limit: Σ u²/S <= S/bound, where a party's square has a column that
// lies above tangents, 2a·u - a²·S for any a.
func (e *extension) squares(t *extended, bound float64) {
	end := t.all / bound
	t.square = len(e.lp.Cost)
	for _, u := range t.served {
		square := 0.0
		if t.all > 0 {
			square = u / t.all * u
		}
		e.more(square)
		end -= square
	}
	t.last = e.row(math.Inf(-1), end)
	e.enter(t.sum, t.last, -1/bound)
	for k := range t.served {
		e.enter(t.square+k, t.last, 1)
		// No party has a larger part of the sum than 1/√bound.
		for _, part := range []float64{0, 0.125, 0.25, 0.5, 0.75, 1} {
			e.tangent(t, k, part/math.Sqrt(bound))
		}
	}
}

func (e *extension) tangent(t *extended, k int, a float64) {
	missed := 0.0
	if t.all > 0 {
		missed = (t.served[k] - a*t.all) / t.all * (t.served[k] - a*t.all)
	}
	row := e.row(-missed, math.Inf(1))
	e.enter(t.square+k, row, 1)
	e.enter(t.first+k, row, -2*a)
	e.enter(t.sum, row, float64(a*a))
}

// bend adds a tangent wherever a point lies below a square, and tells whether it did.
func (e *extension) bend(primal []float64) bool {
	bent := false
	for i := range e.limits {
		t := &e.limits[i]
		all := t.all + primal[t.sum]
		if e.form.p.Limits[t.limit].Kind != certificate.LimitJain || all <= float64(tangentNoise*max(1, t.all)) {
			continue
		}
		for k, u := range t.served {
			square := primal[t.square+k]
			if t.all > 0 {
				square += u / t.all * u
			}
			if u += primal[t.first+k]; u/all*u-square > tangentNoise*all/float64(len(t.served)) {
				e.tangent(t, k, min(max(0, u/all), 1))
				bent = true
			}
		}
	}
	return bent
}

// cuts returns the cut of each limit that has a price. The prices of all its rows together
// are a number for each party times what it is served, less one times the sum.
func (e *extension) cuts(prices []float64) []comity.Cut {
	var list []comity.Cut
	if len(prices) > len(e.lp.RowLower) {
		return nil
	}
	// A last tangent was added after the last answer: it has no price.
	prices = append(slices.Clone(prices), make([]float64, len(e.lp.RowLower)-len(prices))...)
	largest := 0.0
	for _, y := range prices {
		largest = max(largest, math.Abs(y))
	}
	for _, t := range e.limits {
		price := prices[t.last]
		if math.Abs(price) <= float64(idle*largest) {
			continue
		}
		vector := make([]float64, len(t.served))
		for k := range vector {
			vector[k] = (prices[t.rowSum] - prices[t.row+k]) / price
		}
		c := comity.Cut{Limit: t.limit, Vector: make([]canon.Int, len(vector))}
		for k, v := range e.form.whole(t.limit, vector) {
			c.Vector[e.form.order.parties[k]] = canon.Int(v)
		}
		list = append(list, c)
	}
	return list
}

// whole rounds the vector of a cut.
func (f *form) whole(limit int, vector []float64) []int64 {
	list := make([]int64, len(vector))
	if f.p.Limits[limit].Kind == certificate.LimitJain {
		largest := 0.0
		for _, v := range vector {
			largest = max(largest, math.Abs(v))
		}
		for k, v := range vector {
			list[k] = int64(math.Round(math.Ldexp(v/largest, certificate.RankBits)))
		}
		return list
	}
	order := make([]int, len(vector))
	for k, v := range vector {
		order[k], list[k] = k, int64(math.Floor(math.Ldexp(v, certificate.RankBits)))
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[b], list[a]) })
	total := int64(0)
	for i, k := range order {
		most := int64((i+1)*(len(order)-i-1)) << certificate.RankBits
		list[k] -= max(0, total+list[k]-most) // What prices miss by rounding.
		total += list[k]
	}
	return list
}
