package program

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// columns returns one column for each receiving party and group, and the scale that
// makes all their costs whole: the least common multiple of the denominators of
// measure times weight.
func (l lowering) columns() ([]comity.Column, canon.Int, error) {
	objective := l.charter.Objective
	if len(objective.Groups) == 0 {
		return nil, 0, fmt.Errorf("%w: objective without groups", ErrCharter)
	}
	var columns []comity.Column
	var worths []exact.Rat
	for _, id := range l.source.receivers {
		measure, err := l.source.eval(objective.Measure, id)
		if err != nil {
			return nil, 0, fmt.Errorf("objective measure for %s: %w", id, err)
		}
		for _, g := range objective.Groups {
			column, err := l.column(id, g)
			if err != nil {
				return nil, 0, err
			}
			columns = append(columns, column)
			worths = append(worths, measure.Mul(g.Weight))
		}
	}
	scale, err := scaleCosts(columns, worths)
	if err != nil {
		return nil, 0, err
	}
	slices.SortFunc(columns, func(a, b comity.Column) int { return cmp.Compare(a.ID, b.ID) })
	for j := 1; j < len(columns); j++ {
		if columns[j-1].ID == columns[j].ID {
			return nil, 0, fmt.Errorf("%w: column %s twice; give each group its own id", ErrCharter, columns[j].ID)
		}
	}
	return columns, scale, nil
}

func (l lowering) column(id party.ID, g comity.Group) (comity.Column, error) {
	need, err := l.source.eval(g.Need, id)
	if err != nil {
		return comity.Column{}, fmt.Errorf("need of group %s for %s: %w", g.ID, id, err)
	}
	upper, err := units(need)
	if err != nil {
		return comity.Column{}, fmt.Errorf("need of group %s for %s: %w", g.ID, id, err)
	}
	return comity.Column{ID: string(id) + "/" + g.ID, Party: id, Upper: max(upper, 0)}, nil
}

// scaleCosts sets the costs to worths times the scale that it returns.
func scaleCosts(columns []comity.Column, worths []exact.Rat) (canon.Int, error) {
	limit := big.NewInt(MaxCost)
	scale, gcd := big.NewInt(1), new(big.Int)
	for j, w := range worths {
		den := w.Big().Denom()
		gcd.GCD(nil, nil, scale, den)
		scale.Mul(scale, gcd.Quo(den, gcd))
		if scale.Cmp(limit) > 0 {
			return 0, fmt.Errorf("worth of %s: %w: the common denominator of all weights exceeds 2^40; round the measure, as in round(x, 1/16)", columns[j].ID, ErrRange)
		}
	}
	for j, w := range worths {
		r := w.Big()
		cost := new(big.Int).Quo(scale, r.Denom())
		cost.Mul(cost, r.Num())
		if cost.CmpAbs(limit) > 0 {
			return 0, fmt.Errorf("worth of %s: %w: %s times scale %s exceeds 2^40; use smaller or rounder weights", columns[j].ID, ErrRange, w, scale)
		}
		columns[j].Cost = canon.Int(cost.Int64())
	}
	return canon.Int(scale.Int64()), nil
}
