package tlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"comity/adapter/tlog"
	"comity/party/partytest"
	"comity/verifier/ledger"

	merkle "golang.org/x/mod/sumdb/tlog"
)

const origin = "log.example/test"

// setting is a log folder with its witnesses, which outlive the Log that writes it.
type setting struct {
	config    tlog.Config
	witnesses []*tlog.Witness
}

// newSetting makes n witnesses; each answers with the test's clock.
func newSetting(t testing.TB, n, threshold int) *setting {
	t.Helper()
	key := partytest.Key(t, origin)
	s := &setting{config: tlog.Config{
		Folder: filepath.Join(t.TempDir(), "log"), Key: key, Origin: origin,
		Interval: 100 * time.Millisecond, Threshold: threshold,
	}}
	for i := range n {
		k := partytest.Key(t, fmt.Sprintf("p%d.witness", i))
		w, err := tlog.NewWitness(tlog.WitnessConfig{
			Key: k, Origin: origin, LogKey: key.Verifier(), File: filepath.Join(t.TempDir(), "checkpoint"),
		})
		if err != nil {
			t.Fatal(err)
		}
		s.witnesses = append(s.witnesses, w)
		s.config.Witnesses = append(s.config.Witnesses, tlog.WitnessEndpoint{
			Key: k.Cosigner(),
			Ask: askInProcess(w),
		})
	}
	return s
}

// askInProcess is a connection to a witness of the same process.
func askInProcess(w *tlog.Witness) func(context.Context, []byte) (int, string, []byte, error) {
	return func(ctx context.Context, request []byte) (int, string, []byte, error) {
		status, contentType, answer := w.AddCheckpoint(ctx, request, time.Now().Unix())
		return status, contentType, answer, nil
	}
}

func (s *setting) open(t testing.TB) *tlog.Log {
	t.Helper()
	l, err := tlog.Open(t.Context(), s.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLog(t, l) })
	return l
}

func closeLog(t testing.TB, l *tlog.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Error(err)
	}
}

func entry(i int) []byte { return fmt.Appendf(nil, `{"entry":%d}`, i) }

// fill appends entries from..to-1 and waits until they are witnessed.
func fill(t testing.TB, l *tlog.Log, from, to int) []byte {
	t.Helper()
	var batch [][]byte
	for i := from; i < to; i++ {
		batch = append(batch, entry(i))
	}
	indexes, err := l.AppendAll(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, index := range indexes {
		if index != int64(from+i) {
			t.Fatalf("entry %d has index %d", from+i, index)
		}
	}
	checkpoint, err := l.Witnessed(t.Context(), int64(to-1))
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint
}

func TestAppendedEntriesAreProvenUnderWitnessedCheckpoints(t *testing.T) {
	t.Parallel()
	s := newSetting(t, 4, 3)
	l := s.open(t)
	if _, _, err := l.Checkpoint(t.Context()); !errors.Is(err, ledger.ErrWitnesses) {
		t.Errorf("checkpoint of a log that was just founded: %v", err)
	}
	first := fill(t, l, 0, 3)
	second := fill(t, l, 3, 600)
	older, err := ledger.ParseCheckpoint(first, l.Policy())
	if err != nil {
		t.Fatal(err)
	}
	newer, err := ledger.ParseCheckpoint(second, l.Policy())
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []int64{0, 2, 255, 256, 511, 599} {
		proof, err := l.Prove(t.Context(), index, second)
		if err != nil {
			t.Fatal(err)
		}
		if err := merkle.CheckRecord(proof, newer.Size, newer.Root, index, merkle.RecordHash(entry(int(index)))); err != nil {
			t.Errorf("entry %d: %v", index, err)
		}
	}
	if _, err := l.Prove(t.Context(), 3, first); err == nil {
		t.Error("entry 3 is proven under a checkpoint of 3 entries")
	}
	proof, err := l.Consistency(t.Context(), older.Size, second)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.CheckConsistency(older, newer, proof); err != nil {
		t.Error(err)
	}
	got, err := l.Entries(t.Context(), 250, 520)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range got {
		if !bytes.Equal(e, entry(250+i)) {
			t.Fatalf("entry %d reads %q", 250+i, e)
		}
	}
	if size, err := l.Size(t.Context()); err != nil || size != 600 || len(got) != 270 {
		t.Errorf("size %d, %d entries read: %v", size, len(got), err)
	}
	if _, err := l.Entries(t.Context(), 0, 601); err == nil {
		t.Error("entries are read that do not exist")
	}
	if _, err := l.Append(t.Context(), make([]byte, ledger.MaxEntry+1)); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("an entry of 64 KiB: %v", err)
	}
	if _, err := l.Append(t.Context(), nil); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("an empty entry: %v", err)
	}
}

