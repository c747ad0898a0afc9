package forecast

import (
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"comity"
	"comity/canon"
	"comity/conformance"
	"comity/modeler/learn"
)

var (
	written = flag.String("forecasts", "", "write the benchmarked forecasts to this CSV file, for score_wis.py")
	variant = flag.String("variant", "", "change parameters of the benchmarked recipe: rounds=20,depth=4")
	refit   = flag.Int("refit", 100, "train anew at every n-th origin of a season")
)

// task is one forecast that the hub asked for.
type task struct{ origin, target, horizon, date, location string }

// hub is what the hub published: quantiles by model and task, and the truth.
type hub struct {
	ensemble, baseline map[task][]float64
	truth              map[[3]string]float64
	origins            []string
}

func readHub(tb testing.TB, folder string) *hub {
	tb.Helper()
	h := &hub{map[task][]float64{}, map[task][]float64{}, map[[3]string]float64{}, nil}
	number := func(text string) float64 {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
	for _, file := range conformance.Find(tb, folder+"/truth_final*.csv.gz") {
		readCSV(tb, file, func(get func(string) string) {
			if v := get("value"); v != "" {
				h.truth[[3]string{get("target"), get("location"), get("truth_date")}] = number(v)
			}
		})
	}
	for _, file := range conformance.Find(tb, folder+"/forecasts*.csv.gz") {
		readCSV(tb, file, func(get func(string) string) {
			into := map[string]map[task][]float64{"respicast-hubEnsemble": h.ensemble, "respicast-quantileBaseline": h.baseline}[get("model")]
			if into == nil {
				return
			}
			var q []float64
			for _, level := range comity.QuantileLevels {
				q = append(q, number(get(fmt.Sprintf("q%.3f", float64(level)/1000))))
			}
			into[task{get("origin_date"), get("target"), get("horizon"), get("target_end_date"), get("location")}] = q
		})
	}
	seen := map[string]bool{}
	for k := range h.baseline {
		seen[k.origin] = true
	}
	h.origins = slices.Sorted(maps.Keys(seen))
	return h
}

// counter is the sum over one participant and notes what it would cost.
type counter struct{ sums, bytes int }

func (c *counter) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	c.sums, c.bytes = c.sums+1, c.bytes+len(x)*step.Bits/8
	return x, nil
}

// forecastSeason forecasts at every origin, training anew at every n-th.
func forecastSeason(tb testing.TB, a *Archive, origins []string, recipe map[string]canon.Int) map[task][]float64 {
	tb.Helper()
	out := map[task][]float64{}
	var model []byte
	for i, origin := range origins {
		in := Input{
			Archive: a, Origin: origin, Targets: []string{"ARI incidence", "ILI incidence"},
			Unit: "per 100,000 per week", Recipe: recipe, Seed: [32]byte{1},
		}
		var series []comity.Series
		if i%*refit == 0 {
			count := &counter{}
			r, err := Run(tb.Context(), in, count)
			if err != nil {
				tb.Fatal(err)
			}
			model, series = r.Model, r.Series
			tb.Logf("%s: %d sums of %d bytes on average, model of %d bytes, skill %+v",
				origin, count.sums, count.bytes/count.sums, len(model), r.Skill)
		} else {
			var err error
			if series, err = Update(tb.Context(), in, model, self{}); err != nil {
				tb.Fatal(err)
			}
		}
		for _, s := range series {
			for _, h := range s.Horizons {
				q := make([]float64, len(h.Quantiles))
				for k, v := range h.Quantiles {
					q[k] = float64(v) / 1000
				}
				out[task{origin, s.Target, strconv.Itoa(h.Weeks), h.Date, string(s.Place)}] = q
			}
		}
	}
	return out
}

// weightedIntervalScore is 2/Q sum max(q (y-F), (q-1)(y-F)) (Bracher et al. 2021).
func weightedIntervalScore(q []float64, y float64) float64 {
	var s float64
	for i, level := range comity.QuantileLevels {
		d, p := y-q[i], float64(level)/1000
		s += max(p*d, (p-1)*d)
	}
	return 2 * s / float64(len(q))
}

// seasonScore is how forecasts compare over one season.
type seasonScore struct{ againstEnsemble, againstBase, cover50, cover95, share float64 }

func (h *hub) score(mine map[task][]float64, origins []string) seasonScore {
	logs := func(q []float64) []float64 {
		l := make([]float64, len(q))
		for i, v := range q {
			l[i] = math.Log1p(max(v, 0))
		}
		return l
	}
	var s seasonScore
	var own, ens, ownBase, base, n, shared float64
	for k, q := range mine {
		y, ok := h.truth[[3]string{k.target, k.location, k.date}]
		b, asked := h.baseline[k]
		if !ok || !asked {
			continue
		}
		n++
		if y >= q[6] && y <= q[16] {
			s.cover50++
		}
		if y >= q[1] && y <= q[21] {
			s.cover95++
		}
		ownBase, base = ownBase+weightedIntervalScore(q, y), base+weightedIntervalScore(b, y)
		if e, ok := h.ensemble[k]; ok {
			own, ens = own+weightedIntervalScore(logs(q), math.Log1p(y)), ens+weightedIntervalScore(logs(e), math.Log1p(y))
			shared++
		}
	}
	var asked float64
	for k := range h.ensemble {
		if !slices.Contains(origins, k.origin) {
			continue
		}
		if _, ok := h.truth[[3]string{k.target, k.location, k.date}]; ok {
			asked++
		}
	}
	s.againstEnsemble, s.againstBase, s.cover50, s.cover95, s.share = own/ens, ownBase/base, s.cover50/n, s.cover95/n, shared/asked
	return s
}

