package tlog

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"comity/party"
	"comity/verifier/ledger"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/storage/posix"
)

func (l *Log) start(ctx context.Context, c Config) (err error) {
	if err := found(ctx, c); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	options := c.appendOptions().WithWitnesses(l.gateway.group(c.Threshold), &tessera.WitnessOptions{Timeout: askTimeout})
	driver, err := posix.New(run, posix.Config{Path: string(l.files), HTTPClient: &http.Client{Transport: l.gateway}})
	if err != nil {
		return err
	}
	appender, shutdown, reader, err := tessera.NewAppender(run, driver, options)
	if err != nil {
		return err
	}
	l.add, l.shutdown, l.reader, l.cancel = appender.Add, shutdown, reader, cancel
	return nil
}

// lockFolder makes the folder and keeps a second Log out of it, of this process or
// another: Tessera's own locks do not tell two writers of one process apart, and
// those would overwrite each other's tiles. The lock ends with the process.
func lockFolder(path string) (*os.File, error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: stop the other process first: %w", ErrInUse, err), lock.Close())
	}
	return lock, nil
}

// found makes the files of a new log. Tessera publishes the empty checkpoint while
// it opens a new folder and fails if the witnesses do not cosign, but members join
// only after the hub is open; so the empty checkpoint goes unwitnessed.
func found(ctx context.Context, c Config) error {
	_, err := os.Stat(filepath.Join(c.Folder, layout.CheckpointPath))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	driver, err := posix.New(run, posix.Config{Path: c.Folder})
	if err != nil {
		return err
	}
	_, shutdown, _, err := tessera.NewAppender(run, driver, c.appendOptions())
	if err != nil {
		return err
	}
	return shutdown(run)
}

func (c Config) policy() (ledger.Policy, error) {
	p := ledger.Policy{Origin: c.Origin, Log: c.Key.Verifier(), Threshold: c.Threshold}
	for _, w := range c.Witnesses {
		p.Witnesses = append(p.Witnesses, w.Key)
	}
	if err := p.Check(); err != nil {
		return ledger.Policy{}, fmt.Errorf("open log %s: %w", c.Folder, err)
	}
	if c.Key.Name() != c.Origin {
		return ledger.Policy{}, fmt.Errorf("open log %s: %w: key name %q, origin %q; they must be equal",
			c.Folder, ledger.ErrPolicy, c.Key.Name(), c.Origin)
	}
	return p, nil
}

func (c Config) appendOptions() *tessera.AppendOptions {
	return tessera.NewAppendOptions().
		WithCheckpointSigner(noteSigner{c.Key}).
		WithBatching(maxPending+1, c.Batch).
		WithPushback(maxPending).
		WithCheckpointInterval(c.Interval).
		WithCheckpointRepublishInterval(max(republish, c.Interval))
}

// noteSigner is a key as package note wants it.
type noteSigner struct{ key party.Key }

// Name returns the name of the key.
func (s noteSigner) Name() string { return s.key.Name() }

// KeyHash returns the hash in the verifier key, NAME+HASH+BASE64.
func (s noteSigner) KeyHash() uint32 {
	hash, err := hex.DecodeString(s.key.Verifier()[len(s.key.Name())+1:][:8])
	if err != nil {
		panic("tlog: a verifier key has no hash")
	}
	return binary.BigEndian.Uint32(hash)
}

// Sign signs the text of a note.
func (s noteSigner) Sign(text []byte) ([]byte, error) { return s.key.Sign(text), nil }
