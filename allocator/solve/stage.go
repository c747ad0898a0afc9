package solve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity/allocator/certificate"
)

// maxRelaxations bounds the programmes of one aim while cuts are added. Some tens are usual.
const maxRelaxations = 400

// errFractions says that a stage has an optimum and the whole units next to it were not
// found by linear programmes alone.
var errFractions = errors.New("the optimum is not of whole units")

// search looks for the best plan, stage by stage. What a stage leaves to later ones is a
// smaller face where that is exact, and rows otherwise.
type search struct {
	*form
	solver Solver
	face   *face
	x      []int64 // Near the best of the stages so far.
	hints  []hint  // What later proves them, in the order of proofs.
	// branching says that linear programmes alone do not find whole units: then each
	// stage is reached in whole units before the next, by integer programmes.
	branching bool
}

// hint is what a stage found out about its own proof. Prices are those of the problem's
// rows and of cuts, on the face of the stages before.
type hint struct {
	prices, cuts []int64
	whole        bool
	weights      []int64 // By party: maximin and leximin.
	keeps        []int64 // By party: prices of what earlier levels of the stage keep.
	reached      *big.Int
}

func newSearch(f *form, s Solver, branching bool) *search {
	h := &search{form: f.clone(), solver: s, branching: branching}
	h.face = h.open()
	h.x = make([]int64, len(f.columns))
	return h
}

// run reaches stage after stage and then evens out.
func (h *search) run(ctx context.Context) ([]int64, error) {
	for _, st := range h.stages {
		var err error
		switch st.Kind {
		case certificate.Weighted:
			err = h.weighted(ctx, st)
		case certificate.Nash:
			err = h.nash(ctx, st)
		default:
			err = h.levels(ctx, st)
		}
		if ray, none := rayOf(err); none && len(h.rows) == len(h.p.Rows) && len(h.hints) == 0 {
			// Rows that a stage added can have no part in it: its level may be as low as it likes.
			return nil, explain(ctx, h.form, h.solver, ray[:min(len(ray), len(h.rows)+len(h.cuts))])
		} else if none {
			return nil, fmt.Errorf("%w: stage %s holds nothing after those before it, it says", ErrSolver, st.ID)
		}
		if err != nil {
			return nil, err
		}
	}
	x, err := h.finish(ctx)
	if errors.Is(err, errFractions) && !h.branching && h.level() {
		h.branching = true
		if len(h.stages) == 1 && len(h.p.Limits) == 0 {
			return h.branch(ctx) // Linear programmes would find the same fractions again.
		}
		return h.finish(ctx)
	}
	return x, err
}

// level tells whether stages and what is yes or no leave nothing to branching but the last
// units: levels are the same with it.
func (h *search) level() bool {
	return !slices.ContainsFunc(h.columns, func(c column) bool { return c.isSwitch() && c.lower < c.upper }) &&
		!slices.ContainsFunc(h.stages, func(s stage) bool { return s.Kind != certificate.Maximin && s.Kind != certificate.Leximin })
}

// whole returns whole units of the face that are best by its curves and keep all limits.
func (h *search) whole(ctx context.Context) ([]int64, error) {
	x := slices.Clone(h.x)
	whole, rest, err := h.face.even(ctx, h.solver, x)
	h.gather()
	if err != nil && (len(h.p.Limits) == 0 || ctx.Err() != nil) {
		return nil, err
	}
	if err == nil && whole && h.face.holds(x) {
		even := slices.Clone(x)
		if h.face.nash == nil {
			h.face.exchange(even)
		}
		for _, units := range [][]int64{even, x} {
			if certificate.Feasible(h.p, h.units(units)) == nil {
				return units, nil
			}
		}
	}
	if rounded, ok, err := h.rounded(ctx, x, rest); ok || err != nil {
		return rounded, err
	}
	if len(h.p.Limits) == 0 {
		return nil, errFractions
	}
	if x, err = h.inward(ctx, floats(x)); err != nil {
		return nil, err
	}
	return h.near(ctx, x)
}

// cutting solves a programme, and once more with the cuts that matter if its answer breaks
// a limit. It returns a point that keeps all limits; prices are those of the last answer.
func (f *form) cutting(solve func() (point []float64, err error)) ([]float64, error) {
	point, err := solve()
	if err != nil || !f.breaks(point[:len(f.columns)]) {
		return point, err
	}
	f.extended = true
	within, err := solve()
	f.extended = false
	f.gather()
	if _, none := rayOf(err); err != nil && !none {
		return nil, err
	}
	if _, again := solve(); again != nil {
		return nil, again
	}
	return within, err
}

// weighted reaches the greatest sum.
func (h *search) weighted(ctx context.Context, st stage) error {
	h.aim(st)
	var w worth
	inner, err := h.cutting(func() (point []float64, err error) {
		w, err = bestWorth(ctx, h.face, h.solver, h.x)
		return w.point, err
	})
	if err != nil {
		return err
	}
	h.hints = append(h.hints, hint{prices: h.own(w.prices), cuts: w.cuts, whole: w.whole})
	if st.Slack.Sign() == 0 && !anyPrice(w.cuts) && !h.branching {
		h.face, h.x = h.face.best(w), w.start
		return nil
	}
	w.point = inner
	return h.reach(ctx, st, w)
}

