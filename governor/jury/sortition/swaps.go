package sortition

import (
	"cmp"
	"math/big"
	"slices"

	"comity/chance"
)

// Effort of one local search. The numbers are from pools of 150 to 2,000 people: more
// finds hardly more, and what is not found here the solver finds.
const (
	maxSwaps = 300
	outs     = 12  // Members tried to leave, a swap.
	ins      = 100 // Others tried to enter.
)

// swaps finds panels near the expected numbers: it picks greedily and then exchanges a
// member for another until every row is the whole number below or above what is expected
// of it. Its choices are random, from a constant seed, and need not be trusted.
type swaps struct {
	space  *space
	stream *chance.Stream
	part   []float64 // What is expected of each group, 0 to 1.
	rank   []float64 // The same for the greedy choice, with jitter.
	jitter float64   // How random that choice is, 0 to 1/2.
	chosen []bool
	count  []int64 // By row.
	more   []int64 // By row: what one more changes of the misses.
	low    []int64
	high   []int64
	order  []int
	size   int // The row that counts all members.
}

func newSwaps(s *space, lower, upper []int64) *swaps {
	w := &swaps{
		space: s, stream: chance.NewStream(chance.Seed{}), part: make([]float64, len(s.sizes)), rank: make([]float64, len(s.sizes)), chosen: make([]bool, len(s.sizes)),
		count: make([]int64, len(lower)), more: make([]int64, len(lower)), low: slices.Clone(lower), high: slices.Clone(upper), size: len(s.form.Rows),
	}
	for r, row := range s.form.Rows {
		if row.Name == "size" {
			w.size = r
		}
	}
	for g := range s.sizes {
		w.order = append(w.order, g)
	}
	return w
}

// find returns the next panel to peel off.
func (w *swaps) find(p *peeler) ([]bool, bool) {
	for g, part := range p.part {
		switch {
		case part.Sign() == 0:
			w.part[g] = 0
		case part.Cmp(p.mass) == 0:
			w.part[g] = 1
		default:
			w.part[g] = min(max(ratio(part, p.mass), tiny), 1-tiny)
		}
	}
	for r := range p.row {
		w.low[r], w.high[r] = p.limits(r)
	}
	w.greedy()
	for range maxSwaps {
		row := w.broken()
		if row < 0 {
			return slices.Clone(w.chosen), true
		}
		if !w.swap(row) {
			return nil, false
		}
	}
	return nil, false
}

// ratio returns x / y for 0 <= x <= y, however long they are.
func ratio(x, y *big.Int) float64 {
	const kept = 1000 // Bits: a double holds numbers below 2^1024.
	if shift := y.BitLen() - kept; shift > 0 {
		x, y = new(big.Int).Rsh(x, uint(shift)), new(big.Int).Rsh(y, uint(shift))
	}
	a, _ := new(big.Float).SetInt(x).Float64()
	b, _ := new(big.Float).SetInt(y).Float64()
	return a / b
}

// greedy fills the panel with those of whom most is expected, first within the rows'
// upper limits, then beyond.
func (w *swaps) greedy() {
	clear(w.chosen)
	clear(w.count)
	for g, part := range w.part {
		w.rank[g] = part
		if w.jitter > 0 && part > 0 && part < 1 {
			const steps = 1 << 20
			w.rank[g] += w.jitter * float64(w.stream.IntN(steps)) / steps
		}
	}
	slices.SortStableFunc(w.order, func(a, b int) int { return cmp.Compare(w.rank[b], w.rank[a]) })
	for _, g := range w.order {
		if w.part[g] == 1 || w.part[g] > 0 && w.fits(g) {
			w.set(g, true)
		}
	}
	for _, g := range w.order {
		if w.count[w.size] >= w.low[w.size] {
			break
		}
		if !w.chosen[g] && w.part[g] > 0 {
			w.set(g, true)
		}
	}
}

func (w *swaps) fits(g int) bool {
	for _, t := range w.space.terms[g] {
		if w.count[t.row]+t.count > w.high[t.row] {
			return false
		}
	}
	return true
}

func (w *swaps) set(g int, in bool) {
	w.chosen[g] = in
	for _, t := range w.space.terms[g] {
		if in {
			w.count[t.row] += t.count
		} else {
			w.count[t.row] -= t.count
		}
	}
}

// broken returns a random row outside its limits, or -1.
func (w *swaps) broken() int {
	found, seen := -1, 0
	for r, n := range w.count {
		if n < w.low[r] || n > w.high[r] {
			seen++
			if w.stream.IntN(seen) == 0 {
				found = r
			}
		}
	}
	return found
}

// miss is how far a count lies outside the limits of its row.
func (w *swaps) miss(r int, n int64) int64 { return max(0, n-w.high[r], w.low[r]-n) }

// swap makes the best exchange that brings a row nearer to its limits: by the misses of
// all rows, then by what is expected of the groups.
func (w *swaps) swap(row int) bool {
	over := w.count[row] > w.high[row]
	var leave, enter []int
	for g, in := range w.chosen {
		counts := w.weight(g, row) > 0
		switch {
		case in && w.part[g] < 1 && counts == over:
			leave = append(leave, g)
		case !in && w.part[g] > 0 && counts != over:
			enter = append(enter, g)
		}
	}
	leave, enter = sample(w.stream, leave, outs), sample(w.stream, enter, ins)
	bestOut, bestIn, best, worth := -1, -1, int64(0), 0.0
	for r, n := range w.count {
		w.more[r] = w.miss(r, n+1) - w.miss(r, n)
	}
	for _, out := range leave {
		w.set(out, false)
		left := w.missed(out)
		for _, t := range w.space.terms[out] {
			w.more[t.row] = w.miss(t.row, w.count[t.row]+1) - w.miss(t.row, w.count[t.row])
		}
		for _, in := range enter {
			change := left
			for _, t := range w.space.terms[in] {
				if t.count == 1 {
					change += w.more[t.row]
				} else { // Of a cut.
					change += w.miss(t.row, w.count[t.row]+t.count) - w.miss(t.row, w.count[t.row])
				}
			}
			gain := w.part[in] - w.part[out]
			if bestOut < 0 || change < best || change == best && gain > worth {
				bestOut, bestIn, best, worth = out, in, change, gain
			}
		}
		w.set(out, true)
		for _, t := range w.space.terms[out] {
			w.more[t.row] = w.miss(t.row, w.count[t.row]+1) - w.miss(t.row, w.count[t.row])
		}
	}
	if bestOut < 0 {
		return false
	}
	w.set(bestOut, false)
	w.set(bestIn, true)
	return true
}

// missed is what the misses of a member's rows changed by when that member left.
func (w *swaps) missed(out int) int64 {
	change := int64(0)
	for _, t := range w.space.terms[out] {
		change += w.miss(t.row, w.count[t.row]) - w.miss(t.row, w.count[t.row]+t.count)
	}
	return change
}

func (w *swaps) weight(g, row int) int64 {
	for _, t := range w.space.terms[g] {
		if t.row == row {
			return t.count
		}
	}
	return 0
}

// sample keeps a random few of a list.
func sample(stream *chance.Stream, list []int, most int) []int {
	if len(list) <= most {
		return list
	}
	for k := range most {
		j := k + stream.IntN(len(list)-k)
		list[k], list[j] = list[j], list[k]
	}
	return list[:most]
}
