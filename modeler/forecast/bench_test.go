package forecast

import (
	"slices"
	"testing"

	"comity/conformance"
)

// readAllVintages reads all vintages of the test data.
func readAllVintages(tb testing.TB) []Observation {
	tb.Helper()
	var rows []Observation
	for _, file := range conformance.Find(tb, "health/respicast*/truth_vintages*.csv.gz") {
		rows = append(rows, readVintages(tb, file)...)
	}
	return rows
}

// BenchmarkPooled is one quick run over all places.
func BenchmarkPooled(b *testing.B) {
	a := archive(b, readAllVintages(b))
	in := input(a)
	in.Recipe, in.Origin = Quick(), "2025-01-15"
	for b.Loop() {
		run(b, in, self{})
	}
}

// BenchmarkMembers is one quick run of every place beside the others, in one process.
func BenchmarkMembers(b *testing.B) {
	byPlace := map[string][]Observation{}
	var places []string
	for _, o := range readAllVintages(b) {
		p := string(o.Place)
		if byPlace[p] == nil {
			places = append(places, p)
		}
		byPlace[p] = append(byPlace[p], o)
	}
	slices.Sort(places)
	var rows [][]Observation
	for _, p := range places {
		rows = append(rows, byPlace[p])
	}
	for b.Loop() {
		in := input(nil)
		in.Recipe, in.Origin = Quick(), "2025-01-15"
		federateInput(b, in, rows, newMeeting(len(rows)))
	}
	b.ReportMetric(float64(len(rows)), "members")
}
