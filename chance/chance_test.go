package chance

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The sample of c2sp.org/chacha8rand: words 1 to 4 and, behind the first change of key
// at 124 words, words 125 and 126.
func TestStreamIsChaCha8Rand(t *testing.T) {
	s := NewStream(Seed([]byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ123456")))
	want := map[int]uint64{
		1: 0xb773b6063d4616a5, 2: 0x1160af22a66abc3c, 3: 0x8c2599d9418d287c, 4: 0x7ee07e037edc5cd6,
		123: 0x303fea136b2c430e, 124: 0x861d6c139c06c871, 125: 0x5f41df72e05e0487, 126: 0x25bd7e1e1ae26b1d,
	}
	for i := 1; i <= 126; i++ {
		if got := s.Uint64(); want[i] != 0 && got != want[i] {
			t.Errorf("word %d is %#x, want %#x", i, got, want[i])
		}
	}
}

// These are the examples of docs/format/chance.md.
func TestGolden(t *testing.T) {
	seed := Derive(Seed{}, "round", "2026-W47")
	s := NewStream(seed)
	for what, c := range map[string]struct{ got, want string }{
		"Derive of no labels": {hexOf(Derive(Seed{})), "2c682cc220efa33a5dee8423610687a29a6c5159410de79a726a9330face0c58"},
		"Derive":              {hexOf(seed), "fc3714453afa3265b256c8fecadca684c02f4abf2132ff661dc16a9fdc96d7e3"},
		"lots":                {fmt.Sprint(s.Uint64(), s.IntN(1000), s.Perm(10)), "9643814335816527571 678 [3 2 0 4 6 8 9 1 7 5]"},
		"sampler":             {fmt.Sprint(NewSampler(seed).Uint64(7)), "9052385780840934905"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", what, c.got, c.want)
		}
	}
}

func hexOf(s Seed) string { return hex.EncodeToString(s[:]) }

// A slow twin with big integers, from the text of docs/format/chance.md.
func TestIntNAgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := Seed(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		// Just above 2^62, almost half of all words are rejected.
		n := rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(1<<62, 1<<62+9), rapid.IntRange(1, math.MaxInt)).Draw(t, "n")
		words, s := NewStream(seed), NewStream(seed)
		size := new(big.Int).Lsh(big.NewInt(1), 64)
		multiple := new(big.Int).Sub(size, new(big.Int).Mod(size, big.NewInt(int64(n))))
		for range 20 {
			x := new(big.Int).SetUint64(words.Uint64())
			for x.Cmp(multiple) >= 0 {
				x.SetUint64(words.Uint64())
			}
			if got, want := s.IntN(n), x.Mod(x, big.NewInt(int64(n))).Int64(); int64(got) != want {
				t.Fatalf("IntN(%d) = %d, want %d", n, got, want)
			}
		}
	})
}

// The last vector of eight bytes in the reference implementation of SipHash-2-4.
func TestSamplerIsSipHash(t *testing.T) {
	s := Sampler{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	if got := s.Uint64(0x0706050403020100); got != 0x93f5f5799a932462 {
		t.Errorf("SipHash of 00..07 is %#x, want 0x93f5f5799a932462", got)
	}
}

func TestDeriveSeparatesLabels(t *testing.T) {
	lists := [][]string{nil, {""}, {"", ""}, {"a", "b"}, {"ab"}, {"ab", ""}, {"", "ab"}, {"b", "a"}, {"a", "b", ""}}
	seen := map[Seed][]string{}
	for _, labels := range lists {
		s := Derive(Seed{}, labels...)
		if first, ok := seen[s]; ok {
			t.Errorf("labels %q and %q give one seed", first, labels)
		}
		seen[s] = labels
	}
	if Derive(Seed{}, "a") == Derive(Seed{1}, "a") {
		t.Error("two seeds derive the same one")
	}
}

func TestPermIsAPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := Seed(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		n := rapid.IntRange(0, 200).Draw(t, "n")
		p := NewStream(seed).Perm(n)
		if again := NewStream(seed).Perm(n); !slices.Equal(p, again) {
			t.Fatalf("one seed gives %v and %v", p, again)
		}
		slices.Sort(p)
		for i, v := range p {
			if i != v {
				t.Fatalf("sorted: %v", p)
			}
		}
	})
}

func TestIntNRange(t *testing.T) {
	s := NewStream(Seed{})
	for _, n := range []int{1, 2, 3, 7, 1 << 32, 1<<63 - 1} {
		for range 100 {
			if got := s.IntN(n); got < 0 || got >= n {
				t.Fatalf("IntN(%d) = %d", n, got)
			}
		}
	}
	for _, n := range []int{0, -1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("IntN(%d) does not panic", n)
				}
			}()
			s.IntN(n)
		}()
	}
}

// Pearson's test: 15 degrees of freedom, 99.9th percentile 37.7. The seed is fixed, so
// the test either always passes or never does.
func TestUniform(t *testing.T) {
	const bins, draws = 16, 16_000
	s, sampler := NewStream(Seed{7}), NewSampler(Seed{7})
	for name, draw := range map[string]func(i int) int{
		"IntN":    func(int) int { return s.IntN(3*bins) / 3 },
		"Perm":    func(int) int { return slices.Index(s.Perm(bins), 3) },
		"Sampler": func(i int) int { return int(sampler.Uint64(uint64(i)) >> 60) },
	} {
		var count [bins]int
		for i := range draws {
			count[draw(i)]++
		}
		sum := 0
		for _, c := range count {
			sum += (c - draws/bins) * (c - draws/bins)
		}
		if chi := sum * bins / draws; chi > 37 {
			t.Errorf("%s: chi-square %d of %v", name, chi, count)
		}
	}
}

func BenchmarkSampler(b *testing.B) {
	s, x := NewSampler(Seed{}), uint64(0)
	for b.Loop() {
		x = s.Uint64(x)
	}
}
