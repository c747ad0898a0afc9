// Package durable replaces files so that a crash, or a full disk, leaves the old bytes
// or the new ones and never a mixture.
package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteFile replaces path with data. It returns when file and folder entry are on disk.
// Only the owner may read the file. Its folder must exist: one that vanished, as a disk
// that was taken out does, is no place to begin anew.
func WriteFile(path string, data []byte) error {
	return Write(path, func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	})
}

// Write is WriteFile for what fill writes. If fill fails, path stays as it was.
func Write(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // Mode 0600.
	if err != nil {
		return err
	}
	return replace(path, f, fill)
}

// Publish is Write for a file without secrets that a person asked for by name: its mode is
// 0666 less the umask, as that of a file that a shell makes. One that was there keeps its
// own.
func Publish(path string, fill func(io.Writer) error) error {
	f, err := createOpen(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return errors.Join(err, f.Close(), remove(f.Name()))
		}
	}
	return replace(path, f, fill)
}

// maxLeft bounds the names that are tried for a temporary file: what crashes of processes
// with the same number may have left.
const maxLeft = 1000

// createOpen makes a temporary file beside path with the mode that the umask leaves.
func createOpen(path string) (f *os.File, err error) {
	for n := range maxLeft {
		name := fmt.Sprintf(".%s.%d-%d", filepath.Base(path), os.Getpid(), n)
		f, err = os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // The umask says who may read it.
		if !errors.Is(err, os.ErrExist) {
			break
		}
	}
	return f, err
}

// replace fills a file beside path, so that a rename stays on one disk, and puts it there.
func replace(path string, f *os.File, fill func(io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(f.Name()))
		}
	}()
	if err = fill(f); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// remove clears what replace left, which after a rename is nothing.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// syncFolder makes a rename survive a power cut.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
