package learn_test

import (
	"math/big"
	"slices"
	"strconv"
	"testing"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// twin grows one ensemble in the plainest way: every node looks at its own rows, every
// split at all of them, every gain is a big rational. No histogram, no sibling by
// subtraction, no packing, no parallel work.
type twin struct {
	cfg    *learn.Config
	rows   [][]uint8
	target []fixed.Q16
	key    []uint64
	score  []fixed.Q16
}

// sums are the gradients, weights and number of some rows.
type sums struct{ g, h, n int64 }

func (t *twin) gradient(i int) sums {
	r, delta := big.NewInt(int64(t.target[i]-t.score[i])), big.NewInt(int64(t.cfg.Delta))
	s := new(big.Int).Mul(r, r)
	s.Sqrt(s.Add(s, new(big.Int).Mul(delta, delta)))
	return sums{rounded(1024*r.Int64(), s.Int64()), max(1, rounded(1024*delta.Int64(), s.Int64())), 1}
}

// rounded is a/b, half away from zero.
func rounded(a, b int64) int64 {
	if a < 0 {
		return -rounded(-a, b)
	}
	return (2*a + b) / (2 * b)
}

// gain is floor(2^12 G^2/(H + 1024 lambda)).
func (t *twin) gain(s sums) *big.Int {
	weight := s.h + 1024*int64(t.cfg.Lambda)
	if weight == 0 {
		return new(big.Int)
	}
	g := big.NewInt(s.g)
	g.Mul(g, g).Lsh(g, 12)
	return g.Div(g, big.NewInt(weight))
}

func (t *twin) add(rows []int) (s sums) {
	for _, i := range rows {
		g := t.gradient(i)
		s = sums{s.g + g.g, s.h + g.h, s.n + g.n}
	}
	return s
}

func goesRight(s learn.Split, row []uint8) bool {
	return row[s.Feature] == 0 && s.Right || row[s.Feature] > s.Bin
}

// best returns the first split with the highest gain, or one of feature -1.
func (t *twin) best(rows, features []int) learn.Split {
	best, most := learn.Split{Feature: -1}, t.gain(t.add(rows))
	for _, f := range features {
		for bin := 1; bin < t.cfg.Edges.Bins(f); bin++ {
			for _, right := range []bool{false, true} {
				s := learn.Split{Feature: f, Bin: uint8(bin), Right: right}
				l, r := t.divide(rows, s)
				if min(len(l), len(r)) < t.cfg.MinRows {
					continue
				}
				gain := new(big.Int).Add(t.gain(t.add(l)), t.gain(t.add(r)))
				if gain.Cmp(most) > 0 {
					best, most = s, gain
				}
			}
		}
	}
	return best
}

func (t *twin) divide(rows []int, s learn.Split) (left, right []int) {
	if s.Feature < 0 {
		return rows, nil
	}
	for _, i := range rows {
		if goesRight(s, t.rows[i]) {
			right = append(right, i)
		} else {
			left = append(left, i)
		}
	}
	return left, right
}

// grow returns the tree of one round as learn.Tree lays it out.
func (t *twin) grow(ensemble, round int) learn.Tree {
	c := t.cfg
	seed := chance.Derive(c.Seed, "tree", c.Name, strconv.Itoa(round), "0", strconv.Itoa(ensemble))
	features := chance.NewStream(chance.Derive(seed, "features")).Perm(len(c.Edges))
	features = features[:max(1, len(c.Edges)*c.FeaturePermille/1000)]
	slices.Sort(features)
	sampler := chance.NewSampler(chance.Derive(seed, "rows"))
	nodes := [][]int{nil}
	for i := range t.rows {
		lot := new(big.Int).SetUint64(sampler.Uint64(t.key[i]))
		if lot.Mul(lot, big.NewInt(1000)).Rsh(lot, 64).Int64() < int64(c.RowPermille) {
			nodes[0] = append(nodes[0], i)
		}
	}
	var tree learn.Tree
	for range c.Depth {
		var next [][]int
		for _, rows := range nodes {
			s := t.best(rows, features)
			left, right := t.divide(rows, s)
			tree.Splits = append(tree.Splits, s)
			next = append(next, left, right)
		}
		nodes = next
	}
	for _, rows := range nodes {
		s, value := t.add(rows), int64(0)
		if s.n > 0 {
			g := big.NewInt(s.g)
			g.Mul(g, big.NewInt(int64(c.Delta)*int64(c.RatePermille)))
			value = rounded(g.Int64(), 1000*(s.h+1024*int64(c.Lambda)))
		}
		tree.Leaves = append(tree.Leaves, fixed.Q16(value))
	}
	return tree
}

// learn adds a tree to the scores of all rows.
func (t *twin) learn(tree learn.Tree) {
	for i, row := range t.rows {
		at := 0
		for at < len(tree.Splits) {
			s := tree.Splits[at]
			at = 2*at + 1
			if s.Feature >= 0 && goesRight(s, row) {
				at++
			}
		}
		t.score[i] += tree.Leaves[at-len(tree.Splits)]
	}
}

func TestTrainerEqualsItsPlainTwin(t *testing.T) {
	for seed := range byte(12) {
		w := newWorld(seed, 160, 5, 2, 2)
		cfg := recipe(w.edges(t, 4+int(seed)), 2, 2)
		cfg.Lambda, cfg.MinRows = int(seed)%2, 1+int(seed)%4
		m := pooled(t, w, cfg, learn.Pooled{})
		for task := range 2 {
			for fold := range 2 {
				compareWithTwin(t, w, m, task, fold)
			}
		}
	}
}

func compareWithTwin(t *testing.T, w *world, m *learn.Model, task, fold int) {
	t.Helper()
	cfg := &m.Config
	e := cfg.Ensemble(task, fold)
	slow := &twin{cfg: cfg}
	for i := range w.target {
		if int(w.task[i]) == task && (cfg.Folds == 1 || int(w.fold[i]) != fold) {
			slow.rows = append(slow.rows, w.row(cfg.Edges, i))
			slow.target = append(slow.target, w.target[i])
			slow.key = append(slow.key, w.key[i])
			slow.score = append(slow.score, m.Start[e])
		}
	}
	for round := range cfg.Rounds {
		want, got := slow.grow(e, round), m.Trees[round][e]
		if !slices.Equal(got.Splits, want.Splits) || !slices.Equal(got.Leaves, want.Leaves) {
			t.Fatalf("%d bins, ensemble %d, round %d:\n%v, want\n%v", cfg.Edges.Bins(0), e, round, got, want)
		}
		slow.learn(want)
	}
	for i, row := range slow.rows {
		if got := m.Predict(row, e); got != slow.score[i] {
			t.Fatalf("prediction %d, want %d", got, slow.score[i])
		}
	}
}
