package measure_test

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"comity/exact"
	"comity/governor/lexicon"
	"comity/governor/lexicon/measure"
)

// check decides a term on a text.
func check(t *testing.T, term lexicon.Term, data string, parameters map[string]string) (lexicon.Verdict, error) {
	t.Helper()
	settings := []string{}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		settings = append(settings, name+"="+parameters[name])
	}
	g, err := term.Settings(settings)
	if err != nil {
		return lexicon.Verdict{}, err
	}
	d, err := term.Read("data", strings.NewReader(data), nil)
	if err != nil {
		return lexicon.Verdict{}, err
	}
	return measure.Of(term.ID)(d, g)
}

// TestVectors holds every term to every example of its definition.
func TestVectors(t *testing.T) {
	for _, term := range lexicon.Terms() {
		if measure.Of(term.ID) == nil {
			t.Errorf("%s has no check", term.ID)
			continue
		}
		for i, v := range term.Vectors {
			got, err := check(t, term, v.Data, v.Parameters)
			if err != nil {
				t.Errorf("%s, vector %d: %v", term.ID, i, err)
				continue
			}
			if got.Holds != v.Holds {
				t.Errorf("%s, vector %d: holds is %v, want %v: %s", term.ID, i, got.Holds, v.Holds, got.Rule)
			}
			if err := agrees(got, v, term.Class); err != nil {
				t.Errorf("%s, vector %d: %v (%s)", term.ID, i, err, got.Rule)
			}
			if got.Rule == "" {
				t.Errorf("%s, vector %d says no rule", term.ID, i)
			}
		}
	}
	if measure.Of("fairness") != nil {
		t.Error("a term that is not in the lexicon has a check")
	}
}

// agrees compares a value as its class allows.
func agrees(got lexicon.Verdict, want lexicon.Vector, class lexicon.Class) error {
	wanted, err := exact.Parse(want.Value)
	if err != nil || class == lexicon.Exact || class == lexicon.UpperBound || class == lexicon.Statistical && !want.Sampled {
		if got.Value != want.Value {
			return fmt.Errorf("value %s, want %s", got.Value, want.Value)
		}
		return nil
	}
	low, high := number(got.Low), number(got.High)
	if want.Sampled {
		if wanted.Cmp(low) < 0 || wanted.Cmp(high) > 0 {
			return fmt.Errorf("%s to %s does not hold %s", got.Low, got.High, want.Value)
		}
		return nil
	}
	// Both ends, and so the true value, round to the printed digits.
	_, digits, _ := strings.Cut(want.Value, ".")
	half, _ := exact.Parse("0." + strings.Repeat("0", len(digits)) + "5")
	if low.Cmp(wanted.Sub(half)) < 0 || high.Cmp(wanted.Add(half)) > 0 {
		return fmt.Errorf("%s to %s does not round to %s", got.Low, got.High, want.Value)
	}
	if width := high.Sub(low); width.Cmp(exact.FromBig(big.NewRat(1, 1_000_000_000_000))) > 0 {
		return fmt.Errorf("the interval %s to %s is wide", got.Low, got.High)
	}
	return nil
}

func number(text string) exact.Rat {
	v, _ := exact.Parse(text)
	return v
}
