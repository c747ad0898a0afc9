package fitted

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"comity/modeler/explain"
	"comity/modeler/explain/plot"
	"comity/modeler/learn/table"
)

// Importance draws importances.
func (s *Subject) Importance(of []explain.Importance, rows int) plot.Bars {
	f := plot.Bars{
		Frame: plot.Frame{
			Title: "What matters for " + s.Model.Target.Name,
			Note:  fmt.Sprintf("Mean magnitude of what each column adds, over %d rows, with 95 %% intervals", rows),
		},
		Axis: "mean |SHAP value|, " + s.Scale,
	}
	for _, i := range of {
		f.Bars = append(f.Bars, plot.Bar{Name: s.Model.Columns[i.Feature].Name, Value: i.Mean, SE: i.SE})
	}
	return f
}

// Waterfall draws one row's explanation; row counts from 0 in the rows, at is its place in v.
func (s *Subject) Waterfall(rows *Rows, row int, v *explain.Values, at int, basis string) plot.Waterfall {
	f := plot.Waterfall{
		Frame: plot.Frame{
			Title: fmt.Sprintf("How row %d comes to its score", row+1),
			Note:  "Orange raises the score, blue lowers it; the base is the " + basis,
		},
		Axis: s.Scale, Base: v.Base, Score: v.Score[at],
	}
	for i, name := range s.Names() {
		cell, _ := rows.Table.Cell(row, name)
		if rows.Bins[i][row] == 0 && cell == "" {
			cell = "missing"
		}
		f.Parts = append(f.Parts, plot.Part{Name: name, Value: cell, Adds: v.Phi[at][i]})
	}
	return f
}

// Curve draws the shape of a feature. ok is false where all rows have one value.
func (s *Subject) Curve(rows *Rows, feature int, lines []Line) (f plot.Shape, ok bool) {
	c := &s.Model.Columns[feature]
	f = plot.Shape{
		Frame: plot.Frame{Title: "What " + c.Name + " adds", Note: fmt.Sprintf("%d rows; grey shows where they are", rows.Len())},
		Axis:  c.Name, Adds: "adds to: " + s.Scale,
	}
	switch {
	case s.curves != nil:
		f.Note = fmt.Sprintf("The curve of the model, with a 95 %% band from its training; grey shows where %d rows are", rows.Len())
	case s.slopes != nil:
		f.Note = fmt.Sprintf("Against the mean or commonest category, with the coefficient's 95 %% band; grey: where %d rows are", rows.Len())
	default:
		f.Note = fmt.Sprintf("Mean of the curves of %d rows, with a 95 %% band; grey shows where all %d rows are", min(mostCurves, rows.Len()), rows.Len())
	}
	if c.Kind == table.Category {
		for _, l := range lines {
			f.Kinds = append(f.Kinds, plot.Level{Name: l.Text, Mean: l.Mean, SE: l.SE, Count: l.Count})
		}
		return f, len(f.Kinds) > 1
	}
	values := s.values(rows, feature)
	if kinds := levels(lines, values); kinds != nil {
		f.Kinds = kinds
		return f, len(kinds) > 1
	}
	lo, hi := span(values)
	for _, l := range lines {
		if l.Missing {
			f.Missing = &plot.Level{Name: l.Text, Mean: l.Mean, SE: l.SE, Count: l.Count}
			continue
		}
		step := plot.Step{Low: max(l.Low, lo), High: min(l.High, hi), Mean: l.Mean, SE: l.SE, Count: l.Count}
		if step.Low < step.High {
			f.Steps = append(f.Steps, step)
		} else if n := len(f.Steps); n > 0 && step.Low == f.Steps[n-1].High {
			// The last bin holds one value only, the largest: give it the width of the one before.
			step.High = step.Low + (f.Steps[n-1].High - f.Steps[n-1].Low)
			f.Steps = append(f.Steps, step)
		}
	}
	return f, len(f.Steps) > 0
}

// levels returns a number that has few values as if it were a category: a scale from 0 to
// 2 would say more about 1.5 than anybody knows.
func levels(lines []Line, values []float64) []plot.Level {
	const few = 12
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	slices.Sort(known)
	known = slices.Compact(known)
	if len(known) > few {
		return nil
	}
	var out, missing []plot.Level
	for _, l := range lines {
		level := plot.Level{Name: l.Text, Mean: l.Mean, SE: l.SE, Count: l.Count}
		if l.Missing {
			missing = append(missing, level)
			continue
		}
		inside := slices.DeleteFunc(slices.Clone(known), func(v float64) bool { return !(v >= l.Low && v < l.High) })
		switch len(inside) {
		case 0:
		case 1:
			level.Name = brief(inside[0])
			out = append(out, level)
		default:
			return nil
		}
	}
	return append(out, missing...)
}

// span returns the least and the largest of what is known.
func span(values []float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	return lo, hi
}

