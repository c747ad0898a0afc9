package learn

import (
	"fmt"

	"comity/modeler/fixed"
)

// maxCells bounds the cells of one feature's grid.
const maxCells = 4096

// Grid is the fine histogram of one feature that a schema fixes, from which cuts are
// chosen: Cells cells of equal width from Lo to Hi. Values outside count at its ends.
type Grid struct {
	Lo, Hi fixed.Q16 // Lo < Hi, both of magnitude at most 2^30 (16,384).
	Cells  int       // 1 to 4096; 256 suits most features, 2 a yes or no.
}

// cell returns the cell that holds value.
func (g Grid) cell(value fixed.Q16) int {
	inside := min(max(value, g.Lo), g.Hi-1)
	return int(int64(inside-g.Lo) * int64(g.Cells) / int64(g.Hi-g.Lo))
}

// cut returns the least value of a cell.
func (g Grid) cut(cell int) fixed.Q16 {
	width := int64(g.Hi - g.Lo)
	return g.Lo + fixed.Q16((int64(cell)*width+int64(g.Cells)-1)/int64(g.Cells))
}

func (g Grid) check() error {
	if g.Lo >= g.Hi || g.Lo < -MaxMagnitude || g.Hi > MaxMagnitude {
		return fmt.Errorf("%w: grid from %d to %d; it must ascend within +-%d", ErrConfig, g.Lo, g.Hi, MaxMagnitude)
	}
	if g.Cells < 1 || g.Cells > maxCells {
		return fmt.Errorf("%w: grid of %d cells; use 1 to %d", ErrConfig, g.Cells, maxCells)
	}
	return nil
}

// Grids are the grids of all features.
type Grids []Grid

// Histogram returns a member's part of the sum that FeaturesFrom reads: the number of
// values in every cell, feature after feature. values[f] are the values of feature f in
// any order; missing ones do not count. The sum travels in 32 bits.
func (g Grids) Histogram(values [][]fixed.Q16) ([]int64, error) {
	length, err := g.length()
	if err != nil {
		return nil, err
	}
	if len(values) != len(g) {
		return nil, fmt.Errorf("%w: values of %d features for %d grids", ErrData, len(values), len(g))
	}
	counts := make([]int64, length)
	rest := counts
	for f, grid := range g {
		for _, v := range values[f] {
			if v != fixed.Missing {
				rest[grid.cell(v)]++
			}
		}
		rest = rest[grid.Cells:]
	}
	return counts, nil
}

// Empty returns the part of a member without rows.
func (g Grids) Empty() ([]int64, error) { return g.Histogram(make([][]fixed.Q16, len(g))) }

func (g Grids) length() (int, error) {
	length := 0
	for f, grid := range g {
		if err := grid.check(); err != nil {
			return 0, fmt.Errorf("feature %d: %w", f, err)
		}
		length += grid.Cells
	}
	return length, nil
}

// FeaturesFrom chooses cuts from the sum of all members' histograms so that each
// feature's bins hold about equally many values: with v value bins (bins - 1, one being
// for missing values), cut k is the least value of the first cell before which at least
// k/v of all values lie. Equal cuts, and cuts with no value on one side, are left out.
// The features have no names.
func (g Grids) FeaturesFrom(sum []int64, bins int) (Features, error) {
	length, err := g.length()
	if err != nil {
		return nil, err
	}
	if bins < 2 || bins > MaxBins {
		return nil, fmt.Errorf("%w: %d bins; use 2 to %d", ErrConfig, bins, MaxBins)
	}
	if len(sum) != length {
		return nil, fmt.Errorf("%w: %d cells, %d expected", ErrSum, len(sum), length)
	}
	features := make(Features, len(g))
	for f, grid := range g {
		features[f].Cuts, err = grid.cuts(sum[:grid.Cells], int64(bins-1))
		if err != nil {
			return nil, fmt.Errorf("feature %d: %w", f, err)
		}
		sum = sum[grid.Cells:]
	}
	return features, nil
}

func (g Grid) cuts(counts []int64, parts int64) ([]fixed.Q16, error) {
	var total int64
	for cell, n := range counts {
		if n < 0 || n > MaxRows {
			return nil, fmt.Errorf("%w: cell %d counts %d values", ErrSum, cell, n)
		}
		total += n
	}
	cuts := []fixed.Q16{}
	var below int64 // Values in the cells before this one.
	part := int64(1)
	for cell, n := range counts {
		if part < parts && below > 0 && below < total && below*parts >= part*total {
			cuts = append(cuts, g.cut(cell))
			part = below*parts/total + 1
		}
		below += n
	}
	return cuts, nil
}
