package fitted

import (
	"context"
	"fmt"
	"math"

	"comity/chance"
	"comity/modeler/explain"
	"comity/modeler/fixed"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

// mostPermuted is how many rows the permutations are of.
const mostPermuted = 2000

// Permutation returns by how much the model's own loss grows, per row, when the values of a
// feature change places among the rows, of which at most 2000 are taken. Their table has
// the target; rows without one do not count.
func (s *Subject) Permutation(ctx context.Context, rows *Rows, repeats int) ([]explain.Importance, error) {
	target := &s.Model.Target
	keys, err := rows.Table.Numbers(target.Name)
	if err != nil {
		return nil, err
	}
	var known []int
	var targets []fixed.Q16
	for i, key := range keys {
		if key == number.Missing {
			continue
		}
		y, ok := target.Scaled(key)
		if !ok || target.Loss.Accepts(y) != nil {
			return nil, fmt.Errorf("%w: row %d has %s, which is none of what the model was fitted to", table.ErrTarget, i+1, number.Text(key))
		}
		known, targets = append(known, i), append(targets, y)
	}
	some := Sample(len(known), mostPermuted)
	t := &explain.Trial{Score: s.form.Score, Seed: chance.Derive(chance.Seed{}, "explain"), Repeats: repeats}
	for _, k := range some {
		t.Rows = append(t.Rows, rows.Codes[known[k]])
	}
	t.Loss = func(r int, score float64) float64 {
		own := fixed.Q16(math.Round((score - s.shift) / s.unit))
		return scoreUnit * float64(target.Loss.Value(targets[some[r]], own))
	}
	return t.Permutation(ctx)
}

// Gains returns by feature the share of what all splits gained together; nil for a model
// without trees.
func (s *Subject) Gains() []float64 {
	e, ok := s.form.(*explain.Ensemble)
	if !ok {
		return nil
	}
	gains, err := e.Gains()
	if err != nil {
		return nil // Trees that do not say how many rows came where.
	}
	var all float64
	for _, g := range gains {
		all += g
	}
	for f := range gains {
		if all > 0 {
			gains[f] /= all
		}
	}
	return gains
}
