package bargain

import (
	"errors"
	"fmt"

	"comity/exact"
)

// Standing is what a draft is to the parties before they choose: whether another draft is
// better for all, and who would rather not take part.
type Standing struct {
	Draft int
	// Dominated lists the drafts that give nobody less and somebody more in expectation; a
	// draft that has none is efficient.
	Dominated []int
	// Mixed are chances of drafts that together give nobody less and somebody more, if
	// there are such and no single draft does; nil otherwise.
	Mixed []exact.Rat
	// Unsearched says that lotteries were not looked for, as that is beyond MaxProgramme.
	Unsearched bool
	Parties    []Interest // In the order of the game.
}

// Interest is what a party gets under a draft and what it would get otherwise.
type Interest struct {
	Mean, OutsideMean exact.Rat // Over all scenarios.
	Tail, OutsideTail exact.Rat // Over the worst Tail of them, each by its own order.
	// Temptation is what it gains by leaving or breaking the draft alone, whichever is
	// better; at most 0 where the draft removes the incentive.
	Temptation exact.Rat
	// Breaks says that breaking the draft while the others keep it is the better of both.
	Breaks bool
}

// Rational tells whether taking part is no worse than the outside option, in expectation and
// in the worst cases.
func (i Interest) Rational() bool {
	return i.Mean.Cmp(i.OutsideMean) >= 0 && i.Tail.Cmp(i.OutsideTail) >= 0
}

// Efficient tells whether no draft, and no lottery unless they are Unsearched, is better for
// all.
func (s Standing) Efficient() bool { return len(s.Dominated) == 0 && s.Mixed == nil }

// Stable tells whether nobody gains by leaving or breaking the draft alone.
func (s Standing) Stable() bool {
	for _, i := range s.Parties {
		if i.Temptation.Sign() > 0 {
			return false
		}
	}
	return true
}

// Standings describes every draft. It fails with ErrInput.
func (g Game) Standings() ([]Standing, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	out := make([]Standing, len(g.Drafts))
	means := make([][]exact.Rat, len(g.Drafts))
	for k := range g.Drafts {
		means[k] = g.means(k)
	}
	for k := range g.Drafts {
		s := Standing{Draft: k}
		for other := range g.Drafts {
			if dominates(means[other], means[k]) {
				s.Dominated = append(s.Dominated, other)
			}
		}
		if len(s.Dominated) == 0 {
			mixed, err := mixed(means, k)
			if err != nil && !errors.Is(err, ErrTooLarge) {
				return nil, fmt.Errorf("draft %s: %w", g.Drafts[k].ID, err)
			}
			s.Mixed, s.Unsearched = mixed, err != nil
		}
		for i := range g.Parties {
			s.Parties = append(s.Parties, g.interest(k, i))
		}
		out[k] = s
	}
	return out, nil
}

func (g Game) interest(draft, i int) Interest {
	d, p := g.Drafts[draft], g.Parties[i]
	v := Interest{
		Mean: g.expected(d.Utility[i]), OutsideMean: g.expected(p.Outside),
		Tail: g.tail(d.Utility[i]), OutsideTail: g.tail(p.Outside),
	}
	best := v.OutsideMean
	if len(d.Alone) > 0 && d.Alone[i].Cmp(best) > 0 {
		best, v.Breaks = d.Alone[i], true
	}
	v.Temptation = best.Sub(v.Mean)
	return v
}

// dominates tells whether x is nowhere below y and somewhere above it.
func dominates(x, y []exact.Rat) bool {
	above := false
	for i := range x {
		order := x[i].Cmp(y[i])
		if order < 0 {
			return false
		}
		above = above || order > 0
	}
	return above
}

// mixed looks for chances of drafts that dominate draft k: those that raise the sum most
// while nobody gets less.
func mixed(means [][]exact.Rat, k int) ([]exact.Rat, error) {
	p := simplexOf(len(means), 0)
	for i := range means[k] {
		p.add(column(means, i, 0), means[k][i].Neg())
	}
	for other := range means {
		p.c[other] = total(means[other])
	}
	o, err := p.bounded()
	if err != nil || o.value.Cmp(total(means[k])) <= 0 {
		return nil, err
	}
	return o.x, nil
}

// Rows returns, for each draft, the parties' expected utilities in ascending order: what
// somebody sees who does not know which party it will be. Equal rows cannot be told apart
// behind the veil.
func (g Game) Rows() [][]exact.Rat {
	out := make([][]exact.Rat, len(g.Drafts))
	for k := range g.Drafts {
		means := g.means(k)
		for _, i := range ascending(means) {
			out[k] = append(out[k], means[i])
		}
	}
	return out
}
