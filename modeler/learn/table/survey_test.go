package table_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

// survey makes the frame of pooled rows and logs the sums.
func survey(t testing.TB, cfg *table.Config, tab *table.Table) (*table.Frame, *learntest.Log) {
	t.Helper()
	log := &learntest.Log{}
	f, err := table.Survey(t.Context(), cfg, tab, log)
	if err != nil {
		t.Fatal(err)
	}
	return f, log
}

// column makes a file of one column x and a target.
func column(values []string) string {
	var b strings.Builder
	b.WriteString("x,y\n")
	for i, v := range values {
		fmt.Fprintf(&b, "%s,%d\n", v, i%3)
	}
	return b.String()
}

func texts(n int, draw func(r *rand.Rand) float64) []string {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.FormatFloat(draw(r), 'g', -1, 64)
	}
	return out
}

// Whatever the numbers look like, no bin holds more than its share and a quarter, unless
// one number fills it; and a number with more than its share has a bin to itself.
func TestBinsHoldEqualShares(t *testing.T) {
	const n, bins = 20_000, 65
	for name, draw := range map[string]func(r *rand.Rand) float64{
		"uniform":           func(r *rand.Rand) float64 { return r.Float64() },
		"normal":            func(r *rand.Rand) float64 { return r.NormFloat64() },
		"far from zero":     func(r *rand.Rand) float64 { return 1.7e9 + r.NormFloat64() },
		"very far":          func(r *rand.Rand) float64 { return -1e15 + math.Floor(100*r.NormFloat64()) },
		"many sizes":        func(r *rand.Rand) float64 { return math.Exp(30 * r.NormFloat64()) },
		"zeros":             func(r *rand.Rand) float64 { return max(0, r.NormFloat64()) },
		"a spike inside":    func(r *rand.Rand) float64 { return spike(r, 0.3, 100+r.Float64()/1000, 100.0005) },
		"two decimals":      func(r *rand.Rand) float64 { return math.Round(100*r.ExpFloat64()) / 100 },
		"whole numbers":     func(r *rand.Rand) float64 { return math.Floor(1000 * r.Float64()) },
		"tiny":              func(r *rand.Rand) float64 { return 1e-300 * r.NormFloat64() },
		"two clusters":      func(r *rand.Rand) float64 { return spike(r, 0.5, 1e9+r.Float64(), r.Float64()) },
		"subnormal numbers": func(r *rand.Rand) float64 { return math.Float64frombits(uint64(r.IntN(1 << 30))) },
	} {
		t.Run(name, func(t *testing.T) {
			values := texts(n, draw)
			tab := read(t, column(values), table.Want{})
			f, log := survey(t, &table.Config{Columns: []string{"x"}, Target: "y", Bins: bins}, tab)
			if len(log.Entries) > 4 {
				t.Errorf("%d sums", len(log.Entries))
			}
			got, err := table.Bins(f.Columns, tab)
			if err != nil {
				t.Fatal(err)
			}
			held, first := make([]int, 256), make([]map[string]int, 256)
			for i, b := range got[0] {
				if first[b] == nil {
					first[b] = map[string]int{}
				}
				held[b]++
				first[b][values[i]]++
			}
			const share = n / (bins - 1)
			for b, h := range held {
				if h > share*5/4+1 && len(first[b]) > 1 {
					heaviest := 0
					for _, k := range first[b] {
						heaviest = max(heaviest, k)
					}
					// Beside a heavy number there may be what is too little for a bin.
					if h > heaviest+share*5/4 {
						t.Errorf("bin %d holds %d of %d values, %d different", b, h, n, len(first[b]))
					}
				}
			}
			if used := slices.IndexFunc(held[1:], func(h int) bool { return h == 0 }); used < (bins-1)/2 && name != "two decimals" && name != "zeros" {
				t.Errorf("only %d bins are used", used)
			}
		})
	}
}

func spike(r *rand.Rand, chance, x, y float64) float64 {
	if r.Float64() < chance {
		return y
	}
	return x
}

