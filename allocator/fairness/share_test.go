package fairness_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"comity/allocator/fairness"
	"comity/exact"
)

// The example of Newcombe, "Two-sided confidence intervals for the single proportion",
// Statistics in Medicine 17 (1998), table I: 81 of 263 by Wilson's method without
// correction is 0.2553 to 0.3662.
func TestShareOfThePaper(t *testing.T) {
	confidence, _ := exact.Parse("0.95")
	i, err := fairness.Share(81, 263, confidence)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		got        exact.Rat
		least, top string
	}{{i.Low, "0.25525", "0.25535"}, {i.High, "0.36615", "0.36625"}} {
		least, _ := exact.Parse(c.least)
		top, _ := exact.Parse(c.top)
		if c.got.Cmp(least) < 0 || c.got.Cmp(top) > 0 {
			t.Errorf("an end is %s, want %s to %s", c.got, c.least, c.top)
		}
	}
}

func TestShareHoldsThePoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.Int64Range(1, 10_000).Draw(t, "of")
		yes := rapid.Int64Range(0, of).Draw(t, "yes")
		low, _ := exact.Parse("0.8")
		high, _ := exact.Parse("0.99")
		narrow, err := fairness.Share(yes, of, low)
		if err != nil {
			t.Fatal(err)
		}
		wide, err := fairness.Share(yes, of, high)
		if err != nil {
			t.Fatal(err)
		}
		point, _ := exact.Ratio(yes, of)
		if narrow.Low.Cmp(point) > 0 || narrow.High.Cmp(point) < 0 || wide.Low.Cmp(narrow.Low) > 0 || wide.High.Cmp(narrow.High) < 0 {
			t.Fatalf("%d of %d: %+v within %+v", yes, of, narrow, wide)
		}
	})
}

func TestShareRefuses(t *testing.T) {
	half, _ := exact.Ratio(1, 2)
	for _, c := range []struct {
		yes, of    int64
		confidence exact.Rat
	}{{1, 0, half}, {2, 1, half}, {-1, 1, half}, {1, 1, exact.Int(1)}, {1, 1, exact.Int(0)}, {1, 1 << 60, half}} {
		if _, err := fairness.Share(c.yes, c.of, c.confidence); !errors.Is(err, fairness.ErrInput) {
			t.Errorf("%d of %d at %s: %v, want ErrInput", c.yes, c.of, c.confidence, err)
		}
	}
}
