package linear_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"comity/conformance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/linear"
)

// readAdult reads the parts of the a9a data whose names match: rows of yes and no in 123
// columns, most of them no. The columns of one question add up to one, so many depend on
// each other.
func readAdult(t testing.TB, pattern string) *learn.Rows {
	t.Helper()
	files := conformance.Glob(t, filepath.Join("benchmarks", "a9a*", pattern))
	r := &learn.Rows{Bins: make([][]uint8, 123), Numbers: make([][]int64, 123)}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(text); lines.Scan(); {
			addAdult(t, r, strings.Fields(lines.Text()))
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func addAdult(t testing.TB, r *learn.Rows, words []string) {
	t.Helper()
	if len(words) == 0 {
		return
	}
	for f := range r.Bins {
		r.Bins[f], r.Numbers[f] = append(r.Bins[f], 1), append(r.Numbers[f], 0)
	}
	i := r.Len()
	for _, word := range words[1:] {
		index, _, _ := strings.Cut(word, ":")
		f, err := strconv.Atoi(index)
		if err != nil || f < 1 || f > len(r.Bins) {
			t.Fatalf("row %d: %q", i, word)
		}
		r.Numbers[f-1][i] = 1
	}
	var y fixed.Q16
	if strings.TrimPrefix(words[0], "+") == "1" {
		y = fixed.One
	}
	r.Target, r.Key = append(r.Target, y), append(r.Key, uint64(i))
}

// TestConformanceAdult fits a9a, whose logistic regressions all have an area under the
// curve of about 0.90, in at most twelve sums.
func TestConformanceAdult(t *testing.T) {
	rows, test := readAdult(t, "*_p[0-9].gz"), readAdult(t, "*_test.gz")
	c := small(losses()[1], make(learn.Features, 123))
	m := train(t, rows, c, learn.Pooled{})
	scores := make([]fixed.Q16, test.Len())
	for i := range scores {
		bins, numbers := rowOf(test, i)
		scores[i] = m.Score(bins, numbers)
	}
	area := auc(scores, test.Target)
	t.Logf("%d terms, %d sums, area %.4f", len(m.Terms), m.Steps+1, area)
	if area < .895 || m.Steps > 11 {
		t.Errorf("an area of %.4f after %d sums; at least 0.895 and at most 12", area, m.Steps+1)
	}
}

// auc is the chance that a yes scores above a no.
func auc(scores, answers []fixed.Q16) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	var ranks, n float64
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && scores[order[to]] == scores[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			if answers[i] > 0 {
				ranks += float64(from+to+1) / 2
				n++
			}
		}
		from = to
	}
	return (ranks - n*(n+1)/2) / n / (float64(len(scores)) - n)
}

func BenchmarkTrain(b *testing.B) {
	rows, features := newWorld(1, 20_000, losses()[1], false)
	for b.Loop() {
		if _, err := linear.Train(b.Context(), rows, small(losses()[1], features), learn.Pooled{}); err != nil {
			b.Fatal(err)
		}
	}
}
