package learn_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

func drawCuts(t *rapid.T) []fixed.Q16 {
	cuts := rapid.SliceOfNDistinct(rapid.Int64Range(-200, 200), 0, learn.MaxCuts, rapid.ID[int64]).Draw(t, "cuts")
	slices.Sort(cuts)
	out := make([]fixed.Q16, len(cuts))
	for i, c := range cuts {
		out[i] = fixed.Q16(c)
	}
	return out
}

func TestBinCountsTheCutsNotAbove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		features := learn.Features{{Cuts: drawCuts(t)}}
		value := fixed.Q16(rapid.Int64Range(-210, 210).Draw(t, "value"))
		want := 1
		for _, c := range features[0].Cuts {
			if c <= value {
				want++
			}
		}
		if got := features.Bin(0, value); int(got) != want || want >= features.Bins(0) {
			t.Fatalf("bin %d of %d, want %d", got, features.Bins(0), want)
		}
	})
}

func TestACategoryIsInItsOwnBin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		features := learn.Features{{Category: true, Cuts: drawCuts(t)}}
		value := fixed.Q16(rapid.Int64Range(-210, 210).Draw(t, "value"))
		want := slices.Index(features[0].Cuts, value) + 1
		if got := features.Bin(0, value); int(got) != want || want >= features.Bins(0) {
			t.Fatalf("bin %d of %d, want %d", got, features.Bins(0), want)
		}
	})
}

func TestMissingIsInBinZero(t *testing.T) {
	for _, f := range []learn.Feature{{}, {Cuts: []fixed.Q16{0}}, {Category: true, Cuts: []fixed.Q16{0}}} {
		if got := f.Bin(fixed.Missing); got != 0 {
			t.Errorf("%+v: missing is in bin %d", f, got)
		}
	}
}

func TestFeaturesThatAreRefused(t *testing.T) {
	if err := (learn.Features{{Name: "age", Monotone: -1, Cuts: []fixed.Q16{-1, 3}}, {Category: true}}).Check(); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]learn.Features{
		"none":              {},
		"too many":          make(learn.Features, learn.MaxFeatures+1),
		"long name":         {{Name: strings.Repeat("x", 256)}},
		"monotone":          {{Monotone: 2}},
		"monotone category": {{Category: true, Monotone: 1}},
		"cuts":              {{Cuts: make([]fixed.Q16, 255)}},
		"equal cuts":        {{Cuts: []fixed.Q16{1, 1}}},
		"falling cuts":      {{Cuts: []fixed.Q16{2, 1}}},
		"missing cut":       {{Cuts: []fixed.Q16{fixed.Missing, 1}}},
	} {
		if err := f.Check(); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
