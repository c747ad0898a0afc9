package ledger

import (
	"bytes"
	"fmt"

	"comity"
	"comity/canon"
	"comity/party"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxEntry is the largest entry in bytes: an entry bundle states each length in 16
// bits (https://c2sp.org/tlog-tiles, "Log Entries"). Larger records are blobs that
// a record names by digest.
const MaxEntry = 1<<16 - 1

// maxName bounds the name of a body or a kind in bytes; both are short words.
const maxName = 100

// The fixed texts of an entry.
const (
	payloadType   = "application/vnd.in-toto+json"    // DSSE media type of in-toto statements.
	statementType = "https://in-toto.io/Statement/v1" // in-toto attestation framework, Statement v1.
	predicateType = "https://comity.example/statement/v1"
)

// Entry is a signed statement as the log keeps it: a DSSE envelope in canonical JSON
// around an in-toto Statement v1 whose predicate is the comity.Statement.
type Entry struct {
	raw       []byte
	envelope  envelope
	statement comity.Statement
}

// envelope is https://github.com/secure-systems-lab/dsse/blob/master/envelope.md.
type envelope struct {
	Payload     []byte      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// attestation is https://in-toto.io/Statement/v1.
type attestation struct {
	Type          string           `json:"_type"`
	Predicate     comity.Statement `json:"predicate"`
	PredicateType string           `json:"predicateType"`
	Subject       []subject        `json:"subject"`
}

type subject struct {
	Digest map[string]string `json:"digest"`
	Name   string            `json:"name"`
}

// Sign returns the entry in which k signs s.
func Sign(s comity.Statement, k party.Key) ([]byte, error) {
	payload, err := canon.Marshal(attest(s))
	if err != nil {
		return nil, fmt.Errorf("sign statement %s: %w", subjectName(s), err)
	}
	entry, err := canon.Marshal(envelope{
		Payload:     payload,
		PayloadType: payloadType,
		Signatures:  []signature{{KeyID: k.Name(), Sig: k.Sign(preAuthentication(payload))}},
	})
	if err != nil {
		return nil, fmt.Errorf("sign statement %s: %w", subjectName(s), err)
	}
	if _, err := Parse(entry); err != nil {
		return nil, fmt.Errorf("sign statement %s: %w", subjectName(s), err)
	}
	return entry, nil
}

// Parse reads an entry and refuses every byte sequence that Sign would not write:
// another type, another subject than the record, another order, a second signature.
// It does not check the signature; Verify does.
func Parse(data []byte) (Entry, error) {
	if len(data) > MaxEntry {
		return Entry{}, fmt.Errorf("%w: entry of %d bytes, at most %d; put the record into a blob and log its digest",
			ErrMalformed, len(data), MaxEntry)
	}
	e := Entry{raw: bytes.Clone(data)}
	if err := canon.Unmarshal(data, &e.envelope); err != nil {
		return Entry{}, fmt.Errorf("%w: entry: envelope: %w", ErrMalformed, err)
	}
	if e.envelope.PayloadType != payloadType {
		return Entry{}, fmt.Errorf("%w: entry: payload type %.60q, want %q", ErrMalformed, e.envelope.PayloadType, payloadType)
	}
	if n := len(e.envelope.Signatures); n != 1 {
		return Entry{}, fmt.Errorf("%w: entry: %d signatures, want 1", ErrMalformed, n)
	}
	var a attestation
	if err := canon.Unmarshal(e.envelope.Payload, &a); err != nil {
		return Entry{}, fmt.Errorf("%w: entry: statement: %w", ErrMalformed, err)
	}
	if err := checkStatement(a.Predicate); err != nil {
		return Entry{}, err
	}
	want, err := canon.Marshal(attest(a.Predicate))
	if err != nil {
		return Entry{}, fmt.Errorf("%w: entry: %w", ErrMalformed, err)
	}
	if !bytes.Equal(want, e.envelope.Payload) {
		return Entry{}, fmt.Errorf("%w: entry: types or subject do not fit the predicate of %s", ErrMalformed, subjectName(a.Predicate))
	}
	e.statement = a.Predicate
	return e, nil
}

// Statement returns what the author says.
func (e Entry) Statement() comity.Statement { return e.statement }

// KeyID returns the name of the key that the entry claims to be signed by.
func (e Entry) KeyID() string { return e.envelope.Signatures[0].KeyID }

// Leaf returns the RFC 6962 leaf hash of the entry's bytes.
func (e Entry) Leaf() tlog.Hash { return tlog.RecordHash(e.raw) }

// Verify checks the signature against a C2SP verifier key of Ed25519: the author's
// node key in the charter in force. It fails with ErrSignature, or with ErrPolicy
// if the key itself cannot be read.
func (e Entry) Verify(verifierKey string) error {
	v, err := party.ParseVerifier(verifierKey)
	if err != nil {
		return fmt.Errorf("verify statement %s: %w: %w", subjectName(e.statement), ErrPolicy, err)
	}
	if e.KeyID() != v.Name() {
		return fmt.Errorf("%w: statement %s names key %.80q, its author's is %s",
			ErrSignature, subjectName(e.statement), e.KeyID(), v)
	}
	if err := v.Verify(preAuthentication(e.envelope.Payload), e.envelope.Signatures[0].Sig); err != nil {
		return fmt.Errorf("%w: statement %s: %w", ErrSignature, subjectName(e.statement), err)
	}
	return nil
}

func attest(s comity.Statement) attestation {
	return attestation{
		Type:          statementType,
		Predicate:     s,
		PredicateType: predicateType,
		Subject: []subject{{
			Digest: map[string]string{"sha256": canon.Sum(s.Record).Hex()},
			Name:   subjectName(s),
		}},
	}
}

func checkStatement(s comity.Statement) error {
	if err := s.Author.Check(); err != nil {
		return fmt.Errorf("%w: entry: author: %w", ErrMalformed, err)
	}
	if s.Body == "" || len(s.Body) > maxName || s.Kind == "" || len(s.Kind) > maxName || s.Counter < 1 {
		return fmt.Errorf("%w: entry: body %.40q, kind %.40q, counter %d; give names of 1 to %d bytes and count from 1",
			ErrMalformed, s.Body, s.Kind, s.Counter, maxName)
	}
	if len(s.Record) == 0 || s.Record[0] != '{' {
		return fmt.Errorf("%w: entry: the record of statement %s is not an object", ErrMalformed, subjectName(s))
	}
	return nil
}

// subjectName is "<body>/<author>/<counter>"; it is unique in a log.
func subjectName(s comity.Statement) string {
	return fmt.Sprintf("%s/%s/%d", s.Body, s.Author, s.Counter)
}

// preAuthentication is DSSE's PAE: what is signed says its own type and lengths, so
// that no other message of the same key can be read as an entry
// (https://github.com/secure-systems-lab/dsse/blob/master/protocol.md).
func preAuthentication(payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}
