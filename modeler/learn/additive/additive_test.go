package additive_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/loss"
)

// TestFederatedEqualsPooled trains with every loss over 2, 5 and 20 members, some with
// one row and some with none, in any order of arrival, and replays from the sums alone.
func TestFederatedEqualsPooled(t *testing.T) {
	for i, l := range losses() {
		t.Run(string(l.Kind), func(t *testing.T) {
			rows, features := newWorld(byte(i), 400, l, i%2 == 1)
			c := small(l, features)
			log := &learntest.Log{}
			want := train(t, rows, c, log).Encode()
			if got := train(t, nil, c, &learntest.Replay{Entries: log.Entries}).Encode(); !bytes.Equal(got, want) {
				t.Fatal("a replay differs from the training")
			}
			for _, members := range []int{2, 5, 20} {
				lots := rand.New(rand.NewPCG(uint64(i), uint64(members)))
				models, err := learntest.Federate(t.Context(), learntest.Share(rows, members, lots), &learntest.Hub{Order: lots},
					func(ctx context.Context, rows *learn.Rows, sum learn.Summer) ([]byte, error) {
						m, err := additive.Train(ctx, rows, c, sum)
						if err != nil {
							return nil, err
						}
						return m.Encode(), nil
					})
				if err != nil {
					t.Fatal(err)
				}
				for m, got := range models {
					if !bytes.Equal(got, want) {
						t.Fatalf("member %d of %d has another model than the pool", m, members)
					}
				}
			}
		})
	}
}

