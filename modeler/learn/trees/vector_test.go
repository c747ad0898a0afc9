package trees_test

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/trees"
)

// TestVectorsByHand is the example of docs/format/model.md: three rows of target 0 in
// three bins of one feature.
func TestVectorsByHand(t *testing.T) {
	cfg := recipe(learn.Features{{Cuts: []fixed.Q16{0}}}, 1, 1)
	cfg.Rounds, cfg.Depth, cfg.MinRows, cfg.RowPermille = 1, 2, 1, 1000
	cfg.Loss.Scale, cfg.TargetLo, cfg.TargetHi = fixed.One/2, -128*fixed.One, 128*fixed.One
	data := &learn.Rows{
		Bins: [][]uint8{{0, 1, 2}}, Key: []uint64{1, 2, 3}, Task: []uint8{0, 0, 0}, Fold: []uint8{0, 0, 0},
		Target: []fixed.Q16{0, 0, 0},
	}
	log := &recorder{}
	m, err := trees.Train(t.Context(), data, cfg, log)
	if err != nil {
		t.Fatal(err)
	}

	start := make([]int64, 256)
	start[128] = 3
	const row = -724<<38 + 724<<14 + 1 // 1024/sqrt(2), twice.
	want := []entry{
		{step: learn.Step{Name: "point/start", Bits: 64}, sum: start},
		// The total, then the bins of missing and of low values; the last bin follows.
		{step: learn.Step{Name: "point/round/0/attempt/0/level/0", Bits: 64}, sum: []int64{3 * row, row, row}},
		// No split takes anything away, so level 1 needs no step.
	}
	if diff := cmp.Diff(want, log.entries, cmp.AllowUnexported(entry{})); diff != "" {
		t.Fatal(diff)
	}
	if m.Start[0] != fixed.One/2 {
		t.Errorf("start %d, want the middle of the cell from 0 to 1", m.Start[0])
	}
	// -2172 0.5 0.25 / (2172 + 1024) = -0.08495.
	if got := m.Trees[0][0].Nodes; !cmp.Equal(got, []trees.Node{{Split: trees.Split{Feature: -1}, Rows: 3, Value: -5567}}) {
		t.Errorf("nodes %v", got)
	}

	var chain [32]byte
	for _, e := range want {
		b := append(chain[:], 64, byte(len(e.step.Name)))
		b = append(b, e.step.Name...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(e.sum)))
		for _, v := range e.sum {
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		}
		chain = sha256.Sum256(b)
	}
	if m.Trace != learn.Trace(chain) {
		t.Errorf("chain %v, want %v", m.Trace, learn.Trace(chain))
	}
}
