package additive

import (
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

const (
	// maxVariance bounds the noise of one value: a standard deviation of 2^31, two thousand
	// whole gradients.
	maxVariance = 1 << 62
	// countUnit is what a row adds to a count where there is noise, and at most to the sum
	// of targets: half of a whole gradient, because counts need less precision.
	countUnit = unit / 2
)

// Sensitivity returns, for each step in turn, the most by which the square of the
// Euclidean length of a vector can change when one row is added or removed: what an
// accountant charges for noise of Config.Noise.Variance in each value. Only private
// trainings have such bounds; for others it returns nil. Rows of one person, if there
// are several, count several times: n rows may change n^2 times as much.
//
// In the first step a row adds 2^19 to one bin of each feature, and at most 2^19 to the
// sum of targets or to one cell of their histogram. In each round it adds its gradient,
// held within ClipPermille of 2^20, to one bin of each feature.
func Sensitivity(c *Config) []int64 {
	if !c.Noise.Private() {
		return nil
	}
	features := int64(len(c.Features))
	clip := int64(c.Noise.ClipPermille) * unit / permille
	steps := make([]int64, 1, 1+c.Rounds)
	steps[0] = (features + 1) * countUnit * countUnit
	for range c.Rounds {
		steps = append(steps, features*clip*clip)
	}
	return steps
}

// noisyStart writes the part of the first sum of a private training: the targets, moved
// to 0 to 2^19 within their span, or their histogram, and the rows by bin. A row counts
// for no more than its weight.
func (m *member) noisyStart(x []int64, curves []block) {
	c := m.cfg
	lo, hi := c.TargetLo, c.TargetHi
	for i, y := range m.data.Target {
		w := m.weight(i) * countUnit / learn.WholeWeight
		if c.Loss.Cells() == 1 {
			x[0] += fixed.MulDiv(int64(min(max(y, lo), hi)-lo), w, int64(hi-lo))
		} else {
			x[1+m.targetCell(y)] += w
		}
		at, row := 1+c.Loss.Cells(), m.row(i)
		for j := range curves {
			x[at+curves[j].cell(row)] += w
			at += curves[j].cells
		}
	}
}

// noisyFacts reads the first sum of a private training. Whatever it says is taken for
// what it is worth: all features count the same rows, so their number is the mean of the
// totals, and no bin has less than none.
func (c *Config) noisyFacts(sum []int64, curves []block) *facts {
	cells := length(curves)
	counts := sum[1+c.Loss.Cells():]
	var total int64
	for _, n := range counts {
		total += held(n, cells)
	}
	rows := min(max(1, fixed.RoundDiv(total, int64(len(curves))*countUnit)), learn.MaxRows)
	f := &facts{rows: rows, weight: make([]int64, cells), counts: [][]int64{make([]int64, cells)}}
	for i, n := range counts {
		f.counts[0][i] = min(max(0, fixed.RoundDiv(held(n, cells), countUnit)), learn.MaxRows)
		f.weight[i] = f.counts[0][i] * learn.WholeWeight
	}
	cellsOf := []int64{rows}
	// Of n rows a share s/(2^19 n) of the span lies above its lower end.
	share := min(max(fixed.MulDiv(sum[0], int64(fixed.One), countUnit*rows), 0), int64(fixed.One))
	mean := int64(c.TargetLo) + fixed.MulDiv(share, int64(c.TargetHi-c.TargetLo), int64(fixed.One))
	if c.Loss.Cells() > 1 {
		cellsOf = make([]int64, c.Loss.Cells())
		for i := range cellsOf {
			cellsOf[i] = held(sum[1+i], len(cellsOf)*permille)
		}
	}
	f.starts = []fixed.Q16{c.Loss.Start(c.TargetLo, c.TargetHi, cellsOf, mean*rows)}
	return f
}

// held keeps one of so many noisy values where the sum of all fits.
func held(v int64, values int) int64 {
	most := int64(1<<62) / int64(values)
	return min(max(v, -most), most)
}

// noisyStep returns the step of a private round: levels as in exact ones, from gradients
// alone, with the weight that rows had at the start.
func (c *Config) noisyStep(blocks []block, s *sums, f *facts) values {
	each := int64(unit)
	if k := c.Loss.Kind; k == loss.Logistic || k == loss.Poisson || k == loss.Tweedie {
		_, each = c.Loss.Fine(0, f.starts[0]) // The weight does not depend on the target.
	}
	now := sums{g: make([]int64, len(s.g)), h: make([]int64, len(s.g))}
	for i := range s.g {
		now.g[i] = held(s.g[i], len(s.g))
		now.h[i] = f.counts[0][i] * each
	}
	return c.step(blocks, &now, f.counts[0])
}

// beyond returns by how many thousandths a sum of gradients counts, of which noise is
// expected to explain a part: of the estimates that shrink with their own size it is the
// positive part one of James and Stein, "Estimation with Quadratic Loss" (1961).
func (c *Config) beyond(s cell) int64 {
	if s.noisy == 0 {
		return permille
	}
	square := fixed.MulDiv(s.g, s.g, 1)
	if square == 0 {
		return 0
	}
	return max(0, permille-fixed.MulDiv(s.noisy*permille, c.Noise.Variance, square))
}
