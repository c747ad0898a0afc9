package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"comity/adapter/nats"
	"comity/node"
)

// Busy returns node.ErrBusy if another process runs in the folder of a hub or a member.
// It changes nothing there.
func Busy(home node.Home) error {
	f, err := os.Open(filepath.Join(string(home), lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // Read only; the kernel drops the lock.
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%s: %w: another process runs in this folder", home, node.ErrBusy)
	}
	return nil
}

// Reach tells whether the hub of a home that runs in a process of its own answers where
// it said, with the key that it said. Errors: fs.ErrNotExist if no hub ever ran so,
// ErrHome, nats.ErrUnreachable, nats.ErrPin.
func Reach(ctx context.Context, home node.Home) (address string, err error) {
	at, err := readPlace(home)
	if err != nil {
		return "", err
	}
	return at.Address, nats.Probe(ctx, at.Address, at.Pin, nil)
}
