package ensemble_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/ensemble"
)

func levels() []float64 { return []float64{.025, .25, .5, .75, .975} }

func member(name string, q ...float64) ensemble.Member {
	return ensemble.Member{Name: name, Quantiles: q, Weight: 1}
}

// TestBrokenMembers gives every fault to one member of four: the ensemble stays that of
// the others, and the fault is named.
func TestBrokenMembers(t *testing.T) {
	sound := []ensemble.Member{
		member("a", 1, 2, 3, 4, 5), member("b", 2, 3, 4, 5, 6), member("c", 3, 4, 5, 6, 7),
	}
	c := ensemble.Config{Least: 0, Most: 1e5, Far: ensemble.DefaultFar}
	for kind, q := range map[ensemble.Kind][]float64{
		ensemble.Missing:   {1, 2, 3},
		ensemble.NotFinite: {1, 2, math.NaN(), 4, 5},
		ensemble.Beyond:    {1, 2, 3, 4, 1e84},
		ensemble.FarOff:    {1, 2, 3, 4, 9e4},
	} {
		f, err := ensemble.Combine(levels(), append(sound, member("broken", q...)), c)
		if err != nil || !slices.Equal(f.Quantiles, []float64{2, 3, 4, 5, 6}) || f.Members != 3 {
			t.Errorf("%s: %+v, %v", kind, f, err)
		}
		if len(f.Faults) != 1 || f.Faults[0].Kind != kind || !strings.Contains(f.Faults[0].String(), "broken left out") {
			t.Errorf("%s: named as %v", kind, f.Faults)
		}
	}
	f, err := ensemble.Combine(levels(), append(sound, member("crossed", 3, 2, 4, 6, 5)), c)
	if err != nil || f.Members != 4 || len(f.Faults) != 1 || f.Faults[0].Kind != ensemble.Crossed || !slices.Equal(f.Quantiles, []float64{2, 3, 4, 5, 6}) {
		t.Errorf("crossed: %+v, %v", f, err)
	}
	if !strings.Contains(f.Faults[0].String(), "sorted") {
		t.Error(f.Faults[0])
	}
	if _, err := ensemble.Combine(levels(), []ensemble.Member{member("broken", 1)}, c); !errors.Is(err, ensemble.ErrNoMember) || !strings.Contains(err.Error(), "broken") {
		t.Error(err)
	}
	for name, bad := range map[string][]float64{"none": nil, "equal": {.5, .5}, "1": {1}, "NaN": {math.NaN()}} {
		if _, err := ensemble.Combine(bad, sound, c); !errors.Is(err, ensemble.ErrLevels) {
			t.Errorf("levels %s: %v", name, err)
		}
	}
	for _, w := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := ensemble.Combine(levels(), []ensemble.Member{{Name: "a", Quantiles: levels(), Weight: w}}, c); !errors.Is(err, ensemble.ErrWeight) {
			t.Errorf("weight %v: %v", w, err)
		}
	}
}

// TestFewerThanHalfCannotCarryAway is the law of a median: whatever members with less than
// half of the weight say, each quantile stays among those of the others, in order.
func TestFewerThanHalfCannotCarryAway(t *testing.T) {
	anything := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), -1e300, 1e84, 0}))
	rapid.Check(t, func(t *rapid.T) {
		var members []ensemble.Member
		honest, liars := rapid.IntRange(1, 8).Draw(t, "honest"), 0.
		least, most := slices.Repeat([]float64{math.Inf(1)}, 5), slices.Repeat([]float64{math.Inf(-1)}, 5)
		var weight float64
		for i := range honest {
			q := slices.Sorted(slices.Values(rapid.SliceOfN(rapid.Float64Range(0, 100), 5, 5).Draw(t, "honest quantiles")))
			m := ensemble.Member{Name: fmt.Sprint(i), Quantiles: q, Weight: rapid.Float64Range(.1, 3).Draw(t, "weight")}
			weight += m.Weight
			members = append(members, m)
			for l := range q {
				least[l], most[l] = min(least[l], q[l]), max(most[l], q[l])
			}
		}
		for i := range rapid.IntRange(0, 6).Draw(t, "liars") {
			w := max(0, rapid.Float64Range(0, 1).Draw(t, "share")*(weight*.99-liars)) // Rounding may pass nothing.
			liars += w
			members = append(members, ensemble.Member{Name: fmt.Sprint("liar ", i), Quantiles: rapid.SliceOfN(anything, 5, 5).Draw(t, "quantiles"), Weight: w})
		}
		members = rapid.Permutation(members).Draw(t, "order")
		c := ensemble.Unbounded()
		c.Far = rapid.SampledFrom([]float64{0, ensemble.DefaultFar}).Draw(t, "far")
		if c.Far > 0 {
			// An honest one far from a tight crowd would be left out; that is another law.
			for _, m := range members {
				if !strings.HasPrefix(m.Name, "liar") && m.Quantiles[4]-m.Quantiles[0] < 20 {
					c.Far = 0
				}
			}
		}
		f, err := ensemble.Combine(levels(), members, c)
		if err != nil {
			t.Fatal(err)
		}
		for l, v := range f.Quantiles {
			if v < least[l] || v > most[l] || l > 0 && v < f.Quantiles[l-1] {
				t.Fatalf("quantiles %v, honest ones from %v to %v", f.Quantiles, least, most)
			}
		}
	})
}

