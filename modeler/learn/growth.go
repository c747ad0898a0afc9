package learn

import (
	"fmt"
	"slices"
	"strconv"

	"comity/chance"
)

// growth is one tree while it grows, as everybody sees it: nothing here knows a row.
type growth struct {
	tree     Tree
	sampler  chance.Sampler
	features []int  // That this tree may use, ascending.
	offsets  []int  // Where the bins of features[k] start in a histogram; the last is its length.
	nodes    []node // Of the level to be split next, from left to right.
	asked    []int  // Nodes whose histograms the members add in this step.
}

// node is some of the rows of one tree.
type node struct {
	total  cell
	bins   []cell // By feature and bin; nil before they are known and where no split can follow.
	parent []cell // The parent's bins, for the sibling that is not asked for.
}

// newGrowth draws what is public about the tree of one ensemble in one round.
func newGrowth(cfg *Config, ensemble, round, attempt int) *growth {
	seed := chance.Derive(cfg.Seed, "tree", cfg.Name, strconv.Itoa(round), strconv.Itoa(attempt), strconv.Itoa(ensemble))
	all := len(cfg.Edges)
	some := max(1, all*cfg.FeaturePermille/permille)
	features := chance.NewStream(chance.Derive(seed, "features")).Perm(all)[:some]
	slices.Sort(features)
	g := &growth{
		tree:     newTree(cfg.Depth),
		sampler:  chance.NewSampler(chance.Derive(seed, "rows")),
		features: features,
		offsets:  make([]int, 1, some+1),
		nodes:    make([]node, 1),
		asked:    []int{0},
	}
	for k, f := range features {
		g.offsets = append(g.offsets, g.offsets[k]+cfg.Edges.Bins(f))
	}
	return g
}

// width returns how many cells one histogram has in full.
func (g *growth) width() int { return g.offsets[len(g.features)] }

// sent returns how many cells of one histogram travel: a feature's last bin follows from
// the node's total, which is known except at the root.
func (g *growth) sent(level int) int {
	n := g.width() - len(g.features)
	if level == 0 {
		n++
	}
	return n
}

// rowsAsked returns how many rows the fullest node asked for can have.
func (g *growth) rowsAsked(level int, rows int64) int64 {
	if level == 0 {
		return rows
	}
	var most int64
	for _, at := range g.asked {
		most = max(most, g.nodes[at].total.n)
	}
	return most
}

// write puts what travels of a full histogram at the start of words and returns the
// words after it.
func (g *growth) write(words []int64, full []cell, level int, lay layout) []int64 {
	if level == 0 {
		var total cell
		for _, c := range full[:g.offsets[1]] {
			total = total.plus(c)
		}
		words = lay.write(words, total)
	}
	for k := range g.features {
		for _, c := range full[g.offsets[k] : g.offsets[k+1]-1] {
			words = lay.write(words, c)
		}
	}
	return words
}

// read takes the sums of all nodes asked for, completes their histograms and their
// siblings' and refuses what no rows can have given.
func (g *growth) read(words []int64, level int, lay layout) error {
	for _, at := range g.asked {
		n := &g.nodes[at]
		if level == 0 {
			n.total, words = lay.read(words)
		}
		n.bins = make([]cell, g.width())
		for k := range g.features {
			bins := n.bins[g.offsets[k]:g.offsets[k+1]]
			last := len(bins) - 1
			bins[last] = n.total
			for b := range last {
				bins[b], words = lay.read(words)
				bins[last] = bins[last].minus(bins[b])
			}
		}
		if err := g.complete(at); err != nil {
			return fmt.Errorf("node %d: %w", at, err)
		}
	}
	return nil
}

// complete checks the histogram of node at and derives its sibling's.
func (g *growth) complete(at int) error {
	n := &g.nodes[at]
	for _, c := range n.bins {
		if err := c.check(); err != nil {
			return err
		}
	}
	if n.parent == nil {
		return n.total.check()
	}
	sibling := &g.nodes[at^1]
	sibling.bins = make([]cell, len(n.bins))
	for i, c := range n.bins {
		sibling.bins[i] = n.parent[i].minus(c)
		if err := sibling.bins[i].check(); err != nil {
			return fmt.Errorf("what is left for its sibling: %w", err)
		}
	}
	return nil
}

// split splits the nodes of a level and says which of the next need a histogram: the
// child with fewer rows of every pair, unless neither can be split again.
func (g *growth) split(level int, cfg *Config) {
	next := make([]node, 2*len(g.nodes))
	g.asked = g.asked[:0]
	for i := range g.nodes {
		n := &g.nodes[i]
		at := 1<<level - 1 + i
		best := candidate{split: noSplit(), left: n.total}
		if n.bins != nil && n.total.n >= 2*int64(cfg.MinRows) {
			best = g.search(n, cfg)
		}
		g.tree.Splits[at] = best.split
		left, right := node{total: best.left}, node{total: n.total.minus(best.left)}
		if best.split.Feature >= 0 && level+1 < cfg.Depth && max(left.total.n, right.total.n) >= 2*int64(cfg.MinRows) {
			left.parent, right.parent = n.bins, n.bins
			if left.total.n <= right.total.n {
				g.asked = append(g.asked, 2*i)
			} else {
				g.asked = append(g.asked, 2*i+1)
			}
		}
		next[2*i], next[2*i+1] = left, right
	}
	g.nodes = next
}

// finish gives the leaves their values.
func (g *growth) finish(cfg *Config) Tree {
	for i, n := range g.nodes {
		g.tree.Leaves[i] = leaf(n.total, cfg)
	}
	return g.tree
}
