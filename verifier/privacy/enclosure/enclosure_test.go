package enclosure

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity/exact"
)

func drawRat(t *rapid.T, label string, least, most int64) exact.Rat {
	den := rapid.Int64Range(1, 1<<40).Draw(t, label+" denominator")
	n := rapid.Int64Range(0, 1<<40).Draw(t, label+" part")
	r := exact.FromBig(big.NewRat(n, 1<<40))
	whole := exact.Int(rapid.Int64Range(least, most-1).Draw(t, label))
	small := exact.FromBig(big.NewRat(1, den))
	return whole.Add(r.Mul(exact.Int(1).Sub(small)))
}

// check says whether bounds are ordered, close, and agree with a float.
func check(t *rapid.T, what string, b Bounds, want float64, width exact.Rat) {
	t.Helper()
	low, _ := b.Low.Big().Float64()
	high, _ := b.High.Big().Float64()
	slack := 1e-12 * (1 + math.Abs(want))
	if b.Low.Cmp(b.High) > 0 || low > want+slack || high < want-slack {
		t.Fatalf("%s in [%v, %v], want %v", what, low, high, want)
	}
	if b.High.Sub(b.Low).Cmp(width) > 0 {
		t.Fatalf("%s: bounds lie %v apart", what, high-low)
	}
}

func power(n int) exact.Rat {
	return exact.FromBig(new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(n))))
}

func TestEnclosuresHoldFloats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := uint(rapid.IntRange(64, 256).Draw(t, "bits"))
		x := drawRat(t, "x", -80, 0)
		f, _ := x.Big().Float64()
		check(t, "exp", Exp(x, bits), math.Exp(f), power(int(bits)-1))
		y := drawRat(t, "y", 0, 30)
		f, _ = y.Big().Float64()
		e := Exp(y, bits)
		check(t, "exp", e, math.Exp(f), power(int(bits)-1).Mul(exact.Int(1<<62)))
		z := y.Add(power(50))
		f, _ = z.Big().Float64()
		check(t, "log", Log(z, bits), math.Log(f), power(int(bits)-2))
		check(t, "sqrt", Sqrt(y, bits), math.Sqrt(float(y)), power(int(bits)-1))
	})
}

// A finer enclosure lies inside a coarser one: both hold the same number.
func TestPrecisionsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawRat(t, "x", 0, 40).Add(power(60))
		bits := uint(rapid.IntRange(8, 200).Draw(t, "bits"))
		for name, f := range map[string]func(exact.Rat, uint) Bounds{
			"exp": Exp, "log": Log, "sqrt": Sqrt,
			"exp-": func(x exact.Rat, b uint) Bounds { return Exp(x.Neg(), b) },
		} {
			a, b := f(x, bits), f(x, bits+100)
			if a.Low.Cmp(b.High) > 0 || b.Low.Cmp(a.High) > 0 {
				t.Fatalf("%s(%s): %s to %s, and %s to %s", name, x, a.Low, a.High, b.Low, b.High)
			}
		}
	})
}

// The logarithm undoes the exponential.
func TestLogOfExp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawRat(t, "x", -20, 20)
		e := Exp(x, 300)
		if Log(e.Low, 200).Low.Cmp(x) > 0 || Log(e.High, 200).High.Cmp(x) < 0 {
			t.Fatalf("ln e^%s is not there", x)
		}
	})
}

func TestExactValues(t *testing.T) {
	if b := Exp(exact.Int(0), 64); b.Low.Cmp(exact.Int(1)) != 0 || b.High.Cmp(exact.Int(1)) != 0 {
		t.Errorf("e^0 in [%s, %s]", b.Low, b.High)
	}
	if b := Sqrt(exact.FromBig(big.NewRat(9, 4)), 64); b.Low.Cmp(b.High) != 0 || b.Low.String() != "3/2" {
		t.Errorf("sqrt 9/4 in [%s, %s]", b.Low, b.High)
	}
	if b := Log(exact.Int(1), 64); b.Low.Sign() > 0 || b.High.Sign() < 0 {
		t.Errorf("ln 1 in [%s, %s]", b.Low, b.High)
	}
	// The first digits of e and ln 10 (Abramowitz and Stegun, table 1.1).
	e, err := exact.Parse("2.71828182845904523536028747135266249775724709369995")
	if err != nil {
		t.Fatal(err)
	}
	if b := Exp(exact.Int(1), 160); b.Low.Sub(e).Cmp(power(150)) > 0 || e.Sub(b.High).Cmp(power(150)) > 0 {
		t.Errorf("e in [%s, %s]", b.Low, b.High)
	}
	ten, err := exact.Parse("2.30258509299404568401799145468436420760110148862877")
	if err != nil {
		t.Fatal(err)
	}
	if b := Log(exact.Int(10), 160); b.Low.Sub(ten).Cmp(power(150)) > 0 || ten.Sub(b.High).Cmp(power(150)) > 0 {
		t.Errorf("ln 10 in [%s, %s]", b.Low, b.High)
	}
}

func TestRoundUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawRat(t, "x", 0, 1<<30)
		digits := uint(rapid.IntRange(4, 64).Draw(t, "digits"))
		y := RoundUp(x, digits)
		limit := x.Add(x.Mul(power(int(digits) - 2)))
		if y.Cmp(x) < 0 || y.Cmp(limit) > 0 {
			t.Fatalf("%s rounds up to %s with %d digits", x, y, digits)
		}
		if again := RoundUp(y, digits); again.Cmp(y) != 0 {
			t.Fatalf("%s rounds up to %s", y, again)
		}
		unit := big.NewInt(rapid.Int64Range(1, 1e12).Draw(t, "unit"))
		z := Ceil(x, unit)
		if z.Cmp(x) < 0 || z.Sub(x).Cmp(exact.FromBig(new(big.Rat).SetFrac(big.NewInt(1), unit))) >= 0 {
			t.Fatalf("%s rounds up to %s in units of 1/%s", x, z, unit)
		}
	})
}

func float(x exact.Rat) float64 {
	f, _ := x.Big().Float64()
	return f
}
