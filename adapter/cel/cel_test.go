package cel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/adapter/cel"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
)

func TestCompileComputesExactly(t *testing.T) {
	values := map[string]exact.Rat{"party.population": exact.Int(1000), "supply.doses": exact.Int(77), "picture.ratio_w2": number(t, "1.37")}
	for source, want := range map[string]string{
		`1/2`:                             "1/2", // Not CEL's own 0.
		`7 / 2 * 2`:                       "7",
		`q("0.1") + q("0.2")`:             "3/10",
		`2 - 3 - 4`:                       "-5",
		`2 - (3 - 4)`:                     "3",
		`-5 + 1`:                          "-4",
		`min(3, 1, 2)`:                    "1",
		`max(1, 2, 3, 4, 5, 6, 7, 8)`:     "8",
		`round(q("0.24"), q("1/16"))`:     "1/4",
		`round(q("3/32"), q("1/16"))`:     "1/8",   // Halves go up,
		`round(q("-3/32"), q("1/16"))`:    "-1/16", // below zero too.
		`supply.doses * 10 / 3`:           "770/3",
		`party.population - supply.doses`: "923",
		`max(q("1/16"), min(q("4"), round(picture.ratio_w2, q("1/16"))))`: "11/8",
		"1 + // a comment\n 2": "3",
	} {
		input := func(name string) (exact.Rat, error) { return values[name], nil }
		e, err := cel.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		got, err := charter.Eval(e, input)
		if err != nil || got.Cmp(number(t, want)) != 0 {
			t.Errorf("Eval(%s) = %s, %v; want %s", source, got, err, want)
		}
		if again, err := cel.Evaluate(source, input); err != nil || again.Cmp(got) != 0 {
			t.Errorf("Evaluate(%s) = %s, %v; Eval says %s", source, again, err, got)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for source, want := range map[string]string{
		``:                                  "1:1: not an expression",
		`1 +`:                               "1:4: not an expression",
		`party.population > 0.5`:            "1:18: > is not part",
		`0.5`:                               `1:1: 0.5 is binary floating point, in which most decimals do not exist; write q("0.5") instead of 0.5`,
		`1 + 2.50`:                          `1:5: 2.50 is binary floating point, in which most decimals do not exist; write q("2.50") instead of 2.50`,
		`1e3`:                               `write q("1e3") instead`,
		`5u`:                                "1:1: a uint is no number",
		`true`:                              "1:1: a bool is no number",
		`null`:                              "no number",
		`b"x"`:                              "a bytes is no number",
		`"0.5"`:                             `1:1: a text is no number; write q("0.5")`,
		`population`:                        "1:1: population alone names no input; write where it comes from, as party.population",
		`partie.population`:                 "undeclared reference to 'partie'",
		`party.Population`:                  `"party.Population" cannot name an input`,
		`party.a.b`:                         "an input has two words",
		`party["a"]`:                        "not part of charter expressions",
		`has(party.a)`:                      "has is not part",
		`[1, 2]`:                            "a list, map or message is no number",
		`{1: 2}`:                            "a list, map or message is no number",
		`party.a.min(1)`:                    "min is called on a value",
		`-party.a`:                          "write 0 - x",
		`!party.a`:                          "! is not part",
		`5 % 2`:                             "% is not part",
		`1 == 1`:                            "== is not part",
		`true ? 1 : 2`:                      "is not part",
		`min(1)`:                            "min has 1 arguments, takes 2 to 8",
		`min(1,2,3,4,5,6,7,8,9)`:            "min has 9 arguments, takes 2 to 8",
		`round(1)`:                          "round has 1 arguments, takes 2 to 2",
		`q(1)`:                              "q does not hold one exact number",
		`q("1e9")`:                          "q does not hold one exact number",
		`q("1/0")`:                          "q does not hold one exact number",
		`q(party.a)`:                        "q does not hold one exact number",
		`size("x")`:                         "size is not part",
		`timestamp("2027-01-01T00:00:00Z")`: "timestamp is not part",
		`9223372036854775808`:               "not an expression",
		`[1].all(x, x > 0)`:                 "all is called on a value",
		strings.Repeat("1+", 70) + "1":      "too large",
		strings.Repeat("1+", 300) + "1":     "recursion depth",
		strings.Repeat("(", 600) + "1" + strings.Repeat(")", 600): "not an expression",
		strings.Repeat(" ", cel.MaxSource) + "1":                  "bytes, at most",
	} {
		e, err := cel.Compile(source)
		refusal := new(charter.SourceError)
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) || refusal.Fix == "" {
			t.Errorf("Compile(%.60s) = %v, %v; want %q", source, e, err, want)
		}
	}
}

// TestFormatIsTheInverseOfCompile: what people read back is what was sealed.
func TestFormatIsTheInverseOfCompile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawExpr(t, rapid.IntRange(0, 6).Draw(t, "depth"))
		got, err := cel.Compile(charter.Format(want))
		if err != nil {
			t.Fatalf("%s: %v", charter.Format(want), err)
		}
		if diff := cmp.Diff(digest(t, want), digest(t, got)); diff != "" {
			t.Fatalf("%s comes back as %s", charter.Format(want), charter.Format(got))
		}
	})
}

