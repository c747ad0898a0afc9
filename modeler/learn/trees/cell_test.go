package trees

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// drawCell draws what n rows can add up to, its extremes included.
func drawCell(t *rapid.T, n, bound int64, steady bool) cell {
	const unit = loss.Unit
	c := cell{
		g: rapid.Int64Range(-unit*bound*n, unit*bound*n).Draw(t, "g"),
		h: rapid.Int64Range(n, unit*n).Draw(t, "h"),
		n: n,
	}
	if steady {
		c.h = unit * n
	}
	return c
}

// packings lists those of all bounds, with and without weights, for 1 and for 32 members.
func packings() (all []struct {
	packing
	bound int64
},
) {
	for _, bound := range []int64{1, 8, 64} {
		for _, steady := range []bool{false, true} {
			for _, spare := range []int{0, 1, 5} {
				all = append(all, struct {
					packing
					bound int64
				}{packingFor(steady, bound, spare), bound})
			}
		}
	}
	return all
}

func TestPackedCellsAddExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(packings()).Draw(t, "packing")
		n := rapid.Int64Range(0, p.rows()).Draw(t, "n")
		a := drawCell(t, rapid.Int64Range(0, n).Draw(t, "of a"), p.bound, p.h == 0)
		b := drawCell(t, n-a.n, p.bound, p.h == 0)
		if got := p.unpack(p.word(a) + p.word(b)); got != a.plus(b) {
			t.Fatalf("%v + %v = %v", a, b, got)
		}
		one := drawCell(t, 1, p.bound, p.h == 0)
		words := []int64{int64(newPull(one.g, one.h))}
		if p.spread(words); words[0] != p.word(one) {
			t.Fatalf("%v packs in two ways", one)
		}
	})
	for _, p := range packings() {
		for _, sign := range []int64{-1, 1} {
			full := cell{sign * p.bound * loss.Unit * p.rows(), loss.Unit * p.rows(), p.rows()}
			if got := p.unpack(p.word(full)); got != full {
				t.Errorf("%v unpacks as %v", full, got)
			}
		}
	}
}

// TestForecastsKeepTheirPacking holds what docs/format/model.md states of their loss.
func TestForecastsKeepTheirPacking(t *testing.T) {
	if got := packingFor(false, 1, 0); got != (packing{14, 24}) {
		t.Errorf("packing %v", got)
	}
}

// TestLayoutsHoldTheirCells looks at the fullest cells that each layout is chosen for,
// with all rows at one of the members: its vector may reach 2^(bits-1) over their number.
func TestLayoutsHoldTheirCells(t *testing.T) {
	losses := []loss.Loss{{Kind: loss.Huber}, {Kind: loss.Squared}, {Kind: loss.Poisson}}
	for _, rows := range []int64{0, 1, 1<<9 - 1, 1 << 9, 1<<14 - 1, 1 << 14, 1<<16 - 1, 1 << 20, 1 << 21, 1<<25 - 1, 1 << 25, learn.MaxRows} {
		for _, l := range losses {
			for _, weighted := range []bool{false, true} {
				for _, members := range []int{1, 2, 20, 32, 1024} {
					c := &Config{Loss: l, Weighted: weighted, Members: members}
					lay, bound := c.layoutFor(rows), l.Bound()
					for _, sign := range []int64{-1, 1} {
						want := cell{sign * loss.Unit * bound * rows, loss.Unit * rows, rows}
						words := make([]int64, lay.words)
						rest := lay.write(words, want)
						for _, w := range words {
							if limit := math.MaxInt64 >> (64 - lay.bits) / int64(members); w > limit || w < -limit {
								t.Errorf("%s, %d rows, %d members: %d does not fit %d bits", l.Kind, rows, members, w, lay.bits)
							}
						}
						got, left := lay.read(words)
						if got != want || len(rest)+len(left) != 0 {
							t.Errorf("%s, %d rows: %v came back as %v", l.Kind, rows, want, got)
						}
					}
				}
			}
		}
	}
}

func TestCellsNoRowsAddUpTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bound := rapid.SampledFrom([]int64{1, 8, 64}).Draw(t, "bound")
		if err := drawCell(t, rapid.Int64Range(0, learn.MaxRows).Draw(t, "n"), bound, false).check(bound); err != nil {
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
		{0, learn.MaxRows + 1, learn.MaxRows + 1},
		{math.MinInt64, 1, 1},
		{0, math.MaxInt64, 5},
		{0, 5, math.MaxInt64},
		{0, math.MinInt64, math.MinInt64},
	} {
		if err := c.check(1); !errors.Is(err, learn.ErrSum) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// TestScore compares with big integers over all that a checked cell can be.
func TestScore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]loss.Kind{loss.Huber, loss.Squared, loss.Poisson}).Draw(t, "loss")
		cfg := &Config{Loss: loss.Loss{Kind: kind}, Lambda: rapid.IntRange(0, maxLambda).Draw(t, "lambda")}
		m := cfg.measure()
		c := drawCell(t, rapid.Int64Range(0, learn.MaxRows).Draw(t, "n")>>rapid.IntRange(0, 29).Draw(t, "shift"), cfg.Loss.Bound(), false)
		want := new(big.Int)
		if weight := c.h + loss.Unit*int64(cfg.Lambda); weight > 0 {
			want.Mul(big.NewInt(c.g), big.NewInt(c.g))
			want.Lsh(want, uint(m.after)).Div(want, big.NewInt(weight))
		}
		got := m.score(c)
		if big.NewInt(got).Cmp(want) != 0 || got > math.MaxInt64/2+1 {
			t.Fatalf("score of %v at lambda %d is %d, want %v", c, cfg.Lambda, got, want)
		}
	})
}

// TestCurveIsTheGradient compares the stairs with the loss at scores that lie close
// together near 0 and further apart beyond.
func TestCurveIsTheGradient(t *testing.T) {
	l := loss.Loss{Kind: loss.Logistic, Scale: fixed.One}
	for _, y := range []fixed.Q16{0, fixed.One} {
		c := newCurve(l, y)
		compare := func(score fixed.Q16) {
			g, h := c.at(score)
			if wantG, wantH := l.Gradient(y, score); g != wantG || h != wantH {
				t.Fatalf("answer %d, score %d: %d and %d, want %d and %d", y, score, g, h, wantG, wantH)
			}
		}
		for score := -reach - 100; score <= reach+100; score += 17 {
			compare(score)
		}
		for _, from := range c.from {
			compare(fixed.Q16(from) - 1)
			compare(fixed.Q16(from))
		}
		for _, score := range []fixed.Q16{-learn.MaxMagnitude, learn.MaxMagnitude} {
			compare(score)
		}
	}
}

// FuzzRead feeds one step's sum to a tree that already knows its root.
func FuzzRead(f *testing.F) {
	f.Add(int64(3), int64(5), int64(1)<<14)
	f.Add(int64(math.MinInt64), int64(-1), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, a, b, c int64) {
		cfg := &Config{
			Name: "f", Depth: 2, MinRows: 1, Members: 1, RatePermille: 1, FeaturePermille: 1000, RowPermille: 1000,
			Loss:     loss.Loss{Kind: loss.Huber, Scale: 1},
			Features: learn.Features{{Cuts: []fixed.Q16{0}}, {Category: true, Cuts: []fixed.Q16{0}}},
		}
		g := newGrowth(cfg, 0, 0, 0, false)
		lay := cfg.layoutFor(1)
		if err := g.read([]int64{a, b, c, a ^ b, b ^ c}[:g.sent(g.root, lay)], lay); err != nil {
			if !errors.Is(err, learn.ErrSum) {
				t.Fatal(err)
			}
			return
		}
		g.choose()
		g.finish()
	})
}
