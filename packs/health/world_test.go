package health

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"comity/chance"
	"comity/modeler/forecast"
	"comity/pack"
	"comity/party"
)

const firstSnapshot = "2026-11-13" // The last before firstOrigin.

func known(t testing.TB, w world, asOf string) []forecast.Observation {
	t.Helper()
	rows, err := w.Known(asOf)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestWorldIsTheSameEverywhere holds the bytes of one world: a change of any number in
// it, on any machine, is seen. Change the digest only together with "health/world@1".
func TestWorldIsTheSameEverywhere(t *testing.T) {
	h := sha256.New()
	for _, o := range known(t, newWorld(chance.Seed{1}, respiratory()), firstSnapshot) {
		fmt.Fprintf(h, "%s,%s,%s,%s,%d\n", o.AsOf, o.Target, o.Place, o.Date, o.Value)
	}
	const want = "6a5c52e50cdab1304b7a0eaca4e7167e6738b9076e52273ac7b22384c0d7665a"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Fatalf("the world of seed 1 has digest %s, want %s", got, want)
	}
}

func TestTableOfPlaces(t *testing.T) {
	all := places()
	for i, p := range all {
		if i > 0 && p.id <= all[i-1].id {
			t.Errorf("%s comes after %s", p.id, all[i-1].id)
		}
		if p.name == "" || p.population < 30 || p.latitude < -50 || p.latitude > 70 || p.travel < 1 || p.travel > 8 {
			t.Errorf("implausible: %+v", p)
		}
		if !slices.Contains([]string{"africa", "americas", "asia", "europe", "oceania"}, p.group) {
			t.Errorf("%s is in %q", p.id, p.group)
		}
		for _, note := range p.notes {
			if !slices.Contains([]string{"member", smallIsland, "late"}, note) {
				t.Errorf("%s has the note %q", p.id, note)
			}
		}
	}
}

func TestOrderOfPlacesLeavesNoTrace(t *testing.T) {
	places := respiratory()
	want := known(t, newWorld(chance.Seed{2}, places), firstSnapshot)
	slices.Reverse(places)
	if got := known(t, newWorld(chance.Seed{2}, places), firstSnapshot); !slices.Equal(got, want) {
		t.Fatal("the world depends on the order in which its places are listed")
	}
	if other := known(t, newWorld(chance.Seed{3}, places), firstSnapshot); slices.Equal(other, want) {
		t.Fatal("two seeds give the same world")
	}
}

func TestLaterDatesChangeNothingThatWasKnown(t *testing.T) {
	w := newWorld(chance.Seed{1}, respiratory())
	all := known(t, w, "2027-01-08")
	for _, asOf := range []string{"2020-01-01", "2025-09-18", "2025-09-19", "2026-03-04", firstSnapshot, "2026-11-18", "2026-12-31"} {
		want, err := pack.Recorded(all).Known(asOf)
		if err != nil {
			t.Fatal(err)
		}
		if got := known(t, w, asOf); !slices.Equal(got, want) {
			t.Errorf("what was known on %s: %d rows then, %d rows seen from later", asOf, len(got), len(want))
		}
	}
}

func TestSnapshotsAreAnArchive(t *testing.T) {
	rows := known(t, newWorld(chance.Seed{1}, respiratory()), firstSnapshot)
	if _, err := forecast.NewArchive(rows); err != nil {
		t.Fatal(err)
	}
	last := rows[len(rows)-1]
	if last.AsOf != firstSnapshot || last.Date != lastWeekEnd {
		t.Errorf("the newest row is of %s, seen on %s; want %s and %s", last.Date, last.AsOf, lastWeekEnd, firstSnapshot)
	}
	for i := 1; i < len(rows); i++ {
		if rows[i].AsOf < rows[i-1].AsOf {
			t.Fatalf("row %d is of an earlier snapshot than row %d", i, i-1)
		}
	}
}

