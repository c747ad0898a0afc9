package node

import (
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
)

// Enrolment is what a newcomer presents: the public halves of the keys that it made at
// home, and what it agrees to.
type Enrolment struct {
	Party     party.ID     `json:"party"`
	Terms     canon.Digest `json:"terms"`    // Of the draft without keys.
	Officers  []string     `json:"officers"` // C2SP verifier keys.
	Node      string       `json:"node"`     // C2SP verifier key.
	Witness   string       `json:"witness"`  // C2SP witness key.
	Transport string       `json:"transport"`
}

// SignedEnrolment carries a seal of each officer's key and of the node's: nobody enrols a
// key that another holds. The witness key and the transport key are proven when they are
// first used.
type SignedEnrolment struct {
	Enrolment Enrolment    `json:"enrolment"`
	Seals     []party.Seal `json:"seals"` // Officers' first, then the node's.
}

// Enrolled is the hub's answer.
type Enrolled struct {
	Missing []party.ID `json:"missing"` // Who is invited and has not joined.
}

// Messages of a draft. Guests present tokens, parties that joined ask for the charter.
const (
	MsgEnrol   = "enrol"   // A SignedEnrolment; the answer is an Enrolled.
	MsgCharter = "charter" // The answer is the sealed charter.
)

// Codes with which a hub refuses a newcomer, or lets it wait.
const (
	CodeExpired = "expired" // The invitation's time is over.
	CodeUsed    = "used"    // The invitation was used or withdrawn.
	CodeRefused = "refused" // The enrolment does not fit the invitation.
	CodeDraft   = "draft"   // The charter is not sealed yet.
)

// maxEnrolment bounds a signed enrolment in bytes: seventeen keys and seals of 400 bytes.
const maxEnrolment = 1 << 14

var (
	// ErrEnrolment says that an enrolment is not what the invitation asked for.
	ErrEnrolment = errors.New("enrolment refused")
	// ErrTerms says that a sealed charter is not the draft that this party agreed to.
	ErrTerms = errors.New("not what was agreed")
)

// Sign proves the possession of the keys.
func (e Enrolment) Sign(body string, officers []party.Key, node party.Key) (SignedEnrolment, error) {
	d, err := canon.DigestOf(e)
	s := SignedEnrolment{Enrolment: e}
	for _, k := range append(slices.Clone(officers), node) {
		s.Seals = append(s.Seals, party.SealDocument(k, body, d))
	}
	return s, err
}

// ParseEnrolment reads an enrolment and refuses keys that nobody proved to hold.
func ParseEnrolment(data []byte, body string) (Enrolment, error) {
	var s SignedEnrolment
	if len(data) > maxEnrolment {
		return Enrolment{}, fmt.Errorf("%w: %d bytes, at most %d", ErrEnrolment, len(data), maxEnrolment)
	}
	if err := canon.Unmarshal(data, &s); err != nil {
		return Enrolment{}, fmt.Errorf("%w: %w", ErrEnrolment, err)
	}
	d, err := canon.DigestOf(s.Enrolment)
	if err != nil {
		return Enrolment{}, err
	}
	keys := append(slices.Clone(s.Enrolment.Officers), s.Enrolment.Node)
	if err := party.CheckSeals(body, d, keys, len(keys), s.Seals); err != nil {
		return Enrolment{}, fmt.Errorf("%w: %w", ErrEnrolment, err)
	}
	if w, err := party.ParseCosigner(s.Enrolment.Witness); err != nil || w.Name() != party.WitnessName(s.Enrolment.Party) {
		return Enrolment{}, fmt.Errorf("%w: witness key %.80q; name it %s", ErrEnrolment, s.Enrolment.Witness, party.WitnessName(s.Enrolment.Party))
	}
	return s.Enrolment, nil
}

// Agreed opens a sealed charter and holds it against what a party agreed to: the same
// terms, and its own keys in its own place. The keys of others are theirs to check.
func Agreed(sealed []byte, own Enrolment) (comity.Charter, error) {
	c, digest, err := charter.Open(sealed)
	if err != nil {
		return c, err
	}
	terms, err := canon.DigestOf(WithoutKeys(c))
	if err != nil {
		return c, err
	}
	if terms != own.Terms {
		return c, fmt.Errorf("%w: the charter %q has the terms %s, agreed were %s; ask the operator what was changed and for a new invitation",
			ErrTerms, digest.Words(), terms, own.Terms)
	}
	p, ok := charter.PartyOf(c, own.Party)
	if !ok || !slices.Equal(p.Keys.Of, own.Officers) || p.Node != (comity.Node{Key: own.Node, Transport: own.Transport}) {
		return c, fmt.Errorf("%w: the charter %q lists other keys for %s than those made here", ErrTerms, digest.Words(), own.Party)
	}
	if !slices.Contains(c.Transparency.Witnesses.Of, own.Witness) {
		return c, fmt.Errorf("%w: the charter %q does not count the witness of %s", ErrTerms, digest.Words(), own.Party)
	}
	return c, nil
}
