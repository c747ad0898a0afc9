package analytics

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/place"
	"comity/schema"
)

// rowOf is a row about a person with a dose.
func rowOf(who int64, dose schema.Cell) []schema.Cell {
	row := make([]schema.Cell, len(visits(true).Columns))
	row[0] = schema.Cell{State: schema.Present, Number: who}
	row[1] = dose
	return row
}

func present(n int64) schema.Cell { return schema.Cell{State: schema.Present, Number: n} }

// Rows that do not count as they are show up in the report, and nowhere else.
func TestReport(t *testing.T) {
	q := queries()["sum"]
	q.Report, q.PersonRows = true, 2
	l := layoutOf(t, q, visits(true))
	e := l.Encoder()
	for _, row := range [][]schema.Cell{
		rowOf(1, present(100)),
		rowOf(1, present(2000)), // Above 10.00.
		rowOf(1, present(300)),  // A third row of a person.
		rowOf(2, present(-1001)),
		rowOf(2, schema.Cell{}),
		rowOf(3, schema.Cell{State: schema.Suppressed}),
	} {
		if err := e.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	if e.Dropped != 1 {
		t.Errorf("%d rows dropped, want 1", e.Dropped)
	}
	a, err := l.Decode(Opened{Sum: e.Vector(), Members: 1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Report{Missing: 1, Suppressed: 1, Below: 1, Above: 1}, a.Report); diff != "" {
		t.Error(diff)
	}
	if v, _ := valueOf(a, "sum"); v.Value.String() != "1" { // 1 + 10 - 10.
		t.Errorf("sum is %s", v.Value)
	}
	if !slices.Contains(a.Remarks, "values of dose outside -10 to 10 count as the nearer of the two") || a.Unit != "mg" {
		t.Errorf("unit %q, remarks %q", a.Unit, a.Remarks)
	}
	if err := e.Add(rowOf(0, schema.Cell{})[:3]); err == nil {
		t.Error("a short row was taken")
	}
	nobody := rowOf(0, present(1))
	nobody[0] = schema.Cell{}
	if err := e.Add(nobody); err == nil {
		t.Error("a row without a person was taken")
	}
}

// What fewer rows than the minimum say is withheld, whatever it is; with one more it is
// shown.
func TestMinimumCell(t *testing.T) {
	for name, number := range map[string]string{
		"count": "rows", "sum": "sum", "mean": "mean", "variance": "variance", "quantiles": "quantile 1/2", "survival": "survival before 1",
	} {
		q := queries()[name]
		q.MinimumCell, q.By = 3, nil
		l := layoutOf(t, q, visits(false))
		row := rowOf(1, present(1))
		row[6], row[7] = present(5), present(1)
		for rows, want := range map[int]string{2: Withheld, 3: Given} {
			e := l.Encoder()
			for range rows {
				if err := e.Add(row); err != nil {
					t.Fatal(err)
				}
			}
			a, err := l.Decode(Opened{Sum: e.Vector(), Members: 1})
			if err != nil {
				t.Fatal(err)
			}
			if v, ok := valueOf(a, number); !ok || v.State != want || (v.Value == nil) != (want == Withheld) || (a.Withheld > 0) != (want == Withheld) {
				t.Errorf("%s of %d rows: %+v, %d withheld", name, rows, v, a.Withheld)
			}
		}
	}
}

// The example of docs/format/query.md.
func TestGolden(t *testing.T) {
	q := comity.Query{
		Kind: comity.QueryMean, Column: "dose", Lower: "0", Upper: "10", By: []string{"sex"},
		MemberRows: 100, MinimumCell: 2,
	}
	const record = `{"bits":0,"by":["sex"],"column":"dose","edges":[],"event":"","event_value":"","kind":"mean","levels":[],"lower":"0",` +
		`"member_rows":100,"minimum_cell":2,"person_rows":0,"prefixes":[],"report":false,"salt":"","upper":"10","weight":""}`
	data, err := canon.Marshal(q)
	if err != nil || string(data) != record {
		t.Errorf("query is %s (%v)", data, err)
	}
	l := layoutOf(t, q, visits(false))
	row := func(dose, sex int64) []schema.Cell {
		r := rowOf(0, present(dose))
		r[3] = present(sex)
		return r
	}
	first, err := l.Encode([][]schema.Cell{row(250, 0), row(1250, 0)})
	if err != nil || !slices.Equal(first, []int64{2, 1250, 0, 0}) {
		t.Errorf("first vector %v (%v)", first, err)
	}
	second, err := l.Encode([][]schema.Cell{row(1, 0), row(700, 1)})
	if err != nil || !slices.Equal(second, []int64{1, 1, 1, 700}) {
		t.Errorf("second vector %v (%v)", second, err)
	}
	a, err := l.Decode(Opened{Sum: added(first, second), Members: 2})
	if err != nil {
		t.Fatal(err)
	}
	const answer = `{"kind":"mean","members":2,"remarks":["values of dose outside 0 to 10 count as the nearer of the two"],"spans":[],"unit":"mg","values":[` +
		`{"group":[{"column":"sex","value":"f"}],"name":"rows","rounded":false,"state":"given","value":"3"},` +
		`{"group":[{"column":"sex","value":"f"}],"name":"mean","rounded":false,"state":"given","value":"417/100"},` +
		`{"group":[{"column":"sex","value":"m"}],"name":"rows","rounded":false,"state":"withheld"},` +
		`{"group":[{"column":"sex","value":"m"}],"name":"mean","rounded":false,"state":"withheld"}],"variance":"0","withheld":2}`
	if data, err = canon.Marshal(a); err != nil || string(data) != answer {
		t.Errorf("answer is %s (%v)", data, err)
	}
}

// lines is a table of one column in memory.
type lines struct {
	texts []string
	at    int
}

func (l *lines) Header() []schema.Heading { return []schema.Heading{{Name: "x", Unit: "m", Column: 1}} }
func (l *lines) Place() schema.Place      { return schema.Place{File: "lines", Line: l.at} }
func (l *lines) Next() ([]schema.Field, error) {
	if l.at == len(l.texts) {
		return nil, io.EOF
	}
	l.at++
	return []schema.Field{{Text: []byte(l.texts[l.at-1]), Column: 1}}, nil
}

// One wrong row refuses a table; the same table without it is answered.
func TestEncodeTable(t *testing.T) {
	s := schema.Schema{ID: "test/lines@1", Columns: []schema.Column{{Name: "x", Type: schema.Integer, Unit: "m", Least: "0"}}, Suppressed: []string{"*"}}
	l := layoutOf(t, comity.Query{Kind: comity.QuerySum, Column: "x", Lower: "0", Upper: "10", MemberRows: 3}, s)
	v, report, err := l.EncodeTable(&lines{texts: []string{"4", "*", "12"}})
	if err != nil || !slices.Equal(v, []int64{2, 14}) || report.Suppressed != 1 {
		t.Errorf("%v, %+v, %v", v, report, err)
	}
	for name, c := range map[string]struct {
		texts []string
		want  error
	}{
		"outside the range": {[]string{"4", "-1"}, place.ErrUnreadable},
		"no number":         {[]string{"4", "four"}, place.ErrUnreadable},
		"row twice":         {[]string{"4", "4"}, place.ErrUnreadable},
		"too many rows":     {[]string{"1", "2", "3", "4"}, ErrRows},
	} {
		if v, _, err := l.EncodeTable(&lines{texts: c.texts}); !errors.Is(err, c.want) || v != nil {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

// Whatever a sum says, it is refused or gives an answer that can be sealed.
func TestDecodeAnySum(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(queries())) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				q := queries()[name]
				q.MinimumCell = max(q.MinimumCell, rapid.IntRange(0, 3).Draw(t, "minimum cell"))
				q.Report = rapid.Bool().Draw(t, "report")
				l, err := NewLayout(q, visits(false))
				if err != nil {
					t.Fatal(err)
				}
				reach := rapid.SampledFrom([]int64{2, memberRows, 1 << 59}).Draw(t, "reach")
				o := Opened{Sum: make([]int64, len(l.Lanes)), Members: 3}
				for i := range min(len(o.Sum), 40) {
					o.Sum[i] = rapid.Int64Range(-reach, reach).Draw(t, "number")
				}
				if rapid.Bool().Draw(t, "noise") {
					o.Variance = ratio(rapid.Int64Range(1, 1<<40).Draw(t, "variance"), 7)
				}
				a, err := l.Decode(o)
				if err != nil {
					if !errors.Is(err, ErrSum) && !errors.Is(err, ErrSplit) {
						t.Fatal(err)
					}
					return
				}
				if _, err := canon.Marshal(a); err != nil {
					t.Fatal(err)
				}
				for _, v := range a.Values {
					switch {
					case v.State != Given && (v.Value != nil || v.Low != nil || v.High != nil):
						t.Fatalf("%s is %s, and %v from %v to %v", v.Name, v.State, v.Value, v.Low, v.High)
					case v.State == Given && v.Low == nil && o.Variance.Sign() != 0:
						t.Fatalf("%s is %s, as if noise had not moved it", v.Name, v.Value)
					case v.Low != nil && (v.Value.Cmp(*v.Low) < 0 || v.Value.Cmp(*v.High) > 0):
						t.Fatalf("%s is %s, and lies from %s to %s", v.Name, v.Value, v.Low, v.High)
					case v.State == Given && countsRows(name, v) && (v.Value.Sign() < 0 || o.Variance.Sign() != 0 && v.Value.Cmp(exact.Int(int64(q.MinimumCell))) < 0):
						t.Fatalf("%s is %s, with a minimum of %d", v.Name, v.Value, q.MinimumCell)
					}
				}
			})
		})
	}
}

