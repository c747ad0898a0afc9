package trees

import (
	"slices"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
)

// Scorer is a model laid out for many predictions: the questions of all trees in eight
// bytes each, so that a hundred trees of 31 leaves fit a core's first cache. It gives the
// scores of Model.Predict.
type Scorer struct {
	folds     int
	ensembles []flat
	sets      []Set
}

// flat is one ensemble.
type flat struct {
	start fixed.Q16
	nodes []question
	value []int32 // By node: what a leaf adds.
	trees []root  // By round.
	sets  bool    // Some split is by a set.
}

type root struct{ node, depth int32 }

// question is a node. The left child is at next, the right one at next + 1; a leaf leads
// to itself.
type question struct {
	feature uint16
	shift   uint8 // Taken from the bin: 1 makes the bin of missing values, 0, the highest.
	limit   uint8 // A row goes right whose bin, less the shift, is above it.
	next    int32
}

// isSet, as the shift, marks a split by a set. The place before its children holds the
// number of that.
const isSet = 2

// Scorer lays the model out.
func (m *Model) Scorer() *Scorer {
	s := &Scorer{folds: m.Config.Folds, ensembles: make([]flat, m.Config.Ensembles())}
	for e := range s.ensembles {
		f := &s.ensembles[e]
		f.start = m.Start[e]
		for _, trees := range m.Trees {
			s.flatten(f, &trees[e])
		}
	}
	return s
}

// flatten appends one tree.
func (s *Scorer) flatten(f *flat, t *Tree) {
	place, depth := make([]int32, len(t.Nodes)), make([]int32, len(t.Nodes))
	grow := func(n int) int32 {
		at := len(f.nodes)
		f.nodes, f.value = append(f.nodes, make([]question, n)...), append(f.value, make([]int32, n)...)
		return int32(at) //nolint:gosec // A model has at most 64 MiB.
	}
	place[0] = grow(1)
	for i := range t.Nodes {
		n, at := &t.Nodes[i], place[i]
		if n.Leaf() {
			f.nodes[at], f.value[at] = question{limit: learn.MaxBins - 1, next: at}, int32(n.Value) //nolint:gosec // At most MaxMagnitude.
			continue
		}
		q := question{feature: uint16(n.Split.Feature)} //nolint:gosec // Below 4096.
		switch {
		case n.Split.Set != nil:
			q.shift, f.sets = isSet, true
			f.nodes[grow(1)].next = int32(len(s.sets)) //nolint:gosec // As above.
			s.sets = append(s.sets, *n.Split.Set)
		case n.Split.Right:
			q.shift, q.limit = 1, n.Split.Bin-1
		default:
			q.limit = n.Split.Bin
		}
		q.next = grow(2)
		f.nodes[at] = q
		place[n.Left], place[n.Left+1] = q.next, q.next+1
		depth[n.Left], depth[n.Left+1] = depth[i]+1, depth[i]+1
	}
	f.trees = append(f.trees, root{place[0], slices.Max(depth)})
}

// Predict is Model.Predict.
func (s *Scorer) Predict(row []uint8, ensemble int) fixed.Q16 {
	f := &s.ensembles[ensemble]
	score := f.start
	for _, root := range f.trees {
		score = learn.Add(score, fixed.Q16(f.value[s.leaf(f, root.node, row)]))
	}
	return score
}

// leaf returns the leaf that a row's bins lead to.
func (s *Scorer) leaf(f *flat, at int32, row []uint8) int32 {
	for {
		q := f.nodes[at]
		if q.next == at {
			return at
		}
		bin := row[q.feature]
		right := bin-q.shift > q.limit
		if q.shift == isSet {
			right = !s.sets[f.nodes[q.next-1].next].Has(bin)
		}
		if at = q.next; right {
			at++
		}
	}
}

// PredictMean is Model.PredictMean.
func (s *Scorer) PredictMean(row []uint8, task int) fixed.Q16 {
	var sum int64
	for fold := range s.folds {
		sum += int64(s.Predict(row, task*s.folds+fold))
	}
	return s.mean(sum)
}

func (s *Scorer) mean(sum int64) fixed.Q16 { return fixed.Q16(fixed.RoundDiv(sum, int64(s.folds))) }

// Scores returns Model.PredictMean of every row, whose task it reads, on all processors.
func (s *Scorer) Scores(rows *learn.Rows) []fixed.Q16 {
	sums := make([]fixed.Q16, rows.Len())
	_ = parallel.Each((len(sums)+crowd-1)/crowd, func(i int) error {
		s.scoreSome(rows, i*crowd, sums[i*crowd:min(len(sums), (i+1)*crowd)])
		return nil
	})
	return sums
}

// crowd is how many rows are scored together: their bins stay in a core's first cache.
const crowd = 1 << 8

// scoreSome scores the rows from one on.
func (s *Scorer) scoreSome(rows *learn.Rows, from int, scores []fixed.Q16) {
	width := len(rows.Bins)
	bins := make([]uint8, len(scores)*width)
	for f, column := range rows.Bins {
		for i, bin := range column[from : from+len(scores)] {
			bins[i*width+f] = bin
		}
	}
	sums := make([]int64, len(scores))
	score := make([]fixed.Q16, len(scores))
	for e := range s.ensembles {
		var some [][]uint8
		var places []int
		for i := range scores {
			if rows.TaskOf(from+i) == e/s.folds {
				some, places = append(some, bins[i*width:(i+1)*width:(i+1)*width]), append(places, i)
			}
		}
		s.crowd(&s.ensembles[e], some, score)
		for i, place := range places {
			sums[place] += int64(score[i])
		}
	}
	for i, sum := range sums {
		scores[i] = s.mean(sum)
	}
}

// crowd scores rows in one ensemble, tree by tree.
func (s *Scorer) crowd(f *flat, rows [][]uint8, scores []fixed.Q16) {
	for i := range rows {
		scores[i] = f.start
	}
	for _, root := range f.trees {
		i := 0
		for ; i+4 <= len(rows) && !f.sets; i += 4 {
			for k, at := range f.four(root, rows[i:i+4]) {
				scores[i+k] = learn.Add(scores[i+k], fixed.Q16(f.value[at]))
			}
		}
		for ; i < len(rows); i++ {
			scores[i] = learn.Add(scores[i], fixed.Q16(f.value[s.leaf(f, root.node, rows[i])]))
		}
	}
}

// four returns the leaves that four rows lead to, without a branch that depends on them:
// a processor then walks all four at once, and those that have arrived stay.
func (f *flat) four(root root, rows [][]uint8) [4]int32 {
	nodes, r0, r1, r2, r3 := f.nodes, rows[0], rows[1], rows[2], rows[3]
	a, b, c, d := root.node, root.node, root.node, root.node
	for range root.depth {
		a = nodes[a].step(r0)
		b = nodes[b].step(r1)
		c = nodes[c].step(r2)
		d = nodes[d].step(r3)
	}
	return [4]int32{a, b, c, d}
}

// step returns where a row goes from a node that is no split by a set.
func (q question) step(row []uint8) int32 {
	right := int32(0)
	if row[q.feature]-q.shift > q.limit {
		right = 1
	}
	return q.next + right
}
