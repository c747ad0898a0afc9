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

// rules lowers the constraints. What each kind becomes is in docs/format/charter.md,
// Kinds of constraint.
func (l *lowering) rules() error {
	for _, c := range l.charter.Constraints {
		if err := l.rule(c); err != nil {
			return fmt.Errorf("clause %s: %w", c.ID, err)
		}
		if len(l.problem.Rows) > MaxSize {
			return l.tooMany(len(l.problem.Rows))
		}
	}
	return nil
}

func (l *lowering) rule(c comity.Constraint) error {
	if err := charter.Fits(c); err != nil {
		return fmt.Errorf("%w: %w", ErrCharter, err)
	}
	for _, name := range slices.Concat(c.Groups, c.Of) {
		if !slices.ContainsFunc(l.charter.Objective.Groups, func(g comity.Group) bool { return g.ID == name }) {
			return fmt.Errorf("%w: %s is no group of the objective; name one", ErrCharter, name)
		}
	}
	switch c.Kind {
	case charter.Budget, charter.Floor, charter.Cap, charter.Rationality:
		return l.sums(c)
	case charter.Affine:
		return l.affine(c)
	case charter.Ratio:
		return l.ratio(c)
	case charter.Conservation:
		return l.conservation(c)
	case charter.Stock:
		return l.stock(c)
	case charter.MinimumLot:
		return l.lots(c)
	case charter.Inequality:
		return l.inequality(c)
	default:
		return nil // A flow limit is a column; forbidden inputs are held by checkForbidden.
	}
}

// places lists what c holds for on its own.
func (l *lowering) places(each string) []where {
	var list []where
	periods, parties := []int{0}, l.source.receivers
	if each == charter.EachPeriod || each == charter.EachPartyPeriod {
		periods = nil
		for t := range l.charter.Scope.Periods {
			periods = append(periods, t+1)
		}
	}
	if each == charter.EachAll || each == charter.EachPeriod {
		parties = parties[:1:1] // Whoever it is; the name is taken off below.
	}
	for _, id := range parties {
		for _, t := range periods {
			w := where{id, t}
			if each == charter.EachAll || each == charter.EachPeriod {
				w.party = ""
			}
			list = append(list, w)
		}
	}
	return list
}

// name is the id of a row or means of a clause: "c.floor/KE@03".
func (l *lowering) name(id string, w where) string {
	if w.party != "" {
		id += "/" + string(w.party)
	}
	return id + l.suffix(w.period)
}

// about says in an error for whom and when a number was computed.
func (w where) about(err error) error {
	switch {
	case w.party != "" && w.period > 0:
		return fmt.Errorf("for %s in period %d: %w", w.party, w.period, err)
	case w.party != "":
		return fmt.Errorf("for %s: %w", w.party, err)
	case w.period > 0:
		return fmt.Errorf("in period %d: %w", w.period, err)
	}
	return err
}

// whole evaluates a number of units, rounded down.
func (l *lowering) whole(e comity.Expr, w where) (quantity.Amount, error) {
	value, err := l.source.eval(e, w)
	if err != nil {
		return 0, w.about(err)
	}
	n, err := units(value)
	if err != nil {
		return 0, w.about(err)
	}
	return n, nil
}

// add appends a row. Coefficients of one column are added up, and zeros dropped. A row
// whose sum could pass 2^62 is refused: checkers add it up in 64 bits.
func (l *lowering) add(row comity.Row) error {
	slices.SortFunc(row.Terms, func(a, b comity.Term) int { return a.Column - b.Column })
	terms := row.Terms[:0:0]
	for _, t := range row.Terms {
		if n := len(terms); n > 0 && terms[n-1].Column == t.Column {
			terms[n-1].Coeff += t.Coeff
			continue
		}
		terms = append(terms, t)
	}
	row.Terms = slices.DeleteFunc(terms, func(t comity.Term) bool { return t.Coeff == 0 })
	sum, product := new(big.Int), new(big.Int)
	for _, t := range row.Terms {
		product.Mul(product.SetInt64(int64(t.Coeff)), big.NewInt(int64(l.columns[t.Column].Upper)))
		sum.Add(sum, product.Abs(product))
	}
	if sum.Cmp(big.NewInt(maxWorth)) > 0 {
		return fmt.Errorf("row %s: %w: its sum can reach %s, above 2^62; use rounder or smaller numbers", row.ID, ErrRange, sum)
	}
	l.problem.Rows = append(l.problem.Rows, row)
	return nil
}

