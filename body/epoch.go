package body

import (
	"crypto/ecdh"
	"crypto/hpke"
	"fmt"
	"slices"

	"comity"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/secagg"
)

// Epoch holds the masking keys of one key epoch.
type Epoch struct {
	Keys  map[party.ID]comity.EpochKeys `json:"keys"`
	Boxes map[party.ID]comity.Boxes     `json:"boxes"`
	// Late parties published a key after the first nonce was out. They could have chosen
	// their own share of the public coin to fit the others', so no round counts on them.
	Late map[party.ID]bool `json:"late"`
	// Opened lists the questions of this epoch that were opened, in log order: pair
	// secrets are ratcheted through all of them.
	Opened []string `json:"opened"`
}

// EpochName returns the name of the key epoch of one period: "pool-5/2026-11-18".
func EpochName(body, period string) string { return body + "/" + period }

// maxEpoch bounds the name of an epoch in bytes, as package secagg does.
const maxEpoch = 256

func (s *State) keys(author party.ID, k comity.EpochKeys) (func(), broken) {
	if k.Epoch == "" || len(k.Epoch) > maxEpoch {
		return nil, breaks(RuleForm, "epoch of %d bytes; want 1 to %d", len(k.Epoch), maxEpoch)
	}
	if !slices.Contains(charter.Members(s.charter), author) {
		return nil, breaks(RuleClause, "no clause adds up rows of %s, so it needs no key", author)
	}
	e := s.view.Epochs[k.Epoch]
	if _, said := e.Keys[author]; said {
		return nil, breaks(RuleOnce, "%s has keys for epoch %q", author, k.Epoch)
	}
	if err := checkKey(k.Key); err != nil {
		return nil, broken{RuleForm, err}
	}
	return func() {
		if len(e.Boxes) > 0 {
			e.Late = with(e.Late, author, true)
		}
		e.Keys = with(e.Keys, author, k)
		s.view.Epochs[k.Epoch] = e
	}, broken{}
}

// checkKey refuses a key to which nobody could seal: one such key would stop every
// member that has to. It is an ML-KEM-768 key and an X25519 point
// (draft-ietf-hpke-pq, MLKEM768-X25519); a point of low order gives no secret (RFC 7748,
// section 6.1), whatever the scalar.
func checkKey(key []byte) error {
	if len(key) != secagg.PublicKeySize {
		return fmt.Errorf("epoch key of %d bytes, want %d", len(key), secagg.PublicKeySize)
	}
	if _, err := hpke.MLKEM768X25519().NewPublicKey(key); err != nil {
		return fmt.Errorf("epoch key: %w", err)
	}
	point, err := ecdh.X25519().NewPublicKey(key[len(key)-32:])
	if err != nil {
		return fmt.Errorf("epoch key: %w", err)
	}
	scalar, err := ecdh.X25519().NewPrivateKey(make([]byte, 32)) // Any will do.
	if err != nil {
		return fmt.Errorf("epoch key: %w", err)
	}
	if _, err := scalar.ECDH(point); err != nil {
		return fmt.Errorf("epoch key: %w", err)
	}
	return nil
}

func (s *State) boxes(author party.ID, b comity.Boxes) (func(), broken) {
	e := s.view.Epochs[b.Epoch]
	own, ok := e.Keys[author]
	if !ok {
		return nil, breaks(RuleEpoch, "%s has no key in epoch %.80q", author, b.Epoch)
	}
	if _, said := e.Boxes[author]; said {
		return nil, breaks(RuleOnce, "%s sealed its boxes of epoch %q", author, b.Epoch)
	}
	if err := secagg.CheckNonce(b.Epoch, author, b.Nonce, own.NonceCommit); err != nil {
		return nil, broken{RuleEpoch, err}
	}
	last := author
	for _, box := range b.Boxes {
		if _, ok := e.Keys[box.To]; !ok || box.To <= last {
			return nil, breaks(RuleEpoch, "box to %.40q after %s: boxes go to later parties with keys, ascending", box.To, last)
		}
		last = box.To
	}
	return func() {
		e.Boxes = with(e.Boxes, author, b)
		s.view.Epochs[b.Epoch] = e
	}, broken{}
}

// Eligible returns the parties that can take part in a round under an epoch's keys, in
// ascending order: those that the model's clause asks, whose key was in time, and who
// sealed a box to every later one of them. A party that left somebody out is itself
// left out, so that nobody can push another one away.
func (s *State) Eligible(epoch string) []party.ID {
	clause, _ := charter.Clause(s.charter, s.charter.Models.Clause)
	return s.eligible(epoch, clause.From)
}

func (s *State) eligible(epoch string, from []party.ID) []party.ID {
	e := s.view.Epochs[epoch]
	var ready, eligible []party.ID
	for _, id := range from {
		if _, sealed := e.Boxes[id]; sealed && !e.Late[id] {
			ready = append(ready, id)
		}
	}
	for i, dealer := range ready {
		lacks := func(to party.ID) bool {
			return !slices.ContainsFunc(e.Boxes[dealer].Boxes, func(b comity.SealedBox) bool { return b.To == to })
		}
		if !slices.ContainsFunc(ready[i+1:], lacks) {
			eligible = append(eligible, dealer)
		}
	}
	return eligible
}

// Nonces returns the revealed shares of the public coin of a round's first cohort, in
// party order.
func (s *State) Nonces(round string) [][]byte {
	r := s.view.Rounds[round]
	if len(r.Cohorts) == 0 {
		return nil
	}
	var nonces [][]byte
	for _, id := range r.Cohorts[0].Members {
		nonces = append(nonces, s.view.Epochs[r.Plan.Epoch].Boxes[id].Nonce)
	}
	return nonces
}
