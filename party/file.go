package party

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxSecretFile bounds a secret file: a private key with a long name takes 280 bytes.
const maxSecretFile = 512

// ErrKeyFile says that a key file cannot be read or written as it must be.
var ErrKeyFile = errors.New("key file refused")

// SaveKey writes k to a new file that only its owner may read (see SaveSecret).
func SaveKey(path string, k Key) error { return SaveSecret(path, k.Skey()) }

// LoadKey reads what SaveKey wrote (see LoadSecret).
func LoadKey(path string) (Key, error) {
	text, err := LoadSecret(path)
	if err != nil {
		return Key{}, err
	}
	k, err := ParseKey(text)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %s:1:1: %w", ErrKeyFile, path, err)
	}
	return k, nil
}

// SaveSecret writes one line to a new file that only its owner may read, and returns
// when file and folder entry are on disk. It never overwrites: a lost key cannot be
// made again.
func SaveSecret(path, line string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: %s exists; move it away if you really want a new key: %w", ErrKeyFile, path, err)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	_, err = f.WriteString(line + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%w: write %s: %w", ErrKeyFile, path, errors.Join(err, os.Remove(path)))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a new name in a folder survive a power cut.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	return nil
}

// LoadSecret reads the line that SaveSecret wrote. It refuses a file that others may
// read, because such a secret has to be taken as known to them.
func LoadSecret(path string) (_ string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return "", fmt.Errorf("%w: %s has mode %s, want -rw-------; if nobody else could read it: chmod 600 %s, otherwise make a new key",
			ErrKeyFile, path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	line, ok := strings.CutSuffix(string(data), "\n")
	if !ok || len(data) > maxSecretFile || strings.Contains(line, "\n") {
		return "", fmt.Errorf("%w: %s: want one line of at most %d bytes", ErrKeyFile, path, maxSecretFile)
	}
	return line, nil
}
