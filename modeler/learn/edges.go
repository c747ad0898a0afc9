package learn

import (
	"fmt"
	"slices"

	"comity/modeler/fixed"
)

// Edges cuts every feature into bins: Edges[f] ascends strictly and holds at most 62 cuts.
// Bin 0 is for missing values; value bin b, from 1 on, holds what is at least cut b-2
// and below cut b-1.
type Edges [][]fixed.Q16

// Bins returns into how many bins the feature falls, the one for missing values included.
func (e Edges) Bins(feature int) int { return len(e[feature]) + 2 }

// Bin returns the bin of one value of a feature; fixed.Missing is in bin 0.
func (e Edges) Bin(feature int, value fixed.Q16) uint8 {
	if value == fixed.Missing {
		return 0
	}
	at, found := slices.BinarySearch(e[feature], value)
	if found {
		at++ // A cut belongs to the bin above it.
	}
	return uint8(at + 1) //nolint:gosec // At most 62 cuts.
}

// Row returns the bins of one row of values, one of every feature.
func (e Edges) Row(values []fixed.Q16) []uint8 {
	row := make([]uint8, len(values))
	for f, v := range values {
		row[f] = e.Bin(f, v)
	}
	return row
}

func (e Edges) check() error {
	for f, cuts := range e {
		if len(cuts) > maxBins-2 {
			return fmt.Errorf("%w: feature %d has %d cuts; use at most %d", ErrConfig, f, len(cuts), maxBins-2)
		}
		for i, cut := range cuts {
			if cut == fixed.Missing || i > 0 && cut <= cuts[i-1] {
				return fmt.Errorf("%w: feature %d: cut %d is %d; cuts ascend strictly", ErrConfig, f, i, cut)
			}
		}
	}
	return nil
}

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
	if g.Lo >= g.Hi || g.Lo < -maxMagnitude || g.Hi > maxMagnitude {
		return fmt.Errorf("%w: grid from %d to %d; it must ascend within +-%d", ErrConfig, g.Lo, g.Hi, maxMagnitude)
	}
	if g.Cells < 1 || g.Cells > maxCells {
		return fmt.Errorf("%w: grid of %d cells; use 1 to %d", ErrConfig, g.Cells, maxCells)
	}
	return nil
}

// Grids are the grids of all features.
type Grids []Grid

// Histogram returns a member's part of the sum that EdgesFrom reads: the number of
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

// EdgesFrom chooses cuts from the sum of all members' histograms so that each feature's
// bins hold about equally many values: with v value bins (bins - 1, one being for missing
// values), cut k is the least value of the first cell before which at least k/v of all
// values lie. Equal cuts, and cuts with no value on one side, are left out.
func (g Grids) EdgesFrom(sum []int64, bins int) (Edges, error) {
	length, err := g.length()
	if err != nil {
		return nil, err
	}
	if bins < 2 || bins > maxBins {
		return nil, fmt.Errorf("%w: %d bins; use 2 to %d", ErrConfig, bins, maxBins)
	}
	if len(sum) != length {
		return nil, fmt.Errorf("%w: %d cells, %d expected", ErrSum, len(sum), length)
	}
	edges := make(Edges, len(g))
	for f, grid := range g {
		edges[f], err = grid.cuts(sum[:grid.Cells], int64(bins-1))
		if err != nil {
			return nil, fmt.Errorf("feature %d: %w", f, err)
		}
		sum = sum[grid.Cells:]
	}
	return edges, nil
}

func (g Grid) cuts(counts []int64, parts int64) ([]fixed.Q16, error) {
	var total int64
	for cell, n := range counts {
		if n < 0 || n > maxRows {
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
