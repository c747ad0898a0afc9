// Package durable replaces files so that a crash, or a full disk, leaves the old bytes
// or the new ones and never a mixture.
package durable

import (
	"errors"
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
func Write(path string, fill func(io.Writer) error) (err error) {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*") // Mode 0600, beside path: a rename stays on one disk.
	if err != nil {
		return err
	}
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
	return syncFolder(folder)
}

// remove clears what Write left, which after a rename is nothing.
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
