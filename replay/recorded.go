package replay

import (
	"context"
	"fmt"

	"comity/canon"
	"comity/modeler/learn"
	"comity/verifier/secagg"
)

// Recorded gives the sums of a transcript in the order in which they were made, and the
// restarts in between. Whoever computes a task with it, with or without rows, gets what
// the members got.
func Recorded(t secagg.Transcript, blob func(context.Context, canon.Digest) ([]byte, error)) learn.Summer {
	return &recorded{transcript: t, blob: blob}
}

type recorded struct {
	transcript secagg.Transcript
	blob       func(context.Context, canon.Digest) ([]byte, error)
	next       int
	attempt    int
}

// Sum returns the logged sum of a step, or the restart that the log shows before it.
func (r *recorded) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	if r.next >= len(r.transcript.Steps) {
		return nil, fmt.Errorf("%w: step %s is not in the transcript of %d steps", ErrDiffers, step.Name, len(r.transcript.Steps))
	}
	s := r.transcript.Steps[r.next]
	for _, c := range r.transcript.Cohorts {
		if c.Number <= s.Cohort && c.FromStep <= r.next && c.Attempt > r.attempt {
			r.attempt = c.Attempt
			return nil, &learn.Restart{Attempt: c.Attempt}
		}
	}
	if s.Name != step.Name || s.Bits != step.Bits || s.Lanes != len(x) {
		return nil, fmt.Errorf("%w: step %d of the transcript is %s of %d x %d bits, the task needs %s of %d x %d",
			ErrDiffers, r.next, s.Name, s.Lanes, s.Bits, step.Name, len(x), step.Bits)
	}
	data, err := r.blob(ctx, s.Sum)
	if err != nil {
		return nil, err
	}
	sum, err := secagg.ParseSum(data)
	if err != nil {
		return nil, err
	}
	r.next++
	return sum.Values(), nil
}
