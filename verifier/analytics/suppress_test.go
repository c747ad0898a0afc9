package analytics

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// determined tells which hidden cells follow from the shown ones: those whose unit vector
// is a combination of the lines of the table. A plain elimination, on purpose not the
// method that hides.
func determined(tb *table, hidden []bool) []int {
	var unknown []int
	for i, h := range hidden {
		if h {
			unknown = append(unknown, i)
		}
	}
	var lines [][]*big.Rat
	for i := range tb.values {
		at := tb.position(i)
		for axis, n := range tb.sizes {
			if at[axis] != n-1 {
				continue // One line for each total.
			}
			line := make([]*big.Rat, len(unknown))
			for k, u := range unknown {
				line[k] = new(big.Rat)
				other := tb.position(u)
				same := true
				for a := range at {
					same = same && (a == axis || at[a] == other[a])
				}
				if same && other[axis] == n-1 {
					line[k].SetInt64(-1)
				} else if same {
					line[k].SetInt64(1)
				}
			}
			lines = append(lines, line)
		}
	}
	var found []int
	pivots := 0
	for column := range unknown {
		at := slices.IndexFunc(lines[pivots:], func(l []*big.Rat) bool { return l[column].Sign() != 0 })
		if at < 0 {
			continue
		}
		lines[pivots], lines[pivots+at] = lines[pivots+at], lines[pivots]
		lead := new(big.Rat).Inv(lines[pivots][column])
		for k := range unknown {
			lines[pivots][k].Mul(lines[pivots][k], lead)
		}
		for r := range lines {
			if r == pivots || lines[r][column].Sign() == 0 {
				continue
			}
			factor := new(big.Rat).Set(lines[r][column])
			for k := range unknown {
				lines[r][k].Sub(lines[r][k], new(big.Rat).Mul(factor, lines[pivots][k]))
			}
		}
		pivots++
	}
	for _, line := range lines[:pivots] {
		set := 0
		last := 0
		for k := range line {
			if line[k].Sign() != 0 {
				set++
				last = k
			}
		}
		if set == 1 {
			found = append(found, unknown[last])
		}
	}
	return found
}

// No small cell is shown, and none follows from what is shown.
func TestWithheldCannotBeSolved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 3).Draw(t, "sizes")
		total := 1
		for _, n := range sizes {
			total *= n
		}
		cells := rapid.SliceOfN(rapid.Int64Range(0, 12), total, total).Draw(t, "cells")
		minimum := rapid.Int64Range(1, 8).Draw(t, "minimum")
		tb := newTable(sizes, cells)
		hidden := tb.withheld(minimum)
		small := false
		for i, v := range tb.values {
			if v > 0 && v < minimum {
				small = true
				if !hidden[i] {
					t.Fatalf("cell %v with %d is shown", tb.position(i), v)
				}
			}
			if v == 0 && hidden[i] {
				t.Fatalf("cell %v with 0 is withheld", tb.position(i))
			}
		}
		for _, i := range determined(tb, hidden) {
			if tb.values[i] < minimum {
				t.Fatalf("cell %v with %d follows from the rest: %v hidden %v", tb.position(i), tb.values[i], tb.values, hidden)
			}
		}
		if !small && slices.Contains(hidden, true) {
			t.Fatal("cells are withheld although none is small")
		}
	})
}

// Two rows of two: one small cell takes three others with it, not the totals.
func TestWithheldComplement(t *testing.T) {
	tb := newTable([]int{2, 2}, []int64{2, 20, 30, 40})
	got := tb.withheld(5)
	want := []bool{true, true, false, true, true, false, false, false, false}
	if !slices.Equal(got, want) {
		t.Errorf("withheld %v, want %v", got, want)
	}
}

// In every small table each withheld small cell could be large: some table with the same
// shown cells, found by trying all, has the minimum or more there and at least 1 in every
// withheld cell.
func TestWithheldCouldBeLarge(t *testing.T) {
	const largest = 11 // Of a cell that is tried.
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SampledFrom([][]int{{1}, {2}, {4}, {1, 3}, {2, 1}, {2, 2}, {1, 2, 1}}).Draw(t, "sizes")
		total := 1
		for _, n := range sizes {
			total *= n
		}
		cells := rapid.SliceOfN(rapid.Int64Range(0, 6), total, total).Draw(t, "cells")
		minimum := rapid.Int64Range(2, 5).Draw(t, "minimum")
		tb := newTable(sizes, cells)
		hidden := tb.withheld(minimum)
		free := []int{} // Hidden cells that are no totals, by place among cells.
		for i, place := 0, 0; i < len(tb.values); i++ {
			at := tb.position(i)
			if slices.ContainsFunc(seq(len(at)), func(a int) bool { return at[a] == sizes[a] }) {
				continue
			}
			if hidden[i] {
				free = append(free, place)
			}
			place++
		}
		large := make([]bool, len(tb.values))
		guess := slices.Clone(cells)
		var try func(k int)
		try = func(k int) {
			if k < len(free) {
				for v := int64(1); v <= largest; v++ {
					guess[free[k]] = v
					try(k + 1)
				}
				return
			}
			other := newTable(sizes, guess)
			for i, v := range other.values {
				if !hidden[i] && v != tb.values[i] || hidden[i] && v < 1 {
					return
				}
			}
			for i, v := range other.values {
				large[i] = large[i] || v >= minimum
			}
		}
		try(0)
		for i, v := range tb.values {
			if v > 0 && v < minimum && !large[i] {
				t.Fatalf("cell %v with %d is known to be below %d: %v, withheld %v", tb.position(i), v, minimum, tb.values, hidden)
			}
		}
	})
}

// seq counts from 0 to n - 1.
func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
