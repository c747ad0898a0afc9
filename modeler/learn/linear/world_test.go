package linear_test

import (
	"context"
	"math"
	"testing"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/linear"
	"comity/modeler/learn/loss"
)

func losses() []loss.Loss {
	return []loss.Loss{
		{Kind: loss.Squared, Scale: fixed.One},
		{Kind: loss.Logistic, Scale: fixed.One},
		{Kind: loss.Poisson, Scale: fixed.One},
	}
}

// newWorld draws rows from a public stream: three numbers of very different sizes, one of
// which is missing at times in a way that matters, and a category.
func newWorld(seed byte, rows int, l loss.Loss, weighted bool) (*learn.Rows, learn.Features) {
	stream := chance.NewStream(chance.Derive(chance.Seed{seed}, "world"))
	features := learn.Features{
		{Name: "large", Cuts: []fixed.Q16{0}},
		{Name: "small", Cuts: []fixed.Q16{0}},
		{Name: "gaps", Cuts: []fixed.Q16{0}},
		{Name: "kind", Category: true, Cuts: []fixed.Q16{2, 4, 6}},
		{Name: "same", Cuts: []fixed.Q16{0}}, // In every row: it has no term.
	}
	unit := func() int64 { return int64(stream.IntN(2<<16)) - 1<<16 }
	r := &learn.Rows{Bins: make([][]uint8, len(features)), Numbers: make([][]int64, len(features))}
	for range rows {
		a, b, c, kind := unit(), unit(), unit(), uint8(stream.IntN(4))
		s := a/2 - b + 3*c/4 + int64(kind)<<14
		numbers := []int64{1<<40 - 1<<30 + a<<10, b >> 9, c, 0, 77}
		if stream.IntN(5) == 0 {
			numbers[2] = math.MinInt64
			s += 1<<15 - 3*c/4
		}
		for f := range features {
			bin := uint8(1)
			if f == 3 {
				bin = kind
			} else {
				r.Numbers[f] = append(r.Numbers[f], numbers[f])
			}
			r.Bins[f] = append(r.Bins[f], bin)
		}
		var y fixed.Q16
		switch l.Kind {
		case loss.Logistic:
			if fixed.Q16(stream.IntN(1<<16)) < fixed.Logistic(2*fixed.Q16(s)) {
				y = fixed.One
			}
		case loss.Poisson:
			for mean, t := fixed.Exp(fixed.Q16(s)), fixed.Q16(0); ; y += fixed.One {
				// Waiting times until the next event add up to a unit.
				if t -= fixed.Log(fixed.Q16(1 + stream.IntN(1<<16))); t > mean {
					break
				}
			}
		default:
			y = fixed.Q16(s + unit()/4)
		}
		r.Target = append(r.Target, y)
		r.Key = append(r.Key, stream.Uint64())
		if weighted {
			r.Weight = append(r.Weight, uint16(1+stream.IntN(learn.WholeWeight)))
		}
	}
	return r, features
}

func small(l loss.Loss, features learn.Features) *linear.Config {
	c := linear.Usual(l, features)
	c.Name, c.Seed, c.TargetLo, c.TargetHi = "small", chance.Seed{7}, -100*fixed.One, 100*fixed.One
	return c
}

func train(t testing.TB, rows *learn.Rows, c *linear.Config, sums learn.Summer) *linear.Model {
	t.Helper()
	m, err := linear.Train(context.Background(), rows, c, sums)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rowOf returns the bins and numbers of one row.
func rowOf(r *learn.Rows, i int) (bins []uint8, numbers []int64) {
	for f := range r.Bins {
		bins = append(bins, r.Bins[f][i])
		n := int64(0)
		if r.Numbers[f] != nil {
			n = r.Numbers[f][i]
		}
		numbers = append(numbers, n)
	}
	return bins, numbers
}
