package highs_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"comity/adapter/highs"
	"comity/allocator/solve"
)

func open(t *testing.T, lp solve.LP) *highs.Master {
	t.Helper()
	m, err := engine(t).Open(t.Context(), lp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close(context.Background()) })
	return m
}

func worth(lp solve.LP, x []float64) (sum float64) {
	for j, v := range x {
		sum += lp.Cost[j] * v
	}
	return sum
}

// TestMasterFindsWhatSolveFinds changes a programme step by step and compares each
// optimum with that of the whole programme solved from scratch.
func TestMasterFindsWhatSolveFinds(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		lp := degenerate(seed, 20, 8)
		m := open(t, lp)
		compare := func(step string) {
			t.Helper()
			got, err := m.Run(t.Context())
			if err != nil {
				t.Fatal(step, err)
			}
			want, err := engine(t).Solve(t.Context(), lp)
			if err != nil {
				t.Fatal(step, err)
			}
			if a, b := worth(lp, got.Primal), worth(lp, want.Primal); math.Abs(a-b) > 1e-6 || len(got.Dual) != len(lp.RowLower) {
				t.Errorf("seed %d, %s: worth %g with %d prices, from scratch %g", seed, step, a, len(got.Dual), b)
			}
		}
		compare("first")
		for j := 5; j < 9; j++ {
			lp.Cost[j], lp.Upper[j] = float64(r.IntN(5)), float64(r.IntN(3))
		}
		if err := m.SetColumns(t.Context(), 5, lp.Cost[5:9], lp.Lower[5:9], lp.Upper[5:9]); err != nil {
			t.Fatal(err)
		}
		compare("columns")
		lp.RowUpper[1], lp.RowUpper[6] = 3, 20
		if err := m.SetRows(t.Context(), []int32{1, 6}, []float64{math.Inf(-1), math.Inf(-1)}, []float64{3, 20}); err != nil {
			t.Fatal(err)
		}
		compare("rows")
		more := solve.LP{
			Cost: []float64{4, 2}, Lower: []float64{0, 0}, Upper: []float64{2, 3},
			Start: []int32{0, 2, 3}, Index: []int32{0, 3, 1}, Value: []float64{1, 2, 1},
		}
		if err := m.AddColumns(t.Context(), more); err != nil {
			t.Fatal(err)
		}
		lp.Cost, lp.Lower, lp.Upper = append(lp.Cost, more.Cost...), append(lp.Lower, more.Lower...), append(lp.Upper, more.Upper...)
		for _, s := range more.Start[1:] {
			lp.Start = append(lp.Start, int32(len(lp.Index))+s)
		}
		lp.Index, lp.Value = append(lp.Index, more.Index...), append(lp.Value, more.Value...)
		compare("new columns")
		if err := m.AddRow(t.Context(), []int32{20, 21}, []float64{1, 1}, math.Inf(-1), 1); err != nil {
			t.Fatal(err)
		}
		lp.RowLower, lp.RowUpper = append(lp.RowLower, math.Inf(-1)), append(lp.RowUpper, 1)
		k := len(lp.Index) - 3 // The last three entries are those of the new columns.
		lp.Index = append(lp.Index[:k], 0, 3, 8, 1, 8)
		lp.Value = append(lp.Value[:k], 1, 2, 1, 1, 1)
		lp.Start[21]++
		lp.Start[22] += 2
		compare("new row")
	}
}

func TestMasterOfWholeNumbers(t *testing.T) {
	lp := small()
	lp.RowUpper[0], lp.Integer = 3.5, true
	m := open(t, lp)
	for range 3 { // Again and again: nothing of the old search is left.
		got, err := m.Run(t.Context())
		if err != nil || worth(lp, got.Primal) != 9 || got.Dual != nil {
			t.Fatalf("got %v with prices %v, %v; want worth 9 without prices", got.Primal, got.Dual, err)
		}
	}
	if err := m.SetRows(t.Context(), []int32{0}, []float64{20}, []float64{30}); err != nil {
		t.Fatal(err)
	}
	if got, err := m.Run(t.Context()); err != nil || got.Status != solve.NoSolution {
		t.Errorf("got %v, %v, want no solution", got.Status, err)
	}
}

func TestMasterRefusesNonsense(t *testing.T) {
	ctx, nan, one := t.Context(), []float64{math.NaN()}, []float64{1}
	m := open(t, small())
	for name, err := range map[string]error{
		"no column":        m.SetColumns(ctx, 2, one, one, one),
		"negative column":  m.SetColumns(ctx, -1, one, one, one),
		"cost NaN":         m.SetColumns(ctx, 0, nan, one, one),
		"two lengths":      m.SetColumns(ctx, 0, one, one, []float64{1, 2}),
		"crossed":          m.SetColumns(ctx, 0, one, []float64{2}, one),
		"no row":           m.SetRows(ctx, []int32{2}, one, one),
		"rows twice":       m.SetRows(ctx, []int32{1, 1}, []float64{1, 1}, []float64{1, 1}),
		"row NaN":          m.SetRows(ctx, []int32{1}, nan, one),
		"no rows":          m.SetRows(ctx, nil, nil, nil),
		"column of no row": m.AddColumns(ctx, solve.LP{Cost: one, Lower: one, Upper: one, Start: []int32{0, 1}, Index: []int32{2}, Value: one}),
		"row of no column": m.AddRow(ctx, []int32{2}, one, 0, 1),
		"row value NaN":    m.AddRow(ctx, []int32{0}, nan, 0, 1),
		"row crossed":      m.AddRow(ctx, []int32{0}, one, 2, 1),
	} {
		if !errors.Is(err, highs.ErrProgramme) {
			t.Errorf("%s: %v, want ErrProgramme", name, err)
		}
	}
	if got, err := m.Run(ctx); err != nil || worth(small(), got.Primal) != 11 {
		t.Errorf("after refusals: %v, %v, want worth 11", got.Primal, err)
	}
	whole := small()
	whole.Integer = true
	if err := open(t, whole).AddRow(ctx, []int32{0}, one, 0, 1); !errors.Is(err, highs.ErrProgramme) {
		t.Errorf("a row for whole numbers: %v, want ErrProgramme", err)
	}
	if _, err := engine(t).Open(ctx, solve.LP{}); !errors.Is(err, highs.ErrProgramme) {
		t.Errorf("an empty programme: %v, want ErrProgramme", err)
	}
}

func TestMasterStopsWithItsContext(t *testing.T) {
	m := open(t, small())
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := m.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
