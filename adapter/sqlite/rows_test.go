package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comity/place"
)

// database makes a file by SQL statements.
func database(t testing.TB, statements string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a b?.db")
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(strings.ReplaceAll(file, " ", "%20"), "?", "%3f"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

const river = `CREATE TABLE river (day DATE, gauge TEXT, "flow [m3/s]" REAL, level INTEGER);
INSERT INTO river VALUES ('2026-01-01', 'Köln', 1740.8, -12), ('2026-01-02', 'Köln', 1e6, NULL), ('2026-01-03', '', '<5', 3);`

// read returns all cells, one line a row.
func read(t *testing.T, r *Rows) string {
	t.Helper()
	var b strings.Builder
	for {
		fields, err := r.Next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range fields {
			if i > 0 {
				b.WriteByte('|')
			}
			b.Write(f.Text)
		}
		b.WriteByte('\n')
	}
}

func TestTableAndQuery(t *testing.T) {
	file := database(t, river)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*Rows, error){
		"named": func() (*Rows, error) { return Table(t.Context(), file, "river") },
		"only":  func() (*Rows, error) { return Table(t.Context(), file, "") },
		"query": func() (*Rows, error) { return Query(t.Context(), file, `SELECT * FROM river ORDER BY day;`) },
		"nested": func() (*Rows, error) {
			return Query(t.Context(), file, `WITH r AS (SELECT * FROM river) SELECT * FROM r -- all`)
		},
	} {
		r, err := open()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := read(t, r), "2026-01-01|Köln|1740.8|-12\n2026-01-02|Köln|1e+06|\n2026-01-03||<5|3\n"; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if h := r.Header(); h[2].Name != "flow" || h[2].Unit != "m3/s" || r.Place().Line != 3 {
			t.Errorf("%s: header %v, place %v", name, h, r.Place())
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	after, err := os.ReadFile(file)
	if err != nil || string(after) != string(before) {
		t.Errorf("reading changed the file (%v)", err)
	}
}

func TestRefused(t *testing.T) {
	file := database(t, river+"CREATE TABLE other (x BLOB); INSERT INTO other VALUES (x'00');")
	elsewhere := filepath.Join(t.TempDir(), "new.db")
	for name, c := range map[string]struct {
		open func() (*Rows, error)
		want string
	}{
		"two tables":    {func() (*Rows, error) { return Table(t.Context(), file, "") }, "2 tables (other, river)"},
		"no such table": {func() (*Rows, error) { return Table(t.Context(), file, `x"y`) }, `no such table: x"y`},
		"delete":        {func() (*Rows, error) { return Query(t.Context(), file, "DELETE FROM river") }, `begins with "DELETE"`},
		"with a delete": {func() (*Rows, error) { return Query(t.Context(), file, "WITH x AS (SELECT 1) DELETE FROM river") }, "syntax error"},
		"two":           {func() (*Rows, error) { return Query(t.Context(), file, "SELECT 1; SELECT 2") }, "syntax error"},
		"closes early": {func() (*Rows, error) {
			return Query(t.Context(), file, "SELECT 1); ATTACH '"+elsewhere+"' AS x; SELECT (1")
		}, "too many attached databases"},
		"no file":     {func() (*Rows, error) { return Table(t.Context(), elsewhere, "") }, "unable to open"},
		"no database": {func() (*Rows, error) { return Table(t.Context(), os.Args[0], "x") }, "not a database"},
	} {
		r, err := c.open()
		for err == nil { // Some errors come with the first row.
			_, err = r.Next()
		}
		if !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := os.Stat(elsewhere); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a query made a file: %v", err)
	}
	r, err := Table(t.Context(), file, "other")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "row 1, column x: a value of type []uint8") {
		t.Errorf("blob: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Table(ctx, file, "river"); !errors.Is(err, place.ErrUnreadable) {
		t.Errorf("cancelled: %v", err)
	}
}

// Whatever the bytes are, reading ends with rows or an error that says where.
func FuzzFile(f *testing.F) {
	data, err := os.ReadFile(database(f, river))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for i := 16; i < len(data); i += 997 {
		damaged := append([]byte{}, data...)
		damaged[i] ^= 0x55
		f.Add(damaged)
	}
	file := filepath.Join(f.TempDir(), "fuzz.db")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Table(t.Context(), file, "")
		if err == nil {
			for n := 0; err == nil && n < 1000; n++ {
				_, err = r.Next()
			}
			_ = r.Close() // Of damaged bytes.
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, place.ErrUnreadable) {
			t.Fatal(err)
		}
	})
}
