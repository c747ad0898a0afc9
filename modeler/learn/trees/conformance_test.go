package trees_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"comity/chance"
	"comity/conformance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/anchor"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
)

// plain is a recipe for a table of one task that sees all rows and all features.
func plain(features learn.Features, l loss.Loss, rounds int) *trees.Config {
	return &trees.Config{
		Name: "plain", Tasks: 1, Folds: 1, Rounds: rounds, Depth: 6, RatePermille: 100, Lambda: 1, MinRows: 20,
		RowPermille: 1000, FeaturePermille: 1000, Members: 20, Loss: l,
		TargetLo: -16 * fixed.One, TargetHi: 16 * fixed.One, Seed: chance.Seed{3}, Features: features,
	}
}

var logistic = loss.Loss{Kind: loss.Logistic, Scale: fixed.One}

// together trains on pooled rows and on the same rows at home: at their own members, and
// dealt out to 2, 5 and 20; without and with a step lost before members committed, the
// last member leaving with it. All must have the same bytes, and so must a replay.
func together(t *testing.T, table *anchor.Table, members []int, cfg *trees.Config, counts ...int) *trees.Model {
	t.Helper()
	l := learner(table.Rows, cfg)
	log := &learntest.Log{}
	want, err := l.Train(t.Context(), table.Rows, log)
	if err != nil {
		t.Fatal(err)
	}
	replayed, err := l.Train(t.Context(), nil, &learntest.Replay{Entries: log.Entries})
	if err != nil || !bytes.Equal(replayed, want) {
		t.Errorf("the sums alone give another model (%v)", err)
	}
	hands := [][]*learn.Rows{deal(table.Rows, members)}
	for _, n := range counts {
		hands = append(hands, learntest.Share(table.Rows, n, rand.New(rand.NewPCG(uint64(n), 1))))
	}
	for _, hand := range hands {
		got := federated(t, l, hand, &learntest.Hub{})
		if slices.ContainsFunc(got, func(m []byte) bool { return !bytes.Equal(m, want) }) {
			t.Errorf("%d members: not the model of pooled rows", len(hand))
		}
	}
	drop(t, l, hands[0], log)
	m, err := trees.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// drop loses a member before it commits to a step in the middle of the training. Those
// who stay have the model that one holder of all their rows would have.
func drop(t *testing.T, l learntest.Learner, hand []*learn.Rows, log *learntest.Log) {
	t.Helper()
	step := log.Entries[len(log.Entries)/2].Step.Name
	lose := map[string]int{step: 1}
	got := federated(t, l, hand, &learntest.Hub{Lose: lose, Leaves: true})
	last := len(hand) - 1
	stay := hand[0]
	for _, rows := range hand[1:last] {
		stay = learntest.Join(stay, rows)
	}
	want := federated(t, l, []*learn.Rows{stay, hand[last]}, &learntest.Hub{Lose: lose, Leaves: true})[0]
	for i, m := range got[:last] {
		if !bytes.Equal(m, want) || len(m) == 0 {
			t.Errorf("%s lost: member %d has another model than the others' pooled rows give", step, i)
		}
	}
}

func federated(t *testing.T, l learntest.Learner, hand []*learn.Rows, hub *learntest.Hub) [][]byte {
	t.Helper()
	hub.Order = rand.New(rand.NewPCG(1, 2))
	models, err := learntest.Federate(t.Context(), hand, hub, l.Train)
	if err != nil && (!hub.Leaves || !errors.Is(err, learntest.ErrLeft)) {
		t.Fatal(err)
	}
	return models
}

// deal gives every member its own rows.
func deal(rows *learn.Rows, members []int) []*learn.Rows {
	lists := make([][]int, slices.Max(members)+1)
	for i, m := range members {
		lists[m] = append(lists[m], i)
	}
	hands := make([]*learn.Rows, len(lists))
	for m, list := range lists {
		hands[m] = learntest.Take(rows, list)
	}
	return hands
}

// adult reads the a9a files: the parties' as members, the test rows apart.
func adult(t testing.TB, bins int) (train, test *anchor.Frame, features learn.Features) {
	t.Helper()
	var parties, unseen []string
	for _, name := range conformance.Glob(t, "benchmarks/a9a*/*.gz") {
		if strings.Contains(name, "test") {
			unseen = append(unseen, name)
		} else {
			parties = append(parties, name)
		}
	}
	const columns = 123
	train, err := anchor.ReadLibSVM(parties, columns)
	if err != nil {
		t.Fatal(err)
	}
	if test, err = anchor.ReadLibSVM(unseen, columns); err != nil {
		t.Fatal(err)
	}
	return train, test, train.Features(bins)
}

// TestConformanceAdult has two parties reach the skill of a central booster: scikit-learn
// has AUC .9034 after 50 trees (docs/benchmarks.md).
func TestConformanceAdult(t *testing.T) {
	train, test, features := adult(t, 255)
	cfg := plain(features, logistic, 50)
	m := together(t, train.Table(features, 1), train.Members, cfg, 5, 20)
	got := anchor.AUC(floats(m.Scorer().Scores(test.Table(features, 1).Rows)), test.Targets)
	t.Logf("AUC %.4f", got)
	if got < .903 {
		t.Errorf("AUC %.4f on the test rows, want .903", got)
	}
}

// TestConformanceHeart has the hospitals as members and folds out of whose sight
// predictions are made.
func TestConformanceHeart(t *testing.T) {
	f, err := anchor.ReadHeart(conformance.Glob(t, "benchmarks/uci_heart*/*.data"))
	if err != nil {
		t.Fatal(err)
	}
	features := f.Features(32)
	cfg := plain(features, logistic, 60)
	cfg.Folds, cfg.Depth, cfg.RowPermille, cfg.FeaturePermille = 5, 3, 700, 700
	table := f.Table(features, cfg.Folds)
	m := together(t, table, f.Members, cfg, 2, 5, 20)
	var scores []fixed.Q16
	row := make([]uint8, len(features))
	for i := range table.Targets {
		for k := range row {
			row[k] = table.Rows.Bins[k][i]
		}
		scores = append(scores, m.PredictOutside(row, 0, table.Rows.FoldOf(i)))
	}
	got := anchor.AUC(floats(scores), table.Targets)
	t.Logf("AUC %.4f out of fold", got)
	if got < .85 {
		t.Errorf("AUC %.4f out of fold, want .85", got)
	}
}

// TestConformanceAir has 12 stations as members, one hour in 24.
func TestConformanceAir(t *testing.T) {
	f, err := anchor.ReadAir(conformance.Glob(t, "benchmarks/beijing_air*/*.csv.gz"), 24)
	if err != nil {
		t.Fatal(err)
	}
	features := f.Features(64)
	cfg := plain(features, loss.Loss{Kind: loss.Squared, Scale: fixed.One}, 40)
	cfg.Depth, cfg.MaxLeaves, cfg.Ahead = 12, 31, 8
	table := f.Table(features, 1)
	m := together(t, table, f.Members, cfg, 2, 5, 20)
	got := anchor.R2(floats(m.Scorer().Scores(table.Rows)), table.Targets)
	t.Logf("R2 %.4f on the rows of the training", got)
	if got < .7 {
		t.Errorf("R2 %.4f on the rows of the training, want .7", got)
	}
}

// TestConformanceMade is a slice of the million made rows, for both of its tasks. The
// whole is a benchmark.
func TestConformanceMade(t *testing.T) {
	made, others := anchor.Make(1, 50_000), anchor.Make(2, 20_000)
	features := made.Cut(64)
	members := make([]int, 50_000)
	for i := range members {
		members[i] = i % 5
	}
	for _, c := range []struct {
		loss  loss.Loss
		cut   func(*anchor.Made, learn.Features) *anchor.Table
		skill func(scores, targets []float64) float64
		want  float64
	}{
		{loss.Loss{Kind: loss.Squared, Scale: 2 * fixed.One}, (*anchor.Made).Regression, anchor.R2, .6},
		{logistic, (*anchor.Made).Classes, anchor.AUC, .835},
	} {
		cfg := million(features, c.loss)
		cfg.Rounds, cfg.RatePermille, cfg.Ahead, cfg.Members = 15, 300, 8, 20
		m := together(t, c.cut(made, features), members, cfg, 2, 20)
		test := c.cut(others, features)
		got := c.skill(floats(m.Scorer().Scores(test.Rows)), test.Targets)
		t.Logf("%s loss: skill %.4f", c.loss.Kind, got)
		if got < c.want {
			t.Errorf("%s loss: skill %.4f on the test rows, want %.4f", c.loss.Kind, got, c.want)
		}
	}
}

func floats(scores []fixed.Q16) []float64 {
	out := make([]float64, len(scores))
	for i, v := range scores {
		out[i] = float64(v) / float64(fixed.One)
	}
	return out
}
