package explain_test

import (
	"errors"
	"math"
	"testing"

	"comity/modeler/explain"
)

// stump is the smallest tree with a split.
func stump() *explain.Ensemble {
	return &explain.Ensemble{Features: 2, Trees: []explain.Tree{{
		{Feature: 1, Threshold: 1, Left: 1, Right: 2, Cover: 3}, {Feature: -1, Value: 1, Cover: 1}, {Feature: -1, Value: 4, Cover: 2},
	}}}
}

func TestStump(t *testing.T) {
	x, err := explain.New(stump())
	if err != nil {
		t.Fatal(err)
	}
	v, err := x.Explain(t.Context(), [][]float64{{9, 1}, {9, 2}})
	if err != nil || !close9(v.Base, 3) || !close9(v.Phi[0][1], -2) || !close9(v.Phi[1][1], 1) || v.Phi[0][0] != 0 {
		t.Fatal(v, err)
	}
}

// TestTamperedTreesAreRefused spoils every part of a tree that could lead astray.
func TestTamperedTreesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*explain.Ensemble){
		"no features":      func(e *explain.Ensemble) { e.Features = 0 },
		"too many":         func(e *explain.Ensemble) { e.Features = 1<<16 + 1 },
		"start":            func(e *explain.Ensemble) { e.Start = math.NaN() },
		"no nodes":         func(e *explain.Ensemble) { e.Trees[0] = nil },
		"feature":          func(e *explain.Ensemble) { e.Trees[0][0].Feature = 2 },
		"threshold":        func(e *explain.Ensemble) { e.Trees[0][0].Threshold = math.NaN() },
		"set":              func(e *explain.Ensemble) { e.Trees[0][0].Set = make([]uint64, 1025) },
		"child below":      func(e *explain.Ensemble) { e.Trees[0][0].Left = 0 },
		"child beyond":     func(e *explain.Ensemble) { e.Trees[0][0].Right = 3 },
		"child twice":      func(e *explain.Ensemble) { e.Trees[0][0].Right = 1 },
		"nobody's child":   func(e *explain.Ensemble) { e.Trees[0][0].Feature = -1 },
		"infinite leaf":    func(e *explain.Ensemble) { e.Trees[0][1].Value = math.Inf(1) },
		"negative cover":   func(e *explain.Ensemble) { e.Trees[0][1].Cover = -1 },
		"cover of a child": func(e *explain.Ensemble) { e.Trees[0][1].Cover = 2 },
		"cover of a node":  func(e *explain.Ensemble) { e.Trees[0][0].Cover = math.Inf(1) },
	} {
		e := stump()
		spoil(e)
		if _, err := explain.Against(e, [][]float64{{0, 0}}); !errors.Is(err, explain.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := e.Recover([][]float64{{0, 0}}); !errors.Is(err, explain.ErrModel) {
			t.Errorf("%s: recover: %v", name, err)
		}
	}
	bare := stump()
	for i := range bare.Trees[0] {
		bare.Trees[0][i].Cover = 0
	}
	if _, err := explain.New(bare); !errors.Is(err, explain.ErrModel) {
		t.Errorf("a tree without covers: %v", err)
	}
	if _, err := explain.Against(bare, [][]float64{{0, 0}}); err != nil {
		t.Errorf("a tree without covers against a background: %v", err)
	}
}

func TestRowsThatDoNotFitAreRefused(t *testing.T) {
	e := stump()
	x, err := explain.New(e)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"short row":           second(x.Explain(t.Context(), [][]float64{{1, 1}, {1}})),
		"long row":            second(x.Interactions(t.Context(), [][]float64{{1, 1, 1}})),
		"empty background":    second(explain.Against(e, nil)),
		"ragged background":   second(explain.Against(e, [][]float64{{1}})),
		"nothing to count":    second(e.Recover(nil)),
		"ragged rows counted": second(e.Recover([][]float64{{}})),
	} {
		if !errors.Is(err, explain.ErrRows) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wide := &explain.Ensemble{Features: 1025}
	all, err := explain.Against(wide, [][]float64{make([]float64, 1025)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all.Interactions(t.Context(), nil); !errors.Is(err, explain.ErrBounds) {
		t.Errorf("interactions of 1025 features: %v", err)
	}
}

// TestLostDigitsAreRefused has leaves so large that their sum loses the small one.
func TestLostDigitsAreRefused(t *testing.T) {
	e := &explain.Ensemble{Features: 2, Trees: []explain.Tree{
		{{Feature: -1, Value: 1e300, Cover: 1}}, {{Feature: -1, Value: -1e300, Cover: 1}}, stump().Trees[0],
	}}
	x, err := explain.New(e)
	if err != nil {
		t.Fatal(err)
	}
	v, err := x.Explain(t.Context(), [][]float64{{0, 2}})
	if err != nil || v.Error > explain.Tolerance*8 {
		t.Errorf("%v, %v", v, err)
	}
	e.Trees[1][0].Value, e.Trees = 1e300, append(e.Trees, explain.Tree{{Feature: -1, Value: -1e300, Cover: 1}}, explain.Tree{{Feature: -1, Value: -1e300, Cover: 1}})
	e.Trees[0], e.Trees[2] = e.Trees[2], e.Trees[0] // The small one first: the score loses it.
	if x, err = explain.New(e); err != nil {
		t.Fatal(err)
	}
	if v, err := x.Explain(t.Context(), [][]float64{{0, 2}}); !errors.Is(err, explain.ErrAdditivity) {
		t.Errorf("%v, %v", v, err)
	}
}
