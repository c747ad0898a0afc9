package party

import (
	"bytes"
	"encoding/base64"
	"testing"

	"comity/canon"
)

// These are the examples of docs/format/seal.md.
func TestGolden(t *testing.T) {
	k, err := NewKey("example.org/officer", bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	cosignature, err := k.Cosign([]byte("example.org/log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"), 1679315147)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ got, want string }{
		"private key":  {k.Skey(), "1"},
		"verifier key": {k.Verifier(), "2"},
		"witness key":  {k.Cosigner(), "3"},
		"seal":         {base64.StdEncoding.EncodeToString(SealDocument(k, "body", canon.Sum(nil)).Signature), "4"},
		"cosignature":  {base64.StdEncoding.EncodeToString(cosignature), "5"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", what, c.got, c.want)
		}
	}
}
