package learn_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity/modeler/learn"
)

// small is the shortest model that has every part.
func small(t testing.TB) *learn.Model {
	t.Helper()
	w := newWorld(11, 120, 4, 1, 2)
	cfg := recipe(w.edges(t, 5), 1, 2)
	cfg.Rounds, cfg.Depth = 2, 2
	return pooled(t, w, cfg, learn.Pooled{})
}

func TestModelGoesThereAndBack(t *testing.T) {
	m := small(t)
	got, err := learn.Decode(m.Encode())
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
			m, err := learn.Decode(flipped)
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
		if _, err := learn.Decode(data[:n]); !errors.Is(err, learn.ErrModel) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	if _, err := learn.Decode(append(data, 0)); !errors.Is(err, learn.ErrModel) {
		t.Fatalf("one byte more: %v", err)
	}
}

func TestDecodedModelPredictsAlike(t *testing.T) {
	m := small(t)
	got, err := learn.Decode(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		row := make([]uint8, len(m.Config.Edges))
		for f := range row {
			row[f] = uint8(rapid.IntRange(0, m.Config.Edges.Bins(f)-1).Draw(t, "bin"))
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
	f.Add([]byte("comity model 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := learn.Decode(data)
		if err != nil {
			if !errors.Is(err, learn.ErrModel) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(m.Encode(), data) {
			t.Fatal("two byte forms of one model")
		}
		m.PredictMean(make([]uint8, len(m.Config.Edges)), 0)
	})
}
