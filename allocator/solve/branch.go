package solve

import (
	"cmp"
	"container/heap"
	"context"
	"math"
	"math/big"
	"slices"

	"comity/allocator/certificate"
)

const (
	// fineTree programmes are spent on closing the gap altogether. After them a gap of
	// 1/goalPart of the value is good enough: a little below the half per cent that is
	// asked of lots.
	fineTree = 600
	goalPart = 222
	// maxTree bounds the programmes of one tree and maxWork, beyond fineTree, their product
	// with columns and rows: 900 columns in 900 rows get 8,000 programmes of some ms each.
	// Package certificate reads 20,000 cases.
	maxTree = 8_000
	maxWork = 16_000_000
	// deepest bounds the depth of a tree; package certificate reads 500 levels.
	deepest = 400
	// tries and trusted bound strong branching: so many columns are tried at a node, and
	// each until so many results of it are known.
	tries   = 6
	trusted = 2
	// least is the gain, as a part of the value, that a split counts with at least: a half
	// that gains nothing must not hide what the other one does.
	least = 1e-9
)

// brancher splits all plans of a prover, always where the bound is largest, until that is
// close enough to a goal. Its limits are numbers of programmes, so that it grows the same
// tree on every machine.
type brancher struct {
	*prover
	costs        []big.Int
	fine, coarse *big.Int // Bounds that are good enough at first, and when that takes long.
	goal         float64
	root         *node
	open         nodes // All leaves.
	solved, most int   // Programmes.
	gains        [2][]gain
}

// gain is what splits of a column lowered the bound of one half by, for each unit of
// distance.
type gain struct {
	sum   float64
	count int
}

// nodes is a heap, the largest bound first.
type nodes struct{ all []*node }

// The five methods of heap.Interface.
func (n *nodes) Len() int           { return len(n.all) }
func (n *nodes) Less(a, b int) bool { return n.all[a].bound.Cmp(n.all[b].bound) > 0 }
func (n *nodes) Swap(a, b int)      { n.all[a], n.all[b] = n.all[b], n.all[a] }
func (n *nodes) Push(x any) {
	if leaf, ok := x.(*node); ok { // There are no others.
		n.all = append(n.all, leaf)
	}
}

func (n *nodes) Pop() any {
	last := n.all[len(n.all)-1]
	n.all = n.all[:len(n.all)-1]
	return last
}

func newBrancher(v *prover, goal *big.Int) *brancher {
	everything := v.open()
	b := &brancher{
		prover: v, costs: v.costs(), goal: unscaledBound(goal),
		root:  &node{lower: everything.lower, upper: everything.upper},
		gains: [2][]gain{make([]gain, len(v.columns)), make([]gain, len(v.columns))},
	}
	size := new(big.Int).Abs(goal)
	room := new(big.Int).Rsh(size, closeBits)
	if units := big.NewInt(closeUnits); room.Cmp(units) < 0 {
		room = units
	}
	b.fine = room.Add(room, goal)
	b.coarse = new(big.Int).Add(goal, size.Quo(size, big.NewInt(goalPart)))
	if b.coarse.Cmp(b.fine) < 0 {
		b.coarse = b.fine
	}
	b.most = max(fineTree, min(maxTree, maxWork/(len(v.columns)+len(v.rows)+1)))
	return b
}

// enough is the bound at which a part of all plans needs no further split.
func (b *brancher) enough() *big.Int {
	if b.solved < fineTree {
		return b.fine
	}
	return b.coarse
}

// grow splits until the largest bound is enough, or nothing splits it.
func (b *brancher) grow(ctx context.Context) error {
	if err := b.solve(ctx, b.root, nil); err != nil {
		return err
	}
	heap.Push(&b.open, b.root)
	for b.solved < b.most && b.open.all[0].bound.Cmp(b.enough()) > 0 {
		leaf := b.open.all[0]
		if split, err := b.split(ctx, leaf); err != nil || !split {
			return err
		}
		heap.Pop(&b.open)
		heap.Push(&b.open, leaf.below)
		heap.Push(&b.open, leaf.above)
		*leaf = node{column: leaf.column, at: leaf.at, below: leaf.below, above: leaf.above}
	}
	return nil
}

func (b *brancher) solve(ctx context.Context, n, parent *node) error {
	b.solved++
	return b.solveNode(ctx, n, parent, b.costs, b.fine)
}

// candidate is a column that a node can be split by.
type candidate struct {
	column       int
	down         float64 // How far it lies above the whole number below.
	at           int64   // That number.
	score        float64
	below, above *node // Both halves, if they were tried.
}

