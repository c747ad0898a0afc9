package neutrality_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"comity/chance"
	"comity/modeler/neutrality"
)

// town is rows of four parties. The world's truth is 3 plus noise; party d reports 9.
type town struct {
	party []string
	fold  []int
	truth []float64
}

func newTown(rows map[string]int) town {
	coin, w := chance.NewStream(chance.Seed{5}), town{}
	for _, p := range []string{"a", "b", "c", "d"} {
		for i := range rows[p] {
			w.party, w.fold = append(w.party, p), append(w.fold, i%3)
			y := 3 + uniform(coin)
			if p == "d" {
				y = 9 + uniform(coin)
			}
			w.truth = append(w.truth, y)
		}
	}
	return w
}

var errFew = errors.New("too few rows")

// mean is the simplest learner: everybody gets the mean of the kept rows.
func (w town) mean(keep []bool) ([]float64, error) {
	var sum, n float64
	for i, k := range keep {
		if k {
			sum, n = sum+w.truth[i], n+1
		}
	}
	if n < 3 {
		return nil, errFew
	}
	return slices.Repeat([]float64{sum / n}, len(keep)), nil
}

func squared(y, p float64) float64 { return (y - p) * (y - p) }

// TestTrialHoldsRowsOut compares every prediction with the mean worked out in plain sight.
func TestTrialHoldsRowsOut(t *testing.T) {
	w := newTown(map[string]int{"a": 30, "b": 20, "c": 9, "d": 12})
	tr, err := neutrality.Try(w.party, w.fold, w.mean)
	if err != nil {
		t.Fatal(err)
	}
	mean := func(use func(i int) bool) float64 {
		var sum, n float64
		for i, y := range w.truth {
			if use(i) {
				sum, n = sum+y, n+1
			}
		}
		return sum / n
	}
	for i := range w.truth {
		outside := func(k int) bool { return w.fold[k] != w.fold[i] }
		if want := mean(outside); math.Abs(tr.Together[i]-want) > 1e-12 {
			t.Fatalf("row %d together: %v, want %v", i, tr.Together[i], want)
		}
		if want := mean(func(k int) bool { return outside(k) && w.party[k] == w.party[i] }); math.Abs(tr.Alone[i]-want) > 1e-12 {
			t.Fatalf("row %d alone: %v, want %v", i, tr.Alone[i], want)
		}
		for p, name := range tr.Parties {
			if want := mean(func(k int) bool { return outside(k) && w.party[k] != name }); math.Abs(tr.Without[p][i]-want) > 1e-12 {
				t.Fatalf("row %d without %s: %v, want %v", i, name, tr.Without[p][i], want)
			}
		}
	}
}

// TestInfluence finds the party that moves the others more than its number does.
func TestInfluence(t *testing.T) {
	w := newTown(map[string]int{"a": 200, "b": 150, "c": 60, "d": 60})
	tr, err := neutrality.Try(w.party, w.fold, w.mean)
	if err != nil {
		t.Fatal(err)
	}
	all, err := tr.Influence(w.truth, squared, usual())
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range all {
		if in.Unlike != (in.Party == "d") {
			t.Errorf("%+v", in)
		}
		if in.Party == "d" && (in.Helps.High >= 0 || in.Moves.Value < .5 || in.Most < in.Moves.Value) {
			t.Errorf("d: %+v", in)
		}
		if in.Rows != map[string]int{"a": 200, "b": 150, "c": 60, "d": 60}[in.Party] {
			t.Errorf("%+v", in)
		}
	}
	ledger, err := tr.Ledger(w.truth, squared, usual())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range ledger {
		// d's rows are nothing like the others': each is better off alone, d by far.
		if !(c.Gain.High < 0) || !c.Gain.Holds(c.Alone-c.Shared) || c.Unable != "" {
			t.Errorf("%+v", c)
		}
	}
}

// TestPartiesThatCannotTrainAlone are noted, and gain what nobody can measure.
func TestPartiesThatCannotTrainAlone(t *testing.T) {
	w := newTown(map[string]int{"a": 60, "b": 60, "c": 1})
	tr, err := neutrality.Try(w.party, w.fold, w.mean)
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := tr.Ledger(w.truth, squared, usual())
	if err != nil {
		t.Fatal(err)
	}
	if c := ledger[2]; c.Party != "c" || !strings.Contains(c.Unable, "too few") || !math.IsNaN(c.Alone) || c.Gain.N != 0 || c.Rows != 1 || math.IsNaN(c.Shared) {
		t.Errorf("%+v", c)
	}
	if c := ledger[0]; c.Unable != "" || c.Gain.N != 60 {
		t.Errorf("%+v", c)
	}
	if _, err := neutrality.Try([]string{"a", "a"}, []int{0, 1}, w.mean); !errors.Is(err, neutrality.ErrTrain) {
		t.Errorf("nobody can train: %v", err)
	}
	one, err := neutrality.Try(slices.Repeat([]string{"a"}, 20), slices.Repeat([]int{0, 1}, 10), func(keep []bool) ([]float64, error) { return make([]float64, len(keep)), nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.Influence(make([]float64, 20), squared, usual()); !errors.Is(err, neutrality.ErrInput) {
		t.Error(err)
	}
	if _, err := one.Ledger(nil, squared, usual()); !errors.Is(err, neutrality.ErrInput) {
		t.Error(err)
	}
}

// TestNamesThatMatterAreFound lets a name into the model in the ways in which it can slip.
func TestNamesThatMatterAreFound(t *testing.T) {
	parties := []string{"north", "east", "south"}
	rows := []int{5, 7, 9}
	for name, c := range map[string]struct {
		train func(names []string) string
		same  bool
	}{
		"sum":    {func([]string) string { return fmt.Sprint(rows[0] + rows[1] + rows[2]) }, true},
		"name":   {func(n []string) string { return n[0] }, false},
		"favour": {func(n []string) string { return fmt.Sprint(rows[slices.Index(n, "east")]) }, false},
		"order": {func(n []string) string {
			return fmt.Sprint(slices.SortedFunc(slices.Values(rows), func(x, y int) int { return strings.Compare(n[slices.Index(rows, x)], n[slices.Index(rows, y)]) }))
		}, false},
		"reversed": {func(n []string) string { return fmt.Sprint(n[1] == "north") }, false},
	} {
		r, err := neutrality.Rename(parties, func(names []string) ([]byte, error) { return []byte(c.train(names)), nil })
		if err != nil || r.Same != c.same || len(r.Names) != 3 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if _, err := neutrality.Rename(parties, func([]string) ([]byte, error) { return nil, errFew }); !errors.Is(err, neutrality.ErrTrain) || !errors.Is(err, errFew) {
		t.Error(err)
	}
}
