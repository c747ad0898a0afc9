// Package wire writes and reads the bytes of secure aggregation: what hashes and keys
// bind, and the fields of messages. Both modes share it, with labels of their own.
package wire

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"comity/canon"
)

// What can be wrong with bytes from outside and with the secret coin.
var (
	ErrMalformed = errors.New("malformed secagg bytes")
	ErrRandom    = errors.New("secret coin gave no bytes")
)

// KeySize is the length of secrets, salts and keys in bytes.
const KeySize = 32

// labelPrefix separates every hash and key of this format from all others, and its
// version from the next.
const labelPrefix = "comity/secagg/v1/"

// Encoding is an unambiguous list of fields: each is preceded by its length in eight
// bytes, big-endian, and the first is the label.
type Encoding []byte

// Encode starts a list with its label, one per use, so that no value can serve in the
// place of another.
func Encode(label string) Encoding {
	return Encoding(nil).Text(labelPrefix + label)
}

// Bytes appends a field.
func (e Encoding) Bytes(field []byte) Encoding {
	return append(binary.BigEndian.AppendUint64(e, uint64(len(field))), field...)
}

// Text appends a field.
func (e Encoding) Text(field string) Encoding {
	return append(binary.BigEndian.AppendUint64(e, uint64(len(field))), field...)
}

// Number appends a count, which is never negative, as a field of eight bytes.
func (e Encoding) Number(n int) Encoding {
	return e.Bytes(binary.BigEndian.AppendUint64(nil, uint64(n))) //nolint:gosec // Counts are checked where they enter.
}

// Sum is the SHA-256 of the list.
func (e Encoding) Sum() canon.Digest { return sha256.Sum256(e) }

// SumWith hashes e and one more long field without copying it.
func (e Encoding) SumWith(field []byte) canon.Digest {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(e, uint64(len(field))))
	h.Write(field)
	return canon.Digest(h.Sum(nil))
}

// Expand derives n bytes, at most 8160, from a uniform 32-byte key (RFC 5869, section 2.3).
func Expand(key []byte, info Encoding, n int) []byte {
	out, err := hkdf.Expand(sha256.New, key, string(info), n)
	if err != nil {
		panic(fmt.Sprintf("wire: hkdf of %d bytes: %v", n, err)) // Our own lengths are constant.
	}
	return out
}

// Draw reads one fresh key from the secret coin.
func Draw(secret io.Reader) ([KeySize]byte, error) {
	var key [KeySize]byte
	if secret == nil {
		return key, fmt.Errorf("%w: no reader was given", ErrRandom)
	}
	if _, err := io.ReadFull(secret, key[:]); err != nil {
		return key, fmt.Errorf("%w: %w", ErrRandom, err)
	}
	return key, nil
}

// Move copies src to dst and erases src.
func Move(dst *[KeySize]byte, src []byte) {
	copy(dst[:], src)
	clear(src)
}
