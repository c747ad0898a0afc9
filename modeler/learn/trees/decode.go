package trees

import (
	"encoding/binary"
	"fmt"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// Decode reads what Encode writes and nothing else, or returns learn.ErrModel.
func Decode(data []byte) (*Model, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes; at most %d", learn.ErrModel, len(data), MaxBytes)
	}
	r := &reader{data: data, length: len(data)}
	m := &Model{}
	if err := r.config(&m.Config); err != nil {
		return nil, err
	}
	c := &m.Config
	for range c.Ensembles() {
		m.Start = append(m.Start, r.score())
	}
	copy(m.Trace[:], r.next(len(m.Trace)))
	rounds := int(r.uint32())
	if rounds > c.Rounds {
		return nil, r.fail("%d rounds; the recipe has %d", rounds, c.Rounds)
	}
	if rounds < c.Rounds && c.ValidPermille == 0 {
		return nil, r.fail("%d rounds; the recipe has %d and no validation", rounds, c.Rounds)
	}
	attempt := 0
	for range rounds {
		next := int(r.uint16())
		if next < attempt {
			return nil, r.fail("attempt %d after %d", next, attempt)
		}
		attempt = next
		trees := make([]Tree, c.Ensembles())
		for e := range trees {
			trees[e] = r.tree(c)
			if r.err != nil {
				return nil, r.err
			}
		}
		m.Attempts, m.Trees = append(m.Attempts, attempt), append(m.Trees, trees)
	}
	if r.err == nil && len(r.data) > 0 {
		_ = r.fail("%d bytes after the last tree", len(r.data))
	}
	return m, r.err
}

// reader takes a model apart. After the first error it reads zeros.
type reader struct {
	data   []byte
	length int
	err    error
}

func (r *reader) fail(format string, args ...any) error {
	if r.err == nil {
		at := r.length - len(r.data)
		r.err = fmt.Errorf("%w: before byte %d: %s", learn.ErrModel, at, fmt.Sprintf(format, args...))
	}
	return r.err
}

// next returns the next n bytes, or zeros where they end.
func (r *reader) next(n int) []byte {
	if n > len(r.data) {
		_ = r.fail("%d bytes end where %d are expected", len(r.data), n)
		r.data = nil
		return make([]byte, n)
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.next(2)) }
func (r *reader) uint32() uint32 { return binary.BigEndian.Uint32(r.next(4)) }
func (r *reader) text() string   { return string(r.next(int(r.next(1)[0]))) }

func (r *reader) q16() fixed.Q16 {
	return fixed.Q16(int32(r.uint32())) //nolint:gosec // Two's complement.
}

// flag reads a 0 or a 1.
func (r *reader) flag() bool {
	b := r.next(1)[0]
	if b > 1 {
		_ = r.fail("%d where 0 or 1 is expected", b)
	}
	return b == 1
}

// score reads a start or leaf.
func (r *reader) score() fixed.Q16 {
	v := r.q16()
	if v.Abs() > learn.MaxMagnitude {
		_ = r.fail("score %d above %d in magnitude", v, learn.MaxMagnitude)
	}
	return v
}

func (r *reader) config(c *Config) error {
	if magic := r.next(len(modelMagic)); string(magic) != modelMagic {
		return r.fail("it does not start with %q", modelMagic)
	}
	c.Name, c.Loss.Kind = r.text(), loss.Kind(r.text())
	for _, v := range c.numbers() {
		*v = int(r.uint32())
	}
	for _, v := range c.quantities() {
		*v = r.q16()
	}
	c.Weighted = r.flag()
	copy(c.Seed[:], r.next(len(c.Seed)))
	features := int(r.uint16())
	if features > learn.MaxFeatures || features > len(r.data)/4 {
		return r.fail("%d features; at most %d and four bytes each", features, learn.MaxFeatures)
	}
	c.Features = make(learn.Features, features)
	for i := range c.Features {
		r.feature(&c.Features[i])
	}
	if r.err != nil {
		return r.err
	}
	if err := c.Check(); err != nil {
		return r.fail("%v", err)
	}
	return nil
}

func (r *reader) feature(f *learn.Feature) {
	f.Name, f.Category = r.text(), r.flag()
	f.Monotone = int8(r.next(1)[0]) //nolint:gosec // Two's complement.
	if cuts := int(r.next(1)[0]); cuts > 0 {
		f.Cuts = make([]fixed.Q16, cuts)
	}
	for i := range f.Cuts {
		f.Cuts[i] = fixed.Q16(binary.BigEndian.Uint64(r.next(8))) //nolint:gosec // Two's complement.
	}
}

// tree reads one tree: the children of a node are the next two that no node has yet.
func (r *reader) tree(c *Config) Tree {
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
				_ = r.fail("more than %d leaves or %d splits deep", most, c.Depth)
			}
		}
		t.Nodes = append(t.Nodes, n)
		if r.err != nil {
			return t
		}
	}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.Leaf() {
			continue
		}
		if left, right := t.Nodes[n.Left].Rows, t.Nodes[n.Left+1].Rows; left+right != n.Rows {
			_ = r.fail("node %d has %d rows, its children %d and %d", i, n.Rows, left, right)
		}
	}
	return t
}

func (r *reader) node(c *Config) Node {
	n := Node{Split: noSplit()}
	switch feature := int(r.uint16()); {
	case feature == leafMark:
		n.Value = r.score()
	case feature >= len(c.Features):
		_ = r.fail("split on feature %d of %d", feature, len(c.Features))
	case c.Features[feature].Category:
		n.Split = Split{Feature: feature, Set: &Set{}}
		for i := range n.Split.Set {
			n.Split.Set[i] = binary.BigEndian.Uint64(r.next(8))
		}
		for bin := c.Features.Bins(feature); bin < learn.MaxBins; bin++ {
			if n.Split.Set.Has(uint8(bin & 0xff)) {
				_ = r.fail("bin %d of feature %d, which has %d", bin, feature, c.Features.Bins(feature))
			}
		}
	default:
		n.Split = Split{Feature: feature, Bin: r.next(1)[0], Right: r.flag()}
		if n.Split.Bin == 0 || int(n.Split.Bin) >= c.Features.Bins(feature) {
			_ = r.fail("split at bin %d of feature %d, which has %d", n.Split.Bin, feature, c.Features.Bins(feature))
		}
	}
	n.Rows = int64(r.uint32())
	if n.Rows > learn.MaxRows {
		_ = r.fail("%d rows; at most %d", n.Rows, learn.MaxRows)
	}
	return n
}
