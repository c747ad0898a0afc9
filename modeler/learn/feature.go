package learn

import (
	"fmt"

	"comity/modeler/fixed"
)

// Bins of a feature: at most 256, so that a row's bin is a byte.
const (
	MaxBins = 256
	MaxCuts = MaxBins - 2 // One bin is for missing values, one for those below every cut.
)

// Feature says how the values of one column fall into bins. It is public.
type Feature struct {
	// Name may be empty where a recipe has no names, as in forecasts.
	Name string
	// Category says that the bins have no order: a split chooses a set of them.
	Category bool
	// Monotone is +1 where the score may only rise with the value, -1 where it may only
	// fall, otherwise 0. That of a category is 0.
	Monotone int8
	// Cuts ascend strictly, at most 254. Numbers: value bin b, from 1 on, holds what is at
	// least cut b-2 and below cut b-1. Categories: the known keys; that of Cuts[i] is in
	// bin i+1. Everything else, and fixed.Missing, is in bin 0.
	//
	// They are compared as integers: fixed-point numbers in forecasts; in tables an
	// order-preserving image of a float, or the key of a category.
	Cuts []fixed.Q16
}

// Bins returns into how many bins the feature falls, the one for missing values included.
func (f *Feature) Bins() int {
	if f.Category {
		return len(f.Cuts) + 1
	}
	return len(f.Cuts) + 2
}

// Bin returns the bin of one value.
func (f *Feature) Bin(value fixed.Q16) uint8 {
	if value == fixed.Missing {
		return 0
	}
	notAbove := f.notAbove(value)
	switch {
	case !f.Category:
		return uint8(notAbove + 1) //nolint:gosec // At most 254 cuts.
	case notAbove > 0 && f.Cuts[notAbove-1] == value:
		return uint8(notAbove) //nolint:gosec // At most 254 cuts.
	default:
		return 0
	}
}

// notAbove returns how many cuts are at most a value. Halving without a branch that
// nobody can foretell, it takes a third of slices.BinarySearch's time.
func (f *Feature) notAbove(value fixed.Q16) int {
	cuts, below := f.Cuts, 0
	for n := len(cuts); n > 0; {
		half := (n + 1) / 2
		next := below
		if cuts[below+half-1] <= value {
			next = below + half
		}
		below, n = next, n-half
	}
	return below
}

// Features are the columns of a table in the order of a row.
type Features []Feature

// Bins returns into how many bins a feature falls, the one for missing values included.
func (f Features) Bins(feature int) int { return f[feature].Bins() }

// Bin returns the bin of one value of a feature.
func (f Features) Bin(feature int, value fixed.Q16) uint8 { return f[feature].Bin(value) }

// Row returns the bins of one row of values, one of every feature.
func (f Features) Row(values []fixed.Q16) []uint8 {
	row := make([]uint8, len(values))
	for i, v := range values {
		row[i] = f.Bin(i, v)
	}
	return row
}

// maxName bounds the name of a feature, in bytes.
const maxName = 255

// Check refuses features out of bounds with ErrConfig.
func (f Features) Check() error {
	if len(f) < 1 || len(f) > MaxFeatures {
		return fmt.Errorf("%w: features is %d; use 1 to %d", ErrConfig, len(f), MaxFeatures)
	}
	for i := range f {
		if err := f[i].check(); err != nil {
			return fmt.Errorf("%w: feature %d: %w", ErrConfig, i, err)
		}
	}
	return nil
}

func (f *Feature) check() error {
	if len(f.Name) > maxName {
		return fmt.Errorf("a name of %d bytes; use at most %d", len(f.Name), maxName)
	}
	if f.Monotone < -1 || f.Monotone > 1 || f.Category && f.Monotone != 0 {
		return fmt.Errorf("monotone is %d (category: %t); use -1, 0 or 1, and 0 for a category", f.Monotone, f.Category)
	}
	if len(f.Cuts) > MaxCuts {
		return fmt.Errorf("%d cuts; use at most %d", len(f.Cuts), MaxCuts)
	}
	for i, cut := range f.Cuts {
		if cut == fixed.Missing || i > 0 && cut <= f.Cuts[i-1] {
			return fmt.Errorf("cut %d is %d; cuts ascend strictly", i, cut)
		}
	}
	return nil
}
