package training_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"comity/dataset"
	"comity/modeler/learn"
	"comity/modeler/learn/table"
)

// wide is a CSV of 28 columns of numbers with nine digits, and a target.
func wide(rows int) (text string, columns []string) {
	const features = 28
	r := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	for f := range features {
		columns = append(columns, "x"+strconv.Itoa(f))
	}
	b.WriteString(strings.Join(columns, ",") + ",y\n")
	var line []byte
	for range rows {
		line = line[:0]
		for range features {
			line = append(strconv.AppendFloat(line, float64(r.Float32()), 'g', -1, 32), ',')
		}
		line = append(strconv.AppendFloat(line, r.NormFloat64(), 'g', 8, 64), '\n')
		b.Write(line)
	}
	return b.String(), columns
}

// BenchmarkTable is all that lies between a file and a learner: reading, the survey, keys
// and bins. A million rows of 28 columns take ten times as long as one round of it.
func BenchmarkTable(b *testing.B) {
	const rows = 100_000
	text, columns := wide(rows)
	read := func() *table.Table {
		s, err := dataset.Open(b.Context(), dataset.Config{Input: strings.NewReader(text), Name: "rows.csv"})
		if err != nil {
			b.Fatal(err)
		}
		t, err := table.Read(s, table.Want{Target: "y"})
		if err != nil {
			b.Fatal(err)
		}
		return t
	}
	t := read()
	cfg := &table.Config{Columns: columns, Target: "y"}
	frame, err := table.Survey(b.Context(), cfg, t, learn.Pooled{})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"read", func() error { read(); return nil }},
		{"survey", func() error { _, err := table.Survey(b.Context(), cfg, t, learn.Pooled{}); return err }},
		{"keys", func() error { _, err := t.Keyed(append(columns, "y")); return err }},
		{"bins", func() error { _, err := table.Bins(frame.Columns, t); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.do(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
