package learn_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// pooled trains on all rows of w.
func pooled(t testing.TB, w *world, cfg *learn.Config, s learn.Summer) *learn.Model {
	t.Helper()
	m, err := learn.Train(t.Context(), w.data(cfg.Edges, w.all()), cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFederatedEqualsPooled(t *testing.T) {
	w := newWorld(1, 1500, 8, 2, 3)
	cfg := recipe(w.edges(t, 16), 2, 3)
	want := pooled(t, w, cfg, learn.Pooled{})
	for _, members := range []int{2, 5, 20} {
		for seed := range uint64(3) {
			models, err := federate(t.Context(), w, cfg, &hub{members: members}, seed)
			if err != nil {
				t.Fatal(err)
			}
			for i, m := range models {
				if !slices.Equal(m.Encode(), want.Encode()) {
					t.Fatalf("member %d of %d (partition %d) has another model than the pool", i, members, seed)
				}
			}
		}
	}
}

// TestFederatedEqualsPooledBeyondPackedCells has so many rows that cells of the first
// level travel in three words of 32 bits.
func TestFederatedEqualsPooledBeyondPackedCells(t *testing.T) {
	w := newWorld(12, 17_000, 4, 1, 1)
	cfg := recipe(w.edges(t, 4), 1, 1)
	cfg.Rounds, cfg.RowPermille = 2, 1000
	log := &recorder{}
	want := pooled(t, w, cfg, log)
	if got := log.entries[1].step.Bits; got != 32 {
		t.Fatalf("level 0 travels in %d bits", got)
	}
	models, err := federate(t.Context(), w, cfg, &hub{members: 3}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range models {
		if m.Digest() != want.Digest() {
			t.Fatalf("member %d has another model than the pool", i)
		}
	}
	cfg.Depth = 2
	compareWithTwin(t, w, pooled(t, w, cfg, learn.Pooled{}), 0, 0)
}

// TestFederatedEdgesEqualPooled adds the histograms of a random partition.
func TestFederatedEdgesEqualPooled(t *testing.T) {
	w := newWorld(2, 800, 5, 1, 1)
	want := w.edges(t, 32)
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(1, 8).Draw(t, "members")
		sum, err := w.grids().Empty()
		if err != nil {
			t.Fatal(err)
		}
		parts := make([][][]fixed.Q16, members)
		for m := range parts {
			parts[m] = make([][]fixed.Q16, len(w.values))
		}
		for f, column := range w.values {
			for i, v := range column {
				m := (i*7 + i/members) % members
				parts[m][f] = append(parts[m][f], v)
			}
		}
		for _, m := range rapid.Permutation(parts).Draw(t, "arrival") {
			x, err := w.grids().Histogram(m)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range x {
				sum[i] += v
			}
		}
		got, err := w.grids().EdgesFrom(sum, 32)
		if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("edges %v, %v; want %v", got, err, want)
		}
	})
}

func TestReplayGivesTheSameModel(t *testing.T) {
	w := newWorld(3, 900, 6, 2, 2)
	cfg := recipe(w.edges(t, 12), 2, 2)
	log := &recorder{}
	want := pooled(t, w, cfg, log)
	got, err := learn.Train(t.Context(), nil, cfg, &replayer{log.entries})
	if err != nil || got.Digest() != want.Digest() {
		t.Fatalf("replay gives %v, %v; want %v", got.Digest(), err, want.Digest())
	}
}

func TestEveryTamperedSumShows(t *testing.T) {
	w := newWorld(3, 400, 5, 1, 2)
	cfg := recipe(w.edges(t, 8), 1, 2)
	log := &recorder{}
	want := pooled(t, w, cfg, log).Digest()
	rapid.Check(t, func(t *rapid.T) {
		entries := slices.Clone(log.entries)
		at := rapid.IntRange(0, len(entries)-1).Draw(t, "step")
		sum := slices.Clone(entries[at].sum)
		i := rapid.IntRange(0, len(sum)-1).Draw(t, "value")
		switch rapid.IntRange(0, 2).Draw(t, "tampering") {
		case 0:
			sum[i] += rapid.OneOf(rapid.Int64Range(1, 3), rapid.Just[int64](1<<14), rapid.Just[int64](-1<<38)).Draw(t, "by")
		case 1:
			sum[i] ^= 1 << rapid.IntRange(0, 63).Draw(t, "bit")
		case 2:
			sum = slices.Delete(sum, i, i+1)
		}
		entries[at].sum = sum
		m, err := learn.Train(t.Context(), nil, cfg, &replayer{entries})
		if err == nil && m.Digest() == want {
			t.Fatal("the tampered sum gives the same model")
		}
		if err != nil && !errors.Is(err, learn.ErrSum) && !errors.Is(err, errLog) {
			t.Fatal(err)
		}
	})
}

