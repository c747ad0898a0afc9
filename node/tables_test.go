package node

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"comity"
	"comity/place"
	"comity/schema"
)

// visits is a schema that a pack could declare.
func visits() schema.Schema {
	return schema.Schema{ID: "test/visits@1", Columns: []schema.Column{{Name: "age", Type: schema.Integer, Required: true}}}
}

// A member says in one file where its rows are: in a file, or what a command prints.
func TestTables(t *testing.T) {
	home := Home(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(home.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	clause := comity.DataClause{ID: "d.visits", Schema: "test/visits@1"}
	open := func() (int, error) {
		s, table, err := OpenTable(t.Context(), home, []schema.Schema{visits()}, clause)
		if err != nil {
			return 0, err
		}
		defer table.Close()
		report, err := schema.Read(s, table, 5, nil)
		if err != nil {
			return 0, err
		}
		return report.Rows, report.Err()
	}
	if _, err := open(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("without a file: %v", err)
	}
	write("visits.csv", "age\n40\n41\n")
	write("mine.yaml", "id: test/visits@1\ncolumns:\n  - {name: age, type: integer, required: true}\n")
	for name, entry := range map[string]string{
		"file":        "schema: test/visits@1\n    path: visits.csv",
		"own schema":  "schema: mine.yaml\n    path: visits.csv",
		"a command":   "schema: test/visits@1\n    command: [printf, \"age\\n7\\n8\\n\"]",
		"whole place": "schema: test/visits@1\n    path: " + home.path("visits.csv"),
	} {
		write("tables.yaml", "tables:\n  - clause: d.visits\n    "+entry+"\n")
		if rows, err := open(); err != nil || rows != 2 {
			t.Errorf("%s: %d rows, %v", name, rows, err)
		}
	}
	write("other.yaml", "id: test/stays@1\ncolumns:\n  - {name: age, type: integer}\n")
	for name, text := range map[string]string{
		"no list":        "visits: x\n",
		"unknown key":    "tables:\n  - clause: d.visits\n    schema: test/visits@1\n    path: visits.csv\n    password: x\n",
		"no path":        "tables:\n  - clause: d.visits\n    schema: test/visits@1\n",
		"both":           "tables:\n  - clause: d.visits\n    schema: test/visits@1\n    path: visits.csv\n    command: [true]\n",
		"other schema":   "tables:\n  - clause: d.visits\n    schema: other.yaml\n    path: visits.csv\n",
		"no such schema": "tables:\n  - clause: d.visits\n    schema: none.yaml\n    path: visits.csv\n",
		"unknown schema": "tables:\n  - clause: d.visits\n    schema: test/none@1\n    path: visits.csv\n",
		"no such file":   "tables:\n  - clause: d.visits\n    schema: test/visits@1\n    path: none.csv\n",
	} {
		write("tables.yaml", text)
		if _, err := open(); !errors.Is(err, place.ErrUnreadable) {
			t.Errorf("%s: %v, want unreadable", name, err)
		}
	}
	write("tables.yaml", "tables:\n  - clause: d.other\n    schema: test/visits@1\n    path: visits.csv\n")
	if _, err := open(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another clause's table: %v", err)
	}
}
