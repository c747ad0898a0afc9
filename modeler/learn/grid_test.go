package learn_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// TestCutsAscendAndShareOut draws counts and looks at the bins that come of them.
func TestCutsAscendAndShareOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grid := learn.Grid{Cells: rapid.IntRange(1, 40).Draw(t, "cells")}
		grid.Lo = fixed.Q16(rapid.Int64Range(-100, 100).Draw(t, "lo"))
		grid.Hi = grid.Lo + fixed.Q16(rapid.Int64Range(1, 90).Draw(t, "width"))
		values := [][]fixed.Q16{{}}
		for _, v := range rapid.SliceOfN(rapid.Int64Range(-150, 250), 0, 200).Draw(t, "values") {
			values[0] = append(values[0], fixed.Q16(v))
		}
		grids := learn.Grids{grid}
		sum, err := grids.Histogram(values)
		if err != nil {
			t.Fatal(err)
		}
		bins := rapid.IntRange(2, 256).Draw(t, "bins")
		features, err := grids.FeaturesFrom(sum, bins)
		if err != nil {
			t.Fatal(err)
		}
		if features.Bins(0) > bins {
			t.Fatalf("%d bins of at most %d", features.Bins(0), bins)
		}
		counts := make([]int, features.Bins(0))
		for _, v := range values[0] {
			counts[features.Bin(0, v)]++
		}
		fullest := slices.Max(sum)
		for b, n := range counts {
			if b > 0 && n == 0 && len(values[0]) > 0 {
				t.Fatalf("bin %d of cuts %v is empty", b, features[0])
			}
			// A bin stops at the first cell that fills it, so it holds less than its share
			// and one cell more than that.
			if int64(n) > int64(len(values[0])/(bins-1)+1)+fullest {
				t.Fatalf("bin %d holds %d of %d values; cells hold at most %d", b, n, len(values[0]), fullest)
			}
		}
		if err := features.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestYesOrNoTakesTwoCells(t *testing.T) {
	grids := learn.Grids{{Lo: 0, Hi: 2 * fixed.One, Cells: 2}}
	sum, err := grids.Histogram([][]fixed.Q16{{0, fixed.One, fixed.One, fixed.Missing, 0}})
	if err != nil || !slices.Equal(sum, []int64{2, 2}) {
		t.Fatalf("counts %v, %v", sum, err)
	}
	features, err := grids.FeaturesFrom(sum, 32)
	if err != nil || !slices.Equal(features[0].Cuts, []fixed.Q16{fixed.One}) {
		t.Fatalf("cuts %v, %v", features, err)
	}
}

func TestGridsThatAreRefused(t *testing.T) {
	good := learn.Grid{Lo: 0, Hi: fixed.One, Cells: 4}
	for name, g := range map[string]learn.Grid{
		"empty": {Lo: 1, Hi: 1, Cells: 4},
		"cells": {Lo: 0, Hi: 1, Cells: 4097},
		"none":  {Lo: 0, Hi: 1},
		"low":   {Lo: fixed.Missing, Hi: 1, Cells: 4},
		"high":  {Lo: 0, Hi: 1<<30 + 1, Cells: 4},
	} {
		if _, err := (learn.Grids{g}).Empty(); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := (learn.Grids{g}).FeaturesFrom(nil, 8); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, sum := range map[string][]int64{"short": {1, 2, 3}, "negative": {1, -1, 1, 1}, "huge": {1 << 31, 0, 0, 0}} {
		if _, err := (learn.Grids{good}).FeaturesFrom(sum, 8); !errors.Is(err, learn.ErrSum) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bins := range []int{1, 257} {
		if _, err := (learn.Grids{good}).FeaturesFrom(make([]int64, 4), bins); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%d bins: %v", bins, err)
		}
	}
	if _, err := (learn.Grids{good}).Histogram(nil); !errors.Is(err, learn.ErrData) {
		t.Errorf("values of no feature: %v", err)
	}
}
