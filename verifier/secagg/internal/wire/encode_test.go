package wire

import (
	"testing"

	"comity/canon"
)

// Lists that differ encode differently, wherever the border between fields lies.
func TestEncodingIsUnambiguous(t *testing.T) {
	seen := map[canon.Digest]string{}
	for name, e := range map[string]Encoding{
		"ab,c": Encode("x").Text("ab").Text("c"), "a,bc": Encode("x").Text("a").Text("bc"),
		"abc": Encode("x").Text("abc"), "abc,": Encode("x").Text("abc").Text(""), ",abc": Encode("x").Text("").Text("abc"),
		"label": Encode("xabc"), "number": Encode("x").Number(1), "text 1": Encode("x").Text("\x01"),
	} {
		if other, ok := seen[e.Sum()]; ok {
			t.Fatalf("%q and %q have one digest", name, other)
		}
		seen[e.Sum()] = name
	}
	long := []byte("a long field")
	if Encode("x").SumWith(long) != Encode("x").Bytes(long).Sum() {
		t.Fatal("SumWith is not Sum")
	}
}
