package tlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"comity/verifier/ledger"

	"github.com/transparency-dev/tessera/api/layout"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// Bounds of the static files, in bytes (https://c2sp.org/tlog-tiles).
const (
	maxCheckpoint = 64 << 10
	maxTile       = layout.TileWidth * merkle.HashSize
	maxBundle     = layout.EntryBundleWidth * (2 + ledger.MaxEntry)
)

// MaxEntries bounds one call of Entries: 16 full bundles.
const MaxEntries = 16 * layout.EntryBundleWidth

// source is where the static files of a log are. A missing file is fs.ErrNotExist;
// one that is larger than limit bytes is refused.
type source interface {
	read(ctx context.Context, path string, limit int64) ([]byte, error)
}

// folder is a source on this machine.
type folder string

func (f folder) read(_ context.Context, path string, limit int64) ([]byte, error) {
	return readFile(filepath.Join(string(f), filepath.FromSlash(path)), limit)
}

func readFile(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	defer file.Close() //nolint:errcheck // Only read.
	return readBounded(file, path, limit)
}

// site is a source on the web.
type site struct {
	base   *url.URL
	client *http.Client
}

func (s site) read(ctx context.Context, path string, limit int64) ([]byte, error) {
	at := s.base.JoinPath(path).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // Only read.
	switch answer.StatusCode {
	case http.StatusOK:
		return readBounded(answer.Body, at, limit)
	case http.StatusNotFound:
		return nil, fmt.Errorf("read log: %s: %w", at, fs.ErrNotExist)
	default:
		return nil, fmt.Errorf("read log: %s: %s", at, answer.Status)
	}
}

func readBounded(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read log: %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read log: %s: %w: more than %d bytes", name, ledger.ErrMalformed, limit)
	}
	return data, nil
}

// span is a half-open range of indexes.
type span struct{ from, to int64 }

// readEntries reads the entries of s from a log of the given size.
func readEntries(ctx context.Context, files source, size int64, s span) ([][]byte, error) {
	if s.from < 0 || s.from > s.to || s.to > size || s.to-s.from > MaxEntries {
		return nil, fmt.Errorf("entries %d to %d of a log of %d: ask for at most %d that exist", s.from, s.to, size, MaxEntries)
	}
	var entries [][]byte
	for at := s.from; at < s.to; {
		number := at / layout.EntryBundleWidth
		bundle, err := readBundle(ctx, files, size, number)
		if err != nil {
			return nil, err
		}
		start := number * layout.EntryBundleWidth
		end := min(s.to-start, int64(len(bundle)))
		entries = append(entries, bundle[at-start:end]...)
		at = start + end
	}
	return entries, nil
}

// readBundle reads the entries of one bundle that a log of the given size has.
func readBundle(ctx context.Context, files source, size, number int64) ([][]byte, error) {
	count := min(layout.EntryBundleWidth, size-number*layout.EntryBundleWidth)
	path := func(partial uint8) string { return layout.EntriesPath(uint64(number), partial) } //nolint:gosec // Not negative.
	data, whole, err := readPart(ctx, files, part{path, count, maxBundle})
	if err != nil {
		return nil, err
	}
	entries, err := parseBundle(data)
	if err != nil {
		return nil, fmt.Errorf("entry bundle %d: %w", number, err)
	}
	if int64(len(entries)) < count || !whole && int64(len(entries)) != count {
		return nil, fmt.Errorf("entry bundle %d: %w: %d entries, want %d", number, ledger.ErrProof, len(entries), count)
	}
	return entries[:count], nil
}

// parseBundle splits a bundle: each entry after its length in 16 bits, big-endian.
func parseBundle(data []byte) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(entries) == layout.EntryBundleWidth {
			return nil, fmt.Errorf("%w: %d bytes after entry %d", ledger.ErrMalformed, len(data), len(entries))
		}
		length := int(binary.BigEndian.Uint16(data))
		if data = data[2:]; len(data) < length {
			return nil, fmt.Errorf("%w: entry %d has %d of %d bytes", ledger.ErrMalformed, len(entries), len(data), length)
		}
		entries = append(entries, data[:length:length])
		data = data[length:]
	}
	return entries, nil
}

