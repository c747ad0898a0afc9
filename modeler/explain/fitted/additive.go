package fitted

import (
	"math"

	"comity/modeler/explain"
	"comity/modeler/fixed"
	"comity/modeler/learn/additive"
)

// additive converts curves and tables of pairs: bins are the codes of both.
func (s *Subject) additive(m *additive.Model) *explain.Terms {
	t := &explain.Terms{Features: len(m.Shapes), Start: s.unit*float64(m.Intercept) + s.shift}
	for f := range m.Shapes {
		t.Terms = append(t.Terms, explain.Term{Features: []int{f}, Table: s.floats(m.Shapes[f].Value)})
	}
	for i := range m.Pairs {
		p := &m.Pairs[i]
		one := explain.Term{Features: []int{p.A, p.B}, Width: len(p.GroupB)}
		columns := 1
		for _, g := range p.GroupB {
			columns = max(columns, int(g)+1)
		}
		for _, a := range p.GroupA {
			for _, b := range p.GroupB {
				one.Table = append(one.Table, s.unit*float64(p.Value[int(a)*columns+int(b)]))
			}
		}
		t.Terms = append(t.Terms, one)
	}
	return t
}

// curve returns the curve of a feature with the standard errors of its training.
func (s *Subject) curve(feature int) *explain.Shape {
	of := &s.curves.Shapes[feature]
	shape := &explain.Shape{Feature: feature}
	values, errors := s.floats(of.Value), s.floats(of.Error)
	for bin, v := range values {
		p := explain.Point{Value: float64(bin), Mean: v, SE: math.NaN()}
		if s.curves.Config.Folds > 1 {
			p.SE = errors[bin]
		}
		shape.Points = append(shape.Points, p)
	}
	return shape
}

func (s *Subject) floats(values []fixed.Q16) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = s.unit * float64(v)
	}
	return out
}
