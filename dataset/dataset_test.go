package dataset

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"comity/adapter/query"
	"comity/canon"
	"comity/place"
	"comity/schema"
)

func river() schema.Schema {
	return schema.Schema{
		ID: "test/river@1",
		Columns: []schema.Column{
			{Name: "day", Type: schema.Date, Required: true},
			{Name: "flow", Type: schema.Decimal, Unit: "m3/s", Decimals: 2, Least: "0"},
		},
		Key: []string{"day"},
	}
}

const text = "day,flow [m3/s]\n2026-01-01,1740.8\n2026-01-02,\n2026-01-03,12\n"

func write(t *testing.T, file string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func inParquet(t *testing.T) []byte {
	t.Helper()
	type row struct {
		Day  string   `parquet:"day"`
		Flow *float64 `parquet:"flow,optional"`
	}
	one, three := 1740.8, 12.0
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.KeyValueMetadata("unit.flow", "m3/s"))
	if _, err := w.Write([]row{{"2026-01-01", &one}, {"2026-01-02", nil}, {"2026-01-03", &three}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func inSQLite(t *testing.T, file string) string {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE r (day TEXT, "flow [m3/s]" REAL); INSERT INTO r VALUES ('2026-01-01', 1740.8), ('2026-01-02', NULL), ('2026-01-03', 12)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func content(t *testing.T, c Config) (canon.Digest, error) {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		return canon.Digest{}, err
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	report, err := schema.Read(river(), s, 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report.Content, report.Err()
}

// The same rows have the same digest in whatever they are kept.
func TestSameRowsEverywhere(t *testing.T) {
	dir := t.TempDir()
	want, err := content(t, Config{Input: strings.NewReader(text), Name: "standard input"})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "parts", "1.csv"), []byte("flow [m3/s],more,day\n1740.8,x,2026-01-01\n"))
	write(t, filepath.Join(dir, "parts", "2.csv.gz"), zipped(t, "day,more,flow [m3/s]\n2026-01-02,y,\n2026-01-03,z,12.00\n"))
	write(t, filepath.Join(dir, "parts", ".hidden"), []byte("no table"))
	db := inSQLite(t, filepath.Join(dir, "r.db"))
	for name, c := range map[string]Config{
		"csv":           {Path: write(t, filepath.Join(dir, "r.csv"), []byte(text))},
		"csv.gz":        {Path: write(t, filepath.Join(dir, "r.csv.gz"), zipped(t, text))},
		"parquet":       {Path: write(t, filepath.Join(dir, "r.data"), inParquet(t))},
		"sqlite":        {Path: db},
		"sqlite table":  {Path: db, Table: "r"},
		"sqlite query":  {Path: db, Query: "SELECT * FROM r ORDER BY day"},
		"folder":        {Path: filepath.Join(dir, "parts")},
		"query command": {Command: &query.Config{Argv: []string{"/bin/cat", filepath.Join(dir, "r.csv")}, Deadline: time.Minute, Bytes: 1000}},
	} {
		if got, err := content(t, c); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "r.csv"), []byte(text))
	write(t, filepath.Join(dir, "odd", "1.csv"), []byte(text))
	write(t, filepath.Join(dir, "odd", "2.csv"), []byte("day,flow [l/s]\n2026-01-04,1\n"))
	write(t, filepath.Join(dir, "twice", "1.csv"), []byte(text))
	write(t, filepath.Join(dir, "twice", "2.csv"), []byte(text))
	write(t, filepath.Join(dir, "deep", "more", "1.csv"), []byte(text))
	write(t, filepath.Join(dir, "none", ".keep"), nil)
	failing := &query.Config{Argv: []string{"/bin/sh", "-c", "echo 'day,flow'; echo no >&2; exit 1"}, Deadline: time.Minute, Bytes: 1000}
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"table and query":   {Config{Path: file, Table: "r", Query: "SELECT 1"}, "a table and a query"},
		"table of csv":      {Config{Path: file, Table: "r"}, "no SQLite database"},
		"table of a stream": {Config{Input: strings.NewReader(text), Name: "standard input", Table: "r"}, "the input is CSV"},
		"empty":             {Config{Path: write(t, filepath.Join(dir, "empty.csv"), nil)}, "the file is empty; start it with the names of the columns"},
		"other unit":        {Config{Path: filepath.Join(dir, "odd")}, filepath.Join("odd", "2.csv") + ":1:1: no column \"flow\" with unit \"m3/s\""},
		"rows twice":        {Config{Path: filepath.Join(dir, "twice")}, filepath.Join("twice", "2.csv") + ":2:1: row 4: the same day as row 1"},
		"folder in folder":  {Config{Path: filepath.Join(dir, "deep")}, "a folder inside a folder"},
		"empty folder":      {Config{Path: filepath.Join(dir, "none")}, "0 files"},
		"command fails":     {Config{Command: failing}, "exit status 1: no"},
		"ragged":            {Config{Path: write(t, filepath.Join(dir, "ragged.csv"), []byte("day,flow\n2026-01-01\n"))}, "ragged.csv:2:1: row of 1 cells"},
	} {
		if _, err := content(t, c.config); !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := Open(context.Background(), Config{Path: filepath.Join(dir, "absent")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}
