package explain_test

import (
	"errors"
	"math"
	"math/bits"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/explain"
)

// The plain twin: Shapley's formula over all subsets, and both meanings of a missing
// feature as the papers define them.

// conditional returns v(S) of one row for every subset of features, as a word of bits.
type conditional func(known uint) float64

// left says where a row goes at a node.
func left(n explain.Node, x float64) bool {
	switch {
	case math.IsNaN(x):
		return n.MissingLeft
	case n.Set == nil:
		return x <= n.Threshold
	case x != math.Trunc(x) || x < 0 || x >= 64:
		return n.MissingLeft
	default:
		return n.Set[0]>>uint(x)&1 == 1
	}
}

func pathValue(e *explain.Ensemble, row []float64) conditional {
	return func(known uint) float64 {
		sum := e.Start
		for _, t := range e.Trees {
			var walk func(at int) float64
			walk = func(at int) float64 {
				n := t[at]
				switch {
				case n.Feature < 0:
					return n.Value
				case known>>n.Feature&1 == 1 && left(n, row[n.Feature]):
					return walk(n.Left)
				case known>>n.Feature&1 == 1:
					return walk(n.Right)
				case n.Cover == 0:
					return (walk(n.Left) + walk(n.Right)) / 2
				default:
					return (t[n.Left].Cover*walk(n.Left) + t[n.Right].Cover*walk(n.Right)) / n.Cover
				}
			}
			sum += walk(0)
		}
		return sum
	}
}

func crowdValue(score func(row []float64) float64, row []float64, background [][]float64) conditional {
	return func(known uint) float64 {
		var sum float64
		for _, b := range background {
			mixed := append([]float64{}, b...)
			for j := range mixed {
				if known>>j&1 == 1 {
					mixed[j] = row[j]
				}
			}
			sum += score(mixed) / float64(len(background))
		}
		return sum
	}
}

func factorial(n int) float64 {
	if n <= 1 {
		return 1
	}
	return float64(n) * factorial(n-1)
}

// shapley returns the value of feature j among m.
func shapley(v conditional, m, j int) float64 {
	var phi float64
	for s := range uint(1) << m {
		if k := bits.OnesCount(s); s>>j&1 == 0 {
			phi += factorial(k) * factorial(m-k-1) / factorial(m) * (v(s|1<<j) - v(s))
		}
	}
	return phi
}

// shapleyPair returns half of the interaction of features i and j among m.
func shapleyPair(v conditional, m, i, j int) float64 {
	var phi float64
	for s := range uint(1) << m {
		if k := bits.OnesCount(s); s>>i&1 == 0 && s>>j&1 == 0 {
			phi += factorial(k) * factorial(m-k-2) / factorial(m-1) / 2 * (v(s|1<<i|1<<j) - v(s|1<<i) - v(s|1<<j) + v(s))
		}
	}
	return phi
}

func close9(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// TestValuesAreShapleyValues compares both explainers, and their interactions, with the twin.
func TestValuesAreShapleyValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnsemble(t)
		rows, background := drawRows(t, e.Features, 0), drawRows(t, e.Features, 1)
		path, err := explain.New(e)
		if err != nil && (e.Covered() || !errors.Is(err, explain.ErrModel)) {
			t.Fatal(err)
		}
		against, err := explain.Against(e, background)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []struct {
			x     *explain.Explainer
			value func(row []float64) conditional
		}{
			{path, func(row []float64) conditional { return pathValue(e, row) }},
			{against, func(row []float64) conditional { return crowdValue(e.Score, row, background) }},
		} {
			if kind.x != nil {
				compare(t, kind.x, rows, e.Features, kind.value)
			}
		}
	})
}

func compare(t *rapid.T, x *explain.Explainer, rows [][]float64, m int, value func(row []float64) conditional) {
	got, err := x.Interactions(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	compareValues(t, got, rows, m, value)
}

func compareValues(t *rapid.T, got *explain.Interactions, rows [][]float64, m int, value func(row []float64) conditional) {
	for r, row := range rows {
		v := value(row)
		if all := v(1<<m - 1); !close9(got.Base, v(0)) || !close9(got.Score[r], all) {
			t.Fatalf("base %v and score %v, want %v and %v", got.Base, got.Score[r], v(0), all)
		}
		for i := range m {
			if want := shapley(v, m, i); !close9(got.Phi[r][i], want) {
				t.Fatalf("row %v: feature %d adds %v, want %v", row, i, got.Phi[r][i], want)
			}
			main := got.Phi[r][i]
			for j := range m {
				if j == i {
					continue
				}
				want := shapleyPair(v, m, i, j)
				main -= want
				if !close9(got.Pairs[r][i][j], want) {
					t.Fatalf("row %v: features %d and %d: %v, want %v", row, i, j, got.Pairs[r][i][j], want)
				}
			}
			if !close9(got.Pairs[r][i][i], main) {
				t.Fatalf("row %v: main effect of %d is %v, want %v", row, i, got.Pairs[r][i][i], main)
			}
		}
	}
}

// TestRecoverCountsRows holds covers to a count by hand, and the values to the twin's.
func TestRecoverCountsRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnsemble(t)
		rows := drawRows(t, e.Features, 1)
		counted, err := e.Recover(rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, tree := range counted.Trees {
			if tree[0].Cover != float64(len(rows)) {
				t.Fatalf("tree %d: %v rows at the root of %d", i, tree[0].Cover, len(rows))
			}
		}
		x, err := explain.New(counted)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, x, rows, e.Features, func(row []float64) conditional { return pathValue(counted, row) })
	})
}

// TestDeepPaths holds additivity where a path has as many features as it may have, with
// covers that leave one row in 2^64 at its end.
func TestDeepPaths(t *testing.T) {
	chain := func(features int) *explain.Ensemble {
		e := &explain.Ensemble{Features: features, Trees: make([]explain.Tree, 1)}
		cover := math.Ldexp(1, features)
		for f := range features {
			at := len(e.Trees[0])
			e.Trees[0] = append(e.Trees[0],
				explain.Node{Feature: f, Threshold: 0.5, Left: at + 1, Right: at + 2, Cover: cover},
				explain.Node{Feature: -1, Value: float64(f % 5), Cover: cover / 2})
			cover /= 2
		}
		e.Trees[0] = append(e.Trees[0], explain.Node{Feature: -1, Value: 7, Cover: cover})
		return e
	}
	rows := matrixOf(2, 64, func(r, j int) float64 { return float64((r + j) % 2) })
	rows = append(rows, matrixOf(1, 64, func(int, int) float64 { return 1 })...)
	path, err := explain.New(chain(64))
	if err != nil {
		t.Fatal(err)
	}
	against, err := explain.Against(chain(64), rows[:2])
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*explain.Explainer{path, against} {
		v, err := x.Interactions(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		if v.Error > 1e-13 {
			t.Errorf("additivity misses by %v", v.Error)
		}
	}
	if _, err := explain.New(chain(65)); !errors.Is(err, explain.ErrModel) {
		t.Errorf("65 features on a path: %v", err)
	}
}

func matrixOf(rows, columns int, value func(r, j int) float64) [][]float64 {
	m := make([][]float64, rows)
	for r := range m {
		m[r] = make([]float64, columns)
		for j := range m[r] {
			m[r][j] = value(r, j)
		}
	}
	return m
}
