package dc

import (
	"fmt"
	"math/big"

	"comity/allocator/linear"
	"comity/exact"
)

// Programme is the linear programme of a grid whose quadratic costs are replaced by
// tangents: what holds for all its points holds for all dispatches. Columns are, in this
// order, outputs, costs that are not linear, flows and angles. Every column has two
// bounds, those of angles and of flows without a rate being implied by the other rows,
// so that any prices prove something.
type Programme struct {
	linear.Programme

	Output, Cost, Flow, Angle []int // Columns; -1 where a cost is linear.
	Difference                []int // Rows of limits of angles by branch; -1 where the rate implies them.
}

// Programme returns the programme with tangents of quadratic costs at stated outputs, by
// generator. Rows are balances by bus, flows by branch, limits of angles, lines of costs.
func (g *Grid) Programme(name string, tangents [][]exact.Rat) Programme {
	p := Programme{Programme: linear.Programme{Name: name, Rows: []linear.Row{}}}
	constant := new(big.Rat)
	for _, from := range g.Generators {
		p.Output = append(p.Output, p.column(fmt.Sprintf("output %d", from.Row), from.Min.Big(), from.Max.Big()))
		if from.Cost.IsLinear() {
			p.Columns[len(p.Columns)-1].Cost = from.Cost.Polynomial[1]
			constant.Add(constant, from.Cost.Polynomial[0].Big())
		}
	}
	p.Constant = exact.FromBig(constant)
	for _, from := range g.Generators {
		at := -1
		if !from.Cost.IsLinear() {
			low, high := from.Cost.Span(from.Min.Big(), from.Max.Big())
			at = p.column(fmt.Sprintf("cost %d", from.Row), low, high)
			p.Columns[at].Cost = exact.Int(1)
		}
		p.Cost = append(p.Cost, at)
	}
	for _, e := range g.Branches {
		most := e.Rate
		if most == nil { // Implied by the angles.
			most = new(big.Rat).Quo(new(big.Rat).Abs(e.Push), e.Square)
			most = up(most.Mul(most, big.NewRat(e.reach, millionths)), 0)
		}
		p.Flow = append(p.Flow, p.column(fmt.Sprintf("flow %d", e.Row), new(big.Rat).Neg(most), most))
	}
	for _, b := range g.Buses {
		p.Angle = append(p.Angle, p.column(fmt.Sprintf("angle %d", b.ID), big.NewRat(-b.reach, millionths), big.NewRat(b.reach, millionths)))
	}
	g.balances(&p)
	g.branchRows(&p)
	g.costRows(&p, tangents)
	return p
}

func (p *Programme) column(name string, low, high *big.Rat) int {
	p.Columns = append(p.Columns, linear.Column{Name: name, Lower: rational(low), Upper: rational(high)})
	return len(p.Columns) - 1
}

// balances says at each bus: what is generated and enters is used and leaves.
func (g *Grid) balances(p *Programme) {
	rows := make([]linear.Row, len(g.Buses))
	for k, b := range g.Buses {
		rows[k] = linear.Row{Name: fmt.Sprintf("balance %d", b.ID), Lower: rational(b.Load), Upper: rational(b.Load), Terms: []linear.Term{}}
	}
	add := func(bus, column int, sign int64) {
		rows[bus].Terms = append(rows[bus].Terms, linear.Term{Column: column, Coeff: exact.Int(sign)})
	}
	for k, from := range g.Generators { // Outputs come before flows: columns ascend.
		add(from.At, p.Output[k], 1)
	}
	for k, e := range g.Branches {
		add(e.From, p.Flow[k], -1)
		add(e.To, p.Flow[k], 1)
	}
	p.Rows = append(p.Rows, rows...)
}

// branchRows says what flow a difference of angles drives, and how large it may be.
func (g *Grid) branchRows(p *Programme) {
	for k, e := range g.Branches {
		push := exact.FromBig(e.Push)
		from, to := linear.Term{Column: p.Angle[e.From], Coeff: push.Neg()}, linear.Term{Column: p.Angle[e.To], Coeff: push}
		terms := append([]linear.Term{{Column: p.Flow[k], Coeff: exact.FromBig(e.Square)}}, ascending(from, to)...)
		p.Rows = append(p.Rows, linear.Row{Name: fmt.Sprintf("branch %d", e.Row), Lower: new(exact.Rat), Upper: new(exact.Rat), Terms: terms})
	}
	for k, e := range g.Branches {
		p.Difference = append(p.Difference, -1)
		if !e.free {
			continue
		}
		p.Difference[k] = len(p.Rows)
		from, to := linear.Term{Column: p.Angle[e.From], Coeff: exact.Int(1)}, linear.Term{Column: p.Angle[e.To], Coeff: exact.Int(-1)}
		p.Rows = append(p.Rows, linear.Row{
			Name: fmt.Sprintf("difference %d", e.Row), Lower: rational(e.Low), Upper: rational(e.High), Terms: ascending(from, to),
		})
	}
}

func ascending(a, b linear.Term) []linear.Term {
	if a.Column > b.Column {
		a, b = b, a
	}
	return []linear.Term{a, b}
}

// costRows keeps costs above their lines: run·t - rise·g >= level.
func (g *Grid) costRows(p *Programme, tangents [][]exact.Rat) {
	for k, from := range g.Generators {
		if p.Cost[k] < 0 {
			continue
		}
		for n, l := range from.Cost.Below(tangents[k]) {
			row := linear.Row{Name: fmt.Sprintf("cost %d, line %d", from.Row, n+1), Lower: rational(l.Level)}
			if l.Rise.Sign() != 0 {
				row.Terms = append(row.Terms, linear.Term{Column: p.Output[k], Coeff: *rational(new(big.Rat).Neg(l.Rise))})
			}
			row.Terms = append(row.Terms, linear.Term{Column: p.Cost[k], Coeff: *rational(l.Run)})
			p.Rows = append(p.Rows, row)
		}
	}
}
