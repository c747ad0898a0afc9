package basis

import (
	"context"
	"fmt"
	"math/big"
	"slices"

	"comity/allocator/linear"
)

// maxConflict bounds the conflicts that are made irreducible: each rule of one costs an
// exact solution of all others.
const maxConflict = 400

// Reduce looks for a smallest conflict behind a proof of infeasibility: it takes away one
// row or column bound after the other, and leaves it away if what remains is still proved
// infeasible. Otherwise an exact point that obeys all of the rest shows that the rule is
// needed. The certificate that it returns names what is left, and proved tells whether
// every rule of it was shown to be needed; it is not for certificates with a tree and for
// conflicts of more than 400 rules.
//
// Source: Chinneck and Dravnieks, "Locating minimal infeasible constraint sets in linear
// programs" (1991), deletion filter.
func Reduce(ctx context.Context, p linear.Programme, c linear.Certificate, engine Engine) (reduced linear.Certificate, proved bool, err error) {
	if c.Status != linear.Infeasible || c.Prices == nil {
		return c, false, nil
	}
	f := &filter{p: p.Relaxed(), engine: engine, best: *c.Prices, left: c.Conflict(p)}
	if f.left.Size() > maxConflict {
		return c, false, nil
	}
	// Rows are tried first: what remains is then as few rows as possible, which people
	// wrote, and bounds, which often only say that nothing is below zero.
	proved = true
	for kind := range 3 {
		tried := map[int]bool{}
		for {
			rule, found := untried(*kindOf(&f.left, kind), tried)
			if !found {
				break
			}
			tried[rule] = true
			rest := f.left
			list := kindOf(&rest, kind)
			*list = slices.DeleteFunc(slices.Clone(*list), func(r int) bool { return r == rule })
			settled, err := f.try(ctx, rest)
			if err != nil {
				return linear.Certificate{}, false, err
			}
			proved = proved && settled
		}
	}
	reduced, err = stated(linear.StateInfeasible(p, f.best))
	return reduced, proved, err
}

// kindOf returns one of the three lists of a conflict.
func kindOf(c *linear.Conflict, kind int) *[]int {
	return []*[]int{&c.Rows, &c.Lowers, &c.Uppers}[kind]
}

func untried(rules []int, tried map[int]bool) (rule int, found bool) {
	for _, r := range rules {
		if !tried[r] {
			return r, true
		}
	}
	return 0, false
}

// filter is a conflict that gets smaller.
type filter struct {
	p      linear.Programme
	engine Engine
	best   linear.Vector // Prices of all rows.
	left   linear.Conflict
}

// try proves that some rules conflict, and keeps them, or that they do not. It fails to
// settle that if the engine's proposals prove neither.
func (f *filter) try(ctx context.Context, rules linear.Conflict) (settled bool, err error) {
	part := f.only(rules)
	elastic := newElastic(part)
	least, found, err := optimum(ctx, elastic, f.engine)
	if ctx.Err() != nil {
		return false, err
	}
	if err != nil || !found {
		return false, nil //nolint:nilerr // Nothing is known about these rules: the conflict stays as large.
	}
	violation, err := linear.Objective(elastic, least.point)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	if violation.Sign() == 0 {
		return true, nil // The point obeys them all.
	}
	numerators := make([]*big.Int, len(f.p.Rows))
	for i := range numerators {
		numerators[i] = new(big.Int)
	}
	for k, i := range rules.Rows {
		numerators[i] = least.prices.Numerators[k].Big()
	}
	prices := linear.NewVector(numerators, least.prices.Denominator.Big())
	certificate, err := linear.StateInfeasible(f.p, prices)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	f.best, f.left = prices, certificate.Conflict(f.p)
	return true, nil
}

// only is the programme of some rules.
func (f *filter) only(rules linear.Conflict) linear.Programme {
	part := linear.Programme{Columns: make([]linear.Column, len(f.p.Columns))}
	for _, j := range rules.Lowers {
		part.Columns[j].Lower = f.p.Columns[j].Lower
	}
	for _, j := range rules.Uppers {
		part.Columns[j].Upper = f.p.Columns[j].Upper
	}
	for _, i := range rules.Rows {
		part.Rows = append(part.Rows, f.p.Rows[i])
	}
	return part
}
