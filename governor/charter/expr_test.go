package charter_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"comity"
	"comity/exact"
	"comity/governor/charter"
)

func constant(v exact.Rat) comity.Expr { return comity.Expr{Op: "const", Value: &v} }

func TestRoundIsNearestHalvesUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string, least int64) exact.Rat {
			r, err := exact.Ratio(rapid.Int64Range(least, 1000).Draw(t, label), rapid.Int64Range(1, 60).Draw(t, label+" denominator"))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		x, step := draw("x", -1000), draw("step", 1)
		got, err := charter.Round(x, step)
		if err != nil {
			t.Fatal(err)
		}
		times, err := got.Quo(step)
		if err != nil || !times.IsInt() {
			t.Fatalf("round(%s, %s) = %s, no multiple (%v)", x, step, got, err)
		}
		// The multiple lies in (x - step/2, x + step/2].
		twice := got.Sub(x).Mul(exact.Int(2))
		if twice.Cmp(step.Neg()) <= 0 || twice.Cmp(step) > 0 {
			t.Fatalf("round(%s, %s) = %s", x, step, got)
		}
	})
}

func TestEvalRefuses(t *testing.T) {
	two := constant(exact.Int(2))
	large := constant(exact.FromBig(new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 500))))
	wide, deep := two, two
	for range 8 {
		wide = comity.Expr{Op: "add", Args: []comity.Expr{wide, wide}}
	}
	for range charter.MaxDepth {
		deep = comity.Expr{Op: "add", Args: []comity.Expr{two, deep}}
	}
	unbound := errors.New("no such value")
	for name, c := range map[string]struct {
		expr comity.Expr
		want error
	}{
		"no operation":         {comity.Expr{}, charter.ErrExpression},
		"unknown operation":    {comity.Expr{Op: "pow", Args: []comity.Expr{two, two}}, charter.ErrExpression},
		"one argument":         {comity.Expr{Op: "add", Args: []comity.Expr{two}}, charter.ErrExpression},
		"three arguments":      {comity.Expr{Op: "sub", Args: []comity.Expr{two, two, two}}, charter.ErrExpression},
		"nine arguments":       {comity.Expr{Op: "min", Args: []comity.Expr{two, two, two, two, two, two, two, two, two}}, charter.ErrExpression},
		"constant without":     {comity.Expr{Op: "const"}, charter.ErrExpression},
		"constant with a name": {comity.Expr{Op: "const", Value: two.Value, Name: "party.a"}, charter.ErrExpression},
		"sum with a value":     {comity.Expr{Op: "add", Value: two.Value, Args: []comity.Expr{two, two}}, charter.ErrExpression},
		"input without":        {comity.Expr{Op: "input"}, charter.ErrExpression},
		"input of three words": {comity.Expr{Op: "input", Name: "a.b.c"}, charter.ErrExpression},
		"input, reserved word": {comity.Expr{Op: "input", Name: "party.in"}, charter.ErrExpression},
		"long name":            {comity.Expr{Op: "input", Name: "party." + strings.Repeat("a", 64)}, charter.ErrExpression},
		"too many parts":       {wide, charter.ErrTooLarge},
		"too deep":             {deep, charter.ErrTooLarge},
		"large product":        {comity.Expr{Op: "mul", Args: []comity.Expr{large, large}}, charter.ErrTooLarge},
		"division by zero":     {comity.Expr{Op: "div", Args: []comity.Expr{two, constant(exact.Int(0))}}, exact.ErrDivision},
		"step zero":            {comity.Expr{Op: "round", Args: []comity.Expr{two, constant(exact.Int(0))}}, charter.ErrStep},
		"no value":             {comity.Expr{Op: "input", Name: "party.a"}, unbound},
	} {
		_, err := charter.Eval(c.expr, func(string) (exact.Rat, error) { return exact.Rat{}, unbound })
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	// An input may be large too.
	if _, err := charter.Eval(comity.Expr{Op: "input", Name: "party.a"}, func(string) (exact.Rat, error) {
		return exact.FromBig(new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 513))), nil
	}); !errors.Is(err, charter.ErrTooLarge) {
		t.Errorf("large input: %v", err)
	}
}

func TestFormatReadsAsTyped(t *testing.T) {
	for _, source := range []string{
		`max(q("1/16"), min(4, round(picture.ratio_w2, q("1/16"))))`,
		`min(party.frontline, supply.doses * party.population / total.population / 2, max(0, party.cold - party.stock))`,
		`1 - (2 - 3) - 4`,
		`2 * (3 + 4) / (5 * 6)`,
		`q("-5") + 5`,
	} {
		if got := charter.Format(expr(t, source)); got != source {
			t.Errorf("got %s, want %s", got, source)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"P7D": 168 * time.Hour, "P2W": 336 * time.Hour, "PT12H": 12 * time.Hour, "P1DT1H1M1S": 25*time.Hour + 61*time.Second, "PT90S": 90 * time.Second,
		"P36525D": 36525 * 24 * time.Hour,
	} {
		if got, err := charter.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "P", "PT", "P1M", "P1Y", "7D", "P0D", "PT0S", "P-1D", "P1.5D", "P7DT", "P1W1D", "P1WT1H", "PD", "PT1S1H", "P1D1D", "P36526D", "P999999999W", "P9999999999D", "PT1D", "p7d", " P7D",
	} {
		if got, err := charter.ParseDuration(text); !errors.Is(err, charter.ErrDuration) {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
}

func TestParseInstant(t *testing.T) {
	if got, err := charter.ParseInstant("2028-02-29T23:59:59Z"); err != nil || got.Unix() != 1835481599 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "2027-02-29T00:00:00Z", "2027-01-01", "2027-01-01T00:00:00", "2027-01-01T00:00:00+00:00", "2027-01-01T00:00:00.5Z", "2027-01-01T24:00:00Z", "2027-1-1T00:00:00Z", "2027-01-01t00:00:00z"} {
		if got, err := charter.ParseInstant(text); !errors.Is(err, charter.ErrInstant) {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"P7D", "PT1H", "P1DT2H3M4S", "P2W", "P1M"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := charter.ParseDuration(text); err == nil && d < time.Second {
			t.Fatalf("%q is %v", text, d)
		}
	})
}

func BenchmarkEval(b *testing.B) {
	e := expr(b, `min(party.a, supply.doses * party.population / total.population / 2, max(0, party.b - party.c))`)
	input := func(string) (exact.Rat, error) { return exact.Int(123457), nil }
	for b.Loop() {
		if _, err := charter.Eval(e, input); err != nil {
			b.Fatal(err)
		}
	}
}