func TestRecentWeeksAreRevisedUpwards(t *testing.T) {
	type week struct {
		target string
		place  party.ID
		date   string
	}
	seen := map[week][]int64{}
	for _, o := range known(t, newWorld(chance.Seed{1}, respiratory()), firstSnapshot) {
		k := week{o.Target, o.Place, o.Date}
		seen[k] = append(seen[k], o.Value)
	}
	lacking, weeks := 0.0, 0.0
	for k, values := range seen {
		if !slices.IsSorted(values) || len(values) > final+1 {
			t.Errorf("%v was reported as %v", k, values)
		}
		if k.date >= "2025-10-01" && k.date <= "2026-10-11" && len(values) != final+1 {
			t.Errorf("%v was reported %d times, want %d", k, len(values), final+1)
		}
		if len(values) == final+1 && values[final] > 0 {
			lacking += 1 - float64(values[0])/float64(values[final])
			weeks++
		}
	}
	if share := lacking / weeks; share < 0.02 || share > 0.06 {
		t.Errorf("first reports lack %.2f of the cases on average, want 0.02 to 0.06", share)
	}
}

// finals returns the last known values of one target by place, for the weeks of the
// history; a week without report is absent.
func finals(t testing.TB, seed chance.Seed, target string) map[party.ID][]float64 {
	t.Helper()
	w := newWorld(seed, respiratory())
	last := map[string]int64{}
	for _, o := range known(t, w, "2026-12-18") {
		last[o.Target+string(o.Place)+o.Date] = o.Value
	}
	values := map[party.ID][]float64{}
	for _, p := range w.places {
		for week := range historyWeeks {
			if v, ok := last[target+string(p.id)+w.date(week, 0)]; ok {
				values[p.id] = append(values[p.id], float64(v)/1000)
			}
		}
	}
	return values
}

func TestHistories(t *testing.T) {
	for _, target := range []string{ILI, ARI} {
		values := finals(t, chance.Seed{1}, target)
		least, most := math.Inf(1), 0.0
		for _, p := range respiratory() {
			want := historyWeeks
			if p.is("late") {
				want = lateWeeks
			}
			if got := len(values[p.id]); got != want {
				t.Errorf("%s of %s has %d weeks, want %d", target, p.id, got, want)
			}
			if low := slices.Min(values[p.id]); low <= 0 {
				t.Errorf("%s of %s falls to %g", target, p.id, low)
			}
			least, most = min(least, slices.Max(values[p.id])), max(most, slices.Max(values[p.id]))
		}
		if most/least < 50 || most > 10_000 {
			t.Errorf("%s peaks between %g and %g; want levels that differ about a hundredfold, below 10,000", target, least, most)
		}
	}
}

// TestSeasons wants most cases of the north from November to April, and few of the south.
func TestSeasons(t *testing.T) {
	for seed := range byte(5) {
		values := finals(t, chance.Seed{seed}, ILI)
		w := newWorld(chance.Seed{seed}, respiratory())
		for _, p := range w.places {
			if p.is("late") {
				continue
			}
			winter, year := 0.0, 0.0
			for week, v := range values[p.id] {
				if month := w.first.AddDate(0, 0, 7*week).Month(); month >= 11 || month <= 4 {
					winter += v
				}
				year += v
			}
			share := winter / year
			if p.latitude > 30 && share < 0.65 || p.latitude < -25 && share > 0.35 {
				t.Errorf("seed %d: %s at %d degrees has %.2f of its cases from November to April", seed, p.id, p.latitude, share)
			}
		}
	}
}

// TestPeaksAreFlatterInTheTropics compares how far typical peaks rise above the mean.
func TestPeaksAreFlatterInTheTropics(t *testing.T) {
	values := finals(t, chance.Seed{1}, ILI)
	rise := func(of func(p place) bool) (mean float64) {
		n := 0.0
		for _, p := range respiratory() {
			if v := values[p.id]; of(p) && !p.is("late") {
				sum := 0.0
				for _, x := range v {
					sum += x
				}
				mean += slices.Max(v) / (sum / float64(len(v)))
				n++
			}
		}
		return mean / n
	}
	tropics := rise(func(p place) bool { return p.latitude > -12 && p.latitude < 12 })
	temperate := rise(func(p place) bool { return p.latitude > 35 || p.latitude < -35 })
	if tropics*1.2 > temperate {
		t.Errorf("peaks rise to %.1f times the mean in the tropics and %.1f in temperate places", tropics, temperate)
	}
}

