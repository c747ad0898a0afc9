package program

import (
	"fmt"
	"math/big"
	"slices"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/quantity"
)

// inequality lowers a bound on how unequally parties are served: an index becomes a
// limit, the difference between two groups of parties becomes rows.
func (l *lowering) inequality(c comity.Constraint) error {
	per, err := l.per(*c.Per)
	if err != nil {
		return err
	}
	e, limit := c.AtMost, comity.Limit{ID: c.ID, Clause: c.ID, Kind: "gini", Per: per}
	switch c.Measure {
	case charter.Parity:
		return l.parity(c, per)
	case charter.Jain:
		e, limit.Kind = c.AtLeast, "jain"
	}
	if limit.Bound, err = l.source.eval(*e, where{}); err != nil {
		return err
	}
	switch {
	case limit.Bound.Sign() < 0 || limit.Bound.Cmp(exact.Int(1)) > 0 || limit.Kind == "jain" && limit.Bound.Sign() == 0:
		return fmt.Errorf("%w: %s; an index lies between 0 and 1, that of Jain above 0", ErrRange, limit.Bound)
	case limit.Bound.Big().Denom().Cmp(big.NewInt(MaxCost)) > 0:
		return fmt.Errorf("%w: the denominator of %s exceeds 2^40; round it", ErrRange, limit.Bound)
	}
	l.problem.Limits = append(l.problem.Limits, limit)
	return nil
}

// parity bounds the difference between what two groups of parties are served, each sum
// of units over the sum of its per. For sums X and Y over P and Q, with the least common
// multiple m of P and Q, both m/P X - m/Q Y and its opposite are at most m times the bound.
func (l *lowering) parity(c comity.Constraint, per []quantity.Amount) error {
	var sums [2]*big.Int
	var columns [2][]int
	for side, group := range c.Between {
		sums[side] = new(big.Int)
		for k, id := range l.source.receivers {
			if p, _ := charter.PartyOf(l.charter, id); slices.Contains(p.Groups, group) {
				sums[side].Add(sums[side], big.NewInt(int64(per[k])))
				columns[side] = append(columns[side], l.under[where{party: id}]...)
			}
		}
		if sums[side].Sign() == 0 {
			return fmt.Errorf("%w: nobody who receives is in the group %s; name another", ErrCharter, group)
		}
	}
	gcd := new(big.Int).GCD(nil, nil, sums[0], sums[1])
	first, second := new(big.Int).Quo(sums[1], gcd), new(big.Int).Quo(sums[0], gcd)
	multiple := new(big.Int).Mul(sums[0], first)
	if limit := big.NewInt(MaxCost); first.Cmp(limit) > 0 || second.Cmp(limit) > 0 {
		return fmt.Errorf("%w: coefficients %s and %s exceed 2^40; round what per divides by", ErrRange, first, second)
	}
	for _, side := range []struct {
		name string
		sign int64
	}{{"first", 1}, {"second", -1}} {
		row := comity.Row{ID: c.ID + "/" + side.name, Clause: c.ID}
		row.Terms = append(repeated(columns[0], canon.Int(side.sign*first.Int64())), repeated(columns[1], canon.Int(-side.sign*second.Int64()))...)
		if err := l.bound(&row, c, where{}, exact.FromBig(new(big.Rat).SetInt(multiple))); err != nil {
			return fmt.Errorf("%w; divide per by a round number, as party.population / 1000", err)
		}
		if err := l.add(row); err != nil {
			return err
		}
	}
	return nil
}
