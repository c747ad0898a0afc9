package learntest_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/linear"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
)

// features are two numbers and a category, with values missing.
func features() learn.Features {
	cuts := func(n int) []fixed.Q16 {
		list := make([]fixed.Q16, n)
		for i := range list {
			list[i] = fixed.Q16(i)
		}
		return list
	}
	return learn.Features{{Name: "a", Cuts: cuts(14)}, {Name: "b", Cuts: cuts(6)}, {Name: "c", Category: true, Cuts: cuts(5)}}
}

// rows draws rows with a target that the loss accepts.
func rows(n int, l loss.Loss, f learn.Features) *learn.Rows {
	r := rand.New(rand.NewPCG(4, uint64(len(l.Kind))))
	d := &learn.Rows{Bins: make([][]uint8, len(f)), Numbers: make([][]int64, len(f))}
	for range n {
		sum := 0
		for k := range f {
			bin := r.IntN(f.Bins(k))
			d.Bins[k] = append(d.Bins[k], uint8(bin))
			d.Numbers[k] = append(d.Numbers[k], int64(bin)<<10)
			sum += (k + 1) * bin
		}
		y := fixed.Q16(sum)*fixed.One/16 + fixed.Q16(r.IntN(int(fixed.One)))
		if l.Kind == loss.Logistic {
			if y = 0; sum+r.IntN(10) > 22 {
				y = fixed.One
			}
		}
		if l.Kind == loss.Poisson {
			y = fixed.Q16(r.IntN(sum+2)) * fixed.One
		}
		d.Target = append(d.Target, y)
		d.Key = append(d.Key, r.Uint64())
	}
	return d
}

func losses() []loss.Loss {
	return []loss.Loss{
		{Kind: loss.Squared, Scale: fixed.One},
		{Kind: loss.Logistic, Scale: fixed.One},
		{Kind: loss.Poisson, Scale: 8 * fixed.One},
		{Kind: loss.Quantile, Scale: fixed.One, Level: 900},
	}
}

func TestTrees(t *testing.T) {
	f := features()
	for _, l := range losses() {
		for _, leaves := range []int{0, 6} {
			cfg := &trees.Config{
				Name: "trees", Tasks: 1, Folds: 1, Rounds: 5, Depth: 3,
				RatePermille: 300, Lambda: 1, MinRows: 5, RowPermille: 1000, FeaturePermille: 1000,
				Members: 20, Loss: l, TargetLo: -4 * fixed.One, TargetHi: 64 * fixed.One, Seed: chance.Seed{1}, Features: f,
			}
			name := string(l.Kind) + " by level"
			if leaves > 0 {
				cfg.MaxLeaves, cfg.Ahead, cfg.Depth, name = leaves, 2, 8, string(l.Kind)+" by leaf"
				cfg.ValidPermille, cfg.Patience = 200, 3
			}
			t.Run(name, func(t *testing.T) {
				learntest.Run(t, learntest.Learner{
					Train: func(ctx context.Context, rows *learn.Rows, sum learn.Summer) ([]byte, error) {
						m, err := trees.Train(ctx, rows, cfg, sum)
						if err != nil {
							return nil, err
						}
						return m.Encode(), nil
					},
					Decode: func(data []byte) ([]byte, error) {
						m, err := trees.Decode(data)
						if err != nil {
							return nil, err
						}
						return m.Encode(), nil
					},
					Rows:  rows(300, l, f),
					Again: func(step learn.Step) bool { return step.Name != cfg.Name+"/start" },
				})
			})
		}
	}
}

func TestAdditive(t *testing.T) {
	f := features()
	for _, l := range losses() {
		cfg := &additive.Config{
			Name: "additive", Folds: 3, Rounds: 8, Pairs: 2, PairRounds: 4, Patience: 3,
			RatePermille: 200, Lambda: 1, MinRows: 5, Leaves: 3,
			Loss: l, TargetLo: -4 * fixed.One, TargetHi: 64 * fixed.One, Seed: chance.Seed{1}, Features: f,
		}
		t.Run(string(l.Kind), func(t *testing.T) {
			learntest.Run(t, learntest.Learner{
				Train: func(ctx context.Context, rows *learn.Rows, sum learn.Summer) ([]byte, error) {
					m, err := additive.Train(ctx, rows, cfg, sum)
					if err != nil {
						return nil, err
					}
					return m.Encode(), nil
				},
				Decode: func(data []byte) ([]byte, error) {
					m, err := additive.Decode(data)
					if err != nil {
						return nil, err
					}
					return m.Encode(), nil
				},
				Rows:  rows(300, l, f),
				Again: func(step learn.Step) bool { return strings.Contains(step.Name, "/attempt/") },
			})
		})
	}
}

func TestLinear(t *testing.T) {
	f := features()
	for _, l := range losses()[:3] {
		cfg := linear.Usual(l, f)
		cfg.Name, cfg.TargetLo, cfg.TargetHi, cfg.Seed = "linear", -4*fixed.One, 64*fixed.One, chance.Seed{1}
		t.Run(string(l.Kind), func(t *testing.T) {
			learntest.Run(t, learntest.Learner{
				Train: func(ctx context.Context, rows *learn.Rows, sum learn.Summer) ([]byte, error) {
					m, err := linear.Train(ctx, rows, cfg, sum)
					if err != nil {
						return nil, err
					}
					return m.Encode(), nil
				},
				Decode: func(data []byte) ([]byte, error) {
					m, err := linear.Decode(data)
					if err != nil {
						return nil, err
					}
					return m.Encode(), nil
				},
				Rows:  rows(300, l, f),
				Again: func(step learn.Step) bool { return strings.Contains(step.Name, "/attempt/") },
			})
		})
	}
}
