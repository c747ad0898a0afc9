package fitted

import (
	"math"

	"comity/modeler/explain"
	"comity/modeler/fixed"
	"comity/modeler/learn/linear"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

// Scales of package linear: coefficients have 32 bits after the point, a number in standard
// units 16.
const (
	coefficientUnit = 1.0 / (1 << 32)
	standardUnit    = 1.0 / (1 << 16)
)

// slopes is a linear model by feature.
type slopes struct {
	*linear.Model

	number, absent []int // By feature: the place of its term, or -1.
	levels         []map[uint8]int
}

// linear converts coefficients: the code of a number is its value in standard units, that
// of a category its bin.
func (s *Subject) linear(m *linear.Model) *explain.Terms {
	columns := s.Model.Columns
	s.slopes = &slopes{Model: m, levels: make([]map[uint8]int, len(columns))}
	for f := range columns {
		s.slopes.number, s.slopes.absent = append(s.slopes.number, -1), append(s.slopes.absent, -1)
		s.slopes.levels[f] = map[uint8]int{}
	}
	t := &explain.Terms{Features: len(columns), Start: s.shift}
	for i := range m.Terms {
		switch of := &m.Terms[i]; of.Kind {
		case linear.Number:
			s.slopes.number[of.Feature] = i
		case linear.Absent:
			s.slopes.absent[of.Feature] = i
		case linear.Level:
			s.slopes.levels[of.Feature][of.Bin] = i
		default:
			t.Start += s.weight(i)
		}
	}
	for f := range columns {
		one := explain.Term{Features: []int{f}}
		if columns[f].Kind == table.Category {
			feature := columns[f].Feature()
			one.Table = make([]float64, feature.Bins())
			for bin := range one.Table {
				if i, ok := s.slopes.levels[f][uint8(bin)]; ok {
					one.Table[bin] = s.weight(i)
				}
			}
		}
		if i := s.slopes.number[f]; i >= 0 {
			one.Slope = s.weight(i) * standardUnit
		}
		if i := s.slopes.absent[f]; i >= 0 {
			one.Missing = s.weight(i)
		}
		t.Terms = append(t.Terms, one)
	}
	return t
}

// weight returns what a whole unit of a term adds to an explained score.
func (s *Subject) weight(term int) float64 {
	return s.unit / scoreUnit * coefficientUnit * float64(s.slopes.Value[term])
}

// Bounds of standard units (docs/format/linear.md): a number is held within 2^41 of its
// whole units, and a thousand standard ones.
const (
	maxNumber   = 1 << 41
	maxStandard = 1 << 26
)

// standard returns a number of a column in standard units, as the model computes them, and
// not a number for a missing one. A column that says the same of all rows has no term; it
// is 0. The model's own score of every row is the check on it.
func (s *slopes) standard(feature int, units int64) float64 {
	i := s.number[feature]
	switch {
	case units == number.Missing:
		return math.NaN()
	case i < 0:
		return 0
	}
	t := &s.Terms[i]
	x := min(max(units, -maxNumber), maxNumber) - t.Centre
	if t.Shift < 0 {
		x = fixed.RoundDiv(x, 1<<-t.Shift)
	} else {
		x <<= t.Shift
	}
	return float64(min(max(x, -maxStandard), maxStandard))
}

// crossing returns the value of a number that alone moves a score by need, or just beyond;
// not a number where none does.
func (s *Subject) crossing(feature int, code, need float64) float64 {
	i := s.slopes.number[feature]
	if i < 0 || s.slopes.Value[i] == 0 || math.IsNaN(code) {
		return math.NaN()
	}
	t := &s.slopes.Terms[i]
	steps := need / (s.weight(i) * standardUnit)
	to := code + steps + math.Copysign(1, steps) // One more, because standard units are whole.
	if math.Abs(to) > maxStandard {
		return math.NaN()
	}
	return math.Ldexp(float64(t.Centre)+math.Ldexp(to, -t.Shift), -s.Model.Columns[feature].Exponent)
}

// line returns the shape of a linear model: what the mean of the rows in each bin adds to what the mean of a
// number, or the most frequent category, adds, with the standard error of its coefficient.
func (s *Subject) line(rows *Rows, feature int) *explain.Shape {
	f := s.Model.Columns[feature].Feature()
	shape := &explain.Shape{Feature: feature, Points: make([]explain.Point, f.Bins())}
	sums, counts := make([]float64, f.Bins()), make([]float64, f.Bins())
	for r, bin := range rows.Bins[feature] {
		sums[bin] += rows.Codes[r][feature]
		counts[bin]++
	}
	for bin := range shape.Points {
		p := &shape.Points[bin]
		p.Value = float64(bin)
		term, times := s.slopes.number[feature], 0.0
		switch level, ok := s.slopes.levels[feature][uint8(bin)]; {
		case ok:
			term, times = level, 1
		case f.Category:
			term = -1 // The most frequent.
		case bin == 0:
			term, times = s.slopes.absent[feature], 1
		case counts[bin] > 0:
			times = sums[bin] / counts[bin] * standardUnit
		default:
			times = s.middle(feature, bin) * standardUnit
		}
		if term >= 0 {
			p.Mean, p.SE = times*s.weight(term), math.Abs(times)*s.standardError(term)
		}
	}
	return shape
}

// middle returns the middle of a bin in standard units, and 0 of a bin without an end.
func (s *Subject) middle(feature, bin int) float64 {
	c := &s.Model.Columns[feature]
	if bin < 2 || bin > len(c.Cuts) {
		return 0
	}
	middle := number.Value(c.Cuts[bin-2])/2 + number.Value(c.Cuts[bin-1])/2
	return s.slopes.standard(feature, number.Units(number.Key(middle), c.Exponent))
}

// standardError returns that of a term's weight.
func (s *Subject) standardError(term int) float64 {
	_, low, high := s.slopes.Coefficient(term)
	const twice = 2 * 1.95996 // Standard errors between both ends of an interval of 95 %.
	return s.unit / scoreUnit * coefficientUnit * float64(high-low) / twice
}

// score returns the model's own score of bins and, of a linear model, numbers.
func (s *Subject) score(bins []uint8, numbers []int64) fixed.Q16 {
	if s.slopes != nil {
		return s.slopes.Score(bins, numbers)
	}
	return s.Model.Score(bins)
}
