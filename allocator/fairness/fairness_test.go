package fairness_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity/allocator/fairness"
	"comity/exact"
)

func whole(values ...int64) []exact.Rat {
	out := make([]exact.Rat, len(values))
	for i, v := range values {
		out[i] = exact.Int(v)
	}
	return out
}

func rat(t testing.TB, text string) exact.Rat {
	t.Helper()
	x, err := exact.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// vector returns the result of one measure of the lexicon on x.
func vector(name string, x []exact.Rat) (low, high exact.Rat, err error) {
	half, _ := exact.Ratio(1, 2)
	var i fairness.Interval
	switch name {
	case "gini":
		low, err = fairness.Gini(x)
		return low, low, err
	case "jain":
		low, err = fairness.Jain(x)
		return low, low, err
	case "theil t":
		i, err = fairness.TheilT(x)
	case "theil l":
		i, err = fairness.TheilL(x)
	case "atkinson 1/2":
		i, err = fairness.Atkinson(half, x)
	case "atkinson 1":
		i, err = fairness.Atkinson(exact.Int(1), x)
	default:
		return low, high, fmt.Errorf("no measure %q", name)
	}
	return i.Low, i.High, err
}

// TestLexiconVectors are those of comity-lexicon@1.2.
func TestLexiconVectors(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"gini", "1/4"},
		{"jain", "5/6"},
		{"theil t", "0.10644014"},
		{"theil l", "0.12177727"},
		{"atkinson 1/2", "0.05558586"},
		{"atkinson 1", "0.11465446"},
	} {
		low, high, err := vector(c.name, whole(1, 2, 3, 4))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(c.want, ".") {
			if low.String() != c.want || high.String() != c.want {
				t.Errorf("%s: %s to %s, want %s", c.name, low, high, c.want)
			}
			continue
		}
		if a, b := low.Big().FloatString(8), high.Big().FloatString(8); a != c.want || b != c.want {
			t.Errorf("%s: %s to %s, want %s", c.name, a, b, c.want)
		}
		parts := exact.Int(1_000_000_000_000)
		if high.Cmp(low) < 0 || high.Sub(low).Mul(parts).Cmp(low) > 0 {
			t.Errorf("%s: width %s of %s, want at most a part in 10^12", c.name, high.Sub(low), low)
		}
	}
	if g, err := fairness.Gini(whole(7, 7, 7)); err != nil || g.Sign() != 0 {
		t.Errorf("gini of equal quantities: %s, %v, want 0", g, err)
	}
}

func TestLeximinVectors(t *testing.T) {
	if c, err := fairness.CompareLeximin(whole(2, 2, 5), whole(1, 9, 9)); err != nil || c != 1 {
		t.Errorf("(2,2,5) against (1,9,9): %d, %v, want 1", c, err)
	}
	// On the frontier u2 = 1 - u1^2 in steps of 1e-6, leximin and maximin choose the
	// same point.
	const steps = 1_000_000
	best := whole(0, 1)
	for k := int64(600_000); k < 640_000; k++ {
		u1, _ := exact.Ratio(k, steps)
		u2, _ := exact.Ratio(steps*steps-k*k, steps*steps)
		if c, err := fairness.CompareLeximin([]exact.Rat{u1, u2}, best); err != nil {
			t.Fatal(err)
		} else if c > 0 {
			best = []exact.Rat{u1, u2}
		}
	}
	for _, u := range best {
		if math.Abs(about(u)-0.618034) > 2e-6 {
			t.Errorf("the frontier's best point is %s, want 0.618034", u)
		}
	}
	if least, err := fairness.Least(best); err != nil || math.Abs(about(least)-0.618034) > 2e-6 {
		t.Errorf("least %s, %v", least, err)
	}
}

func about(x exact.Rat) float64 {
	f, _ := x.Big().Float64()
	return f
}

func TestProportionalVector(t *testing.T) {
	if err := fairness.Proportional(whole(2, 2, 4), whole(1, 1, 2)); err != nil {
		t.Error(err)
	}
	if err := fairness.Proportional(whole(2, 3, 3), whole(1, 1, 2)); !errors.Is(err, fairness.ErrUnfair) {
		t.Errorf("got %v, want ErrUnfair", err)
	}
}

