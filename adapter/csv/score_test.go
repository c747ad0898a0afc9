package csv_test

import (
	stdcsv "encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"comity/adapter/csv"
	"comity/conformance"
	"comity/modeler/score"
)

// folder is a hub's data with the scores that its own scorer found.
type folder struct{ truth, forecasts, scores string }

// scoredFolders finds all folders of the test data that hold truth, forecasts and
// reference scores. A set of one's own may have none; the default set may not.
func scoredFolders(tb testing.TB) []folder {
	tb.Helper()
	var all []folder
	for _, s := range conformance.Find(tb, "health*/*/reference_scores*.csv*") {
		truth, err1 := filepath.Glob(filepath.Join(filepath.Dir(s), "truth_final*.csv*"))
		forecasts, err2 := filepath.Glob(filepath.Join(filepath.Dir(s), "forecasts*.csv*"))
		if err1 != nil || err2 != nil || len(truth) != 1 || len(forecasts) != 1 {
			tb.Logf("%s stands beside %d truths and %d forecasts", s, len(truth), len(forecasts))
			continue
		}
		all = append(all, folder{truth[0], forecasts[0], s})
	}
	return all
}

func (f folder) book(tb testing.TB) *score.Book {
	tb.Helper()
	open := func(name string) io.ReadCloser {
		file, err := csv.Open(name)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = file.Close() })
		return file
	}
	truth, err := csv.ReadTruth(f.truth, open(f.truth))
	if err != nil {
		tb.Fatal(err)
	}
	b := score.NewBook(truth, score.Filter{})
	if err := csv.ReadForecasts(f.forecasts, open(f.forecasts), b.Levels); err != nil {
		tb.Fatal(err)
	}
	if n := b.Settle(); n != 0 {
		tb.Logf("%d forecasts replaced", n)
	}
	return b
}

// reference is one row of reference scores by column, rounded as it was written.
type reference map[string]string

func (f folder) reference(tb testing.TB) (rows []reference, against score.Against) {
	tb.Helper()
	file, err := os.Open(f.scores)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	cells, err := stdcsv.NewReader(file).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	against.MinShare = .05 // The data's own page says so.
	for _, line := range cells[1:] {
		r := reference{}
		for i, column := range cells[0] {
			r[column] = line[i]
		}
		rows = append(rows, r)
		if r["group"] != "all" {
			continue
		}
		if r["share"] == "1.000" && r["vsBase"] == "1.000" && r["relLog"] == "1.000" && r["geoLoc"] == "1.000" {
			against.Baseline = r["model"]
		}
		if r["vsEns"] == "1.000" && strings.Contains(strings.ToLower(r["model"]), "ensemble") {
			against.Ensemble = r["model"]
		}
	}
	return rows, against
}

// TestReferenceScores finds every number that the hubs' scorer found, to its last digit.
func TestReferenceScores(t *testing.T) {
	for _, f := range scoredFolders(t) {
		want, against := f.reference(t)
		b := f.book(t)
		rows, err := b.Table(against)
		if err != nil {
			t.Fatal(err)
		}
		groups, err := b.Groups("target", against)
		if err != nil {
			t.Fatal(err)
		}
		got := map[[2]string]score.Row{}
		for _, g := range append(groups, score.Group{Name: "all", Rows: rows}) {
			for _, r := range g.Rows {
				if !r.Small {
					got[[2]string{g.Name, r.Model}] = r
				}
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d scores, want %d", f.scores, len(got), len(want))
		}
		for _, w := range want {
			checkRow(t, got[[2]string{w["group"], w["model"]}], w)
		}
	}
}

func checkRow(t *testing.T, r score.Row, want reference) {
	t.Helper()
	if r.Model != want["model"] || strconv.Itoa(r.N) != want["n"] {
		t.Errorf("%d forecasts of %q, want %s of %s", r.N, r.Model, want["n"], want["model"])
		return
	}
	for column, v := range map[string]float64{
		"share": r.Share, "WIS": r.WIS, "logWIS": r.LogWIS, "vsBase": r.VsBase, "relWIS": r.RelWIS,
		"relLog": r.RelLog, "geoLoc": r.GeoLoc, "vsEns": r.VsEns, "cov50": r.Cover50, "cov95": r.Cover95,
	} {
		w, err := strconv.ParseFloat(want[column], 64)
		if err != nil {
			t.Fatal(err)
		}
		// Half of the last digit that was written, and a millionth of the number.
		last := map[string]float64{"WIS": 5e-5 * math.Abs(w), "logWIS": 5e-6}[column]
		if last == 0 {
			last = 5e-4
		}
		if math.IsNaN(v) != math.IsNaN(w) || math.Abs(v-w) > last+1e-6*math.Abs(w) {
			t.Errorf("%s, %s: %s is %v, want %v", want["group"], r.Model, column, v, w)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	for _, f := range scoredFolders(b) {
		b.Run(filepath.Base(filepath.Dir(f.scores)), func(b *testing.B) {
			_, against := f.reference(b)
			for b.Loop() {
				if _, err := f.book(b).Table(against); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
