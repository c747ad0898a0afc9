package fitted

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"comity/modeler/explain"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

// Value is one bin of a column in the column's own words.
type Value struct {
	Text      string  // "12 to 15", "below 12", the name of a category, "missing".
	Missing   bool    // No value, or no category that the model knows.
	Low, High float64 // Of a number: at least Low, below High; infinite at the ends.
}

// Line is one point of a shape.
type Line struct {
	Value
	explain.Point
}

// mostCurves is how many rows the dependence of trees is the mean of.
const mostCurves = 200

// Shape returns how the score moves with a feature: of an additive model its curve, which
// is the model itself, with the errors of its training; of a linear model what a value adds
// to what the mean of a number, or the most frequent category, adds, with the error of the
// coefficient; of trees their partial dependence on the rows, of which at most 200 are
// looked at. Bins without rows are left out at the ends of a number, and everywhere of
// what is missing or a category.
func (s *Subject) Shape(ctx context.Context, rows *Rows, feature int) ([]Line, error) {
	shape, err := s.points(ctx, rows, feature)
	if err != nil {
		return nil, err
	}
	counts := make([]int, 256) // Bins are bytes.
	for _, bin := range rows.Bins[feature] {
		counts[bin]++
	}
	values := s.Values(rows, feature)
	var lines []Line
	for _, p := range shape.Points {
		bin := 0
		if !math.IsNaN(p.Value) {
			bin = int(p.Value)
		}
		p.Count = counts[bin]
		lines = append(lines, Line{values[bin], p})
	}
	category := s.Model.Columns[feature].Kind == table.Category
	some := func(l Line) bool { return l.Count > 0 }
	first, last := slices.IndexFunc(lines, func(l Line) bool { return !l.Missing && some(l) }), len(lines)
	for last > 0 && !some(lines[last-1]) {
		last--
	}
	kept := lines[:0]
	for i, l := range lines {
		if some(l) || !category && !l.Missing && first >= 0 && i > first && i < last {
			kept = append(kept, l)
		}
	}
	if category {
		slices.SortStableFunc(kept, func(a, b Line) int { return byName(a.Value, b.Value) })
	}
	return kept, nil
}

// byName orders categories as people look for them: numbers by size, others by letters,
// what is missing last.
func byName(a, b Value) int {
	if a.Missing != b.Missing {
		if a.Missing {
			return 1
		}
		return -1
	}
	x, known := number.Parse([]byte(a.Text))
	y, known2 := number.Parse([]byte(b.Text))
	if known == number.Finite && known2 == number.Finite {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a.Text, b.Text)
}

// points returns the shape by bin; SE is not known, and 0, of terms without errors.
func (s *Subject) points(ctx context.Context, rows *Rows, feature int) (*explain.Shape, error) {
	if s.curves != nil {
		return s.curve(feature), nil
	}
	if s.slopes != nil {
		return s.line(rows, feature), nil
	}
	f := s.Model.Columns[feature].Feature()
	grid := make([]float64, f.Bins())
	for bin := range grid {
		grid[bin] = s.code(feature, uint8(bin))
	}
	some := Sample(rows.Len(), mostCurves)
	background := make([][]float64, len(some))
	for i, r := range some {
		background[i] = rows.Codes[r]
	}
	return explain.Dependence(ctx, s.form.Score, background, feature, grid)
}

// Values returns what every bin of a feature stands for. The model knows categories by
// their digests; their names are those of the rows.
func (s *Subject) Values(rows *Rows, feature int) []Value {
	c := &s.Model.Columns[feature]
	f := c.Feature()
	values := make([]Value, f.Bins())
	values[0] = Value{Text: "missing", Missing: true}
	if c.Kind == table.Category {
		values[0].Text = "other or missing"
		for i, bin := range rows.Bins[feature] {
			if v := &values[bin]; v.Text == "" {
				v.Text, _ = rows.Table.Cell(i, c.Name)
			}
		}
		for bin := range values {
			if values[bin].Text == "" {
				values[bin].Text = "not in these rows"
			}
		}
		return values
	}
	for bin := 1; bin < len(values); bin++ {
		v := &values[bin]
		v.Low, v.High = math.Inf(-1), math.Inf(1)
		var low, high string
		if bin > 1 {
			v.Low, low = number.Value(c.Cuts[bin-2]), text(c.Kind, c.Cuts[bin-2])
		}
		if bin-1 < len(c.Cuts) {
			v.High, high = number.Value(c.Cuts[bin-1]), text(c.Kind, c.Cuts[bin-1])
		}
		switch {
		case low == "" && high == "":
			v.Text = "any value"
		case low == "":
			v.Text = "below " + high
		case high == "":
			v.Text = "from " + low
		default:
			v.Text = low + " to " + high
		}
	}
	return values
}

// values returns the numbers under a column, NaN where there is none; of dates the days
// since 1970-01-01.
func (s *Subject) values(rows *Rows, feature int) []float64 {
	c := &s.Model.Columns[feature]
	values := make([]float64, rows.Len())
	for i := range values {
		values[i] = math.NaN()
		cell, _ := rows.Table.Cell(i, c.Name)
		if rows.Bins[feature][i] == 0 {
			continue
		}
		if c.Kind == table.Date {
			if at, err := time.Parse(time.DateOnly, cell); err == nil {
				values[i] = float64(at.Unix() / secondsPerDay)
			}
		} else if key, state := number.Parse([]byte(cell)); state == number.Finite {
			values[i] = number.Value(key)
		}
	}
	return values
}

const secondsPerDay = 24 * 60 * 60

// text writes a number or a date.
func text(kind table.Kind, key int64) string {
	if kind != table.Date {
		return number.Text(key)
	}
	days := number.Value(key)
	if math.Abs(days) > maxDays {
		return number.Text(key)
	}
	return time.Unix(int64(math.Floor(days))*secondsPerDay, 0).UTC().Format(time.DateOnly)
}

// maxDays is how far from 1970 a date has four digits of years, about.
const maxDays = 700_000
