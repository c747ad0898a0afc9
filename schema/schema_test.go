package schema

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity/place"
)

// river is a schema with a column of every type.
func river() Schema {
	return Schema{
		ID: "test/river@1",
		Columns: []Column{
			{Name: "day", Type: Date, Required: true, Least: "1950-01-01"},
			{Name: "gauge", Type: Text, Required: true},
			{Name: "flow", Type: Decimal, Unit: "m3/s", Decimals: 2, Least: "0", Most: "300000"},
			{Name: "level", Type: Integer, Unit: "cm"},
			{Name: "quality", Type: Category, Values: []string{"good", "poor"}},
		},
		Key:        []string{"day", "gauge"},
		Suppressed: []string{"<5", "*"},
	}
}

// list is a table in memory.
type list struct {
	header []string
	rows   [][]string
	at     int
	record bool
	fail   error
}

func (l *list) Header() []Heading {
	var out []Heading
	for i, h := range l.header {
		out = append(out, NewHeading(h, i+1))
	}
	return out
}

func (l *list) Next() ([]Field, error) {
	if l.at == len(l.rows) {
		if l.fail != nil {
			return nil, l.fail
		}
		return nil, io.EOF
	}
	var out []Field
	for i, c := range l.rows[l.at] {
		out = append(out, Field{[]byte(c), i + 1})
	}
	l.at++
	return out, nil
}

func (l *list) Place() Place { return Place{File: "list", Line: l.at, Record: l.record} }

func good() *list {
	return &list{
		header: []string{"quality", "day", "gauge", "flow [m3/s]", "level", "remark"},
		rows: [][]string{
			{"good", "2026-01-01", "Köln", "1740.80", "-12", "x"},
			{"", "2026-01-02", "Köln", "2.5e3", "", ""},
			{"poor", "2026-01-02", "Bonn", "<5", "*", "y"},
		},
	}
}

func TestReadTypes(t *testing.T) {
	var got [][]Cell
	report, err := Read(river(), good(), 10, func(row []Cell) error {
		kept := slices.Clone(row)
		for i := range kept {
			kept[i].Text = slices.Clone(kept[i].Text)
		}
		got = append(got, kept)
		return nil
	})
	if err != nil || report.Err() != nil {
		t.Fatal(err, report.Err())
	}
	if report.Rows != 3 || report.Columns != 5 || report.Missing != 2 || report.Suppressed != 2 || report.Content.IsZero() {
		t.Errorf("report %+v", report)
	}
	if !slices.Equal(report.SuppressedBy, []int{0, 0, 1, 1, 0}) || !slices.Equal(report.Unstated, []string{"level"}) {
		t.Errorf("suppressed by %v, unstated %v", report.SuppressedBy, report.Unstated)
	}
	day, flow := got[0][0].Number, got[0][2].Number
	if c := river().Columns; c[0].Format(day) != "2026-01-01" || c[2].Format(flow) != "1740.80" || flow != 174080 || got[0][3].Number != -12 || got[2][4].Number != 1 {
		t.Errorf("rows %v", got)
	}
	if got[1][2].Number != 250000 || got[1][3].State != Missing || got[2][3].State != Suppressed || string(got[2][1].Text) != "Bonn" {
		t.Errorf("rows %v", got)
	}
}

