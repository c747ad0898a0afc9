package tlog_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"comity/verifier/ledger"

	merkle "golang.org/x/mod/sumdb/tlog"
)

// root is that over the first entries of a history.
func (h *history) root(size int64) ([32]byte, bool) {
	root, err := merkle.TreeHash(size, h)
	return root, err == nil
}

// A witness that saw all entries cosigns only what continues them, after a restart too.
func TestAWitnessThatSawTheEntries(t *testing.T) {
	t.Parallel()
	h, other := newHistory(t, 8, "true"), newHistory(t, 8, "other")
	file := filepath.Join(t.TempDir(), "checkpoint")
	w := newWitness(t, file)
	four, six := signed(t, h.text(t, 4), h.key), signed(t, h.text(t, 6), h.key)
	if err := w.Saw(four, h.root); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, refused := range map[string]struct {
		checkpoint []byte
		root       func(int64) ([32]byte, bool)
		want       error
	}{
		"entries of another root": {six, other.root, ledger.ErrProof},
		"another history":         {signed(t, other.text(t, 6), h.key), other.root, ledger.ErrRollback},
		"fewer entries":           {signed(t, h.text(t, 3), h.key), h.root, ledger.ErrRollback},
		"no checkpoint":           {[]byte("no checkpoint\n"), h.root, ledger.ErrMalformed},
	} {
		if err := w.Saw(refused.checkpoint, refused.root); !errors.Is(err, refused.want) {
			t.Errorf("%s: %v, want %v", name, err, refused.want)
		}
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("what was refused is kept: %v", err)
	}
	for range 2 {
		if err := w.Saw(six, h.root); err != nil {
			t.Fatal(err)
		}
	}
	w = newWitness(t, file)
	if size := w.Latest().Size; size != 6 {
		t.Fatalf("after a restart it has seen %d entries", size)
	}
	if status, _, answer := w.AddCheckpoint(t.Context(), []byte(h.request(t, 4, 8)), 1_790_000_000); status != http.StatusConflict || string(answer) != "6\n" {
		t.Errorf("%d %s", status, answer)
	}
	if status, _, answer := w.AddCheckpoint(t.Context(), []byte(h.request(t, 6, 8)), 1_790_000_000); status != http.StatusOK {
		t.Errorf("%d %s", status, answer)
	}
}
