package program

import (
	"fmt"
	"slices"
	"strings"

	"comity"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

// means makes the columns that serve a constraint and go to no party: flows, stocks and
// the yes or no of a lot.
func (l *lowering) means() error {
	for _, c := range l.charter.Constraints {
		if err := charter.Fits(c); err != nil {
			return fmt.Errorf("clause %s: %w: %w", c.ID, ErrCharter, err)
		}
		var err error
		switch c.Kind {
		case charter.FlowLimit:
			err = l.flow(c)
		case charter.Stock:
			err = l.store(c)
		case charter.MinimumLot:
			err = l.choices(c)
		}
		if err != nil {
			return fmt.Errorf("clause %s: %w", c.ID, err)
		}
	}
	return nil
}

func (l *lowering) mean(id string, period int, upper quantity.Amount) {
	l.columns = append(l.columns, column{Column: comity.Column{ID: id, Upper: upper}, period: period})
}

// flow makes the column of a flow in each period. One that begins or ends at a party that
// never declared is left out: what it has to give and needs is unknown.
func (l *lowering) flow(c comity.Constraint) error {
	if c.From == c.To {
		return fmt.Errorf("%w: a flow from %s to itself; name two parties", ErrCharter, c.From)
	}
	for _, end := range []party.ID{c.From, c.To} {
		if slices.Contains(l.source.absent, end) {
			return nil
		}
		if !slices.Contains(l.source.receivers, end) {
			return fmt.Errorf("%w: %s receives nothing, so nothing balances what flows there; name a receiving party", ErrCharter, end)
		}
	}
	for t := 1; t <= l.charter.Scope.Periods; t++ {
		most, err := l.whole(*c.AtMost, where{period: t})
		if err != nil {
			return err
		}
		l.mean(flowID(c)+l.suffix(t), t, max(most, 0))
	}
	return nil
}

func flowID(c comity.Constraint) string { return "flow/" + c.ID }

// store makes the column of what is in store at the end of each period.
func (l *lowering) store(c comity.Constraint) error {
	for _, w := range l.stores(c) {
		most, err := l.whole(*c.AtMost, w)
		if err != nil {
			return err
		}
		l.mean("stock/"+l.name(c.ID, w), w.period, max(most, 0))
	}
	return nil
}

// stores lists the balances of a stock: one for each period, of all or of each party.
func (l *lowering) stores(c comity.Constraint) []where {
	if charter.Each(c) == charter.EachParty {
		return l.places(charter.EachPartyPeriod)
	}
	return l.places(charter.EachPeriod)
}

// conservation: what a party gets, and what flows out less what flows in, is at most
// what arrives there.
func (l *lowering) conservation(c comity.Constraint) error {
	for _, w := range l.places(charter.EachPartyPeriod) {
		arrivals, err := l.whole(*c.Arrivals, w)
		if err != nil {
			return err
		}
		row := comity.Row{ID: l.name(c.ID, w), Clause: c.ID, Upper: &arrivals}
		row.Terms = append(ones(l.chosen(w, c.Groups)), l.flows(w)...)
		if err := l.add(row); err != nil {
			return err
		}
	}
	return nil
}

// flows returns what flows out of a party in a period, less what flows in.
func (l *lowering) flows(w where) []comity.Term {
	var terms []comity.Term
	for _, c := range l.charter.Constraints {
		j, ok := l.at[flowID(c)+l.suffix(w.period)]
		switch {
		case c.Kind != charter.FlowLimit || !ok:
		case c.From == w.party:
			terms = append(terms, comity.Term{Column: j, Coeff: 1})
		case c.To == w.party:
			terms = append(terms, comity.Term{Column: j, Coeff: -1})
		}
	}
	return terms
}

// stock: what is handed out in a period and kept after it is at most what was kept
// before it and arrives in it. What is neither is not taken into the store.
func (l *lowering) stock(c comity.Constraint) error {
	for _, w := range l.stores(c) {
		arrivals, err := l.whole(*c.Arrivals, w)
		if err != nil {
			return err
		}
		row := comity.Row{ID: l.name(c.ID, w), Clause: c.ID, Terms: ones(l.chosen(w, c.Groups))}
		row.Terms = append(row.Terms, comity.Term{Column: l.at["stock/"+l.name(c.ID, w)], Coeff: 1})
		if w.party != "" {
			row.Terms = append(row.Terms, l.flows(w)...)
		}
		before := where{w.party, w.period - 1}
		if before.period > 0 {
			row.Terms = append(row.Terms, comity.Term{Column: l.at["stock/"+l.name(c.ID, before)], Coeff: -1})
		} else {
			opening, err := l.whole(*c.Opening, before)
			if err != nil {
				return err
			}
			if arrivals, err = arrivals.Add(opening); err != nil || arrivals > MaxAmount {
				return before.about(fmt.Errorf("%w: opening and arrivals are above %d units", ErrRange, quantity.Amount(MaxAmount)))
			}
		}
		row.Upper = &arrivals
		if err := l.add(row); err != nil {
			return err
		}
	}
	return nil
}

// choices makes the column that says whether a party gets a lot: 0 or 1.
func (l *lowering) choices(c comity.Constraint) error {
	for _, w := range l.places(charter.Each(c)) {
		lot, err := l.whole(*c.Lot, w)
		if err != nil {
			return err
		}
		if lot < 0 {
			return w.about(fmt.Errorf("%w: a lot of %d; write 0 for no rule", ErrRange, lot))
		}
		if lot > 0 {
			l.mean("lot/"+l.name(c.ID, w), w.period, 1)
		}
	}
	return nil
}

// lots: a party gets nothing, or at least a lot. With the column y that is 0 or 1, what
// it gets is at least lot times y, and no column of it is above its own bound times y. One
// row for their sum would say the same of whole plans and far less of fractions: a group
// that is small and dear could be served in full with hardly any of a lot.
func (l *lowering) lots(c comity.Constraint) error {
	for _, w := range l.places(charter.Each(c)) {
		name := l.name(c.ID, w)
		y, ok := l.at["lot/"+name]
		if !ok {
			continue // The lot is 0: no rule.
		}
		lot, err := l.whole(*c.Lot, w)
		if err != nil {
			return err
		}
		zero := quantity.Amount(0)
		columns := l.chosen(w, c.Groups)
		rows := []comity.Row{{ID: name + "/least", Clause: c.ID, Lower: &zero, Terms: append(ones(columns), comity.Term{Column: y, Coeff: -canon.Int(lot)})}}
		for _, j := range columns {
			if most := l.columns[j].Upper; most > 0 {
				id := name + "/most" + strings.TrimPrefix(l.columns[j].ID, string(w.party))
				rows = append(rows, comity.Row{ID: id, Clause: c.ID, Upper: &zero, Terms: append(ones([]int{j}), comity.Term{Column: y, Coeff: -canon.Int(most)})})
			}
		}
		for _, row := range rows {
			if err := l.add(row); err != nil {
				return err
			}
		}
	}
	return nil
}