// Each tampering with a good table is refused, at its place and for its own reason.
func TestTablesRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(l *list)
		want   string
	}{
		"missing column":    {func(l *list) { l.header[1] = "date" }, "column day: missing"},
		"other case":        {func(l *list) { l.header[1] = "Day" }, `rename column "Day"`},
		"column twice":      {func(l *list) { l.header[5] = "day" }, "column day: the table has it twice"},
		"wrong unit":        {func(l *list) { l.header[3] = "flow [l/s]" }, `the unit is "l/s", the schema has "m3/s"`},
		"unit of none":      {func(l *list) { l.header[0] = "quality [%]" }, `the unit is "%", the schema has none`},
		"key twice":         {func(l *list) { l.rows[2][2] = "Köln" }, "row 3: the same day, gauge as row 2"},
		"no date":           {func(l *list) { l.rows[0][1] = "2026-02-30" }, `list:1:2: column day: "2026-02-30" is no date`},
		"other date":        {func(l *list) { l.rows[0][1] = "1.1.2026" }, "is no date"},
		"early date":        {func(l *list) { l.rows[0][1] = "1949-12-31" }, "is below 1950-01-01"},
		"empty key":         {func(l *list) { l.rows[0][1] = "" }, "column day: empty"},
		"suppressed key":    {func(l *list) { l.rows[0][1] = "*" }, "part of the key"},
		"no number":         {func(l *list) { l.rows[0][3] = "n/a" }, `column flow: "n/a" is no number`},
		"comma":             {func(l *list) { l.rows[0][3] = "1,5" }, "is no number"},
		"below":             {func(l *list) { l.rows[0][3] = "-0.01" }, "-0.01 is below 0"},
		"above":             {func(l *list) { l.rows[0][3] = "300000.01" }, "is above 300000"},
		"too exact":         {func(l *list) { l.rows[0][3] = "0.001" }, "more than 2 decimals"},
		"far too exact":     {func(l *list) { l.rows[0][3] = "1.0000000000000000000000001" }, "more than 2 decimals"},
		"half an integer":   {func(l *list) { l.rows[0][4] = "0.5" }, "is not whole"},
		"huge":              {func(l *list) { l.rows[0][4] = "1e18" }, "more digits"},
		"unknown category":  {func(l *list) { l.rows[0][0] = "fair" }, `"fair" is none of the 2 values`},
		"long text":         {func(l *list) { l.rows[0][2] = strings.Repeat("x", MaxText+1) }, "text of 257 bytes"},
		"record":            {func(l *list) { l.record, l.rows[1][3] = true, "-1" }, "list:2:4: row 2, column flow: -1 is below 0"},
		"source gives up":   {func(l *list) { l.fail = io.ErrUnexpectedEOF }, "reading stopped: unexpected EOF"},
		"source has a word": {func(l *list) { l.fail = &place.Error{File: "list", Line: 9, Column: 1, Reason: "torn", Fix: "mend"} }, "list:9:1: torn; mend"},
	} {
		l := good()
		c.change(l)
		report, err := Read(river(), l, 10, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := report.Err(); got == nil || !errors.Is(got, place.ErrUnreadable) || !strings.Contains(got.Error(), c.want) || !report.Content.IsZero() {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
	}
}

func TestErrorsAreBounded(t *testing.T) {
	l := good()
	for range 100 {
		l.rows = append(l.rows, []string{"fair", "2026-01-01", "Köln", "-1", "", ""})
	}
	report, err := Read(river(), l, 7, nil)
	if err != nil || report.Wrong != 200 || len(report.Errors) != 7 || report.Rows != 103 {
		t.Errorf("%d errors, %d listed, %d rows, %v", report.Wrong, len(report.Errors), report.Rows, err)
	}
	enough := errors.New("enough")
	if _, err := Read(river(), good(), 1, func([]Cell) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("use failed and Read says %v", err)
	}
}

func TestSchemasRefused(t *testing.T) {
	if err := river().Check(); err != nil {
		t.Fatal(err)
	}
	before, err := river().Digest()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(s *Schema){
		"id":                 func(s *Schema) { s.ID = "river" },
		"id of blanks":       func(s *Schema) { s.ID = "a b@1" },
		"version 0":          func(s *Schema) { s.ID = "river@0" },
		"no columns":         func(s *Schema) { s.Columns = nil },
		"too many columns":   func(s *Schema) { s.Columns = make([]Column, MaxColumns+1) },
		"name twice":         func(s *Schema) { s.Columns[1].Name = "day" },
		"no name":            func(s *Schema) { s.Columns[1].Name = "" },
		"name in brackets":   func(s *Schema) { s.Columns[1].Name = "gauge [x]" },
		"type":               func(s *Schema) { s.Columns[1].Type = "string" },
		"decimals":           func(s *Schema) { s.Columns[2].Decimals = MaxDecimals + 1 },
		"decimals of text":   func(s *Schema) { s.Columns[1].Decimals = 1 },
		"rounded integer":    func(s *Schema) { s.Columns[3].Rounded = true },
		"unit of text":       func(s *Schema) { s.Columns[1].Unit = "m" },
		"values of text":     func(s *Schema) { s.Columns[1].Values = []string{"a"} },
		"no values":          func(s *Schema) { s.Columns[4].Values = nil },
		"value twice":        func(s *Schema) { s.Columns[4].Values = []string{"a", "a"} },
		"range of text":      func(s *Schema) { s.Columns[1].Least = "1" },
		"range crossed":      func(s *Schema) { s.Columns[2].Least = "300001" },
		"range too exact":    func(s *Schema) { s.Columns[2].Most = "0.001" },
		"key unknown":        func(s *Schema) { s.Key[0] = "date" },
		"key twice":          func(s *Schema) { s.Key[0] = "gauge" },
		"mark is a value":    func(s *Schema) { s.Suppressed[0] = "5" },
		"mark twice":         func(s *Schema) { s.Suppressed[0] = "*" },
		"too many marks":     func(s *Schema) { s.Suppressed = make([]string, MaxSuppressed+1) },
		"person unknown":     func(s *Schema) { s.Person = "who" },
		"mark is a category": func(s *Schema) { s.Columns[4].Values[0] = "*" },
	} {
		s := river()
		change(&s)
		if err := s.Check(); !errors.Is(err, ErrSchema) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Every field counts for the digest.
	for name, change := range map[string]func(s *Schema){
		"id": func(s *Schema) { s.ID = "test/river@2" }, "unit": func(s *Schema) { s.Columns[2].Unit = "l/s" },
		"required": func(s *Schema) { s.Columns[2].Required = true }, "personal": func(s *Schema) { s.Columns[1].Personal = true },
		"key": func(s *Schema) { s.Key = nil }, "mark": func(s *Schema) { s.Suppressed = nil }, "rounded": func(s *Schema) { s.Columns[2].Rounded = true },
		"range": func(s *Schema) { s.Columns[2].Most = "" }, "person": func(s *Schema) { s.Person = "gauge" },
	} {
		s := river()
		change(&s)
		if after, err := s.Digest(); err != nil || after == before {
			t.Errorf("%s changed and the digest is %s (%v)", name, after, err)
		}
	}
}

// What Format writes, a cell reads back, and what is rounded is off by half a last
// decimal at most.
func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Column{Name: "x", Type: Decimal, Decimals: rapid.IntRange(0, MaxDecimals).Draw(t, "decimals")}
		want := rapid.Int64Range(-MaxNumber, MaxNumber).Draw(t, "number")
		if got, err := c.Number(c.Format(want)); err != nil || got != want {
			t.Fatalf("%s reads back as %d, want %d (%v)", c.Format(want), got, want, err)
		}
	})
	for text, want := range map[string]int64{
		"0.5": 1, "-0.5": -1, "0.49": 0, "-1.499999": -1, "1e-300": 0, "1.5e0": 2, "25e-1": 3, "0.05e1": 1, "0e400": 0, "+3": 3, "0.049e1": 0, "5e-2": 0, "1.50000000000000000000001": 2, "2.49999999999999999999999": 2, "-0.50000000000000000000000": -1,
		"4.999e-1": 0,
	} {
		p := parser{column: Column{Type: Decimal, Rounded: true}, least: -MaxNumber, most: MaxNumber}
		if got, reason, _ := p.parse([]byte(text)); got != want || reason != "" {
			t.Errorf("%s is %d, want %d %s", text, got, want, reason)
		}
	}
}

func FuzzCell(f *testing.F) {
	for _, text := range []string{"1740.8", "-2.5e-05", "2026-11-20", "good", "1e400", "0.", ".5", "--1", "9999999999999999999"} {
		f.Add([]byte(text))
	}
	parsers, err := river().compile()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, p := range parsers {
			value, reason, fix := p.parse(text)
			if (reason == "") != (fix == "") || reason != "" && value != 0 {
				t.Errorf("%q: value %d, reason %q, fix %q", text, value, reason, fix)
			}
			if reason != "" || p.column.Type == Text {
				continue
			}
			if again, err := p.column.Number(p.column.Format(value)); err != nil || again != value {
				t.Errorf("%q is %d and reads back as %d (%v)", text, value, again, err)
			}
		}
		NewHeading(string(text), 1)
	})
}
