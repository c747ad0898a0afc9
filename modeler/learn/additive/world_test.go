package additive_test

import (
	"context"
	"testing"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/loss"
)

// newWorld draws rows from a public stream, with integers only, so that every processor
// makes the same ones. Of the features, 0 bends, 1 and 2 interact, 3 rises and is missing
// at times in a way that matters, 4 is a category; the rest is noise.
func newWorld(seed byte, rows int, l loss.Loss, weighted bool) (*learn.Rows, learn.Features) {
	stream := chance.NewStream(chance.Derive(chance.Seed{seed}, "world"))
	cuts := func(n int) []fixed.Q16 {
		list := make([]fixed.Q16, n)
		for i := range list {
			list[i] = fixed.Q16(2*i-n+1) * fixed.One / fixed.Q16(n+1)
		}
		return list
	}
	features := learn.Features{
		{Name: "bends", Cuts: cuts(12)},
		{Name: "left", Cuts: cuts(9)},
		{Name: "right", Cuts: cuts(9)},
		{Name: "rises", Cuts: cuts(10), Monotone: 1},
		{Name: "kind", Category: true, Cuts: []fixed.Q16{3, 5, 8, 13}},
		{Name: "noise", Cuts: cuts(15)},
	}
	unit := func() fixed.Q16 { return fixed.Q16(stream.IntN(2<<16)) - fixed.One } // -1 to 1.
	r := &learn.Rows{Bins: make([][]uint8, len(features))}
	for range rows {
		x := []fixed.Q16{unit(), unit(), unit(), unit(), []fixed.Q16{1, 3, 5, 8, 13}[stream.IntN(5)], unit()}
		score := fixed.Mul(x[0], x[0]) + 3*fixed.Mul(x[1], x[2])/2 + x[3]/2 + x[4]/5*fixed.One/2
		if stream.IntN(6) == 0 {
			x[3] = fixed.Missing
			score += fixed.One / 2
		}
		for f, v := range x {
			r.Bins[f] = append(r.Bins[f], features.Bin(f, v))
		}
		r.Target = append(r.Target, drawTarget(stream, l, score))
		r.Key = append(r.Key, stream.Uint64())
		if weighted {
			r.Weight = append(r.Weight, uint16(1+stream.IntN(learn.WholeWeight)))
		}
	}
	return r, features
}

// drawTarget draws a target of a score.
func drawTarget(stream *chance.Stream, l loss.Loss, score fixed.Q16) fixed.Q16 {
	noise := fixed.Q16(stream.IntN(2<<16)) - fixed.One
	switch l.Kind {
	case loss.Logistic:
		if fixed.Q16(stream.IntN(1<<16)) < fixed.Logistic(2*score-fixed.One) {
			return fixed.One
		}
		return 0
	case loss.Poisson, loss.Tweedie:
		return max(0, fixed.Exp(score)+noise) / fixed.One * fixed.One
	default:
		return score + noise/4
	}
}

// losses are one of every kind.
func losses() []loss.Loss {
	return []loss.Loss{
		{Kind: loss.Squared, Scale: fixed.One},
		{Kind: loss.Huber, Scale: fixed.One / 4},
		{Kind: loss.Absolute, Scale: fixed.One},
		{Kind: loss.Quantile, Scale: fixed.One, Level: 900},
		{Kind: loss.Logistic, Scale: fixed.One},
		{Kind: loss.Poisson, Scale: 2 * fixed.One},
		{Kind: loss.Tweedie, Scale: 2 * fixed.One, Power: 1500},
	}
}

// small is a short training that uses every part.
func small(l loss.Loss, features learn.Features) *additive.Config {
	return &additive.Config{
		Name: "small", Folds: 3, Rounds: 12, Pairs: 2, PairRounds: 6, Patience: 4,
		RatePermille: 300, Lambda: 1, MinRows: 5, Leaves: 3,
		Loss: l, TargetLo: -8 * fixed.One, TargetHi: 8 * fixed.One, Seed: chance.Seed{7}, Features: features,
	}
}

func train(t testing.TB, rows *learn.Rows, c *additive.Config, sums learn.Summer) *additive.Model {
	t.Helper()
	m, err := additive.Train(context.Background(), rows, c, sums)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rowOf returns the bins of one row.
func rowOf(r *learn.Rows, i int) []uint8 {
	row := make([]uint8, len(r.Bins))
	for f := range row {
		row[f] = r.Bins[f][i]
	}
	return row
}
