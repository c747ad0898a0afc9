package own

import (
	"fmt"
	"slices"
	"strconv"

	"comity"
	"comity/canon"
	"comity/pack"
	"comity/party"
	"comity/quantity"
)

// maxWeek bounds the weeks of a scenario at twenty years, as the packs do.
const maxWeek = 1040

// needs declares the numbers of scenario.yaml that the charter asks for. It implements
// pack.Needs.
type needs struct {
	document *document
	periods  int               // How many weeks the charter plans at once.
	values   comity.DataClause // Under which each member declares; zero without one.
	supplied comity.DataClause // Under which the operator does; zero without one.
}

// declare looks up what a clause asks for in a week. A value by period is that of the
// week and of those that follow.
func (n *needs) declare(c comity.DataClause, week int, number func(name string, week int) int64) map[string]canon.Int {
	out := map[string]canon.Int{}
	for _, name := range c.Values {
		if !c.ByPeriod {
			out[name] = canon.Int(number(name, week))
			continue
		}
		for t := range n.periods {
			out[name+"/"+strconv.Itoa(t+1)] = canon.Int(number(name, week+t))
		}
	}
	return out
}

// Declare returns a member's numbers of a week; "population" and "received" come by
// themselves.
func (n *needs) Declare(id party.ID, week int, received quantity.Amount) (map[string]canon.Int, error) {
	i := slices.IndexFunc(n.document.members, func(m member) bool { return m.party.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("declaration of %q: %w", id, pack.ErrUnknown)
	}
	if week < 0 || week > maxWeek {
		return nil, fmt.Errorf("declaration of %s in week %d: %w; weeks are 0 to %d", id, week, pack.ErrPeriod, maxWeek)
	}
	if received < 0 || int64(received) > maxNumber {
		return nil, fmt.Errorf("declaration of %s: %w: %d units", id, pack.ErrReceived, int64(received))
	}
	m := n.document.members[i]
	return n.declare(n.values, week, func(name string, week int) int64 {
		switch name {
		case "population":
			return m.population
		case "received":
			return int64(received)
		default:
			return m.needs[name].of(week)
		}
	}), nil
}

// Supply returns what the operator declares in a week.
func (n *needs) Supply(week int) (map[string]canon.Int, error) {
	if week < 0 || week > maxWeek {
		return nil, fmt.Errorf("supply of week %d: %w; weeks are 0 to %d", week, pack.ErrPeriod, maxWeek)
	}
	return n.declare(n.supplied, week, func(name string, week int) int64 { return n.document.supply[name].of(week) }), nil
}
