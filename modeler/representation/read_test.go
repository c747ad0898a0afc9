package representation_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"comity/exact"
	"comity/modeler/representation"
	"comity/place"
	"comity/schema"
)

// list is a table in memory.
type list struct {
	file string
	rows []string
	next int
}

func table(file, text string) *list {
	return &list{file, strings.Split(strings.TrimSpace(text), "\n"), 1}
}

func (l *list) Header() (head []schema.Heading) {
	for i, name := range strings.Split(l.rows[0], ",") {
		head = append(head, schema.NewHeading(name, i+1))
	}
	return head
}

func (l *list) Next() (row []schema.Field, err error) {
	if l.next == len(l.rows) {
		return nil, io.EOF
	}
	for i, cell := range strings.Split(l.rows[l.next], ",") {
		row = append(row, schema.Field{Text: []byte(cell), Column: i + 1})
	}
	l.next++
	return row, nil
}

func (l *list) Place() schema.Place { return schema.Place{File: l.file, Line: l.next} }

// world is four groups of people, crossed by two columns.
const world = "region,age,name,population\nnorth,young,a,40\nnorth,old,b,30\nsouth,young,c,20.5\nsouth,old,d,9.5"

func TestReadRows(t *testing.T) {
	data := table("data", "id,age,region\n1,young,north\n2,young,north\n3,old,south\n4,old,east\n5,,north")
	a, s, err := representation.Read(table("people", world), data, representation.Columns{})
	if err != nil || a.Rows != 3 || a.People.Cmp(exact.Int(100)) != 0 || s.Strange != 2 || s.Count != "" || s.People != "population" {
		t.Fatalf("%+v, %+v, %v", a, s, err)
	}
	if !slices.Equal(s.By, []string{"region", "age"}) || !slices.Equal(s.Strangers, []string{"east / old", "north / "}) {
		t.Errorf("%+v", s)
	}
	if a.WithoutData.Cmp(ratio(505, 1000)) != 0 || a.Groups[0].Name != "north / young" || a.Groups[0].Rows != 2 {
		t.Errorf("%+v", a)
	}
	// By one column, groups of the others are one.
	a, s, err = representation.Read(table("people", world), table("data", "id,age,region\n1,young,north\n3,old,south"), representation.Columns{By: []string{"region"}})
	if err != nil || len(a.Groups) != 2 || a.Groups[1].People.Cmp(exact.Int(30)) != 0 || a.WithoutData.Sign() != 0 || !slices.Equal(s.By, []string{"region"}) {
		t.Errorf("%+v, %+v, %v", a, s, err)
	}
}

// TestReadTallies counts lines as rows unless a column says how many rows a line stands for:
// by its usual name only where every group has one line.
func TestReadTallies(t *testing.T) {
	people := "region,people\nnorth,60\nsouth,40"
	for name, c := range map[string]struct {
		data  string
		count string
		rows  int64
		by    string
	}{
		"tally":            {"region,rows\nnorth,9\nsouth,1", "", 10, "rows"},
		"count":            {"count,region\n9,north\n0,south", "", 9, "count"},
		"two lines":        {"region,rows\nnorth,9\nnorth,1", "", 2, ""},
		"not whole":        {"region,rows\nnorth,9\nsouth,1.5", "", 2, ""},
		"named":            {"region,rows\nnorth,9\nnorth,1", "rows", 10, "rows"},
		"named otherwise":  {"region,m\nnorth,9\nsouth,2", "m", 11, "m"},
		"not so named":     {"region,m\nnorth,9\nsouth,2", "", 2, ""},
		"name of a group":  {"region,rows,n_rows\nnorth,1,5\nsouth,2,6", "n_rows", 11, "n_rows"},
		"below 0, a value": {"region,rows\nnorth,-1\nsouth,3", "", 2, ""},
	} {
		a, s, err := representation.Read(table("people", people), table("data", c.data), representation.Columns{Count: c.count})
		if err != nil || a.Rows != c.rows || s.Count != c.by {
			t.Errorf("%s: %d rows by %q, want %d by %q: %v", name, a.Rows, s.Count, c.rows, c.by, err)
		}
	}
}

func TestTablesRefused(t *testing.T) {
	const data = "region,age\nnorth,young"
	for name, c := range map[string]struct {
		people, data string
		columns      representation.Columns
		want         string
	}{
		"no common column": {"land,people\nx,1", data, representation.Columns{}, "people:1:1: no column that the data have too"},
		"no people":        {"region,people\nnorth,many", data, representation.Columns{}, `people:2:2: column people: "many" is no number of people`},
		"0 people":         {"region,people\nnorth,0", data, representation.Columns{}, "people:2:2: "},
		"empty group":      {"region,people\n,5", data, representation.Columns{}, "people:2:1: column region is empty"},
		"people missing":   {"region,people\nnorth,5", data, representation.Columns{People: "heads"}, "people:1:1: no column heads"},
		"by missing":       {"region,people\nnorth,5", data, representation.Columns{By: []string{"age"}}, "people:1:1: no groups by age"},
		"by twice":         {"region,people\nnorth,5", data, representation.Columns{By: []string{"region", "region"}}, "people:1:1: "},
		"by people":        {"region,people\nnorth,5", "region,people\nnorth,1", representation.Columns{By: []string{"people"}}, "people:1:1: "},
		"count missing":    {"region,people\nnorth,5", data, representation.Columns{Count: "n"}, "data:1:1: no column n"},
		"count no number":  {"region,people\nnorth,5", "region,n\nnorth,-1", representation.Columns{Count: "n"}, "data:2:2: "},
	} {
		_, _, err := representation.Read(table("people", c.people), table("data", c.data), c.columns)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || !errors.Is(err, place.ErrUnreadable) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, _, err := representation.Read(table("people", "region,people\nsouth,5"), table("data", data), representation.Columns{}); !errors.Is(err, representation.ErrInput) {
		t.Errorf("no row in any group: %v", err)
	}
}

// FuzzRead reads any two tables without a panic, and never counts a row twice.
func FuzzRead(f *testing.F) {
	f.Add(world, "id,age,region\n1,young,north\n2,young,north\n3,old,south")
	f.Add("region,people\nnorth,60\nsouth,40", "region,rows\nnorth,9\nsouth,1")
	f.Fuzz(func(t *testing.T, people, data string) {
		for _, text := range []string{people, data} {
			lines := strings.Split(strings.TrimSpace(text), "\n")
			for _, l := range lines {
				if strings.Count(l, ",") != strings.Count(lines[0], ",") {
					return // Every reader of tables refuses rows of another width.
				}
			}
		}
		a, s, err := representation.Read(table("people", people), table("data", data), representation.Columns{})
		if err != nil {
			return
		}
		var rows int64
		for _, g := range a.Groups {
			rows += g.Rows
		}
		if rows != a.Rows || s.Count == "" && rows+s.Strange != int64(strings.Count(strings.TrimSpace(data), "\n")) {
			t.Fatalf("%d rows of %d, %d of strangers", rows, a.Rows, s.Strange)
		}
	})
}
