package linear_test

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
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/linear"
	"comity/modeler/learn/loss"
)

// TestFederatedEqualsPooled fits over 2, 5 and 20 members, some with one row and some with
// none, in any order of arrival, and replays from the sums alone.
func TestFederatedEqualsPooled(t *testing.T) {
	for i, l := range losses() {
		rows, features := newWorld(byte(i), 400, l, i%2 == 0)
		c := small(l, features)
		log := &learntest.Log{}
		want := train(t, rows, c, log).Encode()
		if got := train(t, nil, c, &learntest.Replay{Entries: log.Entries}).Encode(); !bytes.Equal(got, want) {
			t.Fatalf("%s: a replay differs from the training", l.Kind)
		}
		for _, members := range []int{2, 5, 20} {
			lots := rand.New(rand.NewPCG(uint64(i), uint64(members)))
			for m, got := range federate(t, rows, c, members, &learntest.Hub{Order: lots}) {
				if !bytes.Equal(got, want) {
					t.Fatalf("%s: member %d of %d has another model than the pool", l.Kind, m, members)
				}
			}
		}
	}
}

func federate(t *testing.T, rows *learn.Rows, c *linear.Config, members int, hub *learntest.Hub) [][]byte {
	t.Helper()
	models, err := learntest.Federate(t.Context(), learntest.Share(rows, members, hub.Order), hub,
		func(ctx context.Context, rows *learn.Rows, sum learn.Summer) ([]byte, error) {
			m, err := linear.Train(ctx, rows, c, sum)
			if err != nil {
				return nil, err
			}
			return m.Encode(), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return models
}

// TestLostStepsStartAgain loses steps of all losses and checks that no two sums of one
// step are over the same rows.
func TestLostStepsStartAgain(t *testing.T) {
	for i, l := range losses() {
		rows, features := newWorld(byte(i), 500, l, false)
		c := small(l, features)
		lose := map[string]int{"small/step/0/attempt/0": 1, "small/step/0/attempt/1": 3, "small/step/2/attempt/3": 4}
		log := &learntest.Log{Lose: lose}
		m := train(t, rows, c, log)
		if !bytes.Equal(train(t, nil, c, &learntest.Replay{Entries: log.Entries}).Encode(), m.Encode()) {
			t.Fatal("a replay differs from the training")
		}
		for _, got := range federate(t, rows, c, 5, &learntest.Hub{Order: rand.New(rand.NewPCG(1, 1)), Lose: lose}) {
			if !bytes.Equal(got, m.Encode()) {
				t.Fatal("a member has another model than the pool")
			}
		}
		sums := map[string][]int64{}
		for _, e := range log.Entries {
			step, _, _ := strings.Cut(e.Step.Name, "/attempt/")
			if before, again := sums[step]; again && before[0] == e.Sum[0] {
				t.Fatalf("%s sums %d rows again", e.Step.Name, before[0])
			}
			sums[step] = e.Sum
		}
	}
	rows, features := newWorld(9, 200, losses()[1], false)
	for name, attempt := range map[string]int{"same": 0, "too high": learn.MaxAttempt + 1} {
		lose := map[string]int{"small/step/1/attempt/0": attempt}
		if _, err := linear.Train(t.Context(), rows, small(losses()[1], features), &learntest.Log{Lose: lose}); !errors.Is(err, learn.ErrAttempt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var restart *learn.Restart
	lose := map[string]int{"small/moments": 1}
	if _, err := linear.Train(t.Context(), rows, small(losses()[1], features), &learntest.Log{Lose: lose}); !errors.As(err, &restart) {
		t.Errorf("lost moments: %v", err)
	}
}

// TestColumnsThatDependAreNamed doubles columns: without lambda that is refused, with it
// both share.
func TestColumnsThatDependAreNamed(t *testing.T) {
	for i, l := range losses() {
		rows, features := newWorld(byte(i), 400, l, false)
		c := small(l, append(features, learn.Feature{Name: "double", Cuts: features[0].Cuts}))
		rows.Bins = append(rows.Bins, rows.Bins[0])
		twice := make([]int64, rows.Len())
		for k, x := range rows.Numbers[0] {
			twice[k] = 3*(x>>8) + 5
		}
		for k := range rows.Numbers[0] {
			rows.Numbers[0][k] = rows.Numbers[0][k] >> 8 << 8
		}
		rows.Numbers = append(rows.Numbers, twice)
		shared := train(t, rows, c, learn.Pooled{})
		if a, b := shared.Value[1], shared.Value[len(shared.Value)-1]; a == 0 || b == 0 {
			t.Errorf("%s: coefficients %d and %d of two columns that say the same", l.Kind, a, b)
		}
		c.LambdaPermille = 0
		_, err := linear.Train(t.Context(), rows, c, learn.Pooled{})
		if !errors.Is(err, linear.ErrCollinear) || !strings.Contains(err.Error(), `"double"`) {
			t.Errorf("%s: %v", l.Kind, err)
		}
	}
}

// TestPerfectAnswersNeedLambda separates yes from no by one column.
func TestPerfectAnswersNeedLambda(t *testing.T) {
	l := losses()[1]
	rows, features := newWorld(3, 200, l, false)
	for i, x := range rows.Numbers[1] {
		rows.Target[i] = 0
		if x > 0 {
			rows.Target[i] = fixed.One
		}
	}
	c := small(l, features)
	train(t, rows, c, learn.Pooled{})
	c.LambdaPermille = 0
	if _, err := linear.Train(t.Context(), rows, c, learn.Pooled{}); !errors.Is(err, linear.ErrSteps) && !errors.Is(err, linear.ErrCollinear) {
		t.Errorf("no lambda: %v", err)
	}
	c.LambdaPermille, c.Steps = 1000, 2
	if _, err := linear.Train(t.Context(), rows, c, learn.Pooled{}); !errors.Is(err, linear.ErrSteps) {
		t.Errorf("two steps: %v", err)
	}
}

func TestFewRowsStillFit(t *testing.T) {
	for i, l := range losses() {
		for n := range 4 {
			rows, features := newWorld(byte(i), n, l, false)
			m, err := linear.Train(t.Context(), rows, small(l, features), learn.Pooled{})
			if err == nil {
				_, err = linear.Decode(m.Encode())
			}
			same := l.Kind != loss.Squared && len(slices.Compact(slices.Clone(rows.Target))) == 1
			if err != nil && (!same || !errors.Is(err, linear.ErrSteps)) {
				t.Errorf("%s, %d rows: %v", l.Kind, n, err)
			}
		}
	}
}

// TestStrangeRowsHaveScores asks a model about numbers that no row had.
func TestStrangeRowsHaveScores(t *testing.T) {
	for i, l := range losses() {
		rows, features := newWorld(byte(i), 300, l, false)
		m := train(t, rows, small(l, features), learn.Pooled{})
		for _, x := range []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64} {
			bins, numbers := make([]uint8, len(features)), slices.Repeat([]int64{x}, len(features))
			low, high := m.Interval(bins, numbers)
			if s := m.Score(bins, numbers); s.Abs() > learn.MaxMagnitude || low > high {
				t.Errorf("%s: score %d, interval %d to %d", l.Kind, s, low, high)
			}
		}
	}
}

// TestIntervalsCover draws many small data sets: nine in ten intervals and more hold the
// slope that the world has.
func TestIntervalsCover(t *testing.T) {
	l, inside := losses()[0], 0
	const repeats = 200
	for seed := range repeats {
		rows, features := newWorld(byte(seed), 60, l, false)
		m := train(t, rows, small(l, features), learn.Pooled{})
		// Of the second column: minus one for 2^7 of its numbers.
		_, low, high := m.Coefficient(2)
		_, exponent := m.Slope(2)
		if truth := -math.Ldexp(1, -7-exponent); float64(low) <= truth && truth <= float64(high) {
			inside++
		}
	}
	if inside < repeats*90/100 || inside > repeats*99/100 {
		t.Errorf("%d of %d intervals of 95 %% hold the truth", inside, repeats)
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
	l := losses()[1]
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
	refused := 0
	for _, e := range log.Entries {
		for name, change := range changes {
			for at := range e.Sum {
				if at > 40 && at%3 > 0 {
					continue
				}
				m, err := linear.Train(t.Context(), rows, c, &liar{e.Step.Name, at, change})
				switch {
				case err == nil && m.Trace == trace:
					t.Fatalf("%s: value %d %s: nobody noticed", e.Step.Name, at, name)
				case err == nil || errors.Is(err, linear.ErrSteps) || errors.Is(err, linear.ErrCollinear):
				case !errors.Is(err, learn.ErrSum):
					t.Fatalf("%s: value %d %s: %v", e.Step.Name, at, name, err)
				default:
					refused++
				}
				if name == "far more" && err == nil {
					t.Fatalf("%s: value %d %s: not refused", e.Step.Name, at, name)
				}
			}
		}
	}
	if refused == 0 {
		t.Fatal("no change was refused")
	}
	for i := range log.Entries {
		short := &learntest.Replay{Entries: slices.Clone(log.Entries)}
		short.Entries[i].Sum = short.Entries[i].Sum[1:]
		if _, err := linear.Train(t.Context(), nil, c, short); !errors.Is(err, learn.ErrSum) {
			t.Fatalf("%s: a value too few: %v", log.Entries[i].Step.Name, err)
		}
	}
}

func TestRowsOutsideTheRecipeAreRefused(t *testing.T) {
	l := losses()[1]
	for name, spoil := range map[string]func(*learn.Rows){
		"bin":          func(r *learn.Rows) { r.Bins[3][3] = 200 },
		"target":       func(r *learn.Rows) { r.Target[3] = 2 },
		"large number": func(r *learn.Rows) { r.Numbers[0][3] = 1<<41 + 1 },
		"small number": func(r *learn.Rows) { r.Numbers[0][3] = -1<<41 - 1 },
		"no numbers":   func(r *learn.Rows) { r.Numbers = nil },
		"few numbers":  func(r *learn.Rows) { r.Numbers[1] = r.Numbers[1][1:] },
	} {
		rows, features := newWorld(2, 20, l, false)
		spoil(rows)
		if _, err := linear.Train(t.Context(), rows, small(l, features), learn.Pooled{}); !errors.Is(err, learn.ErrData) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecipesOutOfBoundsAreRefused(t *testing.T) {
	_, features := newWorld(2, 1, losses()[0], false)
	for name, spoil := range map[string]func(*linear.Config){
		"name":     func(c *linear.Config) { c.Name = "A" },
		"no name":  func(c *linear.Config) { c.Name = "" },
		"steps":    func(c *linear.Config) { c.Steps = 0 },
		"lambda":   func(c *linear.Config) { c.LambdaPermille = -1 },
		"span":     func(c *linear.Config) { c.TargetHi = c.TargetLo },
		"loss":     func(c *linear.Config) { c.Loss = loss.Loss{} },
		"huber":    func(c *linear.Config) { c.Loss = loss.Loss{Kind: loss.Huber, Scale: fixed.One} },
		"features": func(c *linear.Config) { c.Features = nil },
	} {
		c := small(losses()[1], features)
		spoil(c)
		if _, err := linear.Train(t.Context(), nil, c, learn.Pooled{}); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := make(learn.Features, 500)
	rows := &learn.Rows{Bins: make([][]uint8, 500), Numbers: make([][]int64, 500), Key: []uint64{1, 2}, Target: []fixed.Q16{0, fixed.One}}
	for f := range many {
		rows.Bins[f], rows.Numbers[f] = []uint8{1, 1}, []int64{0, 1}
	}
	if _, err := linear.Train(t.Context(), rows, small(losses()[1], many), learn.Pooled{}); !errors.Is(err, learn.ErrConfig) {
		t.Errorf("500 columns: %v", err)
	}
}
