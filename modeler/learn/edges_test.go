package learn_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

func TestBinCountsTheCutsNotAbove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cuts := rapid.SliceOfNDistinct(rapid.Int64Range(-50, 50), 0, 62, rapid.ID[int64]).Draw(t, "cuts")
		slices.Sort(cuts)
		edges := learn.Edges{nil}
		for _, c := range cuts {
			edges[0] = append(edges[0], fixed.Q16(c))
		}
		value := rapid.Int64Range(-60, 60).Draw(t, "value")
		want := 1
		for _, c := range cuts {
			if c <= value {
				want++
			}
		}
		if got := edges.Bin(0, fixed.Q16(value)); int(got) != want || want >= edges.Bins(0) {
			t.Fatalf("bin %d of %d, want %d", got, edges.Bins(0), want)
		}
	})
	if got := (learn.Edges{{0}}).Bin(0, fixed.Missing); got != 0 {
		t.Fatalf("missing is in bin %d", got)
	}
}

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
		bins := rapid.IntRange(2, 64).Draw(t, "bins")
		edges, err := grids.EdgesFrom(sum, bins)
		if err != nil {
			t.Fatal(err)
		}
		if edges.Bins(0) > bins {
			t.Fatalf("%d bins of at most %d", edges.Bins(0), bins)
		}
		counts := make([]int, edges.Bins(0))
		for _, v := range values[0] {
			counts[edges.Bin(0, v)]++
		}
		fullest := slices.Max(sum)
		for b, n := range counts {
			if b > 0 && n == 0 && len(values[0]) > 0 {
				t.Fatalf("bin %d of cuts %v is empty", b, edges[0])
			}
			// A bin stops at the first cell that fills it, so it holds less than its share
			// and one cell more than that.
			if int64(n) > int64(len(values[0])/(bins-1)+1)+fullest {
				t.Fatalf("bin %d holds %d of %d values; cells hold at most %d", b, n, len(values[0]), fullest)
			}
		}
		if err := recipe(edges, 1, 1).Check(); err != nil {
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
	edges, err := grids.EdgesFrom(sum, 32)
	if err != nil || !slices.Equal(edges[0], []fixed.Q16{fixed.One}) {
		t.Fatalf("cuts %v, %v", edges, err)
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
		if _, err := (learn.Grids{g}).EdgesFrom(nil, 8); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, sum := range map[string][]int64{"short": {1, 2, 3}, "negative": {1, -1, 1, 1}, "huge": {1 << 31, 0, 0, 0}} {
		if _, err := (learn.Grids{good}).EdgesFrom(sum, 8); !errors.Is(err, learn.ErrSum) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bins := range []int{1, 65} {
		if _, err := (learn.Grids{good}).EdgesFrom(make([]int64, 4), bins); !errors.Is(err, learn.ErrConfig) {
			t.Errorf("%d bins: %v", bins, err)
		}
	}
	if _, err := (learn.Grids{good}).Histogram(nil); !errors.Is(err, learn.ErrData) {
		t.Errorf("values of no feature: %v", err)
	}
}
