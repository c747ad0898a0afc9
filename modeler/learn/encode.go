package learn

import (
	"encoding/binary"
	"fmt"

	"comity/canon"
	"comity/modeler/fixed"
)

// modelMagic starts every model and names the version of its form.
const modelMagic = "comity model 1\n"

// MaxBytes bounds a model: 64 MiB, two hundred times the forecasting model of 25
// ensembles, 40 rounds and depth 5.
const MaxBytes = 64 << 20

// treeBytes returns the length of one tree: four bytes a split and four a leaf.
func treeBytes(depth int) int { return 4*(1<<depth-1) + 4<<depth }

// whole marks a node without split where a feature would stand.
const whole = 1<<16 - 1

// Encode returns the one byte form of the model (docs/format/model.md).
func (m *Model) Encode() []byte {
	c := &m.Config
	b := append([]byte(modelMagic), byte(len(c.Name))) //nolint:gosec // At most 32.
	b = append(b, c.Name...)
	for _, v := range c.numbers() {
		b = binary.BigEndian.AppendUint32(b, uint32(*v)) //nolint:gosec // Checked by Config.Check.
	}
	for _, v := range c.quantities() {
		b = appendQ16(b, *v)
	}
	b = append(b, c.Seed[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.Edges))) //nolint:gosec // At most 512.
	for _, cuts := range c.Edges {
		b = append(b, byte(len(cuts))) //nolint:gosec // At most 62.
		for _, cut := range cuts {
			b = binary.BigEndian.AppendUint64(b, uint64(cut)) //nolint:gosec // Two's complement.
		}
	}
	for _, start := range m.Start {
		b = appendQ16(b, start)
	}
	b = append(b, m.Trace[:]...)
	for round, trees := range m.Trees {
		b = binary.BigEndian.AppendUint16(b, uint16(m.Attempts[round])) //nolint:gosec // At most maxAttempt.
		for _, tree := range trees {
			b = tree.append(b)
		}
	}
	return b
}

// Digest returns the digest of the byte form.
func (m *Model) Digest() canon.Digest { return canon.Sum(m.Encode()) }

// numbers lists the plain numbers of a recipe in the order of their bytes.
func (c *Config) numbers() []*int {
	return []*int{
		&c.Tasks, &c.Folds, &c.Rounds, &c.Depth,
		&c.RatePermille, &c.Lambda, &c.MinRows, &c.RowPermille, &c.FeaturePermille,
	}
}

// quantities lists the Q16 numbers of a recipe in the order of their bytes.
func (c *Config) quantities() []*fixed.Q16 {
	return []*fixed.Q16{&c.Delta, &c.TargetLo, &c.TargetHi}
}

func appendQ16(b []byte, v fixed.Q16) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(int32(v))) //nolint:gosec // At most maxMagnitude.
}

func (t *Tree) append(b []byte) []byte {
	for _, s := range t.Splits {
		feature, right := uint16(whole), byte(0)
		if s.Feature >= 0 {
			feature = uint16(s.Feature) //nolint:gosec // Below 512.
		}
		if s.Right {
			right = 1
		}
		b = append(binary.BigEndian.AppendUint16(b, feature), s.Bin, right)
	}
	for _, leaf := range t.Leaves {
		b = appendQ16(b, leaf)
	}
	return b
}

// Decode reads what Encode writes and nothing else, or returns ErrModel.
func Decode(data []byte) (*Model, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes; at most %d", ErrModel, len(data), MaxBytes)
	}
	r := &reader{data: data, length: len(data)}
	m := &Model{}
	if err := r.config(&m.Config); err != nil {
		return nil, err
	}
	c := &m.Config
	// The recipe says how long the rest is, so nothing is allocated that is not there.
	want := 4*c.Ensembles() + len(m.Trace) + c.Rounds*(2+c.Ensembles()*treeBytes(c.Depth))
	if len(r.data) != want {
		return nil, fmt.Errorf("%w: %d bytes after the edges, the recipe says %d", ErrModel, len(r.data), want)
	}
	for range c.Ensembles() {
		m.Start = append(m.Start, r.score())
	}
	copy(m.Trace[:], r.next(len(m.Trace)))
	attempt := 0
	for range c.Rounds {
		next := int(r.uint16())
		if next < attempt {
			return nil, r.fail("attempt %d after %d", next, attempt)
		}
		attempt = next
		trees := make([]Tree, c.Ensembles())
		for e := range trees {
			trees[e] = r.tree(c)
		}
		m.Attempts, m.Trees = append(m.Attempts, attempt), append(m.Trees, trees)
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
		r.err = fmt.Errorf("%w: before byte %d: %s", ErrModel, at, fmt.Sprintf(format, args...))
	}
	return r.err
}

// next returns the next n bytes, or zeros where they end.
func (r *reader) next(n int) []byte {
	if n > len(r.data) {
		_ = r.fail("%d bytes end where %d are expected", len(r.data), n)
		return make([]byte, n)
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.next(2)) }

func (r *reader) q16() fixed.Q16 {
	return fixed.Q16(int32(binary.BigEndian.Uint32(r.next(4)))) //nolint:gosec // Two's complement.
}

// score reads a start or leaf.
func (r *reader) score() fixed.Q16 {
	v := r.q16()
	if v.Abs() > maxMagnitude {
		_ = r.fail("score %d above %d in magnitude", v, maxMagnitude)
	}
	return v
}

func (r *reader) config(c *Config) error {
	if magic := r.next(len(modelMagic)); string(magic) != modelMagic {
		return r.fail("it does not start with %q", modelMagic)
	}
	c.Name = string(r.next(int(r.next(1)[0])))
	for _, v := range c.numbers() {
		*v = int(binary.BigEndian.Uint32(r.next(4)))
	}
	for _, v := range c.quantities() {
		*v = r.q16()
	}
	copy(c.Seed[:], r.next(len(c.Seed)))
	features := int(r.uint16())
	if features > maxFeatures {
		return r.fail("%d features; at most %d", features, maxFeatures)
	}
	c.Edges = make(Edges, features)
	for f := range c.Edges {
		c.Edges[f] = make([]fixed.Q16, r.next(1)[0])
		for i := range c.Edges[f] {
			c.Edges[f][i] = fixed.Q16(binary.BigEndian.Uint64(r.next(8))) //nolint:gosec // Two's complement.
		}
	}
	if r.err != nil {
		return r.err
	}
	if err := c.Check(); err != nil {
		return r.fail("%v", err)
	}
	return nil
}

func (r *reader) tree(c *Config) Tree {
	t := newTree(c.Depth)
	for i := range t.Splits {
		feature, bin, right := r.uint16(), r.next(1)[0], r.next(1)[0]
		t.Splits[i] = Split{int(feature), bin, right == 1}
		switch {
		case feature == whole && bin == 0 && right == 0:
			t.Splits[i] = noSplit()
		case int(feature) >= len(c.Edges) || bin == 0 || int(bin) >= c.Edges.Bins(int(feature)) || right > 1:
			_ = r.fail("split at bin %d of feature %d, missing values %d", bin, feature, right)
		}
	}
	for i := range t.Leaves {
		t.Leaves[i] = r.score()
	}
	return t
}
