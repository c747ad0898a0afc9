package field

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity/chance"
	"comity/verifier/secagg/internal/lane"
)

func drawShape(t *rapid.T) lane.Shape {
	return lane.Shape{Bits: rapid.SampledFrom([]int{16, 32, 64}).Draw(t, "bits"), Lanes: rapid.IntRange(1, 40).Draw(t, "lanes")}
}

// The field is the integers modulo 2^61-1.
func TestFieldAgainstBigIntegers(t *testing.T) {
	p := big.NewInt(Prime)
	if !p.ProbablyPrime(20) {
		t.Fatal("2^61-1 should be prime")
	}
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.SampledFrom([]uint64{0, 1, Prime - 1, Prime, Prime + 1, 1 << 61, 1<<62 - 1, 1<<64 - 1})
		any64 := rapid.OneOf(edge, rapid.Uint64())
		x, y := any64.Draw(t, "x"), any64.Draw(t, "y")
		a, b := Reduce(x), Reduce(y)
		bigX, bigY := new(big.Int).SetUint64(x), new(big.Int).SetUint64(y)
		for name, c := range map[string]struct {
			got  Element
			want *big.Int
		}{
			"reduce": {a, bigX},
			"plus":   {a.Plus(b), new(big.Int).Add(bigX, bigY)},
			"times":  {a.Times(b), new(big.Int).Mul(bigX, bigY)},
			"power":  {a.Power(37), new(big.Int).Exp(bigX, big.NewInt(37), p)},
		} {
			if want := new(big.Int).Mod(c.want, p).Uint64(); uint64(c.got) != want {
				t.Fatalf("%s of %d and %d: %d, want %d", name, x, y, c.got, want)
			}
		}
		// Horner's rule hands times a first factor that is not reduced yet.
		if z := x % (1 << 62); Element(z).Times(b) != Reduce(z).Times(b) {
			t.Fatalf("times(%d, %d) needs a reduced factor", z, b)
		}
	})
}

// Horner's rule by steps is the plain polynomial over the whole sequence, linear in
// the words, with absent steps skipped.
func TestFingerprintAgainstPlainPolynomial(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := chance.Seed{rapid.Byte().Draw(t, "seed")}
		e, all := New(seed), New(seed)
		k := 0
		var want [Points]Element
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			s := drawShape(t)
			y := rapid.SliceOfN(rapid.Byte(), s.Size(), s.Size()).Draw(t, "y")
			sums := make([]uint64, s.Words())
			lane.AddWords(sums, s, y)
			absent := rapid.Bool().Draw(t, "absent")
			for _, w := range sums {
				k++
				for i := range want {
					if !absent {
						want[i] = want[i].Plus(Reduce(w).Times(e.at[i].Power(k)))
					}
				}
			}
			if absent {
				e.Skip(s.Words())
				all.Skip(s.Words())
				continue
			}
			e.Masked(s, y)
			all.Sums(sums)
		}
		if e.Value != want || all.Value != want {
			t.Fatalf("got %d and %d, want %d", e.Value, all.Value, want)
		}
	})
}
