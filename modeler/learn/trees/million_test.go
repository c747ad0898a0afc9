package trees_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/anchor"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
)

// million is the recipe on which other boosters were measured (docs/benchmarks.md, make bench-peers).
func million(features learn.Features, l loss.Loss) *trees.Config {
	return &trees.Config{
		Name: "million", Tasks: 1, Folds: 1, Rounds: 100, Depth: 64, MaxLeaves: 31, Ahead: 1,
		RatePermille: 100, MinRows: 20, RowPermille: 1000, FeaturePermille: 1000, Members: 1,
		Loss: l, TargetLo: -16 * fixed.One, TargetHi: 16 * fixed.One, Seed: chance.Seed{1}, Features: features,
	}
}

// task is one of the two tasks on the made rows.
type task struct {
	loss  loss.Loss
	cut   func(*anchor.Made, learn.Features) *anchor.Table
	name  string // Of the skill.
	skill func(scores, targets []float64) float64
}

func regression() task {
	return task{loss.Loss{Kind: loss.Squared, Scale: 2 * fixed.One}, (*anchor.Made).Regression, "R2", anchor.R2}
}

func classes() task {
	return task{loss.Loss{Kind: loss.Logistic, Scale: fixed.One}, (*anchor.Made).Classes, "AUC", anchor.AUC}
}

func BenchmarkMillionRegression(b *testing.B) { benchmarkMillion(b, regression()) }
func BenchmarkMillionClasses(b *testing.B)    { benchmarkMillion(b, classes()) }

// tables makes 10^6 rows to train on and 200,000 to test on, and says what it takes to
// cut the former into bins.
func (t task) tables() (table, unseen *anchor.Table, features learn.Features, seconds float64) {
	made := anchor.Make(1, 1_000_000)
	before := cpu()
	features = made.Cut(255)
	table = t.cut(made, features)
	seconds = cpu() - before
	return table, t.cut(anchor.Make(2, 200_000), features), features, seconds
}

func benchmarkMillion(b *testing.B, t task) {
	b.Helper()
	table, unseen, features, binning := t.tables()
	var m *trees.Model
	log := &counter{}
	before := cpu()
	start := time.Now()
	for b.Loop() {
		*log = counter{}
		var err error
		if m, err = trees.Train(b.Context(), table.Rows, million(features, t.loss), log); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpu()-before)/float64(b.N), "cpu_s")
	b.ReportMetric(binning, "binning_cpu_s")
	b.ReportMetric(time.Since(start).Seconds()/float64(b.N), "wall_s")
	b.ReportMetric(float64(log.sums)/100, "sums/tree")
	b.ReportMetric(float64(log.bytes)/1e6, "sent_MB")
	b.ReportMetric(peak(b), "peak_MB")

	before = cpu()
	scores := m.Scorer().Scores(unseen.Rows)
	b.ReportMetric(float64(len(scores))/(cpu()-before), "predictions/cpu_s")
	b.ReportMetric(t.skill(floats(scores), unseen.Targets), t.name)
}

// BenchmarkAhead counts the sums of a tree of 31 leaves by how far each looks ahead, and
// what is added for nothing.
func BenchmarkAhead(b *testing.B) {
	made := anchor.Make(1, 50_000)
	features := made.Cut(255)
	rows := made.Regression(features).Rows
	for _, ahead := range []int{1, 2, 4, 8, 16, 30} {
		b.Run(strconv.Itoa(ahead), func(b *testing.B) {
			cfg := million(features, regression().loss)
			cfg.Ahead = ahead
			log := &counter{}
			for b.Loop() {
				*log = counter{}
				if _, err := trees.Train(b.Context(), rows, cfg, log); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(log.sums)/float64(cfg.Rounds), "sums/tree")
			b.ReportMetric(float64(log.bytes)/float64(cfg.Rounds)/1e3, "sent_kB/tree")
		})
	}
}

// BenchmarkMillionFederated has 2, 5 and 20 members hold the 10^6 rows, for 10 rounds:
// all must have the model of pooled rows.
func BenchmarkMillionFederated(b *testing.B) {
	table, _, features, _ := regression().tables()
	cfg := million(features, regression().loss)
	cfg.Rounds, cfg.Ahead, cfg.Members = 10, 8, 20
	l := learner(table.Rows, cfg)
	want, err := l.Train(b.Context(), table.Rows, learn.Pooled{})
	if err != nil {
		b.Fatal(err)
	}
	for _, members := range []int{2, 5, 20} {
		lots := rand.New(rand.NewPCG(uint64(members), 1))
		hands := learntest.Share(table.Rows, members, lots)
		b.Run(strconv.Itoa(members), func(b *testing.B) {
			before := cpu()
			for b.Loop() {
				got, err := learntest.Federate(b.Context(), hands, &learntest.Hub{Order: lots}, l.Train)
				if err != nil || slices.ContainsFunc(got, func(m []byte) bool { return !bytes.Equal(m, want) }) {
					b.Fatal("not the model of pooled rows", err)
				}
			}
			b.ReportMetric((cpu()-before)/float64(b.N), "cpu_s")
		})
	}
}

// BenchmarkMillionReplay grows the trees of 10^6 rows again from their sums alone.
func BenchmarkMillionReplay(b *testing.B) {
	table, _, features, _ := regression().tables()
	log := &recorder{}
	before := cpu()
	want, err := trees.Train(b.Context(), table.Rows, million(features, regression().loss), log)
	if err != nil {
		b.Fatal(err)
	}
	trained := cpu() - before
	before = cpu()
	for b.Loop() {
		got, err := trees.Train(b.Context(), nil, million(features, regression().loss), &replayer{entries: log.entries})
		if err != nil || got.Digest() != want.Digest() {
			b.Fatal("replay differs", err)
		}
	}
	b.ReportMetric((cpu()-before)/float64(b.N), "cpu_s")
	b.ReportMetric(trained, "training_cpu_s")
}

// cpu returns the seconds that all processors spent on this process.
func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// peak returns the most memory that this process had so far, in MB.
func peak(tb testing.TB) float64 {
	tb.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Skip(err) // Only Linux tells.
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				tb.Fatal(err)
			}
			return kib * 1024 / 1e6
		}
	}
	return 0
}
