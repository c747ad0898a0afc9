package sortition

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity/allocator/solve"
	"comity/exact"
	"comity/governor/jury"
)

// tiny is below what a price or an expected number means: the solver's tolerance is
// 1e-9, and its errors add up over a row.
const tiny = 1e-7

// maxSlack bounds how far rows are moved apart against rounding.
const maxSlack = 1e-6

// levels computes leximin over all expected numbers of members that obey the rows,
// whether or not panels add up to them: an upper bound at every level, in exact numbers.
// Usually panels do add up to them, and then this is the answer with its proof.
//
// Level by level it maximises z with y_g = n_g z + s_g, s_g >= 0 for the groups that are
// left: few rows, and one new column a level, for the step by which z rises. That
// y_g <= n_g joins as a row where it is broken.
type levels struct {
	space   *space
	session Session
	chance  []*big.Rat // Of settled groups; nil for those that are left.
	float   []float64  // The same.
	capRow  []int      // Row of y_g <= n_g, or -1.
	rows    int
	steps   []float64 // By which z rose, of each level; their columns follow those of the groups.
	fixed   [][]int64 // Their coefficients in the rows of the space.
	slack   float64   // By which the bounds of rows are apart.
	out     []jury.Level

	actual []*big.Rat // Chances of a lottery, whose bounds are asked for; nil for the best ones.
	rest   []float64  // Then s_g of settled groups.
	only   []bool     // Groups that count.
}

// relax runs the levels until all groups are settled, or with zero set those only that
// settle groups at 0: nobody can draw them.
func relax(ctx context.Context, s *space, open Engine, zero bool) (*levels, error) {
	l, err := newLevels(ctx, s, open)
	if err != nil {
		return nil, err
	}
	defer l.session.Close(ctx) //nolint:errcheck // Its memory is gone either way.
	for slices.Contains(l.chance, nil) {
		if err := l.next(ctx); err != nil {
			return nil, err
		}
		if zero && l.undo() {
			break
		}
	}
	return l, nil
}

func newLevels(ctx context.Context, s *space, open Engine) (*levels, error) {
	session, err := open(ctx, s.programme(false))
	if err != nil {
		return nil, err
	}
	return &levels{
		space: s, session: session, chance: make([]*big.Rat, len(s.sizes)), float: make([]float64, len(s.sizes)),
		capRow: slices.Repeat([]int{-1}, len(s.sizes)), rows: len(s.lower), rest: make([]float64, len(s.sizes)),
		only: slices.Repeat([]bool{true}, len(s.sizes)),
	}, nil
}

// reached returns levels that bound the chances of a lottery, each for the chances of
// the groups settled before as they are: of all groups, or of those without any chance.
func reached(ctx context.Context, s *space, open Engine, actual []*big.Rat, zero bool) ([]jury.Level, error) {
	l, err := newLevels(ctx, s, open)
	if err != nil {
		return nil, err
	}
	defer l.session.Close(ctx) //nolint:errcheck // Its memory is gone either way.
	l.actual = actual
	for g, z := range actual {
		l.only[g] = !zero || z.Sign() == 0
	}
	for l.least() != nil {
		if err := l.next(ctx); err != nil {
			return nil, err
		}
	}
	return l.out, nil
}

// least returns the least actual chance of the groups that are left and count.
func (l *levels) least() (least *big.Rat) {
	for g, z := range l.actual {
		if l.chance[g] == nil && l.only[g] && (least == nil || z.Cmp(least) < 0) {
			least = z
		}
	}
	return least
}

// next solves one level and settles at least one group.
func (l *levels) next(ctx context.Context) error {
	if err := l.column(ctx); err != nil {
		return err
	}
	for {
		found, err := l.session.Run(ctx)
		if err != nil {
			return err
		}
		if found.Status != solve.Optimal {
			if err := l.widen(ctx); err != nil {
				return err
			}
			continue
		}
		capped, err := l.caps(ctx, found.Primal)
		if err != nil {
			return err
		}
		if !capped {
			return l.settle(found)
		}
	}
}

// undo takes back a level above 0 and tells whether it was one.
func (l *levels) undo() bool {
	last := l.out[len(l.out)-1]
	if last.Bound.Sign() == 0 {
		return false
	}
	for _, g := range last.Groups {
		l.chance[g] = nil
	}
	l.out = l.out[:len(l.out)-1]
	return true
}

// widen moves the bounds of all rows apart a little where the solver finds no point any
// more: after the first level there is one, but for rounding. Prices prove what they
// prove all the same.
func (l *levels) widen(ctx context.Context) error {
	if len(l.out) == 0 || l.slack > maxSlack {
		return fmt.Errorf("%w: no expected numbers of members obey the quotas", jury.ErrQuotas)
	}
	l.slack = max(tiny/100, 4*l.slack)
	var rows []int32
	var low, high []float64
	for r := range l.space.lower {
		a, b := l.space.row(r)
		rows, low, high = append(rows, int32(r)), append(low, a-l.slack), append(high, b+l.slack)
	}
	return l.session.SetRows(ctx, rows, low, high)
}