func TestEnvyVectors(t *testing.T) {
	items := fairness.Division{Weights: whole(1, 1), Worth: [][]exact.Rat{whole(6, 5, 1), whole(6, 5, 1)}, Owner: []int{0, 1, 1}}
	if err := errors.Join(items.EnvyFree(), items.EnvyFreeButOne(), items.Proportional()); err != nil {
		t.Error(err)
	}
	items.Owner = []int{0, 0, 1}
	if err := items.EnvyFreeButOne(); !errors.Is(err, fairness.ErrUnfair) {
		t.Errorf("{6,5} against {1}: %v, want ErrUnfair", err)
	}
	items.Owner = []int{0, 1, 0} // 7 against 5: envy, gone with the 6.
	if err := items.EnvyFree(); !errors.Is(err, fairness.ErrUnfair) {
		t.Errorf("7 against 5: %v, want ErrUnfair", err)
	}
	if err := items.EnvyFreeButOne(); err != nil {
		t.Error(err)
	}
	if err := items.Proportional(); !errors.Is(err, fairness.ErrUnfair) {
		t.Errorf("5 of 12: %v, want ErrUnfair", err)
	}
	items.Weights, items.Owner = whole(2, 1), []int{0, 0, 1} // 11/2 against 1, but 1/1 for 11/2.
	if err := items.EnvyFree(); !errors.Is(err, fairness.ErrUnfair) {
		t.Errorf("weights 2 and 1: %v, want ErrUnfair", err)
	}
}

// TestParity compares with Newcombe's published example (method 10 of his table II):
// 56/70 against 48/80 has the interval 0.0524 to 0.3339.
func TestParity(t *testing.T) {
	confidence := rat(t, "0.95")
	d, err := fairness.DemographicParity([]fairness.Count{{"a", 56, 70}, {"b", 48, 80}}, confidence)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Low.Big().FloatString(4) + " " + d.Point.String() + " " + d.High.Big().FloatString(4); got != "0.0524 1/5 0.3339" {
		t.Errorf("got %s, want 0.0524 1/5 0.3339", got)
	}
	if z := d.Normal.Big().FloatString(6); z != "1.959964" {
		t.Errorf("quantile %s, want 1.959964", z)
	}
	d, err = fairness.EqualOpportunity([]fairness.Count{{"x", 30, 100}, {"y", 45, 100}, {"z", 40, 100}}, confidence)
	if err != nil {
		t.Fatal(err)
	}
	if d.Point.String() != "3/20" || d.Most != "y" || d.Fewest != "x" || d.Comparisons != 3 {
		t.Errorf("got %+v, want 3/20 between y and x over 3 pairs", d)
	}
	if z := d.Normal.Big().FloatString(5); z != "2.39398" { // 1 - 0.05/6.
		t.Errorf("quantile %s, want 2.39398", z)
	}
}

func TestRefusals(t *testing.T) {
	none := whole(0, 0)
	for name, err := range map[string]error{
		"empty":      second(fairness.Gini(nil)),
		"all zero":   second(fairness.Gini(none)),
		"negative":   second(fairness.Jain(whole(1, -1))),
		"no weight":  second(fairness.WeightedGini(whole(1, 2), whole(1, 0))),
		"lengths":    second(fairness.CompareLeximin(whole(1), whole(1, 2))),
		"theil l":    second(fairness.TheilL(whole(0, 1))),
		"aversion":   second(fairness.Atkinson(exact.Int(0), whole(1, 2))),
		"one group":  second(fairness.DemographicParity([]fairness.Count{{"a", 1, 2}}, exact.Int(0))),
		"too many":   second(fairness.DemographicParity([]fairness.Count{{"a", 3, 2}, {"b", 1, 2}}, rat(t, "0.9"))),
		"confidence": second(fairness.DemographicParity([]fairness.Count{{"a", 1, 2}, {"b", 1, 2}}, exact.Int(1))),
		"owner":      fairness.Division{Weights: whole(1), Worth: [][]exact.Rat{whole(1)}, Owner: []int{1}}.EnvyFree(),
	} {
		if !errors.Is(err, fairness.ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		}
	}
	if a, err := fairness.Atkinson(exact.Int(2), whole(0, 1)); err != nil || a.Low.Cmp(exact.Int(1)) != 0 {
		t.Errorf("atkinson of a 0 at aversion 2: %v, %v, want 1", a, err)
	}
}

func second[T any](_ T, err error) error { return err }

func drawQuantities(t *rapid.T) []exact.Rat {
	x := rapid.SliceOfN(rapid.Int64Range(1, 1_000_000), 2, 12).Draw(t, "x")
	return whole(x...)
}

var names = []string{"gini", "jain", "theil t", "theil l", "atkinson 1/2", "atkinson 1"}

// meets tells whether two enclosures of one number overlap; exact ones must be equal.
func meets(aLow, aHigh, bLow, bHigh exact.Rat) bool {
	return aLow.Cmp(bHigh) <= 0 && bLow.Cmp(aHigh) <= 0
}

