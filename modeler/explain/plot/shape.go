package plot

import (
	"fmt"
	"math"
	"slices"
)

// Shape is how a score moves with one feature.
type Shape struct {
	Frame

	Axis    string  // The feature, with its unit.
	Adds    string  // What its values add to, with its unit.
	Steps   []Step  // Of a number: side by side, ascending.
	Kinds   []Level // Of a category.
	Missing *Level  // What a missing value adds; may be nil.
}

// Step is what a number between Low and High adds.
type Step struct {
	Low, High float64
	Mean, SE  float64 // A standard error of NaN is not known.
	Count     int     // Rows whose value lies there.
}

// Level is what a category, or a missing value, adds.
type Level struct {
	Name     string
	Mean, SE float64
	Count    int
}

const (
	shapeHeight = 400
	rugHeight   = 34
)

// SVG draws the function with its 95 % band, and under it how many rows there are.
func (f Shape) SVG() ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	lo, hi := 0.0, 0.0
	for _, l := range f.levels() {
		lo, hi = min(lo, l.Mean-twoSided*l.SE), max(hi, l.Mean+twoSided*l.SE)
	}
	c := f.start(shapeHeight)
	in := field{margin + 58, width - margin, top + 30, shapeHeight - 58 - rugHeight}
	c.text("dim", at{margin, top + 12, "start"}, 12, fit(f.Adds, width-2*margin, 12))
	y := newAxis(lo, hi, in.base, in.upper)
	c.rows(in, y)
	c.line("axis", 1, [2]float64{in.left, y.place(0)}, [2]float64{in.right, y.place(0)})
	body := in
	body.base += rugHeight
	if f.Steps != nil {
		if f.Missing != nil {
			body.right -= 84
		}
		c.steps(body, y, f.Steps)
	} else {
		c.kinds(body, y, f.Kinds, 0)
	}
	if f.Missing != nil && f.Steps != nil {
		c.kinds(field{body.right + 24, in.right, in.upper, body.base}, y, []Level{*f.Missing}, f.rows())
	}
	c.text("dim", at{(in.left + in.right) / 2, shapeHeight - 14, "middle"}, 13, fit(f.Axis, width-2*margin, 13))
	return c.finish(f.says()), nil
}

// levels returns all that is drawn, with errors that are not known as 0.
func (f Shape) levels() []Level {
	var all []Level
	for _, s := range f.Steps {
		all = append(all, Level{"", s.Mean, s.SE, s.Count})
	}
	all = append(all, f.Kinds...)
	if f.Missing != nil {
		all = append(all, *f.Missing)
	}
	for i := range all {
		if math.IsNaN(all[i].SE) {
			all[i].SE = 0
		}
	}
	return all
}

// rows returns how many rows there are in all.
func (f Shape) rows() (n int) {
	for _, l := range f.levels() {
		n += l.Count
	}
	return n
}

func (f Shape) check() error {
	if (f.Steps == nil) == (f.Kinds == nil) {
		return fmt.Errorf("%w: %d steps and %d kinds; a feature has either", ErrFigure, len(f.Steps), len(f.Kinds))
	}
	if err := checkCount("steps or kinds", len(f.Steps)+len(f.Kinds)); err != nil {
		return err
	}
	for i, s := range f.Steps {
		if err := check("a step", s.Low, s.High); err != nil {
			return err
		}
		if !(s.Low < s.High) || i > 0 && s.Low != f.Steps[i-1].High {
			return fmt.Errorf("%w: step %d goes from %v to %v; steps ascend side by side", ErrFigure, i, s.Low, s.High)
		}
	}
	for _, l := range f.levels() {
		if err := check("what a value adds", l.Mean, l.SE); err != nil {
			return err
		}
		if l.Count < 0 || l.SE < 0 {
			return fmt.Errorf("%w: %d rows and a standard error of %v", ErrFigure, l.Count, l.SE)
		}
	}
	return nil
}

