package trees_test

import (
	"context"
	"testing"

	"comity/modeler/learn"
	"comity/modeler/learn/trees"
)

// counter counts what a training sends.
type counter struct{ sums, values, bytes int }

func (c *counter) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	c.sums++
	c.values += len(x)
	c.bytes += len(x) * step.Bits / 8
	return x, nil
}

// BenchmarkTrain is the quick forecast's size: 30,000 rows, 28 features, 32 bins, 5
// tasks and 3 folds, 24 rounds of depth 4.
func BenchmarkTrain(b *testing.B) {
	w := newWorld(1, 30_000, 28, 5, 3)
	cfg := recipe(w.features(b, 32), 5, 3)
	cfg.Rounds, cfg.Depth, cfg.MinRows = 24, 4, 20
	train(b, w, cfg)
}

// BenchmarkTrainFull is the full recipe of learning.md: 150,000 rows (30,000 of each of
// 5 tasks), 5 folds, 40 rounds of depth 5.
func BenchmarkTrainFull(b *testing.B) {
	w := newWorld(1, 150_000, 31, 5, 5)
	cfg := recipe(w.features(b, 32), 5, 5)
	cfg.Rounds, cfg.Depth, cfg.MinRows = 40, 5, 20
	train(b, w, cfg)
}

func train(b *testing.B, w *world, cfg *trees.Config) {
	b.Helper()
	data := w.data(cfg, w.all())
	b.ReportAllocs()
	for b.Loop() {
		c := &counter{}
		m, err := trees.Train(b.Context(), data, cfg, c)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(c.sums), "sums")
		b.ReportMetric(float64(c.values), "values")
		b.ReportMetric(float64(c.bytes), "sent_bytes")
		b.ReportMetric(float64(len(m.Encode())), "model_bytes")
	}
}

// BenchmarkReplay is the same training by somebody without rows.
func BenchmarkReplay(b *testing.B) {
	w := newWorld(1, 30_000, 28, 5, 3)
	cfg := recipe(w.features(b, 32), 5, 3)
	cfg.Rounds, cfg.Depth, cfg.MinRows = 24, 4, 20
	log := &recorder{}
	want, err := trees.Train(b.Context(), w.data(cfg, w.all()), cfg, log)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		got, err := trees.Train(b.Context(), nil, cfg, &replayer{entries: log.entries})
		if err != nil || got.Digest() != want.Digest() {
			b.Fatal("replay differs", err)
		}
	}
}
