package highs_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"comity/adapter/highs"
	"comity/allocator/basis"
	"comity/allocator/solve"
	"comity/canon"
)

// engine compiles HiGHS once for all tests of the package.
func engine(t testing.TB) *highs.Engine {
	t.Helper()
	e, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var shared = sync.OnceValues(func() (*highs.Engine, error) {
	e, err := highs.New(highs.Config{})
	if err != nil {
		return nil, err
	}
	return e, e.Warm(context.Background())
})

// small is: maximise 3x + 2y with x + y <= 4, x + 3y <= 9, 0 <= x <= 3, 0 <= y.
func small() solve.LP {
	inf := math.Inf(1)
	return solve.LP{
		Cost: []float64{3, 2}, Lower: []float64{0, 0}, Upper: []float64{3, inf},
		RowLower: []float64{-inf, -inf}, RowUpper: []float64{4, 9},
		Start: []int32{0, 2, 4}, Index: []int32{0, 1, 0, 1}, Value: []float64{1, 1, 1, 3},
	}
}

// degenerate has few different costs and right-hand sides, so that many vertices tie.
func degenerate(seed uint64, columns, rows int) solve.LP {
	r := rand.New(rand.NewPCG(seed, 0))
	lp := solve.LP{Start: []int32{0}}
	for range columns {
		lp.Cost = append(lp.Cost, float64(1+r.IntN(3)))
		lp.Lower = append(lp.Lower, 0)
		lp.Upper = append(lp.Upper, float64(1+r.IntN(4)))
		for i := range rows {
			if r.IntN(4) == 0 {
				lp.Index = append(lp.Index, int32(i))
				lp.Value = append(lp.Value, float64(1+r.IntN(2)))
			}
		}
		lp.Start = append(lp.Start, int32(len(lp.Index)))
	}
	for range rows {
		lp.RowLower = append(lp.RowLower, math.Inf(-1))
		lp.RowUpper = append(lp.RowUpper, float64(10+r.IntN(3)))
	}
	return lp
}

func TestOptimumAndThePricesThatProveIt(t *testing.T) {
	got, err := engine(t).Solve(t.Context(), small())
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != solve.Optimal || !slices.Equal(got.Primal, []float64{3, 1}) || !slices.Equal(got.Dual, []float64{2, 0}) {
		t.Errorf("got status %d, units %v, prices %v; want optimal, [3 1], [2 0]", got.Status, got.Primal, got.Dual)
	}
}

func TestInfeasibleBringsARay(t *testing.T) {
	lp := small()
	lp.RowLower[0], lp.RowUpper[0] = 10, math.Inf(1)
	got, err := engine(t).Solve(t.Context(), lp)
	if err != nil {
		t.Fatal(err)
	}
	// x + y >= 10 minus x + 3y <= 9 leaves x >= 10.5, above its bound.
	if got.Status != solve.NoSolution || len(got.Ray) != 2 || got.Ray[0]*got.Ray[1] >= 0 {
		t.Errorf("got status %d and ray %v, want no solution and prices of opposite sign", got.Status, got.Ray)
	}
}

func TestUnboundedIsAnError(t *testing.T) {
	lp := small()
	lp.RowUpper = []float64{math.Inf(1), math.Inf(1)}
	if got, err := engine(t).Solve(t.Context(), lp); !errors.Is(err, highs.ErrEngine) {
		t.Errorf("got %v, %v, want ErrEngine", got, err)
	}
}

func TestWholeNumbers(t *testing.T) {
	lp := small()
	lp.RowUpper[0], lp.Integer = 3.5, true
	got, err := engine(t).Solve(t.Context(), lp)
	if err != nil || !slices.Equal(got.Primal, []float64{3, 0}) || got.Dual != nil {
		t.Errorf("got %v with prices %v, %v; want [3 0] without prices", got.Primal, got.Dual, err)
	}
}

// TestTheSameBitsEverywhere pins the bits of an answer with ties in plenty. A machine
// on which this fails must not allocate.
func TestTheSameBitsEverywhere(t *testing.T) {
	const want = "sha256:3b39ed75ab1a295565c76db4ea7a416168fd189c47473ca011889346fbea606b"
	other, err := highs.New(highs.Config{Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, e := range []*highs.Engine{engine(t), other, engine(t)} {
		var bits []byte
		for seed := range uint64(3) {
			got, err := e.Solve(t.Context(), degenerate(seed, 120, 60))
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range slices.Concat(got.Primal, got.Dual) {
				bits = binary.BigEndian.AppendUint64(bits, math.Float64bits(v))
			}
		}
		if got := canon.Sum(bits).String(); got != want {
			t.Errorf("bits of the answers have digest %s, want %s", got, want)
		}
	}
}

func TestProgrammesMayRunSideBySide(t *testing.T) {
	e := engine(t)
	want, err := e.Solve(t.Context(), degenerate(1, 60, 30))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			got, err := e.Solve(t.Context(), degenerate(1, 60, 30))
			if err != nil || !slices.Equal(got.Primal, want.Primal) {
				t.Errorf("got %v, %v, want %v", got.Primal, err, want.Primal)
			}
		})
	}
	group.Wait()
}

