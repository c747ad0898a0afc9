package dataset

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/parquet-go/parquet-go"

	"comity/schema"
)

// million is a table of 10^6 rows of four columns, with a key.
const million = 1_000_000

func wide() schema.Schema {
	return schema.Schema{
		ID: "test/wide@1",
		Columns: []schema.Column{
			{Name: "id", Type: schema.Integer, Required: true},
			{Name: "day", Type: schema.Date, Required: true},
			{Name: "flow", Type: schema.Decimal, Unit: "m3/s", Decimals: 2, Least: "0"},
			{Name: "gauge", Type: schema.Text},
		},
		Key:        []string{"id"},
		Suppressed: []string{"*"},
	}
}

type wideRow struct {
	ID    int64   `parquet:"id"`
	Day   string  `parquet:"day"`
	Flow  float64 `parquet:"flow [m3/s]"`
	Gauge string  `parquet:"gauge"`
}

func wideRowAt(i int) wideRow {
	return wideRow{int64(i), fmt.Sprintf("20%02d-0%d-1%d", i%90+10, i%9+1, i%10), float64(i%100_000) / 4, fmt.Sprintf("gauge %d", i%100)}
}

func wideCSV(b *testing.B, file string) {
	b.Helper()
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "id,day,flow [m3/s],gauge")
	for i := range million {
		r := wideRowAt(i)
		fmt.Fprintf(w, "%d,%s,%g,%s\n", r.ID, r.Day, r.Flow, r.Gauge)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

func wideParquet(b *testing.B, file string) {
	b.Helper()
	rows := make([]wideRow, million)
	for i := range rows {
		rows[i] = wideRowAt(i)
	}
	if err := parquet.WriteFile(file, rows, parquet.MaxRowsPerRowGroup(100_000)); err != nil {
		b.Fatal(err)
	}
}

func wideSQLite(b *testing.B, file string) {
	b.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := db.ExecContext(b.Context(), `CREATE TABLE r (id INTEGER, day TEXT, "flow [m3/s]" REAL, gauge TEXT);
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 999999)
		INSERT INTO r SELECT i, printf('20%02d-0%d-1%d', i%90+10, i%9+1, i%10), (i%100000)/4.0, 'gauge '||(i%100) FROM n`); err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkMillion checks a million rows and reports how much memory was live at the end.
func BenchmarkMillion(b *testing.B) {
	for _, kind := range []struct {
		name string
		make func(*testing.B, string)
	}{{"csv", wideCSV}, {"parquet", wideParquet}, {"sqlite", wideSQLite}} {
		b.Run(kind.name, func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "rows")
			kind.make(b, file)
			runtime.GC()
			for b.Loop() {
				s, err := Open(b.Context(), Config{Path: file})
				if err != nil {
					b.Fatal(err)
				}
				report, err := schema.Read(wide(), s, 1, nil)
				if err != nil || report.Err() != nil || report.Rows != million {
					b.Fatal(report.Rows, err, report.Err())
				}
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				b.ReportMetric(float64(m.Sys)/1e6, "MB-sys")
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(million*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
