package trees

import (
	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// shard is some of the rows that one ensemble knows, a stretch of its table, on which one
// processor works at a time.
type shard struct {
	table  *table
	fold   int
	from   uint32  // The first row of the table that is here.
	scores []int32 // What the trees so far say, as Q16, by row.
	pulls  []pull  // Gradients and weights of the sampled rows of this round, by row.

	// The sampled rows. Those of one node without children lie together, in the buffer of
	// its depth, odd or even.
	picks    [2][]uint32
	segments []segment // By number of node.
	left     []uint32  // Rows with a score that are not sampled.
}

// segment is where a node's rows lie.
type segment struct{ from, to int }

func (s *shard) rows() int { return len(s.scores) }

// newShards cuts the table of one ensemble into at most n stretches.
func newShards(t *table, fold, n int) []*shard {
	const least = 1 << 14 // Rows for which a second processor is worth while.
	n = max(1, min(n, t.rows()/least))
	shards := make([]*shard, n)
	for i := range shards {
		from, to := t.rows()*i/n, t.rows()*(i+1)/n
		shards[i] = &shard{table: t, fold: fold, from: uint32(from), scores: make([]int32, to-from), pulls: make([]pull, to-from)} //nolint:gosec // At most MaxRows.
	}
	return shards
}

// begin sets all scores to the start.
func (s *shard) begin(start fixed.Q16) {
	for i := range s.scores {
		s.scores[i] = int32(start) //nolint:gosec // At most MaxMagnitude.
	}
}

// sample draws the rows of one tree by their keys.
func (s *shard) sample(g *growth) {
	picks, left := s.picks[0][:0], s.left[:0]
	all := g.take == permille && s.table.whole(g.cfg.Folds)
	if cap(picks) < s.rows() {
		picks = make([]uint32, 0, s.rows())
		s.picks[1] = make([]uint32, s.rows())
	}
	for i := range uint32(s.rows()) { //nolint:gosec // At most MaxRows.
		row := s.from + i
		switch {
		case all:
			picks = append(picks, row)
		case !s.table.has(row, s.fold, g.cfg.Folds):
		case s.table.learns(row, s.fold, g.cfg.Folds) && (g.take == permille || taken(g.sampler, s.table.key[row], g.take)):
			picks = append(picks, row)
		default:
			left = append(left, row)
		}
	}
	s.picks[0], s.left = picks, left
	s.segments = append(s.segments[:0], segment{0, len(picks)})
}

// at returns the rows of a node.
func (s *shard) at(n *node) []uint32 {
	where := s.segments[n.number]
	return s.picks[n.depth%2][where.from:where.to]
}

// divide moves the rows of a node to its children: those that go left to the front of
// the other buffer, those that go right to its back.
func (s *shard) divide(n *node) {
	where := s.segments[n.number]
	from, to := s.at(n), s.picks[(n.depth+1)%2][where.from:where.to]
	middle := where.from + spread(from, to, s.table.columns[n.best.split.Feature], n.best.split.sides())
	for len(s.segments) <= n.right.number {
		s.segments = append(s.segments, segment{})
	}
	s.segments[n.left.number], s.segments[n.right.number] = segment{where.from, middle}, segment{middle, where.to}
}

// spread writes the rows that go left to the front of the result in their order and
// those that go right to the back in the opposite one, and returns the number of the
// former. Either order goes through memory in one direction, and beyond that it means
// nothing: rows are only added. Every row is written to both ends, of which one is
// overwritten later: that costs less than a branch that nobody can foretell.
func spread(from, to []uint32, column []uint8, sides *[learn.MaxBins]uint8) int {
	left, right := 0, len(from)-1
	to = to[:len(from)]
	for _, row := range from {
		side := int(sides[column[row]])
		to[left], to[right] = row, row
		left += 1 - side
		right -= side
	}
	return left
}

// learn adds the finished tree to the scores of all rows, sampled or not.
func (s *shard) learn(g *growth, tree *Tree) {
	for _, n := range g.nodes {
		if n.left != nil {
			continue // Its children have its rows.
		}
		value := g.worth(n.leaf())
		for _, row := range s.at(n) {
			s.add(row, value)
		}
	}
	for _, row := range s.left {
		s.add(row, tree.find(s.table, row))
	}
}

func (s *shard) add(row uint32, value fixed.Q16) {
	score := &s.scores[row-s.from]
	*score = int32(learn.Add(fixed.Q16(*score), value)) //nolint:gosec // At most MaxMagnitude.
}
