package analytics

import (
	"maps"
	"slices"
	"testing"

	"comity/schema"
)

// BenchmarkEncode adds rows to a vector, for each kind.
func BenchmarkEncode(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(queries())) {
		b.Run(name, func(b *testing.B) {
			q := queries()[name]
			q.MemberRows = schema.MaxRows
			l := layoutOf(b, q, visits(false))
			present := func(n int64) schema.Cell { return schema.Cell{State: schema.Present, Number: n} }
			row := []schema.Cell{present(1), present(512), present(7), present(1), present(2), {State: schema.Present, Text: []byte("code 17")}, present(3), present(1)}
			e := l.Encoder()
			for b.Loop() {
				if e.rows == schema.MaxRows {
					e = l.Encoder()
				}
				if err := e.Add(row); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkDecode makes a table of 60 by 60 with withheld cells, the largest search that
// is likely.
func BenchmarkDecode(b *testing.B) {
	cells := make([]int64, 60*60)
	for i := range cells {
		cells[i] = int64(i * i % 40)
	}
	for b.Loop() {
		newTable([]int{60, 60}, cells).withheld(10)
	}
}
