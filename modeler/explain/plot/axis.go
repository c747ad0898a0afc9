package plot

import "math"

// axis maps numbers to places between two ends of the drawing.
type axis struct {
	lo, hi   float64 // Numbers.
	from, to float64 // Places.
	log      bool
}

// place returns where a number is drawn.
func (a axis) place(v float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	return a.from + (v-lo)/(hi-lo)*(a.to-a.from)
}

// newAxis spans the numbers, with some room beyond them, out to round ones.
func newAxis(lo, hi, from, to float64) axis {
	if lo == hi {
		room := max(math.Abs(lo)/10, 1)
		if lo == 0 {
			lo, hi = -room, room
		} else {
			lo, hi = lo-room, hi+room
		}
	}
	step := tickStep(lo, hi)
	return axis{lo: math.Floor(lo/step) * step, hi: math.Ceil(hi/step) * step, from: from, to: to}
}

// wanted is about how many parts an axis has.
const wanted = 5

// tickStep returns the step of 1, 2 or 5 times a power of ten that gives about as many
// parts as wanted.
func tickStep(lo, hi float64) float64 {
	raw := (hi - lo) / wanted
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, times := range []float64{1, 2, 5} {
		if raw <= times*unit*1.001 {
			return times * unit
		}
	}
	return 10 * unit
}

// ticks returns the round numbers on an axis.
func (a axis) ticks() []float64 {
	if a.log {
		return a.logTicks()
	}
	step := tickStep(a.lo, a.hi)
	var ticks []float64
	for k := math.Ceil(a.lo/step - 1e-9); k*step <= a.hi+step*1e-9 && len(ticks) < 4*wanted; k++ {
		ticks = append(ticks, k*step)
	}
	return ticks
}

// logTicks returns powers of ten, with 2 and 5 times them if those are few.
func (a axis) logTicks() []float64 {
	times := []float64{1}
	if a.hi/a.lo < 1e4 {
		times = []float64{1, 2, 5}
	}
	var ticks []float64
	for p := math.Floor(math.Log10(a.lo)); p <= math.Ceil(math.Log10(a.hi)); p++ {
		for _, t := range times {
			if v := t * math.Pow(10, p); v >= a.lo*(1-1e-9) && v <= a.hi*(1+1e-9) {
				ticks = append(ticks, v)
			}
		}
	}
	for len(ticks) > 4*wanted { // Over hundreds of powers of ten.
		half := ticks[:0]
		for i := 0; i < len(ticks); i += 2 {
			half = append(half, ticks[i])
		}
		ticks = half
	}
	return ticks
}

// field is where the numbers of a figure are drawn.
type field struct{ left, right, upper, base float64 }

// rows draws a grid of horizontal lines with their numbers at the left.
func (c *canvas) rows(f field, y axis) {
	for _, v := range y.ticks() {
		at0 := y.place(v)
		c.line("grid", 1, [2]float64{f.left, at0}, [2]float64{f.right, at0})
		c.text("dim", at{f.left - 8, at0 + 4, "end"}, 12, plain(number(v)))
	}
}

// columns draws marks with numbers along the base.
func (c *canvas) columns(f field, x axis) {
	for _, v := range x.ticks() {
		at0 := x.place(v)
		c.line("axis", 1, [2]float64{at0, f.base}, [2]float64{at0, f.base + 5})
		c.text("dim", at{at0, f.base + 19, "middle"}, 12, plain(number(v)))
	}
	c.line("axis", 1, [2]float64{f.left, f.base}, [2]float64{f.right, f.base})
}
