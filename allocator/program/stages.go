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

// stages lowers the aims. To minimise is to maximise the worths with their sign turned.
func (l *lowering) stages() error {
	if len(l.charter.Objective.Stages) == 0 {
		return fmt.Errorf("%w: objective without stages", ErrCharter)
	}
	seen := map[string]bool{}
	for _, a := range l.charter.Objective.Stages {
		if seen[a.ID] || a.ID == charter.Evenness {
			return fmt.Errorf("%w: stage %.64q twice, or named as what follows the last; give each its own id", ErrCharter, a.ID)
		}
		seen[a.ID] = true
		s, err := l.stage(a)
		if err != nil {
			return fmt.Errorf("stage %s: %w", a.ID, err)
		}
		l.problem.Stages = append(l.problem.Stages, s)
	}
	return nil
}

func (l *lowering) stage(a comity.Aim) (comity.Stage, error) {
	s := comity.Stage{ID: a.ID, Kind: a.Kind, Slack: a.Slack}
	if a.Slack.Sign() < 0 || a.Slack.Cmp(exact.Int(1)) >= 0 || a.Kind == charter.Nash && a.Slack.Sign() > 0 {
		return s, fmt.Errorf("%w: slack %s; write a share of at least 0 and below 1, none for nash", ErrRange, a.Slack)
	}
	if err := l.fits(a); err != nil {
		return s, err
	}
	worths, err := l.worths(a)
	if err != nil {
		return s, fmt.Errorf("measure for %w", err)
	}
	var outside []exact.Rat
	switch a.Kind {
	case charter.Maximin, charter.Leximin:
		if s.Per, err = l.per(*a.Per); err != nil {
			return s, err
		}
	case charter.Nash:
		if outside, s.Power, err = l.bargain(a); err != nil {
			return s, err
		}
	}
	return s, scale(&s, l.columns, worths, outside)
}

// fits refuses a stage whose kind has other fields.
func (l *lowering) fits(a comity.Aim) error {
	ordered, nash := a.Kind == charter.Maximin || a.Kind == charter.Leximin, a.Kind == charter.Nash
	switch {
	case a.Counts != charter.CountsWorth && (a.Counts != charter.CountsUnits || a.Kind == charter.Weighted):
		return fmt.Errorf("%w: it counts %.20q; use worth, or units for a stage that is not weighted", ErrCharter, a.Counts)
	case a.Kind != charter.Weighted && !ordered && !nash:
		return fmt.Errorf("%w: kind %.20q; use weighted, maximin, leximin or nash", ErrCharter, a.Kind)
	case l.charter.Objective.Sense == charter.Minimise && a.Kind != charter.Weighted:
		return fmt.Errorf("%w: kind %s is to be minimised; only weighted stages can be", ErrCharter, a.Kind)
	case ordered != (a.Per != nil), nash != (a.Outside != nil), !nash && a.Power != nil:
		return fmt.Errorf("%w: per belongs to maximin and leximin, outside and power to nash", ErrCharter)
	}
	return nil
}

// worths returns what one unit is worth in each column: nothing in a means.
func (l *lowering) worths(a comity.Aim) ([]exact.Rat, error) {
	list, known := make([]exact.Rat, len(l.columns)), map[where]exact.Rat{}
	for j, c := range l.columns {
		if c.Party == "" {
			continue
		}
		at := where{c.Party, c.period}
		m, ok := known[at]
		if !ok {
			var err error
			if m, err = l.source.eval(a.Measure, at); err != nil {
				return nil, fmt.Errorf("%s: %w", c.Party, err)
			}
			known[at] = m
		}
		if a.Counts == charter.CountsUnits {
			list[j] = m
			continue
		}
		if m.Sign() < 0 && c.pieces > 1 {
			return nil, fmt.Errorf("%s: %w: a unit is worth %s, below 0, in group %s, whose benefit falls; keep the measure at 0 or above", c.Party, ErrRange, m, c.group)
		}
		list[j] = m.Mul(c.weight)
		if l.charter.Objective.Sense == charter.Minimise {
			list[j] = list[j].Neg()
		}
	}
	return list, nil
}

