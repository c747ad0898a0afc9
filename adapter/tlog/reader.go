package tlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"comity/verifier/ledger"

	"github.com/transparency-dev/tessera/api/layout"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// Reader is a log as its static files show it at one checkpoint. All entries and
// tiles were read once and lead to the root; who signed the checkpoint is asked with
// Check, because the keys usually stand in the log itself.
type Reader struct {
	files      source
	checkpoint []byte
	tree       merkle.Tree
}

// OpenFolder opens the log in a folder. It fails with ledger.ErrProof if the entries
// or tiles do not lead to the root in the checkpoint.
func OpenFolder(ctx context.Context, path string) (*Reader, error) {
	return openReader(ctx, folder(path))
}

// OpenURL opens the log at an address with tlog-tiles below it. The client's timeout
// bounds each request; nil means http.DefaultClient.
func OpenURL(ctx context.Context, address string, client *http.Client) (*Reader, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		return nil, fmt.Errorf("open log: %.200q is not an http address", address)
	}
	if client == nil {
		client = http.DefaultClient
	}
	return openReader(ctx, site{base, client})
}

// Size returns the number of entries under the checkpoint.
func (r *Reader) Size() int64 { return r.tree.N }

// Root returns the root hash, recomputed from the entries.
func (r *Reader) Root() merkle.Hash { return r.tree.Hash }

// Published returns the checkpoint file as it is, unchecked.
func (r *Reader) Published() []byte { return r.checkpoint }

// Check checks the signatures on the checkpoint and returns it in the form of
// ledger.ParseCheckpoint. Errors are those of ledger.ParseCheckpoint.
func (r *Reader) Check(p ledger.Policy) ([]byte, ledger.Checkpoint, error) {
	return parseNormal(r.checkpoint, p)
}

// Entries returns the entries with from <= index < to, at most MaxEntries of them, each
// checked against the root.
func (r *Reader) Entries(ctx context.Context, from, to int64) ([][]byte, error) {
	entries, err := readEntries(ctx, r.files, r.tree.N, span{from, to})
	if err != nil {
		return nil, err
	}
	stored := make([]int64, 0, len(entries))
	for i := range entries {
		stored = append(stored, merkle.StoredHashIndex(0, from+int64(i)))
	}
	hashes, err := hashesOf(ctx, r.files, r.tree).ReadHashes(stored)
	if err != nil {
		return nil, fmt.Errorf("entries %d to %d: %w", from, to, asProofError(err))
	}
	for i, e := range entries {
		if merkle.RecordHash(e) != hashes[i] {
			return nil, fmt.Errorf("entry %d: %w: it changed since the log was opened", from+int64(i), ledger.ErrProof)
		}
	}
	return entries, nil
}

// Prove returns the proof that the entry at index stands under the checkpoint.
func (r *Reader) Prove(ctx context.Context, index int64) (merkle.RecordProof, error) {
	return proveRecord(ctx, r.files, r.tree, index)
}

// Consistency returns the proof that the log continues its first older entries.
func (r *Reader) Consistency(ctx context.Context, older int64) (merkle.TreeProof, error) {
	return proveTree(ctx, r.files, r.tree, older)
}

func openReader(ctx context.Context, files source) (*Reader, error) {
	checkpoint, err := files.read(ctx, layout.CheckpointPath, maxCheckpoint)
	if err != nil {
		return nil, err
	}
	r := &Reader{files: files, checkpoint: checkpoint}
	if r.tree, err = readHead(checkpoint); err != nil {
		return nil, err
	}
	if err := r.walk(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// readHead reads size and root of a checkpoint without a look at its signatures.
func readHead(checkpoint []byte) (merkle.Tree, error) {
	lines := strings.SplitN(string(checkpoint), "\n", 5)
	if len(lines) < 5 || lines[3] != "" {
		return merkle.Tree{}, fmt.Errorf("open log: %w: checkpoint is not origin, size, root and signatures", ledger.ErrMalformed)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return merkle.Tree{}, fmt.Errorf("open log: %w: checkpoint size %.40q", ledger.ErrMalformed, lines[1])
	}
	root, err := merkle.ParseHash(lines[2])
	if err != nil {
		return merkle.Tree{}, fmt.Errorf("open log: %w: checkpoint root %.80q", ledger.ErrMalformed, lines[2])
	}
	return merkle.Tree{N: size, Hash: root}, nil
}

// walk reads all entries, computes root and tiles from them and compares both with
// what is stored.
func (r *Reader) walk(ctx context.Context) error {
	var edge ledger.Frontier
	var rows []row
	for number := int64(0); number*layout.EntryBundleWidth < r.tree.N; number++ {
		bundle, err := readBundle(ctx, r.files, r.tree.N, number)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: entry bundle %d of a log of %d entries is missing: %w", ledger.ErrProof, number, r.tree.N, err)
		}
		if err != nil {
			return err
		}
		for _, e := range bundle {
			leaf := merkle.RecordHash(e)
			edge.Append(leaf)
			if rows, err = r.climb(ctx, rows, leaf); err != nil {
				return err
			}
		}
	}
	for level, row := range rows {
		if len(row.hashes) > 0 {
			if err := r.compare(ctx, level, row); err != nil {
				return err
			}
		}
	}
	return edge.Check(ledger.Checkpoint{Size: r.tree.N, Root: r.tree.Hash})
}

// row is the tile that is being filled on one level of tiles.
type row struct {
	number int64
	hashes []merkle.Hash
}

// climb adds a leaf to the lowest row; a full tile is compared with the stored one
// and its root goes one row up.
func (r *Reader) climb(ctx context.Context, rows []row, hash merkle.Hash) ([]row, error) {
	for level := 0; ; level++ {
		if level == len(rows) {
			rows = append(rows, row{})
		}
		w := &rows[level]
		w.hashes = append(w.hashes, hash)
		if len(w.hashes) < layout.TileWidth {
			return rows, nil
		}
		if err := r.compare(ctx, level, *w); err != nil {
			return nil, err
		}
		var edge ledger.Frontier
		for _, h := range w.hashes {
			edge.Append(h)
		}
		hash = edge.Root()
		*w = row{number: w.number + 1, hashes: w.hashes[:0]}
	}
}

func (r *Reader) compare(ctx context.Context, level int, w row) error {
	want := make([]byte, 0, maxTile)
	for _, h := range w.hashes {
		want = append(want, h[:]...)
	}
	tile := merkle.Tile{H: layout.TileHeight, L: level, N: w.number, W: len(w.hashes)}
	err := sameTile(ctx, r.files, tile, want)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: tile %d of level %d is missing: %w", ledger.ErrProof, w.number, level, err)
	}
	return err
}
