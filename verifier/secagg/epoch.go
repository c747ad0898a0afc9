package secagg

import (
	"bytes"
	"crypto/hpke"
	"crypto/subtle"
	"fmt"
	"io"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg/internal/wire"
)

const (
	// PublicKeySize is the length of an epoch key: an ML-KEM-768 encapsulation key
	// and an X25519 point (draft-ietf-hpke-pq, MLKEM768-X25519).
	PublicKeySize = 1184 + 32
	// BoxSize is the length of a sealed pair secret: an ML-KEM-768 ciphertext, an
	// X25519 point, 32 bytes and a 16-byte AES-GCM tag.
	BoxSize = 1088 + 32 + keySize + 16
)

// EpochKey is what one member keeps secret during one epoch: the key that opens boxes,
// and the nonce that Boxes reveals.
type EpochKey struct {
	key   hpke.PrivateKey
	seed  [keySize]byte
	nonce [keySize]byte
}

// NewEpoch draws a key and a nonce from the secret coin and returns them with the
// public key to publish.
func NewEpoch(secret io.Reader) (*EpochKey, []byte, error) {
	seed, err := wire.Draw(secret)
	if err != nil {
		return nil, nil, fmt.Errorf("epoch key: %w", err)
	}
	nonce, err := wire.Draw(secret)
	if err != nil {
		return nil, nil, fmt.Errorf("epoch nonce: %w", err)
	}
	k, err := restoreEpoch(seed, nonce)
	if err != nil {
		return nil, nil, err
	}
	return k, k.Public(), nil
}

// ParseEpoch restores what Bytes returned.
func ParseEpoch(data []byte) (*EpochKey, error) {
	if len(data) != 2*keySize {
		return nil, fmt.Errorf("%w: epoch key of %d bytes, want %d", ErrMalformed, len(data), 2*keySize)
	}
	return restoreEpoch([keySize]byte(data[:keySize]), [keySize]byte(data[keySize:]))
}

func restoreEpoch(seed, nonce [keySize]byte) (*EpochKey, error) {
	key, err := hpke.MLKEM768X25519().NewPrivateKey(seed[:])
	if err != nil {
		return nil, fmt.Errorf("%w: epoch key: %w", ErrMalformed, err)
	}
	return &EpochKey{key: key, seed: seed, nonce: nonce}, nil
}

// Bytes returns the secret form that ParseEpoch reads: the 32-byte seed of the key
// pair and the nonce.
func (k *EpochKey) Bytes() []byte { return append(k.seed[:len(k.seed):len(k.seed)], k.nonce[:]...) }

// Public returns the public key, PublicKeySize bytes.
func (k *EpochKey) Public() []byte { return k.key.PublicKey().Bytes() }

// Record returns the statement that publishes the key and commits to the nonce.
func (k *EpochKey) Record(epoch string, self party.ID) comity.EpochKeys {
	return comity.EpochKeys{Epoch: epoch, Key: k.Public(), NonceCommit: CommitNonce(epoch, self, k.nonce[:])}
}

// BoxContext says what a box is for. A box opens under no other context.
type BoxContext struct {
	Body, Epoch string
	From, To    party.ID
}

// info binds the box to its context and to the key it was sealed to.
func (c BoxContext) info(public []byte) []byte {
	return wire.Encode(labelBox).Text(c.Body).Text(c.Epoch).Text(string(c.From)).Text(string(c.To)).Bytes(public)
}

// check holds the rule that the earlier party in order seals to the later one.
func (c BoxContext) check() error {
	switch {
	case c.Body == "" || len(c.Body) > maxText || c.Epoch == "" || len(c.Epoch) > maxText:
		return fmt.Errorf("%w: body and epoch of a box have 1 to %d bytes, not %d and %d", ErrConfig, maxText, len(c.Body), len(c.Epoch))
	case c.From.Check() != nil || c.To.Check() != nil || c.From >= c.To:
		return fmt.Errorf("%w: box from %.40q to %.40q; the earlier party in order seals to the later", ErrConfig, c.From, c.To)
	}
	return nil
}

