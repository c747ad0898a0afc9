package party

import (
	"errors"
	"fmt"
	"slices"

	"comity/canon"
)

var (
	// ErrSeals says that seals do not meet a rule. Every error of CheckSeals wraps it
	// and one of ErrUnknownSigner, ErrThreshold, ErrSignature and ErrKey.
	ErrSeals = errors.New("seals refused")
	// ErrUnknownSigner says that a seal's key is not among those that may seal.
	ErrUnknownSigner = errors.New("unknown signer")
	// ErrThreshold says that there are fewer seals than the rule asks for.
	ErrThreshold = errors.New("too few seals")
)

// sealDomain keeps a seal from being taken for a signature on anything else.
const sealDomain = "comity-seal/v1\n"

// Seal is one officer's Ed25519 signature on the digest of a document.
type Seal struct {
	Key       string `json:"key"` // The public key as a C2SP verifier key.
	Signature []byte `json:"signature"`
}

// SealDocument signs, for one body, the document with digest d.
func SealDocument(k Key, body string, d canon.Digest) Seal {
	return Seal{k.Verifier(), k.Sign(sealed(body, d))}
}

// CheckSeals accepts at least threshold seals of distinct keys on d for body. Seals
// stand in the order of keys, each key at most once, and every one of them must
// verify: a bad seal is refused even where enough good ones stand beside it.
func CheckSeals(body string, d canon.Digest, keys []string, threshold int, seals []Seal) error {
	if err := checkSeals(body, d, keys, threshold, seals); err != nil {
		return fmt.Errorf("%w on %s for body %q: %w", ErrSeals, d, body, err)
	}
	return nil
}

func checkSeals(body string, d canon.Digest, keys []string, threshold int, seals []Seal) error {
	verifiers, err := parseRule(keys, threshold)
	if err != nil {
		return err
	}
	next := 0 // Keys before it are used up or passed over.
	for i, s := range seals {
		at := slices.Index(keys, s.Key)
		if at < 0 {
			return fmt.Errorf("seal %d of %d: %w: %.120q is none of the %d keys", i+1, len(seals), ErrUnknownSigner, s.Key, len(keys))
		}
		if at < next {
			return fmt.Errorf("seal %d of %d: %w: key %s is repeated or out of order; write seals in the order of the keys",
				i+1, len(seals), ErrThreshold, s.Key)
		}
		if err := verifiers[at].Verify(sealed(body, d), s.Signature); err != nil {
			return fmt.Errorf("seal %d of %d: %w", i+1, len(seals), err)
		}
		next = at + 1
	}
	if len(seals) < threshold {
		return fmt.Errorf("%w: %d, want %d; ask more of the %d keys to seal", ErrThreshold, len(seals), threshold, len(keys))
	}
	return nil
}

// parseRule refuses an M-of-N rule that cannot be met or that counts one key twice.
func parseRule(keys []string, threshold int) ([]Verifier, error) {
	if threshold < 1 || threshold > len(keys) {
		return nil, fmt.Errorf("%w: rule asks for %d seals of %d keys; ask for 1 to %d", ErrThreshold, threshold, len(keys), len(keys))
	}
	seen := make(map[[32]byte]string, len(keys))
	verifiers := make([]Verifier, len(keys))
	for i, text := range keys {
		v, err := ParseVerifier(text)
		if err != nil {
			return nil, fmt.Errorf("key %d of %d: %w", i+1, len(keys), err)
		}
		// One pair under two names would let one officer count as two.
		if first, twice := seen[v.public]; twice {
			return nil, fmt.Errorf("key %d of %d: %w: %s is the same pair as %s", i+1, len(keys), ErrKey, text, first)
		}
		seen[v.public], verifiers[i] = text, v
	}
	return verifiers, nil
}

func sealed(body string, d canon.Digest) []byte {
	return []byte(sealDomain + body + "\n" + d.String() + "\n")
}
