package tlog_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"comity/adapter/tlog"
	"comity/party"
	"comity/party/partytest"
	"comity/verifier/ledger"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// history is a tree in memory of which checkpoints are cut.
type history struct {
	key    party.Key
	stored []merkle.Hash
}

func newHistory(t testing.TB, size int, salt string) *history {
	t.Helper()
	h := &history{key: partytest.Key(t, origin)}
	for i := range size {
		hashes, err := merkle.StoredHashes(int64(i), fmt.Appendf(nil, "%s %d", salt, i), h)
		if err != nil {
			t.Fatal(err)
		}
		h.stored = append(h.stored, hashes...)
	}
	return h
}

// ReadHashes implements merkle.HashReader.
func (h *history) ReadHashes(indexes []int64) ([]merkle.Hash, error) {
	var out []merkle.Hash
	for _, i := range indexes {
		out = append(out, h.stored[i])
	}
	return out, nil
}

func (h *history) text(t testing.TB, size int64) string {
	t.Helper()
	root, err := merkle.TreeHash(size, h)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s\n%d\n%v\n", origin, size, root)
}

// request asks for a cosignature on the tree of newer entries after older ones.
func (h *history) request(t testing.TB, older, newer int64) string {
	t.Helper()
	var proof strings.Builder
	if older > 0 && older < newer {
		hashes, err := merkle.ProveTree(newer, older, h)
		if err != nil {
			t.Fatal(err)
		}
		for _, hash := range hashes {
			fmt.Fprintf(&proof, "%v\n", hash)
		}
	}
	return fmt.Sprintf("old %d\n%s\n%s", older, proof.String(), signed(t, h.text(t, newer), h.key))
}

func signed(t testing.TB, text string, k party.Key) []byte {
	t.Helper()
	signer, err := note.NewSigner(k.Skey())
	if err != nil {
		t.Fatal(err)
	}
	data, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func newWitness(t testing.TB, file string) *tlog.Witness {
	t.Helper()
	w, err := tlog.NewWitness(tlog.WitnessConfig{
		Key: partytest.Key(t, "ke.witness"), Origin: origin, LogKey: partytest.Key(t, origin).Verifier(), File: file,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWitnessCosignsWhatContinues(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 40, "true")
	file := filepath.Join(t.TempDir(), "checkpoint")
	w := newWitness(t, file)
	p := ledger.Policy{Origin: origin, Log: h.key.Verifier(), Witnesses: []string{partytest.Key(t, "ke.witness").Cosigner()}, Threshold: 1}
	older := int64(0)
	for _, newer := range []int64{0, 0, 1, 1, 2, 7, 8, 33, 40} {
		status, contentType, line := w.AddCheckpoint(t.Context(), []byte(h.request(t, older, newer)), 1_790_000_000+newer)
		if status != http.StatusOK {
			t.Fatalf("%d to %d: %d %s %s", older, newer, status, contentType, line)
		}
		c, err := ledger.ParseCheckpoint(append(signed(t, h.text(t, newer), h.key), line...), p)
		if err != nil || c.Size != newer || c.Cosigned[0].UnixTime != 1_790_000_000+newer {
			t.Fatalf("%d to %d: cosigned %+v: %v", older, newer, c, err)
		}
		if w = newWitness(t, file); w.Latest().Size != newer {
			t.Fatalf("after a restart the witness remembers size %d, not %d", w.Latest().Size, newer)
		}
		older = newer
	}
}

func TestWitnessRefuses(t *testing.T) {
	t.Parallel()
	h, split := newHistory(t, 40, "true"), newHistory(t, 40, "split")
	good := h.request(t, 20, 30)
	lines := strings.SplitAfter(good, "\n")
	_, checkpoint, _ := strings.Cut(good, "\n\n")
	empty := newHistory(t, 0, "")
	foreign := fmt.Sprintf("old 20\n\n%s", signed(t, strings.Replace(h.text(t, 30), origin, "log.example/other", 1), partytest.Key(t, "log.example/other")))
	stranger := fmt.Sprintf("old 20\n\n%s", signed(t, h.text(t, 30), partytest.Key(t, "stranger")))
	forged := fmt.Sprintf("old 20\n\n%s", bytes.Replace(signed(t, h.text(t, 30), h.key), []byte("\n30\n"), []byte("\n31\n"), 1))
	for name, test := range map[string]struct {
		request string
		status  int
		answer  string
	}{
		"rolled back":             {h.request(t, 10, 15), http.StatusConflict, "20\n"},
		"first request again":     {h.request(t, 0, 20), http.StatusConflict, "20\n"},
		"not yet there":           {h.request(t, 25, 30), http.StatusConflict, "20\n"},
		"old larger than new":     {strings.Replace(h.request(t, 0, 15), "old 0", "old 20", 1), http.StatusBadRequest, ""},
		"another root":            {split.request(t, 20, 20), http.StatusConflict, ""},
		"split":                   {split.request(t, 20, 30), http.StatusUnprocessableEntity, ""},
		"no proof":                {lines[0] + "\n" + checkpoint, http.StatusUnprocessableEntity, ""},
		"proof cut":               {lines[0] + strings.Join(lines[2:], ""), http.StatusUnprocessableEntity, ""},
		"proof for the same size": {strings.Replace(h.request(t, 20, 20), "\n", "\n"+lines[1], 1), http.StatusUnprocessableEntity, ""},
		"another log":             {foreign, http.StatusNotFound, ""},
		"a stranger's key":        {stranger, http.StatusForbidden, ""},
		"text changed":            {forged, http.StatusForbidden, ""},
		"empty":                   {"", http.StatusBadRequest, ""},
		"no size":                 {"old \n\n" + good, http.StatusBadRequest, ""},
		"size with nought":        {strings.Replace(good, "old 20", "old 020", 1), http.StatusBadRequest, ""},
		"negative size":           {strings.Replace(good, "old 20", "old -20", 1), http.StatusBadRequest, ""},
		"no hash":                 {strings.Replace(good, "\n", "\nAAAA\n", 1), http.StatusBadRequest, ""},
		"hash with spare bits":    {strings.Replace(good, "\n", "\n"+strings.Repeat("A", 42)+"B=\n", 1), http.StatusBadRequest, ""},
		"too many hashes":         {strings.Replace(good, "\n", "\n"+strings.Repeat(lines[1], 60), 1), http.StatusBadRequest, ""},
		"too long":                {good + strings.Repeat("x", 80<<10), http.StatusBadRequest, ""},
		"no checkpoint":           {"old 20\n\n", http.StatusBadRequest, ""},
		"shrunk to nothing":       {empty.request(t, 0, 0), http.StatusConflict, "20\n"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "checkpoint")
			w := newWitness(t, file)
			if status, _, answer := w.AddCheckpoint(t.Context(), []byte(h.request(t, 0, 20)), 1); status != http.StatusOK {
				t.Fatalf("%d %s", status, answer)
			}
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			status, contentType, answer := w.AddCheckpoint(t.Context(), []byte(test.request), 2)
			if status != test.status || test.answer != "" && (string(answer) != test.answer || contentType != "text/x.tlog.size") {
				t.Errorf("got %d %s %q, want %d %q", status, contentType, answer, test.status, test.answer)
			}
			if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the refused request changed what the witness remembers: %v", err)
			}
			if status, _, answer := w.AddCheckpoint(t.Context(), []byte(good), 3); status != http.StatusOK {
				t.Errorf("after a refusal: %d %s", status, answer)
			}
		})
	}
	w := newWitness(t, filepath.Join(t.TempDir(), "checkpoint"))
	rootless := fmt.Sprintf("old 0\n\n%s", signed(t, fmt.Sprintf("%s\n0\n%v\n", origin, merkle.Hash{}), h.key))
	if status, _, _ := w.AddCheckpoint(t.Context(), []byte(rootless), 1); status != http.StatusConflict {
		t.Errorf("an empty tree with another root: %d", status)
	}
}

