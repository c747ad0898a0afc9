package wire

import (
	"encoding/binary"
	"fmt"

	"comity/canon"
)

// Reader takes fixed fields off bytes from outside. After the first shortage it only
// returns zeros, and End tells.
type Reader struct {
	Data []byte
	At   int
	Err  error
}

// Take returns the next n bytes; it shares their memory.
func (r *Reader) Take(n int) []byte {
	if r.Err == nil && n > len(r.Data)-r.At {
		r.Err = fmt.Errorf("%w: ends at byte %d, %d more were expected at byte %d", ErrMalformed, len(r.Data), n, r.At)
	}
	if r.Err != nil {
		return nil
	}
	r.At += n
	return r.Data[r.At-n : r.At : r.At]
}

// Byte returns the next byte.
func (r *Reader) Byte() byte {
	if b := r.Take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint16 returns the next two bytes as a big-endian number.
func (r *Reader) Uint16() int {
	if b := r.Take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

// Uint32 returns the next four bytes as a big-endian number.
func (r *Reader) Uint32() int {
	if b := r.Take(4); b != nil {
		return int(binary.BigEndian.Uint32(b))
	}
	return 0
}

// Key returns the next 32 bytes.
func (r *Reader) Key() (k [KeySize]byte) {
	copy(k[:], r.Take(KeySize))
	return k
}

// Digest returns the next 32 bytes.
func (r *Reader) Digest() canon.Digest { return r.Key() }

// Magic refuses other first bytes than want.
func (r *Reader) Magic(want string) {
	if got := r.Take(len(want)); r.Err == nil && string(got) != want {
		r.Err = fmt.Errorf("%w: begins with %q, want %q", ErrMalformed, got, want)
	}
}

// Rest takes everything that is left.
func (r *Reader) Rest() []byte { return r.Take(len(r.Data) - r.At) }

// End refuses bytes that belong to no field.
func (r *Reader) End() error {
	if r.Err == nil && r.At != len(r.Data) {
		r.Err = fmt.Errorf("%w: %d bytes after the last field", ErrMalformed, len(r.Data)-r.At)
	}
	return r.Err
}
