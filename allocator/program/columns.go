package program

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"comity"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

// where is what a number is one for: a party or, empty, all; a period or, 0, the plan.
type where struct {
	party  party.ID
	period int
}

// column is a column of the problem and what it stands for.
type column struct {
	comity.Column
	group  string
	weight exact.Rat // Of the group times that of the piece of its benefit.
	pieces int       // How many pieces the group's benefit has.
	period int
}

// shares makes the columns of what parties get: one for each party, group, piece and
// period. A need that differs by period bounds each period, any other the whole plan.
func (l *lowering) shares() error {
	groups := l.charter.Objective.Groups
	if len(groups) == 0 {
		return fmt.Errorf("%w: objective without groups", ErrCharter)
	}
	size := 0
	for _, g := range groups {
		if err := falls(g.Benefit); err != nil {
			return fmt.Errorf("benefit of group %s: %w", g.ID, err)
		}
		size += max(1, len(g.Benefit))
	}
	if size *= len(l.source.receivers); size > MaxSize/l.charter.Scope.Periods {
		return l.tooMany(size * l.charter.Scope.Periods)
	}
	l.needed = map[party.ID]quantity.Amount{}
	for _, id := range l.source.receivers {
		for _, g := range groups {
			if err := l.share(id, g); err != nil {
				return fmt.Errorf("need of group %s for %s: %w", g.ID, id, err)
			}
		}
	}
	return nil
}

// falls refuses a benefit whose pieces do not add up or do not fall: units would go to
// a later piece first, and the pieces mean nothing.
func falls(benefit []comity.Piece) error {
	var sum exact.Rat
	for k, p := range benefit {
		if p.Share.Sign() <= 0 || p.Weight.Sign() < 0 || k > 0 && p.Weight.Cmp(benefit[k-1].Weight) >= 0 {
			return fmt.Errorf("%w: piece %d has share %s and weight %s; write shares above 0 and weights of at least 0 that fall", ErrCharter, k+1, p.Share, p.Weight)
		}
		sum = sum.Add(p.Share)
	}
	if len(benefit) > 0 && sum.Cmp(exact.Int(1)) != 0 {
		return fmt.Errorf("%w: shares add up to %s; make them add up to 1", ErrCharter, sum)
	}
	return nil
}

func (*lowering) tooMany(n int) error {
	return fmt.Errorf("%w: %d columns or rows, at most %d; plan fewer periods, groups or pieces", ErrRange, n, MaxSize)
}

// share makes the columns of one party and group.
func (l *lowering) share(id party.ID, g comity.Group) error {
	if charter.OfPeriod(l.charter, g.Need) {
		for t := range l.charter.Scope.Periods {
			pieces, err := l.pieces(where{id, t + 1}, g)
			if err != nil {
				return err
			}
			l.hold(id, g, pieces, t+1)
		}
		return nil
	}
	pieces, err := l.pieces(where{party: id}, g)
	if err != nil {
		return err
	}
	for t := range l.charter.Scope.Periods {
		l.hold(id, g, pieces, t+1)
	}
	if l.charter.Scope.Periods > 1 {
		for k, most := range pieces {
			l.problem.Rows = append(l.problem.Rows, comity.Row{ID: needClause + "/" + pieceID(id, g, k), Clause: needClause, Upper: &most})
		}
	}
	return nil
}

// needClause is the clause of the rows that bound what a group gets over a plan. No clause
// of a charter has this id: theirs have a dot.
const needClause = "need"

// pieces evaluates a need, adds it to what the party needs, and cuts it up.
func (l *lowering) pieces(w where, g comity.Group) ([]quantity.Amount, error) {
	value, err := l.source.eval(g.Need, w)
	if err != nil {
		return nil, err
	}
	need, err := units(value)
	if err != nil {
		return nil, err
	}
	need = max(need, 0)
	if l.needed[w.party], err = l.needed[w.party].Add(need); err != nil || l.needed[w.party] > MaxAmount {
		return nil, fmt.Errorf("%w: above %d units in all groups", ErrRange, quantity.Amount(MaxAmount))
	}
	return split(need, g.Benefit), nil
}

