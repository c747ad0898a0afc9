package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Curve is how one number follows from another, such as the skill of a private model from
// its privacy budget.
type Curve struct {
	Frame

	X, Y   string // What is on the axes, with units.
	LogX   bool   // Equal ratios of X are equally far apart; all of X is above 0.
	Points []CurvePoint
	Lines  []Reference // To compare with.
}

// CurvePoint is a point with its standard error, or NaN where that is not known. X ascends.
type CurvePoint struct{ X, Y, SE float64 }

// Reference is a level of Y with a name.
type Reference struct {
	Name string
	Y    float64
}

const curveHeight = 380

// SVG draws the curve with its 95 % band.
func (f Curve) SVG() ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range f.Points {
		se := p.SE
		if math.IsNaN(se) {
			se = 0
		}
		lo, hi = min(lo, p.Y-twoSided*se), max(hi, p.Y+twoSided*se)
	}
	for _, l := range f.Lines {
		lo, hi = min(lo, l.Y), max(hi, l.Y)
	}
	c := f.start(curveHeight)
	in := field{margin + 58, width - margin - 12, top + 30, curveHeight - 54}
	c.text("dim", at{margin, top + 12, "start"}, 12, fit(f.Y, width-2*margin, 12))
	y := newAxis(lo, hi, in.base, in.upper)
	x := f.xAxis(in)
	c.rows(in, y)
	c.columns(in, x)
	c.curve(x, y, f.Points)
	for _, l := range f.Lines {
		c.dash("axis", [2]float64{in.left, y.place(l.Y)}, [2]float64{in.right, y.place(l.Y)})
		c.text("dim", at{in.right, y.place(l.Y) - 6, "end"}, 12, fit(l.Name+" "+number(l.Y), in.right-in.left, 12))
	}
	c.text("dim", at{(in.left + in.right) / 2, in.base + 40, "middle"}, 13, fit(f.X, width-2*margin, 13))
	return c.finish(f.says()), nil
}

// xAxis spans the points, with a little room at both ends.
func (f Curve) xAxis(in field) axis {
	lo, hi := f.Points[0].X, f.Points[len(f.Points)-1].X
	if !f.LogX {
		return newAxis(lo, hi, in.left, in.right)
	}
	room := max(math.Pow(hi/lo, 0.04), 1.05)
	return axis{lo: lo / room, hi: hi * room, from: in.left, to: in.right, log: true}
}

func (c *canvas) curve(x, y axis, points []CurvePoint) {
	var upper, lower, line [][2]float64
	banded := false
	for _, p := range points {
		se := p.SE
		if math.IsNaN(se) {
			se = 0
		}
		banded = banded || se > 0
		at0 := x.place(p.X)
		upper = append(upper, [2]float64{at0, y.place(p.Y + twoSided*se)})
		lower = append(lower, [2]float64{at0, y.place(p.Y - twoSided*se)})
		line = append(line, [2]float64{at0, y.place(p.Y)})
	}
	if banded {
		slices.Reverse(lower)
		c.area("band", append(upper, lower...)...)
	}
	c.line("line", 2.5, line...)
	for i, p := range points {
		c.dot("mark", line[i][0], line[i][1], 4, number(p.X)+": "+interval(p.Y, twoSided*p.SE))
	}
}

func (f Curve) check() error {
	if err := checkCount("points", len(f.Points)); err != nil {
		return err
	}
	for i, p := range f.Points {
		if err := check("a point", p.X, p.Y); err != nil {
			return err
		}
		if !math.IsNaN(p.SE) {
			if err := check("a standard error", p.SE); err != nil {
				return err
			}
		}
		if p.SE < 0 || i > 0 && p.X <= f.Points[i-1].X || f.LogX && p.X < 1/float64(largest) {
			return fmt.Errorf("%w: point %d at %v with standard error %v; points ascend, and are above 0 on a logarithmic axis", ErrFigure, i, p.X, p.SE)
		}
	}
	for _, l := range f.Lines {
		if err := check(l.Name, l.Y); err != nil {
			return err
		}
	}
	return nil
}

// says describes the figure in words.
func (f Curve) says() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s by %s:", f.Y, f.X)
	for _, p := range f.Points[:min(len(f.Points), spoken)] {
		fmt.Fprintf(&text, " %s at %s;", number(p.Y), number(p.X))
	}
	for _, l := range f.Lines[:min(len(f.Lines), spoken)] {
		fmt.Fprintf(&text, " %s is %s;", l.Name, number(l.Y))
	}
	return text.String()
}
