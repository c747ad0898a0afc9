package potential

import (
	"math"
	"slices"
)

// factors is an approximate factorisation L D L' of the matrix, in floating point. It
// only proposes.
type factors struct {
	order  []int
	pivots []float64 // By node.
	rows   [][]entry // By node: those eliminated later, and its multiples in them.
}

type entry struct {
	at    int
	value float64
}

// newFactors eliminates nodes, each time one with the fewest neighbours left, which keeps a
// network nearly as sparse as it was (Tinney and Walker (1967), scheme 2). It fails with
// ErrUnproved if a pivot vanishes.
func newFactors(nodes int, edges []Edge) (*factors, error) {
	f := &factors{pivots: make([]float64, nodes), rows: make([][]entry, nodes)}
	for _, e := range edges {
		c, _ := e.Conductance.Float64()
		for _, ends := range [][2]int{{e.From, e.To}, {e.To, e.From}} {
			if ends[0] < 0 {
				continue
			}
			f.pivots[ends[0]] += c
			if ends[1] >= 0 {
				f.rows[ends[0]] = append(f.rows[ends[0]], entry{ends[1], -c})
			}
		}
	}
	for k := range f.rows {
		f.rows[k] = merged(f.rows[k], nil, 0, -1)
	}
	done := make([]bool, nodes)
	for range nodes {
		best := -1
		for k, row := range f.rows {
			if !done[k] && (best < 0 || len(row) < len(f.rows[best])) {
				best = k
			}
		}
		if f.pivots[best] == 0 {
			return nil, unproved("a pivot vanishes")
		}
		done[best] = true
		f.eliminate(best)
	}
	return f, nil
}

// eliminate takes one node out of the rows of its neighbours.
func (f *factors) eliminate(node int) {
	f.order = append(f.order, node)
	for _, e := range f.rows[node] {
		factor := e.value / f.pivots[node]
		f.pivots[e.at] -= factor * e.value
		f.rows[e.at] = merged(f.rows[e.at], f.rows[node], factor, node)
		f.rows[e.at] = slices.DeleteFunc(f.rows[e.at], func(o entry) bool { return o.at == e.at })
	}
	for k := range f.rows[node] {
		f.rows[node][k].value /= f.pivots[node]
	}
}

// merged returns a minus factor times b, by ascending node and without one node.
func merged(a, b []entry, factor float64, without int) []entry {
	all := make([]entry, 0, len(a)+len(b))
	for _, e := range a {
		if e.at != without {
			all = append(all, e)
		}
	}
	for _, e := range b {
		all = append(all, entry{e.at, -factor * e.value})
	}
	slices.SortStableFunc(all, func(x, y entry) int { return x.at - y.at })
	kept := all[:0]
	for _, e := range all {
		if n := len(kept); n > 0 && kept[n-1].at == e.at {
			kept[n-1].value += e.value
		} else {
			kept = append(kept, e)
		}
	}
	return kept
}

// solve replaces injections by approximate potentials.
func (f *factors) solve(x []float64) {
	for _, v := range f.order {
		if x[v] == 0 {
			continue
		}
		for _, e := range f.rows[v] {
			x[e.at] -= e.value * x[v]
		}
	}
	for v := range x {
		x[v] /= f.pivots[v]
	}
	for _, v := range slices.Backward(f.order) {
		for _, e := range f.rows[v] {
			x[v] -= e.value * x[e.at]
		}
	}
	for v := range x {
		if math.Abs(x[v]) < math.SmallestNonzeroFloat64*1e30 {
			x[v] = 0 // Denormal numbers are slow and prove nothing.
		}
	}
}
