package replay_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"comity/canon"
	"comity/chance"
	"comity/fleet"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
	"comity/replay"
	"comity/verifier/ledger"
)

// run is one consortium's home after a decision. Early is its log as it stood when the
// charter was in force and nothing decided.
type run struct {
	home   node.Home
	early  string
	words  string
	period string
}

// newRun founds five members and takes one decision.
func newRun(t *testing.T) run {
	t.Helper()
	s, err := health.Scenario("respiratory", chance.Derive(chance.Seed{}, "replay test"))
	if err != nil {
		t.Fatal(err)
	}
	s.Members = slices.DeleteFunc(s.Members, func(p pack.Party) bool {
		return !slices.Contains([]string{"BR", "FJ", "IN", "KE", "NO"}, string(p.ID))
	})
	out := run{home: node.Home(filepath.Join(t.TempDir(), "home")), early: t.TempDir()}
	cache, err := os.UserCacheDir() // Of the compiled solver: seconds, if it is there.
	if err != nil {
		cache = t.TempDir()
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	f, err := fleet.Start(ctx, fleet.Config{
		Home: out.home, Scenario: s, Cache: filepath.Join(cache, "comity"), Clock: time.Now, Progress: func(node.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	if err := f.Found(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Hub().Receipts(ctx); err != nil { // Waits for witnesses over the whole log.
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(out.early, "log"), os.DirFS(out.home.Log())); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Week(ctx, s.Start); err != nil {
		t.Fatal(err)
	}
	out.words, out.period = canon.Sum(f.Sealed()).Words(), s.Start
	return out
}

// copied returns a copy of the log's folder.
func (r run) copied(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(folder, os.DirFS(r.home.Log())); err != nil {
		t.Fatal(err)
	}
	return folder
}

// again replays what lies at a place.
func again(t *testing.T, place string, pinned *canon.Anchor) (replay.Summary, error) {
	t.Helper()
	source, err := replay.Open(t.Context(), place)
	if err != nil {
		return replay.Summary{}, err
	}
	return replay.Run(t.Context(), source, pinned)
}

// is tells whether an error is one of the causes.
func is(err error, causes ...error) bool {
	return slices.ContainsFunc(causes, func(cause error) bool { return errors.Is(err, cause) })
}

// edit replaces a file by what change makes of it, and puts it back when the test ends.
func edit(t *testing.T, file string, change func([]byte) []byte) (restore func()) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(change(bytes.Clone(data)))
	return func() { write(data) }
}

func TestReplay(t *testing.T) {
	r := newRun(t)
	t.Run("whole", func(t *testing.T) { testWhole(t, r) })
	t.Run("pinned", func(t *testing.T) { testPinned(t, r) })
	t.Run("entries", func(t *testing.T) { testEntries(t, r) })
	t.Run("blobs", func(t *testing.T) { testBlobs(t, r) })
	t.Run("files", func(t *testing.T) { testFiles(t, r) })
	t.Run("since", func(t *testing.T) { testSince(t, r) })
	t.Run("web", func(t *testing.T) { testWeb(t, r) })
	t.Run("receipts", func(t *testing.T) { testReceipts(t, r) })
	t.Run("decisions", func(t *testing.T) { testDecisions(t, r) })
	t.Run("round", func(t *testing.T) { testTraining(t, r) })
}

func testWhole(t *testing.T, r run) {
	for _, place := range []string{string(r.home), r.home.Log()} {
		s, err := again(t, place, nil)
		if err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		if s.Anchor != "unpinned" || s.Words != r.words || s.Rounds != 1 || s.Models != 1 || s.Allocations != 1 || s.Certificates != 1 || s.Effective != 1 {
			t.Errorf("%s: %+v, want one decision in effect under %s", place, s, r.words)
		}
		if s.Statements == 0 || s.Signatures <= s.Statements || s.Sums == 0 || s.Head == "" {
			t.Errorf("%s: %+v, want every statement, its signature, the witnesses' and every sum", place, s)
		}
	}
	if s, err := again(t, r.early, nil); err != nil || s.Allocations != 0 {
		t.Errorf("the log before the decision: %+v, %v", s, err)
	}
}

func testPinned(t *testing.T, r run) {
	ours, err := canon.ParseAnchor(r.words)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := again(t, string(r.home), &ours); err != nil || s.Anchor != "pinned" {
		t.Errorf("under our words: %+v, %v", s, err)
	}
	theirs, err := canon.ParseAnchor(canon.Sum([]byte("another charter")).String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again(t, string(r.home), &theirs); !is(err, replay.ErrAnchor) {
		t.Errorf("under another charter: %v, want %v", err, replay.ErrAnchor)
	}
}

// testEntries alters one byte of each entry in turn.
func testEntries(t *testing.T, r run) {
	folder := r.copied(t)
	files, err := filepath.Glob(filepath.Join(folder, "tile", "entries", "000.p", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no entry bundle: %v", err)
	}
	// Every partial bundle but the longest is of the past; the longest is what counts.
	slices.SortFunc(files, func(a, b string) int { return len(a) - len(b) })
	bundle := ""
	longest := int64(0)
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Size() > longest {
			bundle, longest = f, info.Size()
		}
	}
	data, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	entries := 0
	for at := 0; at < len(data); entries++ {
		length := int(binary.BigEndian.Uint16(data[at:]))
		middle := at + 2 + length/2
		restore := edit(t, bundle, func(b []byte) []byte { b[middle] ^= 1; return b })
		if _, err := again(t, folder, nil); !is(err, ledger.ErrProof) {
			t.Errorf("entry %d with another byte: %v, want %v", entries, err, ledger.ErrProof)
		}
		restore()
		at += 2 + length
	}
	if s, err := again(t, folder, nil); err != nil || s.Statements != entries {
		t.Fatalf("%d entries, then %+v, %v", entries, s, err)
	}
	defer edit(t, bundle, func(b []byte) []byte { return b[:len(b)-1] })()
	if _, err := again(t, folder, nil); !is(err, ledger.ErrProof, ledger.ErrMalformed) {
		t.Errorf("a bundle that is cut short: %v", err)
	}
}

// testBlobs alters every public blob in turn, and removes some.
func testBlobs(t *testing.T, r run) {
	folder := r.copied(t)
	blobs, err := filepath.Glob(filepath.Join(folder, "blob", "*"))
	if err != nil || len(blobs) < 10 {
		t.Fatalf("%d blobs, %v; want the sums of a training", len(blobs), err)
	}
	for i, file := range blobs {
		restore := edit(t, file, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		if _, err := again(t, folder, nil); !is(err, ledger.ErrAltered) || is(err, replay.ErrDiffers) || !strings.Contains(err.Error(), filepath.Base(file)) {
			t.Errorf("altered blob %s: %v, want %v and its name", filepath.Base(file), err, ledger.ErrAltered)
		}
		restore()
		if i%4 != 0 { // A removed blob is found where an altered one is.
			continue
		}
		if err := os.Rename(file, file+".away"); err != nil {
			t.Fatal(err)
		}
		if _, err := again(t, folder, nil); !is(err, replay.ErrIncomplete) || !strings.Contains(err.Error(), filepath.Base(file)) {
			t.Errorf("missing blob %s: %v, want %v and its name", filepath.Base(file), err, replay.ErrIncomplete)
		}
		if err := os.Rename(file+".away", file); err != nil {
			t.Fatal(err)
		}
	}
	defer edit(t, blobs[0], func([]byte) []byte { return make([]byte, 17<<20) })()
	if _, err := again(t, folder, nil); !is(err, ledger.ErrAltered) {
		t.Errorf("a blob that is too large: %v, want %v", err, ledger.ErrAltered)
	}
}

// testFiles breaks checkpoint, tiles and places.
func testFiles(t *testing.T, r run) {
	folder := r.copied(t)
	checkpoint := filepath.Join(folder, "checkpoint")
	early, err := os.ReadFile(filepath.Join(r.early, "log", "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func([]byte) []byte
		want   []error
	}{
		"empty":           {func([]byte) []byte { return nil }, []error{ledger.ErrMalformed}},
		"a root's bit":    {func(b []byte) []byte { b[bytes.Index(b, []byte("="))-5] ^= 1; return b }, []error{ledger.ErrProof, ledger.ErrMalformed}},
		"a signature":     {func(b []byte) []byte { b[len(b)-20] ^= 1; return b }, []error{ledger.ErrAltered, ledger.ErrMalformed}},
		"no witnesses":    {func(b []byte) []byte { return b[:bytes.Index(b, []byte(".witness"))-len("— br")] }, []error{ledger.ErrWitnesses}},
		"no signature":    {func(b []byte) []byte { text, _, _ := bytes.Cut(b, []byte("—")); return text }, []error{ledger.ErrMalformed, ledger.ErrLogKey}},
		"another's words": {func([]byte) []byte { return []byte("a page\nof\nsome\n\nother kind\n") }, []error{ledger.ErrMalformed}},
	} {
		restore := edit(t, checkpoint, tt.change)
		if _, err := again(t, folder, nil); !is(err, tt.want...) {
			t.Errorf("checkpoint, %s: %v, want one of %v", name, err, tt.want)
		}
		restore()
	}
	restore := edit(t, checkpoint, func([]byte) []byte { return early })
	if s, err := again(t, folder, nil); err == nil && s.Allocations != 0 {
		t.Errorf("under the early checkpoint the log shows %d allocations", s.Allocations)
	}
	restore()
	for _, place := range []string{"", t.TempDir(), filepath.Join(folder, "nowhere")} {
		if _, err := again(t, place, nil); !is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "give a home folder") {
			t.Errorf("place %q: %v, want %v and what to give", place, err, fs.ErrNotExist)
		}
	}
	if err := os.RemoveAll(filepath.Join(folder, "tile", "entries")); err != nil {
		t.Fatal(err)
	}
	if _, err := again(t, folder, nil); !is(err, ledger.ErrProof) {
		t.Errorf("a log without entries: %v, want %v", err, ledger.ErrProof)
	}
}

// testSince holds a log against receipts that somebody kept.
func testSince(t *testing.T, r run) {
	kept, err := os.ReadFile(filepath.Join(r.home.Receipts(), "charter.proof"))
	if err != nil {
		t.Fatal(err)
	}
	newest, err := filepath.Glob(filepath.Join(r.home.Receipts(), "*-allocation.proof"))
	if err != nil || len(newest) != 1 {
		t.Fatalf("%v, %v", newest, err)
	}
	late, err := os.ReadFile(newest[0])
	if err != nil {
		t.Fatal(err)
	}
	now, err := replay.Open(t.Context(), string(r.home))
	if err != nil {
		t.Fatal(err)
	}
	for _, receipt := range [][]byte{kept, late} {
		if size, err := now.Continues(t.Context(), receipt); err != nil || size < 1 || size > now.Log().Size() {
			t.Errorf("the log continues its own receipt: %d, %v", size, err)
		}
	}
	// A log that went back to what it was before the decision.
	old, err := replay.Open(t.Context(), r.early)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Continues(t.Context(), late); !is(err, ledger.ErrRollback) {
		t.Errorf("a log that went back: %v, want %v", err, ledger.ErrRollback)
	}
	if _, err := now.Continues(t.Context(), kept[:len(kept)/2]); !is(err, ledger.ErrMalformed) {
		t.Errorf("half a receipt: %v, want %v", err, ledger.ErrMalformed)
	}
}

// testWeb replays over HTTP, and from servers that answer badly.
func testWeb(t *testing.T, r run) {
	files := http.FileServer(http.Dir(r.home))
	mode := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		blob := strings.Contains(q.URL.Path, "/blob/")
		switch {
		case mode == "no blobs" && blob:
			http.NotFound(w, q)
		case mode == "other blobs" && blob:
			_, _ = w.Write([]byte("something else"))
		case mode == "broken":
			http.Error(w, "out of order", http.StatusServiceUnavailable)
		default:
			files.ServeHTTP(w, q)
		}
	}))
	for _, place := range []string{server.URL, server.URL + "/", server.URL + "/log", server.URL + "/log/"} {
		if s, err := again(t, place, nil); err != nil || s.Effective != 1 {
			t.Errorf("%s: %+v, %v", place, s, err)
		}
	}
	if _, err := again(t, server.URL+"/elsewhere", nil); !is(err, fs.ErrNotExist) {
		t.Errorf("an address without a log: %v, want %v", err, fs.ErrNotExist)
	}
	for answer, want := range map[string]error{"no blobs": replay.ErrIncomplete, "other blobs": ledger.ErrAltered} {
		mode = answer
		if _, err := again(t, server.URL+"/log", nil); !is(err, want) {
			t.Errorf("%s: %v, want %v", answer, err, want)
		}
	}
	mode = "broken"
	if _, err := again(t, server.URL+"/log", nil); !is(err, replay.ErrUnreachable) {
		t.Errorf("a server out of order: %v, want %v", err, replay.ErrUnreachable)
	}
	server.Close()
	if _, err := again(t, server.URL+"/log", nil); !is(err, replay.ErrUnreachable) {
		t.Errorf("a server that is gone: %v, want %v", err, replay.ErrUnreachable)
	}
}

// testTraining checks the one training, whole and with blobs altered: those of the
// decision do not matter to it.
func testTraining(t *testing.T, r run) {
	folder := r.copied(t)
	name := r.period + "/forecast"
	got, err := verify(t, folder, name)
	if err != nil || got.Err != nil || !got.Verified || got.Kind != replay.Training || len(got.Members) != 5 || got.Sums == 0 || len(got.Sum) == 0 || len(got.Checks) != 3 {
		t.Fatalf("%+v, %v; want a verified training of five", got, err)
	}
	blobs, err := filepath.Glob(filepath.Join(folder, "blob", "*"))
	if err != nil {
		t.Fatal(err)
	}
	matter := 0
	for i, file := range blobs {
		last := filepath.Base(file) == got.SumDigest.Hex()
		if i%6 != 0 && !last {
			continue
		}
		restore := edit(t, file, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		bad, err := verify(t, folder, name)
		restore()
		if err != nil || bad.Verified == is(bad.Err, ledger.ErrAltered) || last && bad.Verified {
			t.Errorf("altered blob %s: %+v, %v", filepath.Base(file), bad, err)
		}
		if !bad.Verified {
			matter++
		}
	}
	if matter < 5 {
		t.Errorf("%d of %d blobs matter to %d sums, a transcript and a model", matter, len(blobs), got.Sums)
	}
	if _, err := verify(t, r.early, name); !is(err, fs.ErrNotExist) {
		t.Errorf("before the training: %v, want %v", err, fs.ErrNotExist)
	}
}

// testReceipts makes the receipt of every entry from the log's files alone.
func testReceipts(t *testing.T, r run) {
	source, err := replay.Open(t.Context(), string(r.home))
	if err != nil {
		t.Fatal(err)
	}
	sealed, rules, err := source.Charter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, _, err := source.Log().Check(ledger.PolicyOf(rules))
	if err != nil {
		t.Fatal(err)
	}
	for index := range source.Log().Size() {
		data, err := source.Receipt(t.Context(), index, sealed, checkpoint)
		if err != nil {
			t.Fatalf("entry %d: %v", index, err)
		}
		got, err := ledger.ReadReceipt(data)
		if err != nil {
			t.Fatalf("entry %d: %v", index, err)
		}
		if _, err := got.CheckInclusion(ledger.PolicyOf(rules)); err != nil || got.Index != index {
			t.Errorf("entry %d: %v", index, err)
		}
	}
}
