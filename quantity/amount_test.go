package quantity

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// drawAmount prefers the ends of the range.
func drawAmount(t *rapid.T) Amount {
	return Amount(rapid.OneOf(
		rapid.Int64(), rapid.Int64Range(-3, 3), rapid.Int64Range(math.MaxInt64-3, math.MaxInt64), rapid.Int64Range(math.MinInt64, math.MinInt64+3),
		rapid.Int64Range(-1<<32, 1<<32),
	).Draw(t, "amount"))
}

func TestArithmeticAgreesWithBigInt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawAmount(t), drawAmount(t)
		x, y := big.NewInt(int64(a)), big.NewInt(int64(b))
		for name, op := range map[string]struct {
			got  func(Amount) (Amount, error)
			want *big.Int
		}{
			"+": {a.Add, new(big.Int).Add(x, y)},
			"-": {a.Sub, new(big.Int).Sub(x, y)},
			"*": {a.Mul, new(big.Int).Mul(x, y)},
			"sum": {
				func(b Amount) (Amount, error) { return Sum([]Amount{a, b, b, -1 - b}) },
				new(big.Int).Sub(new(big.Int).Add(x, y), big.NewInt(1)),
			},
		} {
			got, err := op.got(b)
			if !op.want.IsInt64() {
				if !errors.Is(err, ErrOverflow) {
					t.Fatalf("%d %s %d = %d, %v; want ErrOverflow", a, name, b, got, err)
				}
			} else if err != nil || int64(got) != op.want.Int64() {
				t.Fatalf("%d %s %d = %d, %v; want %s", a, name, b, got, err, op.want)
			}
		}
	})
}

func TestAmountText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAmount(t)
		text, err := a.MarshalText()
		var b Amount
		if err != nil || b.UnmarshalText(text) != nil || a != b {
			t.Fatalf("%d writes as %s, %v and reads as %d", a, text, err, b)
		}
	})
	for _, text := range []string{"", "-", "-0", "+1", "01", "1.0", "1e3", " 1", "0x1", "1_0", "9223372036854775808", "-9223372036854775809"} {
		var a Amount
		if err := a.UnmarshalText([]byte(text)); !errors.Is(err, ErrSyntax) {
			t.Errorf("UnmarshalText(%q) = %v; want ErrSyntax", text, err)
		}
	}
}

func FuzzAmountText(f *testing.F) {
	f.Add([]byte("-17"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var a Amount
		if a.UnmarshalText(text) == nil && a.String() != string(text) {
			t.Fatalf("%q reads as %s", text, a)
		}
	})
}
