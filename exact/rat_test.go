package exact

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawRat(t *rapid.T) Rat {
	r, err := Ratio(rapid.Int64().Draw(t, "num"), rapid.Int64().Filter(func(d int64) bool { return d != 0 }).Draw(t, "den"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFieldLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y, z, zero, one := drawRat(t), drawRat(t), drawRat(t), Rat{}, Int(1)
		equal := func(law string, a, b Rat) {
			t.Helper()
			if a.Cmp(b) != 0 || a.String() != b.String() {
				t.Fatalf("%s: %s is not %s for x %s, y %s, z %s", law, a, b, x, y, z)
			}
		}
		equal("x+y = y+x", x.Add(y), y.Add(x))
		equal("(x+y)+z = x+(y+z)", x.Add(y).Add(z), x.Add(y.Add(z)))
		equal("xy = yx", x.Mul(y), y.Mul(x))
		equal("(xy)z = x(yz)", x.Mul(y).Mul(z), x.Mul(y.Mul(z)))
		equal("x(y+z) = xy+xz", x.Mul(y.Add(z)), x.Mul(y).Add(x.Mul(z)))
		equal("x+0 = x", x.Add(zero), x)
		equal("1x = x", one.Mul(x), x)
		equal("x-y = x+(-y)", x.Sub(y), x.Add(y.Neg()))
		equal("x-x = 0", x.Sub(x), zero)
		if q, err := x.Quo(y); y.Sign() != 0 {
			if err != nil {
				t.Fatal(err)
			}
			equal("(x/y)y = x", q.Mul(y), x)
		} else if !errors.Is(err, ErrDivision) {
			t.Fatalf("%s/0: %v", x, err)
		}
		if x.Cmp(y) != x.Sub(y).Sign() || x.Cmp(y) != -y.Cmp(x) {
			t.Fatalf("order of %s and %s", x, y)
		}
		floor := FromBig(new(big.Rat).SetInt(x.Floor()))
		if floor.Cmp(x) > 0 || floor.Add(one).Cmp(x) <= 0 || x.IsInt() != (floor.Cmp(x) == 0) {
			t.Fatalf("floor of %s is %s", x, floor)
		}
	})
}

func TestTextLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawRat(t)
		text, err := x.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var y Rat
		if err := y.UnmarshalText(text); err != nil || x.Cmp(y) != 0 {
			t.Fatalf("%s reads as %s, %v", text, y, err)
		}
	})
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"7": "7", "-7/3": "-7/3", "0.05": "1/20", "-0.50": "-1/2", "14/4": "7/2", "010/3": "10/3", "007": "7", "-0": "0", "0/5": "0",
		strings.Repeat("9", MaxText): strings.Repeat("9", MaxText),
	} {
		if got, err := Parse(text); err != nil || got.String() != want {
			t.Errorf("Parse(%q) = %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "-", ".", "/", ".5", "5.", "1/", "/2", "1/-2", "--1", "+1", "1-", "1.2/3", "1/2.5", "1/2/3", "1.2.3", "1e9", "1E9", "0x10",
		"1_000", " 1", "1 ", "1,5", "NaN", "Inf", "\u0661", strings.Repeat("9", MaxText+1), "1/0", "1/000",
	} {
		if got, err := Parse(text); !errors.Is(err, ErrSyntax) {
			t.Errorf("Parse(%q) = %s, %v; want ErrSyntax", text, got, err)
		}
	}
}

func TestOnlyLowestTermsAreSealed(t *testing.T) {
	for _, text := range []string{"2/4", "0.5", "1/1", "-0", "01", "0/3", "4/2"} {
		x := Int(9)
		if err := x.UnmarshalText([]byte(text)); !errors.Is(err, ErrSyntax) || x.Cmp(Int(9)) != 0 {
			t.Errorf("UnmarshalText(%q) = %v and leaves %s", text, err, x)
		}
	}
	long := FromBig(new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(MaxText), nil)))
	if text, err := long.MarshalText(); !errors.Is(err, ErrSyntax) {
		t.Errorf("a number of %d digits is written as %s, %v", MaxText+1, text, err)
	}
}

func TestValuesDoNotShareMemory(t *testing.T) {
	b := big.NewRat(1, 2)
	x := FromBig(b)
	b.SetInt64(5)
	x.Big().SetInt64(6)
	x.Floor().SetInt64(7)
	if want := "1/2"; x.String() != want {
		t.Errorf("x became %s, want %s", x, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"7", "-7/3", "0.05", "1e9", "010/3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Parse(text)
		if err != nil {
			return
		}
		// A plain slow twin: every accepted text is a decimal or a ratio for big.Rat too,
		// once leading zeros cannot mean octal.
		num, den, _ := strings.Cut(text, "/")
		twin, ok := new(big.Rat).SetString(num)
		if !ok {
			t.Fatalf("big.Rat refuses %q", num)
		}
		if den != "" {
			d, _ := new(big.Int).SetString(den, 10)
			twin.Quo(twin, new(big.Rat).SetInt(d))
		}
		if x.Cmp(FromBig(twin)) != 0 {
			t.Fatalf("Parse(%q) = %s, want %s", text, x, twin.RatString())
		}
		if y, err := Parse(x.String()); len(x.String()) <= MaxText && (err != nil || x.Cmp(y) != 0) {
			t.Fatalf("%s reads as %s, %v", x, y, err)
		}
	})
}
