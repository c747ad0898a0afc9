package table_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity/modeler/learn"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
	"comity/place"
)

func read(t testing.TB, text string, want table.Want) *table.Table {
	t.Helper()
	got, err := table.Read(learntest.NewFile(text), want)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// What cannot be read for certain is refused with its place.
func TestFilesRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want table.Want
		says string
	}{
		"infinity":     {"a,y\n1,2\n-inf,3\n", table.Want{}, `rows.csv:3:1: column a: "-inf" is not finite; `},
		"too large":    {"a,y\n1,2\n3,1e999\n", table.Want{}, `rows.csv:3:3: column y: "1e999" is not finite; `},
		"twice":        {"a,y,a\n1,2,3\n", table.Want{}, "rows.csv:1:5: column a appears twice, first at 1; rename one of the two"},
		"no name":      {"a,,y\n1,2,3\n", table.Want{}, "rows.csv:1:3: column 2 has no name; "},
		"absent":       {"a,y\n1,2\n", table.Want{Only: []string{"b", "y", "c"}}, "rows.csv:1:1: no column b, c; "},
		"twice wanted": {"a,y,a\n1,2,3\n", table.Want{Only: []string{"a"}}, "rows.csv:1:5: column a appears twice"},
	} {
		_, err := table.Read(learntest.NewFile(c.text), c.want)
		if !errors.Is(err, place.ErrUnreadable) || !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
	}
	// A column that nobody wants may be there twice, and infinite.
	if _, err := table.Read(learntest.NewFile("a,y,a\ninf,2,3\n"), table.Want{Only: []string{"y"}}); err != nil {
		t.Error(err)
	}
}

// What cannot be learned is refused, with a place where one cell is to blame.
func TestColumnsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		cfg  table.Config
		is   error
		says string
	}{
		"constant target":        {"a,y\n1,2\n2,2\n", table.Config{}, table.ErrTarget, "y is 2 in every row"},
		"no target":              {"a,y\n1,\n2,NA\n", table.Config{}, table.ErrTarget, "no row has one"},
		"target of words":        {"a,y\n1,red\n2,blue\n", table.Config{}, table.ErrTarget, "rows.csv:2:3: the target y has 2 cells that are no numbers; write numbers, or no and yes"},
		"target with a word":     {"a,y\n1,3\n2,blue\n", table.Config{}, table.ErrTarget, "rows.csv:3:3: the target y has 1 cells"},
		"target of dates":        {"a,y\n1,2020-01-01\n2,2020-01-02\n", table.Config{}, table.ErrTarget, "rows.csv:2:3: the target y holds no numbers"},
		"three values":           {"a,y\n1,0\n2,1\n3,2\n", table.Config{Task: table.Binary}, table.ErrTarget, `rows.csv:4:3: the target y has more than two values: "2" after 0 and 1; `},
		"one value":              {"a,y\n1,1\n2,1\n", table.Config{Task: table.Binary}, table.ErrTarget, "y is 1 in every row"},
		"negative count":         {"a,y\n1,0\n2,-4\n", table.Config{Task: table.Count}, table.ErrTarget, `rows.csv:3:3: the target y has values below 0, which no count is: "-4"; `},
		"every column empty":     {"a,y\n,1\nNA,2\n", table.Config{}, table.ErrColumn, "every column but the target is empty"},
		"a word among numbers":   {"a,y\n1,1\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n\"l\",2\n", table.Config{}, table.ErrColumn, "rows.csv:12:1: column a has 10 numbers and 1 cells that are none; "},
		"no such column":         {"b,y\n1,2\n", table.Config{}, table.ErrColumn, "no column a"},
		"level without quantile": {"a,y\n1,2\n2,3\n", table.Config{Level: 900}, learn.ErrConfig, "level 900"},
		"another task":           {"a,y\n1,2\n2,3\n", table.Config{Task: "rank"}, learn.ErrConfig, `task "rank"`},
		"one bin":                {"a,y\n1,2\n2,3\n", table.Config{Bins: 1}, learn.ErrConfig, "1 bins"},
		"target as column":       {"a,y\n1,2\n2,3\n", table.Config{Columns: []string{"a", "y"}}, learn.ErrConfig, "column y is listed twice, or is the target"},
		"no columns":             {"a,y\n1,2\n2,3\n", table.Config{Columns: []string{}}, learn.ErrConfig, "0 columns"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := c.cfg
			if cfg.Target = "y"; cfg.Columns == nil {
				cfg.Columns = []string{"a"}
			}
			tab := read(t, c.text, table.Want{Target: "y"})
			_, err := table.Survey(t.Context(), &cfg, tab, learn.Pooled{})
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %s", err, c.says)
			}
		})
	}
}