// column fixes the old step of z, takes the settled groups out and adds a new step: what
// was reached stays a feasible point, from which the solver goes on.
func (l *levels) column(ctx context.Context) error {
	s := l.space
	step := make([]float64, l.rows)
	high, low := slices.Clone(l.rest), slices.Clone(l.rest)
	for g, size := range s.sizes {
		if l.chance[g] != nil {
			continue
		}
		high[g] = float64(size)
		if !l.only[g] {
			continue
		}
		for _, t := range s.terms[g] {
			step[t.row] += float64(size * t.count)
		}
		if l.capRow[g] >= 0 {
			step[l.capRow[g]] = float64(size)
		}
	}
	if err := l.session.SetColumns(ctx, 0, make([]float64, len(high)), low, high); err != nil {
		return err
	}
	if k := len(l.steps); k > 0 {
		at := []float64{l.steps[k-1]}
		if err := l.session.SetColumns(ctx, len(high)+k-1, []float64{0}, at, at); err != nil {
			return err
		}
	}
	lp := solve.LP{Cost: []float64{1}, Lower: []float64{0}, Upper: []float64{1}, Start: []int32{0, 0}}
	for r, v := range step {
		if v != 0 {
			lp.Index, lp.Value = append(lp.Index, int32(r)), append(lp.Value, v)
		}
	}
	lp.Start[1] = int32(len(lp.Index)) //nolint:gosec // Few rows.
	l.steps = append(l.steps, 0)
	fixed := make([]int64, len(s.lower))
	for r := range fixed {
		fixed[r] = int64(step[r])
	}
	l.fixed = append(l.fixed, fixed)
	return l.session.AddColumns(ctx, lp)
}

// caps adds the rows y_g <= n_g that a point breaks, and tells whether there were any.
func (l *levels) caps(ctx context.Context, point []float64) (added bool, err error) {
	z := 0.0
	var columns []int32
	for k := range l.steps {
		l.steps[k] = point[len(l.float)+k]
		z += l.steps[k]
		columns = append(columns, int32(len(l.float)+k)) //nolint:gosec // Below MaxPool.
	}
	for g, size := range l.space.sizes {
		n := float64(size)
		if l.chance[g] != nil || l.capRow[g] >= 0 || !l.only[g] || point[g]+n*z <= n+tiny {
			continue
		}
		values := append(slices.Repeat([]float64{n}, len(columns)), 1)
		if err := l.session.AddRow(ctx, append(slices.Clone(columns), int32(g)), values, math.Inf(-1), n); err != nil {
			return false, err
		}
		l.capRow[g] = l.rows
		l.rows++
		added = true
	}
	return added, nil
}

// settle makes exact prices of a level's prices, and settles the groups that have one.
func (l *levels) settle(found solve.Solution) error {
	s := l.space
	prices := slices.Clone(found.Dual[:len(s.lower)])
	capped := make([]float64, len(s.sizes))
	greatest := 0.0
	for g, row := range l.capRow {
		if row >= 0 && l.chance[g] == nil {
			capped[g] = max(0, found.Dual[row])
		}
	}
	for _, v := range slices.Concat(prices, capped) {
		greatest = max(greatest, math.Abs(v))
	}
	if l.reached() >= 1-tiny { // Everybody who is left is certain.
		greatest, prices = 1, make([]float64, len(prices))
		for g := range capped {
			capped[g] = 0
			if l.chance[g] == nil {
				capped[g] = 1
			}
		}
	}
	if greatest == 0 {
		return fmt.Errorf("%w: a level of chances without prices", solve.ErrSolver)
	}
	all := append(slices.Clone(prices), capped...)
	weight := l.weights(prices, capped)
	whole, simple := wholes(all, greatest)
	if !simple {
		if exact := l.balanced(all, weight, greatest); exact != nil {
			whole = exact
		}
	}
	level, price, err := l.prove(whole[:len(prices)], whole[len(prices):])
	if err != nil {
		return err
	}
	value, _ := level.Bound.Big().Float64()
	for g := range price {
		if l.chance[g] == nil && price[g] > 0 && weight[g] > tiny*greatest && l.only[g] {
			level.Groups = append(level.Groups, g)
		}
	}
	if len(level.Groups) == 0 {
		return fmt.Errorf("%w: a level of chances that settles nobody", solve.ErrSolver)
	}
	level.Chance = level.Bound
	if l.actual != nil {
		level.Chance = exact.FromBig(l.least())
		l.stay(level)
	} else {
		for _, g := range level.Groups {
			l.chance[g], l.float[g] = level.Bound.Big(), value
		}
	}
	l.out = append(l.out, level)
	return nil
}

