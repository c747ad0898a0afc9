package trees_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/trees"
)

// pooled trains on all rows of w.
func pooled(t testing.TB, w *world, cfg *trees.Config, s learn.Summer) *trees.Model {
	t.Helper()
	m, err := trees.Train(t.Context(), w.data(cfg, w.all()), cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFederatedEqualsPooled(t *testing.T) {
	w := newWorld(1, 1500, 8, 2, 3)
	cfg := recipe(w.features(t, 16), 2, 3)
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
	cfg := recipe(w.features(t, 4), 1, 1)
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
	want := w.features(t, 32)
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
		got, err := w.grids().FeaturesFrom(sum, 32)
		if err != nil || !cmp.Equal(got, want) {
			t.Fatalf("edges %v, %v; want %v", got, err, want)
		}
	})
}

func TestReplayGivesTheSameModel(t *testing.T) {
	w := newWorld(3, 900, 6, 2, 2)
	cfg := recipe(w.features(t, 12), 2, 2)
	log := &recorder{}
	want := pooled(t, w, cfg, log)
	got, err := trees.Train(t.Context(), nil, cfg, &replayer{log.entries})
	if err != nil || got.Digest() != want.Digest() {
		t.Fatalf("replay gives %v, %v; want %v", got.Digest(), err, want.Digest())
	}
}