// ones returns terms of coefficient one.
func ones(columns []int) []comity.Term { return repeated(columns, 1) }

func repeated(columns []int, coeff canon.Int) []comity.Term {
	terms := make([]comity.Term, len(columns))
	for k, j := range columns {
		terms[k] = comity.Term{Column: j, Coeff: coeff}
	}
	return terms
}

// sums bounds what is handed out: a budget or cap from above, a floor or what a party
// has alone from below.
func (l *lowering) sums(c comity.Constraint) error {
	bound := c.AtMost
	for _, e := range []*comity.Expr{c.AtLeast, c.Baseline} {
		if e != nil {
			bound = e
		}
	}
	for _, w := range l.places(charter.Each(c)) {
		n, err := l.whole(*bound, w)
		if err != nil {
			return err
		}
		row := comity.Row{ID: l.name(c.ID, w), Clause: c.ID, Terms: ones(l.chosen(w, c.Groups))}
		if c.AtMost != nil {
			row.Upper = &n
		} else {
			row.Lower = &n
		}
		if err := l.add(row); err != nil {
			return err
		}
	}
	return nil
}

// affine bounds a weighted sum. Both sides are multiplied by the least common multiple
// of the weights' denominators; rounding the bound then loses no whole plan.
func (l *lowering) affine(c comity.Constraint) error {
	for _, w := range l.places(charter.Each(c)) {
		columns := l.chosen(w, c.Groups)
		weights := make([]exact.Rat, len(columns))
		for k, j := range columns {
			at := where{l.columns[j].Party, l.columns[j].period}
			var err error
			if weights[k], err = l.source.eval(*c.Coefficient, at); err != nil {
				return at.about(err)
			}
		}
		factor, over := common(weights)
		if over >= 0 {
			return fmt.Errorf("coefficient of %s: %w: the common denominator of all exceeds 2^40; round them", l.columns[columns[over]].ID, ErrRange)
		}
		row := comity.Row{ID: l.name(c.ID, w), Clause: c.ID}
		for k, j := range columns {
			coeff, ok := times(weights[k], factor, MaxCost)
			if !ok {
				return fmt.Errorf("coefficient of %s: %w: %s times %s exceeds 2^40; use smaller or rounder numbers", l.columns[j].ID, ErrRange, weights[k], factor)
			}
			row.Terms = append(row.Terms, comity.Term{Column: j, Coeff: coeff})
		}
		if err := l.bound(&row, c, w, exact.FromBig(new(big.Rat).SetInt(factor))); err != nil {
			return err
		}
		if err := l.add(row); err != nil {
			return err
		}
	}
	return nil
}

// bound sets the side of a row that c has, times factor: at most is rounded down and at
// least up, as the left side is whole.
func (l *lowering) bound(row *comity.Row, c comity.Constraint, w where, factor exact.Rat) error {
	e, sign := c.AtMost, exact.Int(1)
	if e == nil {
		e, sign = c.AtLeast, exact.Int(-1)
	}
	value, err := l.source.eval(*e, w)
	if err != nil {
		return w.about(err)
	}
	n, err := units(value.Mul(factor).Mul(sign))
	if err != nil {
		return w.about(err)
	}
	if c.AtMost != nil {
		row.Upper = &n
	} else {
		n = -n
		row.Lower = &n
	}
	return nil
}

// ratio compares what goes to some groups with r times what goes to others: for
// r = n/d the row is d times the first less n times the second.
func (l *lowering) ratio(c comity.Constraint) error {
	e := c.AtMost
	if e == nil {
		e = c.AtLeast
	}
	for _, w := range l.places(charter.Each(c)) {
		value, err := l.source.eval(*e, w)
		if err != nil {
			return w.about(err)
		}
		r := value.Big()
		if limit := big.NewInt(MaxCost); r.Num().CmpAbs(limit) > 0 || r.Denom().Cmp(limit) > 0 {
			return w.about(fmt.Errorf("%w: ratio %s; numerator and denominator are at most 2^40, so round it", ErrRange, value))
		}
		row := comity.Row{ID: l.name(c.ID, w), Clause: c.ID}
		row.Terms = append(repeated(l.chosen(w, c.Groups), canon.Int(r.Denom().Int64())), repeated(l.chosen(w, c.Of), canon.Int(-r.Num().Int64()))...)
		zero := quantity.Amount(0)
		if c.AtMost != nil {
			row.Upper = &zero
		} else {
			row.Lower = &zero
		}
		if err := l.add(row); err != nil {
			return err
		}
	}
	return nil
}
