package forecast

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"comity/party"
)

// readCSV calls row for every row of a .csv.gz file, with its fields by column name.
func readCSV(tb testing.TB, file string, row func(get func(column string) string)) {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	r := csv.NewReader(z)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		tb.Fatal(err)
	}
	columns := map[string]int{}
	for i, name := range head {
		columns[strings.Clone(name)] = i
	}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			tb.Fatal(err)
		}
		row(func(column string) string { return strings.Clone(fields[columns[column]]) })
	}
}

// thousandths reads a decimal exactly to three digits, rounded half up.
func thousandths(tb testing.TB, text string) int64 {
	tb.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return int64(v*1000 + .5)
}

// readVintages reads the observations of a vintage file.
func readVintages(tb testing.TB, file string) []Observation {
	tb.Helper()
	var rows []Observation
	readCSV(tb, file, func(get func(string) string) {
		o := Observation{AsOf: get("as_of"), Target: get("target"), Place: party.ID(get("location")), Date: get("truth_date")}
		if v := get("value"); v == "" {
			o.Withdrawn = true
		} else {
			o.Value = thousandths(tb, v)
		}
		rows = append(rows, o)
	})
	return rows
}
