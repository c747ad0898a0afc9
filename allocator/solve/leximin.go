package solve

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity/allocator/certificate"
)

const (
	// settles is the share of a level's price above which a party is held down by it: a
	// hundred times the solver's tolerance.
	settles = 1e-7
	// levelNoise is the part of a unit by which a level in floating point may miss the
	// whole number that it is.
	levelNoise = 1e-6
	// weightBits is about the size of the weights and prices of a level before the
	// latter get their binary fraction.
	weightBits = 41
	// costBits is the size of the largest cost that package program writes.
	costBits = 40
)

// level is the outcome of one round of a maximin or leximin stage: no plan lifts all its
// parties higher.
type level struct {
	stage   stage
	at      float64 // Worth over size of the parties that it settles.
	settled []int   // Parties.
	weights []int64 // By party.
	prices  []int64 // Of the form's rows, times 2^certificate.PriceBits.
	cuts    []int64 // Of its cuts.
	keeps   []int64 // By party: price of what an earlier level of the stage keeps.
	point   []float64
}

// levelProgramme is the programme of a level.
type levelProgramme struct {
	*relaxation
	unit     []float64 // By party: its rows are divided by it.
	level    int       // The level's column,
	scale    int       // in steps of 2^-scale.
	firstRow int       // Of the parties.
}

// raise lifts the least of the parties that are not settled as high as the face and what
// the settled ones have, by party, allow.
func (fc *face) raise(ctx context.Context, s Solver, st stage, x []int64, kept []float64) (level, error) {
	r := fc.levelProgramme(st, x, kept)
	a, err := fc.solve(ctx, s, r.relaxation, x, "raise the least of stage "+st.ID)
	if err != nil {
		return level{}, err
	}
	if a.basis != nil {
		fc.from = a.basis
	}
	l := level{stage: st, at: math.Ldexp(a.point[r.level], -r.scale), point: a.point}
	return l, fc.price(&l, a.prices, r, kept)
}

func (fc *face) levelProgramme(st stage, x []int64, kept []float64) *levelProgramme {
	r := fc.relax(x)
	clear(r.lp.Cost)
	r.costShift = 0
	// The level counts in steps of 2^scale, so that the parties' sizes over the cost of a
	// unit, in moves, are at most about 1.
	scale := math.MinInt
	unit := make([]float64, len(fc.need))
	for k, members := range fc.members {
		for _, j := range members {
			unit[k] = max(unit[k], math.Abs(float64(st.costs[j])))
		}
		unit[k] = max(unit[k], 1)
		_, e := math.Frexp(math.Ldexp(float64(st.per[k])/unit[k], -r.unitShift))
		scale = max(scale, e)
	}
	t := r.column(1, math.Inf(-1), math.Inf(1))
	first := len(r.lp.RowLower)
	for k, members := range fc.members {
		worth := 0.0
		for _, j := range members {
			worth += float64(float64(st.costs[j]) * float64(x[j]))
		}
		least := -worth
		if !math.IsNaN(kept[k]) {
			least += kept[k]
		} else if st.Kind == certificate.Nash {
			least += float64(st.outside[k])
		}
		at := r.row(math.Ldexp(least/unit[k], -r.unitShift), math.Inf(1))
		for _, j := range members {
			r.enter(j, at, float64(st.costs[j])/unit[k])
		}
		if math.IsNaN(kept[k]) {
			r.enter(t, at, -math.Ldexp(float64(st.per[k])/unit[k], -r.unitShift-scale))
		}
	}
	return &levelProgramme{relaxation: r, unit: unit, level: t, scale: scale, firstRow: first}
}

