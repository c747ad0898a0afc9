package nats

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"

	"comity/party"

	"github.com/nats-io/nkeys"
)

// Identity is a member's NATS user NKey. It prints as its public half.
type Identity struct {
	public string
	sign   func(nonce []byte) ([]byte, error)
	seed   func() string // A function, so that no format verb finds it.
}

// NewIdentity draws an identity from secret, which must be a source such as
// crypto/rand.Reader.
func NewIdentity(secret io.Reader) (Identity, error) {
	var raw [ed25519.SeedSize]byte
	if _, err := io.ReadFull(secret, raw[:]); err != nil {
		return Identity{}, fmt.Errorf("draw identity: %w", err)
	}
	pair, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, raw[:])
	if err != nil {
		return Identity{}, fmt.Errorf("draw identity: %w", err)
	}
	return identityOf(pair)
}

// ParseIdentity reads what Seed writes. Its errors do not quote the text.
func ParseIdentity(seed string) (Identity, error) {
	// The library's errors are left out: it has seen the secret.
	prefix, raw, err := nkeys.DecodeSeed([]byte(seed))
	if err != nil || prefix != nkeys.PrefixByteUser {
		return Identity{}, fmt.Errorf("%w: want the seed of a NATS user NKey (SU...)", party.ErrKey)
	}
	// Base32 has bits to spare in the last letter: one secret has one text.
	if again, err := nkeys.EncodeSeed(prefix, raw); err != nil || string(again) != seed {
		return Identity{}, fmt.Errorf("%w: want the seed of a NATS user NKey as it was written", party.ErrKey)
	}
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return Identity{}, fmt.Errorf("%w: want the seed of a NATS user NKey (SU...)", party.ErrKey)
	}
	return identityOf(pair)
}

// Seed returns the secret half as text for programs that keep it themselves. Whoever
// reads it can connect as i.
func (i Identity) Seed() string { return i.seed() }

func identityOf(pair nkeys.KeyPair) (Identity, error) {
	public, err := pair.PublicKey()
	if err != nil {
		return Identity{}, fmt.Errorf("identity: %w", err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return Identity{}, fmt.Errorf("identity: %w", err)
	}
	return Identity{public, pair.Sign, func() string { return string(seed) }}, nil
}

// Public returns the NKey that the charter lists: "U" and 55 more characters.
func (i Identity) Public() string { return i.public }

// String returns what Public returns.
func (i Identity) String() string { return i.public }

// GoString returns what Public returns.
func (i Identity) GoString() string { return i.public }

// LogValue returns what Public returns.
func (i Identity) LogValue() slog.Value { return slog.StringValue(i.public) }

// SaveIdentity writes i to a new file that only its owner may read.
func SaveIdentity(path string, i Identity) error { return party.SaveSecret(path, i.seed()) }

// LoadIdentity reads what SaveIdentity wrote, and refuses a file that others may read.
func LoadIdentity(path string) (Identity, error) {
	line, err := party.LoadSecret(path)
	if err != nil {
		return Identity{}, err
	}
	i, err := ParseIdentity(line)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %s:1:1: %w", party.ErrKeyFile, path, err)
	}
	return i, nil
}
