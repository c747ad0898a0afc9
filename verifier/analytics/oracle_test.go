package analytics

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/exact"
	"comity/schema"
)

// valueOf returns the shown number of that name in the group of all rows.
func valueOf(a Answer, name string) (Value, bool) {
	i := slices.IndexFunc(a.Values, func(v Value) bool { return v.Name == name && len(v.Group) == 0 })
	if i < 0 {
		return Value{}, false
	}
	return a.Values[i], true
}

// doses returns the clipped values of column dose, in hundredths.
func doses(rows [][]schema.Cell, low, high int64) []int64 {
	var out []int64
	for _, r := range rows {
		if r[1].State == schema.Present {
			out = append(out, min(max(r[1].Number, low), high))
		}
	}
	return out
}

// answered encodes, decodes and returns an answer.
func answered(t *rapid.T, q comity.Query, rows [][]schema.Cell) Answer {
	t.Helper()
	l, err := NewLayout(q, visits(false))
	if err != nil {
		t.Fatal(err)
	}
	v, err := l.Encode(rows)
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Decode(Opened{Sum: v, Members: 1})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Variance by its definition: the mean square of distances to the mean.
func TestVarianceByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 30)
		a := answered(t, queries()["variance"], rows)
		values := doses(rows, -1000, 1000)
		if len(values) < 2 {
			return
		}
		n := big.NewRat(int64(len(values)), 1)
		mean := new(big.Rat)
		for _, v := range values {
			mean.Add(mean, big.NewRat(v, 100))
		}
		mean.Quo(mean, n)
		squares := new(big.Rat)
		for _, v := range values {
			d := new(big.Rat).Sub(big.NewRat(v, 100), mean)
			squares.Add(squares, d.Mul(d, d))
		}
		want := squares.Quo(squares, big.NewRat(int64(len(values)-1), 1))
		for name, want := range map[string]*big.Rat{"mean": mean, "variance": want} {
			if got, _ := valueOf(a, name); got.Value == nil || got.Value.Cmp(exact.FromBig(want)) != 0 {
				t.Fatalf("%s is %v, want %s", name, got.Value, want)
			}
		}
	})
}

// The interval of a quantile contains the value of that rank, and refining it narrows it
// until it is exact.
func TestQuantileByRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 40)
		values := doses(rows, -2000, 2000)
		if len(values) == 0 {
			return
		}
		slices.Sort(values)
		q := queries()["quantiles"]
		q.Levels = []exact.Rat{ratio(rapid.Int64Range(1, 10).Draw(t, "tenths"), 10)}
		rank := q.Levels[0].Mul(exact.Int(int64(len(values)))).Neg().Floor().Int64()
		want := values[-rank-1]
		for range 12 {
			a := answered(t, q, rows)
			s := a.Spans[0]
			if int64(s.Low) > want || int64(s.High) < want {
				t.Fatalf("from %d to %d, want %d", s.Low, s.High, want)
			}
			if s.Low == s.High {
				return
			}
			l, err := NewLayout(q, visits(false))
			if err != nil {
				t.Fatal(err)
			}
			if q, err = l.Refine(int64(s.Low), int64(s.High), 4); err != nil {
				t.Fatal(err)
			}
		}
		t.Fatal("not exact after 12 queries")
	})
}

// Kaplan-Meier by walking through the rows month by month.
func TestSurvivalByRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 40)
		q := queries()["survival"]
		q.By = nil
		q.Edges = []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}
		a := answered(t, q, rows)
		s := big.NewRat(1, 1)
		for month := range int64(11) {
			risk, events := int64(0), int64(0)
			for _, r := range rows {
				if r[6].State != schema.Present || r[7].State != schema.Present || r[6].Number < month {
					continue
				}
				risk++
				if r[6].Number == month && r[7].Number == 1 {
					events++
				}
			}
			got, ok := valueOf(a, "survival before "+q.Edges[month])
			if !ok || (risk == 0) != (got.State == Undefined) {
				t.Fatalf("month %d with %d at risk: %+v", month, risk, got)
			}
			if risk == 0 {
				continue
			}
			s.Mul(s, big.NewRat(risk-events, risk))
			if got.Value.Cmp(exact.FromBig(s)) != 0 {
				t.Fatalf("month %d: %s, want %s", month, got.Value, s)
			}
		}
	})
}

// The log-rank test, worked out by hand: two groups of three, events at 1, 2,
// 3 against 4, 5 and one observed to 6.
func TestLogRank(t *testing.T) {
	s := visits(false)
	row := func(month, sex, end int64) []schema.Cell {
		r := make([]schema.Cell, len(s.Columns))
		r[3] = schema.Cell{State: schema.Present, Number: sex}
		r[6] = schema.Cell{State: schema.Present, Number: month}
		r[7] = schema.Cell{State: schema.Present, Number: end}
		return r
	}
	q := queries()["survival"]
	q.Edges = []string{"1", "2", "3", "4", "5", "6", "7"}
	l := layoutOf(t, q, s)
	v, err := l.Encode([][]schema.Cell{row(1, 0, 1), row(2, 0, 1), row(3, 0, 1), row(4, 1, 1), row(5, 1, 1), row(6, 1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Decode(Opened{Sum: v, Members: 1})
	if err != nil {
		t.Fatal(err)
	}
	// Expected of the first: 3/6 + 2/5 + 1/4 = 23/20, so 3 - 23/20; the variance is
	// 3/6·3/6 + 2/5·3/5 + 1/4·3/4, as one event falls on each time.
	for name, want := range map[string]exact.Rat{"log-rank excess": ratio(37, 20), "log-rank variance": ratio(271, 400)} {
		got, _ := valueOf(a, name)
		if got.Value == nil || got.Value.Cmp(want) != 0 {
			t.Errorf("%s is %v, want %s", name, got.Value, want)
		}
	}
}

// Descending from prefix to prefix finds each value that is frequent, its exact count,
// and no other.
func TestHeavyHitters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 40)
		counts := map[string]int64{}
		for _, r := range rows {
			counts[string(r[5].Text)]++
		}
		q := queries()["heavy hitters"]
		q.Bits = rapid.SampledFrom([]int{4, 8, 12}).Draw(t, "bits")
		q.MinimumCell = rapid.IntRange(1, 10).Draw(t, "frequent")
		for more := true; more; {
			l, err := NewLayout(q, visits(false))
			if err != nil {
				t.Fatal(err)
			}
			a := answered(t, q, rows)
			var next comity.Query
			if next, more, err = l.Descend(a); err != nil {
				t.Fatal(err)
			}
			if more {
				q = next
				continue
			}
			names, err := l.Spell(a, rows)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range a.Values {
				if text := names[v.Name]; v.Value.Cmp(exact.Int(counts[text])) != 0 {
					t.Fatalf("%s (%s) is %s, want %d", v.Name, text, v.Value, counts[text])
				}
				delete(counts, names[v.Name])
			}
		}
		for text, n := range counts {
			if n >= int64(q.MinimumCell) {
				t.Fatalf("%s with %d rows was not found", text, n)
			}
		}
	})
}
