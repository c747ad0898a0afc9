package forecast

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCarryRepeatsHistory holds the definition on a series that alternates: over an odd
// number of weeks it changes by one step up or down, over an even number not at all.
func TestCarryRepeatsHistory(t *testing.T) {
	var rows []Observation
	day, err := parseDay(midnight)
	if err != nil {
		t.Fatal(err)
	}
	own := weekOf(day)
	for w := own - 100; w < own; w++ {
		o := Observation{AsOf: friday(w), Target: flu, Place: place(0), Date: w.String(), Value: 10_000}
		if (own-w)%2 == 0 {
			o.Value = 20_000
		}
		rows = append(rows, o)
	}
	series, err := Carry(input(archive(t, rows)))
	if err != nil || len(series) != 1 || len(series[0].Horizons) != horizons {
		t.Fatalf("%+v, %v; want one series of four horizons", series, err)
	}
	// The last week is 10; the change over one week was +log(21/11) or its opposite.
	for _, h := range series[0].Horizons {
		low, high := int64(h.Quantiles[0]), int64(h.Quantiles[len(h.Quantiles)-1])
		if h.Weeks%2 == 0 && (abs(low-10_000) > 2 || abs(high-10_000) > 2) {
			t.Errorf("%d weeks: %d to %d, want 10 for certain", h.Weeks, low, high)
		}
		if h.Weeks%2 == 1 && (abs(low-4_762) > 5 || abs(high-20_000) > 5) {
			t.Errorf("%d weeks: %d to %d, want 11²/21-1 to 20", h.Weeks, low, high)
		}
	}
}

func abs(v int64) int64 { return max(v, -v) }

// TestCarryKeepsToItsBounds checks order, size and sight on random archives.
func TestCarryKeepsToItsBounds(t *testing.T) {
	rows := makeWorld(t, 3, 120)
	want, err := Carry(input(archive(t, rows)))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		changed := slices.Clone(rows)
		for i := range changed {
			if o := &changed[i]; o.AsOf > midnight && !o.Withdrawn {
				o.Value = rapid.Int64Range(0, MaxValue).Draw(t, "later")
			}
		}
		a, err := NewArchive(changed)
		if err != nil {
			t.Fatal(err)
		}
		series, err := Carry(input(a))
		if err != nil || len(series) != 6 {
			t.Fatalf("%d series, %v", len(series), err)
		}
		for i, s := range series {
			for k, h := range s.Horizons {
				if !slices.IsSorted(h.Quantiles) || h.Quantiles[0] < 0 || !slices.Equal(h.Quantiles, want[i].Horizons[k].Quantiles) {
					t.Fatalf("%s at %s: %v", s.Target, s.Place, h.Quantiles)
				}
			}
		}
	})
}

func TestCarryRefuses(t *testing.T) {
	in := input(archive(t, makeWorld(t, 1, 60)))
	in.Origin = "2024-02-08"
	if _, err := Carry(in); !errors.Is(err, ErrDate) {
		t.Errorf("a Thursday: %v", err)
	}
	in = input(nil)
	if s, err := Carry(in); err != nil || len(s) != 0 {
		t.Errorf("no rows: %v, %v", s, err)
	}
	few := input(archive(t, makeWorld(t, 1, carryLeast)))
	if s, err := Carry(few); err != nil || len(s) != 0 {
		t.Errorf("a history of %d weeks: %v, %v", carryLeast, s, err)
	}
}
