package node

import (
	"bytes"
	"testing"

	"comity/verifier/federation"
)

func FuzzParseLetter(f *testing.F) {
	f.Add(letterBytes("2026-11-18/ages", federation.Letter{Kind: federation.Bundle, Data: []byte{1, 2}}))
	f.Add([]byte{0, 0, 0})
	f.Add([]byte{255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		round, l, err := parseLetter(data)
		if err != nil {
			return
		}
		if again := letterBytes(round, l); !bytes.Equal(again, data) {
			t.Fatalf("%x is read as a letter that is written %x", data, again)
		}
	})
}
