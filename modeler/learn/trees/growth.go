package trees

import (
	"fmt"
	"slices"
	"strconv"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
)

// growth is one tree while it grows, as everybody sees it: nothing here knows a row.
type growth struct {
	cfg      *Config
	measure  measure
	bounded  bool      // Some feature has a direction.
	unit     fixed.Q16 // Of the loss; see unitOf.
	sampler  chance.Sampler
	take     uint64 // Thousandths of rows that the tree sees.
	features []int  // That this tree may use, ascending.
	spans    []span // Where they are in slabs.
	offsets  []int  // Where the bins of features[k] start in a histogram; the last is its length.

	root   *node
	nodes  []*node  // All there are, in the order in which they came to be.
	fresh  []*node  // Whose histograms are new: to be searched.
	parted []*node  // Nodes whose rows were not yet moved to their children.
	asked  []*node  // Nodes whose histograms the members add in this step.
	spare  [][]cell // Histograms that nobody needs any more.
}

// node is some of the rows of one tree. Its children are there before it is decided that
// it is split, if a sum was asked to look ahead.
type node struct {
	number int // Among growth.nodes.
	depth  int
	bounds bounds
	total  cell
	bins   []cell // By feature and bin; nil before they are known and where no split can follow.
	best   candidate
	split  bool // Decided.

	parent, sibling, left, right *node
}

// leaf returns the leaf that a node belongs to: the first on the way from the root that
// was not split. Nodes beyond are what a sum looked ahead to.
func (n *node) leaf() *node {
	leaf := n
	for ; n.parent != nil; n = n.parent {
		if !n.parent.split {
			leaf = n.parent
		}
	}
	return leaf
}

// newGrowth draws what is public about the tree of one ensemble in one round. A retry is
// an attempt whose round was begun before.
func newGrowth(cfg *Config, ensemble, round, attempt int, retry bool) *growth {
	seed := chance.Derive(cfg.Seed, "tree", cfg.Name, strconv.Itoa(round), strconv.Itoa(attempt), strconv.Itoa(ensemble))
	all := len(cfg.Features)
	some := max(1, all*cfg.FeaturePermille/permille)
	features := chance.NewStream(chance.Derive(seed, "features")).Perm(all)[:some]
	slices.Sort(features)
	g := &growth{
		cfg: cfg, measure: cfg.measure(), bounded: cfg.monotone(), unit: unitOf(cfg.Loss),
		sampler:  chance.NewSampler(chance.Derive(seed, "rows")),
		take:     uint64(cfg.RowPermille), //nolint:gosec // 1 to 1000.
		features: features,
		spans:    spansOf(features),
		offsets:  make([]int, 1, some+1),
		root:     &node{bounds: free(), best: candidate{split: noSplit()}},
	}
	if retry {
		g.take = min(g.take, learn.RetryPermille)
	}
	for k, f := range features {
		g.offsets = append(g.offsets, g.offsets[k]+cfg.Features.Bins(f))
	}
	g.nodes, g.asked = []*node{g.root}, []*node{g.root}
	return g
}

// width returns how many cells one histogram has in full.
func (g *growth) width() int { return g.offsets[len(g.features)] }

// rowsAsked returns how many rows the fullest node asked for can have.
func (g *growth) rowsAsked(rows int64) int64 {
	var most int64
	for _, n := range g.asked {
		if n.parent == nil {
			return rows
		}
		most = max(most, n.total.n)
	}
	return most
}

// eachFeature runs do for all features of the tree, on all processors where a histogram
// is large, and returns the error of the lowest one.
func (g *growth) eachFeature(do func(k int) error) error {
	const large = 1 << 12 // Cells from which on it is worth while.
	if g.width() >= large {
		return parallel.Each(len(g.features), do)
	}
	for k := range g.features {
		if err := do(k); err != nil {
			return err
		}
	}
	return nil
}

// sent returns how many words of a node's histogram travel: a feature's last bin follows
// from the node's total, which is known except at the root.
func (g *growth) sent(n *node, lay layout) int { return g.place(n, len(g.features), lay) }

// place returns where the words of feature k stand among those of a node.
func (g *growth) place(n *node, k int, lay layout) int {
	cells := g.offsets[k] - k // Of every feature before, without the last bin.
	if n.parent == nil {
		cells++ // The total.
	}
	return cells * lay.words
}

// write puts what travels of a node's full histogram into words.
func (g *growth) write(words []int64, n *node, full []cell, lay layout) {
	if n.parent == nil {
		var total cell
		for _, c := range full[:g.offsets[1]] {
			total = total.plus(c)
		}
		lay.write(words, total)
	}
	_ = g.eachFeature(func(k int) error {
		rest := words[g.place(n, k, lay):]
		for _, c := range full[g.offsets[k] : g.offsets[k+1]-1] {
			rest = lay.write(rest, c)
		}
		return nil
	})
}

