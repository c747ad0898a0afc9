package solve_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
	"comity/quantity"
)

// TestLimitsOfManyPartiesAreProved: limits that bind cost no more than what single units
// of the smallest party are, and one cut a stage proves it.
func TestLimitsOfManyPartiesAreProved(t *testing.T) {
	for _, c := range []struct{ kind, aim string }{
		{certificate.LimitGini, certificate.Weighted},
		{certificate.LimitJain, certificate.Weighted},
		{certificate.LimitGini, certificate.Leximin},
		{certificate.LimitJain, certificate.Maximin},
	} {
		t.Run(c.kind+", "+c.aim, func(t *testing.T) {
			p := limited(31, c.kind, c.aim)
			got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
			if err != nil {
				t.Fatal(err)
			}
			if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 50_000)); err != nil {
				t.Error(err)
			}
			if c.aim != certificate.Weighted {
				return // Levels are as equal as it gets.
			}
			if cuts := first(got).Cuts; len(cuts) != 1 {
				t.Errorf("%d cuts, want the one that matters", len(cuts))
			}
			p.Limits = nil
			free, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
			if err != nil {
				t.Fatal(err)
			}
			if first(free).Value.Cmp(first(got).Bound) <= 0 {
				t.Errorf("without the limit %s, with it at most %s: the limit does not bind", first(free).Value, first(got).Bound)
			}
		})
	}
}

// TestAPartyThatNothingIsWorthAnythingTo takes no part in a bargain that leaves it above
// its alternative, and stops one that does not.
func TestAPartyThatNothingIsWorthAnythingTo(t *testing.T) {
	p := vaccines(world(rand.New(rand.NewPCG(1, 2)), 6, 2, 3), 300_000_001)
	s := aimed(p, certificate.Nash)
	for j, c := range p.Columns {
		if c.Party == p.Needs[2].Party {
			s.Costs[j] = 0
		}
	}
	s.Outside[2] = -5
	p.Stages = []comity.Stage{s}
	got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 1000)); err != nil {
		t.Error(err)
	}
	if first(got).Weights[2] != 0 {
		t.Errorf("weight %d of the party, want 0", first(got).Weights[2])
	}
	first(got).Weights[2] = 1
	if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 1000)); !errors.Is(err, certificate.ErrShape) {
		t.Errorf("weight 1: got %v, want ErrShape", err)
	}
	p.Stages[0].Outside[2] = 0
	if _, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{}); !errors.Is(err, solve.ErrInfeasible) {
		t.Errorf("with nothing to gain: got %v, want ErrInfeasible", err)
	}
}

// TestALyingSolverProvesNothingWhateverTheAim: what is returned states what its prices
// prove, and a feasible problem is not called infeasible.
func TestALyingSolverProvesNothingWhateverTheAim(t *testing.T) {
	list := kinds()
	list["gini"] = limited(8, certificate.LimitGini, certificate.Weighted)
	list["jain"] = limited(8, certificate.LimitJain, certificate.Leximin)
	for name, p := range list {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3) {
				got, err := solve.Allocate(t.Context(), p, liar{engine(t), rand.New(rand.NewPCG(seed, 5))}, canon.Digest{})
				var conflict *solve.ConflictError
				switch {
				case errors.As(err, &conflict):
					t.Errorf("seed %d: a feasible problem is called infeasible: %v", seed, err)
				case err == nil:
					stated, err := certificate.State(p, got.Units, got.Certificate)
					if err != nil || stated.Stages[0].Gap.Cmp(first(got).Gap) != 0 {
						t.Errorf("seed %d: gap %s is stated: %v", seed, first(got).Gap, err)
					}
				case !errors.Is(err, solve.ErrSolver) && !errors.Is(err, solve.ErrInfeasible) && !errors.Is(err, solve.ErrTooLarge):
					t.Errorf("seed %d: got %v, want ErrSolver", seed, err)
				}
			}
		})
	}
}

// TestEveryAimEndsWithItsContext: an impatient caller gets its own error.
func TestEveryAimEndsWithItsContext(t *testing.T) {
	list := kinds()
	list["gini"] = limited(31, certificate.LimitGini, certificate.Weighted)
	for name, p := range list {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		_, err := solve.Allocate(ctx, p, engine(t), canon.Digest{})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want that time is up", name, err)
		}
	}
}

// TestHugeWeightsAreRefusedOrProved: measures of 10^18 overflow nothing.
func TestHugeWeightsAreRefusedOrProved(t *testing.T) {
	for _, kind := range []string{certificate.Weighted, certificate.Maximin, certificate.Leximin, certificate.Nash} {
		p := vaccines(world(rand.New(rand.NewPCG(1, 2)), 6, 2, 3), 300_000_001)
		s := comity.Stage{ID: "worth", Kind: kind, Scale: 1}
		for range p.Columns {
			s.Costs = append(s.Costs, 1_000_000_000_000_000_000)
		}
		a := aimed(p, kind)
		s.Per, s.Outside, s.Power = a.Per, a.Outside, a.Power
		p.Stages = []comity.Stage{s}
		got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
		if errors.Is(err, solve.ErrTooLarge) {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 1000)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		var sum quantity.Amount
		for _, share := range got.Parties {
			sum += share.Amount
		}
		if sum != 300_000_001 {
			t.Errorf("%s: %d units are given", kind, sum)
		}
	}
}
