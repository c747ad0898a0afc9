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
		"private key":  {k.Skey(), "PRIVATE+KEY+example.org/officer+8149396d+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"},
		"verifier key": {k.Verifier(), "example.org/officer+8149396d+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"},
		"witness key":  {k.Cosigner(), "example.org/officer+1a3f8976+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"},
		"seal":         {base64.StdEncoding.EncodeToString(SealDocument(k, "body", canon.Sum(nil)).Signature), "GTTRUZ4aVTyi107ZkIyf2cDkJH963eMtWt+CkvktOiPxoWhe4p0DaOf65PoewAU2FuldbyffuH5xZWcxWck7Dw=="},
		"cosignature":  {base64.StdEncoding.EncodeToString(cosignature), "AAAAAGQYUMvGXInb4vHRajUQpUud5U9qyUZlbH0LiqjcO8KoteLZtktNXPUV6oiwgD82PFkTTWKQU8Als/MlqkL2nqb9EUkL"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", what, c.got, c.want)
		}
	}
}
