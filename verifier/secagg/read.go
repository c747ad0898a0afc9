package secagg

import (
	"encoding/binary"
	"fmt"

	"comity/canon"
)

// reader takes fixed fields off bytes from outside. After the first shortage it only
// returns zeros, and end tells.
type reader struct {
	data []byte
	at   int
	err  error
}

func (r *reader) take(n int) []byte {
	if r.err == nil && n > len(r.data)-r.at {
		r.err = fmt.Errorf("%w: ends at byte %d, %d more were expected at byte %d", ErrMalformed, len(r.data), n, r.at)
	}
	if r.err != nil {
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at : r.at]
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() int {
	if b := r.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) uint32() int {
	if b := r.take(4); b != nil {
		return int(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) key() (k [keySize]byte) {
	copy(k[:], r.take(keySize))
	return k
}

func (r *reader) digest() canon.Digest { return r.key() }

func (r *reader) magic(want string) {
	if got := r.take(len(want)); r.err == nil && string(got) != want {
		r.err = fmt.Errorf("%w: begins with %q, want %q", ErrMalformed, got, want)
	}
}

// rest takes everything that is left.
func (r *reader) rest() []byte { return r.take(len(r.data) - r.at) }

// end refuses bytes that belong to no field.
func (r *reader) end() error {
	if r.err == nil && r.at != len(r.data) {
		r.err = fmt.Errorf("%w: %d bytes after the last field", ErrMalformed, len(r.data)-r.at)
	}
	return r.err
}