// stay settles the groups of a level at what they have, and takes z back to the least
// chance of the level.
func (l *levels) stay(level jury.Level) {
	least, _ := l.least().Float64()
	l.steps[len(l.steps)-1] += least - l.reached()
	for _, g := range level.Groups {
		l.chance[g] = l.actual[g]
		l.float[g], _ = l.actual[g].Float64()
		l.rest[g] = max(0, (l.float[g]-least)*float64(l.space.sizes[g]))
	}
}

// weights returns the price of each group that is left.
func (l *levels) weights(prices, capped []float64) []float64 {
	weight := slices.Clone(capped)
	for g, terms := range l.space.terms {
		if l.chance[g] != nil {
			weight[g] = 0
			continue
		}
		for _, t := range terms {
			weight[g] += prices[t.row] * float64(t.count)
		}
	}
	return weight
}

// balanced returns prices in whole numbers, of rows and then of caps, for which exactly
// those groups weigh 0 that do so up to rounding: as a rule this leaves one direction.
// It returns nil if it does not.
func (l *levels) balanced(prices, weight []float64, greatest float64) []int64 {
	rows := len(l.space.lower)
	unknown := make([]int, len(prices)) // 1 and up, 0 for prices of 0.
	var at []int
	for k, v := range prices {
		if math.Abs(v) > tiny*greatest {
			at = append(at, k)
			unknown[k] = len(at)
		}
	}
	e := newElimination(len(at))
	for g, w := range weight {
		if l.chance[g] != nil || math.Abs(w) > tiny*greatest {
			continue
		}
		row := make([]int64, len(at))
		for _, t := range l.space.terms[g] {
			if k := unknown[t.row]; k > 0 {
				row[k-1] = t.count
			}
		}
		if k := unknown[rows+g]; k > 0 {
			row[k-1] = 1
		}
		e.add(row)
	}
	// A fixed step of z may be in the solver's basis, too: then it has no price either.
	for _, step := range l.fixed {
		row, worth := make([]int64, len(at)), 0.0
		for k, price := range at {
			if price < rows {
				row[k] = step[price]
			} else {
				row[k] = l.space.sizes[price-rows]
			}
			worth += prices[price] * float64(row[k])
		}
		if math.Abs(worth) <= tiny*greatest {
			e.add(row)
		}
	}
	direction := e.direction()
	if direction == nil {
		return nil
	}
	whole := make([]int64, len(prices))
	turn := int64(1)
	if (direction[0] < 0) != (prices[at[0]] < 0) {
		turn = -1
	}
	for k, v := range direction {
		whole[at[k]] = turn * v
	}
	return whole
}

// prove returns the level that prices prove, and the price of each group.
func (l *levels) prove(prices, caps []int64) (level jury.Level, price []int64, err error) {
	s := l.space
	price = slices.Clone(caps)
	rest := int64(0)
	for r, y := range prices {
		if s.lower[r] == loose {
			y = max(y, 0)
			prices[r] = y
		}
		if y == 0 {
			continue
		}
		level.Prices = append(level.Prices, jury.Price{At: r, Value: y})
		if y > 0 {
			rest += y * s.upper[r]
		} else {
			rest += y * s.lower[r]
		}
	}
	weight := int64(0)
	bound := new(big.Rat)
	settled := map[*big.Rat]int64{} // Groups of one level share a value; sum them first.
	var order []*big.Rat
	for g, size := range s.sizes {
		for _, t := range s.terms[g] {
			price[g] += prices[t.row] * t.count
		}
		if z := l.chance[g]; z != nil {
			if _, ok := settled[z]; !ok {
				order = append(order, z)
			}
			settled[z] += price[g] * size
			continue
		}
		if price[g] < 0 { // Rounding only: a cap brings it to 0.
			caps[g] -= price[g]
			price[g] = 0
		}
		if caps[g] > 0 {
			level.Caps = append(level.Caps, jury.Price{At: g, Value: caps[g]})
			rest += caps[g] * size
		}
		weight += price[g] * size
	}
	if weight == 0 {
		return level, nil, fmt.Errorf("%w: prices of a level that weigh nobody", solve.ErrSolver)
	}
	bound.SetInt64(rest)
	for _, z := range order {
		bound.Sub(bound, new(big.Rat).Mul(z, new(big.Rat).SetInt64(settled[z])))
	}
	bound.Quo(bound, new(big.Rat).SetInt64(weight))
	level.Bound = exact.FromBig(bound)
	return level, price, nil
}

// reached is z.
func (l *levels) reached() float64 {
	z := 0.0
	for _, step := range l.steps {
		z += step
	}
	return z
}

// expected returns the exact expected number of members of each group, once all are
// settled.
func (l *levels) expected() []*big.Rat {
	out := make([]*big.Rat, len(l.chance))
	for g, z := range l.chance {
		out[g] = new(big.Rat).Mul(z, new(big.Rat).SetInt64(l.space.sizes[g]))
	}
	return out
}
