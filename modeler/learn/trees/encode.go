package trees

import (
	"encoding/binary"

	"comity/canon"
	"comity/modeler/fixed"
	"comity/modeler/learn/internal/form"
)

// modelMagic starts every model and names the version of its form. Version 1 had complete
// trees without row counts.
const modelMagic = "comity trees 2\n"

// MaxBytes bounds a model: 64 MiB, a hundred times the forecasting model of 25 ensembles,
// 40 rounds and depth 5.
const MaxBytes = 64 << 20

const (
	// leafMark stands in a leaf where a feature would.
	leafMark = 1<<16 - 1
	// numberBytes, setBytes and leafBytes are the lengths of nodes: a number's split is a
	// feature, a bin, a side and rows; a category's a feature, a set and rows; a leaf its
	// mark, a value and rows.
	numberBytes = 2 + 1 + 1 + 4
	setBytes    = 2 + 32 + 4
	leafBytes   = 2 + 4 + 4
)

// treeBytes returns the most bytes of one tree.
func (c *Config) treeBytes() int {
	inner := numberBytes
	for i := range c.Features {
		if c.Features[i].Category {
			inner = setBytes
		}
	}
	return c.leaves()*leafBytes + (c.leaves()-1)*inner
}

// Encode returns the one byte form of the model (docs/format/model.md).
func (m *Model) Encode() []byte {
	c := &m.Config
	b := form.AppendText(form.AppendText([]byte(modelMagic), c.Name), string(c.Loss.Kind))
	for _, v := range c.numbers() {
		b = binary.BigEndian.AppendUint32(b, uint32(*v)) //nolint:gosec // Checked by Config.Check.
	}
	for _, v := range c.quantities() {
		b = appendQ16(b, *v)
	}
	b = append(form.AppendFlag(b, c.Weighted), c.Seed[:]...)
	b = form.AppendFeatures(b, c.Features)
	for _, start := range m.Start {
		b = appendQ16(b, start)
	}
	b = append(b, m.Trace[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.Trees))) //nolint:gosec // At most Rounds.
	for round, trees := range m.Trees {
		b = binary.BigEndian.AppendUint16(b, uint16(m.Attempts[round])) //nolint:gosec // At most MaxAttempt.
		for e := range trees {
			b = trees[e].append(b)
		}
	}
	return b
}

// Digest returns the digest of the byte form.
func (m *Model) Digest() canon.Digest { return canon.Sum(m.Encode()) }

// numbers lists the plain numbers of a recipe in the order of their bytes.
func (c *Config) numbers() []*int {
	return []*int{
		&c.Tasks, &c.Folds, &c.Rounds, &c.Depth, &c.MaxLeaves, &c.Ahead,
		&c.RatePermille, &c.Lambda, &c.MinRows, &c.RowPermille, &c.FeaturePermille,
		&c.ValidPermille, &c.Patience, &c.Members, &c.Loss.Level, &c.Loss.Power,
	}
}

// quantities lists the Q16 numbers of a recipe in the order of their bytes.
func (c *Config) quantities() []*fixed.Q16 {
	return []*fixed.Q16{&c.Loss.Scale, &c.TargetLo, &c.TargetHi}
}

func appendQ16(b []byte, v fixed.Q16) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(int32(v))) //nolint:gosec // At most MaxMagnitude.
}

func (t *Tree) append(b []byte) []byte {
	for i := range t.Nodes {
		n := &t.Nodes[i]
		switch s := &n.Split; {
		case n.Leaf():
			b = appendQ16(binary.BigEndian.AppendUint16(b, leafMark), n.Value)
		case s.Set != nil:
			b = binary.BigEndian.AppendUint16(b, uint16(s.Feature)) //nolint:gosec // Below 4096.
			for _, word := range s.Set {
				b = binary.BigEndian.AppendUint64(b, word)
			}
		default:
			b = append(binary.BigEndian.AppendUint16(b, uint16(s.Feature)), s.Bin) //nolint:gosec // Below 4096.
			b = form.AppendFlag(b, s.Right)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(n.Rows)) //nolint:gosec // At most MaxRows.
	}
	return b
}
