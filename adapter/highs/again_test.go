package highs_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"comity/adapter/highs"
	"comity/allocator/basis"
	"comity/allocator/solve"
)

// pair is: maximise x + y with x + 2y <= 4 and 0 <= x, y <= 3. The best is (3, 1/2).
func pair() solve.LP {
	return solve.LP{
		Cost: []float64{1, 1}, Lower: []float64{0, 0}, Upper: []float64{3, 3},
		RowLower: []float64{math.Inf(-1)}, RowUpper: []float64{4},
		Start: []int32{0, 1, 2}, Index: []int32{0, 0}, Value: []float64{1, 2},
	}
}

func TestASessionAnswersAgain(t *testing.T) {
	err := engine(t).Session(t.Context(), pair(), nil, func(s basis.Session) error {
		for _, c := range []struct {
			lower, upper, want []float64
		}{
			{[]float64{0, 0}, []float64{3, 3}, []float64{3, 0.5}},
			{[]float64{0, 1}, []float64{3, 3}, []float64{2, 1}},
			{[]float64{3, 1}, []float64{3, 3}, nil}, // 3 + 2 is above 4.
			{[]float64{0, 0}, []float64{1, 3}, []float64{1, 1.5}},
		} {
			got, err := s.Solve(t.Context(), c.lower, c.upper)
			if err != nil {
				return err
			}
			if got.Optimal != (c.want != nil) || len(got.Prices) != 1 {
				t.Errorf("within %v and %v: optimal %t, prices %v", c.lower, c.upper, got.Optimal, got.Prices)
			}
			for j, want := range c.want {
				if math.Abs(got.Primal[j]-want) > 1e-6 {
					t.Errorf("within %v and %v: got %v, want %v", c.lower, c.upper, got.Primal, c.want)
				}
			}
		}
		weights, err := s.Inverse(t.Context(), []int{0, 1})
		if err != nil {
			return err
		}
		// y alone stands between its bounds, and half of the row holds it.
		if weights[0] != nil || len(weights[1]) != 1 || math.Abs(math.Abs(weights[1][0])-0.5) > 1e-9 {
			t.Errorf("rows of the inverse: got %v, want none and a half", weights)
		}
		for _, bounds := range [][2][]float64{{{0}, {3}}, {{0, math.NaN()}, {3, 3}}, {{0, 4}, {3, 3}}} {
			if _, err := s.Solve(t.Context(), bounds[0], bounds[1]); !errors.Is(err, highs.ErrProgramme) {
				t.Errorf("bounds %v: got %v, want ErrProgramme", bounds, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestASessionStartsFromABasis(t *testing.T) {
	from := &basis.Vertex{Columns: []basis.State{basis.AtUpper, basis.Basic}, Rows: []basis.State{basis.AtUpper}}
	err := engine(t).Session(t.Context(), pair(), from, func(s basis.Session) error {
		got, err := s.Solve(t.Context(), []float64{0, 0}, []float64{3, 3})
		if err == nil && (!got.Optimal || got.Primal[0] != 3) {
			t.Errorf("got %v", got.Primal)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	short := &basis.Vertex{Columns: []basis.State{basis.Basic}}
	if err := engine(t).Session(t.Context(), pair(), short, func(basis.Session) error { return nil }); !errors.Is(err, highs.ErrProgramme) {
		t.Errorf("a basis of another programme: got %v, want ErrProgramme", err)
	}
}

// TestContextStopsTheSimplexMethod needs no branching to be stopped.
func TestContextStopsTheSimplexMethod(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine(t).Solve(ctx, degenerate(1, 120, 60)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
}