// TestEvenWeightsMakeTheMedian compares with the middle of a sorted list, and whole weights
// with members that appear as often.
func TestEvenWeightsMakeTheMedian(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-50, 50), 1, 12).Draw(t, "values")
		times := rapid.SliceOfN(rapid.IntRange(1, 4), len(x), len(x)).Draw(t, "weights")
		var members, again []ensemble.Member
		var list []float64
		for i, v := range x {
			members = append(members, ensemble.Member{Name: fmt.Sprint(i), Quantiles: []float64{v}, Weight: float64(times[i]) / 3})
			for range times[i] {
				again = append(again, member(fmt.Sprint(i), v))
				list = append(list, v)
			}
		}
		slices.Sort(list)
		n := len(list)
		want := list[(n-1)/2]/2 + list[n/2]/2
		c := ensemble.Unbounded()
		c.Far = 0
		for _, m := range [][]ensemble.Member{members, again} {
			if f, err := ensemble.Combine([]float64{.5}, m, c); err != nil || math.Abs(f.Quantiles[0]-want) > 1e-12 {
				t.Fatalf("%v, want %v: %v", f.Quantiles, want, err)
			}
		}
	})
}

func TestWeights(t *testing.T) {
	var past []ensemble.Past
	for i := range 60 {
		day := fmt.Sprintf("2025-%02d-%02d", 1+i/28, 1+i%28)
		for name, s := range map[string]float64{"good": .5, "usual": 1, "also usual": 1, "bad": 2, "broken": 1e84, "silent": math.NaN()} {
			past = append(past, ensemble.Past{Member: name, Task: day, Known: day, Score: s})
		}
	}
	const now = "2025-02-20"
	w, err := ensemble.DefaultSkill().Weights(past, now)
	if err != nil {
		t.Fatal(err)
	}
	order := slices.SortedFunc(slices.Values([]string{"bad", "broken", "good", "usual"}), func(x, y string) int { return cmp.Compare(w[y], w[x]) })
	if !slices.Equal(order, []string{"good", "usual", "bad", "broken"}) || w["broken"] != w["silent"] || w["usual"] != w["also usual"] {
		t.Errorf("%v", w)
	}
	if math.Abs(w["usual"]-1) > .3 || w["good"] <= 1 || w["bad"] >= 1 {
		t.Errorf("the usual member weighs %v, a good one %v, a bad one %v", w["usual"], w["good"], w["bad"])
	}
	// What becomes known on the day or later changes nothing.
	late := slices.Clone(past)
	for i := range late {
		if late[i].Known >= now {
			late[i].Score = float64(i)
		}
	}
	if again, err := ensemble.DefaultSkill().Weights(late, now); err != nil || fmt.Sprint(again) != fmt.Sprint(w) {
		t.Errorf("the future counts: %v, %v; %v", again, w, err)
	}
	slices.Reverse(late)
	if again, err := ensemble.DefaultSkill().Weights(late, now); err != nil || fmt.Sprint(again) != fmt.Sprint(w) {
		t.Errorf("the order counts: %v, %v; %v", again, w, err)
	}
	if even, err := (ensemble.Skill{}).Weights(past, now); err != nil || even["broken"] != 1 || even["good"] != 1 {
		t.Errorf("theta 0: %v, %v", even, err)
	}
	for _, s := range []ensemble.Skill{{Theta: -1}, {Theta: 21}, {Theta: math.NaN()}, {Prior: -1}, {Prior: math.Inf(1)}} {
		if _, err := s.Weights(past, now); !errors.Is(err, ensemble.ErrWeight) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
