package analytics

import (
	"maps"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/schema"
)

// ratText compares rationals by their text.
var ratText = cmp.Transformer("text", func(x exact.Rat) string { return x.String() })

// Every kind gives the same answer from one member that has all rows as from many that
// share them, and its vectors keep the bounds that the layout states.
func TestFederatedIsPooled(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(queries())) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				q := queries()[name]
				q.MinimumCell = max(q.MinimumCell, rapid.IntRange(0, 4).Draw(t, "minimum cell"))
				q.Report = rapid.Bool().Draw(t, "report")
				l, err := NewLayout(q, visits(false))
				if err != nil {
					t.Fatal(err)
				}
				rows := drawRows(t, 40)
				members := deal(t, rows)
				var vectors [][]int64
				for _, m := range members {
					v, err := l.Encode(m)
					if err != nil {
						t.Fatal(err)
					}
					for i, x := range v {
						if x > l.Lanes[i].Bound || -x > l.Lanes[i].Bound {
							t.Fatalf("lane %s is %d, bound %d", l.Lanes[i].Name, x, l.Lanes[i].Bound)
						}
					}
					vectors = append(vectors, v)
				}
				pooled, err := l.Encode(rows)
				if err != nil {
					t.Fatal(err)
				}
				got, err := l.Decode(Opened{Sum: added(vectors...), Members: len(members)})
				if err != nil {
					t.Fatal(err)
				}
				want, err := l.Decode(Opened{Sum: pooled, Members: len(members)})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got, ratText); diff != "" {
					t.Fatal(diff)
				}
				data, err := canon.Marshal(got)
				if err != nil {
					t.Fatal(err)
				}
				var again Answer
				if err := canon.Unmarshal(data, &again); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// No person and no member changes a vector by more than the layout says.
func TestSensitivity(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(queries())) {
		q := queries()[name]
		if q.Kind == comity.QueryVariance && q.Upper != "10" {
			continue // Split: it takes no noise, see TestNoisy.
		}
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				q.PersonRows = rapid.IntRange(1, 3).Draw(t, "person rows")
				q.Report = rapid.Bool().Draw(t, "report")
				l, err := NewLayout(q, visits(true))
				if err != nil {
					t.Fatal(err)
				}
				rows := drawRows(t, 12)
				without := slices.DeleteFunc(slices.Clone(rows), func(r []schema.Cell) bool { return r[0].Number == 0 })
				a, err := l.Encode(rows)
				if err != nil {
					t.Fatal(err)
				}
				b, err := l.Encode(without)
				if err != nil {
					t.Fatal(err)
				}
				checkDistance(t, a, b, *l.Person)
				checkDistance(t, a, make([]int64, len(a)), l.Member)
			})
		})
	}
}

func checkDistance(t *rapid.T, a, b []int64, s Sensitivity) {
	t.Helper()
	l1, l2, linf := new(big.Int), new(big.Int), new(big.Int)
	for i := range a {
		d := new(big.Int).Abs(big.NewInt(a[i] - b[i]))
		l1.Add(l1, d)
		l2.Add(l2, new(big.Int).Mul(d, d))
		if d.Cmp(linf) > 0 {
			linf.Set(d)
		}
	}
	for _, c := range []struct {
		name string
		got  *big.Int
		most exact.Rat
	}{{"L1", l1, s.L1}, {"L2 squared", l2, s.L2Squared}, {"Linf", linf, s.Linf}} {
		if c.most.Cmp(exact.FromBig(new(big.Rat).SetInt(c.got))) < 0 {
			t.Fatalf("%s changed by %s, at most %s stated", c.name, c.got, c.most)
		}
	}
}

// Numbers that fill several lanes come together again, negative ones too.
func TestSplitJoins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limbs := rapid.IntRange(2, 5).Draw(t, "limbs")
		want := new(big.Int)
		var vectors [][]int64
		for range rapid.IntRange(1, 200).Draw(t, "members") {
			n := new(big.Int).Mul(big.NewInt(rapid.Int64().Draw(t, "a")), big.NewInt(rapid.Int64Range(0, 1<<20).Draw(t, "b")))
			v := make([]int64, limbs)
			split(n, v)
			vectors = append(vectors, v)
			want.Add(want, n)
		}
		if got := join(added(vectors...)); got.Cmp(want) != 0 {
			t.Fatalf("joined %s, want %s", got, want)
		}
	})
}

// Every value lies in the span of its bin, bins leave no gap, and a span is narrow.
func TestGrid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lower := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "lower")
		upper := lower + rapid.Int64Range(0, 1<<40).Draw(t, "width")
		g := newGrid(rapid.IntRange(1, 12).Draw(t, "bits"), lower, upper)
		v := rapid.Int64Range(lower, upper).Draw(t, "value")
		bin := g.bin(v)
		low, high := g.span(bin)
		if v < low || v > high || bin < 0 || bin >= g.steps {
			t.Fatalf("%d lies in bin %d of %d, from %d to %d", v, bin, g.steps, low, high)
		}
		if bin > 0 {
			if _, before := g.span(bin - 1); before != low-1 {
				t.Fatalf("bin %d ends at %d, the next begins at %d", bin-1, before, low)
			}
		}
		if size := min(max(low, -low), max(high, -high)); (high-low)<<g.bits > size {
			t.Fatalf("bin from %d to %d is wider than 1/%d of its values", low, high, 1<<g.bits)
		}
	})
}
