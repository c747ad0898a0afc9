package neutrality_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/chance"
	"comity/modeler/interval"
	"comity/modeler/neutrality"
)

func uniform(coin *chance.Stream) float64 { return (float64(coin.Uint64()>>11) + .5) / (1 << 53) }

func usual() neutrality.Config {
	return neutrality.Config{Confidence: .95, Level: .9, MinimumCell: 10}
}

// cases draws yes-no predictions for groups. Truth is off from what is predicted by the
// group's bias, and covered as often as stated.
func cases(coin *chance.Stream, rows, bias map[string]float64) (all []neutrality.Case) {
	for _, group := range []string{"a", "b", "c", "d"} {
		for range int(rows[group]) {
			p := .2 + .4*uniform(coin)
			k := neutrality.Case{Group: group, Predicted: p, Covered: uniform(coin) < .9}
			if uniform(coin) < p+bias[group] {
				k.Truth = 1
			}
			k.Loss, k.Baseline = (k.Truth-p)*(k.Truth-p), (k.Truth-.4)*(k.Truth-.4)
			all = append(all, k)
		}
	}
	return all
}

func measure(t *testing.T, a neutrality.Audit, name neutrality.Name) map[string]neutrality.Finding {
	t.Helper()
	found := map[string]neutrality.Finding{}
	for _, m := range a.Measures {
		if m.Name == name {
			for _, f := range m.Groups {
				found[f.Group] = f
			}
		}
	}
	return found
}

// TestWrongedGroupsAreFound tilts the predictions for one of four groups.
func TestWrongedGroupsAreFound(t *testing.T) {
	rows := map[string]float64{"a": 900, "b": 700, "c": 60, "d": 30}
	known := &interval.Interval{Low: 0, High: 1}
	even, err := neutrality.Groups(cases(chance.NewStream(chance.Seed{1}), rows, nil), known, usual())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range even.Measures {
		for _, f := range m.Groups {
			if f.Apart {
				t.Errorf("even-handed, and yet %s of %s stands apart: %+v", m.Name, f.Group, f)
			}
		}
	}
	tilted, err := neutrality.Groups(cases(chance.NewStream(chance.Seed{1}), rows, map[string]float64{"b": .2}), known, usual())
	if err != nil {
		t.Fatal(err)
	}
	bias := measure(t, tilted, neutrality.Bias)
	if !bias["b"].Apart || bias["b"].Low <= 0 || bias["a"].Apart || bias["c"].Apart || bias["d"].Apart {
		t.Errorf("%+v", bias)
	}
	if c := measure(t, tilted, neutrality.Coverage)["a"]; c.Method != interval.Exact || !c.Holds(.9) {
		t.Errorf("%+v", c)
	}
	if d := bias["d"]; d.Method != interval.Hoeffding || d.N != 30 {
		t.Errorf("%+v", d)
	}
}

// TestEvenHandedIsRarelyAccused repeats the audit of an even-handed model: any finding at
// all may appear in 5 % of worlds.
func TestEvenHandedIsRarelyAccused(t *testing.T) {
	coin, accused := chance.NewStream(chance.Seed{4}), 0
	const worlds = 40
	for range worlds {
		a, err := neutrality.Groups(cases(coin, map[string]float64{"a": 120, "b": 80, "c": 60, "d": 55}, nil), nil, usual())
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(a.Measures, func(m neutrality.Measure) bool {
			return m.Expected != nil && slices.ContainsFunc(m.Groups, func(f neutrality.Finding) bool { return f.Apart })
		}) {
			accused++
		}
	}
	t.Logf("accused in %d of %d worlds", accused, worlds)
	if accused > worlds*10/100 {
		t.Errorf("accused in %d of %d worlds", accused, worlds)
	}
}

// TestSmallGroupsAreHidden holds that nothing is shown of a group below the minimum cell,
// and that it does not follow from what is shown.
func TestSmallGroupsAreHidden(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []neutrality.Case
		count := map[string]int{}
		for g := range rapid.IntRange(1, 6).Draw(t, "groups") {
			name := fmt.Sprint("g", g)
			count[name] = rapid.IntRange(1, 25).Draw(t, "rows")
			all = append(all, slices.Repeat([]neutrality.Case{{Group: name}}, count[name])...)
		}
		a, err := neutrality.Groups(all, &interval.Interval{Low: 0, High: 1}, usual())
		if errors.Is(err, neutrality.ErrInput) {
			if len(all) >= 10 {
				t.Fatalf("%d rows are too few: %v", len(all), err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, f := range a.Measures[0].Groups {
			if f.N < 10 {
				t.Fatalf("%s is shown with %d rows", f.Group, f.N)
			}
			if f.Group != neutrality.Others && f.N != count[f.Group] {
				t.Fatalf("%s has %d rows, is shown with %d", f.Group, count[f.Group], f.N)
			}
			shown += f.N
		}
		if left := len(all) - shown; (left > 0) != a.Withheld.LeftOut {
			t.Fatalf("%d rows of %d left out: %+v", left, len(all), a.Withheld)
		}
	})
}

func TestAuditsRefused(t *testing.T) {
	good := []neutrality.Case{{Group: "a"}}
	bad := []neutrality.Case{{Group: "a", Loss: math.NaN()}}
	for name, err := range map[string]error{
		"none":       second(neutrality.Groups(nil, nil, usual())),
		"NaN":        second(neutrality.Groups(bad, nil, usual())),
		"confidence": second(neutrality.Groups(good, nil, neutrality.Config{Level: .9})),
		"level":      second(neutrality.Groups(good, nil, neutrality.Config{Confidence: .9})),
		"cell":       second(neutrality.Groups(good, nil, neutrality.Config{Confidence: .9, Level: .9, MinimumCell: -1})),
		"too small":  second(neutrality.Groups(good, nil, usual())),
		"folds":      second(neutrality.Try([]string{"a"}, nil, nil)),
		"no row":     second(neutrality.Try(nil, nil, nil)),
		"one party":  second(neutrality.Rename([]string{"a"}, nil)),
	} {
		if !errors.Is(err, neutrality.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
