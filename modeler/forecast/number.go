package forecast

import "comity/modeler/fixed"

// logOf returns log1p of thousandths of a unit in Q16; MaxValue gives 20.7.
func logOf(thousandths int64) int32 { return int32(fixed.Log1p(thousandths)) } //nolint:gosec // Below 2^21.

// naturalOf is the way back, never below zero.
func naturalOf(x int64) int64 { return max(fixed.Expm1(fixed.Q16(x)), 0) }

// nearest returns a/b, rounded half away from zero.
func nearest(a, b int64) int64 { return fixed.RoundDiv(a, b) }

// root returns the square root of a non-negative number, rounded down.
func root(v int64) int64 { return int64(fixed.Sqrt(uint64(v))) } //nolint:gosec // Squares of 32-bit values over their number.

// clamp holds v within -bound and bound.
func clamp(v, bound int64) int64 { return min(max(v, -bound), bound) }

// calendar holds what the date alone says, by column of a panel.
type calendar struct {
	sine, cosine, number []int32
	season               []int
}

func newCalendar(first week, columns int) *calendar {
	c := &calendar{}
	for col := range columns {
		w := first + week(col)
		n := w.ofYear()
		// A mean year has 52.2 weeks, near enough to 365.25/7 for a slow wave.
		c.sine = append(c.sine, int32(fixed.Sin(int64(10*n), 522)))     //nolint:gosec // At most one.
		c.cosine = append(c.cosine, int32(fixed.Cos(int64(10*n), 522))) //nolint:gosec // At most one.
		if n < 27 {
			n += 52 // A winter is one stretch: week 1 follows week 52.
		}
		c.number = append(c.number, int32(n)*one) //nolint:gosec // At most 79.
		c.season = append(c.season, w.season())
	}
	return c
}
