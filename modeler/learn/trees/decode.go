package trees

import (
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/form"
	"comity/modeler/learn/loss"
)

// Decode reads what Encode writes and nothing else, or returns learn.ErrModel.
func Decode(data []byte) (*Model, error) {
	r := reader{form.NewReader(data, MaxBytes, modelMagic)}
	m := &Model{}
	if err := r.config(&m.Config); err != nil {
		return nil, err
	}
	c := &m.Config
	for range c.Ensembles() {
		m.Start = append(m.Start, r.score())
	}
	copy(m.Trace[:], r.Next(len(m.Trace)))
	rounds := r.Uint32()
	if rounds > c.Rounds {
		return nil, r.Fail("%d rounds; the recipe has %d", rounds, c.Rounds)
	}
	if rounds < c.Rounds && c.ValidPermille == 0 {
		return nil, r.Fail("%d rounds; the recipe has %d and no validation", rounds, c.Rounds)
	}
	attempt := 0
	for range rounds {
		next := r.Uint16()
		if next < attempt {
			return nil, r.Fail("attempt %d after %d", next, attempt)
		}
		attempt = next
		trees := make([]Tree, c.Ensembles())
		for e := range trees {
			trees[e] = r.tree(c)
			if r.Err() != nil {
				return nil, r.Err()
			}
		}
		m.Attempts, m.Trees = append(m.Attempts, attempt), append(m.Trees, trees)
	}
	if r.Err() == nil && r.Left() > 0 {
		_ = r.Fail("%d bytes after the last tree", r.Left())
	}
	return m, r.Err()
}

// reader takes a model apart. After the first error it reads zeros.
type reader struct{ *form.Reader }

func (r reader) q16() fixed.Q16 {
	return fixed.Q16(int32(r.Uint32())) //nolint:gosec // Two's complement.
}

// score reads a start or leaf.
func (r reader) score() fixed.Q16 {
	v := r.q16()
	if v.Abs() > learn.MaxMagnitude {
		_ = r.Fail("score %d above %d in magnitude", v, learn.MaxMagnitude)
	}
	return v
}

func (r reader) config(c *Config) error {
	c.Name, c.Loss.Kind = r.Text(), loss.Kind(r.Text())
	for _, v := range c.numbers() {
		*v = r.Uint32()
	}
	for _, v := range c.quantities() {
		*v = r.q16()
	}
	c.Weighted = r.Flag()
	copy(c.Seed[:], r.Next(len(c.Seed)))
	c.Features = r.Features()
	if r.Err() != nil {
		return r.Err()
	}
	if err := c.Check(); err != nil {
		return r.Fail("%v", err)
	}
	return nil
}

// tree reads one tree: the children of a node are the next two that no node has yet.
func (r reader) tree(c *Config) Tree {
	var t Tree
	var depth []int
	most, leaves := c.leaves(), 1
	for i, known := 0, 1; i < known; i++ {
		n := r.node(c)
		if i == 0 {
			depth = append(depth, 0)
		}
		if !n.Leaf() {
			n.Left = known
			known += 2
			leaves++
			depth = append(depth, depth[i]+1, depth[i]+1)
			if leaves > most || depth[i] >= c.Depth {
				_ = r.Fail("more than %d leaves or %d splits deep", most, c.Depth)
			}
		}
		t.Nodes = append(t.Nodes, n)
		if r.Err() != nil {
			return t
		}
	}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.Leaf() {
			continue
		}
		if left, right := t.Nodes[n.Left].Rows, t.Nodes[n.Left+1].Rows; left+right != n.Rows {
			_ = r.Fail("node %d has %d rows, its children %d and %d", i, n.Rows, left, right)
		}
	}
	return t
}

func (r reader) node(c *Config) Node {
	n := Node{Split: noSplit()}
	switch feature := r.Uint16(); {
	case feature == leafMark:
		n.Value = r.score()
	case feature >= len(c.Features):
		_ = r.Fail("split on feature %d of %d", feature, len(c.Features))
	case c.Features[feature].Category:
		n.Split = Split{Feature: feature, Set: &Set{}}
		for i := range n.Split.Set {
			n.Split.Set[i] = uint64(r.Int64()) //nolint:gosec // Two's complement.
		}
		for bin := c.Features.Bins(feature); bin < learn.MaxBins; bin++ {
			if n.Split.Set.Has(uint8(bin & 0xff)) {
				_ = r.Fail("bin %d of feature %d, which has %d", bin, feature, c.Features.Bins(feature))
			}
		}
	default:
		n.Split = Split{Feature: feature, Bin: r.Byte(), Right: r.Flag()}
		if n.Split.Bin == 0 || int(n.Split.Bin) >= c.Features.Bins(feature) {
			_ = r.Fail("split at bin %d of feature %d, which has %d", n.Split.Bin, feature, c.Features.Bins(feature))
		}
	}
	n.Rows = int64(r.Uint32())
	if n.Rows > learn.MaxRows {
		_ = r.Fail("%d rows; at most %d", n.Rows, learn.MaxRows)
	}
	return n
}