// A frame says what became of every column.
func TestFrame(t *testing.T) {
	tab := read(t, `age,sex,day,void,code,y
40,m,2020-01-01,,1,no
50,f,2020-01-03,NA,2,yes
NA,f,,,1.0,yes
40,,2020-01-02,,x,
40,m,2020-01-02,,x,No
`, table.Want{Target: "y"})
	cfg := &table.Config{Columns: []string{"age", "sex", "day", "void", "code"}, Target: "y"}
	f, err := table.Survey(t.Context(), cfg, tab, learn.Pooled{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Count != 4 || f.Sums != 4 || f.Target.Task != table.Binary {
		t.Errorf("%d rows, %d sums, task %s", f.Count, f.Sums, f.Target.Task)
	}
	if d := cmp.Diff([]table.Dropped{{Name: "void", Reason: "every cell is empty"}}, f.Dropped); d != "" {
		t.Error(d)
	}
	var kinds []table.Kind
	for _, c := range f.Columns {
		kinds = append(kinds, c.Kind)
	}
	if d := cmp.Diff([]table.Kind{table.Number, table.Category, table.Date, table.Category}, kinds); d != "" {
		t.Error(d)
	}
	keyed, err := tab.Keyed(append(slices.Clone(cfg.Columns), "y"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.Rows(keyed, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Check(f.Features(), 1, 1); err != nil {
		t.Error(err)
	}
	code := rows.Bins[3]
	if code[0] != code[2] || code[0] == code[1] || code[0] == code[3] {
		t.Errorf("codes 1, 2, 1.0 and x are in bins %v", code)
	}
	if d := cmp.Diff([]uint8{1, 2, 0, 1}, rows.Bins[0]); d != "" {
		t.Errorf("ages 40, 50, NA and 40: %s", d)
	}
}

// Declared levels get a bin each, whether or not anybody has one.
func TestLevels(t *testing.T) {
	tab := read(t, "c,y\na,1\nb,2\na,3\n", table.Want{})
	f, err := table.Survey(t.Context(), &table.Config{Columns: []string{"c"}, Target: "y", Levels: map[string][]string{"c": {"z", "a"}}}, tab, learn.Pooled{})
	if err != nil {
		t.Fatal(err)
	}
	want := []int64{table.CategoryKey("a"), table.CategoryKey("z")}
	slices.Sort(want)
	if d := cmp.Diff(want, f.Columns[0].Cuts); d != "" {
		t.Error(d)
	}
}

// Keys name rows by what they say: in any order of rows and columns the same set, and all
// different, also those of equal rows.
func TestKeys(t *testing.T) {
	keys := func(text string) []uint64 {
		tab, err := read(t, text, table.Want{}).Keyed([]string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		var list []uint64
		for i := range tab.Rows() {
			list = append(list, tab.Key(i))
		}
		slices.Sort(list)
		return list
	}
	want := keys("a,b\n1,x\n2,\n1,x\n,x\n1,x\n")
	if len(slices.Compact(slices.Clone(want))) != 5 {
		t.Errorf("keys %v of five rows", want)
	}
	if d := cmp.Diff(want, keys("b,a,more\nx,1.0,7\nx,,7\nx,1,8\nx,1,9\n,2,7\n")); d != "" {
		t.Error(d)
	}
	if slices.Equal(want, keys("a,b\n1,x\n2,\n1,x\n,y\n1,x\n")) {
		t.Error("another row has the same key")
	}
}

// Parties get their own rows, and nobody another's.
func TestSplit(t *testing.T) {
	tab := read(t, "a,who,y\n1,B,1\n2,A,2\n3,B,3\n", table.Want{})
	parts, err := tab.Split("who")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name string
		a    []string
	}{{"A", []string{"2"}}, {"B", []string{"1", "3"}}} {
		var got []string
		for k := range parts[i].Table.Rows() {
			text, _ := parts[i].Table.Cell(k, "a")
			got = append(got, text)
		}
		if parts[i].Name != want.name || !slices.Equal(got, want.a) {
			t.Errorf("party %s has %v, want %v", parts[i].Name, got, want)
		}
		if _, ok := parts[i].Table.Cell(0, "who"); ok {
			t.Error("the column of the party is still there")
		}
	}
	if _, err := read(t, "a,who\n1,A\n2,\n", table.Want{}).Split("who"); !errors.Is(err, table.ErrColumn) || !strings.HasPrefix(err.Error(), "rows.csv:3:3: a row without a party") {
		t.Errorf("row without a party: %v", err)
	}
	if _, err := tab.Split("whom"); !errors.Is(err, table.ErrColumn) {
		t.Errorf("no such column: %v", err)
	}
}

// Cells are shown as people write them.
func TestCell(t *testing.T) {
	tab := read(t, "a,b,c\n1.50,2020-02-29,x y\n,,\nNA,n,0\n", table.Want{})
	want := [][]string{{"1.5", "2020-02-29", "x y"}, {"", "", ""}, {"NA", "n", "0"}}
	for i, row := range want {
		for k, name := range tab.Names() {
			if got, ok := tab.Cell(i, name); !ok || got != row[k] {
				t.Errorf("row %d, %s: %q, want %q", i, name, got, row[k])
			}
		}
	}
	if keys, err := read(t, "a\n 1\n  \n", table.Want{}).Numbers("a"); err != nil || keys[1] != number.Missing {
		t.Errorf("%v (%v)", keys, err)
	}
}