// TestRestart loses steps and wants what a pool gives that loses the same rounds, at
// whatever level.
func TestRestart(t *testing.T) {
	w := newWorld(4, 900, 6, 2, 2)
	cfg := recipe(w.edges(t, 12), 2, 2)
	lost := map[string]*learn.Restart{
		"point/round/1/attempt/0/level/2": {Attempt: 1},
		"point/round/4/attempt/1/level/0": {Attempt: 3},
		"point/round/4/attempt/3/level/1": {Attempt: 4},
	}
	log := &recorder{lose: lost}
	want := pooled(t, w, cfg, log)
	if !slices.Equal(want.Attempts, []int{0, 1, 1, 1, 4, 4}) {
		t.Fatalf("attempts %v", want.Attempts)
	}
	if whole := pooled(t, w, cfg, learn.Pooled{}); whole.Digest() == want.Digest() {
		t.Fatal("lost steps left the model as it was: the sample did not change")
	}
	models, err := federate(t.Context(), w, cfg, &hub{members: 3, lose: lost}, 9)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range models {
		if m.Digest() != want.Digest() {
			t.Fatalf("member %d has another model than the pool", i)
		}
	}
	if got, err := learn.Train(t.Context(), nil, cfg, &replayer{log.entries}); err != nil || got.Digest() != want.Digest() {
		t.Fatalf("replay: %v", err)
	}
	elsewhere := pooled(t, w, cfg, &recorder{lose: map[string]*learn.Restart{
		"point/round/1/attempt/0/level/0": {Attempt: 1},
		"point/round/4/attempt/1/level/2": {Attempt: 4},
	}})
	if elsewhere.Digest() != want.Digest() {
		t.Fatal("the level at which a step was lost changed the model")
	}
}

func TestRestartsThatAreRefused(t *testing.T) {
	w := newWorld(4, 200, 4, 1, 1)
	cfg := recipe(w.edges(t, 8), 1, 1)
	for name, attempt := range map[string]int{
		"point/round/0/attempt/0/level/0": 0,
		"point/round/1/attempt/0/level/1": -1,
		"point/round/2/attempt/0/level/0": 1 << 16,
	} {
		lose := map[string]*learn.Restart{name: {Attempt: attempt}}
		_, err := learn.Train(t.Context(), w.data(cfg.Edges, w.all()), cfg, &recorder{lose: lose})
		if !errors.Is(err, learn.ErrAttempt) {
			t.Errorf("attempt %d at %s: %v", attempt, name, err)
		}
	}
	lose := map[string]*learn.Restart{"point/start": {Attempt: 1}}
	_, err := learn.Train(t.Context(), w.data(cfg.Edges, w.all()), cfg, &recorder{lose: lose})
	if restart := (*learn.Restart)(nil); !errors.As(err, &restart) || restart.Attempt != 1 {
		t.Errorf("a restart before the first round came back as %v", err)
	}
}

func TestOrderOfRowsMeansNothing(t *testing.T) {
	w := newWorld(5, 500, 5, 2, 3)
	cfg := recipe(w.edges(t, 10), 2, 3)
	want := pooled(t, w, cfg, learn.Pooled{}).Digest()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.Permutation(w.all()).Draw(t, "rows")
		m, err := learn.Train(t.Context(), w.data(cfg.Edges, rows), cfg, learn.Pooled{})
		if err != nil || m.Digest() != want {
			t.Fatalf("another order gives another model: %v", err)
		}
	})
}

func TestMissingValuesFindTheirSide(t *testing.T) {
	w := &world{values: make([][]fixed.Q16, 1)}
	for i := range 400 {
		value, target := fixed.Q16(i%200)-100, fixed.One
		if i < 200 {
			value, target = fixed.Missing, -fixed.One
		}
		if value != fixed.Missing && value < 0 {
			target = -fixed.One
		}
		w.values[0] = append(w.values[0], value)
		w.target = append(w.target, target)
		w.key = append(w.key, uint64(i))
		w.task, w.fold = append(w.task, 0), append(w.fold, 0)
	}
	for _, sign := range []fixed.Q16{1, -1} { // Missing like the low values, then like the high ones.
		cfg := recipe(learn.Edges{{0}}, 1, 1)
		cfg.Depth, cfg.Rounds = 1, 20
		flipped := *w
		flipped.values = [][]fixed.Q16{nil}
		for _, v := range w.values[0] {
			if v != fixed.Missing {
				v *= sign
			}
			flipped.values[0] = append(flipped.values[0], v)
		}
		m := pooled(t, &flipped, cfg, learn.Pooled{})
		if got := m.Predict([]uint8{0}, 0); got > -fixed.One/2 {
			t.Errorf("sign %d: missing values are predicted as %d", sign, got)
		}
	}
}

