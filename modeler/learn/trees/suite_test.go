package trees_test

import (
	"context"
	"strings"
	"testing"

	"comity/modeler/learn"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
)

// learner is what the common suite wants to know of a recipe.
func learner(rows *learn.Rows, cfg *trees.Config) learntest.Learner {
	return learntest.Learner{
		Train: func(ctx context.Context, rows *learn.Rows, sum learn.Summer) ([]byte, error) {
			own := *cfg
			m, err := trees.Train(ctx, rows, &own, sum)
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
		Rows:  rows,
		Again: func(step learn.Step) bool { return !strings.HasSuffix(step.Name, "/start") },
	}
}

// TestSuite runs the suite of all learners on recipes that use every part between them.
func TestSuite(t *testing.T) {
	for i, l := range losses() {
		t.Run(string(l.Kind), func(t *testing.T) {
			w := newWorld(byte(40+i), 400, 5, 1, 2)
			w.fit(l)
			features := w.features(t, 16)
			w.categories(features, 2)
			features[0].Monotone, features[3].Monotone = 1, -1
			cfg := recipe(features, 1, 2)
			cfg.Loss, cfg.Weighted, cfg.Members, cfg.Rounds = l, i%2 == 1, 20, 4
			if l.Kind == loss.Squared || l.Kind == loss.Logistic {
				cfg.Depth, cfg.MaxLeaves, cfg.Ahead = 10, 7, 2
			}
			if i%3 == 0 {
				cfg.ValidPermille, cfg.Patience, cfg.RowPermille = 200, 2, 1000
			}
			learntest.Run(t, learner(w.data(cfg, w.all()), cfg))
		})
	}
}