// per evaluates a divisor for each receiver, rounded down.
func (l *lowering) per(e comity.Expr) ([]quantity.Amount, error) {
	var list []quantity.Amount
	for _, id := range l.source.receivers {
		value, err := l.source.eval(e, where{party: id})
		if err != nil {
			return nil, fmt.Errorf("per for %s: %w", id, err)
		}
		per, err := units(value)
		if err != nil {
			return nil, fmt.Errorf("per for %s: %w", id, err)
		}
		if per < 1 {
			return nil, fmt.Errorf("per for %s: %w: %s, rounded down, is not above 0", id, ErrRange, value)
		}
		list = append(list, per)
	}
	return list, nil
}

// bargain evaluates what each receiver has without an agreement, and its power. Powers
// are made whole by a common factor, which moves no optimum.
func (l *lowering) bargain(a comity.Aim) (outside []exact.Rat, power []canon.Int, err error) {
	powers := make([]exact.Rat, len(l.source.receivers))
	for k, id := range l.source.receivers {
		value, err := l.source.eval(*a.Outside, where{party: id})
		if err != nil {
			return nil, nil, fmt.Errorf("outside for %s: %w", id, err)
		}
		outside, powers[k] = append(outside, value), exact.Int(1)
		if a.Power == nil {
			continue
		}
		if powers[k], err = l.source.eval(*a.Power, where{party: id}); err != nil {
			return nil, nil, fmt.Errorf("power for %s: %w", id, err)
		}
		if powers[k].Sign() <= 0 {
			return nil, nil, fmt.Errorf("power for %s: %w: %s is not above 0", id, ErrRange, powers[k])
		}
	}
	factor, at := common(powers)
	if at >= 0 {
		return nil, nil, fmt.Errorf("power for %s: %w: the common denominator of all powers exceeds 2^40; round them", l.source.receivers[at], ErrRange)
	}
	for k, p := range powers {
		whole, ok := times(p, factor, MaxCost)
		if !ok {
			return nil, nil, fmt.Errorf("power for %s: %w: %s times %s exceeds 2^40", l.source.receivers[k], ErrRange, p, factor)
		}
		power = append(power, whole)
	}
	return outside, power, nil
}

// scale sets costs and outside options to worths times the least common multiple of
// all denominators.
func scale(s *comity.Stage, columns []column, worths, outside []exact.Rat) error {
	factor, at := common(slices.Concat(worths, outside))
	if at >= 0 {
		what := "an outside option"
		if at < len(columns) {
			what = "worth of " + columns[at].ID
		}
		return fmt.Errorf("%s: %w: the common denominator of all worths exceeds 2^40; round the measure, as in round(x, 1/16)", what, ErrRange)
	}
	s.Scale = canon.Int(factor.Int64())
	s.Costs = make([]canon.Int, len(columns))
	for j, w := range worths {
		var ok bool
		if s.Costs[j], ok = times(w, factor, MaxCost); !ok {
			return fmt.Errorf("worth of %s: %w: %s times scale %s exceeds 2^40; use smaller or rounder weights", columns[j].ID, ErrRange, w, factor)
		}
	}
	for _, o := range outside {
		whole, ok := times(o, factor, maxWorth)
		if !ok {
			return fmt.Errorf("an outside option: %w: %s times scale %s exceeds 2^62; use smaller or rounder worths", ErrRange, o, factor)
		}
		s.Outside = append(s.Outside, whole)
	}
	return nil
}

// maxWorth keeps a worth and the activity of a row within 64 bits.
const maxWorth = 1 << 62

// common returns the least common multiple of all denominators, or the index of the
// number with which it passes MaxCost; -1 if none does.
func common(numbers []exact.Rat) (*big.Int, int) {
	limit, multiple, gcd := big.NewInt(MaxCost), big.NewInt(1), new(big.Int)
	for k, x := range numbers {
		den := x.Big().Denom()
		gcd.GCD(nil, nil, multiple, den)
		multiple.Mul(multiple, gcd.Quo(den, gcd))
		if multiple.Cmp(limit) > 0 {
			return nil, k
		}
	}
	return multiple, -1
}

// times returns x times a multiple of its denominator, if that is at most limit.
func times(x exact.Rat, factor *big.Int, limit int64) (canon.Int, bool) {
	r := x.Big()
	whole := new(big.Int).Quo(factor, r.Denom())
	whole.Mul(whole, r.Num())
	return canon.Int(whole.Int64()), whole.CmpAbs(big.NewInt(limit)) <= 0
}
