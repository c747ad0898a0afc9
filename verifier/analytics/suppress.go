package analytics

// table is a contingency table with its totals: along each axis the last index is the
// sum of those before. The last axis varies first.
type table struct {
	sizes  []int // With the total.
	values []int64
}

// newTable adds totals to the cells of a table.
func newTable(sizes []int, cells []int64) *table {
	t := &table{}
	total := 1
	for _, n := range sizes {
		t.sizes = append(t.sizes, n+1)
		total *= n + 1
	}
	t.values = make([]int64, total)
	at := make([]int, len(sizes))
	for _, v := range cells {
		for corner := range 1 << len(sizes) { // The cell itself and the totals that it is part of.
			index := 0
			for axis, n := range t.sizes {
				i := at[axis]
				if corner>>axis&1 == 1 {
					i = n - 1
				}
				index = index*n + i
			}
			t.values[index] += v
		}
		for axis := len(at) - 1; axis >= 0; axis-- {
			if at[axis]++; at[axis] < sizes[axis] {
				break
			}
			at[axis] = 0
		}
	}
	return t
}

// position returns the indices of a cell.
func (t *table) position(index int) []int {
	at := make([]int, len(t.sizes))
	for axis := len(at) - 1; axis >= 0; axis-- {
		at[axis] = index % t.sizes[axis]
		index /= t.sizes[axis]
	}
	return at
}

// withheld returns which cells are not shown, so that none with a count from 1 to below
// minimum is shown or follows from what is. Zeros are shown, hence everybody knows that
// a withheld cell is at least 1.
//
// For each small cell it withholds the corners of a box that contains it: the table in
// which the cell is minimum or more, its neighbours in the box are as much less, and so
// on in turn, has the same totals and the same shown cells, and all of its withheld ones
// are still at least 1. So nobody who sees the table can tell the two apart. Of all
// boxes it takes one that hides least; one that ends in totals always exists.
//
// Source: the hypercube method, Repsilber (1994), Giessing and Repsilber, "Tools and
// Strategies to Protect Multiple Tables with the GHQUAR Cell Suppression Engine" (2002).
func (t *table) withheld(minimum int64) []bool {
	hidden := make([]bool, len(t.values))
	for i, v := range t.values {
		hidden[i] = v > 0 && v < minimum
	}
	for i, v := range t.values {
		if v > 0 && v < minimum {
			for _, corner := range t.box(i, minimum, hidden) {
				hidden[corner] = true
			}
		}
	}
	return hidden
}

// box returns the corners of the cheapest box around a small cell.
func (t *table) box(small int, minimum int64, hidden []bool) []int {
	from := t.position(small)
	to := make([]int, len(from))
	for axis := range to {
		to[axis] = t.after(from, axis, -1)
	}
	corners := make([]int, 1<<len(from))
	var best []int
	least := int64(-1)
	for {
		if cost, ok := t.cost(from, to, minimum-t.values[small], hidden, corners); ok && (least < 0 || cost < least) {
			least = cost
			best = append(best[:0], corners...)
		}
		axis := len(to) - 1
		for ; axis >= 0; axis-- {
			if next := t.after(from, axis, to[axis]); next < t.sizes[axis] {
				to[axis] = next
				break
			}
			to[axis] = t.after(from, axis, -1)
		}
		if axis < 0 {
			return best
		}
	}
}

// after returns the index after i on an axis that is another than the small cell's.
func (t *table) after(from []int, axis, i int) int {
	i++
	if i == from[axis] {
		i++
	}
	return i
}

// cost returns how much a box hides that is not hidden yet. Moving rise into the cell at
// from moves it out of or into each corner: on an axis from one cell to another it
// changes sides, between a cell and its total it does not. A corner that loses must keep
// 1; none may be 0, as zeros are shown.
func (t *table) cost(from, to []int, rise int64, hidden []bool, corners []int) (int64, bool) {
	cost := int64(0)
	for corner := range corners {
		index, loses := 0, false
		for axis, n := range t.sizes {
			i := from[axis]
			if corner>>axis&1 == 1 {
				i = to[axis]
				loses = loses != (i != n-1 && from[axis] != n-1)
			}
			index = index*n + i
		}
		v := t.values[index]
		if v <= 0 || loses && v < rise+1 {
			return 0, false
		}
		if !hidden[index] {
			cost += v
		}
		corners[corner] = index
	}
	return cost, true
}
