// Package sortition searches for fair lotteries over citizens' panels.
//
// It solves leximin over expected numbers of members first, in exact prices: a small
// programme whatever the size of the pool. Then it peels panels off that point. Pools of
// hundreds of people nearly always end there, with a full proof. Where panels do not add
// up to the point, column generation finds out why: a rule that every panel obeys and
// the point breaks. The rule is proved, joins the quotas, and the search starts again.
//
// Nothing here needs to be trusted: jury.Check proves the result without this package.
package sortition

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"comity/allocator/solve"
	"comity/governor/jury"
)

// maxCuts bounds the rules found on the way; the pools measured need none to five.
const maxCuts = 100

// rounded is by how much sums of expected numbers may be amiss where prices are rounded:
// the errors of dozens of levels add up.
const rounded = 1e-4

// Draw returns a lottery over panels that is best by the algorithm, with a certificate
// that jury.Check accepts. The maximin lottery is that of leximin, which is one of them;
// its certificate proves the least chance.
//
// It fails with jury.ErrPool, with jury.ErrQuotas and a smallest set of quotas in conflict
// if there is no panel, and with solve.ErrSolver or the engine's error. Where the search
// reaches a limit the result stands and its certificate states a gap.
func Draw(ctx context.Context, pool jury.Pool, a jury.Algorithm, open Engine) (jury.Result, error) {
	if err := pool.Check(); err != nil {
		return jury.Result{}, err
	}
	s := newSpace(pool.Form())
	d := &draw{pool: pool, space: s, open: open, deck: newDeck(s, open)}
	defer d.deck.close(ctx)
	result, err := d.search(ctx, a)
	if errors.Is(err, jury.ErrQuotas) && !errors.Is(err, solve.ErrSolver) {
		f, ferr := d.deck.find(ctx)
		if ferr != nil {
			return jury.Result{}, ferr
		}
		return jury.Result{}, d.space.conflict(ctx, f)
	}
	return result, err
}

// draw is one search.
type draw struct {
	pool  jury.Pool
	space *space
	open  Engine
	deck  *deck
}

// aim is what a lottery should have, and why it cannot have more.
type aim struct {
	expected []*big.Rat
	levels   []jury.Level
	mean     *jury.Mean
}

func (d *draw) search(ctx context.Context, a jury.Algorithm) (jury.Result, error) {
	for {
		goal, err := d.aim(ctx, a)
		if err != nil {
			return jury.Result{}, err
		}
		lottery, rule, err := d.lottery(ctx, goal.expected)
		switch {
		case err != nil:
			return jury.Result{}, err
		case rule != nil:
			d.space.cut(*rule)
			d.deck.close(ctx)
			continue
		case lottery == nil:
			return d.without(ctx, a, goal)
		}
		return d.certify(a, lottery, goal)
	}
}

// aim computes the best expected numbers as far as the rows tell.
func (d *draw) aim(ctx context.Context, a jury.Algorithm) (aim, error) {
	if a == jury.Nash {
		return nash(ctx, d.space, d.open)
	}
	l, err := relax(ctx, d.space, d.open, false)
	if err != nil {
		return aim{}, err
	}
	goal := aim{expected: l.expected(), levels: l.out}
	if !d.space.admits(goal.expected) { // Prices that no small ratios are were rounded.
		for g, y := range goal.expected {
			v, _ := y.Float64()
			goal.expected[g] = onGrid(v)
		}
		onto(d.space, goal.expected, rounded)
	}
	goal.levels = shorten(a, goal.levels)
	return goal, nil
}

// shorten drops the levels that the proof of an algorithm does not need.
func shorten(a jury.Algorithm, all []jury.Level) []jury.Level {
	if a == jury.Maximin {
		for k, level := range all {
			if level.Chance.Sign() > 0 {
				return all[:k+1]
			}
		}
	}
	return all
}

// lottery writes expected numbers as a lottery, or returns a rule that they break, or
// neither where panels do not reach them and no rule is found that can be proved.
func (d *draw) lottery(ctx context.Context, expected []*big.Rat) (jury.Lottery, *jury.Cut, error) {
	seats := newSeater(d.pool, d.space.form)
	within := d.space.admits(expected)
	if within {
		p := newPeeler(d.space, expected)
		left, err := p.run(ctx, d.deck)
		if err != nil {
			return nil, nil, err
		}
		if left.Sign() == 0 {
			seats.seat(p.shares, true)
			return seats.out, nil, nil
		}
	}
	target := make([]float64, len(expected))
	for g, y := range expected {
		target[g], _ = y.Float64()
	}
	found, err := mix(ctx, d.deck, target)
	if err != nil {
		return nil, nil, err
	}
	if found.error <= missing {
		seats.seat(found.shares(expected), false)
		return seats.out, nil, nil
	}
	if !within || found.apart == nil || len(d.space.cuts) >= maxCuts {
		return nil, nil, nil
	}
	rule, err := cut(ctx, d.deck, target, found.apart)
	return nil, rule, err
}

// without returns the result where the aim is out of reach: the best lottery over panels
// that is found, with what the rows prove about it.
func (d *draw) without(ctx context.Context, a jury.Algorithm, goal aim) (jury.Result, error) {
	best := straight
	if a == jury.Nash {
		best = product
	}
	found, err := best(ctx, d.deck)
	if err != nil {
		return jury.Result{}, err
	}
	seats := newSeater(d.pool, d.space.form)
	seats.seat(found.shares(goal.expected), false)
	chances, err := d.pool.Chances(seats.out)
	if err != nil {
		return jury.Result{}, fmt.Errorf("%w: %w", solve.ErrSolver, err)
	}
	actual := make([]*big.Rat, len(d.space.sizes))
	for g, group := range d.space.form.Groups {
		actual[g] = chances[group.People[0]].Big()
	}
	if a == jury.Nash {
		goal, err = bounded(ctx, d.space, d.open, actual)
	} else {
		goal.levels, err = reached(ctx, d.space, d.open, actual, false)
		goal.levels = shorten(a, goal.levels)
	}
	if err != nil {
		return jury.Result{}, err
	}
	return d.certify(a, seats.out, goal)
}

// certify states what the prices prove about the lottery as it is.
func (d *draw) certify(a jury.Algorithm, lottery jury.Lottery, goal aim) (jury.Result, error) {
	chances, err := d.pool.Chances(lottery)
	if err != nil {
		return jury.Result{}, fmt.Errorf("%w: %w", solve.ErrSolver, err)
	}
	cert := jury.Certificate{Levels: goal.levels, Mean: goal.mean, Cuts: d.space.cuts}
	if err := jury.Certify(d.pool, chances, a, &cert); err != nil {
		return jury.Result{}, err
	}
	result := jury.Result{Algorithm: a, Lottery: lottery, Chances: chances, Certificate: cert}
	return result, jury.Check(d.pool, result)
}