// Seal seals a pair secret to the peer's epoch key with HPKE in base mode
// (RFC 9180; MLKEM768-X25519, HKDF-SHA256, AES-256-GCM). The peer's key must come from
// the witnessed log, and the digest of the box goes there: HPKE's base mode does not
// authenticate its sender, the logged digest does. Encapsulation draws its own
// randomness from the system, because the standard library takes no reader for it.
func Seal(c BoxContext, public []byte, pair [keySize]byte) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	key, err := hpke.MLKEM768X25519().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("%w: epoch key of %s: %w", ErrBox, c.To, err)
	}
	box, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.AES256GCM(), c.info(public), pair[:])
	if err != nil {
		return nil, fmt.Errorf("%w: seal to %s: %w", ErrBox, c.To, err)
	}
	return box, nil
}

// Open checks box against the digest in the sender's logged Boxes and opens it.
func (k *EpochKey) Open(c BoxContext, logged canon.Digest, box []byte) ([keySize]byte, error) {
	var pair [keySize]byte
	if err := c.check(); err != nil {
		return pair, err
	}
	if len(box) != BoxSize {
		return pair, fmt.Errorf("%w: from %s: %d bytes, want %d", ErrBox, c.From, len(box), BoxSize)
	}
	if got := canon.Sum(box); got != logged {
		return pair, fmt.Errorf("%w: from %s: digest %s, logged is %s; ask for the box that was logged", ErrBox, c.From, got, logged)
	}
	plain, err := hpke.Open(k.key, hpke.HKDFSHA256(), hpke.AES256GCM(), c.info(k.Public()), box)
	if err != nil {
		return pair, fmt.Errorf("%w: from %s: does not open as epoch %q of body %q", ErrBox, c.From, c.Epoch, c.Body)
	}
	defer clear(plain)
	if copy(pair[:], plain) != keySize || len(plain) != keySize {
		return pair, fmt.Errorf("%w: from %s: holds %d bytes, want %d", ErrBox, c.From, len(plain), keySize)
	}
	if subtle.ConstantTimeCompare(pair[:], make([]byte, keySize)) == 1 {
		return pair, fmt.Errorf("%w: from %s: holds an all-zero secret", ErrBox, c.From)
	}
	return pair, nil
}

// Peer is a party of the epoch with the key from its witnessed EpochKeys.
type Peer struct {
	Party party.ID
	Key   []byte
}

// Box is a sealed pair secret on its way through the hub.
type Box struct {
	To     party.ID
	Sealed []byte
}

// Deal draws a secret for every peer after self in party order, seals it, and keeps it
// in pairs. It returns the statement to log and the boxes to send.
func (k *EpochKey) Deal(body, epoch string, self party.ID, peers []Peer, secret io.Reader) (comity.Boxes, []Box, *Pairs, error) {
	record := comity.Boxes{Epoch: epoch, Nonce: bytes.Clone(k.nonce[:]), Boxes: []comity.SealedBox{}}
	pairs, boxes := &Pairs{}, []Box(nil)
	if len(peers) > MaxMembers {
		return record, nil, nil, fmt.Errorf("%w: %d peers, at most %d", ErrConfig, len(peers), MaxMembers)
	}
	for i, p := range peers {
		if i > 0 && peers[i-1].Party >= p.Party {
			return record, nil, nil, fmt.Errorf("%w: peers %s and %s are not in ascending order", ErrConfig, peers[i-1].Party, p.Party)
		}
		if p.Party <= self {
			continue
		}
		pair, err := wire.Draw(secret)
		if err != nil {
			return record, nil, nil, fmt.Errorf("pair secret for %s: %w", p.Party, err)
		}
		sealed, err := Seal(BoxContext{Body: body, Epoch: epoch, From: self, To: p.Party}, p.Key, pair)
		if err != nil {
			return record, nil, nil, err
		}
		pairs.Set(p.Party, pair)
		boxes = append(boxes, Box{To: p.Party, Sealed: sealed})
		record.Boxes = append(record.Boxes, comity.SealedBox{To: p.Party, Digest: canon.Sum(sealed)})
	}
	return record, boxes, pairs, nil
}
