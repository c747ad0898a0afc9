package potential

import (
	"errors"
	"math/big"
	"testing"
)

// TestWrongProposalsProveNothing spoils what floating point proposes: every entry of the
// factors, far and a little.
func TestWrongProposalsProveNothing(t *testing.T) {
	edges := []Edge{
		{0, Ground, big.NewRat(3, 1)}, {0, 1, big.NewRat(1, 7)}, {1, 2, big.NewRat(5, 2)}, {2, 0, big.NewRat(2, 3)}, {2, 3, big.NewRat(9, 1)},
	}
	networks := map[string][]Edge{"positive": edges, "mixed": append([]Edge{{3, 1, big.NewRat(-1, 5)}}, edges...)}
	for name, edges := range networks {
		honest, err := New(4, edges)
		if err != nil {
			t.Fatal(name, err)
		}
		prove := func(f *factors) (*big.Rat, error) {
			if name == "positive" {
				return (&Network{nodes: 4, edges: edges, factors: f}).compared()
			}
			return newInverse(4, edges).norm(f)
		}
		for k := range 4 {
			f, err := newFactors(4, edges)
			if err != nil {
				t.Fatal(name, err)
			}
			f.pivots[k] *= -3
			if norm, err := prove(f); !errors.Is(err, ErrUnproved) {
				t.Errorf("%s, pivot %d spoiled: got %v and %v, want ErrUnproved", name, k, norm, err)
			}
			// A small error costs sharpness, not truth.
			f.pivots[k] /= -3 * 1.0000001
			norm, err := prove(f)
			if err != nil {
				t.Fatalf("%s, pivot %d nearly right: %v", name, k, err)
			}
			if least := new(big.Rat).Quo(honest.norm, big.NewRat(3, 1)); norm.Cmp(least) < 0 {
				t.Errorf("%s, pivot %d nearly right: norm %s, honest is %s", name, k, norm.FloatString(9), honest.norm.FloatString(9))
			}
		}
	}
}

func TestWideIntegers(t *testing.T) {
	for _, a := range []int64{0, 1, -1, 1<<60 - 1, -(1 << 60), 12345678901} {
		for _, b := range []int64{0, 1, -1, 1 << 57, -(1 << 57), -98765432109} {
			w := multiplied(a, b).plus(multiplied(b, 3))
			want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
			want.Add(want, big.NewInt(3*b))
			got := new(big.Int).SetUint64(w.high)
			got.Lsh(got, 64).Add(got, new(big.Int).SetUint64(w.low))
			if w.high>>63 != 0 {
				got.Sub(got, new(big.Int).Lsh(big.NewInt(1), 128))
			}
			if got.Cmp(want) != 0 {
				t.Errorf("%d·%d + 3·%d is %s, want %s", a, b, b, got, want)
			}
			if above := new(big.Int).Lsh(new(big.Int).SetUint64(w.magnitude()), 64); above.Cmp(want.Abs(want)) < 0 {
				t.Errorf("magnitude of %s is %s", want, above)
			}
		}
	}
}
