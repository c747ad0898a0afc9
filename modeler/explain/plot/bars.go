package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Bars are importances, the largest first.
type Bars struct {
	Frame

	Axis string // What is measured, with its unit.
	Bars []Bar
	Most int // How many are drawn; 0: 20. The others are counted.
}

// Bar is one importance with its standard error, or with NaN where that is not known.
type Bar struct {
	Name      string
	Value, SE float64
}

const (
	rowHeight  = 26
	nameRoom   = 190
	valueRoom  = 120
	twoSided   = 1.96 // Standard errors of a 95 % interval.
	usualMarks = 20
)

// SVG draws the bars with their 95 % intervals.
func (f Bars) SVG() ([]byte, error) {
	if err := checkCount("bars", len(f.Bars)); err != nil {
		return nil, err
	}
	bars := slices.Clone(f.Bars)
	hi, lo := 0.0, 0.0
	for i, b := range bars {
		if err := check("the value of "+b.Name, b.Value); err != nil {
			return nil, err
		}
		if math.IsNaN(b.SE) {
			bars[i].SE = 0
		} else if err := check("the standard error of "+b.Name, b.SE); err != nil {
			return nil, err
		}
		hi, lo = max(hi, b.Value+twoSided*bars[i].SE), min(lo, b.Value-twoSided*bars[i].SE)
	}
	lo = max(lo, -hi/4) // An interval that reaches far below 0 says no more than that it does.
	slices.SortStableFunc(bars, func(a, b Bar) int { return cmpDown(a.Value, b.Value) })
	most, left := f.Most, 0
	if most < 1 {
		most = usualMarks
	}
	if len(bars) > most {
		left, bars = len(bars)-most, bars[:most]
	}
	base := float64(top + rowHeight*len(bars) + 4)
	c := f.start(base + 48 + float64(18*min(1, left)))
	in := field{margin + nameRoom, width - margin - valueRoom, top, base}
	x := newAxis(lo, hi, in.left, in.right)
	for _, v := range x.ticks() {
		c.line("grid", 1, [2]float64{x.place(v), top}, [2]float64{x.place(v), base})
	}
	for i, b := range bars {
		c.bar(in, x, i, b)
	}
	c.columns(in, x)
	c.text("dim", at{(in.left + in.right) / 2, base + 38, "middle"}, 13, fit(f.Axis, width-2*margin, 13))
	if left > 0 {
		c.text("dim", at{margin, base + 58, "start"}, 12, plain(fmt.Sprintf("and %d more, none larger", left)))
	}
	return c.finish(f.says(bars, left)), nil
}

// bar draws one row.
func (c *canvas) bar(in field, x axis, row int, b Bar) {
	y := float64(top + rowHeight*row)
	middle := y + rowHeight/2
	zero, end := x.place(0), x.place(max(b.Value, x.lo))
	text := interval(b.Value, twoSided*b.SE)
	c.text("text", at{in.left - 10, middle + 4, "end"}, 13, fit(b.Name, nameRoom-14, 13))
	c.rect("bar", box{min(zero, end), y + 4, math.Abs(end - zero), rowHeight - 8}, b.Name+": "+text)
	if b.SE > 0 {
		from, to := x.place(max(b.Value-twoSided*b.SE, x.lo)), x.place(b.Value+twoSided*b.SE)
		c.line("whisker", 1.5, [2]float64{from, middle}, [2]float64{to, middle})
		c.line("whisker", 1.5, [2]float64{to, middle - 4}, [2]float64{to, middle + 4})
		c.line("whisker", 1.5, [2]float64{from, middle - 4}, [2]float64{from, middle + 4})
	}
	c.text("dim", at{in.right + 10, middle + 4, "start"}, 12, fit(text, valueRoom-8, 12))
}

func cmpDown(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

// says describes the figure in words.
func (f Bars) says(bars []Bar, left int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Bar chart of %d features by %s, largest first:", len(bars)+left, f.Axis)
	for _, b := range bars[:min(len(bars), spoken)] {
		fmt.Fprintf(&text, " %s %s;", b.Name, number(b.Value))
	}
	return text.String() + " intervals are of 95 %."
}

// spoken is how many parts of a figure its description names: it is listened to.
const spoken = 8
