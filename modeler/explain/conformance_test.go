package explain_test

import (
	"encoding/json"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"comity/conformance"
	"comity/modeler/explain"
)

// anchor is a file of small ensembles with their exact Shapley values as rationals.
type anchor struct {
	Cases []struct {
		Name     string
		Features int
		Trees    []struct {
			Feature, Left, Right    []int
			Threshold, Value, Cover []float64
		}
		Rows, Background [][]float64
		Prediction       []ratio
		Path             [][]ratio
		PathBase         []ratio     `json:"path_base"`
		Interv           [][]ratio   `json:"interv"`
		IntervBase       []ratio     `json:"interv_base"`
		PathInteractions [][][]ratio `json:"path_interactions"`
	}
}

// ratio is an exact rational, written p/q.
type ratio struct{ *big.Rat }

func (r *ratio) UnmarshalText(text []byte) error {
	r.Rat = new(big.Rat)
	return r.Rat.UnmarshalText(text)
}

// TestConformanceTreeSHAP holds both kinds of values, and the interactions, to exact
// rationals that another programme found by enumerating all subsets.
func TestConformanceTreeSHAP(t *testing.T) {
	for _, file := range conformance.Glob(t, "benchmarks/treeshap_anchor*/*.json") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var a anchor
		if err := json.Unmarshal(text, &a); err != nil {
			t.Fatal(file, err)
		}
		for _, c := range a.Cases {
			t.Run(filepath.Base(file)+"/"+c.Name, func(t *testing.T) {
				e := &explain.Ensemble{Features: c.Features}
				for _, from := range c.Trees {
					tree := make(explain.Tree, len(from.Feature))
					for i := range tree {
						tree[i] = explain.Node{
							Feature: from.Feature[i], Threshold: from.Threshold[i], Left: from.Left[i], Right: from.Right[i],
							Value: from.Value[i], Cover: from.Cover[i],
						}
					}
					e.Trees = append(e.Trees, tree)
				}
				path, err := explain.New(e)
				if err != nil {
					t.Fatal(err)
				}
				against, err := explain.Against(e, c.Background)
				if err != nil {
					t.Fatal(err)
				}
				for _, kind := range []struct {
					x    *explain.Explainer
					phi  [][]ratio
					base []ratio
				}{{path, c.Path, c.PathBase}, {against, c.Interv, c.IntervBase}} {
					v, err := kind.x.Explain(t.Context(), c.Rows)
					if err != nil {
						t.Fatal(err)
					}
					for r := range c.Rows {
						near(t, v.Base, kind.base[r])
						near(t, v.Score[r], c.Prediction[r])
						for j, want := range kind.phi[r] {
							near(t, v.Phi[r][j], want)
						}
					}
				}
				pairs, err := path.Interactions(t.Context(), c.Rows)
				if err != nil {
					t.Fatal(err)
				}
				for r, rows := range c.PathInteractions {
					for i, row := range rows {
						for j, want := range row {
							near(t, pairs.Pairs[r][i][j], want)
						}
					}
				}
			})
		}
	}
}

// near holds a number to a rational within 1e-9 of its size, or of 1.
func near(t *testing.T, got float64, want ratio) {
	t.Helper()
	w, _ := want.Float64()
	if !(math.Abs(got-w) <= 1e-9*max(1, math.Abs(w))) {
		t.Errorf("%v, want %v = %v", got, want, w)
	}
}
