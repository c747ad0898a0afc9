package csv_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"comity/adapter/csv"
)

func TestCompressedWeekly(t *testing.T) {
	// The compressed bytes hold semicolons somewhere in 200 texts.
	for n := range 200 {
		text := fmt.Sprintf("date,value\n2026-11-08,%d\n", n)
		rows, err := csv.NewWeekly([]string{"ILI"}).ReadFrom("f.csv.gz", strings.NewReader(compress(text)), "KE")
		if err != nil || len(rows) != 1 || rows[0].Value != int64(1000*n) {
			t.Fatalf("%q compressed: %v, %v", text, rows, err)
		}
	}
}

// FuzzWeekly: whatever stands in a member's file, a refusal says where, and what is
// accepted can be written to the member's home.
func FuzzWeekly(f *testing.F) {
	f.Add([]byte("date,value\n2026-11-08,1.5\n2026-11-01,\n"))
	f.Add([]byte("member,as_of,target,value,date\nKE,2026-11-13,ILI,1e2,2026-11-07\nKE,2026-11-08,ILI,1,2026-11-07\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := csv.NewWeekly([]string{"ILI"}).ReadFrom("fuzz", bytes.NewReader(data), "KE")
		if err != nil {
			if !errors.Is(err, csv.ErrUnreadable) {
				t.Fatalf("%v is no ErrUnreadable", err)
			}
			return
		}
		path := filepath.Join(t.TempDir(), "series.csv")
		if err := csv.WriteSeries(path, rows); err != nil {
			t.Fatalf("rows that were read cannot be written: %v", err)
		}
		if again, err := csv.Vintages(path); err != nil || len(again) != len(rows) {
			t.Fatalf("wrote %d rows, read %d, %v", len(rows), len(again), err)
		}
	})
}
