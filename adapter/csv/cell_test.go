package csv

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/forecast"
)

func TestThousandths(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "-0.000": 0, "007": 7000, "1740.8": 1_740_800, "0.024245": 24, "0.0005": 1, "0.00049999": 0, "0.0015": 2,
		"0.9995": 1000, "1e3": 1_000_000, "1.5E+02": 150_000, "2.5e-3": 3, "1e-9999": 0, "0e9999": 0, "1000000000": forecast.MaxValue,
		"0.000000000000000000000000000005e29": 500, "100000000000000000000000e-20": 1_000_000,
		"1000000000.0004": forecast.MaxValue, "1." + strings.Repeat("9", 60): 2000,
	} {
		if got, reason, _ := thousandths([]byte(text)); reason != "" || got != want {
			t.Errorf("thousandths(%s) = %d, %s; want %d", text, got, reason, want)
		}
	}
	for _, text := range []string{"", "-", ".", ".5", "5.", "+1", "1e", "1e+", "1e1.5", "1 ", "1_000", "٣", "1e00001", "--1", "1-", "0x1p-2"} {
		if got, reason, fix := thousandths([]byte(text)); reason == "" || fix == "" {
			t.Errorf("thousandths(%q) = %d, want a refusal", text, got)
		}
	}
}

// TestThousandthsIsExact compares with rational numbers: the nearest thousandth, halves up.
func TestThousandthsIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{1,12}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%s is no number", text)
		}
		r.Mul(r, big.NewRat(1000, 1)).Add(r, big.NewRat(1, 2))
		want := new(big.Int).Div(r.Num(), r.Denom())
		got, reason, _ := thousandths([]byte(text))
		if large := want.Cmp(big.NewInt(forecast.MaxValue)) > 0; large != (reason != "") {
			t.Fatalf("thousandths(%s) = %d, %q; exactly %s", text, got, reason, want)
		} else if !large && want.Int64() != got {
			t.Fatalf("thousandths(%s) = %d, want %s", text, got, want)
		}
	})
}

// TestTextIsBounded holds the limit on what a file may decompress to.
func TestTextIsBounded(t *testing.T) {
	for _, rest := range []string{"2\n3\n4\n", "\n\n\n\n\n", "2"} {
		table, _, err := open("f", strings.NewReader("a\n"+rest), []string{"a"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		table.left = int64(len(rest)) - 1
		for err == nil {
			_, err = table.next()
		}
		if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Reason, "bytes of text") {
			t.Errorf("%q with one byte too many: %v", rest, err)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"truth-date", "truth_date", 1}, {"flaw", "lawn", 2}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%s, %s) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%s, %s) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
