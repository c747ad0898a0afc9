package party

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// ErrKey says that a text, file or name cannot be used as a key.
var ErrKey = errors.New("not a usable key")

// privatePrefix starts an encoded private key (golang.org/x/mod/sumdb/note, "Generating Keys").
const privatePrefix = "PRIVATE+KEY+"

// Key is a named Ed25519 key pair. It prints as its name: no format verb, logger or
// encoder writes the secret.
type Key struct {
	name string
	// A function, because package fmt reads the private fields of whatever holds a Key
	// without asking String, and some of its verbs follow pointers.
	seed func() []byte
}

// NewKey draws a key pair from secret, which must be a source such as crypto/rand.Reader.
func NewKey(name string, secret io.Reader) (Key, error) {
	if err := checkName(name); err != nil {
		return Key{}, err
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(secret, seed); err != nil {
		return Key{}, fmt.Errorf("draw key %q: %w", name, err)
	}
	return keyOf(name, seed), nil
}

func keyOf(name string, seed []byte) Key { return Key{name, func() []byte { return seed }} }

// Name returns the name in k's verifier key.
func (k Key) Name() string { return k.name }

// Verifier returns the public half as the text that charters list (see Verifier).
func (k Key) Verifier() string { return encodeKey(k.name, ed25519Type, k.public()) }

// Cosigner returns the public half as a witness key (see Cosigner).
func (k Key) Cosigner() string { return encodeKey(k.name, cosignatureType, k.public()) }

// Sign returns the Ed25519 signature of message (RFC 8032). The caller separates
// domains: every message that Comity signs starts with a line that names its kind.
func (k Key) Sign(message []byte) []byte { return ed25519.Sign(k.private(), message) }

// Cosign returns the timestamped signature of a checkpoint's note text at a time in
// seconds since 1970 (c2sp.org/tlog-cosignature, "Ed25519 signed message").
func (k Key) Cosign(text []byte, unixTime int64) ([]byte, error) {
	if unixTime < 0 {
		return nil, fmt.Errorf("%w: cosignature at %d seconds; a time before 1970 has no encoding", ErrSignature, unixTime)
	}
	return appendCosignature(unixTime, k.Sign(cosigned(text, unixTime))), nil
}

// Skey returns the private key as text for programs that keep it themselves. Whoever
// reads it can sign as k.
func (k Key) Skey() string {
	public := k.Verifier() // Its hash, of the public key, also stands in the private one.
	named := public[:len(public)-keyText]
	return privatePrefix + named + base64.StdEncoding.EncodeToString(append([]byte{ed25519Type}, k.seed()...))
}

// ParseKey reads what Skey writes and nothing else. Its errors do not quote the text.
func ParseKey(text string) (Key, error) {
	rest, ok := strings.CutPrefix(text, privatePrefix)
	name, _, _ := strings.Cut(rest, "+")
	// Base64 may hold plus signs too, so its fixed length says where it begins.
	data, err := base64.StdEncoding.DecodeString(rest[max(0, len(rest)-keyText):])
	if !ok || err != nil || len(data) != 1+ed25519.SeedSize || checkName(name) != nil {
		return Key{}, fmt.Errorf("%w: want one line %sNAME+HASH+BASE64", ErrKey, privatePrefix)
	}
	k := keyOf(name, data[1:])
	if k.Skey() != text {
		return Key{}, fmt.Errorf("%w: private key %q does not match its hash; restore it from a backup", ErrKey, name)
	}
	return k, nil
}

func (k Key) private() ed25519.PrivateKey {
	if k.seed == nil {
		panic("party: Key was not made by NewKey, ParseKey or LoadKey")
	}
	return ed25519.NewKeyFromSeed(k.seed())
}

func (k Key) public() ed25519.PublicKey { return k.private().Public().(ed25519.PublicKey) } //nolint:errcheck,forcetypeassert // Always this type.

// String returns the name and leaves out the secret.
func (k Key) String() string { return "party.Key(" + k.name + ")" }

// GoString returns what String returns.
func (k Key) GoString() string { return k.String() }

// LogValue returns what String returns.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
