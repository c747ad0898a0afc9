// Package secagg lets members add integer vectors so that the hub and everybody else
// learn the sum alone, and anyone can check afterwards that the published sums are of
// what the members committed to.
//
// It is the sequence mode of Comity's secure aggregation: a fixed cohort adds many
// vectors one after another, two messages a member and step. A member uploads its
// vector under a self mask and one mask per peer; when it has seen everybody's
// commitments under its own transcript digest it reveals its self mask, once. The
// peer masks cancel in the sum. What each message holds is in docs/format/secagg.md;
// why this is safe, and what breaks it, is in docs/decisions/secure-aggregation.md.
//
// A Member and a Hub are pure state machines: their caller carries the messages, owns
// the deadlines, keeps the Journal and the Store, and supplies the secret coin. Secret
// values never appear in errors.
//
// Package oneshot, below this one, is the other mode: one sum from many members of whom
// some may drop out. Both share lanes and masks, fingerprints and byte forms (internal),
// epoch keys, pair secrets and the public coin (epoch.go, pairs.go, coin.go).
package secagg

import (
	"errors"
	"fmt"

	"comity/verifier/secagg/internal/lane"
	"comity/verifier/secagg/internal/wire"
)

const (
	// MaxMembers bounds a cohort: 200, the largest that the design was measured for.
	// A sum of 200 words carries at most 199, which fits a byte.
	MaxMembers = 200
	// MinMembers is the smallest cohort whose sum is not one peer's input.
	MinMembers = 3
	// MaxLanes bounds one vector: 2^20 integers, the 10^6 of the design rounded up.
	MaxLanes = 1 << 20
	// MaxSteps bounds one round: ten times the 300 sums a training run aims at,
	// rounded up to a power of two.
	MaxSteps = 1 << 12
	// MaxAttempts bounds how often a round may begin again with a fresh sample, because
	// each time may let the hub learn one more sum over nearly the same cohort: the
	// third of the largest cohort that may drop out, one by one.
	MaxAttempts = MaxMembers / 3
	// MaxName bounds a step's name in bytes.
	MaxName = 64
	// maxText bounds round, epoch and body names in bytes.
	maxText = 256
	// keySize is the length of pair secrets, self masks, salts and PRG keys in bytes.
	keySize = wire.KeySize
)

// What can be wrong. Each refusal wraps exactly one of these.
var (
	ErrConfig     = errors.New("secagg configuration is not usable")
	ErrMalformed  = wire.ErrMalformed
	ErrRandom     = wire.ErrRandom
	ErrStranger   = errors.New("party is not in the cohort")
	ErrOrder      = errors.New("out of order")
	ErrStep       = errors.New("other step than expected")
	ErrAttempt    = errors.New("other attempt than expected")
	ErrTranscript = errors.New("other transcript: members were told different stories")
	ErrRepeated   = errors.New("second, different message for the same place")
	ErrRange      = errors.New("input outside the bound that keeps the sum in its ring")
	ErrReused     = errors.New("input was lost after commitment and must not be summed again")
	ErrClosed     = errors.New("round is closed: its fingerprint was given")

	ErrCohort     = errors.New("cohort is not admissible")
	ErrSuccessor  = errors.New("cohort already has another successor")
	ErrMinMembers = errors.New("cohort is below its minimum")

	ErrCommitment    = errors.New("upload does not match its commitment")
	ErrOwnCommitment = errors.New("own commitment was changed")
	ErrEquivocation  = errors.New("other commitments than those already answered")
	ErrReveal        = errors.New("reveal does not open its commitment")
	ErrOwnReveal     = errors.New("own reveal was changed")
	ErrSum           = errors.New("sum blob does not fit its step")

	ErrBox     = errors.New("sealed box refused")
	ErrNonce   = errors.New("nonce does not open its commitment")
	ErrJournal = errors.New("journal does not fit this round")

	ErrHead        = errors.New("head is not on the transcript's chain")
	ErrFingerprint = errors.New("fingerprints do not add up to that of the sums")
	ErrOpening     = errors.New("opened vector does not match its commitment")
	ErrIncomplete  = errors.New("evidence is incomplete")
)

// Journal keeps what a member must not forget: one per member and round, open to one
// Member at a time. It holds secrets; keep it as safe as the member's keys and erase it
// when the round is over. A member that lost its journal, or got an older copy back,
// must sit the round out.
type Journal interface {
	// Entries returns all entries in the order in which they were appended. An entry
	// whose Append never returned may be missing; it is never cut short.
	Entries() ([][]byte, error)
	// Append returns after the entry is on stable storage.
	Append(entry []byte) error
}

// Store keeps masked vectors until the round is checked: they outgrow memory (100
// steps of 80 kB by 30 members are 240 MB). Names are safe as file names.
type Store interface {
	// Put keeps a copy of data under name and replaces what was there.
	Put(name string, data []byte) error
	// Get returns what Put kept.
	Get(name string) ([]byte, error)
}

// Step says what is added: Lanes integers that travel in a ring of Bits bits.
type Step struct {
	Name  string // 1 to MaxName printable ASCII characters without spaces.
	Bits  int    // 32 or 64; the sum over all members stays below 2^(Bits-1) in size.
	Lanes int    // 1 to MaxLanes.
}

// check refuses a step that no party may run.
func (s Step) check() error {
	ok := len(s.Name) >= 1 && len(s.Name) <= MaxName
	for i := range len(s.Name) {
		ok = ok && s.Name[i] > ' ' && s.Name[i] <= '~'
	}
	switch {
	case !ok:
		return fmt.Errorf("%w: step name %.80q; use 1 to %d printable ASCII characters", ErrConfig, s.Name, MaxName)
	case s.Bits != 32 && s.Bits != 64:
		return fmt.Errorf("%w: step %s in %d bits; use 32 or 64", ErrConfig, s.Name, s.Bits)
	case s.Lanes < 1 || s.Lanes > MaxLanes:
		return fmt.Errorf("%w: step %s of %d lanes; use 1 to %d", ErrConfig, s.Name, s.Lanes, MaxLanes)
	}
	return nil
}

// shape is how the lanes travel.
func (s Step) shape() lane.Shape { return lane.Shape{Bits: s.Bits, Lanes: s.Lanes} }

// size is the length of one masked vector in bytes.
func (s Step) size() int { return s.Lanes * s.Bits / 8 }

// words is the number of 32-bit words of one vector, the unit of carries and fingerprints.
func (s Step) words() int { return s.Lanes * s.Bits / 32 }

// String names the step in errors.
func (s Step) String() string { return fmt.Sprintf("%s of %d x %d bits", s.Name, s.Lanes, s.Bits) }
