package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Waterfall shows how one score came about: from the base, feature by feature.
type Waterfall struct {
	Frame

	Axis  string // The scale of the score.
	Base  float64
	Parts []Part
	Score float64
	Most  int // How many parts are drawn, the largest in magnitude; 0: 12. The others stand together.
}

// Part is what one feature's value adds.
type Part struct {
	Name  string // Of the feature.
	Value string // That it has; may be empty.
	Adds  float64
}

const usualParts = 12

// SVG draws the parts from the base to the score.
func (f Waterfall) SVG() ([]byte, error) {
	if err := checkCount("parts", len(f.Parts)); err != nil {
		return nil, err
	}
	if err := check("base or score", f.Base, f.Score); err != nil {
		return nil, err
	}
	sum := f.Base
	size := math.Abs(f.Base)
	for _, p := range f.Parts {
		if err := check("what "+p.Name+" adds", p.Adds); err != nil {
			return nil, err
		}
		sum += p.Adds
		size += math.Abs(p.Adds)
	}
	if math.Abs(sum-f.Score) > 1e-6*max(1, size) {
		return nil, fmt.Errorf("%w: base and parts add up to %v, the score is %v", ErrFigure, sum, f.Score)
	}
	parts := f.drawn()
	lo, hi, now := min(f.Base, f.Score), max(f.Base, f.Score), f.Base
	for _, p := range parts {
		now += p.Adds
		lo, hi = min(lo, now), max(hi, now)
	}
	base := float64(top + rowHeight*(len(parts)+2) + 4)
	c := f.start(base + 48)
	in := field{margin + nameRoom + 50, width - margin - 70, top, base}
	x := newAxis(lo, hi, in.left, in.right)
	for _, v := range x.ticks() {
		c.line("grid", 1, [2]float64{x.place(v), top}, [2]float64{x.place(v), base})
	}
	c.level(in, x, 0, "base", f.Base)
	now = f.Base
	for i, p := range parts {
		c.part(in, x, i+1, p, now)
		now += p.Adds
	}
	c.level(in, x, len(parts)+1, "score", f.Score)
	c.columns(in, x)
	c.text("dim", at{(in.left + in.right) / 2, base + 38, "middle"}, 13, fit(f.Axis, width-2*margin, 13))
	return c.finish(f.says(parts)), nil
}

// drawn returns the largest parts, and the sum of the others as one.
func (f Waterfall) drawn() []Part {
	most := f.Most
	if most < 1 {
		most = usualParts
	}
	parts := slices.Clone(f.Parts)
	slices.SortStableFunc(parts, func(a, b Part) int { return cmpDown(math.Abs(a.Adds), math.Abs(b.Adds)) })
	if len(parts) <= most {
		return parts
	}
	rest := Part{Name: fmt.Sprintf("%d other features", len(parts)-most+1)}
	for _, p := range parts[most-1:] {
		rest.Adds += p.Adds
	}
	return append(parts[:most-1:most-1], rest)
}

// level draws the base or the score as a mark of its own row.
func (c *canvas) level(in field, x axis, row int, name string, v float64) {
	y := float64(top + rowHeight*row)
	c.text("text", at{in.left - 10, y + rowHeight/2 + 4, "end"}, 13, plain(name))
	c.line("line", 3, [2]float64{x.place(v), y + 3}, [2]float64{x.place(v), y + rowHeight - 3})
	c.text("text", at{in.right + 10, y + rowHeight/2 + 4, "start"}, 13, plain(number(v)))
}

// part draws one step, and the thin line that joins it to the row before.
func (c *canvas) part(in field, x axis, row int, p Part, from float64) {
	y := float64(top + rowHeight*row)
	name := p.Name
	if p.Value != "" {
		name += " = " + p.Value
	}
	class := "up"
	if p.Adds < 0 {
		class = "down"
	}
	a, b := x.place(from), x.place(from+p.Adds)
	c.line("axis", 1, [2]float64{a, y - 3}, [2]float64{a, y + rowHeight - 4})
	c.text("text", at{in.left - 10, y + rowHeight/2 + 4, "end"}, 13, fit(name, nameRoom+36, 13))
	c.rect(class, box{min(a, b), y + 4, max(math.Abs(b-a), 1), rowHeight - 8}, name+": "+signed(p.Adds))
	c.text("dim", at{in.right + 10, y + rowHeight/2 + 4, "start"}, 12, plain(signed(p.Adds)))
}

// says describes the figure in words.
func (f Waterfall) says(parts []Part) string {
	var text strings.Builder
	fmt.Fprintf(&text, "From the base %s to the score %s:", number(f.Base), number(f.Score))
	for _, p := range parts[:min(len(parts), spoken)] {
		fmt.Fprintf(&text, " %s %s;", p.Name, signed(p.Adds))
	}
	return text.String()
}
