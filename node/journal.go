package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// journal keeps what a member must not forget in one append-only file: each entry is
// its length and CRC-32 (IEEE), both in four bytes, big-endian, and its bytes. An entry
// that a crash cut short was never acknowledged and is dropped.
type journal struct {
	name    string
	entries [][]byte
}

// maxJournal bounds an entry in bytes; the largest that package secagg writes is a
// cohort of 200 members.
const maxJournal = 128 << 10

func openJournal(name string) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &journal{name: name}, nil
	}
	if err != nil {
		return nil, err
	}
	j := &journal{name: name}
	whole := 0
	for rest := data; len(rest) >= 8; {
		n, sum := binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:])
		if n > maxJournal || int(n) > len(rest)-8 || crc32.ChecksumIEEE(rest[8:8+n]) != sum {
			break
		}
		j.entries = append(j.entries, rest[8:8+n])
		whole += 8 + int(n)
		rest = rest[8+n:]
	}
	if whole < len(data) {
		if err := os.Truncate(name, int64(whole)); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// Entries returns all entries in order.
func (j *journal) Entries() ([][]byte, error) { return j.entries, nil }

// Append returns after the entry is on stable storage.
func (j *journal) Append(entry []byte) error {
	if len(entry) > maxJournal {
		return fmt.Errorf("journal %s: entry of %d bytes, at most %d", j.name, len(entry), maxJournal)
	}
	f, err := os.OpenFile(j.name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	record := binary.BigEndian.AppendUint32(nil, uint32(len(entry))) //nolint:gosec // Bounded above.
	record = binary.BigEndian.AppendUint32(record, crc32.ChecksumIEEE(entry))
	_, err = f.Write(append(record, entry...))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		j.entries = append(j.entries, append([]byte(nil), entry...))
	}
	return err
}

// fileStore keeps masked vectors of one round as files. They need not survive a crash
// of the machine: the round starts over with them. A process that is killed leaves each
// of them whole or not there.
type fileStore string

// Put replaces the file of that name.
func (s fileStore) Put(name string, data []byte) error {
	if err := os.MkdirAll(string(s), 0o700); err != nil {
		return err
	}
	path := filepath.Join(string(s), name)
	part := path + ".part"
	err := os.WriteFile(part, data, 0o600)
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		if gone := os.Remove(part); !errors.Is(gone, fs.ErrNotExist) { // On a full disk an empty file would stay.
			err = errors.Join(err, gone)
		}
	}
	return err
}

// Get returns what Put kept.
func (s fileStore) Get(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(s), name))
}
