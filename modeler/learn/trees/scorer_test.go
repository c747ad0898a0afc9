package trees_test

import (
	"testing"

	"comity/modeler/learn"
)

// TestScorerEqualsModel compares on rows of any bins, with splits of every kind.
func TestScorerEqualsModel(t *testing.T) {
	w := newWorld(30, 900, 6, 2, 2)
	features := w.features(t, 40)
	w.categories(features, 1, 4)
	cfg := recipe(features, 2, 2)
	cfg.Depth, cfg.MaxLeaves, cfg.Ahead, cfg.Rounds = 12, 20, 4, 10
	m := pooled(t, w, cfg, learn.Pooled{})
	s := m.Scorer()
	rows := w.data(cfg, w.all())
	scores := s.Scores(rows)
	for i := range scores {
		row := w.row(features, i)
		task := int(w.task[i])
		if want := m.PredictMean(row, task); scores[i] != want || s.PredictMean(row, task) != want {
			t.Fatalf("row %d scores %d, want %d", i, scores[i], want)
		}
	}
	row := make([]uint8, len(features))
	for i := range 2000 {
		for f := range row {
			row[f] = uint8((i*31 + f*17 + i/7) % features.Bins(f))
		}
		if got, want := s.Predict(row, 3), m.Predict(row, 3); got != want {
			t.Fatalf("bins %v score %d, want %d", row, got, want)
		}
	}
}
