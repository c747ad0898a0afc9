package basis

import (
	"math"
	"math/big"

	"comity/allocator/linear"
	"comity/allocator/solve"
	"comity/exact"
)

// newElastic lets every row be missed at a cost of one for each unit, and asks for the
// least total. It is feasible; above zero, its prices show that p is not (Chinneck,
// "Feasibility and Infeasibility in Optimization" (2008), section 6.1).
func newElastic(p linear.Programme) linear.Programme {
	e := linear.Programme{Columns: p.Relaxed().Columns, Rows: make([]linear.Row, len(p.Rows))}
	for j := range e.Columns {
		e.Columns[j].Cost = exact.Int(0)
	}
	zero := exact.Int(0)
	miss := func(r *linear.Row, side string, coeff int64) {
		r.Terms = append(r.Terms, linear.Term{Column: len(e.Columns), Coeff: exact.Int(coeff)})
		e.Columns = append(e.Columns, linear.Column{Name: r.Name + side, Cost: exact.Int(1), Lower: &zero})
	}
	for i, r := range p.Rows {
		r.Terms = append([]linear.Term{}, r.Terms...)
		if r.Lower != nil {
			miss(&r, "-", 1)
		}
		if r.Upper != nil {
			miss(&r, "+", -1)
		}
		e.Rows[i] = r
	}
	return e
}

// newSteps is the cone of directions of p, cut off at one unit in each column.
func newSteps(p linear.Programme) linear.Programme {
	steps := p.Cone()
	down, up := exact.Int(-1), exact.Int(1)
	for j := range steps.Columns {
		if c := &steps.Columns[j]; c.Lower == nil {
			c.Lower = &down
		}
		if c := &steps.Columns[j]; c.Upper == nil {
			c.Upper = &up
		}
	}
	return steps
}

// newFixed holds the columns of whole numbers at the nearest ones to a point.
func newFixed(p linear.Programme, point []float64) linear.Programme {
	fixed := p.Relaxed()
	for j, c := range p.Columns {
		if !c.Integer {
			continue
		}
		nearest, _ := new(big.Float).SetFloat64(math.Round(point[j])).Int(nil)
		value := exact.FromBig(new(big.Rat).SetInt(nearest))
		fixed.Columns[j].Lower, fixed.Columns[j].Upper = &value, &value
	}
	return fixed
}

// lower writes a programme as the solver wants it: maximised, in floating point, by
// columns.
func lower(p linear.Programme) solve.LP {
	lp := solve.LP{Start: make([]int32, len(p.Columns)+1)}
	for _, c := range p.Columns {
		cost := float(&c.Cost, 0)
		if !p.Maximise {
			cost = -cost
		}
		lp.Cost = append(lp.Cost, cost)
		lp.Lower = append(lp.Lower, float(c.Lower, math.Inf(-1)))
		lp.Upper = append(lp.Upper, float(c.Upper, math.Inf(1)))
	}
	for _, r := range p.Rows {
		lp.RowLower = append(lp.RowLower, float(r.Lower, math.Inf(-1)))
		lp.RowUpper = append(lp.RowUpper, float(r.Upper, math.Inf(1)))
		for _, t := range r.Terms {
			lp.Start[t.Column+1]++
		}
	}
	for j := range p.Columns {
		lp.Start[j+1] += lp.Start[j]
	}
	next := append([]int32{}, lp.Start...)
	lp.Index, lp.Value = make([]int32, lp.Start[len(p.Columns)]), make([]float64, lp.Start[len(p.Columns)])
	for i, r := range p.Rows {
		for _, t := range r.Terms {
			at := next[t.Column]
			lp.Index[at], lp.Value[at] = int32(i), float(&t.Coeff, 0)
			next[t.Column]++
		}
	}
	return lp
}

func float(x *exact.Rat, absent float64) float64 {
	if x == nil {
		return absent
	}
	value, _ := x.Big().Float64()
	return value
}
