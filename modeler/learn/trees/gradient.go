package trees

import (
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// slope computes the gradients of rows.
type slope struct {
	loss    loss.Loss
	packing packing
	steady  bool
	curves  *[2]curve // Of a logistic loss and many rows, by answer.
}

func newSlope(c *Config, rows int) *slope {
	s := &slope{loss: c.Loss, steady: c.steady(), packing: packingFor(c.steady(), c.Loss.Bound(), 0)}
	const many = 1 << 14 // Rows from which on tables pay.
	if c.Loss.Kind == loss.Logistic && rows >= many {
		s.curves = &[2]curve{newCurve(c.Loss, 0), newCurve(c.Loss, fixed.One)}
	}
	return s
}

// fill computes the gradients of the sampled rows.
func (s *slope) fill(shard *shard) {
	switch {
	case s.steady:
		s.fillSteady(shard)
	case s.curves != nil:
		s.fillCurves(shard)
	default:
		s.fillAny(shard)
	}
}

// fillSteady is fillAny for a squared loss without weights: 1024 r/scale, rounded half
// away from zero and held to 8 units, as package loss has it, and a whole weight.
func (s *slope) fillSteady(shard *shard) {
	targets, scale := shard.table.target, int64(s.loss.Scale)
	most := s.loss.Bound() * scale
	for _, row := range shard.picks[0] {
		i := row - shard.from
		residual := int64(targets[row]) - int64(shard.scores[i])
		away := uint64(min(max(residual, -residual), most))              //nolint:gosec // A magnitude.
		g := int64((2*loss.Unit*away + uint64(scale)) / uint64(2*scale)) //nolint:gosec // At most 2^13.
		if residual < 0 {
			g = -g
		}
		shard.pulls[i] = newPull(g, loss.Unit)
	}
}

// fillCurves is fillAny for a logistic loss.
func (s *slope) fillCurves(shard *shard) {
	for _, row := range shard.picks[0] {
		i := row - shard.from
		g, h := s.curves[shard.table.target[row]>>16&1].at(fixed.Q16(shard.scores[i]))
		shard.put(row, g, h)
	}
}

func (s *slope) fillAny(shard *shard) {
	for _, row := range shard.picks[0] {
		g, h := s.loss.Gradient(shard.table.target[row], fixed.Q16(shard.scores[row-shard.from]))
		shard.put(row, g, h)
	}
}

// put notes gradient and weight of one row.
func (s *shard) put(row uint32, g, h int64) {
	if s.table.weight != nil {
		g, h = weighed(g, h, int64(s.table.weight[row]))
	}
	s.pulls[row-s.from] = newPull(g, h)
}

// weighed returns gradient and weight of a row that counts for weight 1024ths, rounded
// half away from zero; no weight falls below one unit.
func weighed(g, h, weight int64) (_, _ int64) {
	const half = learn.WholeWeight / 2
	h = max(1, (h*weight+half)/learn.WholeWeight)
	if g < 0 {
		return -((-g*weight + half) / learn.WholeWeight), h
	}
	return (g*weight + half) / learn.WholeWeight, h
}