// TestTheDeepestTreeCompiles: the bounds of the sealed form are those of the compiler.
func TestTheDeepestTreeCompiles(t *testing.T) {
	one := exact.Int(1)
	for _, op := range []string{"add", "sub", "mul", "div", "min", "round"} {
		for side := range 2 {
			leaf := comity.Expr{Op: "const", Value: &one}
			want := leaf
			for range charter.MaxDepth - 1 {
				args := []comity.Expr{leaf, leaf}
				args[side] = want
				want = comity.Expr{Op: op, Args: args}
			}
			got, err := cel.Compile(charter.Format(want))
			if err != nil {
				t.Fatalf("%s nested on side %d: %v", op, side, err)
			}
			if charter.Format(got) != charter.Format(want) {
				t.Errorf("%s nested on side %d comes back otherwise", op, side)
			}
		}
	}
}

// TestEngineAgreesWithEval: the engine of CEL is the oracle of charter.Eval.
func TestEngineAgreesWithEval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawExpr(t, rapid.IntRange(0, 4).Draw(t, "depth"))
		values := map[string]exact.Rat{}
		for _, name := range charter.InputsOf(e) {
			values[name] = drawNumber(t)
		}
		input := func(name string) (exact.Rat, error) {
			v, ok := values[name]
			if !ok {
				return v, fmt.Errorf("no value of %s", name)
			}
			return v, nil
		}
		got, err := charter.Eval(e, input)
		want, oracleErr := cel.Evaluate(charter.Format(e), input)
		if errors.Is(err, charter.ErrTooLarge) {
			return // The oracle has no such bound.
		}
		if (err == nil) != (oracleErr == nil) {
			t.Fatalf("%s: Eval says %v, the engine %v", charter.Format(e), err, oracleErr)
		}
		if err == nil && got.Cmp(want) != 0 {
			t.Fatalf("%s: Eval says %s, the engine %s", charter.Format(e), got, want)
		}
	})
}

// FuzzCompile: whatever compiles has a form that compiles to the same.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{`1/2`, `q("0.1") + party.a`, `min(1, round(supply.b, 3))`, `-5`, `0.5`, `[1]`, `a ? b : c`, "1 //\n+ 2", `q("1/3") * (total.x - 2)`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		e, err := cel.Compile(source)
		if err != nil {
			if refusal := new(charter.SourceError); !errors.As(err, &refusal) || refusal.Line < 1 || refusal.Column < 1 {
				t.Fatalf("%q: refused without a place: %v", source, err)
			}
			return
		}
		again, err := cel.Compile(charter.Format(e))
		if err != nil || charter.Format(again) != charter.Format(e) {
			t.Fatalf("%q: %s comes back as %s, %v", source, charter.Format(e), charter.Format(again), err)
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := cel.Compile(`min(party.a, supply.doses * party.population / total.population / 2, party.b - party.c)`); err != nil {
			b.Fatal(err)
		}
	}
}

func number(t interface{ Fatal(...any) }, text string) exact.Rat {
	v, err := exact.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func digest(t *rapid.T, e comity.Expr) canon.Digest {
	d, err := canon.DigestOf(e)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func drawNumber(t *rapid.T) exact.Rat {
	r, err := exact.Ratio(rapid.Int64().Draw(t, "numerator"), rapid.Int64Range(1, 1<<40).Draw(t, "denominator"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func drawExpr(t *rapid.T, depth int) comity.Expr {
	op := rapid.SampledFrom([]string{"const", "input", "add", "sub", "mul", "div", "min", "max", "round"}).Draw(t, "op")
	if depth == 0 {
		op = rapid.SampledFrom([]string{"const", "input"}).Draw(t, "leaf")
	}
	e := comity.Expr{Op: op}
	args := 2
	switch op {
	case "const":
		v := drawNumber(t)
		if rapid.Bool().Draw(t, "whole") {
			v = exact.Int(rapid.Int64Range(-20, 20).Draw(t, "small"))
		}
		e.Value = &v
		return e
	case "input":
		e.Name = rapid.SampledFrom(charter.Namespaces()).Draw(t, "space") + "." + rapid.StringMatching(`[a-z][a-z0-9_]{0,6}`).Filter(charter.IsWord).Draw(t, "name")
		return e
	case "min", "max":
		args = rapid.IntRange(2, 4).Draw(t, "args")
	}
	for range args {
		e.Args = append(e.Args, drawExpr(t, depth-1))
	}
	return e
}
