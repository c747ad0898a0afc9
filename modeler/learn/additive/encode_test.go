package additive_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity/modeler/learn"
	"comity/modeler/learn/additive"
)

// models are one of every loss and a private one.
func models(t testing.TB) []*additive.Model {
	var list []*additive.Model
	for i, l := range losses() {
		rows, features := newWorld(byte(40+i), 300, l, i%2 == 0)
		list = append(list, train(t, rows, small(l, features), learn.Pooled{}))
	}
	rows, features := newWorld(50, 200, losses()[4], false)
	return append(list, train(t, rows, private(small(losses()[4], features)), learn.Pooled{}))
}

func TestModelsComeBackFromTheirBytes(t *testing.T) {
	pairs := 0
	for _, m := range models(t) {
		data := m.Encode()
		back, err := additive.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Fatal(diff)
		}
		if back.Digest() != m.Digest() {
			t.Fatal("another digest")
		}
		pairs += len(m.Pairs)
		for n := range data {
			if _, err := additive.Decode(data[:n]); !errors.Is(err, learn.ErrModel) {
				t.Fatalf("%d of %d bytes: %v", n, len(data), err)
			}
		}
		if _, err := additive.Decode(append(data, 0)); !errors.Is(err, learn.ErrModel) {
			t.Fatalf("a byte too many: %v", err)
		}
	}
	if pairs == 0 {
		t.Fatal("no model has a pair")
	}
}

// TestEveryByteCounts changes each byte of a model: it is refused, or another model.
func TestEveryByteCounts(t *testing.T) {
	m := models(t)[0]
	data := m.Encode()
	for at := range data {
		changed := bytes.Clone(data)
		changed[at] ^= 0x81
		back, err := additive.Decode(changed)
		switch {
		case err != nil && !errors.Is(err, learn.ErrModel):
			t.Fatalf("byte %d: %v", at, err)
		case err == nil && !bytes.Equal(back.Encode(), changed):
			t.Fatalf("byte %d: it reads as a model of other bytes", at)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range models(f)[:2] {
		f.Add(m.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := additive.Decode(data)
		if err != nil {
			if !errors.Is(err, learn.ErrModel) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(m.Encode(), data) {
			t.Fatal("it has two forms")
		}
		row := make([]uint8, len(m.Config.Features))
		if s := m.Score(row); s.Abs() > learn.MaxMagnitude {
			t.Fatalf("score %d", s)
		}
	})
}

// TestGolden holds the bytes of models: they are replayed, on all processors.
func TestGolden(t *testing.T) {
	want := []string{
		"sha256:ab0b3e20028603cb8e76aea7938ae5de5b149a675d3424ed5bba14e74d4ffc1c",
		"sha256:150f5188dc88b127f347fa6eaf61ed9274e92a9f0afb86c88dbeb73bc71bc89d",
		"sha256:8bfe81d5f605798f02ef8ac307f040490cffcb3dccca054473fe0f782a56142f",
		"sha256:39a286061d616e3bd7ea3a4f2d97b4e2afe736f5548a819981dd425dcdbcd4ee",
		"sha256:4a15626c1b1c87f08e50c43e483e92432520204efde273ea27d60ddf78c10081",
		"sha256:7dffb029d24a1e1b465a154a5f1f011a9fda5852b81e4581483d5d0f19b20658",
		"sha256:1ce20db3d0dc8b190ec9e3193edd2d0ffc4618e4788c1b4cd4a855dbf2d68d0a",
		"sha256:4cb27e22f1283a05820668f1224ca836d49b3bba6583f3b2501dda413d75c0ac",
	}
	for i, m := range models(t) {
		if got := m.Digest().String(); i >= len(want) || got != want[i] {
			t.Errorf("model %d: %q", i, got)
		}
	}
}
