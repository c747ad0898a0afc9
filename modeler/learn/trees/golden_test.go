package trees_test

import (
	"testing"

	"comity/modeler/learn"
)

// TestGoldenDigest holds a small model to its bytes. Continuous integration runs it on
// amd64 and, emulated, on arm64, where a float anywhere would show:
//
//	GOARCH=arm64 CGO_ENABLED=0 go test -c ./modeler/learn
//	qemu-aarch64-static ./learn.test -test.run TestGoldenDigest
//
// A changed digest is a changed format: every logged model stops replaying.
func TestGoldenDigest(t *testing.T) {
	const want = "sha256:af2e28134ed284b340f8ae2f05923018c98b3ebab23ed4705e29f6341aeb5584"
	w := newWorld(42, 1200, 8, 2, 3)
	cfg := recipe(w.features(t, 16), 2, 3)
	m := pooled(t, w, cfg, learn.Pooled{})
	if got := m.Digest().String(); got != want {
		t.Fatalf("the model is %s, want %s", got, want)
	}
}
