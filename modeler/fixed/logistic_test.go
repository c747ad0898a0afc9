package fixed_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
)

func TestLogistic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := fixed.Q16(rapid.Int64Range(-50<<16, 50<<16).Draw(t, "x"))
		want := 1 / (1 + math.Exp(-float64(x)/float64(fixed.One)))
		if e := units(fixed.Logistic(x), want); e > 0.51 {
			t.Fatalf("Logistic(%d) = %d, %f units from %f", x, fixed.Logistic(x), e, want)
		}
		fine := float64(fixed.LogisticFine(x)) / (1 << 40)
		if e := math.Abs(fine - want); e > 0x1p-40 {
			t.Fatalf("LogisticFine(%d) is %g off", x, e)
		}
		if sum := fixed.Logistic(x) + fixed.Logistic(-x); sum != fixed.One {
			t.Fatalf("Logistic(%d) and that of %d add up to %d", x, -x, sum)
		}
		if sum := fixed.LogisticFine(x) + fixed.LogisticFine(-x); sum != 1<<40 {
			t.Fatalf("LogisticFine(%d) and that of %d add up to %d", x, -x, sum)
		}
	})
	for x, want := range map[fixed.Q16]fixed.Q16{0: fixed.One / 2, fixed.Max: fixed.One, -fixed.Max: 0, fixed.Missing: 0} {
		if got := fixed.Logistic(x); got != want {
			t.Errorf("Logistic(%d) = %d, want %d", x, got, want)
		}
	}
}

func TestSoftplus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := fixed.Q16(rapid.Int64Range(-50<<16, 50<<16).Draw(t, "x"))
		want := math.Log1p(math.Exp(float64(x) / float64(fixed.One)))
		if e := units(fixed.Softplus(x), want); e > 1.1 {
			t.Fatalf("Softplus(%d) = %d, %f units from %f", x, fixed.Softplus(x), e, want)
		}
	})
	if got := fixed.Softplus(fixed.Max); got != fixed.Max {
		t.Errorf("Softplus(Max) = %d", got)
	}
	if got := fixed.Softplus(-fixed.Max); got != 0 {
		t.Errorf("Softplus(-Max) = %d", got)
	}
}