// TestWitnessSignsOneHistoryUnderConcurrency shows two histories at once, many times
// over: all cosignatures must be of one of them.
func TestWitnessSignsOneHistoryUnderConcurrency(t *testing.T) {
	t.Parallel()
	w := newWitness(t, filepath.Join(t.TempDir(), "checkpoint"))
	var all sync.WaitGroup
	signedBy := make([]int, 2)
	var mu sync.Mutex
	for i, h := range []*history{newHistory(t, 8, "true"), newHistory(t, 8, "split")} {
		for n := range int64(8) {
			request := []byte(h.request(t, 0, n+1))
			all.Go(func() {
				if status, _, _ := w.AddCheckpoint(t.Context(), request, 1); status == http.StatusOK {
					mu.Lock()
					signedBy[i]++
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	if signedBy[0]+signedBy[1] != 1 {
		t.Errorf("first checkpoints cosigned: %v", signedBy)
	}
}

func TestWitnessNeverStartsFromADamagedMemory(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 9, "true")
	file := filepath.Join(t.TempDir(), "checkpoint")
	if status, _, answer := newWitness(t, file).AddCheckpoint(t.Context(), []byte(h.request(t, 0, 9)), 1); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := range data {
		changed := bytes.Clone(data)
		changed[at] ^= 2
		write(t, file, changed)
		_, err := tlog.NewWitness(tlog.WitnessConfig{Key: partytest.Key(t, "ke.witness"), Origin: origin, LogKey: h.key.Verifier(), File: file})
		if err == nil {
			t.Fatalf("byte %d of %q may be changed", at, data)
		}
	}
}

func TestWitnessThatCannotRememberDoesNotSign(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 9, "true")
	w := newWitness(t, filepath.Join(t.TempDir(), "missing", "checkpoint"))
	if status, _, _ := w.AddCheckpoint(t.Context(), []byte(h.request(t, 0, 9)), 1); status != http.StatusInternalServerError {
		t.Errorf("status %d", status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w = newWitness(t, filepath.Join(t.TempDir(), "checkpoint"))
	if status, _, _ := w.AddCheckpoint(ctx, []byte(h.request(t, 0, 9)), 1); status != http.StatusInternalServerError || w.Latest().Size != 0 {
		t.Errorf("a request that nobody waits for: status %d", status)
	}
}

func FuzzAddCheckpoint(f *testing.F) {
	h := newHistory(f, 9, "true")
	f.Add([]byte(h.request(f, 0, 9)))
	f.Add([]byte(h.request(f, 3, 9)))
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newWitness(t, filepath.Join(t.TempDir(), "checkpoint"))
		if status, _, answer := w.AddCheckpoint(t.Context(), data, 1); status == http.StatusOK && w.Latest().Size != 9 {
			t.Fatalf("a forged checkpoint is cosigned: %s", answer)
		}
	})
}
