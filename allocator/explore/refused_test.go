package explore_test

import (
	"context"
	"errors"
	"testing"

	"comity/adapter/highs/highstest"
	"comity/allocator/explore"
	"comity/allocator/solve"
)

// moody solves a number of programmes and then nothing any more.
type moody struct {
	solve.Solver
	left int
	err  error
}

func (m *moody) Solve(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	if m.left == 0 {
		return solve.Solution{}, m.err
	}
	m.left--
	return m.Solver.Solve(ctx, lp)
}

// A solver that fails on a question leaves that one unanswered and says so; it never
// makes up an answer.
func TestAFailingSolverLeavesQuestionsOpen(t *testing.T) {
	m := &moody{Solver: highstest.Engine(t), left: 1 << 30, err: errors.New("out of memory")}
	e := explore.New(m, 0)
	a, err := e.Solve(t.Context(), explore.Case{Inputs: vaccines(three(), 30)})
	if err != nil {
		t.Fatal(err)
	}
	m.left = 0
	list, err := e.Counterfactuals(t.Context(), a, "KE")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.Refused == "" && c.Gain != 0 || c.Refused != "" && c.Outcome != nil {
			t.Errorf("%s: %+v", c.Change, c)
		}
	}
	effects, err := e.Effects(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range effects {
		for _, try := range x.Tries {
			if try.Refused == "" && (try.Moved != 0 || try.Conflict != nil) || try.Refused != "" && (x.Inert || try.Value != nil) {
				t.Errorf("%s: %+v", x.ID, x)
			}
		}
	}
	points, err := e.Front(t.Context(), a, 5)
	if err != nil || len(points) != 1 {
		t.Errorf("a front of %d points: %v", len(points), err)
	}
	found, err := e.Smallest(t.Context(), a, "KE", "KE.capacity", 2)
	if err != nil || found.Found {
		t.Errorf("the smallest change is %+v, %v", found, err)
	}
	if _, err := e.WhatIf(t.Context(), a.Case, []explore.Change{explore.Percent("supply.doses", 20)}); !errors.Is(err, solve.ErrSolver) {
		t.Errorf("what if: %v", err)
	}
}

// Whoever gives up gets no half answer.
func TestInterruption(t *testing.T) {
	e, a := fresh(t, vaccines(three(), 30))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := e.Counterfactuals(ctx, a, "KE"); !errors.Is(err, context.Canceled) {
		t.Errorf("counterfactuals: %v", err)
	}
	if _, err := e.Effects(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("effects: %v", err)
	}
	if _, err := e.Front(ctx, a, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("front: %v", err)
	}
}
