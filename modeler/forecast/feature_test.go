package forecast

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity"
)

// plain is a series in floating point, not a number where nothing is known: the slow
// twin of a panel.
type plain []float64

func (p plain) at(i int) float64 {
	if i < 0 || i >= len(p) {
		return math.NaN()
	}
	return p[i]
}

func known64(v []float64) []float64 {
	var out []float64
	for _, x := range v {
		if !math.IsNaN(x) {
			out = append(out, x)
		}
	}
	return out
}

func meanSD(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean) / float64(len(v))
	}
	return mean, math.Sqrt(sd)
}

// describe follows docs/format/forecast.md line by line.
func (p plain) describe(i, weekOfYear int) map[int]float64 {
	f := map[int]float64{}
	var changes []float64
	for k := range 7 {
		f[featChange+k] = p.at(i-k) - p.at(i-k-1)
		changes = append(changes, f[featChange+k])
	}
	long := known64(p[max(0, i-156) : i+1])
	short := known64(p[max(0, i-12) : i+1])
	mean, sd := meanSD(long)
	top, low, high := math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, x := range long {
		top = max(top, x)
	}
	for _, x := range short {
		low, high = min(low, x), max(high, x)
	}
	x := p[i]
	f[featLevel], f[featLevelSD], f[featSD], f[featX] = x-mean, (x-mean)/(sd+.05), sd+.05, x
	f[featBelowTop], f[featAboveLow], f[featBelowHi] = top-x, x-low, high-x
	f[featSine], f[featCosine] = math.Sincos(2 * math.Pi * float64(weekOfYear) / 52.2)
	f[featTwo], f[featFour] = x-p.at(i-2), x-p.at(i-4)
	if c := known64(changes); len(c) > 0 {
		_, f[featRough] = meanSD(c)
		for _, v := range c {
			f[featMoved] += math.Abs(v) / float64(len(c))
		}
	}
	return f
}

func TestFeaturesMatchTheirDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const columns = 300
		p := &panel{columns: columns, keys: make([]seriesKey, 1), target: []int{0}, other: []int{-1}, natural: make([][]int64, 1), x: make([][]int32, 1)}
		twin := make(plain, columns)
		values := rapid.SliceOfN(rapid.Int64Range(-100_000, 2_000_000), columns, columns).Draw(t, "values")
		for i, v := range values {
			p.natural[0] = append(p.natural[0], v)
			p.x[0] = append(p.x[0], missing)
			twin[i] = math.NaN()
			if v >= 0 {
				p.x[0][i] = logOf(v)
				twin[i] = math.Log1p(float64(v) / 1000)
			}
		}
		col := rapid.IntRange(0, columns-1).Draw(t, "column")
		if p.x[0][col] == missing {
			p.x[0][col], twin[col] = logOf(5000), math.Log1p(5)
		}
		cal := newCalendar(2600, columns)
		got := p.describe(0, col, cal)
		want := twin.describe(col, (2600 + week(col)).ofYear())
		for f, w := range want {
			g := float64(got.common[f]) / one
			if got.common[f] == missing {
				g = math.NaN()
			}
			// Two roundings of a logarithm, 1/20 being 3276/65536, and a root rounded down. Over
			// a deviation of at least 1/20 the roundings, of 2^-16 each, count twenty times.
			room := 2e-4
			if f == featLevelSD {
				room = 2e-4 + 2*20*math.Ldexp(1, -16)
			}
			if math.IsNaN(g) != math.IsNaN(w) && f != featRough && f != featMoved || math.Abs(g-w) > room*max(1, math.Abs(w)) {
				t.Fatalf("feature %d at column %d is %v, want %v", f, col, g, w)
			}
		}
	})
}

func TestRegionMeans(t *testing.T) {
	t.Parallel()
	rows := makeWorld(t, 5, 140)
	r, err := parseRecipe(tiny())
	if err != nil {
		t.Fatal(err)
	}
	day, err := parseDay(midnight)
	if err != nil {
		t.Fatal(err)
	}
	h := remember(archive(t, rows), []string{cold, flu}, day, r)
	h.join(h.region.part(func(uint64) bool { return true }))
	for _, col := range []int{60, 100, h.panel.columns - 3} {
		var sum, n float64
		for s := range h.panel.keys {
			if c := h.panel.change(s, col-1, col); h.panel.target[s] == 1 && c != missing {
				sum, n = sum+min(max(float64(c)/one, -3), 3), n+1
			}
		}
		got := h.region.means(0, 1, col)[0]
		if n < regionLeast {
			if got != missing {
				t.Errorf("column %d: mean of %v series, want none", col, n)
			}
			continue
		}
		if math.Abs(float64(got)/one-sum/n) > 1e-4 {
			t.Errorf("column %d: mean change %v, want %v", col, float64(got)/one, sum/n)
		}
	}
	few := remember(archive(t, makeWorld(t, 3, 140)), []string{cold, flu}, day, r)
	few.join(few.region.part(func(uint64) bool { return true }))
	for _, s := range few.samples {
		if s.common[featRegion] != missing {
			t.Fatal("three series make a region")
		}
	}
}

func TestZQuantiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		counts := make([]int64, zCells)
		for range rapid.IntRange(1, 300).Draw(t, "residuals") {
			counts[zCell(rapid.Int64Range(-2*zSpan, 2*zSpan).Draw(t, "z"))]++
		}
		q, err := zQuantiles(counts)
		if err != nil {
			t.Fatal(err)
		}
		var total int64
		for _, n := range counts {
			total += n
		}
		for i, level := range comity.QuantileLevels {
			if i > 0 && q[i-1] > q[i] {
				t.Fatalf("quantiles fall: %v", q)
			}
			// At least level of all values lie in cells up to the quantile's own, and at most
			// level in those before it.
			cell := zCell(q[i] - 1)
			var upTo int64
			for _, n := range counts[:cell+1] {
				upTo += n
			}
			if upTo*1000 < int64(level)*total || (upTo-counts[cell])*1000 > int64(level)*total {
				t.Fatalf("quantile %d is %d: %d of %d values lie up to its cell, %d in it", level, q[i], upTo, total, counts[cell])
			}
		}
	})
	if _, err := zQuantiles(make([]int64, zCells)); err == nil {
		t.Error("quantiles of nothing")
	}
}
