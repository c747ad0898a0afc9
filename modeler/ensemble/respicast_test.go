package ensemble_test

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"comity/conformance"
	"comity/modeler/ensemble"
)

// submission is one team's forecast of one task.
type submission struct {
	model, origin, task, known string
	q                          []float64
	truth                      float64
}

// readRows calls row with every row of a .csv.gz file.
func readRows(tb testing.TB, file string, row func(get func(column string) string, rest []string)) {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	r := csv.NewReader(z)
	head, err := r.Read()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			tb.Fatal(err)
		}
		row(func(column string) string { return fields[slices.Index(head, column)] }, fields)
	}
}

func number(tb testing.TB, text string) float64 {
	tb.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// readHub returns a hub's forecasts with their truths, and the levels.
func readHub(tb testing.TB, folder string) (all []submission, levels []float64) {
	tb.Helper()
	truth := map[string]float64{}
	readRows(tb, conformance.Glob(tb, folder+"/truth_final*.csv.gz")[0], func(get func(string) string, _ []string) {
		if v := get("value"); v != "" {
			truth[get("target")+get("location")+get("truth_date")] = number(tb, v)
		}
	})
	const before = 6 // Columns ahead of the quantiles.
	readRows(tb, conformance.Glob(tb, folder+"/forecasts*.csv.gz")[0], func(get func(string) string, row []string) {
		y, ok := truth[get("target")+get("location")+get("target_end_date")]
		if !ok {
			return
		}
		end, err := time.Parse(time.DateOnly, get("target_end_date"))
		if err != nil {
			tb.Fatal(err)
		}
		// Snapshots are made on the Friday after a week.
		s := submission{model: row[0], origin: get("origin_date"), task: strings.Join(row[1:before], "|"), known: end.AddDate(0, 0, 7).Format(time.DateOnly), truth: y}
		for _, v := range row[before:] {
			s.q = append(s.q, number(tb, v))
		}
		all = append(all, s)
	})
	for i := range 23 {
		levels = append(levels, [...]float64{.01, .025, .05, .1, .15, .2, .25, .3, .35, .4, .45, .5, .55, .6, .65, .7, .75, .8, .85, .9, .95, .975, .99}[i])
	}
	return all, levels
}

// logWIS is the weighted interval score on the log scale.
func logWIS(levels, q []float64, y float64) (s float64) {
	log := func(v float64) float64 { return math.Log1p(math.Max(v, 0)) }
	for i, l := range levels {
		d := log(y) - log(q[i])
		s += 2 * math.Max(l*d, (l-1)*d) / float64(len(levels))
	}
	return s
}

// TestConformanceRespiCast combines the forecasts that teams sent to the hub, broken ones
// among them, and compares with the hub's own published ensemble, on the same tasks.
func TestConformanceRespiCast(t *testing.T) {
	all, levels := readHub(t, "health/respicast")
	byTask, past := map[string][]submission{}, []ensemble.Past{}
	var tasks []string
	for _, s := range all {
		if len(byTask[s.task]) == 0 {
			tasks = append(tasks, s.task)
		}
		byTask[s.task] = append(byTask[s.task], s)
		past = append(past, ensemble.Past{Member: s.model, Task: s.task, Known: s.known, Score: logWIS(levels, s.q, s.truth)})
	}
	slices.Sort(tasks) // They begin with the origin date.
	weights := map[string]map[string]float64{}
	var median, weighted, hub, n, left float64
	members, faults := 0, map[string]int{}
	for _, task := range tasks {
		var published []float64
		var of []ensemble.Member
		for _, s := range byTask[task] {
			switch {
			case strings.HasSuffix(s.model, "hubEnsemble"):
				published = s.q
			default:
				of = append(of, ensemble.Member{Name: s.model, Quantiles: s.q, Weight: 1})
			}
		}
		if published == nil || len(of) < 3 {
			left++
			continue
		}
		members += len(of)
		c := ensemble.Config{Least: 0, Most: 100_000, Far: ensemble.DefaultFar} // Of 100,000 people or consultations.
		f, err := ensemble.Combine(levels, of, c)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range f.Faults {
			faults[fmt.Sprintf("%s %s", fault.Member, fault.Kind)]++
		}
		origin := byTask[task][0].origin
		if weights[origin] == nil {
			if weights[origin], err = ensemble.DefaultSkill().Weights(past, origin); err != nil {
				t.Fatal(err)
			}
		}
		for i := range of {
			if w, ok := weights[origin][of[i].Name]; ok {
				of[i].Weight = w
			}
		}
		g, err := ensemble.Combine(levels, of, c)
		if err != nil {
			t.Fatal(err)
		}
		y := byTask[task][0].truth
		median, weighted, hub, n = median+logWIS(levels, f.Quantiles, y), weighted+logWIS(levels, g.Quantiles, y), hub+logWIS(levels, published, y), n+1
	}
	t.Logf("%v tasks (%v without three teams): log WIS %.4f median, %.4f weighted, %.4f published; ratios %.3f and %.3f", n, left, median/n, weighted/n, hub/n, median/hub, weighted/hub)
	t.Logf("of %d forecasts of teams: %v", members, faults)
	if median > 1.02*hub || weighted > 1.02*hub {
		t.Errorf("worse than the hub's own ensemble: %.4f, %.4f; %.4f", median/n, weighted/n, hub/n)
	}
}