// reach finds whole units that reach a weighted stage and keeps what they are worth, less
// the stage's slack.
func (h *search) reach(ctx context.Context, st stage, w worth) error {
	x, err := []int64(nil), errFractions
	if !anyPrice(w.cuts) {
		inner := *h
		inner.face, inner.x = h.face.best(w), w.start
		x, err = inner.whole(ctx)
	}
	if errors.Is(err, errFractions) && (!h.branching || anyPrice(w.cuts)) {
		x, err = h.inward(ctx, w.point)
	}
	if err == nil && len(h.p.Limits) > 0 && !st.near(w.point, x) || errors.Is(err, errFractions) {
		x, err = h.better(ctx, st, w.start, x)
	}
	if err != nil {
		return err
	}
	reached := st.worth(x)
	h.hints[len(h.hints)-1].reached = reached
	share := new(big.Rat).Mul(st.Slack.Big(), new(big.Rat).SetInt(new(big.Int).Abs(reached)))
	share.Sub(new(big.Rat).SetInt(reached), share)
	h.x = x
	return h.keep(row{terms: st.terms(), lower: ceil(share), at: -1})
}

// keep adds a row that later stages obey.
func (h *search) keep(r row) error {
	if r.lower == nil {
		return fmt.Errorf("%w: what a stage has to keep exceeds 2^63; round its measure to fewer digits", ErrTooLarge)
	}
	sum := new(big.Int)
	for _, t := range r.terms {
		c := h.columns[t.at]
		end := new(big.Int).SetUint64(max(size(c.lower), size(c.upper)))
		sum.Add(sum, end.Mul(end, new(big.Int).SetUint64(size(t.coeff))))
	}
	if sum.Cmp(big.NewInt(maxSum)) > 0 {
		return fmt.Errorf("%w: a stage before others can be worth %s, at most 2^61 is computed with; round its measure to fewer digits", ErrTooLarge, sum)
	}
	h.add(r)
	h.face.rows = append(h.face.rows, r)
	return nil
}

// levels reaches a maximin or leximin stage.
func (h *search) levels(ctx context.Context, st stage) error {
	kept := make([]float64, len(h.need)) // NaN until settled.
	for k := range kept {
		kept[k] = math.NaN()
	}
	reached := make([]float64, len(h.need))
	slack, _ := st.Slack.Big().Float64()
	for left := len(h.need); left > 0; {
		var l level
		point, err := h.cutting(func() (point []float64, err error) {
			l, err = h.face.raise(ctx, h.solver, st, h.x, kept)
			return l.point, err
		})
		if err != nil {
			return err
		}
		h.hints = append(h.hints, hint{prices: h.own(l.prices), cuts: l.cuts, weights: l.weights, keeps: l.keeps})
		h.x = h.face.near(point)
		if st.Kind == certificate.Maximin {
			for k := range kept {
				reached[k] = l.at
			}
			break
		}
		for _, k := range l.settled {
			reached[k] = l.at
			kept[k] = (l.at - float64(slack*math.Abs(l.at))) * float64(st.per[k])
			left--
		}
		h.hold(l, slack)
	}
	for k := range h.need {
		if err := h.keep(h.face.keepRow(st, k, reached[k])); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps tight the rows that a level of a leximin stage has a price on, as far as whole
// units can: what settled parties share stays theirs.
func (h *search) hold(l level, slack float64) {
	if slack != 0 {
		return
	}
	largest := int64(0)
	for _, y := range l.prices {
		largest = max(largest, y, -y)
	}
	for i, y := range l.prices {
		if max(y, -y) < largest>>floatBits || i >= len(h.p.Rows) {
			continue
		}
		r := &h.face.rows[i]
		room := int64(0)
		for _, t := range r.terms {
			if c := max(t.coeff, -t.coeff); c > 1 {
				room = max(room, c)
			}
		}
		if y > 0 {
			end := *r.upper - room
			if r.lower == nil || *r.lower < end {
				r.lower = &end
			}
		} else if y < 0 {
			end := *r.lower + room
			if r.upper == nil || *r.upper > end {
				r.upper = &end
			}
		}
	}
}

// own returns the prices of the problem's own rows.
func (h *search) own(prices []int64) []int64 { return prices[:len(h.p.Rows)] }

// worth is the sum of a stage's costs times units.
func (s stage) worth(x []int64) *big.Int {
	sum, t := new(big.Int), new(big.Int)
	for j, cost := range s.costs {
		sum.Add(sum, t.Mul(t.SetInt64(cost), big.NewInt(x[j])))
	}
	return sum
}

func (s stage) terms() []term {
	var list []term
	for j, cost := range s.costs {
		if cost != 0 {
			list = append(list, term{j, cost})
		}
	}
	return list
}

// ceil returns the next whole number, nil if 64 bits do not hold it.
func ceil(x *big.Rat) *int64 {
	up := new(big.Int).Neg(x.Num())
	up.Neg(up.Div(up, x.Denom()))
	if !up.IsInt64() {
		return nil
	}
	v := up.Int64()
	return &v
}
