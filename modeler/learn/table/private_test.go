package table

import (
	"context"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/learn"
	"comity/modeler/learn/number"
)

// Every number lies in the range of its lane, but for those smaller or larger than all
// lanes, and lanes follow one another.
func TestLanes(t *testing.T) {
	for at := 1; at < lanes; at++ {
		_, end := rangeOf(at - 1)
		if start, _ := rangeOf(at); start < end {
			t.Errorf("lane %d begins at %d, the one before ends at %d", at, start, end)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.OneOf(
			rapid.Float64Range(-0x1p32, 0x1p32).Filter(func(x float64) bool { return x == 0 || math.Abs(x) >= 0x1p-16 }),
			rapid.Map(rapid.IntRange(-16, 32), func(e int) float64 { return math.Ldexp(1, e) }),
			rapid.Map(rapid.IntRange(-16, 32), func(e int) float64 { return -math.Ldexp(1, e) }),
		).Draw(t, "x")
		key := number.Key(x)
		from, to := rangeOf(laneOf(key))
		if key < from || key >= to {
			t.Fatalf("%g is in lane %d, of %g to %g", x, laneOf(key), number.Value(from), number.Value(to))
		}
	})
}

// Of sums without any noise the frame finds every size; of heavy noise it makes something
// that learners can use.
func TestSurveyPrivately(t *testing.T) {
	tab := &Table{rows: 400}
	for _, name := range []string{"x", "c", "y"} {
		col := &column{name: name}
		for i := range tab.rows {
			switch name {
			case "x":
				col.keys = append(col.keys, number.FromInt(int64(i%7-2)))
			case "c":
				col.keys = append(col.keys, CategoryKey(string(rune('a'+i%3))))
				col.kinds = append(col.kinds, word)
			default:
				col.keys = append(col.keys, number.FromInt(int64(100+i%50)))
			}
		}
		tab.columns = append(tab.columns, col)
	}
	p := &Private{
		Config: Config{Columns: []string{"x", "c"}, Target: "y", Task: Regression, Bins: 9},
		Public: Public{Kinds: map[string]Kind{"x": Number, "c": Category}}, Deviation: 1,
	}
	f, err := SurveyPrivately(t.Context(), p, tab, learn.Pooled{})
	if err != nil {
		t.Fatal(err)
	}
	// -2 and -1, 0, 1, 2 and 3, 4: sizes begin at -1, 0, 1, 2, 4.
	for _, want := range []int64{-1, 1, 2, 4} {
		if key := number.FromInt(want); want > 0 && !slices.Contains(f.Columns[0].Cuts, key) {
			t.Errorf("no cut at %d", want)
		}
	}
	if err := f.Features().Check(); err != nil {
		t.Error(err)
	}
	for i := range tab.rows {
		y, ok := f.Target.Scaled(tab.columns[2].keys[i])
		if !ok || y < f.Least || y > f.Most {
			t.Fatalf("target %d is outside %d to %d", y, f.Least, f.Most)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p.Deviation = 1 << rapid.IntRange(0, 20).Draw(t, "deviation")
		noisy := rapid.SliceOfN(rapid.Int64Range(-5*p.Deviation, 5*p.Deviation), 2*lanes, 2*lanes).Draw(t, "noise")
		f, err := SurveyPrivately(context.Background(), p, nil, given(noisy))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Features().Check(); err != nil {
			t.Fatal(err)
		}
		if err := f.Target.Loss.Check(); err != nil || f.Least >= f.Most {
			t.Fatalf("%d to %d: %v", f.Least, f.Most, err)
		}
	})
}

// given is a sum that was made elsewhere.
type given []int64

func (g given) Sum(context.Context, learn.Step, []int64) ([]int64, error) { return g, nil }
