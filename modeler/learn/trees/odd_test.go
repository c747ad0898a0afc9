package trees_test

import (
	"testing"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
)

// odd makes a table of one task from columns of bins.
func odd(target []fixed.Q16, bins ...[]uint8) *learn.Rows {
	rows := &learn.Rows{Bins: bins, Target: target}
	for i := range target {
		rows.Key = append(rows.Key, uint64(i)<<32)
	}
	return rows
}

// TestConstantTargets has nothing to learn but the start.
func TestConstantTargets(t *testing.T) {
	for _, l := range losses() {
		cfg := recipe(learn.Features{{Cuts: []fixed.Q16{0}}, {Category: true, Cuts: []fixed.Q16{1, 2}}}, 1, 1)
		cfg.Loss, cfg.RowPermille = l, 1000
		target, bins := make([]fixed.Q16, 60), make([]uint8, 60)
		for i := range target {
			target[i], bins[i] = fixed.One, uint8(i%3)
		}
		m, err := trees.Train(t.Context(), odd(target, bins, bins), cfg, learn.Pooled{})
		if err != nil {
			t.Fatalf("%s: %v", l.Kind, err)
		}
		first := l.Mean(m.Score([]uint8{0, 0}))
		for bin := range uint8(3) {
			if got := l.Mean(m.Score([]uint8{bin, bin})); got != first || (got-fixed.One).Abs() > fixed.One/8 {
				t.Errorf("%s loss: bin %d predicts %d, bin 0 %d; every target is %d", l.Kind, bin, got, first, fixed.One)
			}
		}
	}
}

// TestMissingColumns has a column without any value and one that is the same everywhere,
// and few rows: one, and none.
func TestMissingColumns(t *testing.T) {
	features := learn.Features{{}, {Cuts: []fixed.Q16{7}}, {Category: true}}
	for _, n := range []int{0, 1, 50} {
		cfg := recipe(features, 1, 1)
		target, missing, same := make([]fixed.Q16, n), make([]uint8, n), make([]uint8, n)
		for i := range target {
			target[i], same[i] = fixed.Q16(i), 2
		}
		m, err := trees.Train(t.Context(), odd(target, missing, same, missing), cfg, learn.Pooled{})
		if err != nil {
			t.Fatal(err)
		}
		for _, round := range m.Trees {
			if len(round[0].Nodes) != 1 {
				t.Errorf("%d rows: a split where all rows are alike: %+v", n, round[0].Nodes)
			}
		}
	}
}

// TestManyCategories has a category of 254 keys, of which every third means a higher
// target: a tree finds them in one split, and puts keys without rows with the others.
func TestManyCategories(t *testing.T) {
	features := learn.Features{{Category: true}}
	for key := range fixed.Q16(254) {
		features[0].Cuts = append(features[0].Cuts, key)
	}
	cfg := recipe(features, 1, 1)
	cfg.Loss, cfg.RowPermille, cfg.Depth, cfg.Rounds = loss.Loss{Kind: loss.Squared, Scale: fixed.One}, 1000, 1, 60
	var target []fixed.Q16
	var bins []uint8
	for i := range 253 * 8 {
		key := i % 253
		bins = append(bins, features.Bin(0, fixed.Q16(key)))
		target = append(target, fixed.Q16(0))
		if key%3 == 0 {
			target[i] = fixed.One
		}
	}
	m, err := trees.Train(t.Context(), odd(target, bins), cfg, learn.Pooled{})
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range target {
		if got := m.Score(bins[i : i+1]); (got - y).Abs() > fixed.One/20 {
			t.Fatalf("key %d predicts %d, want %d", bins[i]-1, got, y)
		}
	}
	for _, unknown := range []uint8{0, 254} {
		if got := m.Score([]uint8{unknown}); got.Abs() > fixed.One/20 {
			t.Errorf("a key without rows predicts %d, want what most keys do", got)
		}
	}
}

// TestWholeWeightsAreNone gives every row its whole weight: the trees are those of a
// recipe without weights.
func TestWholeWeightsAreNone(t *testing.T) {
	for _, l := range losses() {
		if l.Kind == loss.Squared {
			continue // Without weights it leaves out how much rows far off weigh.
		}
		w := newWorld(80, 500, 5, 1, 2)
		w.fit(l)
		cfg := recipe(w.features(t, 16), 1, 2)
		cfg.Loss = l
		without := pooled(t, w, cfg, learn.Pooled{})
		for i := range w.weight {
			w.weight[i] = learn.WholeWeight
		}
		cfg.Weighted = true
		with := pooled(t, w, cfg, learn.Pooled{})
		for round := range with.Trees {
			for e := range with.Trees[round] {
				compareTrees(t, &with.Trees[round][e], &without.Trees[round][e])
			}
		}
	}
}

func compareTrees(t *testing.T, a, b *trees.Tree) {
	t.Helper()
	if len(a.Nodes) != len(b.Nodes) {
		t.Fatalf("%d nodes, want %d", len(a.Nodes), len(b.Nodes))
	}
	for i := range a.Nodes {
		if x, y := a.Nodes[i], b.Nodes[i]; x.Split.Feature != y.Split.Feature || x.Split.Bin != y.Split.Bin || x.Value != y.Value || x.Rows != y.Rows {
			t.Fatalf("node %d is %+v, want %+v", i, x, y)
		}
	}
}
