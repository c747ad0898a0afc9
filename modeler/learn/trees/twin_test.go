package trees_test

import (
	"cmp"
	"math/big"
	"slices"
	"strconv"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
)

// twin grows one ensemble in the plainest way: every node looks at its own rows, every
// split at all of them, every gain is a big rational. No histogram, no sibling by
// subtraction, no packing, no look ahead, no parallel work.
type twin struct {
	cfg      *trees.Config
	features []int
	rows     [][]uint8
	target   []fixed.Q16
	weight   []uint16
	key      []uint64
	score    []fixed.Q16
}

// sums are the gradients, weights and number of some rows.
type sums struct{ g, h, n int64 }

func (t *twin) gradient(i int) sums {
	g, h := t.cfg.Loss.Gradient(t.target[i], t.score[i])
	if t.cfg.Loss.Kind == loss.Squared && !t.cfg.Weighted {
		h = loss.Unit
	}
	if w := int64(t.weight[i]); t.cfg.Weighted {
		g, h = rounded(g*w, 1024), max(1, rounded(h*w, 1024))
	}
	return sums{g, h, 1}
}

// rounded is a/b, half away from zero.
func rounded(a, b int64) int64 {
	if a < 0 {
		return -rounded(-a, b)
	}
	return (2*a + b) / (2 * b)
}

// gain is floor(2^after G^2/(H + 1024 lambda)), with 12 bits after the point less two for
// every bit of the bound of gradients.
func (t *twin) gain(s sums, extra int64) *big.Int {
	after := map[int64]uint{1: 12, 8: 6, 64: 0}[t.cfg.Loss.Bound()]
	weight := s.h + 1024*(int64(t.cfg.Lambda)+extra)
	if weight == 0 {
		return new(big.Int)
	}
	g := big.NewInt(s.g)
	g.Mul(g, g).Lsh(g, after)
	return g.Div(g, big.NewInt(weight))
}

func (t *twin) add(rows []int) (s sums) {
	for _, i := range rows {
		g := t.gradient(i)
		s = sums{s.g + g.g, s.h + g.h, s.n + g.n}
	}
	return s
}

// splits lists all splits of a feature in the order in which ties are settled.
func (t *twin) splits(rows []int, f int) (list []trees.Split) {
	if t.cfg.Features[f].Category {
		return t.sets(rows, f)
	}
	for bin := 1; bin < t.cfg.Features.Bins(f); bin++ {
		list = append(list, trees.Split{Feature: f, Bin: uint8(bin)}, trees.Split{Feature: f, Bin: uint8(bin), Right: true})
	}
	return list
}

// sets lists the beginnings of the categories in the order of their mean gradient, with
// ten rows' worth of weight more, in units of 2^-20 and rounded.
func (t *twin) sets(rows []int, f int) (list []trees.Split) {
	by := make([][]int, t.cfg.Features.Bins(f))
	for _, i := range rows {
		by[t.rows[i][f]] = append(by[t.rows[i][f]], i)
	}
	var order []int
	for bin := range by {
		if len(by[bin]) > 0 {
			order = append(order, bin)
		}
	}
	mean := func(bin int) int64 {
		s := t.add(by[bin])
		return rounded(s.g<<20, s.h+10*1024)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(mean(a), mean(b)) })
	for k := 1; k < len(order); k++ {
		set, n := trees.Set{}, 0
		put := func(bin int) { set[bin/64] |= 1 << (bin % 64) }
		for _, bin := range order[:k] {
			put(bin)
			n += len(by[bin])
		}
		for bin := range by {
			if len(by[bin]) == 0 && 2*n >= len(rows) {
				put(bin)
			}
		}
		list = append(list, trees.Split{Feature: f, Set: &set})
	}
	return list
}

// leaf is a node of the twin's tree.
type leaf struct {
	rows        []int
	path        string // From the root: 0 left, 1 right.
	split       trees.Split
	gain        *big.Int
	left, right *leaf
}

// look finds the first split with the highest gain of a node, if there is one.
func (t *twin) look(n *leaf) *leaf {
	n.split, n.gain = trees.Split{Feature: -1}, new(big.Int)
	if len(n.path) >= t.cfg.Depth {
		return n
	}
	whole := t.gain(t.add(n.rows), 0)
	for _, f := range t.features {
		best := trees.Split{Feature: -1}
		most := new(big.Int)
		for _, s := range t.splits(n.rows, f) {
			l, r := t.divide(n.rows, s)
			if min(len(l), len(r)) < t.cfg.MinRows {
				continue
			}
			extra := int64(0)
			if s.Set != nil {
				extra = 10
			}
			gain := t.gain(t.add(l), extra)
			if gain.Add(gain, t.gain(t.add(r), extra)); best.Feature < 0 || gain.Cmp(most) > 0 {
				best, most = s, gain
			}
		}
		if most.Sub(most, whole); best.Feature >= 0 && most.Cmp(n.gain) > 0 {
			n.split, n.gain = best, most
		}
	}
	return n
}

func (t *twin) divide(rows []int, s trees.Split) (left, right []int) {
	for _, i := range rows {
		if s.GoesRight(t.rows[i]) {
			right = append(right, i)
		} else {
			left = append(left, i)
		}
	}
	return left, right
}

// open splits a leaf.
func (t *twin) open(n *leaf) {
	l, r := t.divide(n.rows, n.split)
	n.left, n.right = t.look(&leaf{rows: l, path: n.path + "0"}), t.look(&leaf{rows: r, path: n.path + "1"})
}

