package loss

import "comity/modeler/fixed"

const (
	// maxStep holds a leaf of the logistic loss: a Newton step from where all rows are
	// thought certain says little about how far to go.
	maxStep = 4 * fixed.One
	// leastRatio is the least by which a leaf of a logarithm multiplies means. Without any
	// event among its rows the best ratio would be zero.
	leastRatio = fixed.One / 16
)

// Leaf returns by how much the score of some rows should change, given their summed
// gradients and weights, when lambda Units of weight pull the change to zero: for losses
// of a residual g/(h + lambda) in units of the score; for logistic the same, held within
// +-4; for losses of a logarithm ln(1 + g/(h + lambda)), which is the exact minimum
// without lambda and clipped rows, held to at least ln(1/16). It is 0 without any weight.
func (l Loss) Leaf(g, h, lambda int64) fixed.Q16 { return l.Shrunk(g, h, lambda, thousand) }

// Shrunk returns permille thousandths of Leaf, rounded once.
func (l Loss) Shrunk(g, h, lambda, permille int64) fixed.Q16 {
	weight := h + lambda
	if weight <= 0 {
		return 0
	}
	if l.logLink() {
		ratio := fixed.One + fixed.Q16(fixed.MulDiv(g, int64(fixed.One), weight))
		return fixed.Q16(fixed.MulDiv(int64(fixed.Log(max(ratio, leastRatio))), permille, thousand))
	}
	step := fixed.Q16(fixed.MulDiv(g, l.unit()*permille, thousand*weight))
	if l.Kind == Logistic {
		most := fixed.Q16(fixed.MulDiv(int64(maxStep), permille, thousand))
		return min(max(step, -most), most)
	}
	return min(max(step, -maxMagnitude), maxMagnitude)
}

// Mean returns the prediction that a score stands for: for logistic a probability, for
// losses of a logarithm the mean, held below 2^47, for all others the score itself.
func (l Loss) Mean(score fixed.Q16) fixed.Q16 {
	switch l.Kind {
	case Logistic:
		return fixed.Logistic(score)
	case Poisson, Tweedie:
		return fixed.Exp(score)
	default:
		return score
	}
}

// startCells is the number of cells of the histogram that starting medians come from.
// The first steps of a training make up for what 256 cells leave open.
const startCells = 256

// Cells returns how many cells the histogram for Start has: 1 where the mean is enough,
// 256 where a quantile is needed.
func (l Loss) Cells() int {
	switch l.Kind {
	case Huber, Absolute, Quantile:
		return startCells
	default:
		return 1
	}
}

// Start returns the score of the constant model: the best one for all rows at once.
//
// Cells has the rows, or their weights, by equal cells of the targets' span from lo to
// hi, those outside in the cells at the ends; sum is the sum of all targets as Q16, each
// times the same weight. Huber and absolute start at the median and quantile at its
// level, as if the targets of a cell lay evenly; the others at the score of the mean. Odds
// and rates count as if at least half a row of each answer, or half an event, had been
// seen. Without any rows it is 0, moved into the span where there is one. Counts may be
// negative where noise was added; they do no harm.
func (l Loss) Start(lo, hi fixed.Q16, cells []int64, sum int64) fixed.Q16 {
	switch l.Kind {
	case Huber, Absolute:
		return quantile(lo, hi, cells, thousand/2)
	case Quantile:
		return quantile(lo, hi, cells, int64(l.Level))
	default:
		return l.ofMean(total(cells), sum)
	}
}

// ofMean returns the score of the mean of n targets.
func (l Loss) ofMean(n, sum int64) fixed.Q16 {
	if n <= 0 {
		return 0
	}
	switch l.Kind {
	case Logistic:
		// Half a row of each answer, as Q16: the logarithm is that of the odds.
		half, all := int64(fixed.One)/2, n*int64(fixed.One)
		yes := min(max(sum, half), all-half)
		return fixed.Log(fixed.Q16(yes)) - fixed.Log(fixed.Q16(all-yes))
	case Poisson, Tweedie:
		return fixed.Log(fixed.Q16(max(sum, int64(fixed.One)/2))) - fixed.Log(fixed.Q16(n)) - fixed.Log(fixed.One<<16)
	default:
		return fixed.Q16(min(max(fixed.RoundDiv(sum, n), -maxMagnitude), maxMagnitude))
	}
}

// quantile returns the value below which level thousandths of a histogram lie: with n
// rows, the first cell i of c > 0 rows and b below it with 1000 (b + c) >= level n gives
// lo + (hi - lo)(i + (level n/1000 - b)/c)/cells.
func quantile(lo, hi fixed.Q16, cells []int64, level int64) fixed.Q16 {
	n, below := total(cells), int64(0)
	for i, c := range cells {
		if n > 0 && c > 0 && thousand*(below+c) >= level*n {
			part := thousand*(c*int64(i)-below) + level*n
			return lo + fixed.Q16(fixed.MulDiv(int64(hi-lo), part, thousand*c*int64(len(cells))))
		}
		below += c
	}
	return min(max(0, lo), hi)
}

func total(cells []int64) (n int64) {
	for _, c := range cells {
		n += c
	}
	return n
}
