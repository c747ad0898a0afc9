package ledger_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"comity/verifier/ledger"
)

// TestFormatPagesShowTheGoldenFiles holds the examples in docs/format to the bytes.
func TestFormatPagesShowTheGoldenFiles(t *testing.T) {
	read := func(name string) []byte {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	page := func(name string, wants ...string) {
		t.Helper()
		text := string(read("../../docs/format/" + name))
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not show %.200q", name, want)
			}
		}
	}
	golden := read("testdata/entry.json")
	e, err := ledger.Parse(golden)
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct {
		Payload    []byte
		Signatures json.RawMessage
	}
	if err := json.Unmarshal(golden, &envelope); err != nil {
		t.Fatal(err)
	}
	leaf := e.Leaf()
	receipt := read("testdata/receipt.tlog-proof")
	_, checkpoint, _ := bytes.Cut(receipt, []byte("\n\n"))
	_, proof, _ := bytes.Cut(receipt, []byte("\nindex "))
	page("log.md", string(envelope.Payload), string(envelope.Signatures), hex.EncodeToString(leaf[:]), string(checkpoint))
	page("receipt.md", "\nindex "+string(proof))
}
