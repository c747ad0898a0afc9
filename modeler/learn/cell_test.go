package learn

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// drawCell draws what n rows can add up to, its extremes included.
func drawCell(t *rapid.T, n int64) cell {
	return cell{
		g: rapid.Int64Range(-gradientScale*n, gradientScale*n).Draw(t, "g"),
		h: rapid.Int64Range(n, gradientScale*n).Draw(t, "h"),
		n: n,
	}
}

func TestPackedCellsAddExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, packedRows).Draw(t, "n")
		a := drawCell(t, rapid.Int64Range(0, n).Draw(t, "of a"))
		b := drawCell(t, n-a.n)
		if got := unpack(a.pack() + b.pack()); got != a.plus(b) {
			t.Fatalf("%v + %v = %v", a, b, got)
		}
	})
	for _, g := range []int64{-gradientScale, gradientScale} {
		full := cell{g * packedRows, gradientScale * packedRows, packedRows}
		if got := unpack(full.pack()); got != full {
			t.Errorf("%v unpacks as %v", full, got)
		}
	}
}

// TestLayoutsHoldTheirCells looks at the fullest cells that each layout is chosen for.
func TestLayoutsHoldTheirCells(t *testing.T) {
	for _, rows := range []int64{0, 1, packedRows, packedRows + 1, 1<<21 - 1, 1 << 21, maxRows} {
		lay := layoutFor(rows)
		for _, sign := range []int64{-1, 1} {
			want := cell{sign * gradientScale * rows, gradientScale * rows, rows}
			words := make([]int64, lay.words)
			rest := lay.write(words, want)
			for _, w := range words {
				if limit := int64(math.MaxInt64) >> (64 - lay.bits); w > limit || w < -limit {
					t.Errorf("%d rows: %d does not fit %d bits", rows, w, lay.bits)
				}
			}
			got, left := lay.read(words)
			if got != want || len(rest)+len(left) != 0 {
				t.Errorf("%d rows: %v came back as %v", rows, want, got)
			}
		}
	}
}

func TestCellsNoRowsAddUpTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if err := drawCell(t, rapid.Int64Range(0, maxRows).Draw(t, "n")).check(); err != nil {
			t.Fatal(err)
		}
	})
	for _, c := range []cell{
		{0, 0, -1},
		{0, 0, 1},
		{0, 2, 3},
		{0, 1025, 1},
		{1025, 5, 1},
		{-1025, 5, 1},
		{1, 0, 0},
		{0, 1, 0},
		{0, maxRows + 1, maxRows + 1},
		{math.MinInt64, 1, 1},
		{0, math.MaxInt64, 5},
		{0, 5, math.MaxInt64},
	} {
		if err := c.check(); !errors.Is(err, ErrSum) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// TestScore compares with big integers over all that a checked cell can be.
func TestScore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCell(t, rapid.Int64Range(0, maxRows).Draw(t, "n")>>rapid.IntRange(0, 29).Draw(t, "shift"))
		lambda := rapid.Int64Range(0, maxLambda).Draw(t, "lambda")
		want := new(big.Int)
		if weight := c.h + gradientScale*lambda; weight > 0 {
			want.Mul(big.NewInt(c.g), big.NewInt(c.g))
			want.Lsh(want, 12).Div(want, big.NewInt(weight))
		}
		got := score(c, lambda)
		if big.NewInt(got).Cmp(want) != 0 || got > math.MaxInt64/2 {
			t.Fatalf("score of %v at lambda %d is %d, want %v", c, lambda, got, want)
		}
	})
}

// TestGradient holds every residual to the bounds that cells are checked for, and the
// formula to its floating-point form.
func TestGradient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.Int64Range(-2*maxMagnitude, 2*maxMagnitude).Draw(t, "r") >> rapid.IntRange(0, 31).Draw(t, "shift")
		delta := rapid.Int64Range(1, 1024<<16).Draw(t, "delta")
		got := gradient(r, delta)
		if err := got.check(); err != nil {
			t.Fatal(err)
		}
		s := math.Hypot(float64(r), float64(delta))
		// The root is rounded down by less than one unit, then the ratio by half of one.
		off := 0.5 + gradientScale/s*1.5
		if math.Abs(float64(got.g)-gradientScale*float64(r)/s) > off ||
			math.Abs(float64(got.h)-gradientScale*float64(delta)/s) > max(off, 1) {
			t.Fatalf("gradient of %d at delta %d is %v", r, delta, got)
		}
	})
}

// FuzzRead feeds one step's sum to a tree that already knows its root.
func FuzzRead(f *testing.F) {
	f.Add(int64(3), int64(5), int64(1)<<14)
	f.Add(int64(math.MinInt64), int64(-1), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, a, b, c int64) {
		cfg := &Config{Name: "f", Depth: 2, MinRows: 1, Delta: 1, RatePermille: 1, FeaturePermille: 1000, Edges: Edges{{0}, {0}}}
		g := newGrowth(cfg, 0, 0, 0)
		if err := g.read([]int64{a, b, c, a ^ b, b ^ c}[:g.sent(0)], 0, layout{64, 1}); err != nil {
			if !errors.Is(err, ErrSum) {
				t.Fatal(err)
			}
			return
		}
		g.split(0, cfg)
	})
}
