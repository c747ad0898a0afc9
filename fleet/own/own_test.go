package own_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"comity"
	"comity/adapter/cel"
	"comity/adapter/yaml"
	"comity/canon"
	"comity/fleet/own"
	"comity/governor/charter"
	"comity/modeler/forecast"
	"comity/pack"
	"comity/pack/packtest"
)

// files lists a folder.
func files(t testing.TB, folder string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(folder, path)
			all = append(all, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheExampleIsAScenario(t *testing.T) {
	t.Parallel()
	folder := example(t)
	want := []string{
		"charter.yaml", "members/XA.csv", "members/XB.csv", "members/XC.csv", "members/XD.csv", "members/XE.csv", "members/XF.csv",
		"members/XG.csv", "members/XH.csv", "scenario.yaml",
	}
	if got := files(t, folder); !slices.Equal(got, want) {
		t.Errorf("the example has %v, want %v", got, want)
	}
	s, err := own.Read(folder, own.When{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Label != pack.Synthetic || s.Name != "harbours" || len(s.Members) != 8 || s.Start != "2026-11-18" {
		t.Errorf("label %q, name %q, %d members, start %s", s.Label, s.Name, len(s.Members), s.Start)
	}
	packtest.Run(t, s)
	again := example(t)
	for _, name := range want {
		a, err := os.ReadFile(filepath.Join(folder, name))
		b, berr := os.ReadFile(filepath.Join(again, name))
		if err != nil || berr != nil || string(a) != string(b) {
			t.Errorf("%s differs from one time to the next: %v, %v", name, err, berr)
		}
		if filepath.Ext(name) != ".csv" {
			continue
		}
		header, rows, _ := strings.Cut(string(a), "\n")
		if header != "date,value" || strings.Contains(string(a), "#") {
			t.Errorf("%s begins %q; a CSV has a header and no comments", name, header)
		}
		for row := range strings.Lines(rows) {
			if _, value, _ := strings.Cut(strings.TrimSpace(row), ","); strings.Trim(value, "0123456789.") != "" || value == "" {
				t.Fatalf("%s: %q ends with no number", name, row)
			}
		}
	}
}

func TestWriteOverwritesNothing(t *testing.T) {
	t.Parallel()
	folder := example(t)
	change{"members/XA.csv", "", "mine"}.apply(t, folder)
	before := files(t, folder)
	if err := own.Write(folder); !errors.Is(err, own.ErrOccupied) || !errors.Is(err, fs.ErrExist) {
		t.Errorf("into a full folder: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(folder, "members", "XA.csv")); err != nil || string(data) != "mine" || !slices.Equal(files(t, folder), before) {
		t.Errorf("a refused write changed the folder: %q, %v", data, err)
	}
	if err := own.Write(t.TempDir()); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := own.Write(file); err == nil {
		t.Error("a file became a folder")
	}
	if err := own.Write(filepath.Join(file, "below")); err == nil {
		t.Error("a folder appeared below a file")
	}
	if own.Is(t.TempDir()) || own.Is(file) || !own.Is(folder) {
		t.Error("a folder is an own one if it holds scenario.yaml")
	}
}

// series is a member's file: weekly rows from a first day on, ten years at most.
func series(header string, rows ...string) string {
	return header + "\n" + strings.Join(rows, "\n") + "\n"
}

// replaced gives every member of the example the rows of edit.
func replaced(t testing.TB, folder string, edit func(text string) string) {
	t.Helper()
	for _, name := range files(t, filepath.Join(folder, "members")) {
		path := filepath.Join(folder, "members", name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(edit(string(data))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func rowsOf(t testing.TB, folder string, asOf string) []forecast.Observation {
	t.Helper()
	s, err := own.Read(folder, own.When{})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.Rows.Known(asOf)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestFormsOfFiles: what makes no difference to people makes none to what is read.
func TestFormsOfFiles(t *testing.T) {
	t.Parallel()
	want := rowsOf(t, example(t), "2099-01-01")
	for name, edit := range map[string]func(string) string{
		"carriage returns": func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"byte order mark":  func(s string) string { return "\ufeff" + s },
		"empty end":        func(s string) string { return s + "\n\n" },
		"no last newline":  strings.TrimSpace,
		"quotes":           func(s string) string { return strings.ReplaceAll(s, "2022-12-04", `"2022-12-04"`) },
		"upside down": func(s string) string {
			lines := strings.Split(strings.TrimSpace(s), "\n")
			slices.Reverse(lines[1:])
			return strings.Join(lines, "\n") + "\n"
		},
		"other order of columns": func(s string) string {
			var b strings.Builder
			for line := range strings.Lines(s) {
				date, value, _ := strings.Cut(strings.TrimSpace(line), ",")
				b.WriteString(value + "," + date + "\n")
			}
			return b.String()
		},
		"an empty week": func(s string) string { return s + "2026-12-06,\n" },
		"Wednesdays, which lie in the week": func(s string) string {
			return redate(t, s, -4)
		},
	} {
		folder := example(t)
		replaced(t, folder, edit)
		if got := rowsOf(t, folder, "2099-01-01"); !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, want the same %d", name, len(got), len(want))
		}
	}
}

// redate moves all dates of a file by days.
func redate(t testing.TB, text string, days int) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(text) {
		date, value, _ := strings.Cut(line, ",")
		if _, err := pack.OriginAfter(date, 0); err == nil && days == -4 {
			// The Wednesday after a Sunday, and seven days back.
			moved, err := pack.OriginAfter(date, -1)
			if err != nil {
				t.Fatal(err)
			}
			date = moved
		}
		b.WriteString(date + "," + value)
	}
	return b.String()
}

func TestWeekdaysOfDifferentFilesMustAgree(t *testing.T) {
	t.Parallel()
	folder := example(t)
	path := filepath.Join(folder, "members", "XC.csv")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change{file: "members/XC.csv", text: redate(t, string(data), -4)}.apply(t, folder)
	if _, err := own.Read(folder, own.When{}); err == nil || !strings.Contains(err.Error(), filepath.Join("members", "XC.csv")+":2:1: 2022-11-16 is a Wednesday, the date in "+filepath.Join(folder, "members", "XA.csv")+":2 is a Sunday;") {
		t.Errorf("%v", err)
	}
	replaced(t, folder, func(s string) string { return s })
	s, err := own.Read(example(t), own.When{})
	if err != nil || strings.Contains(s.Source, "Sunday") {
		t.Errorf("source of dates that are Sundays: %q, %v", s.Source, err)
	}
}

// TestVintages: what a snapshot says is known from its day on, and never earlier than the
// Friday after the week.
func TestVintages(t *testing.T) {
	t.Parallel()
	folder := example(t)
	data, err := os.ReadFile(filepath.Join(folder, "members", "XA.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := []string{"2026-11-08,1,2026-11-09", "2026-11-08,2,2026-11-10", "2026-11-08,3,2026-11-20", "2026-11-08,,2026-11-27", "2026-11-15,0,2026-11-20"}
	for line := range strings.Lines(string(data)) {
		if date, _, _ := strings.Cut(line, ","); date > "2023" && date < "2026-11" {
			rows = append(rows, strings.TrimSpace(line)+","+date)
		}
	}
	change{file: "members/XA.csv", text: series("date,value,as_of", rows...)}.apply(t, folder)
	newest := func(asOf string) []forecast.Observation {
		all := rowsOf(t, folder, asOf)
		return slices.DeleteFunc(all, func(o forecast.Observation) bool { return o.Place != "XA" || o.Date < "2026-11-08" })
	}
	week := func(asOf, date string, value int64, withdrawn bool) forecast.Observation {
		return forecast.Observation{AsOf: asOf, Target: "Acute diarrhoea", Place: "XA", Date: date, Value: value, Withdrawn: withdrawn}
	}
	for asOf, want := range map[string][]forecast.Observation{
		"2026-11-12": nil,
		"2026-11-13": {week("2026-11-13", "2026-11-08", 2000, false)},
		"2026-11-20": {week("2026-11-13", "2026-11-08", 2000, false), week("2026-11-20", "2026-11-08", 3000, false), week("2026-11-20", "2026-11-15", 0, false)},
		"2026-11-27": {
			week("2026-11-13", "2026-11-08", 2000, false), week("2026-11-20", "2026-11-08", 3000, false),
			week("2026-11-20", "2026-11-15", 0, false), week("2026-11-27", "2026-11-08", 0, true),
		},
	} {
		if got := newest(asOf); !slices.Equal(got, want) {
			t.Errorf("known on %s: %v, want %v", asOf, got, want)
		}
	}
}

func TestSeveralTargets(t *testing.T) {
	t.Parallel()
	folder := example(t)
	change{own.ScenarioFile, `target: "Acute diarrhoea"`, `targets: ["Wounds", "Fever {{.ID}}"]`}.apply(t, folder)
	_, err := own.Read(folder, own.When{})
	if err == nil || !strings.Contains(err.Error(), "no column target; the header needs date,value,target") {
		t.Errorf("files without a column target: %v", err)
	}
	replaced(t, folder, func(s string) string {
		var b strings.Builder
		b.WriteString("target,date,value\n")
		for line := range strings.Lines(strings.TrimPrefix(s, "date,value\n")) {
			b.WriteString("Wounds," + line + "Fever {{.ID}}," + line)
		}
		return b.String()
	})
	s, err := own.Read(folder, own.When{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Targets) != 2 || s.Targets[0].Name != "Fever {{.ID}}" || s.Targets[1].Name != "Wounds" {
		t.Errorf("targets %v, want them ascending", s.Targets)
	}
	if c := founded(t, s); !slices.Equal(c.Models.Targets, []string{"Fever {{.ID}}", "Wounds"}) {
		t.Errorf("the charter forecasts %q", c.Models.Targets)
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	folder := example(t)
	change{own.ScenarioFile, "{kits: 2400}", "{kits: [10, 20, 30]}"}.apply(t, folder)
	change{own.ScenarioFile, "clinic_kits: 260", "clinic_kits: [5, 6]"}.apply(t, folder)
	change{own.CharterFile, "storage, stock]", "storage, stock, received]"}.apply(t, folder)
	s, err := own.Read(folder, own.When{})
	if err != nil {
		t.Fatal(err)
	}
	for week, want := range []int64{10, 20, 30, 30, 30} {
		supply, err := s.Needs.Supply(week)
		if err != nil || int64(supply["kits"]) != want {
			t.Errorf("supply of week %d: %v, %v; want %d", week, supply, err, want)
		}
		d, err := s.Needs.Declare("XA", week, 77)
		if err != nil || int64(d["clinic_kits"]) != int64(min(5+week, 6)) || d["received"] != 77 || d["population"] != 412000 || len(d) != 6 {
			t.Errorf("XA declares %v in week %d, %v", d, week, err)
		}
	}
}

// TestNeedsByPeriod: a charter that plans several weeks reads the numbers of the weeks
// that follow, and its rules are carried out with them before anything is founded.
func TestNeedsByPeriod(t *testing.T) {
	t.Parallel()
	folder := example(t)
	change{"scenario.yaml", "kits: 2400", "kits: [2400, 1800, 900]"}.apply(t, folder)
	change{"charter.yaml", "  cadence: P7D", "  periods: 2\n  cadence: P7D"}.apply(t, folder)
	change{"charter.yaml", "    values: [kits]", "    by_period: true\n    values: [kits]"}.apply(t, folder)
	change{"charter.yaml", "    kind: budget", "    kind: budget\n    each: period"}.apply(t, folder)
	change{"charter.yaml", "    kind: floor", "    kind: floor\n    each: party_period"}.apply(t, folder)
	s, err := own.Read(folder, own.When{})
	if err != nil {
		t.Fatal(err)
	}
	for week, want := range []map[string]canon.Int{{"kits/1": 2400, "kits/2": 1800}, {"kits/1": 1800, "kits/2": 900}, {"kits/1": 900, "kits/2": 900}} {
		if got, err := s.Needs.Supply(week); err != nil || !maps.Equal(got, want) {
			t.Errorf("week %d: %v, %v; want %v", week, got, err, want)
		}
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	folder := example(t)
	for _, tt := range []struct {
		when own.When
		want string
	}{{own.When{}, "2026-11-18"}, {own.When{Weeks: 1}, "2026-11-18"}, {own.When{Weeks: 12}, "2026-09-02"}, {own.When{Origin: "2026-10-07"}, "2026-10-07"}} {
		if s, err := own.Read(folder, tt.when); err != nil || s.Start != tt.want {
			t.Errorf("%+v starts on %s, %v; want %s", tt.when, s.Start, err, tt.want)
		}
	}
	if _, err := own.Read(folder, own.When{Origin: "2026-11-18", Weeks: 3}); err != nil {
		t.Errorf("two weeks beyond the rows: %v", err)
	}
	if _, err := own.Read(folder, own.When{Origin: "2026-11-18", Weeks: 4}); !errors.Is(err, pack.ErrPeriod) || !strings.Contains(err.Error(), "known on 2026-12-09 is that to 2026-11-08, too old") {
		t.Errorf("three weeks beyond the rows: %v", err)
	}
	change{own.ScenarioFile, "# start: 2026-11-18", "start: 2026-09-09"}.apply(t, folder)
	for origin, want := range map[string]string{"": "2026-09-09", "2026-10-07": "2026-10-07"} {
		if s, err := own.Read(folder, own.When{Origin: origin, Weeks: 3}); err != nil || s.Start != want {
			t.Errorf("with start and origin %q: %s, %v; want %s", origin, s.Start, err, want)
		}
	}
}

// TestFoundingKeepsTheText: founding changes the blanks of a charter and nothing else.
func TestFoundingKeepsTheText(t *testing.T) {
	t.Parallel()
	folder := example(t)
	change{own.CharterFile, "# What is divided.", "# What is {{.ID}} divided, in \u00e9 {{{ and }} too."}.apply(t, folder)
	change{own.CharterFile, `"Kits that a district bought itself."`, `"Kits {{.Operator}} bought."`}.apply(t, folder)
	s, err := own.Read(folder, own.When{})
	if err != nil {
		t.Fatal(err)
	}
	text := string(draft(t, s))
	before, err := os.ReadFile(filepath.Join(folder, own.CharterFile))
	if err != nil {
		t.Fatal(err)
	}
	rest := text
	for line := range strings.Lines(string(before)) {
		for _, word := range []string{": founding", ": members", ": operator"} {
			if !strings.HasPrefix(strings.TrimSpace(line), "#") {
				line, _, _ = strings.Cut(line, word)
			}
		}
		i := strings.Index(rest, line)
		if i < 0 {
			t.Fatalf("the founded charter has no line %q where it belongs", line)
		}
		rest = rest[i+len(line):]
	}
	if c := founded(t, s); c.Scope.Excludes["en"] != "Kits {{.Operator}} bought." || c.ID != "harbours-8" || len(c.Parties) != 9 {
		t.Errorf("excludes %q, id %s, %d parties", c.Scope.Excludes["en"], c.ID, len(c.Parties))
	}
}

func TestNamesAreThereInEveryLanguage(t *testing.T) {
	t.Parallel()
	folder := example(t)
	path := filepath.Join(folder, own.CharterFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change{file: own.CharterFile, text: strings.ReplaceAll(string(data), "{en:", `{fr: "Texte", en:`)}.apply(t, folder)
	change{own.CharterFile, "authentic_languages: [en]", "authentic_languages: [en, fr]"}.apply(t, folder)
	s, err := own.Read(folder, own.When{})
	if err != nil {
		t.Fatal(err)
	}
	if c := founded(t, s); c.Parties[1].Name["fr"] != "Amberwick" {
		t.Errorf("names %v", c.Parties[1].Name)
	}
}

func draft(t testing.TB, s pack.Scenario) []byte {
	t.Helper()
	f, err := own.StandIns(s)
	if err != nil {
		t.Fatal(err)
	}
	text, err := pack.Draft(s.Charter, f)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// founded reads the charter that founding writes.
func founded(t testing.TB, s pack.Scenario) comity.Charter {
	t.Helper()
	root, err := yaml.Read("charter.yaml", draft(t, s))
	if err != nil {
		t.Fatal(err)
	}
	read, problems := charter.Read(root, cel.Compile)
	if err := problems.Err("charter.yaml"); err != nil {
		t.Fatal(err)
	}
	return read
}
