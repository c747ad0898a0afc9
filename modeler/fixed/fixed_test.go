package fixed_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
)

// units returns how far got is from want, in units of 2^-16.
func units(got fixed.Q16, want float64) float64 {
	return math.Abs(float64(got) - want*float64(fixed.One))
}

func TestLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := fixed.Q16(rapid.Int64Range(1, math.MaxInt64).Draw(t, "x") >> rapid.IntRange(0, 62).Draw(t, "shift"))
		x = max(x, 1)
		want := math.Log(float64(x) / float64(fixed.One))
		if e := units(fixed.Log(x), want); e > 0.51 {
			t.Fatalf("Log(%d) = %d, %f units from %f", x, fixed.Log(x), e, want)
		}
	})
	if got := fixed.Log(0); got != -fixed.Max {
		t.Fatalf("Log(0) = %d", got)
	}
}

// TestSweeps walks over the range that forecasting uses, where random draws are thin.
func TestSweeps(t *testing.T) {
	for x := fixed.Q16(-14 << 16); x < 21<<16; x += 13 {
		want := math.Exp(float64(x) / float64(fixed.One))
		if e := units(fixed.Exp(x), want); e > 0.51 {
			t.Fatalf("Exp(%d) is %f units off", x, e)
		}
		if e := math.Abs(float64(fixed.Expm1(x)) - 1000*(want-1)); e > 0.51 {
			t.Fatalf("Expm1(%d) is %f thousandths off", x, e)
		}
	}
	for x := fixed.Q16(1); x < 8<<16; x += 7 {
		if e := units(fixed.Log(x), math.Log(float64(x)/float64(fixed.One))); e > 0.51 {
			t.Fatalf("Log(%d) is %f units off", x, e)
		}
	}
	const whole = 36_525 // A turn in a hundred years of days.
	for part := int64(-whole); part < whole; part++ {
		angle := 2 * math.Pi * float64(part) / whole
		if e := max(units(fixed.Sin(part, whole), math.Sin(angle)), units(fixed.Cos(part, whole), math.Cos(angle))); e > 0.51 {
			t.Fatalf("sine or cosine of %d/%d is %f units off", part, whole, e)
		}
	}
}

func TestLog1p(t *testing.T) {
	check := func(v int64) {
		t.Helper()
		want := math.Log1p(float64(v) / 1000)
		if e := units(fixed.Log1p(v), want); e > 0.51 {
			t.Fatalf("Log1p(%d) = %d, %f units from %f", v, fixed.Log1p(v), e, want)
		}
	}
	for v := int64(-999); v < 100_000; v += 7 {
		check(v)
	}
	for v := int64(100_000); v < math.MaxInt64/3; v += v / 2 {
		check(v)
	}
	check(math.MaxInt64)
	if got := fixed.Log1p(-1000); got != -fixed.Max {
		t.Fatalf("Log1p(-1000) = %d", got)
	}
}

func TestExp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := fixed.Q16(rapid.Int64Range(-50<<16, 50<<16).Draw(t, "x"))
		want := math.Exp(float64(x) / float64(fixed.One))
		got := fixed.Exp(x)
		switch {
		case want >= 1<<47:
			if got != fixed.Max {
				t.Fatalf("Exp(%d) = %d, want Max", x, got)
			}
		case want < 1<<31:
			if e := units(got, want); e > 0.51 {
				t.Fatalf("Exp(%d) = %d, %f units from %f", x, got, e, want)
			}
		case units(got, want) > 0.51+want*float64(fixed.One)*0x1p-50:
			t.Fatalf("Exp(%d) = %d, want %f", x, got, want*float64(fixed.One))
		}
	})
}

func TestExpm1GoesBackFromLog1p(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(-999, 1<<40).Draw(t, "thousandths")
		x := fixed.Log1p(v)
		want := 1000 * math.Expm1(float64(x)/float64(fixed.One))
		got := fixed.Expm1(x)
		if math.Abs(float64(got)-want) > 0.51+want*0x1p-50 {
			t.Fatalf("Expm1(%d) = %d, want %f", x, got, want)
		}
		// There and back costs at most half a unit of the logarithm.
		if off := math.Abs(float64(got - v)); off > 0.6+(float64(v)+1000)*0x1p-16*0.52 {
			t.Fatalf("Expm1(Log1p(%d)) = %d", v, got)
		}
	})
}

func TestTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Int64Range(1, 1<<40).Draw(t, "whole")
		part := rapid.Int64Range(-1<<41, 1<<41).Draw(t, "part")
		angle := 2 * math.Pi * float64(part%whole) / float64(whole)
		if e := units(fixed.Sin(part, whole), math.Sin(angle)); e > 0.51 {
			t.Fatalf("Sin(%d/%d) is %f units off", part, whole, e)
		}
		if e := units(fixed.Cos(part, whole), math.Cos(angle)); e > 0.51 {
			t.Fatalf("Cos(%d/%d) is %f units off", part, whole, e)
		}
	})
	for quarter, want := range []fixed.Q16{0, fixed.One, 0, -fixed.One} {
		if got := fixed.Sin(int64(quarter), 4); got != want {
			t.Errorf("Sin(%d/4) = %d, want %d", quarter, got, want)
		}
		if got := fixed.Cos(int64(quarter)-1, 4); got != want {
			t.Errorf("Cos(%d/4) = %d, want %d", quarter-1, got, want)
		}
	}
}

func TestSqrtIsTheFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Uint64().Draw(t, "x") >> rapid.IntRange(0, 63).Draw(t, "shift")
		want := new(big.Int).Sqrt(new(big.Int).SetUint64(x)).Uint64()
		if got := fixed.Sqrt(x); got != want {
			t.Fatalf("Sqrt(%d) = %d, want %d", x, got, want)
		}
	})
	for _, x := range []uint64{0, 1, 2, 3, 4, math.MaxUint64, 1<<62 - 1, 1 << 62, 1<<63 - 1, (1<<32 - 1) * (1<<32 - 1)} {
		if got, want := fixed.Sqrt(x), new(big.Int).Sqrt(new(big.Int).SetUint64(x)).Uint64(); got != want {
			t.Errorf("Sqrt(%d) = %d, want %d", x, got, want)
		}
	}
}

func TestSqrtOfAFraction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := fixed.Q16(rapid.Int64Range(0, math.MaxInt64).Draw(t, "x") >> rapid.IntRange(0, 62).Draw(t, "shift"))
		want := math.Sqrt(float64(x) / float64(fixed.One))
		if e := units(x.Sqrt(), want); e > 1+want*float64(fixed.One)*0x1p-30 {
			t.Fatalf("Sqrt(%d) = %d, want %f", x, x.Sqrt(), want)
		}
	})
}

// TestMulDiv compares with big integers, ties and limits included.
func TestMulDiv(t *testing.T) {
	edge := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-9, 9),
		rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, math.MinInt64 + 1}))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := edge.Draw(t, "a"), edge.Draw(t, "b"), edge.Draw(t, "c")
		if c == 0 {
			c = 1
		}
		if got, want := fixed.MulDiv(a, b, c), slowMulDiv(a, b, c); got != want {
			t.Fatalf("MulDiv(%d, %d, %d) = %d, want %d", a, b, c, got, want)
		}
	})
}

func slowMulDiv(a, b, c int64) int64 {
	product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	divisor := big.NewInt(c)
	sign := product.Sign() * divisor.Sign()
	product.Abs(product)
	divisor.Abs(divisor)
	product.Lsh(product, 1).Add(product, divisor).Quo(product, divisor.Lsh(divisor, 1))
	if !product.IsInt64() {
		product.SetInt64(math.MaxInt64)
	}
	return int64(sign) * product.Int64()
}

func TestThousandthsGoThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(-1<<46, 1<<46).Draw(t, "v")
		if got := fixed.FromThousandths(v).Thousandths(); got != v {
			t.Fatalf("%d came back as %d", v, got)
		}
	})
}

func TestMean(t *testing.T) {
	for _, c := range []struct {
		values []fixed.Q16
		want   fixed.Q16
	}{
		{nil, fixed.Missing},
		{[]fixed.Q16{fixed.Missing}, fixed.Missing},
		{[]fixed.Q16{1, 2}, 2},
		{[]fixed.Q16{-1, -2}, -2},
		{[]fixed.Q16{1, fixed.Missing, 2, 3}, 2},
	} {
		if got := fixed.Mean(c.values...); got != c.want {
			t.Errorf("Mean(%v) = %d, want %d", c.values, got, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want fixed.Q16
	}{
		{"magnitude of missing", fixed.Missing.Abs(), fixed.Max},
		{"magnitude", fixed.Q16(-3).Abs(), 3},
		{"product", fixed.Mul(3*fixed.One, -fixed.One/2), -3 * fixed.One / 2},
		{"product too large", fixed.Mul(-fixed.Max, 2*fixed.One), -fixed.Max},
		{"quotient", fixed.Div(fixed.One, 3*fixed.One), 21845},
		{"quotient too large", fixed.Div(fixed.Max, 1), fixed.Max},
		{"root of less than zero", fixed.Q16(-1).Sqrt(), 0},
		{"exp too large", fixed.Exp(fixed.Max), fixed.Max},
		{"exp of next to nothing", fixed.Exp(-fixed.Max), 0},
		{"expm1 too large", fixed.Q16(fixed.Expm1(fixed.Max)), fixed.Max - 1000},
		{"expm1 of next to nothing", fixed.Q16(fixed.Expm1(-fixed.Max)), -1000},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
}

func TestOurOwnBugsPanic(t *testing.T) {
	for name, bug := range map[string]func(){
		"zero divisor":   func() { fixed.MulDiv(1, 1, 0) },
		"no turn":        func() { fixed.Sin(1, 0) },
		"too fine turns": func() { fixed.Cos(1, 1<<60+1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			bug()
		}()
	}
}

// TestGoldenBits holds every function to its bits: they are part of models and forecasts
// that are replayed, on all processors.
func TestGoldenBits(t *testing.T) {
	const want = "2a45d9cc9f219298655195c7f21f8b4294df8342a5a63183694bf04a5e973a21"
	h := sha256.New()
	put := func(values ...fixed.Q16) {
		for _, v := range values {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(v)))
		}
	}
	for i := int64(-2000); i < 2000; i++ {
		x := fixed.Q16(i * i * i)
		put(fixed.Log(x), fixed.Log1p(i*i), fixed.Exp(fixed.Q16(331*i)), fixed.Q16(fixed.Expm1(fixed.Q16(577*i))))
		put(x.Sqrt(), fixed.Sin(i, 2557), fixed.Cos(i, 2557), fixed.FromThousandths(i), fixed.Q16(x.Thousandths()))
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Fatalf("bits %s, want %s", got, want)
	}
}