// steps draws the function of a number.
func (c *canvas) steps(in field, y axis, steps []Step) {
	x := axis{lo: steps[0].Low, hi: steps[len(steps)-1].High, from: in.left, to: in.right}
	var upper, lower, line [][2]float64
	dense := 0.0
	for _, s := range steps {
		dense = max(dense, float64(s.Count)/(s.High-s.Low))
		a, b := x.place(s.Low), x.place(s.High)
		se := s.SE
		if math.IsNaN(se) {
			se = 0
		}
		up, down, at0 := y.place(s.Mean+twoSided*se), y.place(s.Mean-twoSided*se), y.place(s.Mean)
		upper = append(upper, [2]float64{a, up}, [2]float64{b, up})
		lower = append(lower, [2]float64{a, down}, [2]float64{b, down})
		line = append(line, [2]float64{a, at0}, [2]float64{b, at0})
	}
	slices.Reverse(lower)
	c.area("band", append(upper, lower...)...)
	c.line("line", 2.5, line...)
	for _, s := range steps {
		if s.Count == 0 {
			continue
		}
		h := float64(s.Count) / (s.High - s.Low) / dense * (rugHeight - 6)
		c.rect("rug", box{x.place(s.Low), in.base - h, max(x.place(s.High)-x.place(s.Low), 0.5), h},
			fmt.Sprintf("%s to %s: %s, %s", number(s.Low), number(s.High), signed(s.Mean), rowsText(s.Count)))
	}
	c.columns(in, x)
}

// kinds draws the levels of a category. The tallest grey bar is that of most rows, 0 for
// as many as the fullest level has.
func (c *canvas) kinds(in field, y axis, kinds []Level, most int) {
	const least = 20 // Below it, names say nothing.
	room := (in.right - in.left) / float64(len(kinds))
	for _, k := range kinds {
		most = max(most, k.Count)
	}
	for i, k := range kinds {
		x := in.left + (float64(i)+0.5)*room
		wide := min(room*0.6, 40)
		h := float64(k.Count) / float64(max(1, most)) * (rugHeight - 6)
		c.rect("rug", box{x - wide/2, in.base - h, wide, h}, k.Name+": "+rowsText(k.Count))
		if k.SE > 0 {
			up, down := y.place(k.Mean+twoSided*k.SE), y.place(k.Mean-twoSided*k.SE)
			c.rect("band", box{x - wide/2, up, wide, down - up}, "")
		}
		c.line("line", 3, [2]float64{x - wide/2, y.place(k.Mean)}, [2]float64{x + wide/2, y.place(k.Mean)})
		if room >= least {
			c.text("dim", at{x, in.base + 19, "middle"}, 12, fit(k.Name, max(room-6, least), 12))
		}
		c.dot("mark", x, y.place(k.Mean), 3.5, fmt.Sprintf("%s: %s, %s", k.Name, signed(k.Mean), rowsText(k.Count)))
	}
	c.line("axis", 1, [2]float64{in.left, in.base}, [2]float64{in.right, in.base})
}

func rowsText(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// says describes the figure in words.
func (f Shape) says() string {
	levels := f.levels()
	low, high := levels[0], levels[0]
	for _, l := range levels {
		if l.Mean < low.Mean {
			low = l
		}
		if l.Mean > high.Mean {
			high = l
		}
	}
	text := fmt.Sprintf("%s adds from %s to %s", f.Axis, signed(low.Mean), signed(high.Mean))
	if f.Steps != nil {
		a, b := f.Steps[0], f.Steps[len(f.Steps)-1]
		text += fmt.Sprintf("; at %s it adds %s, at %s it adds %s", number(a.Low), signed(a.Mean), number(b.High), signed(b.Mean))
	} else {
		text += fmt.Sprintf("; least for %s, most for %s", low.Name, high.Name)
	}
	return text + ". The band is of 95 %; grey shows how many rows there are."
}
