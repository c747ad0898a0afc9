package csv

import (
	"errors"
	"io"
	"strings"
	"testing"

	"comity/schema"
)

func TestRows(t *testing.T) {
	r, err := NewRows("flow.csv", strings.NewReader("\ufeffday,\"flow [m3/s]\"\r\n2026-01-01,\"1,5\"\r\n2026-01-02,\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if h := r.Header(); len(h) != 2 || h[0] != (schema.Heading{Name: "day", Column: 1}) || h[1] != (schema.Heading{Name: "flow", Unit: "m3/s", Column: 5}) {
		t.Errorf("header %+v", h)
	}
	for i, want := range []string{"1,5", ""} {
		fields, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := string(fields[1].Text); got != want || fields[1].Column != 12 || r.Place() != (schema.Place{File: "flow.csv", Line: i + 2}) {
			t.Errorf("row %d: %q in column %d at %+v, want %q", i+1, got, fields[1].Column, r.Place(), want)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last row: %v", err)
	}
}

// Whatever the bytes are, a row has as many cells as the header, or the error says where.
func FuzzTable(f *testing.F) {
	f.Add([]byte("day,flow [m3/s]\n2026-01-01,1.5\n"))
	f.Add([]byte("a,\"b\"\"c\"\n\n"))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewRows("x", strings.NewReader(string(data)))
		for err == nil {
			var fields []schema.Field
			if fields, err = r.Next(); err == nil && len(fields) != len(r.Header()) {
				t.Fatalf("%d cells under %d columns", len(fields), len(r.Header()))
			}
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrUnreadable) {
			t.Fatal(err)
		}
	})
}
