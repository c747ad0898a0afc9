package learn

import (
	"fmt"

	"comity/chance"
	"comity/modeler/fixed"
)

// Bounds of a recipe. They keep a hostile one from taking memory or time without end.
const (
	maxTasks     = 64
	maxFolds     = 16
	maxRounds    = 1000
	maxDepth     = 8
	maxFeatures  = 512
	maxBins      = 64
	maxLambda    = 1000
	maxMinRows   = 1 << 20
	maxAttempt   = 1<<16 - 1
	maxName      = 32
	maxMagnitude = 1 << 30 // Of targets and scores: 16,384, so that squares of differences fit 63 bits.
	maxRows      = 1 << 30 // Of all members together: products with gradients stay below 2^41.
	permille     = 1000
)

// Config is the recipe of a training. All of it is public and part of the plan.
type Config struct {
	Name  string // Starts the name of every step: 1 to 32 of a-z, 0-9 and hyphens.
	Tasks int    // 1 to 64 kinds of row, each with its own ensembles.
	Folds int    // 1 to 16. With 1, an ensemble learns from all rows of its task.

	Rounds int // Trees an ensemble: 1 to 1000.
	Depth  int // Splits between root and leaf: 1 to 8.

	RatePermille    int // How much of a leaf counts: 1 to 1000.
	Lambda          int // Rows' worth of weight that pull a leaf to zero: 0 to 1000.
	MinRows         int // Sampled rows that each side of a split needs: 1 to 2^20.
	RowPermille     int // Share of rows that a tree sees, by the public coin: 1 to 1000.
	FeaturePermille int // Share of features that a tree may use, at least one: 1 to 1000.

	// Delta is the residual up to which the loss is nearly squared and from which on it
	// is nearly absolute (pseudo-Huber): 2^-16 to 1024.
	Delta fixed.Q16
	// TargetLo and TargetHi span the histogram that the starting medians come from;
	// targets outside count at its ends.
	TargetLo, TargetHi fixed.Q16

	Seed  chance.Seed // Of row samples and feature subsets.
	Edges Edges       // Of every feature.
}

// Ensembles returns how many ensembles the recipe grows.
func (c *Config) Ensembles() int { return c.Tasks * c.Folds }

// Ensemble returns the index of the ensemble that learns from the rows of task outside
// fold; with one fold, from all rows of task.
func (c *Config) Ensemble(task, fold int) int { return task*c.Folds + fold }

// Check refuses a recipe out of bounds with ErrConfig.
func (c *Config) Check() error {
	for _, b := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"tasks", c.Tasks, 1, maxTasks},
		{"folds", c.Folds, 1, maxFolds},
		{"rounds", c.Rounds, 1, maxRounds},
		{"depth", c.Depth, 1, maxDepth},
		{"rate_permille", c.RatePermille, 1, permille},
		{"lambda", c.Lambda, 0, maxLambda},
		{"min_rows", c.MinRows, 1, maxMinRows},
		{"row_permille", c.RowPermille, 1, permille},
		{"feature_permille", c.FeaturePermille, 1, permille},
		{"delta", int(c.Delta), 1, int(1024 * fixed.One)},
		{"target_lo", int(c.TargetLo), -maxMagnitude, maxMagnitude},
		{"target_hi", int(c.TargetHi), int(c.TargetLo) + 1, maxMagnitude},
		{"features", len(c.Edges), 1, maxFeatures},
		{"letters of the name", len(c.Name), 1, maxName},
	} {
		if b.value < b.least || b.value > b.most {
			return fmt.Errorf("%w: %s is %d; use %d to %d", ErrConfig, b.name, b.value, b.least, b.most)
		}
	}
	for i := range len(c.Name) {
		if l := c.Name[i]; (l < 'a' || l > 'z') && (l < '0' || l > '9') && l != '-' {
			return fmt.Errorf("%w: name %q; use a-z, 0-9 and hyphens", ErrConfig, c.Name)
		}
	}
	if err := c.Edges.check(); err != nil {
		return err
	}
	return c.checkSize()
}

// checkSize refuses a recipe whose steps or model could be longer than anybody accepts.
func (c *Config) checkSize() error {
	bins := 0
	for f := range c.Edges {
		bins += c.Edges.Bins(f)
	}
	nodes := 1 << max(0, c.Depth-2) // One child of each pair at the last level.
	if step := 3 * c.Ensembles() * nodes * bins; step > maxValues {
		return fmt.Errorf("%w: a step of up to %d values; at most %d: use fewer ensembles, features, bins or less depth",
			ErrConfig, step, maxValues)
	}
	if trees := c.Rounds * c.Ensembles() * treeBytes(c.Depth); trees > MaxBytes/2 {
		return fmt.Errorf("%w: trees of %d bytes; at most %d: use fewer ensembles, rounds or less depth",
			ErrConfig, trees, MaxBytes/2)
	}
	return nil
}
