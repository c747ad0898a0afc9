package secagg

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"comity/canon"
)

// labelPrefix separates every hash and key of this format from all others, and its
// version from the next.
const labelPrefix = "comity/secagg/v1/"

// The labels: one per use, so that no value can serve in the place of another.
const (
	labelNonce       = "nonce"
	labelCoin        = "coin"
	labelBox         = "box"
	labelRatchet     = "ratchet"
	labelRoundKey    = "round-key"
	labelStart       = "transcript/start"
	labelCohort      = "transcript/cohort"
	labelFinished    = "transcript/step"
	labelContext     = "context"
	labelPairMask    = "mask/pair"
	labelSelfMask    = "mask/self"
	labelInput       = "input"
	labelSecrets     = "secrets"
	labelCommitment  = "commitment/masked"
	labelSelf        = "commitment/self"
	labelCommitments = "commitments"
	labelReveals     = "reveals"
	labelJournal     = "journal"
	labelPoints      = "points"
	labelPoint       = "point"
)

// encoding is an unambiguous list of fields: each is preceded by its length in eight
// bytes, big-endian, and the first is the label.
type encoding []byte

func encode(label string) encoding {
	return encoding(nil).text(labelPrefix + label)
}

func (e encoding) bytes(field []byte) encoding {
	return append(binary.BigEndian.AppendUint64(e, uint64(len(field))), field...)
}

func (e encoding) text(field string) encoding {
	return append(binary.BigEndian.AppendUint64(e, uint64(len(field))), field...)
}

// number appends a count, which is never negative, as a field of eight bytes.
func (e encoding) number(n int) encoding {
	return e.bytes(binary.BigEndian.AppendUint64(nil, uint64(n))) //nolint:gosec // Counts are checked where they enter.
}

func (e encoding) sum() canon.Digest { return sha256.Sum256(e) }

// sumWith hashes e and one more long field without copying it.
func (e encoding) sumWith(field []byte) canon.Digest {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(e, uint64(len(field))))
	h.Write(field)
	return canon.Digest(h.Sum(nil))
}

// expand derives n bytes, at most 8160, from a uniform 32-byte key (RFC 5869, section 2.3).
func expand(key []byte, info encoding, n int) []byte {
	out, err := hkdf.Expand(sha256.New, key, string(info), n)
	if err != nil {
		panic(fmt.Sprintf("secagg: hkdf of %d bytes: %v", n, err)) // Our own lengths are constant.
	}
	return out
}

// draw reads one fresh key from the secret coin.
func draw(secret io.Reader) ([keySize]byte, error) {
	var key [keySize]byte
	if secret == nil {
		return key, fmt.Errorf("%w: no reader was given", ErrRandom)
	}
	if _, err := io.ReadFull(secret, key[:]); err != nil {
		return key, fmt.Errorf("%w: %w", ErrRandom, err)
	}
	return key, nil
}
