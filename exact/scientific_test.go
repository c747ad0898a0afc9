package exact_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"comity/exact"
)

func TestParseScientific(t *testing.T) {
	for text, want := range map[string]string{
		"12": "12", "-.5": "-1/2", "1.e3": "1000", "+2D-4": "1/5000", "0": "0", "-0.0e9": "0", "1e+2": "100",
		strings.Repeat("9", 40): strings.Repeat("9", 40), "1e-80": "1/1" + strings.Repeat("0", 80),
	} {
		if got, err := exact.ParseScientific(text, 40, 80); err != nil || got.String() != want {
			t.Errorf("%s is %s, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"": exact.ErrSyntax, ".": exact.ErrSyntax, "-": exact.ErrSyntax, "1e": exact.ErrSyntax, "1e+-2": exact.ErrSyntax, "+-1": exact.ErrSyntax, "--1": exact.ErrSyntax,
		"nan": exact.ErrSyntax, "inf": exact.ErrSyntax, "1,5": exact.ErrSyntax, "0x1p3": exact.ErrSyntax, "1e2e3": exact.ErrSyntax,
		"1e81": exact.ErrDigits, "1e-81": exact.ErrDigits, "1e99999999999999999999": exact.ErrDigits, strings.Repeat("1", 40+1): exact.ErrDigits,
	} {
		if got, err := exact.ParseScientific(text, 40, 80); !errors.Is(err, want) {
			t.Errorf("%.30q is %s, %v; want %v", text, got, err, want)
		}
	}
}

// FuzzParseScientific holds it against the standard library, which rounds nothing either.
func FuzzParseScientific(f *testing.F) {
	f.Add("-12.5e3")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := exact.ParseScientific(text, 40, 80)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(strings.NewReplacer("d", "e", "D", "e").Replace(text))
		if !ok || got.Big().Cmp(want) != 0 {
			t.Errorf("%q is %s, want %v", text, got, want)
		}
	})
}
