package forecast

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"comity/canon"
	"comity/modeler/learn"
	"comity/party"
)

const (
	flu      = "ILI incidence"
	cold     = "ARI incidence"
	midnight = "2024-02-07" // The origin of most tests, a Wednesday.
)

// tiny is a recipe that trains in milliseconds.
func tiny() map[string]canon.Int {
	r := Quick()
	maps.Copy(r, map[string]canon.Int{
		"history_weeks": 150, "vintages": 12, "folds": 2, "bins": 8, "rounds": 3, "depth": 2, "leaf_rows": 5,
		"scale_rounds": 2, "scale_depth": 1, "scale_leaf_rows": 10,
	})
	return r
}

func input(a *Archive) Input {
	return Input{Archive: a, Origin: midnight, Targets: []string{cold, flu}, Unit: "per 100,000 per week", Recipe: tiny(), Seed: [32]byte{7}}
}

func place(i int) party.ID { return party.ID(fmt.Sprintf("P%02d", i)) }

// makeWorld makes the archives' rows of n places over weeks that end two weeks after the
// tests' origin: waves of different height and timing, first reports that are revised,
// late reports, and values withdrawn. It is integer, so that golden results hold on every
// processor.
func makeWorld(tb testing.TB, n, weeks int) []Observation {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, uint64(n)))
	day, err := parseDay(midnight)
	if err != nil {
		tb.Fatal(err)
	}
	end := weekOf(day) + 2
	var rows []Observation
	for i := range n {
		height, shift := 5_000+r.Int64N(200_000), week(r.IntN(6))
		for w := end - week(weeks) + 1; w <= end; w++ {
			for _, target := range []string{flu, cold} {
				far := int64((w-shift)%52) - 26 // Weeks from the middle of summer.
				value := height * (20 + far*far) / 20 * (80 + r.Int64N(40)) / 100
				o := Observation{Target: target, Place: place(i), Date: w.String()}
				first, second := w, w+1
				if r.IntN(20) == 0 {
					first, second = w+1, w+2
				}
				o.AsOf, o.Value = friday(first), value*9/10
				rows = append(rows, o)
				o.AsOf, o.Value = friday(second), value
				if r.IntN(200) == 0 {
					o.Value, o.Withdrawn = 0, true
				}
				rows = append(rows, o)
			}
		}
	}
	return rows
}

// friday is the day of the snapshot that follows the end of a week.
func friday(w week) string { return w.time().AddDate(0, 0, 5).Format("2006-01-02") }

func archive(tb testing.TB, rows []Observation) *Archive {
	tb.Helper()
	a, err := NewArchive(rows)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func run(tb testing.TB, in Input, sum learn.Summer) *Result {
	tb.Helper()
	r, err := Run(tb.Context(), in, sum)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// split deals places out to members in turn.
func split(rows []Observation, members int) [][]Observation {
	out := make([][]Observation, members)
	for _, o := range rows {
		var i int
		fmt.Sscanf(string(o.Place), "P%d", &i)
		out[i%members] = append(out[i%members], o)
	}
	return out
}

// meeting adds the vectors of n members, in the order in which they arrive, and keeps
// every sum. Steps named in lost are lost once, after all have committed.
type meeting struct {
	mu      sync.Mutex
	members int
	lost    map[string]bool
	attempt int
	names   []string
	sums    map[string][]int64
	open    *gathering
}

// gathering is one step that waits for its last member.
type gathering struct {
	step    learn.Step
	arrived int
	sum     []int64
	err     error
	done    chan struct{}
}

func newMeeting(members int, lost ...string) *meeting {
	m := &meeting{members: members, lost: map[string]bool{}, sums: map[string][]int64{}}
	for _, name := range lost {
		m.lost[name] = true
	}
	return m
}

var errMixed = errors.New("members are at different steps")

func (m *meeting) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	g := m.arrive(step, x)
	select {
	case <-g.done:
		return append([]int64(nil), g.sum...), g.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *meeting) arrive(step learn.Step, x []int64) *gathering {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open == nil {
		m.open = &gathering{step: step, sum: make([]int64, len(x)), done: make(chan struct{})}
	}
	g := m.open
	if g.step != step || len(g.sum) != len(x) {
		g.err = fmt.Errorf("%w: %v and %v", errMixed, g.step, step)
		return g
	}
	for i, v := range x {
		g.sum[i] += v
	}
	for _, v := range g.sum {
		if step.Bits == 32 && v != int64(int32(v)) {
			g.err = fmt.Errorf("%s: %d does not fit 32 bits", step.Name, v)
		}
	}
	if g.arrived++; g.arrived == m.members {
		if m.lost[step.Name] {
			delete(m.lost, step.Name)
			m.attempt++
			g.sum, g.err = nil, &learn.Restart{Attempt: m.attempt}
		}
		m.names = append(m.names, step.Name)
		m.sums[step.Name] = g.sum
		m.open = nil
		close(g.done)
	}
	return g
}

// federate runs every member beside the others.
func federate(tb testing.TB, rows [][]Observation, m *meeting) []*Result {
	tb.Helper()
	return federateInput(tb, input(nil), rows, m)
}

func federateInput(tb testing.TB, in Input, rows [][]Observation, m *meeting) []*Result {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	results := make([]*Result, len(rows))
	errs := make([]error, len(rows))
	var wait sync.WaitGroup
	for i := range rows {
		wait.Go(func() {
			own := in
			var err error
			if own.Archive, err = NewArchive(rows[i]); err == nil {
				results[i], err = Run(ctx, own, m)
			}
			if errs[i] = err; err != nil {
				cancel()
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		tb.Fatal(err)
	}
	return results
}

// record replays logged sums; a lost step is logged as its restart.
type record struct {
	sums     map[string][]int64
	restarts int
}

func (r *record) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	for _, v := range x {
		if v != 0 {
			return nil, errors.New("a replay has rows")
		}
	}
	sum, ok := r.sums[step.Name]
	if !ok {
		return nil, fmt.Errorf("step %s is not in the log", step.Name)
	}
	if sum == nil {
		r.restarts++
		return nil, &learn.Restart{Attempt: r.restarts}
	}
	return sum, nil
}
