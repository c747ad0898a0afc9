package secagg

import (
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/canon"
)

func drawStep(t *rapid.T) Step {
	return Step{"law", rapid.SampledFrom([]int{32, 64}).Draw(t, "bits"), rapid.IntRange(1, 40).Draw(t, "lanes")}
}

func drawVector(t *rapid.T, s Step) vector {
	v := newVector(s)
	for i := range v.packs {
		v.packs[i] = rapid.Uint64().Draw(t, "pack")
	}
	v.trim()
	return v
}

// Two lanes added at once are two lanes added one by one, and subtracting undoes it.
func TestMasksAreRingAddition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStep(t)
		v, m := drawVector(t, s), drawVector(t, s)
		mask := make([]byte, 0, 8*len(m.packs))
		for _, p := range m.packs {
			mask = binary.LittleEndian.AppendUint64(mask, p)
		}
		sum := vector{s, slices.Clone(v.packs)}
		combine(sum.packs, mask, s.Bits, false)
		for k, got := range sum.unpack() {
			a, b := v.unpack()[k], m.unpack()[k]
			want := a + b
			if s.Bits == 32 {
				want = int64(int32(want))
			}
			if got != want {
				t.Fatalf("lane %d: %d + %d = %d, want %d", k, a, b, got, want)
			}
		}
		combine(sum.packs, mask, s.Bits, true)
		if !slices.Equal(sum.packs, v.packs) {
			t.Fatalf("added and subtracted: %x, want %x", sum.packs, v.packs)
		}
	})
}

// A vector survives its bytes, and an input its lanes.
func TestLanesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStep(t)
		v := drawVector(t, s)
		if again := vectorOf(s, v.bytes()); !slices.Equal(again.packs, v.packs) {
			t.Fatalf("%x reads back as %x", v.packs, again.packs)
		}
		if p, err := pack(s, v.unpack(), 1); err == nil && !slices.Equal(p.packs, v.packs) {
			t.Fatalf("%x unpacks and packs to %x", v.packs, p.packs)
		}
	})
}

// From the sum blob anybody gets the exact sums of the masked words back.
func TestWordSumsInvertUnmask(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStep(t)
		context := canon.Sum([]byte("context"))
		reveals := [][keySize]byte{{1}, {2}, {3}}
		words := make([]uint64, s.words())
		for range reveals {
			addWords(words, drawVector(t, s).bytes())
		}
		sum, err := ParseSum(unmask(s, words, context, reveals).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := sum.check(s, len(reveals)); err != nil {
			t.Fatal(err)
		}
		if got := sum.wordSums(context, reveals); !slices.Equal(got, words) {
			t.Fatalf("got %x, want %x", got, words)
		}
	})
}

// The field is the integers modulo 2^61-1.
func TestFieldAgainstBigIntegers(t *testing.T) {
	p := big.NewInt(prime)
	if !p.ProbablyPrime(20) {
		t.Fatal("2^61-1 should be prime")
	}
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.SampledFrom([]uint64{0, 1, prime - 1, prime, prime + 1, 1 << 61, 1<<62 - 1, 1<<64 - 1})
		any64 := rapid.OneOf(edge, rapid.Uint64())
		x, y := any64.Draw(t, "x"), any64.Draw(t, "y")
		a, b := reduce(x), reduce(y)
		bigX, bigY := new(big.Int).SetUint64(x), new(big.Int).SetUint64(y)
		for name, c := range map[string]struct {
			got  element
			want *big.Int
		}{
			"reduce": {a, bigX},
			"plus":   {a.plus(b), new(big.Int).Add(bigX, bigY)},
			"times":  {a.times(b), new(big.Int).Mul(bigX, bigY)},
			"power":  {a.power(37), new(big.Int).Exp(bigX, big.NewInt(37), p)},
		} {
			if want := new(big.Int).Mod(c.want, p).Uint64(); uint64(c.got) != want {
				t.Fatalf("%s of %d and %d: %d, want %d", name, x, y, c.got, want)
			}
		}
		// Horner's rule hands times a first factor that is not reduced yet.
		if z := x % (1 << 62); element(z).times(b) != reduce(z).times(b) {
			t.Fatalf("times(%d, %d) needs a reduced factor", z, b)
		}
	})
}

// Horner's rule by steps is the plain polynomial over the whole sequence, linear in
// the words, with absent steps skipped.
func TestFingerprintAgainstPlainPolynomial(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := seedOf(rapid.Uint64().Draw(t, "seed"))
		e, all := newEvaluation(seed), newEvaluation(seed)
		k := 0
		var want [points]element
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			s := drawStep(t)
			y := drawVector(t, s).bytes()
			sums := make([]uint64, s.words())
			addWords(sums, y)
			absent := rapid.Bool().Draw(t, "absent")
			for _, w := range sums {
				k++
				for i := range want {
					if !absent {
						want[i] = want[i].plus(reduce(w).times(e.at[i].power(k)))
					}
				}
			}
			if absent {
				e.skip(s.words())
				all.skip(s.words())
				continue
			}
			e.masked(y)
			all.sums(sums)
		}
		if e.value != want || all.value != want {
			t.Fatalf("got %d and %d, want %d", e.value, all.value, want)
		}
	})
}

// Lists that differ encode differently, wherever the border between fields lies.
func TestEncodingIsUnambiguous(t *testing.T) {
	seen := map[canon.Digest]string{}
	for name, e := range map[string]encoding{
		"ab,c": encode("x").text("ab").text("c"), "a,bc": encode("x").text("a").text("bc"),
		"abc": encode("x").text("abc"), "abc,": encode("x").text("abc").text(""), ",abc": encode("x").text("").text("abc"),
		"label": encode("xabc"), "number": encode("x").number(1), "text 1": encode("x").text("\x01"),
	} {
		if other, ok := seen[e.sum()]; ok {
			t.Fatalf("%q and %q have one digest", name, other)
		}
		seen[e.sum()] = name
	}
	long := []byte("a long field")
	if encode("x").sumWith(long) != encode("x").bytes(long).sum() {
		t.Fatal("sumWith is not sum")
	}
}
