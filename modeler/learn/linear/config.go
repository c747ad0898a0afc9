package linear

import (
	"errors"
	"fmt"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// Bounds of a recipe. They keep a hostile one from taking memory or time without end.
const (
	maxSteps  = 100
	maxLambda = 1_000_000_000
	maxName   = 32
	// maxTerms bounds the terms of a score: products of all pairs and the solution take
	// seconds with as many.
	maxTerms = 400
	permille = 1000
)

// ErrCollinear says that some columns say the same, so that no coefficients are the best
// ones. A lambda above 0 has an answer to that.
var ErrCollinear = errors.New("columns depend on each other")

// ErrSteps says that Newton's method did not come to an end: usually because a column
// tells yes from no without fail, and no coefficient is large enough. A lambda above 0
// has an answer to that too.
var ErrSteps = errors.New("no end in the steps allowed")

// Config is the recipe of a fit. All of it is public and part of the plan.
type Config struct {
	Name string // Starts the name of every step: 1 to 32 of a-z, 0-9 and hyphens.
	// Loss is squared, logistic or poisson. Of its parameters none matters here: squared is
	// least squares without any clip, poisson the likelihood of counts at any mean.
	Loss loss.Loss
	// LambdaPermille is how much the square of a coefficient, in standard units, costs: in
	// thousandths of rows, 0 to 10^9. The intercept is free.
	LambdaPermille int
	// Steps is how many steps Newton's method may take: 1 to 100. Least squares takes one.
	Steps int
	// TargetLo and TargetHi bound the targets, within +-16,384. Poisson: larger means than
	// TargetHi are held there while the fit goes on.
	TargetLo, TargetHi fixed.Q16
	Seed               chance.Seed // Of samples.
	Features           learn.Features
}

// Usual returns the usual recipe: a lambda of one row for yes and no and for counts, where
// it keeps coefficients finite, and of a thousandth for least squares, where it only
// settles what columns that say the same share. Name, Seed and the targets' bounds are left
// to the caller.
func Usual(l loss.Loss, features learn.Features) *Config {
	c := &Config{Loss: l, LambdaPermille: permille, Steps: 25, Features: features}
	if l.Kind == loss.Squared {
		c.LambdaPermille, c.Steps = 1, 1
	}
	return c
}

// Check refuses a recipe out of bounds with learn.ErrConfig.
func (c *Config) Check() error {
	for _, b := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"steps", c.Steps, 1, maxSteps},
		{"lambda_permille", c.LambdaPermille, 0, maxLambda},
		{"target_lo", int(c.TargetLo), -learn.MaxMagnitude, learn.MaxMagnitude},
		{"target_hi", int(c.TargetHi), int(c.TargetLo) + 1, learn.MaxMagnitude},
		{"letters of the name", len(c.Name), 1, maxName},
	} {
		if b.value < b.least || b.value > b.most {
			return fmt.Errorf("%w: %s is %d; use %d to %d", learn.ErrConfig, b.name, b.value, b.least, b.most)
		}
	}
	for i := range len(c.Name) {
		if l := c.Name[i]; (l < 'a' || l > 'z') && (l < '0' || l > '9') && l != '-' {
			return fmt.Errorf("%w: name %q; use a-z, 0-9 and hyphens", learn.ErrConfig, c.Name)
		}
	}
	if err := c.Loss.Check(); err != nil {
		return fmt.Errorf("%w: %w", learn.ErrConfig, err)
	}
	if k := c.Loss.Kind; k != loss.Squared && k != loss.Logistic && k != loss.Poisson {
		return fmt.Errorf("%w: a linear model of the %s loss; use squared, logistic or poisson, or another learner", learn.ErrConfig, k)
	}
	return c.Features.Check()
}
