package anchor

import (
	"math"
	"slices"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// Table is rows cut into bins, with what a test compares predictions with.
type Table struct {
	Rows    *learn.Rows
	Targets []float64
}

// Cut cuts the columns of the made rows into at most so many bins each.
func (m *Made) Cut(bins int) learn.Features {
	var features learn.Features
	grids := learn.Grids{{Lo: 0, Hi: fixed.One, Cells: 4096}}
	for f := range Features {
		sum, err := grids.Histogram([][]fixed.Q16{m.column(f)})
		if err != nil {
			panic(err) // The grid is within bounds.
		}
		cut, err := grids.FeaturesFrom(sum, bins)
		if err != nil {
			panic(err) // So are the counts.
		}
		features = append(features, cut...)
	}
	return features
}

func (m *Made) column(f int) []fixed.Q16 {
	column := make([]fixed.Q16, len(m.Y))
	for i := range column {
		column[i] = Fixed(float64(m.X[i*Features+f]))
	}
	return column
}

// Regression returns the made rows with their numbers as targets.
func (m *Made) Regression(features learn.Features) *Table {
	t := m.table(features)
	for i, y := range m.Y {
		t.Targets[i] = float64(y)
		t.Rows.Target[i] = Fixed(float64(y))
	}
	return t
}

// Classes returns the made rows with their classes as targets.
func (m *Made) Classes(features learn.Features) *Table {
	t := m.table(features)
	for i, c := range m.Class {
		t.Targets[i] = float64(c)
		t.Rows.Target[i] = fixed.Q16(c) * fixed.One
	}
	return t
}

func (m *Made) table(features learn.Features) *Table {
	n := len(m.Y)
	t := &Table{
		Rows: &learn.Rows{
			Bins: make([][]uint8, Features), Key: make([]uint64, n), Target: make([]fixed.Q16, n),
		},
		Targets: make([]float64, n),
	}
	for f := range t.Rows.Bins {
		t.Rows.Bins[f] = make([]uint8, n)
	}
	const some = 1 << 8 // Rows at a time, so that they stay near.
	for from := 0; from < n; from += some {
		to := min(n, from+some)
		for f := range features {
			column := t.Rows.Bins[f][from:to]
			for i := range column {
				column[i] = features[f].Bin(Fixed(float64(m.X[(from+i)*Features+f])))
			}
		}
	}
	for i := range t.Rows.Key {
		t.Rows.Key[i] = uint64(i) * 0x9E3779B97F4A7C15
	}
	return t
}

// Fixed returns a number as Q16, rounded; not a number is missing.
func Fixed(x float64) fixed.Q16 {
	if math.IsNaN(x) {
		return fixed.Missing
	}
	return fixed.Q16(math.Round(x * float64(fixed.One)))
}

// AUC is the share of pairs of a positive and a negative row that scores put in the right
// order, ties counting half.
func AUC(scores, targets []float64) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		default:
			return 0
		}
	})
	var ranks, positives float64
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && scores[order[to]] == scores[order[from]] {
			to++
		}
		rank := float64(from+to+1) / 2 // Mean of from+1 to to.
		for _, i := range order[from:to] {
			if targets[i] > 0 {
				ranks += rank
				positives++
			}
		}
		from = to
	}
	negatives := float64(len(order)) - positives
	return (ranks - positives*(positives+1)/2) / (positives * negatives)
}

// R2 is the share of the targets' variance that predictions explain.
func R2(predictions, targets []float64) float64 {
	var sum, squares, off float64
	for i, y := range targets {
		sum += y
		squares += y * y
		off += (y - predictions[i]) * (y - predictions[i])
	}
	n := float64(len(targets))
	return 1 - off/(squares-sum*sum/n)
}
