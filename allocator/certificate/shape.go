package certificate

import (
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// CheckShape accepts a problem only in its one canonical form: columns, rows and
// needs in ascending order without repetition, terms in ascending order, non-zero
// and inside the problem, no empty interval, no need below zero.
func CheckShape(p comity.Problem) error {
	for j, c := range p.Columns {
		if j > 0 && p.Columns[j-1].ID >= c.ID {
			return fmt.Errorf("%w: column %q stands after %q; sort columns by id", ErrShape, c.ID, p.Columns[j-1].ID)
		}
		if c.Party != "" {
			if _, ok := findNeed(p.Needs, c.Party); !ok {
				return fmt.Errorf("%w: column %s is of party %s, which has no need", ErrShape, c.ID, c.Party)
			}
			if c.Lower < 0 {
				return fmt.Errorf("%w: column %s of party %s may be %d, below 0", ErrShape, c.ID, c.Party, c.Lower)
			}
		}
		if c.Lower > c.Upper {
			return fmt.Errorf("%w: column %s has lower bound %d above upper bound %d", ErrShape, c.ID, c.Lower, c.Upper)
		}
	}
	for i, r := range p.Rows {
		if i > 0 && p.Rows[i-1].ID >= r.ID {
			return fmt.Errorf("%w: row %q stands after %q; sort rows by id", ErrShape, r.ID, p.Rows[i-1].ID)
		}
		if err := checkRow(r, len(p.Columns)); err != nil {
			return err
		}
	}
	for k, n := range p.Needs {
		if k > 0 && p.Needs[k-1].Party >= n.Party {
			return fmt.Errorf("%w: need of %q stands after %q; sort needs by party", ErrShape, n.Party, p.Needs[k-1].Party)
		}
		if n.Amount < 0 {
			return fmt.Errorf("%w: need of %s is %d, below 0", ErrShape, n.Party, n.Amount)
		}
	}
	if len(p.Stages) == 0 {
		return fmt.Errorf("%w: a problem without a stage; say what it aims at", ErrShape)
	}
	for _, s := range p.Stages {
		if err := checkStage(s, p); err != nil {
			return fmt.Errorf("stage %.40q: %w", s.ID, err)
		}
	}
	for i, l := range p.Limits {
		if i > 0 && p.Limits[i-1].ID >= l.ID {
			return fmt.Errorf("%w: limit %q stands after %q; sort limits by id", ErrShape, l.ID, p.Limits[i-1].ID)
		}
		if err := checkLimit(l, p); err != nil {
			return fmt.Errorf("limit %.40q: %w", l.ID, err)
		}
	}
	return nil
}

func checkStage(s comity.Stage, p comity.Problem) error {
	needs := len(p.Needs)
	want := map[string][3]int{Weighted: {0, 0, 0}, Maximin: {needs, 0, 0}, Leximin: {needs, 0, 0}, Nash: {0, needs, needs}}
	have := [3]int{len(s.Per), len(s.Outside), len(s.Power)}
	if lengths, ok := want[s.Kind]; !ok || lengths != have || len(s.Costs) != len(p.Columns) || s.ID == Evenness {
		return fmt.Errorf("%w: kind %.40q with %d costs for %d columns, and %d sizes, %d alternatives and %d powers for %d parties",
			ErrShape, s.Kind, len(s.Costs), len(p.Columns), have[0], have[1], have[2], needs)
	}
	if s.Kind != Weighted && needs == 0 {
		return fmt.Errorf("%w: an aim of kind %s without parties", ErrShape, s.Kind)
	}
	if s.Scale < 1 || s.Slack.Sign() < 0 || s.Kind == Nash && s.Slack.Sign() > 0 {
		return fmt.Errorf("%w: scale %d, slack %s; a scale is at least 1, a slack at least 0, and 0 for nash", ErrShape, s.Scale, s.Slack)
	}
	if slices.ContainsFunc(s.Per, func(a quantity.Amount) bool { return a < 1 }) || slices.ContainsFunc(s.Power, func(x canon.Int) bool { return x < 1 }) {
		return fmt.Errorf("%w: a size or power below 1", ErrShape)
	}
	return nil
}

func checkLimit(l comity.Limit, p comity.Problem) error {
	if l.Kind != LimitGini && l.Kind != LimitJain || len(l.Per) != len(p.Needs) || len(p.Needs) == 0 {
		return fmt.Errorf("%w: kind %.40q with %d sizes for %d parties", ErrShape, l.Kind, len(l.Per), len(p.Needs))
	}
	if l.Bound.Sign() < 0 || l.Bound.Cmp(exact.Int(1)) > 0 || l.Kind == LimitJain && l.Bound.Sign() == 0 {
		return fmt.Errorf("%w: bound %s; it lies between 0 and 1, above 0 for jain", ErrShape, l.Bound)
	}
	if slices.ContainsFunc(l.Per, func(a quantity.Amount) bool { return a < 1 }) {
		return fmt.Errorf("%w: a size below 1", ErrShape)
	}
	return nil
}

func checkRow(r comity.Row, columns int) error {
	if r.Lower != nil && r.Upper != nil && *r.Lower > *r.Upper {
		return fmt.Errorf("%w: row %s has lower bound %d above upper bound %d", ErrShape, r.ID, *r.Lower, *r.Upper)
	}
	for k, term := range r.Terms {
		if term.Column < 0 || term.Column >= columns {
			return fmt.Errorf("%w: row %s names column %d of %d", ErrShape, r.ID, term.Column, columns)
		}
		if term.Coeff == 0 || k > 0 && r.Terms[k-1].Column >= term.Column {
			return fmt.Errorf("%w: row %s has term %d out of order or zero", ErrShape, r.ID, k)
		}
	}
	return nil
}

func findNeed(needs []comity.Need, id party.ID) (int, bool) {
	return slices.BinarySearchFunc(needs, id, func(n comity.Need, id party.ID) int {
		switch {
		case n.Party < id:
			return -1
		case n.Party > id:
			return 1
		default:
			return 0
		}
	})
}
