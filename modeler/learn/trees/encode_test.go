package trees_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity/modeler/learn"
	"comity/modeler/learn/trees"
)

// small is the shortest model that has every part.
func small(t testing.TB) *trees.Model {
	t.Helper()
	w := newWorld(11, 300, 4, 1, 2)
	features := w.features(t, 5)
	w.categories(features, 0)
	features[0].Name, features[1].Monotone, features[2].Monotone = "a", 1, -1
	cfg := recipe(features, 1, 2)
	cfg.Rounds, cfg.Depth, cfg.MaxLeaves, cfg.Ahead, cfg.ValidPermille, cfg.Patience = 2, 3, 4, 2, 100, 2
	cfg.FeaturePermille, cfg.RatePermille = 1000, 50
	return pooled(t, w, cfg, learn.Pooled{})
}

func TestModelGoesThereAndBack(t *testing.T) {
	m := small(t)
	sets, sides, leaves := 0, 0, 0
	for _, round := range m.Trees {
		for _, tree := range round {
			for _, n := range tree.Nodes {
				switch {
				case n.Leaf():
					leaves++
				case n.Split.Set != nil:
					sets++
				case n.Split.Right:
					sides++
				}
			}
		}
	}
	if len(m.Trees) != 2 || sets == 0 || sides == 0 || leaves == 0 {
		t.Fatalf("the model of %d rounds has %d sets, %d values missing to the right, %d leaves: take another world", len(m.Trees), sets, sides, leaves)
	}
	got, err := trees.Decode(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Fatal(diff)
	}
}

// TestEveryBitOfAModelCounts flips each bit: the bytes are refused or are another model.
func TestEveryBitOfAModelCounts(t *testing.T) {
	data := small(t).Encode()
	for i := range data {
		for bit := range 8 {
			flipped := bytes.Clone(data)
			flipped[i] ^= 1 << bit
			m, err := trees.Decode(flipped)
			if err != nil {
				if !errors.Is(err, learn.ErrModel) {
					t.Fatalf("bit %d of byte %d: %v", bit, i, err)
				}
				continue
			}
			if !bytes.Equal(m.Encode(), flipped) {
				t.Fatalf("bit %d of byte %d reads as another model's bytes", bit, i)
			}
		}
	}
}

func TestCutAndLongModelsAreRefused(t *testing.T) {
	data := small(t).Encode()
	for n := range data {
		if _, err := trees.Decode(data[:n]); !errors.Is(err, learn.ErrModel) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	if _, err := trees.Decode(append(data, 0)); !errors.Is(err, learn.ErrModel) {
		t.Fatalf("one byte more: %v", err)
	}
}

func TestDecodedModelPredictsAlike(t *testing.T) {
	m := small(t)
	got, err := trees.Decode(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		row := make([]uint8, len(m.Config.Features))
		for f := range row {
			row[f] = uint8(rapid.IntRange(0, m.Config.Features.Bins(f)-1).Draw(t, "bin"))
		}
		if m.PredictMean(row, 0) != got.PredictMean(row, 0) {
			t.Fatal("predictions differ")
		}
	})
}

func FuzzDecode(f *testing.F) {
	data := small(f).Encode()
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte("comity trees 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := trees.Decode(data)
		if err != nil {
			if !errors.Is(err, learn.ErrModel) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(m.Encode(), data) {
			t.Fatal("two byte forms of one model")
		}
		m.PredictMean(make([]uint8, len(m.Config.Features)), 0)
	})
}
