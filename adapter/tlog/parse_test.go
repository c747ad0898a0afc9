package tlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"comity/verifier/ledger"

	merkle "golang.org/x/mod/sumdb/tlog"
)

func FuzzParseBundle(f *testing.F) {
	f.Add([]byte("\x00\x03one\x00\x00\x00\x03two"))
	f.Add(bytes.Repeat([]byte{0, 0}, 257))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseBundle(data)
		if err != nil {
			if !errors.Is(err, ledger.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		var again []byte
		for _, e := range entries {
			again = binary.BigEndian.AppendUint16(again, uint16(len(e)))
			again = append(again, e...)
		}
		if !bytes.Equal(again, data) || len(entries) > 256 {
			t.Fatalf("%d entries of %q are written as %q", len(entries), data, again)
		}
	})
}

func FuzzReadHead(f *testing.F) {
	root := merkle.RecordHash([]byte("x")).String()
	f.Add([]byte("log.example/x\n1\n" + root + "\n\n— log.example/x AAAA\n"))
	f.Add([]byte("log.example/x\n-1\n" + root + "\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := readHead(data)
		if err != nil && !errors.Is(err, ledger.ErrMalformed) || tree.N < 0 {
			t.Fatalf("size %d: %v", tree.N, err)
		}
	})
}