// TestLostStepsStartAgain loses steps and checks that no two sums of one round are over
// the same rows, that the federation still agrees and that the log replays.
func TestLostStepsStartAgain(t *testing.T) {
	l := losses()[4]
	rows, features := newWorld(9, 500, l, false)
	c := small(l, features)
	lose := map[string]int{"small/round/2/attempt/0": 1, "small/round/2/attempt/1": 4, "small/pairs/attempt/4": 5, "small/pair/1/attempt/5": 6}
	log := &learntest.Log{Lose: lose}
	m := train(t, rows, c, log)
	if m.Attempt != 6 {
		t.Fatalf("attempt %d, want 6", m.Attempt)
	}
	if !bytes.Equal(train(t, nil, c, &learntest.Replay{Entries: log.Entries}).Encode(), m.Encode()) {
		t.Fatal("a replay differs from the training")
	}
	lots := rand.New(rand.NewPCG(1, 1))
	models, err := learntest.Federate(t.Context(), learntest.Share(rows, 5, lots), &learntest.Hub{Order: lots, Lose: lose},
		func(ctx context.Context, rows *learn.Rows, sum learn.Summer) ([]byte, error) {
			m, err := additive.Train(ctx, rows, c, sum)
			if err != nil {
				return nil, err
			}
			return m.Encode(), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range models {
		if !bytes.Equal(got, m.Encode()) {
			t.Fatal("a member has another model than the pool")
		}
	}
	sums := map[string][]int64{}
	for _, e := range log.Entries {
		round, _, _ := strings.Cut(e.Step.Name, "/attempt/")
		if before, again := sums[round]; again && slices.Equal(before, e.Sum) {
			t.Fatalf("%s sums the same rows again", e.Step.Name)
		}
		sums[round] = e.Sum
	}
}

func TestAttemptsMustRise(t *testing.T) {
	l := losses()[4]
	rows, features := newWorld(9, 200, l, false)
	for name, lose := range map[string]map[string]int{
		"same":     {"small/round/1/attempt/0": 0},
		"too high": {"small/round/1/attempt/0": learn.MaxAttempt + 1},
	} {
		if _, err := additive.Train(t.Context(), rows, small(l, features), &learntest.Log{Lose: lose}); !errors.Is(err, learn.ErrAttempt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var restart *learn.Restart
	lose := map[string]int{"small/start": 1}
	if _, err := additive.Train(t.Context(), rows, small(l, features), &learntest.Log{Lose: lose}); !errors.As(err, &restart) {
		t.Errorf("a lost start: %v", err)
	}
}

// liar is a pool that changes one value of one sum.
type liar struct {
	name  string
	at    int
	value func(v int64) int64
}

func (l *liar) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	sum := slices.Clone(x)
	if step.Name == l.name {
		sum[l.at] = l.value(sum[l.at])
	}
	return sum, nil
}

// TestSumsThatNoRowsAddUpToAreRefused changes values of every step. What rows could add
// up to is not refused, but leaves another trace.
func TestSumsThatNoRowsAddUpToAreRefused(t *testing.T) {
	l := losses()[4]
	rows, features := newWorld(2, 300, l, false)
	c := small(l, features)
	log := &learntest.Log{}
	trace := train(t, rows, c, log).Trace
	changes := map[string]func(int64) int64{
		"one more":  func(v int64) int64 { return v + 1 },
		"far more":  func(v int64) int64 { return v + 1<<60 },
		"far less":  func(v int64) int64 { return v - 1<<60 },
		"the other": func(v int64) int64 { return -v - 1 },
	}
	lots, refused := rand.New(rand.NewPCG(5, 5)), 0
	for _, e := range log.Entries {
		for name, change := range changes {
			for range 2 {
				at := lots.IntN(len(e.Sum))
				m, err := additive.Train(t.Context(), rows, c, &liar{e.Step.Name, at, change})
				switch {
				case err == nil && m.Trace == trace:
					t.Fatalf("%s: value %d %s: nobody noticed", e.Step.Name, at, name)
				case err != nil && !errors.Is(err, learn.ErrSum):
					t.Fatalf("%s: value %d %s: %v", e.Step.Name, at, name, err)
				case err != nil:
					refused++
				}
			}
		}
	}
	if refused == 0 {
		t.Fatal("no change was refused")
	}
	for _, e := range log.Entries {
		short := &learntest.Replay{Entries: slices.Clone(log.Entries)}
		for i := range short.Entries {
			if short.Entries[i].Step == e.Step {
				short.Entries[i].Sum = e.Sum[1:]
			}
		}
		if _, err := additive.Train(t.Context(), nil, c, short); !errors.Is(err, learn.ErrSum) {
			t.Fatalf("%s: a value too few: %v", e.Step.Name, err)
		}
	}
}

func TestRowsOutsideTheRecipeAreRefused(t *testing.T) {
	l := losses()[4]
	for name, spoil := range map[string]func(*learn.Rows){
		"bin":     func(r *learn.Rows) { r.Bins[0][3] = 200 },
		"target":  func(r *learn.Rows) { r.Target[3] = 2 },
		"task":    func(r *learn.Rows) { r.Task = make([]uint8, r.Len()); r.Task[3] = 1 },
		"weight":  func(r *learn.Rows) { r.Weight = make([]uint16, r.Len()) },
		"columns": func(r *learn.Rows) { r.Bins = r.Bins[1:] },
		"keys":    func(r *learn.Rows) { r.Key = r.Key[1:] },
	} {
		rows, features := newWorld(2, 20, l, false)
		spoil(rows)
		if _, err := additive.Train(t.Context(), rows, small(l, features), learn.Pooled{}); !errors.Is(err, learn.ErrData) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecipesOutOfBoundsAreRefused(t *testing.T) {
	_, features := newWorld(2, 1, losses()[0], false)
	for name, spoil := range map[string]func(*additive.Config){
		"name":             func(c *additive.Config) { c.Name = "A" },
		"no name":          func(c *additive.Config) { c.Name = "" },
		"folds":            func(c *additive.Config) { c.Folds = 0 },
		"many folds":       func(c *additive.Config) { c.Folds = 17 },
		"rounds":           func(c *additive.Config) { c.Rounds = 0 },
		"rate":             func(c *additive.Config) { c.RatePermille = 1001 },
		"leaves":           func(c *additive.Config) { c.Leaves = 1 },
		"lambda":           func(c *additive.Config) { c.Lambda = -1 },
		"min rows":         func(c *additive.Config) { c.MinRows = 0 },
		"span":             func(c *additive.Config) { c.TargetHi = c.TargetLo },
		"loss":             func(c *additive.Config) { c.Loss = loss.Loss{} },
		"features":         func(c *additive.Config) { c.Features = nil },
		"pairs no rounds":  func(c *additive.Config) { c.PairRounds = 0 },
		"patience, 1 fold": func(c *additive.Config) { c.Folds = 1 },
		"clip, no noise":   func(c *additive.Config) { c.Noise.ClipPermille = 1 },
		"noise, no clip":   func(c *additive.Config) { *c = *private(c); c.Noise.ClipPermille = 0 },
		"noise, folds":     func(c *additive.Config) { *c = *private(c); c.Folds = 2 },
		"negative noise":   func(c *additive.Config) { c.Noise.Variance = -1 },
	} {
		c := small(losses()[4], features)
		spoil(c)
		if _, err := additive.Train(t.Context(), nil, c, learn.Pooled{}); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// private turns a recipe into one for noisy sums.
func private(c *additive.Config) *additive.Config {
	p := additive.Private(c.Loss, c.Features)
	p.Name, p.Seed, p.TargetLo, p.TargetHi = c.Name, c.Seed, c.TargetLo, c.TargetHi
	return p
}

func TestNoRowsGiveTheConstantModel(t *testing.T) {
	for _, l := range losses() {
		_, features := newWorld(2, 1, l, false)
		m := train(t, nil, small(l, features), learn.Pooled{})
		for f := range m.Shapes {
			for bin, v := range m.Shapes[f].Value {
				if v != 0 {
					t.Fatalf("%s: feature %d, bin %d is %d without rows", l.Kind, f, bin, v)
				}
			}
		}
	}
}

// TestShapesAreCentredAndMonotone checks on all losses what the package promises of its
// shapes and tables.
func TestShapesAreCentredAndMonotone(t *testing.T) {
	for i, l := range losses() {
		rows, features := newWorld(byte(20+i), 600, l, i%2 == 0)
		c := small(l, features)
		c.MinRows, c.Rounds = 10, 30
		m := train(t, rows, c, learn.Pooled{})
		for f := range features {
			var sum, weight int64
			for k, bin := range rows.Bins[f] {
				w := int64(learn.WholeWeight)
				if rows.Weight != nil {
					w = int64(rows.Weight[k])
				}
				sum, weight = sum+w*int64(m.Shapes[f].Value[bin]), weight+w
			}
			if 2*max(sum, -sum) > weight {
				t.Errorf("%s: curve %d has a mean of %d/%d", l.Kind, f, sum, weight)
			}
		}
		rises := m.Shapes[3].Value[1:]
		if !slices.IsSorted(rises) {
			t.Errorf("%s: a curve that may only rise: %v", l.Kind, rises)
		}
		if rises[0] == rises[len(rises)-1] {
			t.Errorf("%s: a curve that should rise is flat", l.Kind)
		}
		for _, p := range m.Pairs {
			if p.A == 3 || p.B == 3 {
				t.Errorf("%s: a pair with a feature that may only rise", l.Kind)
			}
			checkPure(t, rows, &p)
		}
	}
}

func checkPure(t *testing.T, rows *learn.Rows, p *additive.Pair) {
	t.Helper()
	sums, counts := map[[2]uint8]int64{}, map[[2]uint8]int64{}
	for i := range rows.Len() {
		row := rowOf(rows, i)
		for side, group := range []uint8{p.GroupA[row[p.A]], p.GroupB[row[p.B]]} {
			sums[[2]uint8{uint8(side), group}] += int64(p.At(row))
			counts[[2]uint8{uint8(side), group}]++
		}
	}
	for line, sum := range sums {
		if n := counts[line]; max(sum, -sum) > n {
			t.Errorf("pair %d, %d: line %v has a mean of %d/%d", p.A, p.B, line, sum, n)
		}
	}
}

// TestFindsTheInteraction looks for the one pair that the world has.
func TestFindsTheInteraction(t *testing.T) {
	l := losses()[0]
	rows, features := newWorld(5, 3000, l, false)
	c := additive.Usual(l, features, 3000)
	c.Name, c.TargetLo, c.TargetHi = "find", -8*fixed.One, 8*fixed.One
	m := train(t, rows, c, learn.Pooled{})
	if len(m.Pairs) == 0 || m.Pairs[0].A != 1 || m.Pairs[0].B != 2 {
		t.Fatalf("pairs %v, want features 1 and 2 first", m.Pairs)
	}
	if len(m.Pairs) > 2 {
		t.Errorf("%d pairs where one interaction is", len(m.Pairs))
	}
	// Noise has a variance of 1/48, half of which the loss counts. Coarse tables and levels
	// leave as much again and a half.
	if m.After > 65536*5/2/96+300 {
		t.Errorf("a loss of %d outside the folds, %d before", m.After, m.Before)
	}
	if m.Shapes[5].Error[1] <= 0 {
		t.Errorf("no standard errors: %v", m.Shapes[5].Error)
	}
}

// TestRareAnswersKeepTheirRate trains on one yes in 2,500: what rounds to nothing in a row
// must add up all the same.
func TestRareAnswersKeepTheirRate(t *testing.T) {
	l := losses()[4]
	rows, features := newWorld(4, 20_000, l, false)
	for i := range rows.Target {
		rows.Target[i] = 0
		if i%2500 == 0 {
			rows.Target[i] = fixed.One
		}
	}
	c := small(l, features)
	c.Folds, c.Pairs, c.PairRounds, c.Patience, c.MinRows = 1, 0, 0, 0, 500
	m := train(t, rows, c, learn.Pooled{})
	var sum float64
	for i := range rows.Target {
		sum += float64(l.Mean(m.Score(rowOf(rows, i))))
	}
	if rate := sum / 65536 / 8; rate < .75 || rate > 1.33 {
		t.Errorf("predictions add up to %.2f of the answers", rate)
	}
}

// TestManyEqualFeaturesDoNoHarm lets fifty features say the same: steps of all at once
// would go too far, and are taken back.
func TestManyEqualFeaturesDoNoHarm(t *testing.T) {
	l := losses()[0]
	rows, features := newWorld(6, 400, l, false)
	c := small(l, features)
	c.Pairs, c.PairRounds, c.Rounds = 0, 0, 50
	alone := train(t, rows, c, learn.Pooled{})
	for range 50 {
		rows.Bins = append(rows.Bins, rows.Bins[0])
		c.Features = append(c.Features, c.Features[0])
	}
	if m := train(t, rows, c, learn.Pooled{}); m.After > alone.After*5/4 {
		t.Errorf("a loss of %d, %d without the copies", m.After, alone.After)
	}
}

// TestPredictionsMeanWhatTheySay trains every loss and compares predictions for new rows
// with targets: quantiles leave their share below, means add up.
func TestPredictionsMeanWhatTheySay(t *testing.T) {
	for i, l := range losses() {
		rows, features := newWorld(byte(80+i), 1500, l, false)
		fresh, _ := newWorld(byte(100+i), 3000, l, false)
		c := additive.Usual(l, features, 1500)
		c.Folds, c.Rounds, c.PairRounds = 2, 60, 30 // For the sake of time.
		c.Name, c.TargetLo, c.TargetHi = "say", -8*fixed.One, 8*fixed.One
		m := train(t, rows, c, learn.Pooled{})
		var below, predicted, actual float64
		for k, y := range fresh.Target {
			p := l.Mean(m.Score(rowOf(fresh, k)))
			if y < p {
				below++
			}
			predicted, actual = predicted+float64(p), actual+float64(y)
		}
		share := below / float64(fresh.Len())
		t.Logf("%s: %d and %d rounds, %d pairs, loss %d to %d, %.3f below, %.3f of the mean",
			l.Kind, m.Rounds, m.PairRounds, len(m.Pairs), m.Before, m.After, share, predicted/actual)
		switch l.Kind {
		case loss.Quantile:
			if math.Abs(share-float64(l.Level)/1000) > .03 {
				t.Errorf("%d thousandths: %.3f are below", l.Level, share)
			}
		case loss.Absolute, loss.Huber:
			if math.Abs(share-.5) > .04 {
				t.Errorf("%s: %.3f are below", l.Kind, share)
			}
		default:
			if math.Abs(predicted/actual-1) > .05 {
				t.Errorf("%s: predictions add up to %.3f of targets", l.Kind, predicted/actual)
			}
		}
		if m.After >= m.Before {
			t.Errorf("%s: a loss of %d, of the constant model %d", l.Kind, m.After, m.Before)
		}
	}
}