// read takes the sums of all nodes asked for, completes their histograms and their
// siblings' and refuses what no rows can have given.
func (g *growth) read(words []int64, lay layout) error {
	for _, n := range g.asked {
		if n.parent == nil {
			n.total, _ = lay.read(words)
			if err := n.total.check(g.cfg.Loss.Bound()); err != nil {
				return fmt.Errorf("root: %w", err)
			}
		}
		n.bins = g.cells()
		own := words[:g.sent(n, lay)]
		err := g.eachFeature(func(k int) error { return g.readFeature(n, k, own[g.place(n, k, lay):], lay) })
		if err != nil {
			return fmt.Errorf("node %d: %w", n.number, err)
		}
		words = words[len(own):]
		g.fresh = append(g.fresh, n)
		if n.parent != nil {
			n.parent.bins, n.sibling.bins = nil, n.parent.bins
			g.fresh = append(g.fresh, n.sibling)
		}
	}
	return nil
}

// readFeature completes the bins of one feature of a node and derives the sibling's, in
// the place of their parent's, which nobody needs any more.
func (g *growth) readFeature(n *node, k int, words []int64, lay layout) error {
	bound := g.cfg.Loss.Bound()
	bins, rest := n.bins[g.offsets[k]:g.offsets[k+1]], n.total
	last := len(bins) - 1
	for b := range last {
		bins[b], words = lay.read(words)
		if err := bins[b].check(bound); err != nil {
			return fmt.Errorf("feature %d: bin %d: %w", g.features[k], b, err)
		}
		rest = rest.minus(bins[b])
	}
	bins[last] = rest
	if err := rest.check(bound); err != nil {
		return fmt.Errorf("feature %d: last bin: %w", g.features[k], err)
	}
	if n.parent == nil {
		return nil
	}
	others := n.parent.bins[g.offsets[k]:g.offsets[k+1]]
	for b, c := range bins {
		others[b] = others[b].minus(c)
		if err := others[b].check(bound); err != nil {
			return fmt.Errorf("feature %d: bin %d: what is left for the sibling: %w", g.features[k], b, err)
		}
	}
	return nil
}

// cells returns room for a histogram.
func (g *growth) cells() []cell {
	n := len(g.spare)
	if n == 0 || cap(g.spare[n-1]) < g.width() {
		return make([]cell, g.width())
	}
	room := g.spare[n-1]
	g.spare = g.spare[:n-1]
	return room[:g.width()]
}

// drop gives back the room of a node's histogram.
func (g *growth) drop(n *node) {
	if n.bins != nil {
		g.spare = append(g.spare, n.bins)
		n.bins = nil
	}
}

// part makes the children of a node that has a split and says whether their histograms
// are needed: not if neither child can be split again.
func (g *growth) part(n *node) {
	left, right := g.divide(n)
	none := candidate{split: noSplit()}
	n.left = &node{number: len(g.nodes), depth: n.depth + 1, bounds: left, total: n.best.left, best: none, parent: n}
	n.right = &node{number: len(g.nodes) + 1, depth: n.depth + 1, bounds: right, total: n.total.minus(n.best.left), best: none, parent: n}
	n.left.sibling, n.right.sibling = n.right, n.left
	g.nodes = append(g.nodes, n.left, n.right)
	g.parted = append(g.parted, n)
}

// fertile tells whether a child of n could be split again.
func (g *growth) fertile(n *node) bool {
	right := n.total.n - n.best.left.n
	return n.depth+1 < g.cfg.Depth && max(n.best.left.n, right) >= 2*int64(g.cfg.MinRows)
}

// ask asks for the histogram of the child of n with fewer rows, the left one if equal.
func (g *growth) ask(n *node) {
	if n.left.total.n <= n.right.total.n {
		g.asked = append(g.asked, n.left)
	} else {
		g.asked = append(g.asked, n.right)
	}
}

// finish returns the tree with the children of a node side by side, breadth first.
func (g *growth) finish() Tree {
	queue := []*node{g.root}
	var t Tree
	for i := 0; i < len(queue); i++ {
		n := queue[i]
		made := Node{Split: noSplit(), Rows: n.total.n}
		if n.split {
			made.Split, made.Left = n.best.split, len(queue)
			queue = append(queue, n.left, n.right)
		} else {
			made.Value = g.worth(n)
		}
		t.Nodes = append(t.Nodes, made)
	}
	return t
}

// worth returns what a leaf adds to the scores of its rows, rounded once where no bound
// can hold it. Without rows it is 0.
func (g *growth) worth(n *node) fixed.Q16 {
	if n.total.n == 0 {
		return 0
	}
	rate := int64(g.cfg.RatePermille)
	if !g.bounded {
		return g.cfg.Loss.Shrunk(n.total.g, n.total.h, g.measure.lambda, rate)
	}
	return fixed.Q16(fixed.MulDiv(int64(g.leaf(n, n.total)), rate, permille))
}