// TestInvariance: scale, replication, anonymity, and weights that stand for copies.
func TestInvariance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawQuantities(t)
		factor := exact.Int(rapid.Int64Range(1, 1000).Draw(t, "factor"))
		scaled := make([]exact.Rat, len(x))
		for i, v := range x {
			scaled[i] = v.Mul(factor)
		}
		shuffled := rapid.Permutation(x).Draw(t, "shuffled")
		for _, name := range names {
			low, high, err := vector(name, x)
			if err != nil {
				t.Fatal(err)
			}
			for what, other := range map[string][]exact.Rat{"scaled": scaled, "twice": slices.Concat(x, x), "shuffled": shuffled} {
				if l, h, err := vector(name, other); err != nil || !meets(low, high, l, h) {
					t.Fatalf("%s %s: %s to %s, %v, before %s to %s", name, what, l, h, err, low, high)
				}
			}
		}
		copies := rapid.IntRange(1, 4).Draw(t, "copies")
		weights := whole(slices.Repeat([]int64{1}, len(x))...)
		weights[0] = exact.Int(int64(copies))
		plain := slices.Concat(slices.Repeat(x[:1], copies), x[1:])
		g, err := fairness.Gini(plain)
		w, werr := fairness.WeightedGini(x, weights)
		if err != nil || werr != nil || g.Cmp(w) != 0 {
			t.Fatalf("gini of copies %s, weighted %s: %v %v", g, w, err, werr)
		}
		j, err := fairness.Jain(plain)
		w, werr = fairness.WeightedJain(x, weights)
		if err != nil || werr != nil || j.Cmp(w) != 0 {
			t.Fatalf("jain of copies %s, weighted %s: %v %v", j, w, err, werr)
		}
		a, err := fairness.TheilT(plain)
		b, werr := fairness.WeightedTheilT(x, weights)
		if err != nil || werr != nil || !meets(a.Low, a.High, b.Low, b.High) {
			t.Fatalf("theil t of copies %v, weighted %v: %v %v", a, b, err, werr)
		}
	})
}

// TestTransfer: taking from the larger and giving the smaller, without changing places,
// lowers every index of inequality (Pigou and Dalton), and all stay within their range.
func TestTransfer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawQuantities(t)
		slices.SortFunc(x, exact.Rat.Cmp)
		n := len(x)
		x[n-1] = x[n-1].Add(exact.Int(1)) // So that there is something to take.
		room := x[n-1].Sub(x[0])
		share, _ := exact.Ratio(rapid.Int64Range(1, 50).Draw(t, "percent"), 100)
		gift := room.Mul(share)
		y := slices.Clone(x)
		y[0], y[n-1] = y[0].Add(gift), y[n-1].Sub(gift)
		for _, name := range names {
			lowX, highX, err := vector(name, x)
			lowY, highY, yerr := vector(name, y)
			if err != nil || yerr != nil {
				t.Fatal(err, yerr)
			}
			fell := highY.Cmp(lowX) < 0
			if name == "jain" {
				fell = lowY.Cmp(highX) > 0
			}
			if !fell {
				t.Fatalf("%s: %s to %s after a transfer, before %s to %s", name, lowY, highY, lowX, highX)
			}
			top := exact.Int(1)
			bottom := exact.Int(0)
			switch name {
			case "gini":
				top, _ = exact.Ratio(int64(n-1), int64(n))
			case "jain":
				bottom, _ = exact.Ratio(1, int64(n))
			case "theil t", "theil l":
				top = exact.Int(14) // ln of the largest ratio drawn, 10^6.
			}
			if lowX.Cmp(bottom) < 0 || highX.Cmp(top) > 0 {
				t.Fatalf("%s: %s to %s, outside %s to %s", name, lowX, highX, bottom, top)
			}
		}
	})
}

// TestIntervalsHoldTheFloats compares with plain floating point, a slow twin of nothing
// but good to 1e-9.
func TestIntervalsHoldTheFloats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawQuantities(t)
		e, _ := exact.Ratio(rapid.Int64Range(1, 40).Draw(t, "e"), 10)
		i, err := fairness.Atkinson(e, x)
		if err != nil {
			t.Fatal(err)
		}
		aversion, mean, level := about(e), 0.0, 0.0
		for _, v := range x {
			mean += about(v) / float64(len(x))
		}
		for _, v := range x {
			r := about(v) / mean
			if aversion == 1 {
				level += math.Log(r) / float64(len(x))
			} else {
				level += math.Pow(r, 1-aversion) / float64(len(x))
			}
		}
		if aversion == 1 {
			level = math.Exp(level)
		} else {
			level = math.Pow(level, 1/(1-aversion))
		}
		if want := 1 - level; math.Abs(about(i.Low)-want) > 1e-9 || i.Low.Cmp(i.High) > 0 {
			t.Fatalf("atkinson(%s): %g to %g, want %g", e, about(i.Low), about(i.High), want)
		}
	})
}

func TestNearlyEqualQuantitiesStayNarrow(t *testing.T) {
	x := []exact.Rat{rat(t, "1"), rat(t, "1.000000000000000000000000000001")}
	for _, name := range names[2:] {
		low, high, err := vector(name, x)
		if err != nil || low.Sign() <= 0 || high.Sub(low).Mul(exact.Int(1_000_000_000_000)).Cmp(low) > 0 {
			t.Errorf("%s: %s to %s, %v; want a narrow interval above 0", name, low, high, err)
		}
	}
}
