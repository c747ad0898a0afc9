// Package body is the state of one body, folded from its log.
//
// The log is the consortium: whatever a party may believe about a body follows from
// Fold over its entries, in order. Fold is pure, so the hub that refuses a statement
// and the stranger who replays the log ten years later apply the same rules. Each
// rule has an id that the refusal names (rules.go).
package body

import (
	"maps"
	"slices"

	"comity"
	"comity/allocator/program"
	"comity/canon"
	"comity/party"
	"comity/verifier/ledger"
)

// View is everything that is known of a body. Its canonical form is what members
// compare in CHECK statements, so it holds no cache and nothing that is not logged.
type View struct {
	Body      string              `json:"body"`
	Size      int                 `json:"size"`      // Entries folded.
	Time      int                 `json:"unix_time"` // Log time in seconds; 0 before the first TICK.
	Charter   canon.Digest        `json:"charter"`
	InForce   bool                `json:"in_force"`
	Ratified  map[party.ID]bool   `json:"ratified"`
	Counters  map[party.ID]int    `json:"counters"` // Last counter of each author.
	Epochs    map[string]Epoch    `json:"epochs"`
	Rounds    map[string]Round    `json:"rounds"`
	Declared  map[string]Declared `json:"declared"` // By data clause.
	Decisions map[string]Decision `json:"decisions"`
}

// Epoch holds the masking keys of one key epoch.
type Epoch struct {
	Keys  map[party.ID]comity.EpochKeys `json:"keys"`
	Boxes map[party.ID]comity.Boxes     `json:"boxes"`
}

// Round is one federated computation.
type Round struct {
	Plan         comity.Plan                     `json:"plan"`
	Cohorts      []comity.Cohort                 `json:"cohorts"`
	Heads        map[party.ID]comity.Head        `json:"heads"`
	HeadsAt      int                             `json:"heads_at"`  // Log size after the newest head.
	PlacesAt     int                             `json:"places_at"` // Log size whose root chose the fingerprints' places.
	Fingerprints map[party.ID]comity.Fingerprint `json:"fingerprints"`
	Model        *comity.Model                   `json:"model"`
}

// Cohort returns who takes part now, or nobody before the first COHORT.
func (r Round) Cohort() []party.ID {
	if len(r.Cohorts) == 0 {
		return nil
	}
	return r.Cohorts[len(r.Cohorts)-1].Members
}

// Declared keeps the newest declaration of each party under one clause: a party that
// is late keeps the numbers it last signed.
type Declared struct {
	Latest map[party.ID]comity.Declaration `json:"latest"`
}

// Decision is what was decided for one period.
type Decision struct {
	Period     string                       `json:"period"`
	Forecasts  map[party.ID]comity.Forecast `json:"forecasts"`
	Picture    *comity.Picture              `json:"picture"`
	Allocation *comity.Allocation           `json:"allocation"`
	About      canon.Digest                 `json:"about"`    // Digest of the allocation record.
	Expected   comity.Check                 `json:"expected"` // What a member that replayed must find.
	Checks     []party.ID                   `json:"checks"`   // Members that found it, in log order.
	Dissents   []party.ID                   `json:"dissents"` // Members that found something else.
}

// State folds entries into a View. It is not safe for concurrent use.
type State struct {
	view    View
	charter comity.Charter
	sealed  []byte
	tree    ledger.Frontier
	roots   [][32]byte // Root after each entry, so that a TICK can be matched with this log.
}

// New returns the state of a body before its first entry.
func New() *State {
	return &State{view: View{
		Ratified: map[party.ID]bool{}, Counters: map[party.ID]int{}, Epochs: map[string]Epoch{},
		Rounds: map[string]Round{}, Declared: map[string]Declared{}, Decisions: map[string]Decision{},
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

// Digest returns the digest of the View.
func (s *State) Digest() (canon.Digest, error) { return canon.DigestOf(s.view) }

// Effective tells whether the allocation of a period has effect: as many members as
// the charter's witness threshold replayed the log and found the same state.
func (s *State) Effective(period string) bool {
	d, ok := s.view.Decisions[period]
	return ok && d.Allocation != nil && len(d.Checks) >= s.charter.Transparency.Witnesses.Threshold
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

// declarations returns the newest declaration of every party under every clause.
func (s *State) declarations() []program.Declared {
	var all []program.Declared
	for _, clause := range slices.Sorted(maps.Keys(s.view.Declared)) {
		latest := s.view.Declared[clause].Latest
		for _, id := range slices.Sorted(maps.Keys(latest)) {
			all = append(all, program.Declared{Party: id, Declaration: latest[id]})
		}
	}
	return all
}

// LatestModel returns the newest model of the charter's task and its round.
func (s *State) LatestModel() (round string, model comity.Model, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(s.view.Rounds)) {
		// Round names begin with their period, so that the last one is the newest.
		if m := s.view.Rounds[name].Model; m != nil {
			round, model, ok = name, *m, true
		}
	}
	return round, model, ok
}
