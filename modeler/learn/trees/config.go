package trees

import (
	"fmt"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// Bounds of a recipe. They keep a hostile one from taking memory or time without end.
const (
	maxRounds   = 10_000
	maxLevels   = 8 // Of complete trees: 256 leaves.
	maxDepth    = 64
	maxLeaves   = 1024
	maxAhead    = 64
	maxLambda   = 1000
	maxMinRows  = 1 << 20
	maxMembers  = 1 << 10
	maxName     = 24 // So that the longest name of a step has 59 letters, which secure sums can carry.
	maxPatience = 1000
	maxValid    = 500
	permille    = 1000
)

// Config is the recipe of a training. All of it is public and part of the plan.
type Config struct {
	Name  string // Starts the name of every step: 1 to 24 of a-z, 0-9 and hyphens.
	Tasks int    // 1 to 64 kinds of row, each with its own ensembles.
	Folds int    // 1 to 16. With 1, an ensemble learns from all rows of its task.

	Rounds int // Trees an ensemble: 1 to 10,000.
	// Depth is the most splits between root and leaf: 1 to 8 where MaxLeaves is 0, and
	// trees are as complete as their rows allow; otherwise 1 to 64.
	Depth int
	// MaxLeaves, from 2 to 1024, lets the leaf that gains most be split first until there
	// are as many leaves. 0: trees grow level by level.
	MaxLeaves int
	// Ahead, from 1 to 64, is of how many leaves, the best ones first, a sum looks at what
	// would come of their split before it is decided. The trees are the same whatever it
	// is; more needs fewer sums and adds more that goes unused. 0 where MaxLeaves is 0.
	Ahead int

	RatePermille    int // How much of a leaf counts: 1 to 1000.
	Lambda          int // Rows' worth of weight that pull a leaf to zero: 0 to 1000.
	MinRows         int // Sampled rows that each side of a split needs: 1 to 2^20.
	RowPermille     int // Share of rows that a tree sees, by the public coin: 1 to 1000.
	FeaturePermille int // Share of features that a tree may use, at least one: 1 to 1000.

	// ValidPermille is the share of rows, by the public coin, that no tree learns from and
	// whose loss ends the training Patience rounds after the best one: 0, or 1 to 500 with
	// a Patience of 1 to 1000. The model keeps the trees up to the best round.
	ValidPermille, Patience int

	// Members is the most members that may add to a sum: 1 to 1024. Cells leave room for
	// any one of them to have all the rows.
	Members int
	// Weighted says that rows have weights. If not, they all count in full.
	Weighted bool
	Loss     loss.Loss
	// TargetLo and TargetHi span the histogram that starting quantiles come from; targets
	// outside count at its ends.
	TargetLo, TargetHi fixed.Q16

	Seed     chance.Seed // Of row samples and feature subsets.
	Features learn.Features
}

// Ensembles returns how many ensembles the recipe grows.
func (c *Config) Ensembles() int { return c.Tasks * c.Folds }

// Ensemble returns the index of the ensemble that learns from the rows of task outside
// fold; with one fold, from all rows of task.
func (c *Config) Ensemble(task, fold int) int { return task*c.Folds + fold }

// steady says whether every row has the same weight, so that only gradients and rows
// need to be added: a squared loss is its own parabola.
func (c *Config) steady() bool { return c.Loss.Kind == loss.Squared && !c.Weighted }

// monotone says whether any feature is held to rise or fall.
func (c *Config) monotone() bool {
	for i := range c.Features {
		if c.Features[i].Monotone != 0 {
			return true
		}
	}
	return false
}

// leaves returns how many leaves a tree can have.
func (c *Config) leaves() int {
	if c.MaxLeaves == 0 {
		return 1 << c.Depth
	}
	return min(c.MaxLeaves, 1<<min(c.Depth, 20))
}

// Check refuses a recipe out of bounds with learn.ErrConfig.
func (c *Config) Check() error {
	depth, ahead, patience := maxLevels, 0, 0
	if c.MaxLeaves != 0 {
		depth, ahead = maxDepth, 1
	}
	if c.ValidPermille > 0 {
		patience = 1
	}
	for _, b := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"tasks", c.Tasks, 1, learn.MaxTasks},
		{"folds", c.Folds, 1, learn.MaxFolds},
		{"rounds", c.Rounds, 1, maxRounds},
		{"depth", c.Depth, 1, depth},
		{"max_leaves", c.MaxLeaves, 2 * ahead, maxLeaves},
		{"ahead", c.Ahead, ahead, ahead * maxAhead},
		{"rate_permille", c.RatePermille, 1, permille},
		{"lambda", c.Lambda, 0, maxLambda},
		{"min_rows", c.MinRows, 1, maxMinRows},
		{"row_permille", c.RowPermille, 1, permille},
		{"feature_permille", c.FeaturePermille, 1, permille},
		{"valid_permille", c.ValidPermille, 0, maxValid},
		{"patience", c.Patience, patience, patience * maxPatience},
		{"members", c.Members, 1, maxMembers},
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
	if err := c.Features.Check(); err != nil {
		return err
	}
	return c.checkSize()
}

// checkSize refuses a recipe whose steps or model could be longer than anybody accepts.
func (c *Config) checkSize() error {
	bins := 0
	for f := range c.Features {
		bins += c.Features.Bins(f)
	}
	nodes := c.Ahead
	if c.MaxLeaves == 0 {
		nodes = 1 << max(0, c.Depth-2) // One child of each pair at the last level.
	}
	if step := 3 * c.Ensembles() * nodes * bins; step > learn.MaxValues {
		return fmt.Errorf("%w: a step of up to %d values; at most %d: use fewer ensembles, features, bins or less depth",
			learn.ErrConfig, step, learn.MaxValues)
	}
	if kept := c.Ensembles() * c.leaves() * bins; kept > learn.MaxValues {
		return fmt.Errorf("%w: histograms of %d cells at once; at most %d: use fewer ensembles, features, bins or leaves",
			learn.ErrConfig, kept, learn.MaxValues)
	}
	if size := c.Rounds * (2 + c.Ensembles()*c.treeBytes()); size > MaxBytes/2 {
		return fmt.Errorf("%w: trees of %d bytes; at most %d: use fewer ensembles, rounds or less depth",
			learn.ErrConfig, size, MaxBytes/2)
	}
	return nil
}
