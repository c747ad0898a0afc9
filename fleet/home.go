package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"comity/node"
)

// lockName is the file in a home that the process holds which runs there.
const lockName = "lock"

// lockHome makes the folder and takes it for this process. The kernel drops the lock
// when the process ends, however it ends.
func lockHome(home string) (*os.File, error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(home, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w: another comity runs in this home; stop it or choose another --home", home, node.ErrBusy)
	}
	return f, nil
}
