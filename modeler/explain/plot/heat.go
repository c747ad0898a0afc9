package plot

import (
	"fmt"
	"math"
)

// Heat is what two features add together, by cells.
type Heat struct {
	Frame

	X, Y    string      // The features.
	Columns []string    // Names of the cells along X, from left to right.
	Rows    []string    // Along Y, from the bottom to the top.
	Adds    [][]float64 // By row and column; NaN where there is nothing.
}

// steps of the scale on each side of 0.
const heatSteps = 5

// SVG draws the cells, blue for what takes away and orange for what adds.
func (f Heat) SVG() ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	most := 0.0
	for _, row := range f.Adds {
		for _, v := range row {
			if !math.IsNaN(v) {
				most = max(most, math.Abs(v))
			}
		}
	}
	tall := min(max(float64(len(f.Rows))*24, 160), 380)
	in := field{margin + 120, width - margin - 96, top + 32, top + 32 + tall}
	c := f.start(in.base + 58)
	c.text("dim", at{margin, top + 14, "start"}, 12, fit(f.Y, width-2*margin, 13))
	w, h := (in.right-in.left)/float64(len(f.Columns)), (in.base-in.upper)/float64(len(f.Rows))
	for j, row := range f.Adds {
		for i, v := range row {
			if !math.IsNaN(v) {
				// A little wider than its place, so that no seams show between cells.
				c.rect(heatClass(v, most), box{in.left + float64(i)*w, in.base - float64(j+1)*h, w + 0.4, h + 0.4},
					fmt.Sprintf("%s, %s: %s", f.Columns[i], f.Rows[j], signed(v)))
			}
		}
	}
	every := names(h, 16)
	for j := 0; j < len(f.Rows); j += every {
		c.text("dim", at{in.left - 8, in.base - (float64(j)+0.5)*h + 4, "end"}, 12, fit(f.Rows[j], 108, 12))
	}
	every = names(w, 52)
	for i := 0; i < len(f.Columns); i += every {
		c.text("dim", at{in.left + (float64(i)+0.5)*w, in.base + 18, "middle"}, 12, fit(f.Columns[i], w*float64(every)-4, 12))
	}
	c.text("dim", at{(in.left + in.right) / 2, in.base + 42, "middle"}, 13, fit(f.X, width-2*margin, 13))
	c.scale(field{in.right + 20, in.right + 38, in.upper, in.upper + min(tall, 220)}, most)
	return c.finish(fmt.Sprintf("Heat map of what %s and %s add together, in %d by %d cells, from %s to %s.",
		f.X, f.Y, len(f.Columns), len(f.Rows), minus+number(most), signed(most))), nil
}

// names returns how many cells there are from one name to the next.
func names(cell, room float64) int { return max(1, int(math.Ceil(room/cell))) }

// heatClass returns the colour of a value: one of 11 steps from -most to most.
func heatClass(v, most float64) string {
	if most == 0 {
		return "h5"
	}
	return fmt.Sprintf("h%d", heatSteps+int(math.Round(v/most*heatSteps)))
}

// scale draws what the colours mean.
func (c *canvas) scale(in field, most float64) {
	h := (in.base - in.upper) / (2*heatSteps + 1)
	for k := range 2*heatSteps + 1 {
		c.rect(fmt.Sprintf("h%d", 2*heatSteps-k), box{in.left, in.upper + float64(k)*h, in.right - in.left, h + 0.4}, "")
	}
	for _, l := range []struct{ y, v float64 }{{in.upper + h/2, most}, {(in.upper + in.base) / 2, 0}, {in.base - h/2, -most}} {
		c.text("dim", at{in.right + 6, l.y + 4, "start"}, 12, plain(signed(l.v)))
	}
}

func (f Heat) check() error {
	if err := checkCount("cells", len(f.Columns)*len(f.Rows)); err != nil {
		return err
	}
	if len(f.Adds) != len(f.Rows) {
		return fmt.Errorf("%w: %d rows of cells for %d names", ErrFigure, len(f.Adds), len(f.Rows))
	}
	for j, row := range f.Adds {
		if len(row) != len(f.Columns) {
			return fmt.Errorf("%w: row %d has %d cells for %d names", ErrFigure, j, len(row), len(f.Columns))
		}
		for _, v := range row {
			if math.IsNaN(v) {
				continue
			}
			if err := check("a cell", v); err != nil {
				return err
			}
		}
	}
	return nil
}
