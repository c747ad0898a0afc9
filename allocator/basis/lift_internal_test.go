package basis

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestSolveExactlyIsGauss compares lifting with elimination in rational numbers.
func TestSolveExactlyIsGauss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "n")
		matrix, system := make([][]*big.Rat, n), make([]equation, n)
		draw := func(name string) *big.Rat {
			num, den := rapid.Int64Range(-1<<40, 1<<40).Draw(t, name), rapid.Int64Range(1, 1<<20).Draw(t, "over")
			if rapid.IntRange(0, 2).Draw(t, "zero") == 0 {
				num = 0
			}
			return big.NewRat(num, den)
		}
		for i := range n {
			matrix[i] = make([]*big.Rat, n+1)
			for j := range n {
				if matrix[i][j] = draw("coeff"); matrix[i][j].Sign() != 0 {
					system[i].terms = append(system[i].terms, term{j, new(big.Rat).Set(matrix[i][j])})
				}
			}
			matrix[i][n] = draw("right")
			system[i].right = new(big.Rat).Set(matrix[i][n])
		}
		want := gauss(matrix)
		numerators, denominator, err := solveExactly(t.Context(), system)
		if want == nil {
			if !errors.Is(err, errSingular) {
				t.Fatalf("singular system: got %v, %v", numerators, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for k := range want {
			if got := new(big.Rat).SetFrac(numerators[k], denominator); got.Cmp(want[k]) != 0 {
				t.Fatalf("unknown %d is %s, want %s", k, got, want[k])
			}
		}
	})
}

// gauss returns nil for a singular matrix; the last column is the right side.
func gauss(m [][]*big.Rat) []*big.Rat {
	n := len(m)
	for c := range n {
		k := c
		for k < n && m[k][c].Sign() == 0 {
			k++
		}
		if k == n {
			return nil
		}
		m[c], m[k] = m[k], m[c]
		for i := range n {
			if i == c || m[i][c].Sign() == 0 {
				continue
			}
			f := new(big.Rat).Quo(m[i][c], m[c][c])
			for j := c; j <= n; j++ {
				m[i][j] = new(big.Rat).Sub(m[i][j], new(big.Rat).Mul(f, m[c][j]))
			}
		}
	}
	x := make([]*big.Rat, n)
	for i := range n {
		x[i] = new(big.Rat).Quo(m[i][n], m[i][i])
	}
	return x
}

func TestResiduesAreThoseOfBigIntegers(t *testing.T) {
	p := new(big.Int).SetUint64(prime)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.Uint64Range(0, prime-1), rapid.SampledFrom([]uint64{0, 1, prime - 1, prime - 2}))
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		x, y := new(big.Int).SetUint64(a), new(big.Int).SetUint64(b)
		want := new(big.Int).Mul(x, y)
		if got := times(a, b); got != want.Mod(want, p).Uint64() {
			t.Fatalf("%d times %d is %d, want %s", a, b, got, want)
		}
		if got := minus(a, b); got != want.Mod(want.Sub(x, y), p).Uint64() {
			t.Fatalf("%d minus %d is %d, want %s", a, b, got, want)
		}
		if a != 0 && times(a, invert(a)) != 1 {
			t.Fatalf("1/%d is %d", a, invert(a))
		}
	})
}
