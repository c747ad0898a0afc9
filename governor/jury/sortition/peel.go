package sortition

import (
	"context"
	"math/big"
	"slices"
)

// share is a panel by numbers of members of each group, and its weight.
type share struct {
	counts []int64
	weight *big.Rat
}

// peeler writes expected numbers of members as a lottery: it takes a panel, gives it all
// the weight that leaves a point within the rows, and goes on with what is left. Every
// step brings a group to a whole number or a row to its bound and keeps it there, so
// that there are at most as many steps as groups and rows.
//
// Each panel has the whole number below or above the expected one of each group.
// All numbers are whole multiples of 1/common, and no step needs finer ones.
type peeler struct {
	space  *space
	base   []int64    // Whole part of each group's expected number.
	part   []*big.Int // What is left of the rest, in units.
	row    []*big.Int // The same by row.
	lower  []int64    // Of rows, less the whole parts.
	upper  []int64
	mass   *big.Int // What is left of the lottery, in units.
	common *big.Int // Units of the whole lottery.
	swaps  *swaps
	shares []share
}

func newPeeler(s *space, expected []*big.Rat) *peeler {
	p := &peeler{space: s, common: commonDenominator(expected), base: make([]int64, len(expected))}
	p.mass = new(big.Int).Set(p.common)
	for g, y := range expected {
		units := new(big.Int).Mul(y.Num(), new(big.Int).Quo(p.common, y.Denom()))
		whole, part := new(big.Int).QuoRem(units, p.common, new(big.Int))
		p.base[g] = whole.Int64()
		p.part = append(p.part, part)
	}
	p.row = make([]*big.Int, len(s.lower))
	for r := range p.row {
		p.row[r] = new(big.Int)
	}
	product := new(big.Int)
	for g, part := range p.part {
		for _, t := range s.terms[g] {
			p.row[t.row].Add(p.row[t.row], product.Mul(part, big.NewInt(t.count)))
		}
	}
	for r, n := range s.totals(p.base) {
		p.lower, p.upper = append(p.lower, s.lower[r]-n), append(p.upper, s.upper[r]-n)
	}
	p.swaps = newSwaps(s, p.lower, p.upper)
	return p
}

// maxBack bounds how often a peeler goes back and tries other panels. What it still
// does not find then is rarely there.
const maxBack = 40

// lastBack is how many of the last times ask the solver before going back: it finds
// what there is, and takes a hundred times as long.
const lastBack = 4

// run peels until nothing is left, or until no panel is found, going back some steps a
// few times: what is left depends on the panels taken before. It returns the weight
// that is left, with the expected numbers under that weight.
func (p *peeler) run(ctx context.Context, d *deck) (left *big.Rat, err error) {
	for back := 0; p.mass.Sign() > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		chosen, ok := p.swaps.find(p)
		if !ok && back >= maxBack-lastBack && !d.tired(peelBudget) {
			f, err := d.find(ctx)
			if err != nil {
				return nil, err
			}
			if chosen, ok, err = p.ask(ctx, f); err != nil {
				return nil, err
			}
		}
		if ok && p.take(chosen) {
			d.add(p.shares[len(p.shares)-1].counts)
			continue
		}
		if back++; back > maxBack {
			break
		}
		p.undo(back)
	}
	return new(big.Rat).SetFrac(p.mass, p.common), nil
}

// undo takes back the last steps, more of them each time, and makes the next choices
// more random.
func (p *peeler) undo(back int) {
	const stride = 2 // Steps for each time so far.
	product := new(big.Int)
	for range min(stride*back, len(p.shares)) {
		last := p.shares[len(p.shares)-1]
		p.shares = p.shares[:len(p.shares)-1]
		step := units(last.weight, p.common)
		p.mass.Add(p.mass, step)
		for g, n := range last.counts {
			if n == p.base[g] {
				continue
			}
			p.part[g].Add(p.part[g], step)
			for _, t := range p.space.terms[g] {
				p.row[t.row].Add(p.row[t.row], product.Mul(step, big.NewInt(t.count)))
			}
		}
	}
	p.swaps.jitter = min(0.5, 0.02*float64(back))
}

// take gives a panel its weight; it fails if that would be nothing.
func (p *peeler) take(chosen []bool) bool {
	step := new(big.Int).Set(p.mass)
	least := func(x *big.Int) {
		if x.Cmp(step) < 0 {
			step.Set(x)
		}
	}
	counts := slices.Clone(p.base)
	rows := make([]int64, len(p.row))
	slack := new(big.Int)
	for g, in := range chosen {
		if !in {
			least(slack.Sub(p.mass, p.part[g]))
			continue
		}
		least(p.part[g])
		counts[g]++
		for _, t := range p.space.terms[g] {
			rows[t.row] += t.count
		}
	}
	bound := new(big.Int)
	for r, n := range rows {
		if room := p.upper[r] - n; room > 0 {
			slack.Sub(bound.Mul(p.mass, big.NewInt(p.upper[r])), p.row[r])
			least(slack.Quo(slack, big.NewInt(room)))
		}
		if room := n - p.lower[r]; room > 0 {
			slack.Sub(p.row[r], bound.Mul(p.mass, big.NewInt(p.lower[r])))
			least(slack.Quo(slack, big.NewInt(room)))
		}
	}
	if step.Sign() <= 0 {
		return false
	}
	p.mass.Sub(p.mass, step)
	for g, in := range chosen {
		if in {
			p.part[g].Sub(p.part[g], step)
		}
	}
	for r, n := range rows {
		p.row[r].Sub(p.row[r], slack.Mul(step, big.NewInt(n)))
	}
	p.shares = append(p.shares, share{counts, new(big.Rat).SetFrac(step, p.common)})
	return true
}

// limits returns the whole numbers on both sides of what is left of a row.
func (p *peeler) limits(r int) (low, high int64) {
	whole, rest := new(big.Int).DivMod(p.row[r], p.mass, new(big.Int))
	low = whole.Int64()
	if rest.Sign() == 0 {
		return low, low
	}
	return low, low + 1
}

// ask has the solver choose a panel between the whole numbers around each group's and
// each row's expected number, or failing that anywhere between the bounds that are not
// met yet.
func (p *peeler) ask(ctx context.Context, f *finder) (chosen []bool, ok bool, err error) {
	s := p.space
	b := box{slices.Clone(p.base), slices.Clone(p.base), slices.Clone(s.lower), slices.Clone(s.upper)}
	worth := make([]float64, len(p.part))
	for g, part := range p.part {
		if part.Sign() > 0 {
			b.upper[g]++
		}
		if part.Cmp(p.mass) == 0 {
			b.lower[g]++
		}
	}
	for r := range p.row {
		low, high := p.limits(r)
		b.rowLower[r], b.rowUpper[r] = s.lower[r]-p.lower[r]+low, s.lower[r]-p.lower[r]+high
	}
	counts, err := f.best(ctx, worth, b)
	if err != nil {
		return nil, false, err
	}
	if counts == nil {
		for r := range p.row {
			low, high := p.limits(r)
			b.rowLower[r], b.rowUpper[r] = s.lower[r], s.upper[r]
			if low != high {
				continue
			}
			switch low { // A bound that is met stays met.
			case p.lower[r]:
				b.rowUpper[r] = s.lower[r]
			case p.upper[r]:
				b.rowLower[r] = s.upper[r]
			}
		}
		if counts, err = f.best(ctx, worth, b); err != nil || counts == nil {
			return nil, false, err
		}
	}
	chosen = make([]bool, len(counts))
	for g, n := range counts {
		chosen[g] = n > p.base[g]
	}
	return chosen, true, nil
}
