package number_test

import (
	"cmp"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/learn/number"
)

// finite draws numbers of every size, with those at the edges of binary64 among them.
func finite() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Float64().Filter(func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, 0.5, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 0x1p-1022, 0x1p53 + 2}),
		rapid.Map(rapid.IntRange(-1000, 1000), func(n int) float64 { return float64(n) / 8 }),
	)
}

func TestKeysOrderAsNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := finite().Draw(t, "x"), finite().Draw(t, "y")
		if got, want := cmp.Compare(number.Key(x), number.Key(y)), cmp.Compare(x, y); got != want {
			t.Fatalf("keys of %g and %g compare as %d, want %d", x, y, got, want)
		}
		if number.Value(number.Key(x)) != x || !number.Valid(number.Key(x)) {
			t.Fatalf("key of %g leads to %g (valid: %t)", x, number.Value(number.Key(x)), number.Valid(number.Key(x)))
		}
	})
}

func TestTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := number.Key(finite().Draw(t, "x"))
		if got, s := number.Parse([]byte(number.Text(key))); s != number.Finite || got != key {
			t.Fatalf("%q is read as %d (%d), want %d", number.Text(key), got, s, key)
		}
	})
	for text, x := range map[string]float64{"0": math.Copysign(0, -1), "1500": 1.5e3, "0.1": .1, "-2.5e-07": -2.5e-7, "1e+16": 1e16, "1000000000000000": 1e15} {
		if got := number.Text(number.Key(x)); got != text {
			t.Errorf("%g is written %s, want %s", x, got, text)
		}
	}
	if got := number.Text(number.Missing); got != "" {
		t.Errorf("missing is written %q", got)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]struct {
		x float64
		s number.State
	}{
		"12": {12, number.Finite}, "-3.50": {-3.5, number.Finite}, "2.5e-05": {2.5e-5, number.Finite}, "+.5": {.5, number.Finite},
		"1e-400": {0, number.Finite}, "-0": {0, number.Finite}, "1E3": {1000, number.Finite},
		"": {}, " ": {}, " 1": {}, "x": {}, "1,5": {}, "1_000": {}, "0x10": {}, "--1": {}, "1e": {}, "nan": {}, "e": {}, ".": {}, "1 2": {}, "infinite": {}, "+": {},
		"1e400": {0, number.Infinite}, "-1e400": {0, number.Infinite}, "inf": {0, number.Infinite}, "-Infinity": {0, number.Infinite}, "+INF": {0, number.Infinite},
	} {
		key, s := number.Parse([]byte(text))
		if s != want.s || s == number.Finite && key != number.Key(want.x) {
			t.Errorf("%q is read as %g (%d), want %g (%d)", text, number.Value(key), s, want.x, want.s)
		}
	}
}

// A slow twin with big numbers: round(x 2^exponent), ties to even.
func TestUnitsAgreeWithTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, exponent := finite().Draw(t, "x"), rapid.IntRange(-1200, 1200).Draw(t, "exponent")
		exact := new(big.Rat).SetFloat64(x)
		power := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(max(exponent, -exponent))))
		if exponent < 0 {
			power.Inv(power)
		}
		exact.Mul(exact, power)
		floor := new(big.Int).Div(exact.Num(), exact.Denom()) // Euclid: downwards for a positive divisor.
		rest := new(big.Rat).Sub(exact, new(big.Rat).SetInt(floor))
		if c := rest.Cmp(big.NewRat(1, 2)); c > 0 || c == 0 && floor.Bit(0) == 1 {
			floor.Add(floor, big.NewInt(1))
		}
		want := int64(math.MaxInt64)
		if floor.IsInt64() && floor.Int64() != math.MinInt64 {
			want = floor.Int64()
		} else if floor.Sign() < 0 {
			want = -math.MaxInt64
		}
		if got := number.Units(number.Key(x), exponent); got != want {
			t.Fatalf("%g 2^%d is %d units, want %d", x, exponent, got, want)
		}
	})
	if number.Units(number.Missing, 3) != number.Missing || number.FromUnits(number.Missing, 3) != number.Missing {
		t.Error("missing does not stay missing")
	}
}

func TestFromUnitsUndoesUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, exponent := rapid.Int64Range(-1<<53, 1<<53).Draw(t, "units"), rapid.IntRange(-900, 900).Draw(t, "exponent")
		if got := number.Units(number.FromUnits(n, exponent), exponent); got != n {
			t.Fatalf("%d units at %d come back as %d", n, exponent, got)
		}
	})
}

func TestExponent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := finite().Draw(t, "x")
		if _, want := math.Frexp(x); number.Exponent(number.Key(x)) != want {
			t.Fatalf("exponent of %g is %d, want %d", x, number.Exponent(number.Key(x)), want)
		}
	})
}

func TestValid(t *testing.T) {
	for _, key := range []int64{number.Missing, math.MaxInt64, -1, number.Key(math.Inf(1)), number.Key(math.Inf(-1))} {
		if number.Valid(key) {
			t.Errorf("%d (%g) is valid", key, number.Value(key))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"1", "-1.5e3", "inf", "", "1e999", "NaN", " 7 "} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		key, s := number.Parse(text)
		if s == number.Finite && (!number.Valid(key) || key == number.Missing) {
			t.Errorf("%q is read as %d", text, key)
		}
	})
}
