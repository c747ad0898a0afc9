package loss

import "comity/modeler/fixed"

// Gradient returns the negative gradient g of the loss by the score and the weight h, in
// Units per unit of the score: |g| <= Bound()*Unit, 1 <= h <= Unit. The target must be
// one that Accepts takes, the score within +-16,384.
//
// Against the exact loss, g is at most 1 off, and for poisson and tweedie besides a
// 2^-13 of its own size.
func (l Loss) Gradient(y, score fixed.Q16) (g, h int64) { return l.slope(y, score, Unit) }

// FineUnit is what a whole gradient has where learners have room for more digits.
const FineUnit = 1 << 20

// Fine is Gradient in units of 2^-20: the chances of rare events, which round to nothing
// in Units from one in two thousand down, still add up.
func (l Loss) Fine(y, score fixed.Q16) (g, h int64) { return l.slope(y, score, FineUnit) }

// slope returns gradient and weight in units of so many to a whole one.
func (l Loss) slope(y, score fixed.Q16, unit int64) (g, h int64) {
	residual := int64(y) - int64(score)
	switch l.Kind {
	case Squared:
		g, h = huber(residual, int64(l.Scale), unit)
	case Huber, Absolute:
		g, h = pseudoHuber(residual, l.unit(), unit)
	case Quantile:
		g, h = l.pinball(residual, unit)
	case Logistic:
		g, h = logistic(y, score, unit)
	default:
		g, h = l.power(y, score, unit)
	}
	return g, max(1, h)
}

// huber returns g = r and h = 1 of a residual up to 8 scales, and beyond them the
// gradient 8 with the weight that makes a step of g/h the whole residual.
func huber(residual, scale, unit int64) (g, h int64) {
	away := max(residual, -residual)
	if away <= clip*scale {
		return fixed.MulDiv(unit, residual, scale), unit
	}
	g, h = clip*unit, fixed.MulDiv(clip*unit, scale, away)
	if residual < 0 {
		g = -g
	}
	return g, h
}

// pseudoHuber returns, with s = sqrt(r^2 + delta^2) rounded down, round(r/s) and
// round(delta/s) in units.
func pseudoHuber(residual, delta, unit int64) (g, h int64) {
	s := root(residual, delta)
	away := int64(1)
	if residual < 0 {
		away = -1
	}
	return (2*unit*residual + away*s) / (2 * s), (2*unit*delta + s) / (2 * s)
}

// root returns sqrt(a^2 + b^2) rounded down.
func root(a, b int64) int64 {
	return int64(fixed.Sqrt(uint64(a*a + b*b))) //nolint:gosec // Below 2^63: |a| <= 2^31, b <= 2^26.
}

// pinball returns half of the pseudo-Huber gradient and weight, the former tilted so
// that it vanishes where the level says: (r/s + 2 level - 1)/2.
func (l Loss) pinball(residual, unit int64) (g, h int64) {
	delta := l.unit()
	s := root(residual, delta)
	tilt := 2*int64(l.Level) - thousand
	g = fixed.RoundDiv(fixed.MulDiv(unit*thousand, residual, s)+unit*tilt, 2*thousand)
	return g, fixed.MulDiv(unit, delta, 2*s)
}

// logistic returns y - p and p(1 - p).
func logistic(y, score fixed.Q16, unit int64) (g, h int64) {
	const digits = 40
	p := fixed.LogisticFine(score)
	g = fixed.RoundDiv(int64(y)<<(digits-16)-p, 1<<digits/unit)
	return g, fixed.MulDiv(p, 1<<digits-p, 1<<digits) / (1 << digits / unit)
}