func TestFoldsStayOut(t *testing.T) {
	w := newWorld(6, 600, 5, 2, 3)
	cfg := recipe(w.edges(t, 10), 2, 3)
	before := pooled(t, w, cfg, learn.Pooled{})
	// Whatever the targets of fold 1 of task 0 are, its own ensemble must not notice.
	for i := range w.target {
		if w.task[i] == 0 && w.fold[i] == 1 {
			w.target[i] = -w.target[i]
		}
	}
	after := pooled(t, w, cfg, learn.Pooled{})
	changed := 0
	for e := range cfg.Ensembles() {
		same := before.Start[e] == after.Start[e]
		for round := range before.Trees {
			same = same && slices.Equal(before.Trees[round][e].Leaves, after.Trees[round][e].Leaves) &&
				slices.Equal(before.Trees[round][e].Splits, after.Trees[round][e].Splits)
		}
		if outside := e == cfg.Ensemble(0, 1) || e >= cfg.Ensemble(1, 0); same != outside {
			t.Errorf("ensemble %d: unchanged is %v, want %v", e, same, outside)
		}
		if !same {
			changed++
		}
	}
	if changed != 2 {
		t.Errorf("%d ensembles changed, want the two that learn from the fold", changed)
	}
}

func TestPredictMean(t *testing.T) {
	w := newWorld(7, 300, 5, 2, 3)
	cfg := recipe(w.edges(t, 10), 2, 3)
	m := pooled(t, w, cfg, learn.Pooled{})
	for i := range 20 {
		row := w.row(cfg.Edges, i)
		want := fixed.Mean(m.Predict(row, 3), m.Predict(row, 4), m.Predict(row, 5))
		if got := m.PredictMean(row, 1); got != want {
			t.Fatalf("mean of three folds is %d, want %d", got, want)
		}
		if got := m.PredictOutside(row, 1, 2); got != m.Predict(row, 5) {
			t.Fatalf("prediction outside fold 2 is %d", got)
		}
	}
}

// TestEmptyTask trains with a task that has no rows at all.
func TestEmptyTask(t *testing.T) {
	w := newWorld(8, 200, 4, 1, 2)
	cfg := recipe(w.edges(t, 8), 3, 2)
	m := pooled(t, w, cfg, learn.Pooled{})
	if got := m.PredictMean(w.row(cfg.Edges, 0), 2); got != 0 {
		t.Fatalf("a task without rows predicts %d", got)
	}
}

func TestHostileSums(t *testing.T) {
	w := newWorld(9, 300, 4, 1, 1)
	cfg := recipe(w.edges(t, 8), 1, 1)
	for _, extreme := range []int64{math.MinInt64, math.MinInt64 + 1, -1, 1 << 31, 1<<62 - 1, math.MaxInt64} {
		for _, only := range []string{"point/start", "point/round/0/attempt/0/level/0", "point/round/2/attempt/0/level/1"} {
			s := &liar{name: only, value: extreme}
			if _, err := learn.Train(t.Context(), w.data(cfg.Edges, w.all()), cfg, s); !errors.Is(err, learn.ErrSum) {
				t.Errorf("%d at %s: %v", extreme, only, err)
			}
		}
	}
}

// TestWrappedSumIsRefused sends what no 32 bits hold in a step of 32 bits.
func TestWrappedSumIsRefused(t *testing.T) {
	w := newWorld(12, 17_000, 4, 1, 1)
	cfg := recipe(w.edges(t, 4), 1, 1)
	for _, value := range []int64{1 << 31, -1<<31 - 1, math.MaxInt64} {
		s := &liar{name: "point/round/0/attempt/0/level/0", value: value}
		if _, err := learn.Train(t.Context(), w.data(cfg.Edges, w.all()), cfg, s); !errors.Is(err, learn.ErrSum) {
			t.Errorf("%d in 32 bits: %v", value, err)
		}
	}
}

