// Package body is the state of one body, folded from its log.
//
// The log is the consortium: whatever a party may believe about a body follows from
// Fold over its entries, in order. Fold is pure, so the hub that refuses a statement
// and the stranger who replays the log ten years later apply the same rules. Each
// rule has an id that the refusal names (rules.go).
//
// Statements of different members do not depend on one another: those that are
// admissible together fold in any order, so that a sequencer may log them as one batch.
// What closes something for everybody is said by the operator and folds alone.
package body

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/federation"
	"comity/verifier/ledger"
	"comity/verifier/privacy"
)

// View is everything that is known of a body. It holds no cache and nothing that does
// not follow from the log. What is read from its tables never changes afterwards: a
// statement that adds to an entry puts a changed copy in its place.
type View struct {
	Body      string                      `json:"body"`
	Size      int                         `json:"size"`      // Entries folded.
	Root      canon.Digest                `json:"root"`      // RFC 6962 root over them: no byte of the log is left out.
	Time      int                         `json:"unix_time"` // Log time in seconds; 0 before the first TICK.
	TimeAt    int                         `json:"time_at"`   // Entries that the witnesses had seen at that time.
	Charter   canon.Digest                `json:"charter"`
	InForce   bool                        `json:"in_force"` // Ratified by all; its days are checked where something is decided.
	Ratified  map[party.ID]bool           `json:"ratified"`
	Counters  map[party.ID]int            `json:"counters"` // Last counter of each author.
	Epochs    map[string]Epoch            `json:"epochs"`
	Rounds    map[string]Round            `json:"rounds"`
	Questions map[string]federation.Round `json:"questions"`
	Declared  map[string]Declared         `json:"declared"`  // By data clause.
	Decisions map[string]Decision         `json:"decisions"` // By period.
}

// State folds entries into a View. It is not safe for concurrent use.
type State struct {
	view    View
	charter comity.Charter
	sealed  []byte
	tree    ledger.Frontier
	roots   [][32]byte            // Root after each entry, so that a TICK can be matched with this log.
	ledger  *privacy.Ledger       // Of the privacy budget; it follows from the View.
	served  map[string]Registered // By round that is closed with scores: what was in force then. It follows from the View.
}

// New returns the state of a body before its first entry.
func New() *State {
	return &State{served: map[string]Registered{}, view: View{
		Ratified: map[party.ID]bool{}, Counters: map[party.ID]int{}, Epochs: map[string]Epoch{},
		Rounds: map[string]Round{}, Questions: map[string]federation.Round{}, Declared: map[string]Declared{}, Decisions: map[string]Decision{},
	}}
}

// View returns what is known. The caller must not change it.
func (s *State) View() *View { return &s.view }

// Charter returns the rules, in force or only proposed; see View.InForce.
func (s *State) Charter() comity.Charter { return s.charter }

// Sealed returns the canonical bytes of the charter.
func (s *State) Sealed() []byte { return s.sealed }

// Root returns the RFC 6962 root over the first size entries that were folded.
func (s *State) Root(size int) (root [32]byte, ok bool) {
	if size < 1 || size > len(s.roots) {
		return root, false
	}
	return s.roots[size-1], true
}

// Digest returns what members compare in CHECK statements: the digest of the View in
// which each table is replaced by a digest over its entries. A whole View outgrows one
// canonical document after some years of weekly keys; an entry never does.
func (s *State) Digest() (canon.Digest, error) {
	v := s.view
	tables := [5]canon.Digest{}
	var err error
	for i, digest := range [...]func() (canon.Digest, error){
		func() (canon.Digest, error) { return digestTable(v.Epochs) },
		func() (canon.Digest, error) { return digestTable(v.Rounds) },
		func() (canon.Digest, error) { return digestTable(v.Declared) },
		func() (canon.Digest, error) { return digestTable(v.Decisions) },
		func() (canon.Digest, error) { return digestTable(v.Questions) },
	} {
		if tables[i], err = digest(); err != nil {
			return canon.Digest{}, fmt.Errorf("digest of the state after %d entries: %w", v.Size, err)
		}
	}
	v.Epochs, v.Rounds, v.Declared, v.Decisions, v.Questions = nil, nil, nil, nil, nil
	return canon.DigestOf(struct {
		View      View         `json:"view"` // Without its tables.
		Epochs    canon.Digest `json:"epochs"`
		Rounds    canon.Digest `json:"rounds"`
		Declared  canon.Digest `json:"declared"`
		Decisions canon.Digest `json:"decisions"`
		Questions canon.Digest `json:"questions"`
	}{v, tables[0], tables[1], tables[2], tables[3], tables[4]})
}

// digestTable hashes the digests of all entries, each with its name, by ascending name.
func digestTable[V any](table map[string]V) (canon.Digest, error) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(table)) {
		d, err := canon.DigestOf(struct {
			Name  string `json:"name"`
			Entry V      `json:"entry"`
		}{name, table[name]})
		if err != nil {
			return canon.Digest{}, fmt.Errorf("%.80q: %w", name, err)
		}
		h.Write(d[:]) // A hash never fails.
	}
	return canon.Digest(h.Sum(nil)), nil
}

// with returns a copy of m in which key has the value, so that whoever read m keeps
// what it read.
func with[K comparable, V any](m map[K]V, key K, value V) map[K]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[K]V{}
	}
	m[key] = value
	return m
}