// TestNeighboursCarryInformation fits, for every place, next fortnight's growth on its
// own past, and again with the growth of the others in its region; the second must err
// clearly less. Ordinary least squares on logarithms, in sample.
func TestNeighboursCarryInformation(t *testing.T) {
	values := finals(t, chance.Seed{1}, ILI)
	alone, together := 0.0, 0.0
	for _, p := range respiratory() {
		if p.is("late") {
			continue
		}
		var own, with [][]float64
		for k := 4; k < historyWeeks-2; k++ {
			growth := func(id party.ID, from, to int) float64 { return math.Log(values[id][to] / values[id][from]) }
			others, n := 0.0, 0.0
			for _, q := range respiratory() {
				if q.group == p.group && q.id != p.id && !q.is("late") {
					others += growth(q.id, k-2, k)
					n++
				}
			}
			angle := float64(k) / 52.18 * 2 * math.Pi
			row := []float64{
				1, growth(p.id, k-1, k), growth(p.id, k-2, k-1), growth(p.id, k-3, k-2), math.Log(values[p.id][k]),
				math.Sin(angle), math.Cos(angle), growth(p.id, k, k+2),
			}
			own = append(own, row)
			with = append(with, append([]float64{others / max(n, 1)}, row...))
		}
		alone += residual(own)
		together += residual(with)
	}
	if ratio := together / alone; ratio > 0.92 {
		t.Errorf("knowing its region leaves %.3f of a place's squared error, want 0.92 or less", ratio)
	}
}

// residual is the sum of squares that a linear fit of the last column on the others leaves.
func residual(rows [][]float64) float64 {
	n := len(rows[0])
	a := make([][]float64, n)
	for i := range a {
		a[i] = make([]float64, n)
		for j := range n {
			for _, row := range rows {
				a[i][j] += row[i] * row[j]
			}
		}
	}
	for i := range n - 1 { // Eliminate the others; what is left of the last is the residual.
		for j := i + 1; j < n; j++ {
			for k := n - 1; k >= i; k-- {
				a[j][k] -= a[j][i] / (a[i][i] + 1e-9) * a[i][k]
			}
		}
	}
	return a[n-1][n-1]
}

func TestKnownRefusesWhatItCannotKnow(t *testing.T) {
	w := newWorld(chance.Seed{1}, respiratory())
	for _, asOf := range []string{"", "tomorrow", "2026-13-01", "2050-01-01", "9999-12-31"} {
		if rows, err := w.Known(asOf); !errors.Is(err, pack.ErrPeriod) {
			t.Errorf("Known(%q) = %d rows, %v; want ErrPeriod", asOf, len(rows), err)
		}
	}
	if rows := known(t, w, "1970-01-01"); len(rows) != 0 {
		t.Errorf("%d rows were known in 1970", len(rows))
	}
}

func TestCosine(t *testing.T) {
	for degrees := int64(-800); degrees <= 800; degrees++ {
		want := math.Cos(float64(degrees)*math.Pi/180) * factor
		if got := float64(cosine(degrees)); math.Abs(got-want) > 0.002*factor+1 {
			t.Fatalf("cosine(%d) = %g, want %g", degrees, got, want)
		}
	}
}

func TestBell(t *testing.T) {
	s := chance.NewStream(chance.Seed{})
	const draws = 100_000
	sum, squares := 0.0, 0.0
	for range draws {
		x := float64(bell(s)) / factor
		sum += x
		squares += x * x
	}
	if mean, sd := sum/draws, math.Sqrt(squares/draws); math.Abs(mean) > 0.02 || math.Abs(sd-1) > 0.02 {
		t.Fatalf("bell has mean %.3f and standard deviation %.3f, want 0 and 1", mean, sd)
	}
}

func BenchmarkKnown(b *testing.B) {
	w := newWorld(chance.Seed{1}, respiratory())
	for b.Loop() {
		known(b, w, firstSnapshot)
	}
}
