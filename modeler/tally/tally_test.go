package tally_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/modeler/tally"
)

var targets = []string{"ARI incidence", "ILI incidence"}

func drawQuantiles(t *rapid.T) []canon.Int {
	q := make([]canon.Int, len(comity.QuantileLevels))
	for i := range q {
		q[i] = canon.Int(rapid.Int64Range(0, 2_000_000).Draw(t, "quantile"))
	}
	slices.Sort(q)
	return q
}

// The score is that of the interval form of Bracher et al., computed with floats: medians,
// widths and penalties instead of quantile scores.
func TestTheScoreIsTheWeightedIntervalScore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuantiles(t)
		truth := rapid.Int64Range(0, 2_000_000).Draw(t, "truth")
		log := func(v int64) float64 { return math.Log1p(float64(v) / 1000) }
		y, n := log(truth), len(q)
		want := math.Abs(y-log(int64(q[n/2]))) / 2
		for k := range n / 2 {
			alpha := 2 * float64(comity.QuantileLevels[k]) / 1000
			low, high := log(int64(q[k])), log(int64(q[n-1-k]))
			want += alpha / 2 * (high - low + 2/alpha*max(low-y, 0) + 2/alpha*max(y-high, 0))
		}
		want /= float64(n/2) + 0.5
		if got := tally.WIS(q, truth); math.Abs(float64(got)/1000-want) > 0.0011 {
			t.Fatalf("score of %d under %v is %d thousandths, want %.4f", truth, q, got, want)
		}
	})
}

// However forecasts are shared out over members, the sum reads the same.
func TestSumsOfMembersReadAsTheirForecasts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(1, 5).Draw(t, "members")
		total := make([]int64, tally.Length(len(targets)))
		want := make([]comity.ScoreCell, len(targets)*tally.Horizons)
		var with canon.Int
		for range members {
			entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) tally.Entry {
				return tally.Entry{
					Target: rapid.IntRange(0, 1).Draw(t, "target"), Weeks: rapid.IntRange(1, 4).Draw(t, "weeks"),
					WIS: rapid.Int64Range(0, tally.MaxWIS).Draw(t, "wis"), Reference: rapid.Int64Range(0, tally.MaxWIS).Draw(t, "reference"),
					Within90: true, Within50: rapid.Bool().Draw(t, "inside"),
				}
			}), 0, tally.MaxWeeks).Draw(t, "entries")
			for _, e := range entries {
				c := &want[e.Target*tally.Horizons+e.Weeks-1]
				c.Forecasts++
				c.WIS += canon.Int(e.WIS)
				c.Reference += canon.Int(e.Reference)
				c.Within90++
				if e.Within50 {
					c.Within50++
				}
			}
			if len(entries) > 0 {
				with++
			}
			for i, v := range tally.Vector(len(targets), entries, entries) {
				total[i] += v
			}
		}
		for i := range want {
			want[i].Target, want[i].Weeks = targets[i/tally.Horizons], i%tally.Horizons+1
		}
		served, tried, void := tally.Read(total, targets, members)
		if diff := cmp.Diff(comity.ScoreSum{Members: with, Cells: want}, served); void || diff != "" {
			t.Fatalf("void: %t\n%s", void, diff)
		}
		if diff := cmp.Diff(served, tried); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A sum that nobody can have added up to reads as nothing, and holds up nothing.
func TestNonsenseIsVoid(t *testing.T) {
	honest := tally.Vector(2, []tally.Entry{{Target: 1, Weeks: 2, WIS: 300, Reference: 400, Within90: true}}, nil)
	if _, _, void := tally.Read(honest, targets, 3); void {
		t.Fatal("an honest sum is void")
	}
	rapid.Check(t, func(t *rapid.T) {
		x := slices.Clone(honest)
		x[rapid.IntRange(0, len(x)-1).Draw(t, "lane")] = rapid.SampledFrom([]int64{-1, math.MinInt64, math.MaxInt64, 1 << 40}).Draw(t, "value")
		served, tried, void := tally.Read(x, targets, 3)
		if !void || tally.Total(served) != (comity.ScoreCell{}) || served.Members+tried.Members != 0 || len(served.Cells) != 8 {
			t.Fatalf("void: %t, %+v", void, served)
		}
	})
	if _, _, void := tally.Read(honest[1:], targets, 3); !void {
		t.Error("a sum of another length is not void")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{1, 2, 3}, 3)
	f.Fuzz(func(t *testing.T, data []byte, cohort int) {
		x := make([]int64, tally.Length(2))
		for i, b := range data[:min(len(data), len(x))] {
			x[i] = int64(int8(b)) << (b % 60)
		}
		served, tried, void := tally.Read(x, targets, cohort)
		if !void && (!tally.Plausible(served, cohort) || !tally.Plausible(tried, cohort)) {
			t.Fatal("not void and not plausible")
		}
	})
}
