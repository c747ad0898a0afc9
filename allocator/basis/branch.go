package basis

import (
	"container/heap"
	"context"
	"math"
	"math/big"

	"comity/allocator/linear"
)

// Limits and goals of branching.
const (
	// maxNodes bounds the relaxations that are solved for one programme, and maxWork their
	// product with columns and rows.
	maxNodes = 40_000
	maxWork  = 40_000_000
	// ownNodes are tried before the engine is asked for a point of whole numbers: what
	// needs no more than that meets its best point on the way.
	ownNodes = 600
	// fineNodes are spent on closing the gap, as long as it is above fineGap; after
	// that, a gap of goalGap is good enough. Both are parts of the objective.
	fineNodes = 600
	fineGap   = 1e-9
	goalGap   = 0.0045
	// tries and trusted bound strong branching: so many columns are tried at a node, and
	// each until so many results of it are known.
	tries   = 8
	trusted = 4
)

// brancher proves that no whole point is better than the known one by much, or that there
// is none.
type brancher struct {
	*relaxed
	step   float64 // What the objective is a multiple of, or 0.
	known  float64 // Objective of the known point, maximised; -Inf without one.
	open   nodes
	last   [2]*treeNode // Sides of the last split.
	root   *treeNode
	count  int
	costs  [2][]gain // By side and column.
	better []float64 // A whole point that is better than the known one.
}

// treeNode is one node of the tree under construction.
type treeNode struct {
	parent *treeNode
	split  linear.Split
	side   int // Of the parent's split: 0 low, 1 high.
	sides  [2]*treeNode

	bound  float64 // -Inf: empty.
	primal []float64
	prices []float64
	open   bool // In the heap and not yet split.
}

// nodes is a heap, the best bound first.
type nodes struct{ all []*treeNode }

// The five methods of heap.Interface.
func (n *nodes) Len() int           { return len(n.all) }
func (n *nodes) Less(a, b int) bool { return n.all[a].bound > n.all[b].bound }
func (n *nodes) Swap(a, b int)      { n.all[a], n.all[b] = n.all[b], n.all[a] }
func (n *nodes) Push(x any) {
	if node, ok := x.(*treeNode); ok { // There are no others.
		n.all = append(n.all, node)
	}
}

func (n *nodes) Pop() any {
	last := n.all[len(n.all)-1]
	n.all = n.all[:len(n.all)-1]
	return last
}

// gain is what splits of a column moved the bound by, for each unit of distance.
type gain struct {
	sum   float64
	count int
}

// newBrancher prepares the search.
func newBrancher(s *linear.System) *brancher {
	b := &brancher{relaxed: newRelaxed(s), known: math.Inf(-1)}
	b.step, _ = s.Step().Float64()
	b.costs = [2][]gain{make([]gain, len(b.cost)), make([]gain, len(b.cost))}
	return b
}

// begin solves the root.
func (b *brancher) begin(ctx context.Context) error {
	b.root = &treeNode{}
	a, err := b.solve(ctx, b.lower, b.upper)
	if err != nil {
		return err
	}
	return b.take(b.root, a)
}