// mostCells is into how many groups of bins a side of a heat map falls.
const mostCells = 12

// Pair draws what two features add together, the mean by cells of about equally many rows;
// v explains rows lo and those that follow.
func (s *Subject) Pair(rows *Rows, lo int, v *explain.Interactions, a, b int) plot.Heat {
	x, y := s.groups(rows, a), s.groups(rows, b)
	f := plot.Heat{
		Frame: plot.Frame{
			Title: fmt.Sprintf("What %s and %s add together", s.Model.Columns[a].Name, s.Model.Columns[b].Name),
			Note:  fmt.Sprintf("Beyond what each adds alone: mean interaction of %d rows, %s", len(v.Pairs), s.Scale),
		},
		X: s.Model.Columns[a].Name, Y: s.Model.Columns[b].Name, Columns: x.names, Rows: y.names,
	}
	sums, counts := make([][]float64, len(y.names)), make([][]float64, len(y.names))
	for j := range sums {
		sums[j], counts[j] = make([]float64, len(x.names)), make([]float64, len(x.names))
	}
	for r := range v.Pairs {
		i, j := x.of[rows.Bins[a][lo+r]], y.of[rows.Bins[b][lo+r]]
		sums[j][i] += 2 * v.Pairs[r][a][b]
		counts[j][i]++
	}
	for j := range sums {
		for i := range sums[j] {
			sums[j][i] /= counts[j][i] // 0/0, not a number, where there is no row.
		}
	}
	f.Adds = sums
	return f
}

// grouping puts the bins of a feature into groups.
type grouping struct {
	names []string
	of    [256]int // By bin.
}

// groups puts neighbouring bins together until each group has its share of the rows. Every
// category, and what is missing, stands alone while there is room.
func (s *Subject) groups(rows *Rows, feature int) grouping {
	var counts [256]int
	for _, bin := range rows.Bins[feature] {
		counts[bin]++
	}
	values := s.Values(rows, feature)
	category := s.Model.Columns[feature].Kind == table.Category
	share := (rows.Len() + mostCells - 1) / mostCells
	var g grouping
	var first, last *Value
	held := 0
	order := make([]int, len(values))
	for bin := range order {
		order[bin] = bin
	}
	if category {
		slices.SortStableFunc(order, func(a, b int) int { return byName(values[a], values[b]) })
	}
	for _, bin := range order {
		v := &values[bin]
		g.of[bin] = max(0, len(g.names)-1)
		if counts[bin] == 0 {
			continue
		}
		alone := v.Missing || category
		if first == nil || alone || held >= share {
			g.names = append(g.names, "")
			first, held = v, 0
		}
		last = v
		held += counts[bin]
		g.of[bin] = len(g.names) - 1
		g.names[len(g.names)-1] = joined(first, last)
		if v.Missing {
			first = nil
		}
	}
	return g
}

// joined names a run of bins.
func joined(first, last *Value) string {
	if first == last {
		return first.Text
	}
	lo, hi := first.Low, last.High
	switch {
	case math.IsInf(lo, -1) && math.IsInf(hi, 1):
		return "any value"
	case math.IsInf(lo, -1):
		return "below " + brief(hi)
	case math.IsInf(hi, 1):
		return "from " + brief(lo)
	default:
		return brief(lo) + " to " + brief(hi)
	}
}

func brief(v float64) string { return fmt.Sprintf("%.4g", v) }

// Strongest returns the pair of features with the largest mean interaction.
func Strongest(v *explain.Interactions) (a, b int, ok bool) {
	strength := v.Strength()
	var pairs [][2]int
	for i := range strength {
		for j := range i {
			if strength[i][j] > 0 {
				pairs = append(pairs, [2]int{j, i})
			}
		}
	}
	if len(pairs) == 0 {
		return 0, 0, false
	}
	best := slices.MaxFunc(pairs, func(p, q [2]int) int { return cmp.Compare(strength[p[1]][p[0]], strength[q[1]][q[0]]) })
	return best[0], best[1], true
}

// Shaped writes the shapes of features as a table, the header first.
func (s *Subject) Shaped(ctx context.Context, rows *Rows) ([][]string, error) {
	out := [][]string{{"feature", "value", "low", "high", "adds", "se", "rows"}}
	for f, name := range s.Names() {
		lines, err := s.Shape(ctx, rows, f)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			cells := []string{name, l.Text, "", "", Digits(l.Mean), Digits(l.SE), fmt.Sprint(l.Count)}
			if s.Model.Columns[f].Kind != table.Category && !l.Missing {
				cells[2], cells[3] = Digits(l.Low), Digits(l.High)
			}
			out = append(out, cells)
		}
	}
	return out, nil
}

// Digits writes twelve significant digits, and nothing for what is not finite: the last
// digits of 64 bits differ between processors.
func Digits(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return fmt.Sprintf("%.12g", v)
}