// price turns the prices of a level's programme into weights, row prices and the list of
// the parties that it settles.
func (fc *face) price(l *level, prices []float64, r *levelProgramme, kept []float64) error {
	first, unit := r.firstRow, r.unit
	largest := 0.0
	for i, y := range prices {
		largest = max(largest, math.Abs(y))
		if math.IsNaN(y) {
			return fmt.Errorf("%w: price %d of a level of stage %s is not a number", ErrSolver, i, l.stage.ID)
		}
	}
	_, exponent := math.Frexp(largest)
	shift := weightBits - exponent
	total := 0.0
	for k := range fc.need {
		if math.IsNaN(kept[k]) {
			total += math.Max(0, -prices[first+k]) * float64(l.stage.per[k]) / unit[k]
		}
	}
	l.weights, l.keeps = make([]int64, len(fc.need)), make([]int64, len(fc.need))
	heaviest := int64(1)
	for k := range fc.need {
		y := -prices[first+k] / unit[k]
		if !math.IsNaN(kept[k]) {
			l.keeps[k] = -max(0, fixed(y, shift+certificate.PriceBits))
			continue
		}
		if y*float64(l.stage.per[k]) > settles*total {
			l.weights[k] = fixed(y, shift)
			heaviest = max(heaviest, l.weights[k])
		}
	}
	for k := range fc.need {
		// A party that has all it can have is settled too: its own bounds prove it.
		if math.IsNaN(kept[k]) && l.weights[k] == 0 && fc.most(l.stage, k) <= l.at*float64(l.stage.per[k])*(1+1e-12) {
			l.weights[k] = heaviest
		}
		if l.weights[k] > 0 {
			l.settled = append(l.settled, k)
		}
	}
	if dearest := slices.Max(unit); len(l.settled) == 0 && dearest > 1<<costBits {
		return fmt.Errorf("%w: a unit is worth %.3g in stage %s, at most 2^%d is computed with; round its measure to fewer digits", ErrTooLarge, dearest, l.stage.ID, costBits)
	}
	if len(l.settled) == 0 {
		return fmt.Errorf("%w: no price holds the level of stage %s down", ErrSolver, l.stage.ID)
	}
	l.prices = fc.quantise(prices, func(y float64) float64 { return math.Round(math.Ldexp(y, shift+certificate.PriceBits)) })
	l.cuts = fc.cutPrices(prices, shift+certificate.PriceBits)
	return nil
}

// most returns what a party can be worth by the bounds of its columns alone.
func (fc *face) most(st stage, party int) float64 {
	sum := 0.0
	for _, j := range fc.members[party] {
		end := fc.upper[j]
		if st.costs[j] < 0 {
			end = fc.lower[j]
		}
		sum += float64(float64(st.costs[j]) * float64(end))
	}
	return sum
}

// keepRow returns the row that holds a settled party at its level in whole units: least
// and, for a leximin stage without slack, most are next to it. Costs that differ leave
// room of one unit.
func (fc *face) keepRow(st stage, party int, at float64) row {
	terms, unit, largest := fc.worthTerms(st, party)
	r := row{terms: terms, at: -1}
	slack, _ := st.Slack.Big().Float64()
	want := (at - float64(slack*math.Abs(at))) * float64(st.per[party]) / float64(unit)
	room := max(largest/unit, 1) - 1
	low := clampFloat(math.Floor(want+levelNoise), -maxSum, maxSum) - room
	r.lower = &low
	if st.Kind == certificate.Leximin && slack == 0 {
		high := clampFloat(math.Ceil(want-levelNoise), -maxSum, maxSum) + room
		r.upper = &high
	}
	return r
}

// worthTerms is a party's worth in units of the greatest common divisor of its costs, with
// this and the largest cost.
func (fc *face) worthTerms(st stage, party int) (terms []term, unit, largest int64) {
	for _, j := range fc.members[party] {
		cost := max(st.costs[j], -st.costs[j])
		unit, largest = divisor(unit, cost), max(largest, cost)
	}
	unit = max(unit, 1)
	for _, j := range fc.members[party] {
		if st.costs[j] != 0 {
			terms = append(terms, term{j, st.costs[j] / unit})
		}
	}
	slices.SortFunc(terms, func(a, b term) int { return a.at - b.at })
	return terms, unit, largest
}

// exactLevel returns the level that weights and prices prove.
func exactLevel(u *big.Int, st stage, weights []int64) *big.Rat {
	sum, t := new(big.Int), new(big.Int)
	for k, v := range weights {
		sum.Add(sum, t.Mul(t.SetInt64(v), big.NewInt(st.per[k])))
	}
	return new(big.Rat).SetFrac(u, sum.Lsh(sum, certificate.PriceBits))
}
