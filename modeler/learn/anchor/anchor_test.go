package anchor_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"comity/modeler/learn/anchor"
)

// TestConformanceMadeRows holds the million training rows to the digests that
// other makers of them publish (docs/benchmarks.md).
func TestConformanceMadeRows(t *testing.T) {
	m := anchor.Make(1, 1_000_000)
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"X", "5984ae21d891c48ecfa7f69fd447549e6cc78ce0cea144ce7d95ad757eb4b8b7", littleEndian(m.X)},
		{"y regression", "6377998c000cb303cfd5e8937f813141bbd6ffce0572adf661949f492ae55be0", littleEndian(m.Y)},
		{"y class", "f9cb0f7a2a9ac81181001bfc930e747195bcf73572de76a106c2b34b92195b82", m.Class},
	} {
		if got := sha256.Sum256(c.data); hex.EncodeToString(got[:]) != c.want {
			t.Errorf("%s is %x, want %s", c.name, got, c.want)
		}
	}
	positives := 0
	for _, c := range m.Class {
		positives += int(c)
	}
	if positives != 509_376 {
		t.Errorf("%d positives, want 509,376", positives)
	}
}

func littleEndian(values []float32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
