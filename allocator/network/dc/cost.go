package dc

import (
	"math/big"

	"comity/exact"
)

// Line is a lower bound of a convex cost: Run·t >= Rise·g + Level.
type Line struct{ Run, Rise, Level *big.Rat }

func (l Line) slope() *big.Rat { return new(big.Rat).Quo(l.Rise, l.Run) }

// at returns what the line allows at an output.
func (l Line) at(output *big.Rat) *big.Rat {
	t := new(big.Rat).Mul(l.Rise, output)
	return t.Quo(t.Add(t, l.Level), l.Run)
}

// lines returns those between the points.
func (c Cost) lines() []Line {
	all := []Line{}
	for k := range len(c.Points) - 1 {
		a, b := c.Points[k], c.Points[k+1]
		run, rise := b.Output.Sub(a.Output).Big(), b.Cost.Sub(a.Cost).Big()
		level := new(big.Rat).Mul(run, a.Cost.Big())
		level.Sub(level, new(big.Rat).Mul(rise, a.Output.Big()))
		all = append(all, Line{run, rise, level})
	}
	return all
}

// tangent returns the line that touches the polynomial at an output.
func (c Cost) tangent(at *big.Rat) Line {
	twice := new(big.Rat).Mul(c.Polynomial[2].Big(), at)
	level := new(big.Rat).Mul(twice, at)
	level.Sub(c.Polynomial[0].Big(), level)
	twice.Add(twice, twice)
	return Line{big.NewRat(1, 1), twice.Add(twice, c.Polynomial[1].Big()), level}
}

// Below returns the lines that a programme has for the cost.
func (c Cost) Below(tangents []exact.Rat) []Line {
	all := c.lines()
	for _, at := range tangents {
		all = append(all, c.tangent(at.Big()))
	}
	return all
}

// IsLinear tells whether the cost is a polynomial without a square.
func (c Cost) IsLinear() bool { return len(c.Points) == 0 && c.Polynomial[2].Sign() == 0 }

// IsQuadratic tells whether the cost is approached by tangents.
func (c Cost) IsQuadratic() bool { return len(c.Points) == 0 && c.Polynomial[2].Sign() > 0 }

// at returns the cost of an output.
func (c Cost) at(output *big.Rat) *big.Rat {
	if len(c.Points) == 0 {
		v := new(big.Rat).Mul(c.Polynomial[2].Big(), output)
		v.Mul(v.Add(v, c.Polynomial[1].Big()), output)
		return v.Add(v, c.Polynomial[0].Big())
	}
	var most *big.Rat
	for _, l := range c.lines() {
		if v := l.at(output); most == nil || v.Cmp(most) > 0 {
			most = v
		}
	}
	return most
}

// Span returns bounds of the cost between two outputs: the greatest cost of a convex
// function is at an end, and no line lies above the function.
func (c Cost) Span(low, high *big.Rat) (least, most *big.Rat) {
	most = c.at(low)
	if v := c.at(high); v.Cmp(most) > 0 {
		most = v
	}
	l := c.tangent(low)
	if len(c.Points) > 0 {
		l = c.lines()[0]
	}
	least = l.at(low)
	if v := l.at(high); v.Cmp(least) < 0 {
		least = v
	}
	return down(least, 0), up(most, 0)
}

// down returns the next decimal of some places that is not above x.
func down(x *big.Rat, places int64) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(places), nil)
	n := new(big.Int).Mul(x.Num(), scale)
	n.Div(n, x.Denom()) // Rounds down, as the divisor is positive.
	return new(big.Rat).SetFrac(n, scale)
}

// up returns the next decimal of some places that is not below x.
func up(x *big.Rat, places int64) *big.Rat {
	y := down(new(big.Rat).Neg(x), places)
	return y.Neg(y)
}
