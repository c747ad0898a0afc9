package trees_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/trees"
)

// stopping is a recipe that learns by heart and stops in time.
func stopping(features learn.Features, folds int) *trees.Config {
	cfg := recipe(features, 1, folds)
	cfg.Rounds, cfg.Depth, cfg.RatePermille, cfg.MinRows, cfg.Lambda = 60, 6, 400, 1, 0
	cfg.ValidPermille, cfg.Patience = 200, 5
	return cfg
}

// aside tells whether the public coin sets a row aside.
func aside(cfg *trees.Config, key uint64) bool {
	sampler := chance.NewSampler(chance.Derive(cfg.Seed, "validation", cfg.Name))
	return float64(sampler.Uint64(key)) < float64(cfg.ValidPermille)/1000*(1<<64)
}

// TestValidationStopsAtItsBest recomputes every judgement from the rows that were set
// aside and wants the model to end where they lose least.
func TestValidationStopsAtItsBest(t *testing.T) {
	for _, folds := range []int{1, 3} {
		w := newWorld(70, 800, 5, 1, folds)
		cfg := stopping(w.features(t, 24), folds)
		log := &recorder{}
		m := pooled(t, w, cfg, log)
		var means []float64
		for _, e := range log.entries {
			if !strings.HasSuffix(e.step.Name, "/level/0") && !strings.HasSuffix(e.step.Name, "/end") {
				continue
			}
			rows, lost := e.sum[len(e.sum)-2], e.sum[len(e.sum)-1]
			means = append(means, float64(lost)/float64(rows))
			if round := len(means) - 1; round <= len(m.Trees) {
				wantRows, wantLost := judge(w, m, round)
				if rows != wantRows || lost != wantLost {
					t.Fatalf("%d folds: after %d rounds %d rows lose %d, want %d and %d", folds, round, rows, lost, wantRows, wantLost)
				}
			}
		}
		best := 0
		for round, mean := range means {
			if mean < means[best] {
				best = round
			}
		}
		if len(m.Trees) != best || len(m.Attempts) != best || len(means) != best+cfg.Patience+1 {
			t.Errorf("%d folds: %d rounds kept of %d judged; the best is %d", folds, len(m.Trees), len(means), best)
		}
		if best == 0 || best > cfg.Rounds/2 {
			t.Errorf("%d folds: stopped after %d rounds", folds, best)
		}
	}
}

// judge adds up the losses of the rows that were set aside after some rounds.
func judge(w *world, m *trees.Model, rounds int) (rows, lost int64) {
	cfg := &m.Config
	short := *m
	short.Trees = m.Trees[:rounds]
	for i, y := range w.target {
		if !aside(cfg, w.key[i]) {
			continue
		}
		for fold := range cfg.Folds {
			if cfg.Folds == 1 || int(w.fold[i]) != fold {
				rows++
				lost += cfg.Loss.Value(y, short.Predict(w.row(cfg.Features, i), fold))
			}
		}
	}
	return rows, lost
}

// TestRowsAsideTeachNothing turns the targets of the rows that were set aside around: the
// trees must not notice, however many there are of them.
func TestRowsAsideTeachNothing(t *testing.T) {
	w := newWorld(71, 500, 5, 1, 1)
	cfg := stopping(w.features(t, 24), 1)
	before := pooled(t, w, cfg, learn.Pooled{})
	for i, y := range w.target {
		if aside(cfg, w.key[i]) {
			w.target[i] = -y + fixed.One
		}
	}
	after := pooled(t, w, cfg, learn.Pooled{})
	if before.Trace == after.Trace {
		t.Fatal("no row was set aside")
	}
	n := min(len(before.Trees), len(after.Trees))
	if diff := cmp.Diff(before.Trees[:n], after.Trees[:n]); diff != "" || before.Start[0] != after.Start[0] {
		t.Fatal(diff)
	}
}

// TestNothingAsideNeverStops has so few rows that none is set aside.
func TestNothingAsideNeverStops(t *testing.T) {
	w := newWorld(72, 40, 5, 1, 1)
	cfg := stopping(w.features(t, 8), 1)
	cfg.Rounds, cfg.ValidPermille, cfg.Patience = 12, 1, 1
	for _, key := range w.key {
		if aside(cfg, key) {
			t.Fatal("a row is set aside; take another seed")
		}
	}
	if m := pooled(t, w, cfg, learn.Pooled{}); len(m.Trees) != 12 {
		t.Fatalf("%d rounds without anybody to judge them, want 12", len(m.Trees))
	}
}

// TestHostileJudgements answers with losses that no rows have.
func TestHostileJudgements(t *testing.T) {
	w := newWorld(73, 200, 5, 1, 1)
	cfg := stopping(w.features(t, 8), 1)
	for _, sum := range [][2]int64{{-1, 0}, {1, 1<<32 + 1}, {1, -1<<32 - 1}, {0, 1}, {1 << 31, 0}} {
		s := &judgement{sum}
		if _, err := trees.Train(t.Context(), w.data(cfg, w.all()), cfg, s); !isErrSum(err) {
			t.Errorf("%v: %v", sum, err)
		}
	}
}

// TestLostRoundForgetsItsJudgement loses the round that would have judged the best model,
// before and after it did: that must not matter.
func TestLostRoundForgetsItsJudgement(t *testing.T) {
	unlike := 0
	for seed := range byte(20) {
		w := newWorld(74+seed, 300, 5, 1, 1)
		cfg := stopping(w.features(t, 16), 1)
		best := len(pooled(t, w, cfg, learn.Pooled{}).Trees)
		cfg.Rounds = best + 1 // So that hardly anything comes after it.
		var models []*trees.Model
		for level := range 2 {
			name := fmt.Sprintf("point/round/%d/attempt/0/level/%d", best, 3*level)
			models = append(models, pooled(t, w, cfg, &recorder{lose: map[string]*learn.Restart{name: {Attempt: 1}}}))
		}
		if models[0].Digest() != models[1].Digest() {
			t.Fatalf("%d and %d rounds kept, of which %d had lost least; chains %v and %v",
				len(models[0].Trees), len(models[1].Trees), best, models[0].Trace, models[1].Trace)
		}
		if len(models[0].Trees) != best {
			unlike++
		}
	}
	if unlike == 0 {
		t.Fatal("the best model was kept without its judgement: take other worlds")
	}
}
