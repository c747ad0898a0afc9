// Package federation runs one question from its approval to its sum as a state machine
// over the log.
//
// Round is what the log says of it; Admit holds the rules. Participant and Conductor are
// a member's and the hub's side: shown the log, each says what is due now, again and
// again until it is in the log. Nothing depends on a message that came or did not come:
// what is lost, repeated, late or forgotten in a crash is said again, and a statement that
// is there already is refused. So a round ends with the same sum however it was
// interrupted, or with that of those who were left when a deadline had passed.
//
// Masks, shares and sums are those of package oneshot; here is when they are due.
package federation

import (
	"maps"
	"math"
	"slices"

	"comity"
	"comity/party"
	"comity/verifier/secagg/oneshot"
)

// Round is one question and all that was said about it. It is part of a body's state: a
// change makes a new one, and what was read before stays as it was.
type Round struct {
	Question comity.Question `json:"question"`
	By       party.ID        `json:"by"` // Who asked.
	// AskedAt is the log size right after the question. Asked is the first log time that the
	// witnesses told after that, in seconds, 0 before: a log that stood still tells old ones.
	AskedAt     int                         `json:"asked_at"`
	Asked       int                         `json:"asked"`
	Consents    map[party.ID]comity.Consent `json:"consents"`
	Invited     []party.ID                  `json:"invited"` // Who may join, fixed when it opened.
	Open        *comity.Open                `json:"open"`
	Joins       map[party.ID]comity.Join    `json:"joins"`
	Nonces      map[party.ID]comity.Nonce   `json:"nonces"`
	Deals       map[party.ID]comity.Deal    `json:"deals"`
	Complaints  []Filed                     `json:"complaints"` // In log order.
	Settled     map[party.ID]bool           `json:"settled"`
	Commits     map[party.ID]comity.Commit  `json:"commits"`
	Survivors   *comity.Survivors           `json:"survivors"`
	SurvivorsAt int                         `json:"survivors_at"` // Log size right after: its root chooses the places of fingerprints.
	Unmasks     map[party.ID]comity.Unmask  `json:"unmasks"`
	Result      *comity.Result              `json:"result"`
}

// Filed is a complaint with its author.
type Filed struct {
	By        party.ID         `json:"by"`
	Complaint comity.Complaint `json:"complaint"`
}

// Phase is what a round waits for.
type Phase string

// The phases in order. Each ends when everybody it waits for has spoken, or at its
// deadline in log time.
const (
	Asked       Phase = "asked"       // Consents, then the hub's opening.
	Joining     Phase = "joining"     // Joins: commitments to nonces.
	Drawing     Phase = "drawing"     // Nonces: the public coin.
	Dealing     Phase = "dealing"     // Deals: what masks can be recovered from.
	Complaining Phase = "complaining" // Complaints, or that there are none.
	Committing  Phase = "committing"  // Commitments to masked vectors.
	Closing     Phase = "closing"     // The hub names the survivors.
	Unmasking   Phase = "unmasking"   // Shares and fingerprints.
	Answered    Phase = "answered"
	Failed      Phase = "failed" // Too few were left.
)

// Board is a round as one party sees it in its own copy of the log.
type Board struct {
	Round
	Now   int        // Log time.
	Ready []party.ID // Who has keys and boxes in the epoch and approved, ascending; nobody once it is open.
	From  []party.ID // Whose rows are asked about.
	// Needed is how many parties must approve before the round opens.
	Needed int
	// Root returns the root over the first so many entries of the log, as witnessed.
	Root func(size int) ([32]byte, bool)
}

// Phase tells what the round waits for.
func (b Board) Phase() Phase {
	switch r := b.Round; {
	case r.Result != nil:
		return Answered
	case r.Open == nil:
		return Asked
	case r.Survivors != nil: // They were named when the phases below were over, and log time never goes back.
		return Unmasking
	case b.Now < r.Open.JoinBy && len(r.Joins) < len(r.Invited):
		return Joining
	case b.Now < r.Open.NonceBy && len(r.Nonces) < len(r.Joins):
		return Drawing
	}
	return b.afterDrawing()
}

// Decided tells whether everybody who is asked answered, or had the time of a phase to: only
// then may the round open, so that nobody is left out by haste.
func (b Board) Decided() bool { return b.Now >= b.Deadline() || len(b.Consents) >= len(b.From) }

// Deadline is the log time at which the phase ends though some are silent.
func (b Board) Deadline() int {
	switch {
	case b.Open == nil && b.Asked == 0:
		return math.MaxInt
	case b.Open == nil:
		return b.Asked + b.Question.Seconds
	}
	switch b.Phase() {
	case Joining:
		return b.Open.JoinBy
	case Drawing:
		return b.Open.NonceBy
	case Dealing:
		return b.Open.DealBy
	case Complaining:
		return b.Open.ComplainBy
	case Committing:
		return b.Open.CommitBy
	default:
		return b.Open.UnmaskBy
	}
}

func (b Board) afterDrawing() Phase {
	g, err := b.Group()
	if err != nil {
		return Failed
	}
	r := b.Round
	if b.Now < r.Open.DealBy && len(r.Deals) < len(g.Members()) {
		return Dealing
	}
	if b.Now < r.Open.ComplainBy && len(r.Settled) < len(r.Deals) {
		return Complaining
	}
	c, err := b.cast(g)
	if err != nil {
		return Failed
	}
	if b.Now < r.Open.CommitBy && len(r.Commits) < len(c.Members()) {
		return Committing
	}
	return Closing
}

// Group is who adds with whom, once the roster is fixed.
func (b Board) Group() (*oneshot.Group, error) {
	l, err := oneshot.NewLayout(*b.Open, b.Joins, b.Nonces)
	if err != nil {
		return nil, err
	}
	roster, err := oneshot.Roster(*b.Open, b.Joins, b.Nonces)
	if err != nil {
		return nil, err
	}
	return oneshot.NewGroup(*b.Open, l, roster, 0)
}

// Cast is who adds in the end, once complaints are settled.
func (b Board) Cast() (*oneshot.Cast, error) {
	g, err := b.Group()
	if err != nil {
		return nil, err
	}
	return b.cast(g)
}

func (b Board) cast(g *oneshot.Group) (*oneshot.Cast, error) {
	return g.Settle(b.Deals, b.Filed())
}

// Filed returns the complaints in the form that they are settled in.
func (r Round) Filed() []oneshot.Filed {
	var all []oneshot.Filed
	for _, f := range r.Complaints {
		all = append(all, oneshot.Filed{By: f.By, Complaint: f.Complaint})
	}
	return all
}

// Record is what the log has of the sum, for those who verify it or go on with it.
func (b Board) Record() oneshot.Record {
	r := oneshot.Record{Deals: b.Deals, Complaints: b.Filed(), Commits: b.Commits, Unmasks: b.Unmasks}
	if b.Survivors == nil {
		return r
	}
	r.Survivors = *b.Survivors
	if root, ok := b.Root(b.SurvivorsAt); ok {
		r.Size, r.Root = b.SurvivorsAt, root[:]
	}
	return r
}

// Approvals counts who approved.
func (r Round) Approvals() int {
	n := 0
	for _, id := range slices.Sorted(maps.Keys(r.Consents)) {
		if r.Consents[id].Approves {
			n++
		}
	}
	return n
}

// Refused tells whether a party said that it takes no part.
func (r Round) Refused(id party.ID) bool {
	c, said := r.Consents[id]
	return said && !c.Approves
}