// hold makes the columns of one party and group in one period.
func (l *lowering) hold(id party.ID, g comity.Group, pieces []quantity.Amount, period int) {
	for k, most := range pieces {
		weight := g.Weight
		if len(g.Benefit) > 0 {
			weight = weight.Mul(g.Benefit[k].Weight)
		}
		l.columns = append(l.columns, column{
			Column: comity.Column{ID: pieceID(id, g, k) + l.suffix(period), Party: id, Upper: most},
			group:  g.ID, weight: weight, pieces: len(pieces), period: period,
		})
	}
}

// pieceID names what a party gets for a piece of a group's benefit, or for the group.
func pieceID(id party.ID, g comity.Group, k int) string {
	name := string(id) + "/" + g.ID
	if len(g.Benefit) > 0 {
		name += "." + strconv.Itoa(k+1)
	}
	return name
}

// split cuts a need into the pieces of a benefit, each end rounded down.
func split(need quantity.Amount, benefit []comity.Piece) []quantity.Amount {
	if len(benefit) == 0 {
		return []quantity.Amount{need}
	}
	pieces := make([]quantity.Amount, len(benefit))
	var share exact.Rat
	var before quantity.Amount
	for k, p := range benefit {
		share = share.Add(p.Share)
		end := quantity.Amount(share.Mul(exact.Int(int64(need))).Floor().Int64()) // At most need: shares add up to 1.
		pieces[k], before = end-before, end
	}
	return pieces
}

// suffix names a period of a plan of several, so that ids in order are periods in order.
func (l *lowering) suffix(period int) string {
	if l.charter.Scope.Periods == 1 || period == 0 {
		return ""
	}
	return fmt.Sprintf("@%0*d", len(strconv.Itoa(l.charter.Scope.Periods)), period)
}

// arrange sorts the columns by id and keeps where each one stands.
func (l *lowering) arrange() error {
	if len(l.columns) > MaxSize {
		return l.tooMany(len(l.columns))
	}
	slices.SortFunc(l.columns, func(a, b column) int { return cmp.Compare(a.ID, b.ID) })
	l.at, l.under = map[string]int{}, map[where][]int{}
	for j, c := range l.columns {
		if _, ok := l.at[c.ID]; ok {
			return fmt.Errorf("%w: column %s twice; give each group and clause its own id", ErrCharter, c.ID)
		}
		l.at[c.ID] = j
		l.problem.Columns = append(l.problem.Columns, c.Column)
		if c.Party == "" {
			continue
		}
		for _, w := range []where{{}, {c.Party, 0}, {"", c.period}, {c.Party, c.period}} {
			l.under[w] = append(l.under[w], j)
		}
	}
	return nil
}

// chosen returns the columns at w that belong to one of groups, or to any without groups.
func (l *lowering) chosen(w where, groups []string) []int {
	if groups == nil {
		return l.under[w]
	}
	var list []int
	for _, j := range l.under[w] {
		if slices.Contains(groups, l.columns[j].group) {
			list = append(list, j)
		}
	}
	return list
}

// needs writes what evenness is measured against, and fills the rows that bound what
// a group gets over the whole plan.
func (l *lowering) needs() error {
	for _, id := range l.source.receivers {
		l.problem.Needs = append(l.problem.Needs, comity.Need{Party: id, Amount: l.needed[id]})
	}
	for i := range l.problem.Rows {
		row := &l.problem.Rows[i]
		for t := 1; t <= l.charter.Scope.Periods; t++ {
			row.Terms = append(row.Terms, comity.Term{Column: l.at[row.ID[len(needClause)+1:]+l.suffix(t)], Coeff: 1})
		}
	}
	return nil
}
