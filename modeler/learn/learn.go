// Package learn grows boosted trees on rows that nobody shows: each step needs only the
// sum of the members' integer histograms.
//
// Everything is integer: bins, gradients, scores and leaves. Sums of integers do not
// depend on how rows are spread over members or in which order members arrive, so the
// federated model is, byte for byte, the one that pooled rows would give, and whoever
// holds the sums can replay the training without a single row.
//
// Many ensembles grow side by side in the same steps, one tree each a round: a task (for
// instance a lead time) times a fold. Ensemble (task, fold) learns from the rows of its
// task outside its fold, so that its predictions inside the fold are honest.
//
// The vectors of the steps and the bytes of a model are in docs/format/model.md.
package learn

import (
	"context"
	"errors"
	"fmt"
)

// Summer adds the vectors of all members. The result has the length of x. Pooled
// training returns x itself; a replay ignores x, which is all zeros without rows, and
// returns the logged sum.
//
// All sums of one round must be over the same members, because a sibling is what its
// parent and the other child differ by: a Summer that loses a member within a round
// returns *Restart, also when the member had not yet committed to the step.
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
// not be summed again: the two sums would differ by one member's rows. The trainer grows
// the round's trees again from the public sample of Attempt, which stays in force for
// the rounds that follow.
type Restart struct { //nolint:errname // It asks for a new attempt rather than reports a fault.
	Attempt int // Above every earlier one; the first attempt was 0.
}

// Error says what was lost.
func (r *Restart) Error() string {
	return fmt.Sprintf("step lost after commitment; attempt %d starts the round again", r.Attempt)
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
