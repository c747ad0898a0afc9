package linear_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity/modeler/learn"
	"comity/modeler/learn/linear"
)

// models are one of every loss.
func models(t testing.TB) []*linear.Model {
	var list []*linear.Model
	for i, l := range losses() {
		rows, features := newWorld(byte(40+i), 200, l, i%2 == 0)
		list = append(list, train(t, rows, small(l, features), learn.Pooled{}))
	}
	return list
}

func TestModelsComeBackFromTheirBytes(t *testing.T) {
	for _, m := range models(t) {
		data := m.Encode()
		back, err := linear.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Fatal(diff)
		}
		if back.Digest() != m.Digest() {
			t.Fatal("another digest")
		}
		for n := range data {
			if _, err := linear.Decode(data[:n]); !errors.Is(err, learn.ErrModel) {
				t.Fatalf("%d of %d bytes: %v", n, len(data), err)
			}
		}
		if _, err := linear.Decode(append(data, 0)); !errors.Is(err, learn.ErrModel) {
			t.Fatalf("a byte too many: %v", err)
		}
	}
}

// TestEveryByteCounts changes each byte of a model: it is refused, or another model.
func TestEveryByteCounts(t *testing.T) {
	data := models(t)[1].Encode()
	for at := range data {
		changed := bytes.Clone(data)
		changed[at] ^= 0x81
		back, err := linear.Decode(changed)
		switch {
		case err != nil && !errors.Is(err, learn.ErrModel):
			t.Fatalf("byte %d: %v", at, err)
		case err == nil && !bytes.Equal(back.Encode(), changed):
			t.Fatalf("byte %d: it reads as a model of other bytes", at)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range models(f) {
		f.Add(m.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := linear.Decode(data)
		if err != nil {
			if !errors.Is(err, learn.ErrModel) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(m.Encode(), data) {
			t.Fatal("it has two forms")
		}
		bins, numbers := make([]uint8, len(m.Config.Features)), make([]int64, len(m.Config.Features))
		if s := m.Score(bins, numbers); s.Abs() > learn.MaxMagnitude {
			t.Fatalf("score %d", s)
		}
		m.Interval(bins, numbers)
		m.Coefficient(len(m.Terms) - 1)
	})
}

// TestGolden holds the bytes of models: they are replayed, on all processors.
func TestGolden(t *testing.T) {
	want := []string{
		"sha256:c8511eac539aa77d0e2e68e11b94cf86fa05f09b354c531ba1e193a1bf29ad9b",
		"sha256:a086da5b601006332921e4757aacc2959970ee200ed6d9ed74000d9862cc3a93",
		"sha256:f78b37a09cdb92a4a8a94f9b6364b44cfabb48aff2cc1d15ab8db328644e2225",
	}
	for i, m := range models(t) {
		if got := m.Digest().String(); i >= len(want) || got != want[i] {
			t.Errorf("model %d: %q", i, got)
		}
	}
}
