package explain_test

import (
	"math"
	"runtime"
	"syscall"
	"testing"

	"comity/chance"
	"comity/modeler/explain"
)

// forest draws trees that grew leaf by leaf, as those of the 10^6-row benchmark do: 28
// features with 255 bins, so that paths are of unequal length and few are alike.
func forest(trees, leaves int) *explain.Ensemble {
	const features, bins = 28, 255
	s := chance.NewStream(chance.Derive(chance.Seed{}, "forest"))
	e := &explain.Ensemble{Features: features}
	for range trees {
		t := explain.Tree{{Feature: -1, Cover: 100_000, Value: float64(s.IntN(2001)-1000) / 1000}}
		open := []int{0}
		for len(open) < leaves {
			k := s.IntN(len(open))
			at := open[k]
			share := 0.1 + 0.8*float64(s.IntN(1000))/1000
			for _, part := range []float64{share, 1 - share} {
				t = append(t, explain.Node{Feature: -1, Cover: t[at].Cover * part, Value: float64(s.IntN(2001)-1000) / 1000})
			}
			t[at] = explain.Node{
				Feature: s.IntN(features), Threshold: float64(1 + s.IntN(bins-1)), MissingLeft: s.IntN(2) == 0,
				Cover: t[at].Cover, Left: len(t) - 2, Right: len(t) - 1,
			}
			open[k] = len(t) - 2
			open = append(open, len(t)-1)
		}
		e.Trees = append(e.Trees, t)
	}
	return e
}

func binnedRows(n int, label string) [][]float64 {
	s := chance.NewStream(chance.Derive(chance.Seed{}, label))
	return matrixOf(n, 28, func(int, int) float64 { return float64(1 + s.IntN(255)) })
}

// processor returns the processor time that this process took so far, in seconds: the
// clock on the wall counts what others do on the same machine.
func processor(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkTreeSHAP is 100 trees of 31 leaves; rows/s/core is rows per second of one core.
func BenchmarkTreeSHAP(b *testing.B) {
	e := forest(100, 31)
	path, err := explain.New(e)
	if err != nil {
		b.Fatal(err)
	}
	against, err := explain.Against(e, binnedRows(100, "background"))
	if err != nil {
		b.Fatal(err)
	}
	rows := binnedRows(4096, "rows")
	for name, x := range map[string]*explain.Explainer{"path": path, "background of 100": against} {
		b.Run(name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			b.ReportAllocs()
			start := processor(b)
			for b.Loop() {
				if _, err := x.Explain(b.Context(), rows); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(rows)*b.N)/(processor(b)-start), "rows/s/core")
		})
		b.Run(name+", pairs", func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			start := processor(b)
			for b.Loop() {
				if _, err := x.Interactions(b.Context(), rows[:512]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(512*b.N)/(processor(b)-start), "rows/s/core")
		})
	}
}

// BenchmarkFind looks for counterfactuals of 20 rows in 100 trees of 31 leaves, with 28
// features of up to 254 options each.
func BenchmarkFind(b *testing.B) {
	e := forest(100, 31)
	rows := binnedRows(20, "find")
	for b.Loop() {
		proved, looked, changes := 0, 0, 0
		for _, row := range rows {
			w := &explain.Wish{Row: row, Options: make([][]explain.Option, 28), Threshold: e.Score(row) + 8, Most: 3, Work: 100_000}
			for f := range w.Options {
				for code := range 255 {
					if far := math.Abs(float64(code+1) - row[f]); far > 0 {
						w.Options[f] = append(w.Options[f], explain.Option{Code: float64(code + 1), Value: far, Cost: far / 60})
					}
				}
			}
			got, err := explain.Find(b.Context(), e, w)
			if err != nil {
				b.Log(err)
				continue
			}
			looked += got.Looked
			changes += len(got.Changes)
			if got.Proved {
				proved++
			}
		}
		b.ReportMetric(float64(proved), "proved_of_20")
		b.ReportMetric(float64(changes)/20, "changes")
		b.ReportMetric(float64(looked)/20, "looked")
	}
}