func TestEveryTamperedSumShows(t *testing.T) {
	w := newWorld(3, 400, 5, 1, 2)
	cfg := recipe(w.features(t, 8), 1, 2)
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
		m, err := trees.Train(t.Context(), nil, cfg, &replayer{entries})
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
	cfg := recipe(w.features(t, 12), 2, 2)
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
	if got, err := trees.Train(t.Context(), nil, cfg, &replayer{log.entries}); err != nil || got.Digest() != want.Digest() {
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

// TestRestartLeafByLeaf loses steps in the middle of trees that look ahead.
func TestRestartLeafByLeaf(t *testing.T) {
	w := newWorld(4, 900, 6, 1, 2)
	cfg := recipe(w.features(t, 12), 1, 2)
	cfg.Depth, cfg.MaxLeaves, cfg.Ahead, cfg.Rounds = 10, 30, 2, 12
	lost := map[string]*learn.Restart{}
	for round, attempt := range []int{1, 4, 5, 9} {
		lost[fmt.Sprintf("point/round/%d/attempt/%d/step/%d", 2*round+1, []int{0, 1, 4, 5}[round], 2*round+4)] = &learn.Restart{Attempt: attempt}
	}
	log := &recorder{lose: lost}
	want := pooled(t, w, cfg, log)
	if want.Attempts[11] != 9 {
		t.Fatalf("attempts %v", want.Attempts)
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
	if got, err := trees.Train(t.Context(), nil, cfg, &replayer{log.entries}); err != nil || got.Digest() != want.Digest() {
		t.Fatalf("replay: %v", err)
	}
}

// TestProcessorsMeanNothing trains on one processor and on five, which share out the rows
// of a node.
func TestProcessorsMeanNothing(t *testing.T) {
	w := newWorld(14, 50_000, 4, 1, 1)
	cfg := recipe(w.features(t, 20), 1, 1)
	cfg.Depth, cfg.MaxLeaves, cfg.Ahead = 10, 12, 3
	rows := w.data(cfg, w.all())
	var models []*trees.Model
	for _, processors := range []int{1, 5} {
		before := runtime.GOMAXPROCS(processors)
		m, err := trees.Train(t.Context(), rows, cfg, learn.Pooled{})
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, m)
	}
	if models[0].Digest() != models[1].Digest() {
		t.Fatal("more processors give another model")
	}
}

// TestRetryTakesFewerRows has a recipe of all rows: the round that is begun again must
// not add the same ones.
func TestRetryTakesFewerRows(t *testing.T) {
	w := newWorld(4, 1000, 6, 1, 1)
	cfg := recipe(w.features(t, 12), 1, 1)
	cfg.RowPermille = 1000
	lost := map[string]*learn.Restart{"point/round/2/attempt/0/level/0": {Attempt: 1}}
	m := pooled(t, w, cfg, &recorder{lose: lost})
	for round, trees := range m.Trees {
		rows := trees[0].Nodes[0].Rows
		if full := round != 2; full && rows != 1000 || !full && (rows < 600 || rows > 800) {
			t.Errorf("round %d, attempt %d: %d of 1000 rows", round, m.Attempts[round], rows)
		}
	}
}

func TestRestartsThatAreRefused(t *testing.T) {
	w := newWorld(4, 200, 4, 1, 1)
	cfg := recipe(w.features(t, 8), 1, 1)
	for name, attempt := range map[string]int{
		"point/round/0/attempt/0/level/0": 0,
		"point/round/1/attempt/0/level/1": -1,
		"point/round/2/attempt/0/level/0": 1 << 16,
	} {
		lose := map[string]*learn.Restart{name: {Attempt: attempt}}
		_, err := trees.Train(t.Context(), w.data(cfg, w.all()), cfg, &recorder{lose: lose})
		if !errors.Is(err, learn.ErrAttempt) {
			t.Errorf("attempt %d at %s: %v", attempt, name, err)
		}
	}
	lose := map[string]*learn.Restart{"point/start": {Attempt: 1}}
	_, err := trees.Train(t.Context(), w.data(cfg, w.all()), cfg, &recorder{lose: lose})
	if restart := (*learn.Restart)(nil); !errors.As(err, &restart) || restart.Attempt != 1 {
		t.Errorf("a restart before the first round came back as %v", err)
	}
}

func TestOrderOfRowsMeansNothing(t *testing.T) {
	w := newWorld(5, 500, 5, 2, 3)
	cfg := recipe(w.features(t, 10), 2, 3)
	want := pooled(t, w, cfg, learn.Pooled{}).Digest()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.Permutation(w.all()).Draw(t, "rows")
		m, err := trees.Train(t.Context(), w.data(cfg, rows), cfg, learn.Pooled{})
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
		cfg := recipe(learn.Features{{Cuts: []fixed.Q16{0}}}, 1, 1)
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
	cfg := recipe(w.features(t, 10), 2, 3)
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
			same = same && cmp.Equal(before.Trees[round][e], after.Trees[round][e])
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
	cfg := recipe(w.features(t, 10), 2, 3)
	m := pooled(t, w, cfg, learn.Pooled{})
	for i := range 20 {
		row := w.row(cfg.Features, i)
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
	cfg := recipe(w.features(t, 8), 3, 2)
	m := pooled(t, w, cfg, learn.Pooled{})
	if got := m.PredictMean(w.row(cfg.Features, 0), 2); got != 0 {
		t.Fatalf("a task without rows predicts %d", got)
	}
}

func TestHostileSums(t *testing.T) {
	w := newWorld(9, 300, 4, 1, 1)
	cfg := recipe(w.features(t, 8), 1, 1)
	for _, extreme := range []int64{math.MinInt64, math.MinInt64 + 1, -1, 1 << 31, 1<<62 - 1, math.MaxInt64} {
		for _, only := range []string{"point/start", "point/round/0/attempt/0/level/0", "point/round/2/attempt/0/level/1"} {
			s := &liar{name: only, value: extreme}
			if _, err := trees.Train(t.Context(), w.data(cfg, w.all()), cfg, s); !errors.Is(err, learn.ErrSum) {
				t.Errorf("%d at %s: %v", extreme, only, err)
			}
		}
	}
}

// TestWrappedSumIsRefused sends what no 32 bits hold in a step of 32 bits.
func TestWrappedSumIsRefused(t *testing.T) {
	w := newWorld(12, 17_000, 4, 1, 1)
	cfg := recipe(w.features(t, 4), 1, 1)
	for _, value := range []int64{1 << 31, -1<<31 - 1, math.MaxInt64} {
		s := &liar{name: "point/round/0/attempt/0/level/0", value: value}
		if _, err := trees.Train(t.Context(), w.data(cfg, w.all()), cfg, s); !errors.Is(err, learn.ErrSum) {
			t.Errorf("%d in 32 bits: %v", value, err)
		}
	}
}

// TestSumsThatLeaveRowsOut answers with sums that are sound in themselves but do not
// count all rows that were counted before, or that this member holds.
func TestSumsThatLeaveRowsOut(t *testing.T) {
	few, many := newWorld(13, 100, 4, 1, 1), newWorld(13, 1000, 4, 1, 1)
	cfg := recipe(many.features(t, 8), 1, 1)
	short, long := &recorder{}, &recorder{}
	pooled(t, few, cfg, short)
	pooled(t, many, cfg, long)
	mix := func(start, rest *recorder) learn.Summer {
		return &teller{append(slices.Clone(start.entries[:1]), rest.entries[1:]...)}
	}
	mine := many.data(cfg, many.all())
	for name, c := range map[string]struct {
		data   *learn.Rows
		summer learn.Summer
	}{
		"fewer at the start than here":       {mine, mix(short, short)},
		"fewer in a node than here":          {mine, mix(long, short)},
		"more in the root than at the start": {nil, mix(short, long)},
	} {
		if _, err := trees.Train(t.Context(), c.data, cfg, c.summer); !errors.Is(err, learn.ErrSum) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecipesOutOfBounds(t *testing.T) {
	good := func() *trees.Config { return recipe(learn.Features{{Cuts: []fixed.Q16{-1, 1}}, {}}, 1, 1) }
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(c *trees.Config){
		"name":         func(c *trees.Config) { c.Name = "" },
		"long name":    func(c *trees.Config) { c.Name = strings.Repeat("x", 25) },
		"name form":    func(c *trees.Config) { c.Name = "a/b" },
		"tasks":        func(c *trees.Config) { c.Tasks = 65 },
		"no task":      func(c *trees.Config) { c.Tasks = 0 },
		"folds":        func(c *trees.Config) { c.Folds = 17 },
		"rounds":       func(c *trees.Config) { c.Rounds = 0 },
		"depth":        func(c *trees.Config) { c.Depth = 9 },
		"rate":         func(c *trees.Config) { c.RatePermille = 1001 },
		"lambda":       func(c *trees.Config) { c.Lambda = -1 },
		"min rows":     func(c *trees.Config) { c.MinRows = 0 },
		"rows":         func(c *trees.Config) { c.RowPermille = 0 },
		"features":     func(c *trees.Config) { c.FeaturePermille = 0 },
		"scale":        func(c *trees.Config) { c.Loss.Scale = 0 },
		"range":        func(c *trees.Config) { c.TargetHi = c.TargetLo },
		"no edges":     func(c *trees.Config) { c.Features = nil },
		"order":        func(c *trees.Config) { c.Features[0].Cuts = []fixed.Q16{1, 1} },
		"cuts":         func(c *trees.Config) { c.Features[1].Cuts = make([]fixed.Q16, 255) },
		"missing":      func(c *trees.Config) { c.Features[0].Cuts = []fixed.Q16{fixed.Missing} },
		"long steps":   func(c *trees.Config) { c.Tasks, c.Folds, c.Depth, c.Features = 64, 16, 8, make(learn.Features, 512) },
		"long trees":   func(c *trees.Config) { c.Tasks, c.Folds, c.Rounds = 64, 16, 1000 },
		"high depth":   func(c *trees.Config) { c.Depth, c.MaxLeaves, c.Ahead = 65, 31, 1 },
		"one leaf":     func(c *trees.Config) { c.MaxLeaves, c.Ahead = 1, 1 },
		"leaves":       func(c *trees.Config) { c.MaxLeaves, c.Ahead = 1025, 1 },
		"not ahead":    func(c *trees.Config) { c.MaxLeaves = 31 },
		"far ahead":    func(c *trees.Config) { c.MaxLeaves, c.Ahead = 31, 65 },
		"ahead level":  func(c *trees.Config) { c.Ahead = 1 },
		"valid":        func(c *trees.Config) { c.ValidPermille, c.Patience = 501, 1 },
		"no patience":  func(c *trees.Config) { c.ValidPermille = 100 },
		"patience":     func(c *trees.Config) { c.Patience = 1 },
		"members":      func(c *trees.Config) { c.Members = 0 },
		"many members": func(c *trees.Config) { c.Members = 1025 },
		"loss":         func(c *trees.Config) { c.Loss.Kind = "cubic" },
		"monotone":     func(c *trees.Config) { c.Features[0].Monotone = 2 },
		"large low":    func(c *trees.Config) { c.TargetLo = -1<<30 - 1 },
		"large high":   func(c *trees.Config) { c.TargetHi = 1<<30 + 1 },
	} {
		c := good()
		spoil(c)
		if _, err := trees.Train(t.Context(), nil, c, learn.Pooled{}); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRowsThatDoNotFit(t *testing.T) {
	w := newWorld(9, 50, 4, 1, 2)
	cfg := recipe(w.features(t, 8), 1, 2)
	for name, spoil := range map[string]func(d *learn.Rows){
		"key":     func(d *learn.Rows) { d.Key = d.Key[1:] },
		"task":    func(d *learn.Rows) { d.Task[3] = 1 },
		"fold":    func(d *learn.Rows) { d.Fold[3] = 2 },
		"target":  func(d *learn.Rows) { d.Target[3] = 1<<30 + 1 },
		"missing": func(d *learn.Rows) { d.Target[3] = fixed.Missing },
		"weight":  func(d *learn.Rows) { d.Weight = slices.Repeat([]uint16{1}, 50) },
		"feature": func(d *learn.Rows) { d.Bins = d.Bins[1:] },
		"column":  func(d *learn.Rows) { d.Bins[1] = d.Bins[1][1:] },
		"bin":     func(d *learn.Rows) { d.Bins[2][7] = uint8(cfg.Features.Bins(2)) },
	} {
		d := w.data(cfg, w.all())
		spoil(d)
		if _, err := trees.Train(t.Context(), d, cfg, learn.Pooled{}); !errors.Is(err, learn.ErrData) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCancelledTrainingStops(t *testing.T) {
	w := newWorld(9, 50, 4, 1, 1)
	cfg := recipe(w.features(t, 8), 1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := trees.Train(ctx, nil, cfg, learn.Pooled{}); !errors.Is(err, ctx.Err()) {
		t.Fatal(err)
	}
}
