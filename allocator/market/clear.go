package market

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"

	"comity/allocator/basis"
	"comity/allocator/linear"
	"comity/canon"
	"comity/exact"
	"comity/quantity"
)

// Clear clears one zone. It needs no solver: the best bids meet the best offers until
// their prices cross. Errors: ErrOrder, ErrTooLarge, ErrZones.
func Clear(orders []Order, lot canon.Digest) (Clearing, error) {
	b, err := newBook(orders, nil, lot)
	if err != nil {
		return Clearing{}, err
	}
	if len(b.zones) > 1 {
		return Clearing{}, fmt.Errorf("%w: %q and %q; couple them by lines, or clear each alone", ErrZones, b.zones[0], b.zones[1])
	}
	buy, sell := 0, slices.IndexFunc(b.steps, func(s step) bool { return s.side == Sell })
	for end := sell; end >= 0 && buy < end && sell < len(b.steps) && b.steps[buy].price >= b.steps[sell].price; {
		bid, offer := &b.steps[buy], &b.steps[sell]
		traded := min(bid.units-bid.taken, offer.units-offer.taken)
		bid.taken, offer.taken = bid.taken+traded, offer.taken+traded
		if bid.taken == bid.units {
			buy++
		}
		if offer.taken == offer.units {
			sell++
		}
	}
	return b.result()
}

// Couple clears several zones that are joined by lines. The engine proposes and is not
// trusted. Errors: ErrOrder, ErrLine, ErrTooLarge, and ErrProof with the cause where the
// engine's proposals prove nothing.
func Couple(ctx context.Context, orders []Order, lines []Line, lot canon.Digest, engine basis.Engine) (Clearing, error) {
	b, err := newBook(orders, lines, lot)
	if err != nil {
		return Clearing{}, err
	}
	if len(b.steps)+len(b.lines) == 0 {
		return b.result()
	}
	p := b.programme()
	if _, err := b.take(ctx, p, engine); err != nil { // Rule 1.
		return Clearing{}, err
	}
	p = b.restricted(p, b.prices())
	b.worth(p, exact.Int(int64(len(b.lines))+1), exact.Int(-1)) // Any way that a unit can take costs less than it is worth.
	prices, err := b.take(ctx, p, engine)                       // Rules 2 and 3.
	if err != nil {
		return Clearing{}, err
	}
	p = b.restricted(p, prices)
	b.drawn(p, lot)
	if _, err := b.take(ctx, p, engine); err != nil { // Rule 5.
		return Clearing{}, err
	}
	return b.result()
}

// take solves a programme over the book's columns, writes the point down and returns the
// prices that prove it.
func (b *book) take(ctx context.Context, p linear.Programme, engine basis.Engine) (linear.Vector, error) {
	found, err := basis.Solve(ctx, p, engine)
	switch {
	case err != nil:
		return linear.Vector{}, fmt.Errorf("%w: %w", ErrProof, err)
	case found.Status != linear.Optimal: // Doing nothing is feasible, and all is bounded.
		return linear.Vector{}, fmt.Errorf("%w: the auction is %s", ErrProof, found.Status)
	}
	for j, n := range found.Point.Numerators {
		// Each column has one 1 and one -1 at most, so that a vertex is whole.
		x := new(big.Rat).SetFrac(n.Big(), found.Point.Denominator.Big())
		if !x.IsInt() || !x.Num().IsInt64() {
			return linear.Vector{}, fmt.Errorf("%w: %s is %s", ErrProof, p.Columns[j].Name, x.RatString())
		}
		units := quantity.Amount(x.Num().Int64())
		if j < len(b.steps) {
			b.steps[j].taken = units
		} else {
			b.lines[j-len(b.steps)].flow = units
		}
	}
	return *found.Prices, nil
}

// restricted returns the programme whose points are the best ones of p: by complementary
// slackness with prices that prove an optimum, columns that they do not make worth zero
// stay as they are.
func (b *book) restricted(p linear.Programme, prices linear.Vector) linear.Programme {
	left := make([]exact.Rat, len(p.Columns))
	for j, c := range p.Columns {
		left[j] = c.Cost
	}
	for i, r := range p.Rows {
		price := exact.FromBig(prices.At(i))
		for _, t := range r.Terms {
			left[t.Column] = left[t.Column].Sub(price.Mul(t.Coeff))
		}
	}
	p.Columns = slices.Clone(p.Columns)
	for j, d := range left {
		if d.Sign() == 0 {
			continue
		}
		at := exact.Int(int64(b.value(j)))
		p.Columns[j].Lower, p.Columns[j].Upper = &at, &at
	}
	return p
}

// value returns what the book holds for a column.
func (b *book) value(j int) quantity.Amount {
	if j < len(b.steps) {
		return b.steps[j].taken
	}
	return b.lines[j-len(b.steps)].flow
}

// worth sets what a unit bought and a unit transferred are worth.
func (b *book) worth(p linear.Programme, bought, transferred exact.Rat) {
	for j := range p.Columns {
		switch {
		case j >= len(b.steps):
			p.Columns[j].Cost = transferred
		case b.steps[j].side == Buy:
			p.Columns[j].Cost = bought
		default:
			p.Columns[j].Cost = exact.Rat{}
		}
	}
}

// drawn sets a worth of each step that the lot draws.
func (b *book) drawn(p linear.Programme, lot canon.Digest) {
	b.worth(p, exact.Rat{}, exact.Rat{})
	for j, s := range b.steps {
		sum := sha256.Sum256(fmt.Appendf(lot[:], "%s %s %s", b.zones[s.zone], s.side, s.price))
		p.Columns[j].Cost = exact.Int(int64(binary.BigEndian.Uint16(sum[:])))
	}
}
