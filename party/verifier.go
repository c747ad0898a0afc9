package party

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Signature types of verifier keys (c2sp.org/signed-note, "Signature types").
const (
	ed25519Type     = 0x01
	cosignatureType = 0x04
)

// maxName bounds a key name: names are host names with a path, and 200 bytes are ample.
const maxName = 200

// keyText is the length of base64(type byte and 32 bytes of key), which has no padding.
const keyText = (1 + ed25519.PublicKeySize) / 3 * 4

// ErrSignature says that a signature is not one of this key on this message.
var ErrSignature = errors.New("signature does not verify")

// Verifier is a named Ed25519 public key of signature type 0x01. Its text is the C2SP
// verifier key NAME+HASH+BASE64 with HASH = SHA-256(name, newline, type, key)[:4] in
// hex (c2sp.org/signed-note).
type Verifier struct{ publicKey }

// Cosigner is a named Ed25519 public key of signature type 0x04: it verifies
// cosignatures on checkpoints and nothing else (c2sp.org/tlog-cosignature).
type Cosigner struct{ publicKey }

// ParseVerifier reads a verifier key of type 0x01 and refuses every other spelling.
func ParseVerifier(text string) (Verifier, error) {
	k, err := parsePublic(text, ed25519Type)
	return Verifier{k}, err
}

// ParseCosigner reads a verifier key of type 0x04 and refuses every other spelling.
func ParseCosigner(text string) (Cosigner, error) {
	k, err := parsePublic(text, cosignatureType)
	return Cosigner{k}, err
}

// Verify refuses a signature that v's owner did not make on message.
func (v Verifier) Verify(message, signature []byte) error {
	if !ed25519.Verify(v.public[:], message, signature) {
		return fmt.Errorf("%w: %d bytes under key %s", ErrSignature, len(signature), v)
	}
	return nil
}

// String returns the verifier key.
func (v Verifier) String() string { return encodeKey(v.name, ed25519Type, v.public[:]) }

// Cosigner returns the witness key of the same pair, to compare with a charter's list.
func (v Verifier) Cosigner() Cosigner { return Cosigner(v) }

// String returns the witness key.
func (c Cosigner) String() string { return encodeKey(c.name, cosignatureType, c.public[:]) }

// Verify checks a timestamped signature on a checkpoint's note text and returns its
// time in seconds since 1970.
func (c Cosigner) Verify(text, signature []byte) (unixTime int64, err error) {
	if len(signature) != 8+ed25519.SignatureSize || signature[0] >= 0x80 {
		return 0, fmt.Errorf("%w: %d bytes under witness key %s, want a time and %d", ErrSignature, len(signature), c, ed25519.SignatureSize)
	}
	unixTime = int64(binary.BigEndian.Uint64(signature)) //nolint:gosec // Below 2^63, as the first bit is zero.
	if !ed25519.Verify(c.public[:], cosigned(text, unixTime), signature[8:]) {
		return 0, fmt.Errorf("%w: cosignature at time %d under witness key %s", ErrSignature, unixTime, c)
	}
	return unixTime, nil
}

// cosigned is what a witness signs.
func cosigned(text []byte, unixTime int64) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatInt(unixTime, 10)+"\n"), text...)
}

func appendCosignature(unixTime int64, signature []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(unixTime)), signature...) //nolint:gosec // Checked by Cosign.
}

// publicKey is what both kinds of key share.
type publicKey struct {
	name   string
	public [ed25519.PublicKeySize]byte
}

// Name returns the name in the key.
func (p publicKey) Name() string { return p.name }

// PublicKey returns a copy of the 32 bytes of RFC 8032.
func (p publicKey) PublicKey() ed25519.PublicKey { return bytes.Clone(p.public[:]) }

func parsePublic(text string, kind byte) (publicKey, error) {
	name, _, _ := strings.Cut(text, "+")
	if len(text) > maxName+2+8+keyText || len(text) < keyText {
		return publicKey{}, fmt.Errorf("%w: verifier key of %d characters; expected NAME+HASH+BASE64", ErrKey, len(text))
	}
	if err := checkName(name); err != nil {
		return publicKey{}, err
	}
	data, err := base64.StdEncoding.DecodeString(text[len(text)-keyText:])
	if err != nil || data[0] != kind {
		return publicKey{}, fmt.Errorf("%w: %.60q; expected NAME+HASH+BASE64 of signature type %d", ErrKey, text, kind)
	}
	k := publicKey{name, [ed25519.PublicKeySize]byte(data[1:])}
	if want := encodeKey(name, kind, k.public[:]); want != text {
		return publicKey{}, fmt.Errorf("%w: %.60q; its hash and key are written %s", ErrKey, text, want)
	}
	if isWeak(k.public) {
		return publicKey{}, fmt.Errorf("%w: %s has small order, so anybody can sign for it; make a new key", ErrKey, text)
	}
	return k, nil
}

// encodeKey writes NAME+HASH+BASE64.
func encodeKey(name string, kind byte, public []byte) string {
	data := append([]byte{kind}, public...)
	hash := sha256.Sum256(append([]byte(name+"\n"), data...))
	return name + "+" + hex.EncodeToString(hash[:4]) + "+" + base64.StdEncoding.EncodeToString(data)
}

// checkName follows c2sp.org/signed-note: no spaces, no plus sign, not empty. Control
// characters would break the notes that carry the name.
func checkName(name string) error {
	bad := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '+' }
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%w: name %.60q; use 1 to %d bytes without spaces and plus signs", ErrKey, name, maxName)
	}
	return nil
}

// isWeak tells whether a public key is one of the points of order 1, 2, 4 or 8, under
// which one signature fits many messages: its owner could disown every seal.
// The encodings, sign bit aside, are those of Cremers and Jackson, "Prime, Order
// Please! Revisiting Small Subgroup and Invalid Curve Attacks" (2019), table 2.
func isWeak(public [ed25519.PublicKeySize]byte) bool {
	public[31] &= 0x7f
	switch hex.EncodeToString(public[:]) {
	case "0000000000000000000000000000000000000000000000000000000000000000", // y = 0: order 4.
		"0100000000000000000000000000000000000000000000000000000000000000", // y = 1: order 1.
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // Order 8.
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // Order 8.
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = -1: order 2.
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p: order 4.
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f": // y = p + 1: order 1.
		return true
	}
	return false
}
