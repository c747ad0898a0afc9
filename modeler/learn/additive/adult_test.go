package additive_test

import (
	"bufio"
	"compress/gzip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"comity/chance"
	"comity/conformance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/loss"
)

// readAdult reads the parts of the a9a data whose names match: rows of yes and no in 123
// columns, most of them no.
func readAdult(t testing.TB, pattern string) *learn.Rows {
	t.Helper()
	r := &learn.Rows{Bins: make([][]uint8, 123)}
	for _, name := range conformance.Glob(t, filepath.Join("benchmarks", "a9a*", pattern)) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(text); lines.Scan(); {
			words := strings.Fields(lines.Text())
			for k := range r.Bins {
				r.Bins[k] = append(r.Bins[k], 1)
			}
			i := r.Len()
			for _, word := range words[1:] {
				index, _, _ := strings.Cut(word, ":")
				k, err := strconv.Atoi(index)
				if err != nil || k < 1 || k > len(r.Bins) {
					t.Fatalf("row %d: %q", i, word)
				}
				r.Bins[k-1][i] = 2
			}
			var y fixed.Q16
			if strings.TrimPrefix(words[0], "+") == "1" {
				y = fixed.One
			}
			r.Target, r.Key = append(r.Target, y), append(r.Key, uint64(i))
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// BenchmarkAdult fits a9a by the usual recipe and reports the area under the curve on the
// test rows and the number of sums. Boosted trees of scikit-learn reach 0.9034 there.
func BenchmarkAdult(b *testing.B) {
	rows, test := readAdult(b, "*_p[0-9].gz"), readAdult(b, "*_test.gz")
	features := make(learn.Features, len(rows.Bins))
	for f := range features {
		features[f].Cuts = []fixed.Q16{1}
	}
	c := additive.Usual(loss.Loss{Kind: loss.Logistic, Scale: fixed.One}, features, int64(rows.Len()))
	c.Name, c.Seed, c.TargetHi = "adult", chance.Seed{1}, fixed.One
	for b.Loop() {
		count := &record{}
		m := train(b, rows, c, count)
		scores, yes := make([]float64, test.Len()), make([]bool, test.Len())
		for i := range scores {
			scores[i], yes[i] = float64(m.Score(rowOf(test, i))), test.Target[i] > 0
		}
		b.ReportMetric(auc(scores, yes), "area")
		b.ReportMetric(float64(len(count.steps)), "sums")
	}
}
