package leakage

import (
	"fmt"
	"math/bits"
	"slices"
)

// Cell is one published number: the sum of a secret over some rows, exact. A histogram is a
// list of cells; two answers about almost the same rows are two cells.
type Cell struct {
	Rows []int // Of the pool, each once.
	Sum  int64
}

// Reconstruction is what follows from published sums for somebody who knows which rows are
// in which cell: who knows everything of everybody but the secret.
type Reconstruction struct {
	Rows, Cells int
	// Alone is how many rows are the only ones of a cell: their secret was published.
	Alone int
	// Solved is how many secrets follow from the sums by linear algebra alone, whatever the
	// others are: cells of one row, differences of two answers, and every combination of
	// these.
	Solved int
	// Known is how many follow if secrets are 0 or 1, which also gives away all rows of a
	// cell in which none or all have it. Those solved are among them.
	Known []int // Rows, ascending.
	// Wrong is how many of the known ones are not what the secrets are: 0 unless the sums
	// are not exact, as with noise, which refutes what seemed to follow.
	Wrong int
}

// Bounds of a reconstruction: elimination takes cells squared times rows.
const (
	maxSolvedRows  = 20_000
	maxSolvedCells = 20_000
)

// Reconstruct finds the rows whose secret follows from the cells. secrets are the true
// answers, each 0 or 1, to count which conclusions are wrong. It is the end of the road
// that Dinur and Nissim, "Revealing information while preserving privacy", PODS (2003),
// describe: sums that are exact enough give rows away, and noise is the only cure.
//
// Which rows are solved is found modulo a prime of 61 bits: a row that is solved in whole
// numbers but not modulo the prime, or the reverse, would need a determinant that the prime
// divides, which chance makes once in 10^18 times.
func Reconstruct(cells []Cell, secrets []int8) (Reconstruction, error) {
	r := Reconstruction{Rows: len(secrets), Cells: len(cells)}
	if err := checkCells(cells, secrets); err != nil {
		return r, err
	}
	p := newPuzzle(cells, len(secrets))
	alone := map[int]bool{}
	for _, c := range cells {
		if len(c.Rows) == 1 {
			alone[c.Rows[0]] = true
		}
	}
	r.Alone = len(alone)
	for first := true; ; first = false {
		solved := p.solve()
		if first {
			r.Solved = solved
		}
		if solved+p.saturate() == 0 {
			break
		}
	}
	for i, known := range p.known {
		if known {
			r.Known = append(r.Known, i)
			if p.value[i] != int64(secrets[i]) {
				r.Wrong++
			}
		}
	}
	return r, nil
}

func checkCells(cells []Cell, secrets []int8) error {
	if len(secrets) == 0 || len(secrets) > maxSolvedRows || len(cells) > maxSolvedCells {
		return fmt.Errorf("%w: %d cells of %d rows; give up to %d cells and 1 to %d rows", ErrInput, len(cells), len(secrets), maxSolvedCells, maxSolvedRows)
	}
	for i, s := range secrets {
		if s != 0 && s != 1 {
			return fmt.Errorf("%w: secret %d is %d, not 0 or 1", ErrInput, i, s)
		}
	}
	for c, cell := range cells {
		rows := slices.Sorted(slices.Values(cell.Rows))
		if len(slices.Compact(slices.Clone(rows))) != len(rows) || len(rows) > 0 && (rows[0] < 0 || rows[len(rows)-1] >= len(secrets)) {
			return fmt.Errorf("%w: cell %d names a row twice, or one of none", ErrInput, c)
		}
	}
	return nil
}

// puzzle is what is still unknown of the cells.
type puzzle struct {
	cells []Cell // Rows that are not known yet, and the sum of their secrets.
	known []bool
	value []int64
}

func newPuzzle(cells []Cell, rows int) *puzzle {
	p := &puzzle{known: make([]bool, rows), value: make([]int64, rows)}
	for _, c := range cells {
		p.cells = append(p.cells, Cell{slices.Clone(c.Rows), c.Sum})
	}
	return p
}

// learn notes a secret and takes it out of all cells.
func (p *puzzle) learn(found map[int]int64) {
	for row, v := range found {
		p.known[row], p.value[row] = true, v
	}
	for c := range p.cells {
		cell := &p.cells[c]
		cell.Rows = slices.DeleteFunc(cell.Rows, func(row int) bool {
			if v, ok := found[row]; ok {
				cell.Sum -= v
				return true
			}
			return false
		})
	}
}

// saturate learns the rows of cells in which no row or every row has the secret.
func (p *puzzle) saturate() int {
	found := map[int]int64{}
	for _, c := range p.cells {
		if c.Sum == 0 || c.Sum == int64(len(c.Rows)) {
			for _, row := range c.Rows {
				found[row] = min(c.Sum, 1)
			}
		}
	}
	p.learn(found)
	return len(found)
}

// prime is 2^61 - 1, a Mersenne prime.
const prime = 1<<61 - 1

func times(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	// 2^61 is 1 modulo the prime.
	s := low&prime + (low>>61 | high<<3)
	if s >= prime {
		s -= prime
	}
	return s
}

func minus(a, b uint64) uint64 {
	if a >= b {
		return a - b
	}
	return a + prime - b
}

// inverse is a^(p-2), by Fermat.
func inverse(a uint64) uint64 {
	result := uint64(1)
	for e := uint64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			result = times(result, a)
		}
		a = times(a, a)
	}
	return result
}

// solve learns the rows that linear algebra determines and returns their number: those
// that stand alone in a row of the reduced echelon form.
func (p *puzzle) solve() int {
	m := p.echelon()
	found := map[int]int64{}
	for _, row := range m {
		at, n := 0, 0
		for column, v := range row[:len(row)-1] {
			if v != 0 {
				at, n = column, n+1
			}
		}
		if n == 1 {
			v := int64(row[len(row)-1]) //nolint:gosec // Below 2^61.
			if v > prime/2 {
				v -= prime // A secret below 0, which only noise can make.
			}
			found[at] = v
		}
	}
	p.learn(found)
	return len(found)
}

// echelon returns the reduced row echelon form of the cells modulo the prime, each row with
// its sum last.
func (p *puzzle) echelon() [][]uint64 {
	var m [][]uint64
	width := len(p.known) + 1
	for _, c := range p.cells {
		if len(c.Rows) == 0 {
			continue
		}
		row := make([]uint64, width)
		for _, i := range c.Rows {
			row[i] = 1
		}
		row[width-1] = minus(uint64(max(c.Sum, 0))%prime, uint64(max(-c.Sum, 0))%prime)
		m = append(m, row)
	}
	rank := 0
	for column := 0; column < width-1 && rank < len(m); column++ {
		at := slices.IndexFunc(m[rank:], func(row []uint64) bool { return row[column] != 0 })
		if at < 0 {
			continue
		}
		m[rank], m[rank+at] = m[rank+at], m[rank]
		scale := inverse(m[rank][column])
		for k := column; k < width; k++ {
			m[rank][k] = times(m[rank][k], scale)
		}
		for other := range m {
			if factor := m[other][column]; other != rank && factor != 0 {
				for k := column; k < width; k++ {
					if v := m[rank][k]; v != 0 {
						m[other][k] = minus(m[other][k], times(factor, v))
					}
				}
			}
		}
		rank++
	}
	return m[:rank]
}
