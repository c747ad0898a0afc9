package privacy

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// norms returns the L1 norm and the square of the L2 norm.
func norms(x []int64) (one, square *big.Int) {
	one, square = new(big.Int), new(big.Int)
	for _, v := range x {
		n := big.NewInt(v)
		one.Add(one, new(big.Int).Abs(n))
		square.Add(square, n.Mul(n, n))
	}
	return one, square
}

func TestClipLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOf(rapid.OneOf(rapid.Int64Range(-100, 100), rapid.Int64())).Draw(t, "x")
		bound := rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, math.MaxInt64)).Draw(t, "bound")
		limit := big.NewInt(bound)
		for name, clip := range map[string]func([]int64, int64) []int64{"largest": ClipLargest, "sum": ClipSum, "length": ClipLength} {
			before := slices.Clone(x)
			y := clip(x, bound)
			one, square := norms(y)
			within := slices.MaxFunc(append([]int64{0}, y...), func(a, b int64) int { return cmp.Compare(size(a), size(b)) })
			switch {
			case !slices.Equal(x, before) || len(y) != len(x):
				t.Fatalf("%s changes its argument", name)
			case name == "largest" && size(within) > uint64(bound),
				name == "sum" && one.Cmp(limit) > 0,
				name == "length" && square.Cmp(new(big.Int).Mul(limit, limit)) > 0:
				t.Fatalf("%s: %v clipped to %v passes %d", name, x, y, bound)
			}
			for i := range y {
				if size(y[i]) > size(x[i]) || (y[i] < 0) != (x[i] < 0) && y[i] != 0 {
					t.Fatalf("%s: %d becomes %d", name, x[i], y[i])
				}
			}
			if again := clip(y, bound); !slices.Equal(again, y) {
				t.Fatalf("%s: clipping twice gives %v, not %v", name, again, y)
			}
		}
	})
}

// The plain twin: whole numbers of any size throughout.
func TestClipAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(-100, 100), rapid.Int64(), rapid.Just(int64(math.MinInt64))), 0, 6).Draw(t, "x")
		bound := rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, math.MaxInt64)).Draw(t, "bound")
		one, square := norms(x)
		root := new(big.Int).Sqrt(square)
		if new(big.Int).Mul(root, root).Cmp(square) < 0 {
			root.Add(root, big.NewInt(1))
		}
		for name, c := range map[string]struct {
			got  []int64
			norm *big.Int
		}{"sum": {ClipSum(x, bound), one}, "length": {ClipLength(x, bound), root}} {
			for i, v := range x {
				want := big.NewInt(v)
				if c.norm.Cmp(big.NewInt(bound)) > 0 {
					want.Quo(want.Mul(want, big.NewInt(bound)), c.norm)
				}
				if c.got[i] != want.Int64() {
					t.Fatalf("%s: %d becomes %d, want %s", name, v, c.got[i], want)
				}
			}
		}
	})
}

func TestClipLeavesWhatFits(t *testing.T) {
	x := []int64{3, -4}
	for name, y := range map[string][]int64{"largest": ClipLargest(x, 4), "sum": ClipSum(x, 7), "length": ClipLength(x, 5)} {
		if !slices.Equal(x, y) {
			t.Errorf("%s: %v becomes %v", name, x, y)
		}
	}
	if y := ClipLength([]int64{30, -40}, 5); !slices.Equal(y, x) {
		t.Errorf("length: %v", y)
	}
	if y := ClipLargest([]int64{math.MinInt64, 9}, 7); !slices.Equal(y, []int64{-7, 7}) {
		t.Errorf("largest: %v", y)
	}
}

func BenchmarkClipLength(b *testing.B) {
	x := make([]int64, 1_000_000)
	for i := range x {
		x[i] = int64(i) - 500_000
	}
	for b.Loop() {
		ClipLength(x, 1_000_000)
	}
}