// readTile reads the first t.W hashes of a tile, concatenated.
func readTile(ctx context.Context, files source, t merkle.Tile) ([]byte, error) {
	path := func(partial uint8) string { return layout.TilePath(uint64(t.L), uint64(t.N), partial) } //nolint:gosec // Not negative.
	data, whole, err := readPart(ctx, files, part{path, int64(t.W), maxTile})
	if err != nil {
		return nil, err
	}
	want := t.W * merkle.HashSize
	if whole && len(data) == maxTile {
		data = data[:want]
	}
	if len(data) != want {
		return nil, fmt.Errorf("%s: %w: %d bytes, want %d", path(uint8(t.W%layout.TileWidth)), ledger.ErrProof, len(data), want) //nolint:gosec // Below 256.
	}
	return data, nil
}

// part names a file that holds the first count of 256 items.
type part struct {
	path  func(partial uint8) string
	count int64
	limit int64
}

// readPart reads a partial file, or the whole one that replaced it after the log grew.
func readPart(ctx context.Context, files source, p part) (data []byte, whole bool, err error) {
	if p.count < layout.TileWidth {
		data, err = files.read(ctx, p.path(uint8(p.count)), p.limit) //nolint:gosec // Below 256.
		if !errors.Is(err, fs.ErrNotExist) {
			return data, false, err
		}
	}
	data, err = files.read(ctx, p.path(0), p.limit)
	return data, p.count < layout.TileWidth, err
}

// tileReader gives package merkle the tiles of a source. It lives for one call,
// because merkle.TileReader has no room for a context.
type tileReader struct {
	ctx   context.Context
	files source
}

// Height returns the height of tlog-tiles.
func (tileReader) Height() int { return layout.TileHeight }

// ReadTiles reads tiles; merkle.TileHashReader checks them against the root.
func (r tileReader) ReadTiles(tiles []merkle.Tile) ([][]byte, error) {
	data := make([][]byte, 0, len(tiles))
	for _, t := range tiles {
		d, err := readTile(r.ctx, r.files, t)
		if err != nil {
			return nil, err
		}
		data = append(data, d)
	}
	return data, nil
}

// SaveTiles keeps nothing.
func (tileReader) SaveTiles([]merkle.Tile, [][]byte) {}

// hashesOf reads the hashes of a tree and checks each against its root.
func hashesOf(ctx context.Context, files source, tree merkle.Tree) merkle.HashReader {
	return merkle.TileHashReader(tree, tileReader{ctx, files})
}

func proveRecord(ctx context.Context, files source, tree merkle.Tree, index int64) (merkle.RecordProof, error) {
	if index < 0 || index >= tree.N {
		return nil, fmt.Errorf("prove entry %d: the tree has %d", index, tree.N)
	}
	proof, err := merkle.ProveRecord(tree.N, index, hashesOf(ctx, files, tree))
	if err != nil {
		return nil, fmt.Errorf("prove entry %d of %d: %w", index, tree.N, asProofError(err))
	}
	return proof, nil
}

func proveTree(ctx context.Context, files source, tree merkle.Tree, older int64) (merkle.TreeProof, error) {
	if older < 0 || older > tree.N {
		return nil, fmt.Errorf("prove consistency with size %d: %w: the tree has %d", older, ledger.ErrRollback, tree.N)
	}
	if older == 0 || older == tree.N {
		return nil, nil // RFC 6962, section 2.1.2: nothing to prove.
	}
	proof, err := merkle.ProveTree(tree.N, older, hashesOf(ctx, files, tree))
	if err != nil {
		return nil, fmt.Errorf("prove consistency of %d with %d: %w", tree.N, older, asProofError(err))
	}
	return proof, nil
}

// asProofError marks what package merkle says of a tile that does not fit its tree.
func asProofError(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ledger.ErrProof) || errors.Is(err, ledger.ErrMalformed) {
		return err
	}
	return fmt.Errorf("%w: %w", ledger.ErrProof, err)
}

// sameTile compares a stored tile with what the entries say it must be.
func sameTile(ctx context.Context, files source, t merkle.Tile, want []byte) error {
	got, err := readTile(ctx, files, t)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("tile %d of level %d: %w: its hashes are not those of the entries", t.N, t.L, ledger.ErrProof)
	}
	return nil
}