// TestContextStopsASearch uses equations that branching takes years for (Cornuejols
// and Dawande, "A class of hard small 0-1 programs", 1998).
func TestContextStopsASearch(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	const rows, columns = 5, 40
	lp := solve.LP{Start: []int32{0}, RowLower: make([]float64, rows), Integer: true}
	for range columns {
		lp.Cost, lp.Lower, lp.Upper = append(lp.Cost, 0), append(lp.Lower, 0), append(lp.Upper, 1)
		for i := range rows {
			v := float64(r.IntN(100))
			lp.Index, lp.Value = append(lp.Index, int32(i)), append(lp.Value, v)
			lp.RowLower[i] += v / 2
		}
		lp.Start = append(lp.Start, int32(len(lp.Index)))
	}
	for i := range lp.RowLower {
		lp.RowLower[i] = math.Floor(lp.RowLower[i])
	}
	lp.RowUpper = slices.Clone(lp.RowLower)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := engine(t).Solve(ctx, lp); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's deadline", err)
	}
	if _, err := engine(t).Solve(t.Context(), small()); err != nil {
		t.Errorf("the next programme: %v", err)
	}
}

func TestIterationLimit(t *testing.T) {
	e, err := highs.New(highs.Config{Iterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	if _, err := e.Solve(t.Context(), degenerate(1, 120, 60)); !errors.Is(err, highs.ErrEngine) {
		t.Errorf("got %v, want ErrEngine at the limit", err)
	}
}

func TestClosedEngineCompilesAgain(t *testing.T) {
	e, err := highs.New(highs.Config{Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := e.Solve(t.Context(), small()); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAStartSavesTheSearch starts at the optimum, at the optimum of other costs, and at
// a corner that is no vertex at all: the same worth each time.
func TestAStartSavesTheSearch(t *testing.T) {
	lp := degenerate(1, 120, 60)
	want, err := engine(t).Solve(t.Context(), lp)
	if err != nil || want.Basis == nil {
		t.Fatalf("no basis: %v", err)
	}
	other := lp
	other.Cost = slices.Clone(lp.Cost)
	for j := range other.Cost {
		other.Cost[j] = float64(1 + j%5)
	}
	aside, err := engine(t).Solve(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	corner := &solve.Basis{Columns: make([]solve.Standing, 120), Rows: make([]solve.Standing, 60)}
	for k := range corner.Rows {
		corner.Columns[k] = solve.Basic
	}
	for name, from := range map[string]*solve.Basis{"optimum": want.Basis, "other": aside.Basis, "corner": corner} {
		lp.From = from
		got, err := engine(t).Solve(t.Context(), lp)
		if err != nil {
			t.Fatal(err)
		}
		again, err := engine(t).Solve(t.Context(), lp)
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%s: the second answer differs: %v", name, err)
		}
		if a, b := worth(lp, want.Primal), worth(lp, got.Primal); math.Abs(a-b) > 1e-6 {
			t.Errorf("%s: worth %g, want %g", name, b, a)
		}
	}
}

func TestAGapEndsASearch(t *testing.T) {
	lp := small()
	lp.RowUpper[0], lp.Integer, lp.Gap = 3.5, true, 100
	got, err := engine(t).Solve(t.Context(), lp)
	if err != nil || got.Status != solve.Optimal || worth(lp, got.Primal) < 9-100 {
		t.Errorf("got %v, %v; want some point", got, err)
	}
}

// TestCloseWaits closes an engine while programmes run: they end with an error or an
// answer, and none touches memory that is gone.
func TestCloseWaits(t *testing.T) {
	e, err := highs.New(highs.Config{Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	done := make(chan struct{})
	for seed := range uint64(2) {
		group.Go(func() {
			if _, err := e.Solve(t.Context(), degenerate(seed, 300, 150)); err != nil && !errors.Is(err, highs.ErrEngine) {
				t.Errorf("got %v, want ErrEngine or an answer", err)
			}
		})
	}
	go func() { group.Wait(); close(done) }()
	for closed := false; !closed; {
		select {
		case <-done:
			closed = true
		default:
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestMalformedProgrammesAreRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, spoil := range map[string]func(*solve.LP){
		"no columns":        func(lp *solve.LP) { *lp = solve.LP{Start: []int32{0}} },
		"cost missing":      func(lp *solve.LP) { lp.Cost = lp.Cost[:1] },
		"bound missing":     func(lp *solve.LP) { lp.Upper = lp.Upper[:1] },
		"row bound missing": func(lp *solve.LP) { lp.RowUpper = lp.RowUpper[:1] },
		"start missing":     func(lp *solve.LP) { lp.Start = lp.Start[:2] },
		"index missing":     func(lp *solve.LP) { lp.Index = lp.Index[:3] },
		"starts go back":    func(lp *solve.LP) { lp.Start[1] = 5 },
		"starts late":       func(lp *solve.LP) { lp.Start[0] = 1 },
		"ends early":        func(lp *solve.LP) { lp.Start[2] = 3 },
		"row above":         func(lp *solve.LP) { lp.Index[3] = 2 },
		"row below":         func(lp *solve.LP) { lp.Index[0] = -1 },
		"NaN cost":          func(lp *solve.LP) { lp.Cost[0] = nan },
		"infinite cost":     func(lp *solve.LP) { lp.Cost[0] = inf },
		"NaN bound":         func(lp *solve.LP) { lp.Upper[0] = nan },
		"NaN row bound":     func(lp *solve.LP) { lp.RowLower[0] = nan },
		"NaN coefficient":   func(lp *solve.LP) { lp.Value[0] = nan },
		"empty column":      func(lp *solve.LP) { lp.Lower[0] = 4 },
		"empty row":         func(lp *solve.LP) { lp.RowLower[0] = 5 },
		"negative gap":      func(lp *solve.LP) { lp.Gap = -1 },
		"NaN gap":           func(lp *solve.LP) { lp.Gap = nan },
		"start too short":   func(lp *solve.LP) { lp.From = &solve.Basis{Columns: make([]solve.Standing, 2)} },
		"start without base": func(lp *solve.LP) {
			lp.From = &solve.Basis{Columns: make([]solve.Standing, 2), Rows: make([]solve.Standing, 2)}
		},
		"standing nowhere": func(lp *solve.LP) {
			lp.From = &solve.Basis{Columns: []solve.Standing{1, 1}, Rows: []solve.Standing{0, 4}}
		},
		"column at infinity": func(lp *solve.LP) { lp.Lower[1] = inf },
	} {
		lp := small()
		spoil(&lp)
		if _, err := engine(t).Solve(t.Context(), lp); !errors.Is(err, highs.ErrProgramme) {
			t.Errorf("%s: got %v, want ErrProgramme", name, err)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []highs.Config{{Iterations: -1}, {Nodes: -1}, {Iterations: 1 << 31}} {
		if _, err := highs.New(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

// FuzzSolve hands over programmes of any shape: each is refused, solved or an error,
// and none reads outside its arrays.
func FuzzSolve(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8}, int32(1), int32(2))
	e := engine(f)
	f.Fuzz(func(t *testing.T, data []byte, start, index int32) {
		if len(data) < 8 || len(data) > 200 {
			return
		}
		lp := solve.LP{Start: []int32{0}, RowLower: []float64{0}, RowUpper: []float64{float64(data[0])}}
		for _, b := range data {
			lp.Cost, lp.Lower, lp.Upper = append(lp.Cost, float64(int8(b))), append(lp.Lower, 0), append(lp.Upper, float64(b))
			lp.Index, lp.Value = append(lp.Index, 0), append(lp.Value, float64(int8(b^0x55)))
			lp.Start = append(lp.Start, int32(len(lp.Index)))
		}
		lp.Start[1], lp.Index[0] = start, index
		got, err := e.Solve(t.Context(), lp)
		if err == nil && got.Status == solve.Optimal && len(got.Primal) != len(lp.Cost) {
			t.Errorf("%d values for %d columns", len(got.Primal), len(lp.Cost))
		}
		if err != nil && !errors.Is(err, highs.ErrProgramme) && !errors.Is(err, highs.ErrEngine) {
			t.Error(err)
		}
	})
}

func BenchmarkSolve(b *testing.B) {
	e := engine(b)
	for _, size := range []int{2, 120, 1000} {
		lp := degenerate(1, size, size/2)
		b.Run(fmt.Sprintf("columns=%d", size), func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Solve(b.Context(), lp); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWarm(b *testing.B) {
	cache := b.TempDir()
	for _, c := range []struct{ name, folder string }{{"cold", ""}, {"first", cache}, {"cached", cache}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				e, err := highs.New(highs.Config{Cache: c.folder})
				if err != nil {
					b.Fatal(err)
				}
				if err := e.Warm(b.Context()); err != nil {
					b.Fatal(err)
				}
				if err := e.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestVertex(t *testing.T) {
	got, err := engine(t).Vertex(t.Context(), small(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// x stands at its upper bound 3, y and the slack of the second row are basic.
	want := basis.Vertex{
		Optimal: true, Primal: []float64{3, 1},
		Columns: []basis.State{basis.AtUpper, basis.Basic}, Rows: []basis.State{basis.AtUpper, basis.Basic},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestVertexOfWholeNumbersIsAPoint(t *testing.T) {
	lp := small()
	lp.RowUpper[0] = 3.5
	got, err := engine(t).Vertex(t.Context(), lp, []bool{false, true})
	if err != nil || !got.Optimal || got.Columns != nil || !slices.Equal(got.Primal, []float64{2.5, 1}) {
		if err != nil || !slices.Equal(got.Primal, []float64{3, 0}) {
			t.Errorf("got %+v, %v; want a point worth 9", got, err)
		}
	}
}

func TestVertexOfNothing(t *testing.T) {
	inf := math.Inf(1)
	none, endless := small(), small()
	none.RowLower[0], none.RowUpper[0] = 10, inf
	endless.RowUpper = []float64{inf, inf}
	for _, lp := range []solve.LP{none, endless} {
		if got, err := engine(t).Vertex(t.Context(), lp, nil); err != nil || got.Optimal {
			t.Errorf("got %+v, %v; want no optimum", got, err)
		}
	}
	if _, err := engine(t).Vertex(t.Context(), small(), []bool{true}); !errors.Is(err, highs.ErrProgramme) {
		t.Errorf("one kind for two columns: got %v, want ErrProgramme", err)
	}
}
