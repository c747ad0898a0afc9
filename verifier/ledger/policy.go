package ledger

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"comity"
	"comity/party"

	"golang.org/x/mod/sumdb/note"
)

// MaxWitnesses keeps the log's and all cosignatures within the 100 signature lines
// that note.Open reads (golang.org/x/mod/sumdb/note).
const MaxWitnesses = 99

// Policy says which log is meant and who must have seen it.
type Policy struct {
	Origin    string   // The first line of the log's checkpoints.
	Log       string   // The log's C2SP verifier key (Ed25519).
	Witnesses []string // Verifier keys of type cosignature/v1 that count, at most MaxWitnesses, in any order.
	Threshold int      // How many of them must have cosigned.
}

// PolicyOf returns the policy of a charter. The operator could show its own witness
// whatever it likes, so that witness is not counted, even if the charter lists it.
func PolicyOf(c comity.Charter) Policy {
	p := Policy{
		Origin:    c.Transparency.Log.Origin,
		Log:       c.Transparency.Log.Key,
		Threshold: c.Transparency.Witnesses.Threshold,
	}
	for _, key := range c.Transparency.Witnesses.Of {
		if !isWitness(key, c.Transparency.Log.Operator) {
			p.Witnesses = append(p.Witnesses, key)
		}
	}
	return p
}

// WitnessOf returns the verifier key of a party's witness, if that counts.
func (p Policy) WitnessOf(id party.ID) (key string, ok bool) {
	at := slices.IndexFunc(p.Witnesses, func(key string) bool { return isWitness(key, id) })
	if at < 0 {
		return "", false
	}
	return p.Witnesses[at], true
}

// isWitness tells by its name whose witness a key belongs to.
func isWitness(key string, id party.ID) bool {
	return strings.HasPrefix(key, party.WitnessName(id)+"+")
}

// Check refuses a policy that cannot be met or counts somebody twice, with ErrPolicy.
func (p Policy) Check() error {
	_, err := p.keys()
	return err
}

// keys returns the keys of the policy in the order of signature lines: the log's
// first, then the witnesses' in ascending order of their texts, so that two lists of
// the same witnesses mean the same bytes.
func (p Policy) keys() ([]note.Verifier, error) {
	if len(p.Witnesses) > MaxWitnesses || p.Threshold < 0 || p.Threshold > len(p.Witnesses) {
		return nil, fmt.Errorf("%w: %d of %d witnesses must cosign; list at most %d and ask for no more than are listed",
			ErrPolicy, p.Threshold, len(p.Witnesses), MaxWitnesses)
	}
	log, err := party.ParseVerifier(p.Log)
	if err != nil {
		return nil, fmt.Errorf("%w: log key: %w", ErrPolicy, err)
	}
	list := []note.Verifier{knownKey{p.Log, log.Name(), log.Verify}}
	seen := map[string]string{string(log.PublicKey()): p.Log}
	for _, text := range slices.Sorted(slices.Values(p.Witnesses)) {
		w, err := party.ParseCosigner(text)
		if err != nil {
			return nil, fmt.Errorf("%w: witness key: %w", ErrPolicy, err)
		}
		// A cosignature does not cover its signer's name, so one key under two names
		// would count twice (C2SP tlog-cosignature, "Ed25519 signed message").
		public := string(w.PublicKey())
		if other, ok := seen[public]; ok {
			return nil, fmt.Errorf("%w: %s and %s are one key", ErrPolicy, other, text)
		}
		seen[public] = text
		list = append(list, knownKey{text, w.Name(), func(text, sig []byte) error {
			_, err := w.Verify(text, sig)
			return err
		}})
	}
	return list, nil
}

// knownKey is a key of the policy as package note wants it.
type knownKey struct {
	text   string // The verifier key, checked.
	name   string
	verify func(text, sig []byte) error
}

// Name returns the name of the key.
func (k knownKey) Name() string { return k.name }

// KeyHash returns the hash in the verifier key, NAME+HASH+BASE64.
func (k knownKey) KeyHash() uint32 { return keyHash(k.text, k.name) }

// Verify tells whether sig is a signature of the key on the text of a note.
func (k knownKey) Verify(text, sig []byte) bool { return k.verify(text, sig) == nil }

func keyHash(verifierKey, name string) uint32 {
	hash, err := hex.DecodeString(verifierKey[len(name)+1:][:8])
	if err != nil {
		panic("ledger: a parsed verifier key has no hash")
	}
	return binary.BigEndian.Uint32(hash)
}

// cosignedAt returns the time in a verified cosignature: key hash, 8 bytes of
// seconds, Ed25519 signature.
func cosignedAt(hashAndSig []byte) int64 {
	return int64(binary.BigEndian.Uint64(hashAndSig[4 : len(hashAndSig)-ed25519.SignatureSize])) //nolint:gosec // Verified: below 2^63.
}