// TestSumsThatLeaveRowsOut answers with sums that are sound in themselves but do not
// count all rows that were counted before, or that this member holds.
func TestSumsThatLeaveRowsOut(t *testing.T) {
	few, many := newWorld(13, 100, 4, 1, 1), newWorld(13, 1000, 4, 1, 1)
	cfg := recipe(many.edges(t, 8), 1, 1)
	short, long := &recorder{}, &recorder{}
	pooled(t, few, cfg, short)
	pooled(t, many, cfg, long)
	mix := func(start, rest *recorder) learn.Summer {
		return &teller{append(slices.Clone(start.entries[:1]), rest.entries[1:]...)}
	}
	mine := many.data(cfg.Edges, many.all())
	for name, c := range map[string]struct {
		data   *learn.Data
		summer learn.Summer
	}{
		"fewer at the start than here":       {mine, mix(short, short)},
		"fewer in a node than here":          {mine, mix(long, short)},
		"more in the root than at the start": {nil, mix(short, long)},
	} {
		if _, err := learn.Train(t.Context(), c.data, cfg, c.summer); !errors.Is(err, learn.ErrSum) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecipesOutOfBounds(t *testing.T) {
	good := func() *learn.Config { return recipe(learn.Edges{{-1, 1}, {}}, 1, 1) }
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(c *learn.Config){
		"name":       func(c *learn.Config) { c.Name = "" },
		"name form":  func(c *learn.Config) { c.Name = "a/b" },
		"tasks":      func(c *learn.Config) { c.Tasks = 65 },
		"no task":    func(c *learn.Config) { c.Tasks = 0 },
		"folds":      func(c *learn.Config) { c.Folds = 17 },
		"rounds":     func(c *learn.Config) { c.Rounds = 0 },
		"depth":      func(c *learn.Config) { c.Depth = 9 },
		"rate":       func(c *learn.Config) { c.RatePermille = 1001 },
		"lambda":     func(c *learn.Config) { c.Lambda = -1 },
		"min rows":   func(c *learn.Config) { c.MinRows = 0 },
		"rows":       func(c *learn.Config) { c.RowPermille = 0 },
		"features":   func(c *learn.Config) { c.FeaturePermille = 0 },
		"delta":      func(c *learn.Config) { c.Delta = 0 },
		"range":      func(c *learn.Config) { c.TargetHi = c.TargetLo },
		"no edges":   func(c *learn.Config) { c.Edges = nil },
		"order":      func(c *learn.Config) { c.Edges[0] = []fixed.Q16{1, 1} },
		"cuts":       func(c *learn.Config) { c.Edges[1] = make([]fixed.Q16, 63) },
		"missing":    func(c *learn.Config) { c.Edges[0] = []fixed.Q16{fixed.Missing} },
		"long steps": func(c *learn.Config) { c.Tasks, c.Folds, c.Depth, c.Edges = 64, 16, 8, make(learn.Edges, 512) },
		"long trees": func(c *learn.Config) { c.Tasks, c.Folds, c.Rounds = 64, 16, 1000 },
		"large low":  func(c *learn.Config) { c.TargetLo = -1<<30 - 1 },
		"large high": func(c *learn.Config) { c.TargetHi = 1<<30 + 1 },
	} {
		c := good()
		spoil(c)
		if _, err := learn.Train(t.Context(), nil, c, learn.Pooled{}); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRowsThatDoNotFit(t *testing.T) {
	w := newWorld(9, 50, 4, 1, 2)
	cfg := recipe(w.edges(t, 8), 1, 2)
	for name, spoil := range map[string]func(d *learn.Data){
		"key":     func(d *learn.Data) { d.Key = d.Key[1:] },
		"task":    func(d *learn.Data) { d.Task[3] = 1 },
		"fold":    func(d *learn.Data) { d.Fold[3] = 2 },
		"target":  func(d *learn.Data) { d.Target[3] = 1<<30 + 1 },
		"missing": func(d *learn.Data) { d.Target[3] = fixed.Missing },
		"feature": func(d *learn.Data) { d.Bins = d.Bins[1:] },
		"column":  func(d *learn.Data) { d.Bins[1] = d.Bins[1][1:] },
		"bin":     func(d *learn.Data) { d.Bins[2][7] = uint8(cfg.Edges.Bins(2)) },
	} {
		d := w.data(cfg.Edges, w.all())
		spoil(d)
		if _, err := learn.Train(t.Context(), d, cfg, learn.Pooled{}); !errors.Is(err, learn.ErrData) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCancelledTrainingStops(t *testing.T) {
	w := newWorld(9, 50, 4, 1, 1)
	cfg := recipe(w.edges(t, 8), 1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := learn.Train(ctx, nil, cfg, learn.Pooled{}); !errors.Is(err, ctx.Err()) {
		t.Fatal(err)
	}
}
