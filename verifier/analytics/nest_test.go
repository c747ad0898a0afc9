package analytics

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity/exact"
	"comity/schema"
)

// A body's sum, nested, is the vector that one member with all its rows would add. So the
// answer of three levels is that of one flat body, for every kind of question.
func TestNestedIsFlat(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(queries())) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				q := queries()[name]
				q.Report = rapid.Bool().Draw(t, "report")
				l, err := NewLayout(q, visits(false))
				if err != nil {
					t.Fatal(err)
				}
				var flat, top [][]int64
				for range rapid.IntRange(1, 3).Draw(t, "nations") {
					nation, rows, leaves := raise(t, l, 2)
					if own, err := l.Encode(rows); err != nil || !slices.Equal(own, nation) {
						t.Fatalf("nested %v, with all rows %v (%v)", nation, own, err)
					}
					flat, top = append(flat, leaves...), append(top, nation)
				}
				want, err := l.Decode(Opened{Sum: added(flat...), Members: len(flat)})
				if err != nil {
					t.Fatal(err)
				}
				got, err := l.Decode(Opened{Sum: added(top...), Members: len(top)})
				if err != nil {
					t.Fatal(err)
				}
				got.Members = want.Members
				if diff := cmp.Diff(want, got, cmp.Transformer("text", func(x exact.Rat) string { return x.String() })); diff != "" {
					t.Fatal(diff)
				}
			})
		})
	}
}

// raise returns the vector of a body so many levels above those with rows, all the rows,
// and the vectors of those who have them.
func raise(t *rapid.T, l *Layout, levels int) (vector []int64, rows [][]schema.Cell, leaves [][]int64) {
	if levels == 0 {
		rows := drawRows(t, 10)
		vector, err := l.Encode(rows)
		if err != nil {
			t.Fatal(err)
		}
		return vector, rows, [][]int64{vector}
	}
	var members [][]int64
	for range rapid.IntRange(1, 3).Draw(t, "members") {
		v, own, below := raise(t, l, levels-1)
		members, rows, leaves = append(members, v), append(rows, own...), append(leaves, below...)
	}
	vector, err := l.Nest(added(members...), false)
	if err != nil {
		t.Fatal(err)
	}
	return vector, rows, leaves
}

// More rows below than one member may have are refused, in one lane or over all.
func TestNestRefuses(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(queries())) {
		t.Run(name, func(t *testing.T) {
			l := layoutOf(t, queries()[name], visits(false))
			most := make([]int64, len(l.Lanes))
			most[0] = memberRows
			if _, err := l.Nest(most, false); err != nil {
				t.Fatal(err)
			}
			most[0]++
			if _, err := l.Nest(most, true); !errors.Is(err, ErrRows) {
				t.Errorf("one row too many in a lane: %v, want ErrRows", err)
			}
			if _, err := l.Nest(most[1:], false); !errors.Is(err, ErrSum) {
				t.Errorf("a lane too few: %v, want ErrSum", err)
			}
			most[0] = -1
			if _, err := l.Nest(most, false); !errors.Is(err, ErrSum) {
				t.Errorf("a count below 0: %v, want ErrSum", err)
			}
			if _, err := l.Nest(most, true); err != nil {
				t.Errorf("noise below 0: %v", err)
			}
		})
	}
	l := layoutOf(t, queries()["count by"], visits(false))
	over := make([]int64, len(l.Lanes))
	over[0], over[1] = memberRows/2, memberRows/2+1
	if _, err := l.Nest(over, false); !errors.Is(err, ErrRows) {
		t.Errorf("one row too many over all lanes: %v, want ErrRows", err)
	}
}