// countsRows tells whether a number of an answer to one of queries is a number of rows.
func countsRows(query string, v Value) bool {
	return v.Name == "rows" || strings.HasPrefix(query, "histogram") || query == "heavy hitters"
}

// What noise takes below 0 is given as 0 within its interval. Below the minimum every noisy
// count is withheld, with what follows from it; without noise a 0 is shown.
func TestNoisyCounts(t *testing.T) {
	histogram := queries()["histogram"]
	histogram.Edges = []string{"0", "5"}
	quantiles := queries()["quantiles edges"]
	for name, c := range map[string]struct {
		query    comity.Query
		minimum  int
		variance int64
		sum      []int64
		want     []string
	}{
		// 2·100·(3.689 + 2·0.6932) is 1015.1: all three are within 32. The sum of four has
		// variance 400, and 2·400·(3.689 + 3·0.6932) is 4614.9: it is within 68.
		"bins":             {histogram, 0, 100, []int64{-40, -5, 40}, []string{"0 (0 to 0)", "0 (0 to 27)", "40 (8 to 72)"}},
		"few in bins":      {histogram, 11, 100, []int64{-40, 5, 11}, []string{Withheld, Withheld, "11 (0 to 43)"}},
		"exact":            {histogram, 11, 0, []int64{0, 10, 11}, []string{"0", Withheld, Withheld, "21"}},
		"quantiles":        {quantiles, 0, 100, []int64{-20, 5, 10, -5}, []string{"0 (0 to 58)", Undefined}},
		"few in quantiles": {quantiles, 11, 100, []int64{-20, 5, 10, 0}, []string{Withheld, Withheld}},
	} {
		q := c.query
		q.MinimumCell = c.minimum
		a, err := layoutOf(t, q, visits(false)).Decode(Opened{Sum: c.sum, Members: 3, Variance: exact.Int(c.variance)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range a.Values {
			text := v.State
			if v.Value != nil {
				text = v.Value.String()
			}
			if v.Low != nil {
				text += fmt.Sprintf(" (%s to %s)", v.Low, v.High)
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Whatever the noise within its bounds does to the groups of a query, each group's number of
// rows and each of its quantiles lie where the answer says.
func TestNoisyQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := queries()["quantiles edges"]
		q.By = []string{"age", "sex"}
		l, err := NewLayout(q, visits(false))
		if err != nil {
			t.Fatal(err)
		}
		variance := exact.Int(rapid.Int64Range(1, 1000).Draw(t, "variance"))
		truth, noisy := make([]int64, len(l.Lanes)), make([]int64, len(l.Lanes))
		for cell := range l.cells {
			before := int64(0)
			for j := range l.bins {
				// The sum of the first j + 1 bins is off by as much as halfWidth bounds, or less.
				reach := halfWidth(variance.Mul(exact.Int(int64(j+1))), len(l.Lanes)).Floor().Int64()
				off := rapid.SampledFrom([]int64{-reach, 0, reach}).Draw(t, "off")
				at := cell*l.bins + j
				truth[at] = rapid.Int64Range(0, 200).Draw(t, "rows")
				noisy[at], before = truth[at]+off-before, off
			}
		}
		exactly, err := l.Decode(Opened{Sum: truth, Members: 3})
		if err != nil {
			t.Fatal(err)
		}
		a, err := l.Decode(Opened{Sum: noisy, Members: 3, Variance: variance})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range a.Values {
			want := exactly.Values[i]
			if v.State == Given && want.State == Given && (v.Low.Cmp(*want.Value) > 0 || v.High.Cmp(*want.Value) < 0) {
				t.Fatalf("%v %s is %s, answered %s from %s to %s", v.Group, v.Name, want.Value, v.Value, v.Low, v.High)
			}
		}
	})
}

// Whatever the record is, it is refused or has a layout that an empty member can answer.
func FuzzQuery(f *testing.F) {
	for _, q := range queries() {
		data, err := canon.Marshal(q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var q comity.Query
		if err := canon.Unmarshal(data, &q); err != nil {
			return
		}
		l, err := NewLayout(q, visits(false))
		if err != nil {
			return
		}
		if len(l.Lanes) > MaxLanes || l.Bound > MaxBound {
			t.Fatalf("%d lanes of %d", len(l.Lanes), l.Bound)
		}
		e := l.Encoder()
		if err := e.Add(rowOf(0, present(5))); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Decode(Opened{Sum: e.Vector(), Members: 3}); err != nil {
			t.Fatal(err)
		}
	})
}
