package parquet

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"comity/place"
	"comity/schema"
)

// reading is a row with a column of every type that is read.
type reading struct {
	Day     int32     `parquet:"day,date"`
	At      time.Time `parquet:"at,timestamp(microsecond)"`
	Gauge   string    `parquet:"gauge"`
	Flow    float64   `parquet:"flow [m3/s]"`
	Level   *int64    `parquet:"level,optional"`
	Small   float32   `parquet:"small"`
	Unsign  uint32    `parquet:"unsigned"`
	Price   int64     `parquet:"price,decimal(2:18)"`
	Checked bool      `parquet:"checked"`
	Tags    []string  `parquet:"tags,list"`
}

// written returns a file of rows.
func written(t testing.TB, rows []reading, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[reading](&b, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sample(n int) []reading {
	level := int64(-12)
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rows := make([]reading, n)
	for i := range rows {
		rows[i] = reading{Day: 20454, At: day, Gauge: "Köln", Flow: 1740.8, Small: 0.1, Unsign: math.MaxUint32, Price: -1250, Checked: true, Tags: []string{"a", "b"}}
		if i%2 == 0 {
			rows[i].Level = &level
		}
	}
	return rows
}

func TestRows(t *testing.T) {
	data := written(t, sample(600), parquet.KeyValueMetadata("unit.level", "cm"), parquet.MaxRowsPerRowGroup(500))
	r, err := NewRows("river.parquet", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	units := map[string]string{}
	for _, h := range r.Header() {
		units[h.Name] = h.Unit
	}
	if units["flow"] != "m3/s" || units["level"] != "cm" || len(units) != 9 {
		t.Errorf("header %v", r.Header())
	}
	want := map[string]string{
		"day": "2026-01-01", "at": "2026-01-01", "gauge": "Köln", "flow": "1740.8", "level": "-12", "small": "0.1",
		"unsigned": "4294967295", "price": "-12.5", "checked": "true",
	}
	n := 0
	for ; ; n++ {
		fields, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n%2 == 1 {
			want["level"] = ""
		} else {
			want["level"] = "-12"
		}
		for i, h := range r.Header() {
			if got := string(fields[i].Text); got != want[h.Name] {
				t.Fatalf("row %d, column %s is %q, want %q", n+1, h.Name, got, want[h.Name])
			}
		}
	}
	if p := r.Place(); n != 600 || p.Line != 600 || !p.Record {
		t.Errorf("%d rows, at %+v", n, p)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	data := written(t, sample(3))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "not a readable Parquet file"},
		"text":      {[]byte("PAR1day,flow"), "not a readable Parquet file"},
		"cut":       {data[:len(data)-9], "not a readable Parquet file"},
		"no footer": {append(bytes.Clone(data[:len(data)-8]), 0xff, 0xff, 0xff, 0x7f, 'P', 'A', 'R', '1'), "not a readable Parquet file"},
	} {
		_, err := NewRows("x.parquet", bytes.NewReader(c.data), int64(len(c.data)))
		if !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), "x.parquet:1:1: "+c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewRows("x", bytes.NewReader(nil), MaxBytes+1); !errors.Is(err, place.ErrUnreadable) {
		t.Errorf("too large: %v", err)
	}
	infinite := sample(1)
	infinite[0].Flow = math.Inf(1)
	data = written(t, infinite)
	r, err := NewRows("x.parquet", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "x.parquet:1:") || !strings.Contains(err.Error(), "row 1, column flow: the value is infinite") {
		t.Errorf("infinite: %v", err)
	}
}

// Whatever the bytes are, reading ends with rows or an error that says where.
func FuzzRows(f *testing.F) {
	data := written(f, sample(3))
	f.Add(data)
	f.Add(data[:len(data)/2])
	for i := 4; i < len(data); i += 37 {
		damaged := bytes.Clone(data)
		damaged[i] ^= 0x55
		f.Add(damaged)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		r, err := NewRows("x", bytes.NewReader(data), int64(len(data)))
		for n := 0; err == nil && n < 1000; n++ {
			var fields []schema.Field
			if fields, err = r.Next(); err == nil && len(fields) != len(r.Header()) {
				t.Fatalf("%d cells under %d columns", len(fields), len(r.Header()))
			}
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, place.ErrUnreadable) {
			t.Fatal(err)
		}
	})
}