// Few different numbers get a bin each, and the cuts are the numbers themselves.
func TestFewNumbersHaveABinEach(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		distinct := rapid.SliceOfNDistinct(rapid.OneOf(
			rapid.Map(rapid.IntRange(-50, 50), func(n int) float64 { return float64(n) / 10 }),
			rapid.Float64Range(-1e9, 1e9),
		), 2, 100, number.Key).Draw(rt, "numbers")
		var values []string
		for i := range 600 {
			values = append(values, strconv.FormatFloat(distinct[i%len(distinct)], 'g', -1, 64))
		}
		f, _ := survey(t, &table.Config{Columns: []string{"x"}, Target: "y"}, read(t, column(values), table.Want{}))
		slices.Sort(distinct)
		want := []int64{}
		for _, x := range distinct[1:] {
			want = append(want, number.Key(x))
		}
		if d := cmp.Diff(want, f.Columns[0].Cuts); d != "" {
			rt.Fatalf("cuts of %v: %s", distinct, d)
		}
	})
}

// Of 10^5 categories the most frequent have a bin each, although four sums of a few
// thousand counts are all that is known of them.
func TestManyCategories(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	zipf := rand.NewZipf(r, 1.1, 1, 99_999)
	counts := map[string]int{}
	var values []string
	for range 100_000 {
		v := fmt.Sprintf("town %d", zipf.Uint64())
		values = append(values, v)
		counts[v]++
	}
	for i := range 100_000 { // Every one is there.
		values = append(values, fmt.Sprintf("town %d", i))
		counts[values[len(values)-1]]++
	}
	f, _ := survey(t, &table.Config{Columns: []string{"x"}, Target: "y"}, read(t, column(values), table.Want{}))
	got := f.Columns[0]
	if got.Kind != table.Category || len(got.Cuts) != 253 {
		t.Fatalf("%s with %d bins", got.Kind, len(got.Cuts))
	}
	var all []int
	for _, n := range counts {
		all = append(all, n)
	}
	slices.Sort(all)
	least := all[len(all)-253] // Ties at the end may go either way.
	byKey := map[int64]int{}
	for name, n := range counts {
		byKey[table.CategoryKey(name)] = n
	}
	for _, key := range got.Cuts {
		if byKey[key] < least {
			t.Errorf("a category of %d rows has a bin; the 253rd has %d", byKey[key], least)
		}
	}
}

// The frame of a federation is that of pooled rows, and the sums alone give it again.
func TestFrameOfAFederation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := "n,c,d,m,y\n"
		for range rapid.IntRange(8, 200).Draw(rt, "rows") {
			text += rapid.SampledFrom([]string{"1", "2.5", "", "NA", "-7", "1e9"}).Draw(rt, "n") + "," +
				rapid.SampledFrom([]string{"a", "b", "7", ""}).Draw(rt, "c") + "," +
				rapid.SampledFrom([]string{"2020-01-01", "", "1999-12-31"}).Draw(rt, "d") + "," +
				rapid.SampledFrom([]string{"3", "x y", "2020-01-01"}).Draw(rt, "m") + "," +
				rapid.SampledFrom([]string{"1", "2", "3.5", ""}).Draw(rt, "y") + "\n"
		}
		text += "1,a,2020-01-01,3,1\n2,b,2021-01-01,x y,2\n"
		all := read(t, text, table.Want{Target: "y"})
		cfg := &table.Config{Columns: []string{"n", "c", "d", "m"}, Target: "y", Categories: []string{"m"}, Bins: rapid.IntRange(2, 20).Draw(rt, "bins")}
		log := &learntest.Log{}
		want, err := table.Survey(t.Context(), cfg, all, log)
		if err != nil {
			rt.Skip(err) // The columns happen to be empty or constant.
		}
		members := rapid.IntRange(2, 3).Draw(rt, "members")
		hand := rapid.SliceOfN(rapid.IntRange(0, members-1), all.Rows(), all.Rows()).Draw(rt, "hand")
		frames := make([]*table.Frame, members)
		hub := &adder{members: members}
		var wait sync.WaitGroup
		for m := range members {
			wait.Go(func() {
				part := all.Where(func(i int) bool { return hand[i] == m })
				frames[m], err = table.Survey(t.Context(), cfg, part, hub)
			})
		}
		wait.Wait()
		for _, f := range frames {
			if d := cmp.Diff(want, f); d != "" {
				rt.Fatalf("federated: %s", d)
			}
		}
		again, err := table.Survey(t.Context(), cfg, nil, &learntest.Replay{Entries: log.Entries})
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(want, again); d != "" {
			rt.Fatalf("replayed: %s", d)
		}
	})
}

