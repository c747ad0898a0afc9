package explain_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/explain"
)

// TestPartsAreShapleyValues compares the closed form with the twin.
func TestPartsAreShapleyValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := drawTerms(t)
		rows, background := drawCodes(t, terms.Features, 0), drawCodes(t, terms.Features, 1)
		parts, err := terms.Parts(background)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parts.Interactions(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		compareValues(t, got, rows, terms.Features, func(row []float64) conditional {
			return crowdValue(terms.Score, row, background)
		})
	})
}

// TestSlopes holds the Shapley values of a linear model to slope times distance from the mean.
func TestSlopes(t *testing.T) {
	terms := &explain.Terms{Features: 2, Start: 1, Terms: []explain.Term{
		{Features: []int{0}, Slope: 2, Missing: 9}, {Features: []int{1}, Slope: -0.5},
	}}
	parts, err := terms.Parts([][]float64{{1, 4}, {3, 0}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := parts.Explain(t.Context(), [][]float64{{5, 2}, {math.NaN(), 6}})
	if err != nil {
		t.Fatal(err)
	}
	// The background's mean: 1 + 2·2 - 0.5·2 = 4.
	for _, c := range []struct{ got, want float64 }{
		{v.Base, 4},
		{v.Phi[0][0], 6},
		{v.Phi[0][1], 0},
		{v.Phi[1][0], 5},
		{v.Phi[1][1], -2},
		{v.Score[1], 7},
	} {
		if !close9(c.got, c.want) {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
}

func TestTermsRefuse(t *testing.T) {
	row := [][]float64{{0, 0}}
	good := func() *explain.Terms {
		return &explain.Terms{Features: 2, Terms: []explain.Term{
			{Features: []int{0}, Table: []float64{0, 1}}, {Features: []int{0, 1}, Table: make([]float64, 6), Width: 3},
		}}
	}
	if _, err := good().Parts(row); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*explain.Terms){
		"no features":     func(x *explain.Terms) { x.Features = 0 },
		"infinite start":  func(x *explain.Terms) { x.Start = math.Inf(1) },
		"unknown feature": func(x *explain.Terms) { x.Terms[0].Features = []int{2} },
		"negative":        func(x *explain.Terms) { x.Terms[0].Features = []int{-1} },
		"three features":  func(x *explain.Terms) { x.Terms[1].Features = []int{0, 1, 1} },
		"twice the same":  func(x *explain.Terms) { x.Terms[1].Features = []int{1, 1} },
		"ragged table":    func(x *explain.Terms) { x.Terms[1].Width = 4 },
		"no width":        func(x *explain.Terms) { x.Terms[1].Width = 0 },
		"no table":        func(x *explain.Terms) { x.Terms[1].Table = nil },
		"not a number":    func(x *explain.Terms) { x.Terms[0].Table[1] = math.NaN() },
		"infinite slope":  func(x *explain.Terms) { x.Terms[0].Slope = math.Inf(-1) },
	} {
		x := good()
		spoil(x)
		if _, err := x.Parts(row); !errors.Is(err, explain.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, rows := range map[string][][]float64{
		"no background": {}, "short": {{0}}, "long": {{0, 0, 0}}, "beyond": {{2, 0}}, "below": {{-1, 0}},
		"between": {{0.5, 0}}, "missing": {{0, math.NaN()}},
	} {
		if _, err := good().Parts(rows); !errors.Is(err, explain.ErrRows) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCentredTermsNeedNoBackground makes the means of terms zero over a background: then
// both explainers say the same.
func TestCentredTermsNeedNoBackground(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := drawTerms(t)
		var background [][]float64 // Of one row for every combination: features are independent.
		row := make([]float64, terms.Features)
		var fill func(f int)
		fill = func(f int) {
			if f == len(row) {
				background = append(background, append([]float64{}, row...))
				return
			}
			for code := range 4 {
				row[f] = float64(code)
				fill(f + 1)
			}
		}
		fill(0)
		for i := range terms.Terms {
			centre(terms.Terms[i].Table, terms.Terms[i].Width)
		}
		rows := drawCodes(t, terms.Features, 1)
		against, err := terms.Parts(background)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := terms.Centred()
		if err != nil {
			t.Fatal(err)
		}
		want, err := against.Interactions(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		got, err := alone.Interactions(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		for r := range rows {
			for i := range want.Phi[r] {
				for j := range want.Phi[r] {
					if !close9(got.Pairs[r][i][j], want.Pairs[r][i][j]) || !close9(got.Base, want.Base) {
						t.Fatalf("features %d and %d add %v, want %v", i, j, got.Pairs[r][i][j], want.Pairs[r][i][j])
					}
				}
			}
		}
	})
}

// centre takes the mean from a table, or from each row and column of it.
func centre(table []float64, width int) {
	if width == 0 {
		width = 1
	}
	less := func(places []int) {
		var mean float64
		for _, at := range places {
			mean += table[at] / float64(len(places))
		}
		for _, at := range places {
			table[at] -= mean
		}
	}
	height := len(table) / width
	for b := range width {
		var column []int
		for a := range height {
			column = append(column, a*width+b)
		}
		less(column)
	}
	for a := 0; width > 1 && a < height; a++ {
		var row []int
		for b := range width {
			row = append(row, a*width+b)
		}
		less(row)
	}
}
