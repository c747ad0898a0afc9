package loss

import "comity/modeler/fixed"

// maxValue is what the loss of one row is held to, so that sums over 2^30 rows fit 63 bits.
const maxValue = 1 << 32

// Value returns the loss of one row as a Q16 and at most 2^32, that is 65,536. It is the
// integral of what Gradient states: minus its slope by the score, in units of the
// score, is the gradient. It is 0 where the score fits best, but for quantile, where it
// goes down to (sqrt(level (1 - level)) - 1/2).
func (l Loss) Value(y, score fixed.Q16) int64 {
	residual := int64(y) - int64(score)
	var v fixed.Q16
	switch l.Kind {
	case Squared:
		v = huberValue(residual, int64(l.Scale))
	case Huber, Absolute:
		v = pseudoHuberValue(residual, l.unit())
	case Quantile:
		// Half of the smooth |r|, tilted: (sqrt(1 + r^2) - 1 + (2 level - 1) r)/2.
		tilt := fixed.MulDiv(residual, int64(2*l.Level-thousand)<<16, thousand*l.unit())
		v = fixed.Q16(fixed.RoundDiv(int64(pseudoHuberValue(residual, l.unit()))+tilt, 2))
	case Logistic:
		if y > 0 {
			score = -score
		}
		v = fixed.Softplus(score)
	default:
		w, t := l.place(y, score)
		v = w.value(t)
	}
	return min(int64(v), maxValue)
}

// huberValue returns r^2/2 up to 8 scales and 8|r| - 32 beyond.
func huberValue(residual, scale int64) fixed.Q16 {
	away := max(residual, -residual)
	if away <= clip*scale {
		return fixed.Q16(fixed.MulDiv(away*away, 1<<15, scale*scale))
	}
	return fixed.Q16(fixed.MulDiv(clip*away, 1<<16, scale) - clip*clip<<15)
}

// pseudoHuberValue returns sqrt(1 + r^2) - 1, computed as r^2/(sqrt(1 + r^2) + 1), which
// loses nothing near zero.
func pseudoHuberValue(residual, delta int64) fixed.Q16 {
	s := root(residual, delta)
	return fixed.Q16(fixed.MulDiv(residual*residual, 1<<16, (s+delta)*delta))
}
