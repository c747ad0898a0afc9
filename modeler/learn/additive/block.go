package additive

import "comity/modeler/fixed"

// block is one part of the sum that a score is: the curve of a feature or the table of a
// pair.
type block struct {
	a, b           int // Features; b is -1 for a curve.
	groupA, groupB []uint8
	columns        int // Of a table.
	first, cells   int // The number of its first cell among those of all blocks, and how many it has.
}

// lay numbers the cells of some blocks one after another.
func lay(blocks []block) []block {
	first := 0
	for i := range blocks {
		blocks[i].first = first
		first += blocks[i].cells
	}
	return blocks
}

// curves returns the blocks of all features.
func (c *Config) curves() []block {
	blocks := make([]block, len(c.Features))
	for f := range blocks {
		blocks[f] = block{a: f, b: -1, cells: c.Features.Bins(f)}
	}
	return lay(blocks)
}

// table returns the block of a pair.
func table(a, b int, groupA, groupB []uint8) block {
	columns := groups(groupB)
	return block{a: a, b: b, groupA: groupA, groupB: groupB, columns: columns, cells: groups(groupA) * columns}
}

// cell returns which cell of the block a row of bins is in.
func (b *block) cell(row []uint8) int {
	if b.b < 0 {
		return int(row[b.a])
	}
	return int(b.groupA[row[b.a]])*b.columns + int(b.groupB[row[b.b]])
}

// length returns the number of cells of some blocks.
func length(blocks []block) (cells int) {
	for i := range blocks {
		cells += blocks[i].cells
	}
	return cells
}

// values are what some blocks add to a score, block by block and cell by cell, and an
// intercept. A step is at most 2^30 in magnitude, so that a thousand steps of sixteen
// models add up to less than 2^45 and never overflow.
type values struct {
	intercept fixed.Q16
	cells     []fixed.Q16
}

func newValues(blocks []block) values { return values{cells: make([]fixed.Q16, length(blocks))} }

// plus returns the sum of v and w.
func (v values) plus(w values) values {
	sum := values{v.intercept + w.intercept, make([]fixed.Q16, len(v.cells))}
	for i := range sum.cells {
		sum.cells[i] = v.cells[i] + w.cells[i]
	}
	return sum
}

// over returns v divided by n, rounded half away from zero.
func (v values) over(n int64) values {
	part := values{fixed.Q16(fixed.RoundDiv(int64(v.intercept), n)), make([]fixed.Q16, len(v.cells))}
	for i := range part.cells {
		part.cells[i] = fixed.Q16(fixed.RoundDiv(int64(v.cells[i]), n))
	}
	return part
}

// mean returns the mean of several values, rounded half away from zero.
func mean(several []values) values {
	sum := several[0]
	for _, v := range several[1:] {
		sum = sum.plus(v)
	}
	return sum.over(int64(len(several)))
}
