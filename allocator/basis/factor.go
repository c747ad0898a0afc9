package basis

import (
	"context"
	"fmt"
	"math/big"
	"math/bits"
	"slices"
)

// primeBits is the size of a digit.
const primeBits = 61

// prime is 2^61 - 1, the largest Mersenne prime of a machine word: residues are
// reduced by shifts. A determinant that it divides by accident is refused as singular.
const prime = 1<<primeBits - 1

// residue is one coefficient modulo the prime, never zero.
type residue struct {
	at    int // Unknown.
	value uint64
}

// factors is a system after elimination.
type factors struct {
	steps   []elimination
	pivots  []pivot
	columns int
}

// elimination says: subtract factor times the right side of one row from another's.
type elimination struct {
	from, to int
	factor   uint64
}

// pivot solves one unknown of one row by those after it.
type pivot struct {
	row, at int
	inverse uint64
	others  []residue
}

// eliminator is a system while it is eliminated.
type eliminator struct {
	rows   [][]residue // By ascending unknown.
	users  [][]int     // By unknown: rows that have or had it.
	counts []int       // By unknown: rows left that have it.
	done   []bool      // By row.
	solved []bool      // By unknown.
	result factors
}

// factorise eliminates a square system, each time by an unknown in the fewest rows and
// among these by the shortest row, which keeps rows short (after Markowitz (1957)).
func factorise(ctx context.Context, rows [][]residue) (*factors, error) {
	n := len(rows)
	e := &eliminator{rows: rows, users: make([][]int, n), counts: make([]int, n), done: make([]bool, n), solved: make([]bool, n)}
	e.result.columns = n
	for k, row := range rows {
		slices.SortFunc(row, func(a, b residue) int { return a.at - b.at })
		for _, r := range row {
			e.users[r.at] = append(e.users[r.at], k)
			e.counts[r.at]++
		}
	}
	for range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !e.step() {
			return nil, fmt.Errorf("%w: %d of %d are", errSingular, len(e.result.pivots), n)
		}
	}
	return &e.result, nil
}

// step solves one unknown and removes it from the other rows.
func (e *eliminator) step() bool {
	at := -1
	for j, solved := range e.solved {
		if !solved && (at < 0 || e.counts[j] < e.counts[at]) {
			at = j
		}
	}
	best := -1
	for _, k := range e.users[at] {
		if !e.done[k] && e.value(k, at) != 0 && (best < 0 || len(e.rows[k]) < len(e.rows[best])) {
			best = k
		}
	}
	if best < 0 {
		return false
	}
	inverse := invert(e.value(best, at))
	e.done[best], e.solved[at] = true, true
	for _, r := range e.rows[best] {
		e.counts[r.at]--
	}
	for _, k := range e.users[at] {
		if v := e.value(k, at); !e.done[k] && v != 0 {
			factor := times(v, inverse)
			e.result.steps = append(e.result.steps, elimination{best, k, factor})
			e.subtract(best, k, factor)
		}
	}
	others := slices.DeleteFunc(slices.Clone(e.rows[best]), func(r residue) bool { return r.at == at })
	e.result.pivots = append(e.result.pivots, pivot{best, at, inverse, others})
	return true
}

func (e *eliminator) value(row, at int) uint64 {
	k, found := slices.BinarySearchFunc(e.rows[row], at, func(r residue, at int) int { return r.at - at })
	if !found {
		return 0
	}
	return e.rows[row][k].value
}

// subtract takes factor times one row from another and keeps the counts.
func (e *eliminator) subtract(from, to int, factor uint64) {
	a, b := e.rows[to], e.rows[from]
	merged := make([]residue, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].at < b[0].at:
			merged, a = append(merged, a[0]), a[1:]
		case len(a) == 0 || b[0].at < a[0].at:
			merged = append(merged, residue{b[0].at, minus(0, times(factor, b[0].value))})
			e.users[b[0].at] = append(e.users[b[0].at], to)
			e.counts[b[0].at]++
			b = b[1:]
		default:
			if v := minus(a[0].value, times(factor, b[0].value)); v != 0 {
				merged = append(merged, residue{a[0].at, v})
			} else {
				e.counts[a[0].at]--
			}
			a, b = a[1:], b[1:]
		}
	}
	e.rows[to] = merged
}

// solve returns the unknowns for one list of right sides, which it overwrites.
func (f *factors) solve(right []uint64) []uint64 {
	for _, s := range f.steps {
		right[s.to] = minus(right[s.to], times(s.factor, right[s.from]))
	}
	x := make([]uint64, f.columns)
	for _, p := range slices.Backward(f.pivots) {
		v := right[p.row]
		for _, o := range p.others {
			v = minus(v, times(o.value, x[o.at]))
		}
		x[p.at] = times(v, p.inverse)
	}
	return x
}

// times returns a·b modulo the prime, for residues.
func times(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	sum := low&prime + (high<<3 | low>>primeBits) // 2^61 is 1.
	if sum >= prime {
		sum -= prime
	}
	return sum
}

// minus returns a - b modulo the prime, for residues.
func minus(a, b uint64) uint64 {
	if a >= b {
		return a - b
	}
	return a + prime - b
}

// invert returns a^(prime-2), which is 1/a by Fermat's little theorem.
func invert(a uint64) uint64 {
	result := uint64(1)
	for e := uint64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			result = times(result, a)
		}
		a = times(a, a)
	}
	return result
}

// reduce returns the residue of v; t is overwritten.
func reduce(t, v *big.Int) uint64 {
	return t.Mod(v, new(big.Int).SetUint64(prime)).Uint64()
}