// search splits nodes until the goal is reached or so many relaxations were solved.
func (b *brancher) search(ctx context.Context, limit int) error {
	for b.count <= limit {
		n := b.next(b.count > fineNodes && b.count < limit/2)
		if n == nil {
			return nil
		}
		if err := b.expand(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// next takes an open node that is not settled: the best one or, deep, a side of the last
// split. All of them must be split once the goal does not move any more, and the solver
// answers sooner about a neighbour of what it was asked last.
func (b *brancher) next(deep bool) *treeNode {
	if deep {
		var best *treeNode
		for _, n := range b.last {
			if n != nil && n.open && !b.settled(n.bound) && (best == nil || n.bound > best.bound) {
				best = n
			}
		}
		if best != nil {
			best.open = false
			return best
		}
	}
	if b.finished() {
		return nil
	}
	n := b.open.all[0]
	heap.Pop(&b.open)
	n.open = false
	return n
}

// finished tells whether every open node is settled.
func (b *brancher) finished() bool {
	for b.open.Len() > 0 && !b.open.all[0].open {
		heap.Pop(&b.open)
	}
	return b.open.Len() == 0 || b.settled(b.open.all[0].bound)
}

// settled tells whether a bound is good enough at this stage.
func (b *brancher) settled(bound float64) bool {
	if math.IsInf(b.known, -1) {
		return math.IsInf(bound, -1)
	}
	part := goalGap
	if b.count < fineNodes {
		part = fineGap
	}
	allowed := part * max(math.Abs(b.known), 1e-6)
	if b.step > 0 { // Between two steps of the objective there is nothing.
		allowed = (math.Floor(allowed/b.step) + 1 - fraction) * b.step
	}
	return bound <= b.known+allowed
}

// box is the bounds of all columns.
type box struct{ lower, upper []float64 }

// bounds returns the column bounds of a node.
func (b *brancher) bounds(n *treeNode) box {
	in := box{append([]float64{}, b.lower...), append([]float64{}, b.upper...)}
	for ; n.parent != nil; n = n.parent {
		at, _ := new(big.Float).SetInt(n.parent.split.At.Big()).Float64()
		j := n.parent.split.Column
		if n.side == 0 {
			in.upper[j] = min(in.upper[j], at)
		} else {
			in.lower[j] = max(in.lower[j], at+1)
		}
	}
	return in
}

// take puts an answer into a node.
func (b *brancher) take(n *treeNode, a answer) error {
	n.bound, n.primal, n.prices = a.worth, a.Primal, a.Prices
	if !a.Optimal {
		return nil
	}
	if b.isWhole(n.primal) {
		if n.bound > b.known {
			b.better, b.known = n.primal, n.bound
		}
		return nil
	}
	n.open = true
	heap.Push(&b.open, n)
	return nil
}

func (b *brancher) isWhole(x []float64) bool {
	for j, v := range x {
		if b.whole[j] && math.Abs(v-math.Round(v)) > fraction {
			return false
		}
	}
	return true
}

// expand splits a node by the column that promises to move the bounds of both sides.
func (b *brancher) expand(ctx context.Context, n *treeNode) error {
	type choice struct {
		j     int
		score float64
	}
	best, bestSides := choice{j: -1}, [2]*answer{}
	in, tried := b.bounds(n), 0
	for _, j := range b.order(n) {
		known := min(b.costs[0][j].count, b.costs[1][j].count)
		var sides [2]*answer
		score := b.score(n.primal[j], j)
		if known < trusted && tried < tries {
			tried++
			gains := [2]float64{}
			for side := range 2 {
				a, err := b.side(ctx, n, split{j, side}, in)
				if err != nil {
					return err
				}
				sides[side], gains[side] = &a, b.gainOf(n, a)
			}
			score = max(gains[0], 1e-9) * max(gains[1], 1e-9)
		}
		if best.j < 0 || score > best.score {
			best, bestSides = choice{j, score}, sides
		}
	}
	j := best.j
	at := new(big.Int)
	big.NewFloat(math.Floor(n.primal[j])).Int(at)
	n.split = linear.Split{Column: j, At: linear.NewWhole(at)}
	for side := range 2 {
		child := &treeNode{parent: n, side: side}
		n.sides[side] = child
		a := bestSides[side]
		if a == nil {
			again, err := b.side(ctx, n, split{j, side}, in)
			if err != nil {
				return err
			}
			a = &again
		}
		if err := b.take(child, *a); err != nil {
			return err
		}
	}
	n.primal, n.prices, b.last = nil, nil, n.sides
	return nil
}

// order lists the fractional columns of a node, the most promising ones first.
func (b *brancher) order(n *treeNode) []int {
	var all []int
	for j, v := range n.primal {
		if b.whole[j] && math.Abs(v-math.Round(v)) > fraction {
			all = append(all, j)
		}
	}
	scores := make(map[int]float64, len(all))
	for _, j := range all {
		scores[j] = b.score(n.primal[j], j)
	}
	sortBy(all, func(j int) float64 { return -scores[j] })
	return all
}

// split is one side of a column's split: 0 low, 1 high.
type split struct{ column, side int }

// side solves one side of a split and learns from it.
func (b *brancher) side(ctx context.Context, n *treeNode, at split, in box) (answer, error) {
	b.count++
	j, side, lower, upper := at.column, at.side, in.lower, in.upper
	low, high := lower[j], upper[j]
	down := math.Floor(n.primal[j])
	distance := n.primal[j] - down
	if side == 0 {
		upper[j] = down
	} else {
		lower[j], distance = down+1, 1-distance
	}
	a, err := b.solve(ctx, lower, upper)
	lower[j], upper[j] = low, high
	if err != nil {
		return answer{}, err
	}
	if a.Optimal {
		g := &b.costs[side][j]
		g.sum += max(0, n.bound-a.worth) / distance
		g.count++
	}
	return a, nil
}

// gainOf returns by how much a side's bound is better, at most what would settle it.
func (b *brancher) gainOf(n *treeNode, a answer) float64 {
	most := n.bound - b.known
	if math.IsInf(b.known, -1) {
		most = 1e6 * max(1, math.Abs(n.bound))
	}
	if !a.Optimal {
		return most
	}
	return min(most, n.bound-a.worth)
}

// score estimates the product of both gains (Achterberg, Koch and Martin, "Branching rules
// revisited" (2005)).
func (b *brancher) score(x float64, j int) float64 {
	down := x - math.Floor(x)
	product := 1.0
	for side, distance := range []float64{down, 1 - down} {
		each := max(1e-6, math.Abs(b.cost[j]))
		if g := b.costs[side][j]; g.count > 0 {
			each = g.sum / float64(g.count)
		}
		product *= max(1e-9, each*distance)
	}
	return product
}
