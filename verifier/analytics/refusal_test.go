package analytics

import (
	"errors"
	"testing"

	"comity"
	"comity/exact"
	"comity/schema"
)

func TestQueriesRefused(t *testing.T) {
	with := func(name string, change func(*comity.Query)) comity.Query {
		q := queries()[name]
		change(&q)
		return q
	}
	for name, q := range map[string]comity.Query{
		"kind":             with("sum", func(q *comity.Query) { q.Kind = "median" }),
		"unused field":     with("count", func(q *comity.Query) { q.Column = "dose" }),
		"unused salt":      with("sum", func(q *comity.Query) { q.Salt = []byte{1} }),
		"no column":        with("sum", func(q *comity.Query) { q.Column = "does" }),
		"text summed":      with("sum", func(q *comity.Query) { q.Column = "code" }),
		"weight below 0":   with("weighted sum", func(q *comity.Query) { q.Weight = "dose" }),
		"by numbers":       with("count by", func(q *comity.Query) { q.By = []string{"months"} }),
		"by twice":         with("count by", func(q *comity.Query) { q.By = []string{"sex", "sex"} }),
		"table of nothing": with("contingency", func(q *comity.Query) { q.By = nil }),
		"no rows":          with("sum", func(q *comity.Query) { q.MemberRows = 0 }),
		"too many rows":    with("sum", func(q *comity.Query) { q.MemberRows = schema.MaxRows + 1 }),
		"no bounds":        with("sum", func(q *comity.Query) { q.Lower = "" }),
		"too fine a bound": with("sum", func(q *comity.Query) { q.Lower = "0.001" }),
		"bounds crossed":   with("sum", func(q *comity.Query) { q.Lower = "11" }),
		"no edges":         with("histogram", func(q *comity.Query) { q.Edges = nil }),
		"edges fall":       with("histogram", func(q *comity.Query) { q.Edges = []string{"1", "1"} }),
		"no levels":        with("quantiles", func(q *comity.Query) { q.Levels = nil }),
		"level 0":          with("quantiles", func(q *comity.Query) { q.Levels = []exact.Rat{{}} }),
		"level above 1":    with("quantiles", func(q *comity.Query) { q.Levels = []exact.Rat{ratio(3, 2)} }),
		"levels fall":      with("quantiles", func(q *comity.Query) { q.Levels = []exact.Rat{ratio(1, 2), ratio(1, 4)} }),
		"bits and edges":   with("quantiles edges", func(q *comity.Query) { q.Bits = 3 }),
		"too many bits":    with("quantiles", func(q *comity.Query) { q.Bits = 13 }),
		"edge outside":     with("quantiles edges", func(q *comity.Query) { q.Edges = []string{"30"} }),
		"no salt":          with("heavy hitters", func(q *comity.Query) { q.Salt = nil }),
		"odd bits":         with("heavy hitters", func(q *comity.Query) { q.Bits = 5 }),
		"bad prefix":       with("heavy hitters", func(q *comity.Query) { q.Prefixes = []string{"0G"} }),
		"empty prefix":     with("heavy hitters", func(q *comity.Query) { q.Prefixes = []string{""} }),
		"prefixes fall":    with("heavy hitters", func(q *comity.Query) { q.Prefixes = []string{"11", "11"} }),
		"long prefix":      with("heavy hitters", func(q *comity.Query) { q.Prefixes = []string{"0123456789abcdef"} }),
		"nothing frequent": with("heavy hitters", func(q *comity.Query) { q.MinimumCell = 0 }),
		"no event":         with("survival", func(q *comity.Query) { q.Event = "" }),
		"no such event":    with("survival", func(q *comity.Query) { q.EventValue = "gone" }),
		"time 0":           with("survival", func(q *comity.Query) { q.Edges = []string{"0"} }),
		"cell below 0":     with("count", func(q *comity.Query) { q.MinimumCell = -1 }),
		"person rows":      with("count", func(q *comity.Query) { q.PersonRows = 1 }),
	} {
		if _, err := NewLayout(q, visits(false)); !errors.Is(err, ErrQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewLayout(queries()["count"], visits(true)); !errors.Is(err, ErrQuery) {
		t.Errorf("rows about persons without person_rows: %v", err)
	}
	if _, err := NewLayout(queries()["count"], schema.Schema{}); !errors.Is(err, schema.ErrSchema) {
		t.Errorf("empty schema: %v", err)
	}
}

func TestRowsRefused(t *testing.T) {
	q := queries()["weighted sum"]
	q.MemberRows = 1
	l := layoutOf(t, q, visits(false))
	row := func(change func([]schema.Cell)) []schema.Cell {
		r := make([]schema.Cell, len(l.schema.Columns))
		for i := range r {
			r[i] = schema.Cell{State: schema.Present, Text: []byte("x")}
		}
		change(r)
		return r
	}
	good := row(func([]schema.Cell) {})
	if _, err := l.Encode([][]schema.Cell{good}); err != nil {
		t.Error(err)
	}
	for name, rows := range map[string][][]schema.Cell{
		"too many":       {good, good},
		"short":          {good[1:]},
		"weight below 0": {row(func(r []schema.Cell) { r[2].Number = -1 })},
		"weight above":   {row(func(r []schema.Cell) { r[2].Number = 91 })},
	} {
		if _, err := l.Encode(rows); !errors.Is(err, ErrRows) {
			t.Errorf("%s: %v", name, err)
		}
	}
	by := layoutOf(t, queries()["count by"], visits(false))
	if _, err := by.Encode([][]schema.Cell{row(func(r []schema.Cell) { r[3].Number = 2 })}); !errors.Is(err, ErrRows) {
		t.Errorf("unknown category: %v", err)
	}
	curve := layoutOf(t, queries()["survival"], visits(false))
	if _, err := curve.Encode([][]schema.Cell{row(func(r []schema.Cell) { r[6].Number = -1 })}); !errors.Is(err, ErrRows) {
		t.Errorf("time below 0: %v", err)
	}
}

func TestSumsRefused(t *testing.T) {
	l := layoutOf(t, queries()["variance"], visits(false))
	good := make([]int64, len(l.Lanes))
	for name, o := range map[string]Opened{
		"short":           {Sum: good[1:], Members: 3},
		"nobody":          {Sum: good},
		"crowd":           {Sum: good, Members: MaxMembers + 1},
		"variance":        {Sum: good, Members: 3, Variance: exact.Int(-1)},
		"count below 0":   {Sum: []int64{-1, 0, 0}, Members: 3},
		"above its bound": {Sum: []int64{3*memberRows + 1, 0, 0}, Members: 3},
	} {
		if _, err := l.Decode(o); !errors.Is(err, ErrSum) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bins := layoutOf(t, queries()["histogram"], visits(false))
	if _, err := bins.Decode(Opened{Sum: []int64{0, 0, -1, 0, 0}, Members: 3}); !errors.Is(err, ErrSum) {
		t.Errorf("bin below 0: %v", err)
	}
}

// Noise is refused where it would drown the topmost lane, and intervals contain the
// truth where it is as large as they say.
func TestNoisy(t *testing.T) {
	wide := layoutOf(t, queries()["wide variance"], visits(false))
	if _, err := wide.Decode(Opened{Sum: make([]int64, len(wide.Lanes)), Members: 3, Variance: exact.Int(1)}); !errors.Is(err, ErrSplit) {
		t.Errorf("wide variance: %v", err)
	}
	l := layoutOf(t, queries()["variance"], visits(false))
	sum := []int64{1000, 50_000, 9_000_000} // 1,000 rows, mean 0.50.
	for _, off := range []int64{-20, 0, 20} {
		noisy := []int64{sum[0] + off, sum[1] - off, sum[2] + off}
		a, err := l.Decode(Opened{Sum: noisy, Members: 3, Variance: exact.Int(100)}) // ±32 for three numbers.
		if err != nil {
			t.Fatal(err)
		}
		truth, err := l.Decode(Opened{Sum: sum, Members: 3})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range a.Values {
			want := truth.Values[i]
			if v.Low == nil || v.Low.Cmp(*want.Value) > 0 || v.High.Cmp(*want.Value) < 0 {
				t.Errorf("%s from %v to %v, truth %s", v.Name, v.Low, v.High, want.Value)
			}
		}
	}
}

// A curve from noisy counts encloses the true one, and ends early rather than lie.
func TestNoisySurvival(t *testing.T) {
	q := queries()["survival"]
	q.By = nil
	l := layoutOf(t, q, visits(false))
	truth := []int64{100, 50, 80, 60, 40, 100, 20, 50, 0, 10}
	exactly, err := l.Decode(Opened{Sum: truth, Members: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []int64{-9, -3, 0, 3, 9} {
		noisy := make([]int64, len(truth))
		for i := range noisy {
			noisy[i] = truth[i] + off
			off = -off
		}
		a, err := l.Decode(Opened{Sum: noisy, Members: 3, Variance: exact.Int(9)})
		if err != nil {
			t.Fatal(err)
		}
		given := 0
		for _, v := range a.Values {
			if v.State != Given {
				continue
			}
			given++
			want, _ := valueOf(exactly, v.Name)
			if v.Low.Cmp(*want.Value) > 0 || v.High.Cmp(*want.Value) < 0 {
				t.Errorf("%s from %s to %s, truth %s", v.Name, v.Low, v.High, want.Value)
			}
		}
		if given < 3 {
			t.Errorf("%d points of the curve", given)
		}
	}
}
