// Package tlog writes, serves, witnesses and reads a transparency log in the static
// format of https://c2sp.org/tlog-tiles, with Tessera on a POSIX folder.
//
// Log is the hub's side: it sequences entries and has its checkpoints cosigned.
// Witness is a member's side: it cosigns what continues the log it has seen. Reader
// opens a log folder or URL that somebody else wrote and believes only the entries.
// What evidence must look like is said in package verifier/ledger.
package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"comity/party"
	"comity/verifier/ledger"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	merkle "golang.org/x/mod/sumdb/tlog"
)

const (
	// defaultBatch and defaultInterval suit a hub whose members are an ocean away:
	// both are small beside the round trips of a barrier.
	defaultBatch    = 50 * time.Millisecond
	defaultInterval = time.Second
	// maxPending bounds the entries that are being sequenced. Tessera's batches hold
	// one more, so that only age closes a batch and no caller of Append writes it.
	maxPending = 4096
	// minInterval is Tessera's own lower bound (storage/posix, minCheckpointInterval).
	minInterval = 100 * time.Millisecond
	// republish renews the cosignatures of a log that does not grow, to show it lives.
	republish = time.Minute
	// pollEvery is how often a waiting caller looks for a new checkpoint: Tessera
	// publishes by renaming a file and tells nobody.
	pollEvery = 5 * time.Millisecond
	// lockFile stands in the log's folder beside the static files.
	lockFile = ".lock"
)

// ErrClosed says that the log was closed before or during a call.
var ErrClosed = errors.New("log is closed")

// ErrInUse says that another Log writes the same folder.
var ErrInUse = errors.New("log is in use")

// Config says where a log is kept and who cosigns it.
type Config struct {
	Folder    string            // Of the static files; made if missing. One Log at a time.
	Key       party.Key         // Signs checkpoints; its name must be Origin.
	Origin    string            // The first line of the checkpoints.
	Interval  time.Duration     // Between checkpoints of a growing log, at least 100 ms; 0 means 1 s.
	Batch     time.Duration     // How long entries are gathered before they are written, at least 1 ms; 0 means 50 ms.
	Witnesses []WitnessEndpoint // Those that count, at most ledger.MaxWitnesses.
	Threshold int               // How many must cosign before a checkpoint is published.
	Logger    *slog.Logger      // Nil means silence.
}

// Log is a log that this process writes. Its methods may be called concurrently.
type Log struct {
	files    folder
	policy   ledger.Policy
	reader   tessera.LogReader
	add      tessera.AddFn
	shutdown func(context.Context) error
	cancel   context.CancelFunc
	gateway  *gateway
	lock     *os.File // Held while the log is open.

	pending chan struct{} // One token for each entry that is being sequenced.

	closing   sync.RWMutex
	isClosed  bool
	sequenced sync.WaitGroup // Futures of Tessera that have not resolved.

	mu        sync.Mutex
	published []byte // The checkpoint file as it was last read,
	normal    []byte // its normal form,
	latest    ledger.Checkpoint
	invalid   error // or why it is not usable.
}

// Open opens or founds the log in c.Folder. It needs no witness to be reachable.
// The log works until Close, whatever happens to ctx.
func Open(ctx context.Context, c Config) (*Log, error) {
	policy, err := c.policy()
	if err != nil {
		return nil, err
	}
	if c.Interval == 0 {
		c.Interval = defaultInterval
	}
	if c.Batch == 0 {
		c.Batch = defaultBatch
	}
	if c.Interval < minInterval || c.Batch < time.Millisecond {
		return nil, fmt.Errorf("open log %s: checkpoint interval %v, batch %v; use at least %v and %v",
			c.Folder, c.Interval, c.Batch, minInterval, time.Millisecond)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	forwardTesseraLog(c.Logger)
	gate, err := newGateway(c.Witnesses, c.Logger)
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", c.Folder, err)
	}
	lock, err := lockFolder(c.Folder)
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", c.Folder, err)
	}
	l := &Log{files: folder(c.Folder), policy: policy, gateway: gate, lock: lock, pending: make(chan struct{}, maxPending)}
	if err := l.start(ctx, c); err != nil {
		return nil, fmt.Errorf("open log %s: %w", c.Folder, errors.Join(err, lock.Close()))
	}
	return l, nil
}

// Append adds an entry and returns its index once it is durable and part of the
// tree. An entry appended after that has a higher index; witnesses may not have
// seen it yet. If ctx ends first the entry may be added all the same.
func (l *Log) Append(ctx context.Context, entry []byte) (int64, error) {
	future, err := l.enqueue(ctx, entry)
	if err != nil {
		return 0, err
	}
	return future.wait(ctx)
}

// AppendAll adds entries that do not depend on one another and returns the index of
// each once all are part of the tree, for about the time of one Append. Their order
// is usually kept, but not promised: two batches of Tessera's queue can overtake each
// other (storage/internal/queue.go). After an error some of them may be in the log.
func (l *Log) AppendAll(ctx context.Context, entries [][]byte) ([]int64, error) {
	if len(entries) > maxPending {
		return nil, fmt.Errorf("append %d entries at once, at most %d", len(entries), maxPending)
	}
	futures := make([]future, 0, len(entries))
	for i, entry := range entries {
		f, err := l.enqueue(ctx, entry)
		if err != nil {
			return nil, fmt.Errorf("entry %d of %d: %w", i+1, len(entries), err)
		}
		futures = append(futures, f)
	}
	indexes := make([]int64, 0, len(entries))
	for i, f := range futures {
		index, err := f.wait(ctx)
		if err != nil {
			return nil, fmt.Errorf("entry %d of %d: %w", i+1, len(entries), err)
		}
		indexes = append(indexes, index)
	}
	return indexes, nil
}

