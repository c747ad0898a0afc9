// Package learn is the protocol that all learners share: rows that nobody shows, and
// sums of the members' integer vectors that everybody sees.
//
// Everything is integer: bins, gradients, scores and coefficients. Sums of integers do
// not depend on how rows are spread over members or in which order members arrive, so a
// federated model is, byte for byte, the one that pooled rows would give, and whoever
// holds the sums can replay the training without a single row. The learners are in the
// packages below this one.
package learn

import (
	"context"
	"errors"
	"fmt"

	"comity/modeler/fixed"
)

// Summer adds the vectors of all members. The result has the length of x. Pooled
// training returns x itself; a replay ignores x, which is all zeros without rows, and
// returns the logged sum.
//
// All sums of one round must be over the same members, because some numbers are what
// two sums differ by, such as a tree's node and one of its children: a Summer that loses
// a member within a round returns *Restart, also when the member had not yet committed
// to the step.
type Summer interface {
	Sum(ctx context.Context, step Step, x []int64) ([]int64, error)
}

// Step is one sum of a training.
type Step struct {
	Name string // Unique within the training: "point/round/3/attempt/0/level/2".
	Bits int    // 32 or 64: the ring the values travel in. |sum over members| < 2^(Bits-1).
}

// Pooled is the Summer of one participant who has all rows.
type Pooled struct{}

// Sum returns x.
func (Pooled) Sum(_ context.Context, _ Step, x []int64) ([]int64, error) { return x, nil }

// Restart is the error of a step whose input was lost after members committed to it, or
// whose members are fewer than those of the round's earlier steps. The same rows must
// not be summed again: the two sums would differ by one member's rows. A learner takes
// the round again with the public sample of Attempt, which stays in force for the rounds
// that follow.
type Restart struct { //nolint:errname // It asks for a new attempt rather than reports a fault.
	Attempt int // Above every earlier one; the first attempt was 0.
}

// Error says what was lost.
func (r *Restart) Error() string {
	return fmt.Sprintf("step lost after commitment; attempt %d starts the round again", r.Attempt)
}

// Bounds that all learners share. They keep a hostile recipe or sum from taking memory or
// time without end.
const (
	MaxFeatures  = 4096
	MaxTasks     = 64
	MaxFolds     = 16
	MaxAttempt   = 1<<16 - 1
	MaxMagnitude = 1 << 30 // Of targets and scores as fixed.Q16: 16,384, so that squares of differences fit 63 bits.
	MaxRows      = 1 << 30 // Of all members together.
	MaxValues    = 1 << 24 // Of the vector of one step: 128 MiB.
)

// RetryPermille is the share of rows, in thousandths, that an attempt after a lost step
// may see at most: a learner that otherwise takes all rows would add the same ones twice.
const RetryPermille = 700

// Add returns a score after one more term, held within the bounds of scores.
func Add(score, term fixed.Q16) fixed.Q16 {
	return min(max(score+term, -MaxMagnitude), MaxMagnitude)
}

var (
	// ErrConfig says that the recipe is out of bounds.
	ErrConfig = errors.New("recipe out of bounds")
	// ErrData says that rows do not fit the recipe.
	ErrData = errors.New("rows do not fit the recipe")
	// ErrSum says that a sum cannot come from rows: wrong length, or counts, weights and
	// gradients that contradict each other.
	ErrSum = errors.New("sum cannot come from rows")
	// ErrAttempt says that a Restart names an attempt that is not above the last one, or
	// beyond 65,535.
	ErrAttempt = errors.New("attempt does not rise")
	// ErrModel says that bytes are not a model.
	ErrModel = errors.New("not a model")
)
