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
	d := &draw{pool: pool, space: newSpace(pool.Form()), open: open}
	defer d.close(ctx)
	result, err := d.search(ctx, a)
	if errors.Is(err, jury.ErrQuotas) && !errors.Is(err, solve.ErrSolver) {
		f, ferr := d.find(ctx)
		if ferr != nil {
			return jury.Result{}, ferr
		}
		return jury.Result{}, d.space.conflict(ctx, f)
	}
	return result, err
}

// draw is one search.
type draw struct {
	pool   jury.Pool
	space  *space
	open   Engine
	finder *finder
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
		if err != nil {
			return jury.Result{}, err
		}
		if rule != nil {
			d.space.cut(*rule)
			continue
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
	if a == jury.Maximin {
		for k, level := range goal.levels {
			if level.Bound.Sign() > 0 {
				goal.levels = goal.levels[:k+1]
				break
			}
		}
	}
	return goal, nil
}

// lottery writes expected numbers as a lottery, or returns a rule that they break.
func (d *draw) lottery(ctx context.Context, expected []*big.Rat) (jury.Lottery, *jury.Cut, error) {
	seats := newSeater(d.pool, d.space.form)
	var start [][]int64
	within := d.space.admits(expected) // Else rounding put it outside, and a rule would say no more.
	if within {
		p := newPeeler(d.space, expected)
		left, err := p.run(ctx, func() (*finder, error) { return d.find(ctx) })
		if err != nil {
			return nil, nil, err
		}
		if left.Sign() == 0 {
			seats.seat(p.shares, true)
			return seats.out, nil, nil
		}
		for _, sh := range p.shares {
			start = append(start, sh.counts)
		}
	}
	f, err := d.find(ctx)
	if err != nil {
		return nil, nil, err
	}
	target := make([]float64, len(expected))
	for g, y := range expected {
		target[g], _ = y.Float64()
	}
	found, err := mix(ctx, f, d.open, target, start)
	if err != nil {
		return nil, nil, err
	}
	if within && found.apart != nil && len(d.space.cuts) < maxCuts {
		rule, err := cut(ctx, f, d.open, target, found.apart)
		if err != nil || rule != nil {
			d.close(ctx) // It does not know the rule.
			return nil, rule, err
		}
	}
	seats.seat(found.shares(expected), false)
	return seats.out, nil, nil
}

// find returns the finder of whole panels, which is opened when it is first needed.
func (d *draw) find(ctx context.Context) (f *finder, err error) {
	if d.finder == nil {
		d.finder, err = newFinder(ctx, d.space, d.open)
	}
	return d.finder, err
}

func (d *draw) close(ctx context.Context) {
	if d.finder != nil {
		_ = d.finder.session.Close(ctx) // Its memory is gone either way.
		d.finder = nil
	}
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