// Witnessed waits until enough witnesses have cosigned a checkpoint that covers
// index and returns that checkpoint in the form of ledger.ParseCheckpoint.
func (l *Log) Witnessed(ctx context.Context, index int64) ([]byte, error) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		raw, c, err := l.Checkpoint(ctx)
		if err == nil && c.Size > index {
			return raw, nil
		}
		if err != nil && !errors.Is(err, ledger.ErrWitnesses) {
			return nil, fmt.Errorf("wait for witnesses of entry %d: %w", index, err)
		}
		if l.closed() {
			return nil, fmt.Errorf("wait for witnesses of entry %d: %w", index, ErrClosed)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for witnesses of entry %d: %d of %d cosigned size %d: %w",
				index, len(c.Cosigned), l.policy.Threshold, c.Size, ctx.Err())
		case <-ticker.C:
		}
	}
}

// Checkpoint returns the newest published checkpoint, in the form that
// ledger.ParseCheckpoint reads, and what it says. A log that was just founded has
// none that is cosigned; then the error is ledger.ErrWitnesses.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, ledger.Checkpoint, error) {
	published, err := l.files.read(ctx, layout.CheckpointPath, maxCheckpoint)
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !bytes.Equal(published, l.published) {
		l.published = published
		l.normal, l.latest, l.invalid = parseNormal(published, l.policy)
	}
	return l.normal, l.latest, l.invalid
}

// Size returns how many entries are part of the tree, witnessed or not.
func (l *Log) Size(ctx context.Context) (int64, error) {
	size, err := l.reader.IntegratedSize(ctx)
	if err != nil {
		return 0, fmt.Errorf("size of log %s: %w", l.files, err)
	}
	return int64(size), nil //nolint:gosec // Entries in a folder are fewer than 2^63.
}

// Entries returns the entries with from <= index < to, at most MaxEntries of them. They
// are this process's own files and are not checked against a checkpoint.
func (l *Log) Entries(ctx context.Context, from, to int64) ([][]byte, error) {
	size, err := l.Size(ctx)
	if err != nil {
		return nil, err
	}
	return readEntries(ctx, l.files, size, span{from, to})
}

// Prove returns the proof that the entry at index stands under checkpoint, a
// checkpoint of this log in the form of ledger.ParseCheckpoint.
func (l *Log) Prove(ctx context.Context, index int64, checkpoint []byte) (merkle.RecordProof, error) {
	c, err := ledger.ParseCheckpoint(checkpoint, l.policy)
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", index, err)
	}
	return proveRecord(ctx, l.files, merkle.Tree{N: c.Size, Hash: c.Root}, index)
}

// Consistency returns the proof that the tree under newer continues the first
// older entries.
func (l *Log) Consistency(ctx context.Context, older int64, newer []byte) (merkle.TreeProof, error) {
	c, err := ledger.ParseCheckpoint(newer, l.policy)
	if err != nil {
		return nil, fmt.Errorf("prove consistency with size %d: %w", older, err)
	}
	return proveTree(ctx, l.files, merkle.Tree{N: c.Size, Hash: c.Root}, older)
}

// Policy returns what the log's checkpoints satisfy.
func (l *Log) Policy() ledger.Policy { return l.policy }

// Close waits until all that was appended is witnessed, or ctx ends, and stops. What
// was appended is kept either way and is published after the next Open.
func (l *Log) Close(ctx context.Context) error {
	l.closing.Lock()
	if l.isClosed {
		l.closing.Unlock()
		return nil
	}
	l.isClosed = true
	l.closing.Unlock()
	l.sequenced.Wait()
	err := l.shutdown(ctx)
	l.cancel()
	l.gateway.close()
	err = errors.Join(err, l.lock.Close())
	if err != nil {
		return fmt.Errorf("close log %s: its entries are kept, but the last may not be witnessed: %w", l.files, err)
	}
	return nil
}

func (l *Log) closed() bool {
	l.closing.RLock()
	defer l.closing.RUnlock()
	return l.isClosed
}

// future is an entry on its way into the tree.
type future chan sequencing

type sequencing struct {
	index int64
	err   error
}

func (f future) wait(ctx context.Context) (int64, error) {
	select {
	case s := <-f:
		return s.index, s.err
	case <-ctx.Done():
		return 0, fmt.Errorf("append: %w", ctx.Err())
	}
}

// enqueue hands an entry to Tessera. Tessera's own future cannot be abandoned, so a
// goroutine waits for it; Close waits for the goroutine.
func (l *Log) enqueue(ctx context.Context, entry []byte) (future, error) {
	if len(entry) == 0 || len(entry) > ledger.MaxEntry {
		return nil, fmt.Errorf("append entry of %d bytes, at most %d: %w", len(entry), ledger.MaxEntry, ledger.ErrMalformed)
	}
	select {
	case l.pending <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("append: %w", ctx.Err())
	}
	l.closing.RLock()
	defer l.closing.RUnlock()
	if l.isClosed {
		<-l.pending
		return nil, fmt.Errorf("append: %w", ErrClosed)
	}
	f := make(future, 1)
	resolve := l.add(context.WithoutCancel(ctx), tessera.NewEntry(entry))
	l.sequenced.Go(func() {
		index, err := resolve()
		<-l.pending
		if err != nil {
			err = fmt.Errorf("append: %w", err)
		}
		f <- sequencing{int64(index.Index), err} //nolint:gosec // Entries in a folder are fewer than 2^63.
	})
	return f, nil
}

// parseNormal brings a published checkpoint into its one form and checks it.
func parseNormal(published []byte, p ledger.Policy) ([]byte, ledger.Checkpoint, error) {
	normal, err := ledger.Normalise(published, p)
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	c, err := ledger.ParseCheckpoint(normal, p)
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	return normal, c, nil
}