// split divides a leaf by the column that promises to lower the bounds of both halves
// most. Columns of which little is known are tried.
//
// Source: Achterberg, Koch and Martin, "Branching rules revisited" (2005), reliability
// branching.
func (b *brancher) split(ctx context.Context, leaf *node) (bool, error) {
	list, tried := b.candidates(leaf), 0
	best := -1
	for i := range list {
		c := &list[i]
		known := min(b.gains[0][c.column].count, b.gains[1][c.column].count)
		if known < trusted && tried < tries && b.solved < b.most {
			if err := b.try(ctx, leaf, c); err != nil {
				return false, err
			}
			tried++
		}
		if best < 0 || c.score > list[best].score {
			best = i
		}
	}
	if best < 0 {
		return false, nil
	}
	c := &list[best]
	if c.below == nil {
		if err := b.try(ctx, leaf, c); err != nil {
			return false, err
		}
	}
	leaf.column, leaf.at, leaf.below, leaf.above = c.column, c.at, c.below, c.above
	return true, nil
}

// try solves both halves, scores what they gain and learns from it.
func (b *brancher) try(ctx context.Context, leaf *node, c *candidate) error {
	c.below = &node{lower: leaf.lower, upper: slices.Clone(leaf.upper), depth: leaf.depth + 1}
	c.above = &node{lower: slices.Clone(leaf.lower), upper: leaf.upper, depth: leaf.depth + 1}
	c.below.upper[c.column], c.above.lower[c.column] = c.at, c.at+1
	c.score = 1
	distance := [2]float64{c.down, 1 - c.down}
	from := unscaledBound(leaf.bound)
	for side, half := range []*node{c.below, c.above} {
		if err := b.solve(ctx, half, leaf); err != nil {
			return err
		}
		most := max(0, from-b.goal) // What goes beyond the goal is worth nothing.
		moved := most
		if half.point != nil {
			moved = max(0, from-unscaledBound(half.bound))
			g := &b.gains[side][c.column]
			g.sum, g.count = g.sum+moved/distance[side], g.count+1
		}
		c.score *= max(min(moved, most), b.least())
	}
	return nil
}

func (b *brancher) least() float64 { return least * max(1, math.Abs(b.goal)) }

// candidates lists the columns of a leaf that are not whole, the most promising ones
// first: what is yes or no and cannot be rounded without harm, or, without any such, the
// most fractional ones.
func (b *brancher) candidates(leaf *node) []candidate {
	if leaf.point == nil || leaf.depth >= deepest {
		return nil
	}
	activity := make([]float64, len(b.rows))
	for i, r := range b.rows {
		for _, t := range r.terms {
			activity[i] += float64(float64(t.coeff) * leaf.point[t.at])
		}
	}
	var decisive, others []candidate
	for j, col := range b.columns {
		low := math.Floor(leaf.point[j])
		c := candidate{column: j, down: leaf.point[j] - low}
		if min(c.down, 1-c.down) < fraction || leaf.lower[j] >= leaf.upper[j] {
			continue
		}
		c.at = clampFloat(low, leaf.lower[j], leaf.upper[j]-1)
		if harm, ok := b.harm(activity, c, col); ok {
			c.score = b.score(c, harm)
			decisive = append(decisive, c)
			continue
		}
		c.score = min(c.down, 1-c.down) * b.least()
		others = append(others, c)
	}
	if len(decisive) == 0 {
		decisive = others
	}
	slices.SortStableFunc(decisive, func(x, y candidate) int { return cmp.Compare(y.score, x.score) })
	return decisive
}

// harm is what rounding a switch down and up does to rows, in units of the switch, and
// to the worth. One that can be rounded one way without either decides nothing.
func (b *brancher) harm(activity []float64, c candidate, col column) (harm [2]float64, ok bool) {
	if !col.isSwitch() {
		return harm, false
	}
	cost := float64(col.cost)
	for side, by := range []float64{-c.down, 1 - c.down} {
		missed, lost := b.strain(activity, c.column, by), max(0, -float64(cost*by))
		if missed <= fraction && lost == 0 {
			return harm, false
		}
		harm[side] = missed + lost
	}
	return harm, true
}

// score is the product of what both halves are expected to gain: what splits of the
// column gained before, or, of one that was never split, a guess.
func (b *brancher) score(c candidate, harm [2]float64) float64 {
	product := 1.0
	for side, distance := range []float64{c.down, 1 - c.down} {
		expected := harm[side]
		if g := b.gains[side][c.column]; g.count > 0 {
			expected = g.sum / float64(g.count) * distance
		}
		product *= max(expected, b.least())
	}
	return product
}

// unscaledBound is a bound without its factor of 2^PriceBits.
func unscaledBound(x *big.Int) float64 {
	v, _ := new(big.Float).SetInt(x).Float64()
	return math.Ldexp(v, -certificate.PriceBits)
}
