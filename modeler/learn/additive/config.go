package additive

import (
	"fmt"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// Bounds of a recipe. They keep a hostile one from taking memory or time without end.
const (
	maxRounds  = 1000
	maxPairs   = 64
	maxLambda  = 1000
	maxMinRows = 1 << 20
	maxLeaves  = 32
	maxName    = 32
	permille   = 1000
	// maxClip bounds the gradient of a row where there is noise, in whole ones.
	maxClip = 8
	// maxGroups is how many rows or columns the table of a pair has, as in Lou et al.,
	// section 3, whose tables need no finer grid.
	maxGroups = 8
)

// Config is the recipe of a training. All of it is public and part of the plan.
type Config struct {
	Name string // Starts the name of every step: 1 to 32 of a-z, 0-9 and hyphens.

	// Folds is how many models grow side by side, each without the rows of one fold: 2 to
	// 16. With 1 a single model sees all rows; it has no errors and cannot stop early.
	Folds int
	// Rounds is how many steps the curves take, one sum each: 1 to 1000.
	Rounds int
	// Pairs is how many pairs of features get a table at most: 0 to 64. Any need one sum to
	// choose them and one for each of PairRounds: 0 to 1000.
	Pairs, PairRounds int
	// Patience is how many rounds without a better loss outside the folds end the steps of
	// the curves, and then those of the tables, which go back to the best: 1 to 1000, or
	// 0 to take all rounds.
	Patience int

	RatePermille int // How much of a step counts: 1 to 1000.
	Lambda       int // Rows' worth of weight that pull a step to zero: 0 to 1000.
	MinRows      int // Rows that each level of a step needs: 1 to 2^20.
	Leaves       int // Levels of one step of a curve: 2 to 32.

	Loss loss.Loss
	// TargetLo and TargetHi span the histogram that starting quantiles come from, within
	// +-16,384; targets outside count at its ends.
	TargetLo, TargetHi fixed.Q16

	Noise    Noise       // Of private trainings; zero for exact sums.
	Seed     chance.Seed // Of folds and samples.
	Features learn.Features
}

// Noise says what is added to the sums of a private training, outside of it, and to what
// a row is held for that.
type Noise struct {
	// Variance is that of the noise in each value of a step, in the units of the vector; 0
	// for exact sums. It shrinks what cannot be told from noise.
	Variance int64
	// ClipPermille holds the gradient of a row, in thousandths of a whole one: 1 to 1000
	// times the bound of the loss, and at most 8000. 500 is all that a balanced logistic
	// start needs.
	ClipPermille int
}

// Private says whether the training is made for noisy sums.
func (n Noise) Private() bool { return n.Variance > 0 }

// Check refuses a recipe out of bounds with learn.ErrConfig.
func (c *Config) Check() error {
	clip := [2]int{0, 0}
	if c.Noise.Private() {
		clip = [2]int{1, permille * int(min(c.Loss.Bound(), maxClip))}
	}
	for _, b := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"folds", c.Folds, 1, learn.MaxFolds},
		{"rounds", c.Rounds, 1, maxRounds},
		{"pairs", c.Pairs, 0, maxPairs},
		{"pair_rounds", c.PairRounds, 0, maxRounds},
		{"patience", c.Patience, 0, maxRounds},
		{"rate_permille", c.RatePermille, 1, permille},
		{"lambda", c.Lambda, 0, maxLambda},
		{"min_rows", c.MinRows, 1, maxMinRows},
		{"leaves", c.Leaves, 2, maxLeaves},
		{"target_lo", int(c.TargetLo), -learn.MaxMagnitude, learn.MaxMagnitude},
		{"target_hi", int(c.TargetHi), int(c.TargetLo) + 1, learn.MaxMagnitude},
		{"clip_permille", c.Noise.ClipPermille, clip[0], clip[1]},
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
	if err := c.Features.Check(); err != nil {
		return err
	}
	return c.checkTogether()
}

// checkTogether refuses what does not go together, and steps longer than anybody accepts.
func (c *Config) checkTogether() error {
	switch {
	case c.Folds == 1 && c.Patience > 0:
		return fmt.Errorf("%w: patience is %d with one fold; use 0, or 2 folds and more", learn.ErrConfig, c.Patience)
	case (c.Pairs == 0) != (c.PairRounds == 0):
		return fmt.Errorf("%w: %d pairs and %d pair_rounds; use 0 for both or for neither", learn.ErrConfig, c.Pairs, c.PairRounds)
	case c.Noise.Variance < 0 || c.Noise.Variance > maxVariance:
		return fmt.Errorf("%w: noise of variance %d; use 0 to %d", learn.ErrConfig, c.Noise.Variance, int64(maxVariance))
	case c.Noise.Private() && (c.Folds > 1 || c.Pairs > 0):
		return fmt.Errorf("%w: %d folds and %d pairs with noise; use 1 and 0: each more would need more noise",
			learn.ErrConfig, c.Folds, c.Pairs)
	}
	bins := 0
	for f := range c.Features {
		bins += c.Features.Bins(f)
	}
	if words := c.Folds * (2*bins + c.Loss.Cells() + heads); words > learn.MaxValues {
		return fmt.Errorf("%w: steps of up to %d values; at most %d: use fewer folds, features or bins",
			learn.ErrConfig, words, learn.MaxValues)
	}
	return nil
}