// vary applies the variant flag to a recipe.
func vary(tb testing.TB, recipe map[string]canon.Int) map[string]canon.Int {
	tb.Helper()
	for change := range strings.SplitSeq(*variant, ",") {
		name, value, ok := strings.Cut(change, "=")
		if !ok {
			continue
		}
		v, err := strconv.Atoi(value)
		if err != nil {
			tb.Fatal(err)
		}
		recipe[name] = canon.Int(v)
	}
	return recipe
}

// seasons are the periods that the hub's forecasts are split into.
func (h *hub) seasons() map[string][]string {
	split := map[string][]string{}
	for _, o := range h.origins {
		day, err := parseDay(o)
		if err != nil {
			panic(err)
		}
		y := weekOf(day).season()
		name := fmt.Sprintf("%d-%02d", y-1, y%100)
		split[name] = append(split[name], o)
	}
	return split
}

// BenchmarkSeason forecasts whole seasons of RespiCast from what was known at each origin
// and reports the log-WIS ratio to the hub's ensemble.
func BenchmarkSeason(b *testing.B) {
	h := readHub(b, "health/respicast*")
	a := archive(b, readAllVintages(b))
	for _, recipe := range []struct {
		name string
		make func() map[string]canon.Int
	}{{"quick", Quick}, {"full", Full}} {
		seasons := h.seasons()
		for _, name := range slices.Sorted(maps.Keys(seasons)) {
			b.Run(recipe.name+"/"+name, func(b *testing.B) {
				var mine map[task][]float64
				for b.Loop() {
					mine = forecastSeason(b, a, seasons[name], vary(b, recipe.make()))
				}
				score := h.score(mine, seasons[name])
				b.ReportMetric(score.againstEnsemble, "vsEns")
				b.ReportMetric(score.againstBase, "vsBase")
				b.ReportMetric(score.cover50, "cov50")
				b.ReportMetric(score.cover95, "cov95")
				b.ReportMetric(score.share, "share")
				writeForecasts(b, mine)
			})
		}
	}
}

// TestQuickBeatsTheHub holds the quick recipe to its goals on every full season of the
// test data, trained once at its first origin.
func TestQuickBeatsTheHub(t *testing.T) {
	t.Parallel()
	h := readHub(t, "health/respicast*")
	if len(h.ensemble) == 0 {
		t.Log("the folder in COMITY_DATA holds no forecasts of the hub to compare with")
		return
	}
	a := archive(t, readAllVintages(t))
	for name, origins := range h.seasons() {
		if len(origins) < 26 || len(h.truth) == 0 {
			t.Logf("season %s has %d origins, too few to judge", name, len(origins))
			continue
		}
		s := h.score(forecastSeason(t, a, origins, Quick()), origins)
		t.Logf("season %s: %+v", name, s)
		if s.againstEnsemble > .92 || s.againstBase > .9 || s.share < .9 {
			t.Errorf("season %s: log-WIS ratio to the ensemble %.3f, WIS ratio to the baseline %.3f, share %.3f; want at most .92, .9, at least .9",
				name, s.againstEnsemble, s.againstBase, s.share)
		}
		if s.cover50 < .45 || s.cover50 > .55 || s.cover95 < .92 || s.cover95 > .98 {
			t.Errorf("season %s: central intervals of 50 and 95 %% hold %.3f and %.3f of the truth", name, s.cover50, s.cover95)
		}
	}
}

// writeForecasts appends to the file of the forecasts flag, in the hub's columns.
func writeForecasts(tb testing.TB, mine map[task][]float64) {
	tb.Helper()
	if *written == "" {
		return
	}
	f, err := os.OpenFile(*written, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	if at, err := f.Seek(0, 2); err == nil && at == 0 {
		head := []string{"model", "origin_date", "target", "horizon", "target_end_date", "location"}
		for _, level := range comity.QuantileLevels {
			head = append(head, fmt.Sprintf("q%.3f", float64(level)/1000))
		}
		w.Write(head)
	}
	for k, q := range mine {
		row := []string{"comity", k.origin, k.target, k.horizon, k.date, k.location}
		for _, v := range q {
			row = append(row, strconv.FormatFloat(v, 'f', 3, 64))
		}
		w.Write(row)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		tb.Fatal(err)
	}
}