// draw draws the features of one round's tree and returns its sampled rows.
func (t *twin) draw(ensemble, round int) (rows []int) {
	c := t.cfg
	seed := chance.Derive(c.Seed, "tree", c.Name, strconv.Itoa(round), "0", strconv.Itoa(ensemble))
	features := chance.NewStream(chance.Derive(seed, "features")).Perm(len(c.Features))
	t.features = features[:max(1, len(c.Features)*c.FeaturePermille/1000)]
	slices.Sort(t.features)
	sampler := chance.NewSampler(chance.Derive(seed, "rows"))
	for i := range t.rows {
		lot := new(big.Int).SetUint64(sampler.Uint64(t.key[i]))
		if lot.Mul(lot, big.NewInt(1000)).Rsh(lot, 64).Int64() < int64(c.RowPermille) {
			rows = append(rows, i)
		}
	}
	return rows
}

// grow returns the tree of one round as trees.Tree lays it out.
func (t *twin) grow(ensemble, round int) trees.Tree {
	root := t.look(&leaf{rows: t.draw(ensemble, round)})
	leaves := []*leaf{root}
	for len(leaves) < t.cfg.MaxLeaves || t.cfg.MaxLeaves == 0 {
		slices.SortFunc(leaves, func(a, b *leaf) int {
			return cmp.Or(b.gain.Cmp(a.gain), cmp.Compare(len(a.path), len(b.path)), cmp.Compare(a.path, b.path))
		})
		if leaves[0].split.Feature < 0 {
			break
		}
		t.open(leaves[0])
		leaves = append(leaves[1:], leaves[0].left, leaves[0].right)
	}
	var tree trees.Tree
	for queue := []*leaf{root}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		node := trees.Node{Split: trees.Split{Feature: -1}, Rows: int64(len(n.rows))}
		if n.left != nil {
			node.Split, node.Left = n.split, len(tree.Nodes)+len(queue)
			queue = append(queue, n.left, n.right)
		} else if s := t.add(n.rows); s.n > 0 {
			node.Value = t.cfg.Loss.Shrunk(s.g, s.h, 1024*int64(t.cfg.Lambda), int64(t.cfg.RatePermille))
		}
		tree.Nodes = append(tree.Nodes, node)
	}
	return tree
}

// learn adds a tree to the scores of all rows.
func (t *twin) learn(tree trees.Tree) {
	for i, row := range t.rows {
		at := 0
		for tree.Nodes[at].Split.Feature >= 0 {
			next := tree.Nodes[at].Left
			if tree.Nodes[at].Split.GoesRight(row) {
				next++
			}
			at = next
		}
		t.score[i] += tree.Nodes[at].Value
	}
}

func TestTrainerEqualsItsPlainTwin(t *testing.T) {
	for seed := range byte(12) {
		w := newWorld(seed, 160, 5, 2, 2)
		cfg := recipe(w.features(t, 4+int(seed)), 2, 2)
		cfg.Lambda, cfg.MinRows = int(seed)%2, 1+int(seed)%4
		compareWithTwins(t, w, cfg)
	}
}

// TestLeafByLeafEqualsItsPlainTwin looks ahead more and more; the twin never does.
func TestLeafByLeafEqualsItsPlainTwin(t *testing.T) {
	for seed := range byte(12) {
		w := newWorld(seed, 200, 5, 2, 2)
		cfg := recipe(w.features(t, 4+int(seed)), 2, 2)
		cfg.Depth, cfg.MaxLeaves, cfg.Ahead, cfg.MinRows = 3+int(seed), 2+2*int(seed), 1+int(seed)%5, 1+int(seed)%4
		compareWithTwins(t, w, cfg)
	}
}

// TestLossesAndWeightsEqualTheirPlainTwin takes every loss, with and without weights,
// with two features as categories.
func TestLossesAndWeightsEqualTheirPlainTwin(t *testing.T) {
	for i, l := range losses() {
		for _, weighted := range []bool{false, true} {
			w := newWorld(byte(i), 160, 5, 1, 2)
			w.fit(l)
			features := w.features(t, 12)
			w.categories(features, 1, 3)
			cfg := recipe(features, 1, 2)
			cfg.Loss, cfg.Weighted = l, weighted
			if i%2 == 0 {
				cfg.Depth, cfg.MaxLeaves, cfg.Ahead = 20, 9, 3
			}
			compareWithTwins(t, w, cfg)
		}
	}
}

func compareWithTwins(t *testing.T, w *world, cfg *trees.Config) {
	t.Helper()
	m := pooled(t, w, cfg, learn.Pooled{})
	for task := range cfg.Tasks {
		for fold := range cfg.Folds {
			compareWithTwin(t, w, m, task, fold)
		}
	}
}

func compareWithTwin(t *testing.T, w *world, m *trees.Model, task, fold int) {
	t.Helper()
	cfg := &m.Config
	e := cfg.Ensemble(task, fold)
	slow := &twin{cfg: cfg}
	for i := range w.target {
		if int(w.task[i]) == task && (cfg.Folds == 1 || int(w.fold[i]) != fold) {
			slow.rows = append(slow.rows, w.row(cfg.Features, i))
			slow.target = append(slow.target, w.target[i])
			slow.weight = append(slow.weight, w.weight[i])
			slow.key = append(slow.key, w.key[i])
			slow.score = append(slow.score, m.Start[e])
		}
	}
	for round := range cfg.Rounds {
		want, got := slow.grow(e, round), m.Trees[round][e]
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("%d bins, %s loss, ensemble %d, round %d:\n%s", cfg.Features.Bins(0), cfg.Loss.Kind, e, round, diff)
		}
		slow.learn(want)
	}
	for i, row := range slow.rows {
		if got := m.Predict(row, e); got != slow.score[i] {
			t.Fatalf("score %d, want %d", got, slow.score[i])
		}
	}
}
