package explain_test

import (
	"math"

	"pgregory.net/rapid"

	"comity/modeler/explain"
)

// drawEnsemble draws some small trees with thresholds, sets, missing values and nodes
// where nobody came.
func drawEnsemble(t *rapid.T) *explain.Ensemble {
	e := &explain.Ensemble{
		Features: rapid.IntRange(1, 6).Draw(t, "features"),
		Start:    rapid.Float64Range(-5, 5).Draw(t, "start"),
		Trees:    make([]explain.Tree, rapid.IntRange(0, 3).Draw(t, "trees")),
	}
	for i := range e.Trees {
		depth := rapid.IntRange(0, 5).Draw(t, "depth")
		grow(t, &e.Trees[i], e.Features, depth, rapid.IntRange(1, 40).Draw(t, "cover"))
	}
	return e
}

// grow appends a node and all below it.
func grow(t *rapid.T, tree *explain.Tree, features, depth, cover int) int {
	at := len(*tree)
	*tree = append(*tree, explain.Node{Feature: -1, Value: float64(rapid.IntRange(-64, 64).Draw(t, "value")) / 16, Cover: float64(cover)})
	if depth == 0 || rapid.IntRange(0, 5).Draw(t, "leaf") == 0 {
		return at
	}
	n := explain.Node{
		Feature: rapid.IntRange(0, features-1).Draw(t, "feature"), MissingLeft: rapid.Bool().Draw(t, "missing"), Cover: float64(cover),
		Threshold: float64(rapid.IntRange(0, 7).Draw(t, "threshold")) / 2,
	}
	if n.Feature%3 == 2 {
		n.Set = []uint64{rapid.Uint64Range(0, 15).Draw(t, "set")}
	}
	left := rapid.IntRange(0, cover).Draw(t, "left")
	n.Left = grow(t, tree, features, depth-1, left)
	n.Right = grow(t, tree, features, depth-1, cover-left)
	(*tree)[at] = n
	return at
}

func drawRows(t *rapid.T, features, least int) [][]float64 {
	rows := make([][]float64, rapid.IntRange(least, 4).Draw(t, "rows"))
	for r := range rows {
		rows[r] = make([]float64, features)
		for j := range rows[r] {
			rows[r][j] = rapid.SampledFrom([]float64{0, 0.5, 1, 1.5, 2, 3, 4, 7, 99, math.NaN(), math.Inf(-1)}).Draw(t, "x")
		}
	}
	return rows
}

// drawTerms draws a sum of tables of one and two features, each with codes 0 to 3.
func drawTerms(t *rapid.T) *explain.Terms {
	const codes = 4
	terms := &explain.Terms{Features: rapid.IntRange(1, 5).Draw(t, "features"), Start: rapid.Float64Range(-5, 5).Draw(t, "start")}
	value := rapid.Map(rapid.IntRange(-64, 64), func(v int) float64 { return float64(v) / 16 })
	for range rapid.IntRange(0, 6).Draw(t, "terms") {
		one := explain.Term{Features: []int{rapid.IntRange(0, terms.Features-1).Draw(t, "feature")}}
		size := codes
		if other := rapid.IntRange(0, terms.Features-1).Draw(t, "other"); other != one.Features[0] {
			one.Features, one.Width, size = append(one.Features, other), codes, codes*codes
		}
		one.Table = rapid.SliceOfN(value, size, size).Draw(t, "table")
		terms.Terms = append(terms.Terms, one)
	}
	return terms
}

func drawCodes(t *rapid.T, features, least int) [][]float64 {
	rows := make([][]float64, rapid.IntRange(least, 4).Draw(t, "rows"))
	for r := range rows {
		rows[r] = make([]float64, features)
		for j := range rows[r] {
			rows[r][j] = float64(rapid.IntRange(0, 3).Draw(t, "code"))
		}
	}
	return rows
}
