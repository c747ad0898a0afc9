package linear

import (
	"comity"
	"comity/exact"
	"comity/quantity"
)

// FromProblem returns the linear programme of an allocation problem: maximise its first
// stage, in scaled cost, over columns that need not be whole. Limits, and a first stage
// that is no weighted sum, have no linear form: without one every plan is worth 0.
func FromProblem(p comity.Problem) Programme {
	q := Programme{Name: p.Period, Maximise: true, Columns: make([]Column, len(p.Columns)), Rows: make([]Row, len(p.Rows))}
	for j, c := range p.Columns {
		q.Columns[j] = Column{Name: c.ID, Cost: exact.Int(cost(p, j)), Lower: amount(&c.Lower), Upper: amount(&c.Upper)}
	}
	for i, r := range p.Rows {
		q.Rows[i] = Row{Name: r.ID, Lower: amount(r.Lower), Upper: amount(r.Upper), Terms: make([]Term, len(r.Terms))}
		for k, t := range r.Terms {
			q.Rows[i].Terms[k] = Term{Column: t.Column, Coeff: exact.Int(int64(t.Coeff))}
		}
	}
	return q
}

func cost(p comity.Problem, column int) int64 {
	if len(p.Stages) == 0 || p.Stages[0].Kind != "weighted" {
		return 0
	}
	return int64(p.Stages[0].Costs[column])
}

func amount(a *quantity.Amount) *exact.Rat {
	if a == nil {
		return nil
	}
	value := exact.Int(int64(*a))
	return &value
}