// adder adds what members bring.
type adder struct {
	members int
	mu      sync.Mutex
	n       int
	sum     []int64
	done    chan struct{}
}

func (a *adder) Sum(_ context.Context, _ learn.Step, x []int64) ([]int64, error) {
	a.mu.Lock()
	if a.n == 0 {
		a.sum, a.done = make([]int64, len(x)), make(chan struct{})
	}
	sum, done := a.sum, a.done
	for i, v := range x {
		sum[i] += v
	}
	if a.n++; a.n == a.members {
		a.n = 0
		close(done)
	}
	a.mu.Unlock()
	<-done
	return sum, nil
}

// A changed sum is refused, or the trace tells.
func TestTamperedSums(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	text := "n,c,y\n"
	for i := range 300 {
		text += fmt.Sprintf("%d,%c,%d\n", r.IntN(40), 'a'+r.IntN(5), i%7)
	}
	cfg := &table.Config{Columns: []string{"n", "c"}, Target: "y"}
	want, log := survey(t, cfg, read(t, text, table.Want{}))
	for range 400 {
		entries := slices.Clone(log.Entries)
		at := r.IntN(len(entries))
		entries[at].Sum = slices.Clone(entries[at].Sum)
		k := r.IntN(len(entries[at].Sum))
		entries[at].Sum[k] += []int64{1, -1, 1000, 1 << 40, -1 << 40}[r.IntN(5)]
		f, err := table.Survey(t.Context(), cfg, nil, &learntest.Replay{Entries: entries})
		if err == nil && f.Trace == want.Trace {
			t.Fatalf("sum %d, value %d: not noticed", at, k)
		}
		if err != nil && !errors.Is(err, learn.ErrSum) && !errors.Is(err, learntest.ErrLog) && !errors.Is(err, table.ErrTarget) && !errors.Is(err, table.ErrColumn) {
			t.Fatalf("sum %d, value %d: %v", at, k, err)
		}
	}
}

// However large, small or far away targets are, the scaled ones fit, and their standard
// deviation is 1 to 2 units of 65,536 steps.
func TestTargetScale(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := math.Pow(10, float64(rapid.IntRange(-200, 200).Draw(rt, "size")))
		middle := size * float64(rapid.SampledFrom([]int{0, 1, -3, 1000, -1e6}).Draw(rt, "middle"))
		r := rand.New(rand.NewPCG(uint64(rapid.IntRange(0, 99).Draw(rt, "seed")), 1))
		text, values := "x,y\n", []float64{}
		for range 200 {
			y := middle + size*r.NormFloat64()
			values = append(values, y)
			text += fmt.Sprintf("%d,%s\n", r.IntN(9), strconv.FormatFloat(y, 'g', -1, 64))
		}
		f, _ := survey(t, &table.Config{Columns: []string{"x"}, Target: "y"}, read(t, text, table.Want{}))
		var sum, squares float64
		for _, y := range values {
			s, ok := f.Target.Scaled(number.Key(y))
			if !ok || s < f.Least || s > f.Most {
				rt.Fatalf("%g becomes %d (%t), ends are %d and %d", y, s, ok, f.Least, f.Most)
			}
			v := float64(s) / float64(fixed.One)
			sum, squares = sum+v/200, squares+v*v/200
			if back := number.Value(f.Target.Prediction(s)); math.Abs(back-y) > size/4096 {
				rt.Fatalf("%g comes back as %g", y, back)
			}
		}
		if sd := math.Sqrt(squares - sum*sum); sd < 0.9 || sd > 2.1 {
			rt.Fatalf("standard deviation %g", sd)
		}
	})
}
