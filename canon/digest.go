package canon

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Digest is the SHA-256 of canonical bytes, written "sha256:" and 64 hex digits.
type Digest [sha256.Size]byte

// ErrDigest says that a text is neither a digest nor eight words of the list.
var ErrDigest = errors.New("not a digest")

const digestPrefix = "sha256:"

// Sum returns the digest of data as it is.
func Sum(data []byte) Digest { return sha256.Sum256(data) }

// DigestOf returns the digest of v's canonical form.
func DigestOf(v any) (Digest, error) {
	data, err := Marshal(v)
	if err != nil {
		return Digest{}, err
	}
	return Sum(data), nil
}

// String returns "sha256:" and lower-case hex.
func (d Digest) String() string { return digestPrefix + hex.EncodeToString(d[:]) }

// Hex returns the 64 hex digits alone, as in-toto subjects and file names want them.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

// IsZero tells whether d was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes d as String does.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes and nothing else.
func (d *Digest) UnmarshalText(text []byte) error {
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// ParseDigest reads "sha256:" followed by 64 lower-case hex digits.
func ParseDigest(text string) (Digest, error) {
	digits, ok := strings.CutPrefix(text, digestPrefix)
	var d Digest
	if !ok || len(digits) != 2*len(d) || strings.Trim(digits, "0123456789abcdef") != "" {
		return Digest{}, fmt.Errorf("%w: %.80q; write sha256: and 64 lower-case hex digits", ErrDigest, text)
	}
	if _, err := hex.Decode(d[:], []byte(digits)); err != nil {
		return Digest{}, fmt.Errorf("%w: %.80q: %w", ErrDigest, text, err)
	}
	return d, nil
}
