package lane

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func drawShape(t *rapid.T) Shape {
	return Shape{Bits: rapid.SampledFrom([]int{16, 32, 64}).Draw(t, "bits"), Lanes: rapid.IntRange(1, 40).Draw(t, "lanes")}
}

func drawVector(t *rapid.T, s Shape) Vector {
	v := New(s)
	for i := range v.Packs {
		v.Packs[i] = rapid.Uint64().Draw(t, "pack")
	}
	v.Trim()
	return v
}

// Two lanes added at once are two lanes added one by one, and subtracting undoes it.
func TestMasksAreRingAddition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		v, m := drawVector(t, s), drawVector(t, s)
		mask := make([]byte, 0, 8*len(m.Packs))
		for _, p := range m.Packs {
			mask = binary.LittleEndian.AppendUint64(mask, p)
		}
		sum := Vector{s, slices.Clone(v.Packs)}
		combine(sum.Packs, mask, s.Bits, false)
		for k, got := range sum.Unpack() {
			a, b := v.Unpack()[k], m.Unpack()[k]
			want := a + b
			want = want << (64 - s.Bits) >> (64 - s.Bits)
			if got != want {
				t.Fatalf("lane %d: %d + %d = %d, want %d", k, a, b, got, want)
			}
		}
		combine(sum.Packs, mask, s.Bits, true)
		if !slices.Equal(sum.Packs, v.Packs) {
			t.Fatalf("added and subtracted: %x, want %x", sum.Packs, v.Packs)
		}
	})
}

// A vector survives its bytes, and an input its lanes.
func TestLanesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		v := drawVector(t, s)
		if again := Of(s, v.Bytes()); !slices.Equal(again.Packs, v.Packs) {
			t.Fatalf("%x reads back as %x", v.Packs, again.Packs)
		}
		if p, err := Pack(s, v.Unpack(), math.MaxInt64); err == nil && !slices.Equal(p.Packs, v.Packs) {
			t.Fatalf("%x unpacks and packs to %x", v.Packs, p.Packs)
		}
	})
}

// From lanes and carries anybody gets the exact sums of the words back.
func TestRestoreInvertsReduce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		words := make([]uint64, s.Words())
		want := make([]int64, s.Lanes)
		for range rapid.IntRange(1, 300).Draw(t, "members") {
			v := drawVector(t, s)
			AddWords(words, s, v.Bytes())
			for k, x := range v.Unpack() {
				want[k] = (want[k] + x) << (64 - s.Bits) >> (64 - s.Bits)
			}
		}
		carries := make([]uint16, len(words))
		for w, word := range words {
			carries[w] = uint16(s.Carry(word))
		}
		v := Reduce(s, words)
		if got := v.Unpack(); !slices.Equal(got, want) {
			t.Fatalf("lanes %d, want %d", got, want)
		}
		if got := Restore(v, carries); !slices.Equal(got, words) {
			t.Fatalf("words %x, want %x", got, words)
		}
	})
}
