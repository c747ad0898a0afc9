package own

import (
	"fmt"
	"slices"

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
	values   []string // Of each member.
	supplied []string // Of the operator.
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
	out := map[string]canon.Int{}
	for _, name := range n.values {
		switch name {
		case "population":
			out[name] = canon.Int(n.document.members[i].population)
		case "received":
			out[name] = canon.Int(received)
		default:
			out[name] = canon.Int(n.document.members[i].needs[name].of(week))
		}
	}
	return out, nil
}

// Supply returns what the operator declares in a week.
func (n *needs) Supply(week int) (map[string]canon.Int, error) {
	if week < 0 || week > maxWeek {
		return nil, fmt.Errorf("supply of week %d: %w; weeks are 0 to %d", week, pack.ErrPeriod, maxWeek)
	}
	out := map[string]canon.Int{}
	for _, name := range n.supplied {
		out[name] = canon.Int(n.document.supply[name].of(week))
	}
	return out, nil
}
