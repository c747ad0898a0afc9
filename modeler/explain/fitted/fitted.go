// Package fitted explains models in their envelope, on the rows of a file: in the file's
// own columns, values and units.
//
// It converts what a learner made to a form of package explain, holds every explanation to
// the score that the model itself gives, and says of each bin which values it stands for.
package fitted

import (
	"errors"
	"fmt"
	"math"

	"comity/modeler/explain"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/model"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

// ErrMethod says that a model cannot be explained in the way that was asked for.
var ErrMethod = errors.New("no such explanation of this model")

// Subject is a model that is explained.
type Subject struct {
	Model *model.Model
	// Scale says what scores and explanations are measured in.
	Scale string

	form   explain.Model
	curves *additive.Model // Of an additive model: it knows the errors of its curves.
	slopes *slopes         // Of a linear model.
	// An explained score is unit times the model's own, plus shift.
	unit, shift float64
}

// Open converts a model.
func Open(m *model.Model) (*Subject, error) {
	s := &Subject{Model: m}
	s.measure()
	switch m.Learner() {
	case model.Linear:
		s.form = s.linear(m.Linear)
	case model.Additive:
		s.curves = m.Additive
		s.form = s.additive(m.Additive)
	case model.Trees:
		s.form = s.trees(m.Trees)
	default:
		return nil, fmt.Errorf("%w: %s", ErrMethod, m)
	}
	return s, nil
}

// scoreUnit is the unit of scores: they are multiples of 2^-16.
const scoreUnit = 1.0 / (1 << 16)

// measure chooses the scale: the target's own unit where scores are values of the target,
// otherwise log-odds, or the logarithm of the expected count.
func (s *Subject) measure() {
	t := &s.Model.Target
	switch t.Task {
	case table.Binary:
		s.Scale = fmt.Sprintf("log-odds of %s being %s", t.Name, number.Text(t.High))
		s.unit = scoreUnit
	case table.Count:
		// The count is exp(score), in units of 2^16 of what a value scaled by 2^Exponent is.
		s.Scale = "logarithm of the expected " + t.Name
		s.unit, s.shift = scoreUnit, float64(16-t.Exponent)*math.Ln2
	default:
		s.Scale = t.Name
		s.unit = math.Ldexp(1, -t.Exponent)
		s.shift = s.unit * float64(t.Offset)
	}
}

// Names returns the features in the order of the values.
func (s *Subject) Names() []string { return s.Model.Names() }

// Rows are rows of a file as the model reads them.
type Rows struct {
	Table   *table.Table
	Codes   [][]float64 // By row and feature, as package explain takes them.
	Bins    [][]uint8   // By feature and row.
	Numbers [][]int64   // By feature and row: of a linear model's numbers, whole units of the column.
	Scores  []float64   // The model's own, on the scale of explanations.
}

// Load reads the columns of the model from a table; others are ignored. Errors are those
// of table.Bins.
func (s *Subject) Load(t *table.Table) (*Rows, error) {
	bins, err := table.Bins(s.Model.Columns, t)
	if err != nil {
		return nil, err
	}
	own, err := s.Model.Scores(t)
	if err != nil {
		return nil, err
	}
	n, m := t.Rows(), len(bins)
	all := make([]float64, n*m)
	r := &Rows{Table: t, Bins: bins, Numbers: make([][]int64, m), Codes: make([][]float64, n), Scores: make([]float64, n)}
	if s.slopes != nil {
		if r.Numbers, err = table.Numbers(s.Model.Columns, t); err != nil {
			return nil, err
		}
	}
	for i := range n {
		row := all[i*m : (i+1)*m : (i+1)*m]
		for f := range bins {
			if r.Numbers[f] != nil {
				row[f] = s.slopes.standard(f, r.Numbers[f][i])
			} else {
				row[f] = s.code(f, bins[f][i])
			}
		}
		r.Codes[i], r.Scores[i] = row, s.unit*float64(own[i])+s.shift
	}
	return r, nil
}

// code returns a bin as the form reads it: of a number without a value, not a number.
func (s *Subject) code(feature int, bin uint8) float64 {
	if _, tree := s.form.(*explain.Ensemble); tree && bin == 0 && s.Model.Columns[feature].Kind != table.Category {
		return math.NaN()
	}
	return float64(bin)
}

// part returns some of the rows.
func (r *Rows) part(lo, hi int) *Rows {
	return &Rows{Table: r.Table, Codes: r.Codes[lo:hi], Scores: r.Scores[lo:hi]}
}

// Len returns the number of rows.
func (r *Rows) Len() int { return len(r.Codes) }
