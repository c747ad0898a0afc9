// Package oneshot adds one vector of integers of each of many members, some of whom may
// fall out at any moment, so that the hub and everybody else learn the sum alone, and
// anyone can check afterwards that it is the sum of what the members committed to.
//
// It is the one-shot mode of Comity's secure aggregation (package secagg is the
// sequence mode; both share lanes, masks, fingerprints and keys). One round, in the
// order of the files that hold it:
//
//	terms     Open is checked; lanes are chosen (terms.go)
//	layout    nonces choose buckets and neighbours (layout.go, group.go)
//	deal      each member shares out what its masks are recovered from (deal.go)
//	settle    bad shares are complained of; who is in is settled (settle.go)
//	upload    masked vectors go to the hub, commitments to the log (member.go)
//	survivors the hub names whose vectors are in the sum (survivors.go)
//	unmask    once that is witnessed, survivors give shares and fingerprints (member.go)
//	result    the hub recovers the masks and publishes the sum (hub.go, unmask.go)
//	verify    anybody recomputes it, and names who is to blame (verify.go, blame.go)
//
// Bytes are in docs/format/secagg-once.md; why this is safe, and what breaks it, is in
// docs/decisions/secure-aggregation.md.
//
// A Member and a Hub are pure state machines: their caller carries the messages, puts
// the statements into the log and takes them from it, owns the deadlines, and supplies
// the secret coin. Each bucket of a round has its own Group, Hub and result. Secret
// values never appear in errors.
package oneshot

import (
	"errors"

	"comity/canon"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/wire"
)

const (
	// MaxMembers bounds one round: 1,000, the largest that was measured.
	MaxMembers = 1000
	// MinBucket is the least size of a bucket where there are several: with fewer,
	// two or three colluders see somebody's vector.
	MinBucket = 5
	// MaxComplete is the largest bucket in which everybody masks with everybody; above
	// it work grows with the square, and a graph of neighbours takes over.
	MaxComplete = 60
	// MaxHolders bounds who holds shares of one member, itself among them: as many peers
	// as Pairs keeps secrets for. GF(256) would have places for 255.
	MaxHolders = secagg.MaxMembers
	// maxText bounds round, epoch, clause and noise names in bytes, as package secagg does.
	maxText = 256
	keySize = wire.KeySize
)

// What can be wrong beyond what package secagg names. Each refusal wraps one of these or
// of those, survivors that are refused also the reason, and names the party it is about.
var (
	ErrTerms   = errors.New("terms of the round are not usable")
	ErrNonce   = errors.New("nonce does not open its commitment")
	ErrBucket  = errors.New("bucket is not usable")
	ErrRound   = errors.New("of another round or bucket")
	ErrContext = errors.New("bound to another context: members were told different stories")

	ErrDeal      = errors.New("deal does not match its statement")
	ErrParcel    = errors.New("parcel does not belong to what its dealer logged")
	ErrComplaint = errors.New("complaint proves nothing")
	ErrUnsealed  = errors.New("share does not open")
	ErrUnequal   = errors.New("share is not the one stated")
	ErrDispute   = errors.New("word against word about a share")
	ErrThreshold = errors.New("too few holders to recover a member's masks")
	ErrExcluded  = errors.New("member is not among those who go on")
	ErrDealers   = errors.New("masked with other members than settled")

	ErrSurvivors = errors.New("survivors are not admissible")
	ErrWitness   = errors.New("no witnessed checkpoint")
	ErrShare     = errors.New("share is not the one that was dealt")
	ErrDealer    = errors.New("shares do not give what their dealer committed to")
	ErrTable     = errors.New("table of pair masks is not the one committed to")
	ErrResult    = errors.New("result does not follow from its evidence")
	ErrBound     = errors.New("sum exceeds what its members could add up to")
)

// label separates the hashes of this mode from those of the sequence mode.
func label(name string) wire.Encoding { return wire.Encode("once/" + name) }

// maskKey is the AES key of a self mask.
func maskKey(context canon.Digest, self [keySize]byte) [keySize]byte {
	return label("mask/self").Bytes(context[:]).Bytes(self[:]).Sum()
}

// Journal is that of package secagg: one per member, round and bucket. A member that
// lost it, or got an older copy back, sits the round out.
type Journal = secagg.Journal

// Store is that of package secagg. A member keeps its masked vector there, a hub
// everything that members send.
type Store = secagg.Store
