package loss

import "comity/modeler/fixed"

// The losses of a logarithm. With the mean m = e^score/Scale, the target Y = y/Scale and
// a power p (1 for poisson), the negative gradient is
//
//	m <= 1: Y m^(1-p) - m^(2-p)        the deviance of a Tweedie model of power p
//	m >= 1: Y/m - 1                    the same of power 2, a gamma model
//
// held to at most 64. Both are (Y - m) times a positive function of m alone, so the mean
// is what minimises the loss either way (Gneiting, "Making and Evaluating Point
// Forecasts", 2011, theorem 7), and both fall in the score, so it is convex. The change
// at m = 1 is what bounds gradient and weight: with it no row outweighs one of mean
// Scale. The weight is the expected curvature, m^(2-p) or 1.

// tweedie is the part of a loss of a logarithm that does not change from score to score.
type tweedie struct {
	power  int64     // Thousandths: 1000 to 1999.
	target fixed.Q16 // y/Scale.
	log    fixed.Q16 // Its logarithm; -fixed.Max of zero.
}

// place returns the constant part of one row's loss and the logarithm t of m.
func (l Loss) place(y, score fixed.Q16) (tweedie, fixed.Q16) {
	w := tweedie{power: thousand, log: -fixed.Max}
	if l.Kind == Tweedie {
		w.power = int64(l.Power)
	}
	scale := fixed.Log(l.Scale)
	if y > 0 {
		w.target, w.log = fixed.Div(y, l.Scale), fixed.Log(y)-scale
	}
	return w, score - scale
}

// power returns gradient and weight of one row.
func (l Loss) power(y, score fixed.Q16, unit int64) (g, h int64) {
	w, t := l.place(y, score)
	up, down := w.pull(t)
	g = fixed.MulDiv(int64(min(up-down, clipLog*fixed.One)), unit, int64(fixed.One))
	return g, fixed.MulDiv(int64(down), unit, int64(fixed.One))
}

// pull returns how strongly the target pulls the score up and the mean pulls it down.
// Powers are taken of logarithms, so that large ones lose nothing.
func (w tweedie) pull(t fixed.Q16) (up, down fixed.Q16) {
	power := w.power
	if t >= 0 {
		power = 2 * thousand
	}
	if w.log != -fixed.Max {
		up = fixed.Exp(w.log + times(t, thousand-power))
	}
	return up, fixed.Exp(times(t, 2*thousand-power))
}

// times returns t by a number of thousandths.
func times(t fixed.Q16, thousandths int64) fixed.Q16 {
	return fixed.Q16(fixed.MulDiv(int64(t), thousandths, thousand))
}

// clipped says whether the gradient is held.
func (w tweedie) clipped(t fixed.Q16) bool {
	up, down := w.pull(t)
	return up-down >= clipLog*fixed.One
}

// value returns the loss above its least value, as a Q16: it is 0 where m = Y.
func (w tweedie) value(t fixed.Q16) fixed.Q16 {
	if w.target == 0 {
		return w.empty(t)
	}
	var extra fixed.Q16
	if w.clipped(t) {
		// Up to the last clipped place the loss is a straight line. That place is below
		// the logarithm of Y, where the gradient is zero.
		line, free := t, w.log
		for free-line > 1 {
			if middle := line + (free-line)/2; w.clipped(middle) {
				line = middle
			} else {
				free = middle
			}
		}
		extra, t = clipLog*(line-t), line
	}
	return max(0, extra+w.between(t))
}

// empty returns the loss of a target of zero above what it tends to as the mean falls.
func (w tweedie) empty(t fixed.Q16) fixed.Q16 {
	rest := 2*thousand - w.power
	if t < 0 {
		return fixed.Q16(fixed.MulDiv(int64(fixed.Exp(times(t, rest))), thousand, rest))
	}
	return t + fixed.Q16(fixed.MulDiv(int64(fixed.One), thousand, rest))
}

// between returns the loss of going from the logarithm of Y to t.
func (w tweedie) between(t fixed.Q16) fixed.Q16 {
	switch {
	case t >= 0 && w.log >= 0: // A gamma model all the way.
		x := w.log - t
		return fixed.Exp(x) - fixed.One - x
	case t < 0 && w.log < 0:
		return w.above(t, w.power) - w.above(w.log, w.power)
	case t < 0:
		return w.above(t, w.power) + w.target - fixed.One - w.log
	default:
		return w.above(t, 2*thousand) - w.above(w.log, w.power)
	}
}

// above returns the loss at t less that at 0, under one power p:
// (e^((2-p)t) - 1)/(2-p) - Y (e^((1-p)t) - 1)/(1-p).
func (w tweedie) above(t fixed.Q16, power int64) fixed.Q16 {
	return grow(2*thousand-power, t) - fixed.Mul(w.target, grow(thousand-power, t))
}

// grow returns (e^(rate t) - 1)/rate for a rate of thousandths, and t for the rate 0.
func grow(rate int64, t fixed.Q16) fixed.Q16 {
	if x := times(t, rate); x.Abs() > fixed.One/4 {
		return fixed.Q16(fixed.MulDiv(int64(fixed.Exp(x)-fixed.One), thousand, rate))
	}
	// Near zero the difference would lose its digits: t (1 + x/2 (1 + x/3 (1 + ...))). The
	// first term left out, (1/4)^14/15!, is below 2^-60.
	const digits = 40
	x := fixed.MulDiv(int64(t)<<(digits-16), rate, thousand)
	sum := int64(1) << digits
	for k := int64(14); k >= 2; k-- {
		sum = 1<<digits + fixed.MulDiv(x, sum, k<<digits)
	}
	return fixed.Q16(fixed.MulDiv(int64(t), sum, 1<<digits))
}