func TestManyAuthorsAtOnceGetDistinctIndexes(t *testing.T) {
	t.Parallel()
	l := newSetting(t, 0, 0).open(t)
	var all sync.WaitGroup
	indexes := make([]int64, 64)
	for i := range indexes {
		all.Go(func() {
			var err error
			if indexes[i], err = l.Append(t.Context(), entry(i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	slices.Sort(indexes)
	for i, index := range indexes {
		if index != int64(i) {
			t.Fatalf("indexes %v", indexes)
		}
	}
}

func TestReopenedLogContinues(t *testing.T) {
	t.Parallel()
	s := newSetting(t, 3, 3)
	l := s.open(t)
	first := fill(t, l, 0, 5)
	if _, err := tlog.Open(t.Context(), s.config); !errors.Is(err, tlog.ErrInUse) {
		t.Errorf("two logs in one folder: %v", err)
	}
	closeLog(t, l)
	if _, err := l.Append(t.Context(), entry(5)); !errors.Is(err, tlog.ErrClosed) {
		t.Errorf("append to a closed log: %v", err)
	}
	again := s.open(t)
	second := fill(t, again, 5, 9)
	older, _ := ledger.ParseCheckpoint(first, again.Policy())
	newer, _ := ledger.ParseCheckpoint(second, again.Policy())
	proof, err := again.Consistency(t.Context(), older.Size, second)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.CheckConsistency(older, newer, proof); err != nil || newer.Size != 9 {
		t.Errorf("size %d: %v", newer.Size, err)
	}
}

func TestTooFewWitnessesPublishNothingUntilTheyReturn(t *testing.T) {
	t.Parallel()
	s := newSetting(t, 3, 3)
	var mu sync.Mutex
	away := true
	ask := s.config.Witnesses[1].Ask
	s.config.Witnesses[1].Ask = func(ctx context.Context, request []byte) (int, string, []byte, error) {
		mu.Lock()
		defer mu.Unlock()
		if away {
			return 0, "", nil, errors.New("not connected")
		}
		return ask(ctx, request)
	}
	l := s.open(t)
	index, err := l.Append(t.Context(), entry(0))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	if _, err := l.Witnessed(ctx, index); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("witnessed by 2 of 3: %v", err)
	}
	mu.Lock()
	away = false
	mu.Unlock()
	if _, err := l.Witnessed(t.Context(), index); err != nil {
		t.Fatal(err)
	}
}

// TestSlowWitnessFollows lets one witness answer after the others made the
// threshold: it must still get to the newest checkpoint.
func TestSlowWitnessFollows(t *testing.T) {
	t.Parallel()
	s := newSetting(t, 3, 2)
	ask := s.config.Witnesses[2].Ask
	s.config.Witnesses[2].Ask = func(ctx context.Context, request []byte) (int, string, []byte, error) {
		select {
		case <-time.After(150 * time.Millisecond):
		case <-ctx.Done():
			return 0, "", nil, ctx.Err()
		}
		return ask(ctx, request)
	}
	l := s.open(t)
	for i := range 4 {
		fill(t, l, i, i+1)
	}
	closeLog(t, l)
	if size := s.witnesses[2].Latest().Size; size == 0 {
		t.Errorf("the slow witness has seen nothing")
	}
}

func TestReaderReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	s := newSetting(t, 3, 2)
	l := s.open(t)
	checkpoint := fill(t, l, 0, 700)
	site := httptest.NewServer(http.FileServer(http.Dir(s.config.Folder)))
	defer site.Close()
	fromURL, err := tlog.OpenURL(t.Context(), site.URL, site.Client())
	if err != nil {
		t.Fatal(err)
	}
	fromFolder, err := tlog.OpenFolder(t.Context(), s.config.Folder)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 700, 800) // Readers stay at the checkpoint that they opened.
	for name, r := range map[string]*tlog.Reader{"folder": fromFolder, "URL": fromURL} {
		normal, c, err := r.Check(l.Policy())
		if err != nil || !bytes.Equal(normal, checkpoint) || r.Size() != 700 || r.Root() != c.Root {
			t.Fatalf("%s: size %d: %v", name, r.Size(), err)
		}
		entries, err := r.Entries(t.Context(), 0, 700)
		if err != nil || len(entries) != 700 || !bytes.Equal(entries[699], entry(699)) {
			t.Fatalf("%s: %d entries: %v", name, len(entries), err)
		}
		proof, err := r.Prove(t.Context(), 300)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := merkle.CheckRecord(proof, 700, r.Root(), 300, merkle.RecordHash(entry(300))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := r.Consistency(t.Context(), 701); !errors.Is(err, ledger.ErrRollback) {
			t.Errorf("%s: consistency with a larger log: %v", name, err)
		}
		if _, err := r.Consistency(t.Context(), 257); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	stranger := l.Policy()
	stranger.Log = partytest.Key(t, "stranger").Verifier()
	if _, _, err := fromFolder.Check(stranger); !errors.Is(err, ledger.ErrLogKey) {
		t.Errorf("under another log key: %v", err)
	}
}

// TestReaderFindsEveryAlteredFile flips one bit at many places of each file that the
// checkpoint rests on.
func TestReaderFindsEveryAlteredFile(t *testing.T) {
	t.Parallel()
	s := newSetting(t, 2, 2)
	l := s.open(t)
	fill(t, l, 0, 300)
	closeLog(t, l)
	coin := rand.New(rand.NewPCG(3, 4))
	altered := 0
	for _, path := range []string{
		"tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44",
	} {
		file := filepath.Join(s.config.Folder, filepath.FromSlash(path))
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		places := []int{0, 1, 2, len(data) / 2, len(data) - 1}
		for range 15 {
			places = append(places, coin.IntN(len(data)))
		}
		for _, at := range places {
			changed := bytes.Clone(data)
			changed[at] ^= 1 << coin.IntN(8)
			write(t, file, changed)
			_, err := tlog.OpenFolder(t.Context(), s.config.Folder)
			if !errors.Is(err, ledger.ErrProof) && !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("byte %d of %s: %v", at, path, err)
			}
			altered++
		}
		for name, changed := range map[string][]byte{"cut": data[:len(data)-1], "longer": append(bytes.Clone(data), 0), "empty": nil} {
			write(t, file, changed)
			if _, err := tlog.OpenFolder(t.Context(), s.config.Folder); !errors.Is(err, ledger.ErrProof) && !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("%s %s: %v", name, path, err)
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if _, err := tlog.OpenFolder(t.Context(), s.config.Folder); !errors.Is(err, ledger.ErrProof) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s taken away: %v", path, err)
		}
		write(t, file, data)
	}
	if _, err := tlog.OpenFolder(t.Context(), s.config.Folder); err != nil || altered != 100 {
		t.Fatalf("after %d alterations were undone: %v", altered, err)
	}
}

// TestReaderFindsAChangeAfterOpening checks that what is read later is checked too.
func TestReaderFindsAChangeAfterOpening(t *testing.T) {
	t.Parallel()
	s := newSetting(t, 0, 0)
	l := s.open(t)
	fill(t, l, 0, 10)
	closeLog(t, l)
	r, err := tlog.OpenFolder(t.Context(), s.config.Folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"tile/0/000.p/10", "tile/entries/000.p/10"} {
		file := filepath.Join(s.config.Folder, filepath.FromSlash(path))
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(data)
		changed[len(changed)-3] ^= 1
		write(t, file, changed)
		if _, err := r.Entries(t.Context(), 0, 10); !errors.Is(err, ledger.ErrProof) {
			t.Errorf("%s changed after the log was opened: %v", path, err)
		}
		write(t, file, data)
	}
}

func write(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesAnUnusableConfig(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(c *tlog.Config)
		want   error
	}{
		"origin is not the key's name": {func(c *tlog.Config) { c.Origin += "x" }, ledger.ErrPolicy},
		"one witness twice":            {func(c *tlog.Config) { c.Witnesses = append(c.Witnesses, c.Witnesses[0]) }, ledger.ErrPolicy},
		"more witnesses than listed":   {func(c *tlog.Config) { c.Threshold = 3 }, ledger.ErrPolicy},
		"too fast":                     {func(c *tlog.Config) { c.Interval = time.Millisecond }, nil},
		"no time to gather":            {func(c *tlog.Config) { c.Batch = -1 }, nil},
		"nobody to ask":                {func(c *tlog.Config) { c.Witnesses[0].Ask = nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := newSetting(t, 2, 2).config
			test.change(&c)
			_, err := tlog.Open(t.Context(), c)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
