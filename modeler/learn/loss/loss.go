// Package loss says, in integers only, how badly a score fits a target and which way it
// should move: what every learner here sums instead of rows.
//
// A loss gives each row a negative gradient and a weight in units of 1/1024. The weight
// is the curvature of a parabola that touches the loss at the score: the second
// derivative where that is bounded, and otherwise the curvature that reweighted least
// squares would use. So one division of two sums is a step, whatever the loss.
package loss

import (
	"errors"
	"fmt"

	"comity/modeler/fixed"
)

// Unit is how many units a whole gradient and a whole weight have. With 2^10, quantised
// gradients cost no accuracy (Shi et al., "Quantized Training of Gradient Boosting
// Decision Trees", 2022, need 2^2 to 2^5).
const Unit = 1 << 10

// Kind names a loss.
type Kind string

// The losses, where r is target - score in units that Scale gives.
const (
	Squared  Kind = "squared"  // r^2/2 up to 8 units, linear beyond: Huber's loss at 8 units.
	Huber    Kind = "huber"    // sqrt(1 + r^2) - 1, the pseudo-Huber loss.
	Absolute Kind = "absolute" // The same at a sixteenth of Scale: |r| but for a smooth tip.
	Quantile Kind = "quantile" // The pinball loss with the same smooth tip.
	Logistic Kind = "logistic" // ln(1 + e^-score) of a yes, ln(1 + e^score) of a no.
	Poisson  Kind = "poisson"  // Half the deviance of a count; the score is the logarithm of its mean.
	Tweedie  Kind = "tweedie"  // Half the deviance of amounts that are often zero; the score is a logarithm too.
)

// Loss is one loss with its parameters. All of it is public and part of a recipe.
type Loss struct {
	Kind Kind

	// Scale is 2^-16 to 1024. Squared, huber, absolute, quantile: the residual that is one
	// unit; the standard deviation of targets is a good one. Logistic: One. Poisson and
	// tweedie: the mean from which on rows weigh as in a gamma model, that is, no more
	// than a row of this mean; the mean of targets, or a few of them, is a good one.
	Scale fixed.Q16
	// Level of a quantile: 1 to 999 thousandths. Of other losses: 0.
	Level int
	// Power of a tweedie variance, which grows as mean^power: 1001 to 1999 thousandths.
	// Of other losses: 0.
	Power int
}

const (
	maxScale     = 1024 * fixed.One
	maxMagnitude = 1 << 30 // Of targets and scores as Q16: 16,384, so that squares of differences fit 63 bits.
	thousand     = 1000
	// tip is the part of Scale below which absolute and pinball losses are smooth. The
	// minimum moves by about (1/16)^2 of the slope of the density, in units of Scale.
	tip = 16
	// clip is the size of residual, in units of Scale, from which on the squared loss
	// grows linearly: no normal residual in 10^15 is as large.
	clip = 8
	// clipLog is the same for losses of a logarithm: amounts are skewed, so one of 64
	// times what is usual may still count in full.
	clipLog = 64
)

var (
	// ErrLoss says that the parameters of a loss are out of bounds.
	ErrLoss = errors.New("loss out of bounds")
	// ErrDomain says that a target is none that the loss is made for.
	ErrDomain = errors.New("target outside the domain of the loss")
)

// Check refuses parameters out of bounds with ErrLoss.
func (l Loss) Check() error {
	least, most := fixed.Q16(1), maxScale
	level, power := [2]int{}, [2]int{}
	switch l.Kind {
	case Squared, Huber, Absolute, Poisson:
	case Quantile:
		level = [2]int{1, thousand - 1}
	case Logistic:
		least, most = fixed.One, fixed.One
	case Tweedie:
		power = [2]int{thousand + 1, 2*thousand - 1}
	default:
		return fmt.Errorf("%w: kind %q; use squared, huber, absolute, quantile, logistic, poisson or tweedie", ErrLoss, l.Kind)
	}
	if l.Scale < least || l.Scale > most {
		return fmt.Errorf("%w: scale of the %s loss is %d; use %d to %d", ErrLoss, l.Kind, l.Scale, least, most)
	}
	if l.Level < level[0] || l.Level > level[1] {
		return fmt.Errorf("%w: level of the %s loss is %d; use %d to %d", ErrLoss, l.Kind, l.Level, level[0], level[1])
	}
	if l.Power < power[0] || l.Power > power[1] {
		return fmt.Errorf("%w: power of the %s loss is %d; use %d to %d", ErrLoss, l.Kind, l.Power, power[0], power[1])
	}
	return nil
}

// Accepts refuses with ErrDomain a target that the loss is not made for: any beyond
// +-16,384, for logistic all but 0 and 1, for poisson and tweedie what is below 0. The
// error does not tell the target.
func (l Loss) Accepts(y fixed.Q16) error {
	switch {
	case y.Abs() > maxMagnitude:
		return fmt.Errorf("%w: missing, or above 16,384 in magnitude", ErrDomain)
	case l.Kind == Logistic && y != 0 && y != fixed.One:
		return fmt.Errorf("%w: the logistic loss takes 0 and 1", ErrDomain)
	case l.logLink() && y < 0:
		return fmt.Errorf("%w: the %s loss takes nothing below 0", ErrDomain, l.Kind)
	}
	return nil
}

// Bound returns the largest magnitude of a gradient in whole Units.
func (l Loss) Bound() int64 {
	switch l.Kind {
	case Squared:
		return clip
	case Poisson, Tweedie:
		return clipLog
	default:
		return 1
	}
}

// logLink says whether the score is the logarithm of the prediction.
func (l Loss) logLink() bool { return l.Kind == Poisson || l.Kind == Tweedie }

// unit returns the residual that is one unit.
func (l Loss) unit() int64 {
	switch l.Kind {
	case Absolute, Quantile:
		return max(1, int64(l.Scale)/tip)
	case Logistic, Poisson, Tweedie:
		return int64(fixed.One)
	default:
		return int64(l.Scale)
	}
}
