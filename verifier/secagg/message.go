package secagg

import (
	"encoding/binary"
	"fmt"

	"comity/canon"
	"comity/verifier/secagg/internal/wire"
)

// The first four bytes of each byte form.
const (
	magicMessage = "CSM1" // A message of a step.
	magicSum     = "CSS1" // A sum blob.
	magicPairs   = "CSP1" // Pair secrets at rest.
	magicJournal = "CSJ1" // A journal entry.
)

// The fifth byte of a message.
const (
	kindUpload = iota + 1
	kindCommitments
	kindReveal
	kindBroadcast
)

// Position says where in the sequence a message belongs.
type Position struct {
	Number     int          // How many steps were finished before it.
	Cohort     int          // The number of the cohort that runs it.
	Attempt    int          // The cohort's attempt.
	Transcript canon.Digest // Of everything before it: what masks and commitments are bound to.
}

// check refuses a message from another place than want, and says which field differs.
func (p Position) check(want Position) error {
	switch {
	case p.Number != want.Number:
		return fmt.Errorf("%w: message for step %d, at step %d", ErrStep, p.Number, want.Number)
	case p.Attempt != want.Attempt:
		return fmt.Errorf("%w: message of attempt %d, at attempt %d", ErrAttempt, p.Attempt, want.Attempt)
	case p.Cohort != want.Cohort:
		return fmt.Errorf("%w: message for cohort %d, at cohort %d", ErrCohort, p.Cohort, want.Cohort)
	case p.Transcript != want.Transcript:
		return fmt.Errorf("%w: message after %s, at %s; compare the signed heads", ErrTranscript, p.Transcript, want.Transcript)
	}
	return nil
}

// context binds masks and commitments of one step to its place and shape.
func (p Position) context(s Step) canon.Digest {
	return wire.Encode(labelContext).Bytes(p.Transcript[:]).Number(p.Number).Number(p.Cohort).Number(p.Attempt).
		Text(s.Name).Number(s.Bits).Number(s.Lanes).Sum()
}

// Upload is a member's masked vector, with what it takes to check its commitment.
// It goes to the hub alone: masked vectors never enter the public log.
type Upload struct {
	Position
	Step
	Commitment Commitment
	Salt       [keySize]byte
	Masked     []byte // Lanes * Bits/8 bytes, little-endian.
}

// Commitments shows every member's commitment, in the order of the cohort.
type Commitments struct {
	Position
	List []Commitment
}

// Reveal opens one member's self mask.
type Reveal struct {
	Position
	Self [keySize]byte
}

// Broadcast ends a step: every self mask, in the order of the cohort, and the sum.
type Broadcast struct {
	Position
	Reveals [][keySize]byte
	Sum     []byte // A sum blob; see Sum.
}

// reader takes positions and lists off a message as well.
type reader struct{ wire.Reader }

func header(kind byte, p Position) []byte {
	b := append([]byte(magicMessage), kind)
	return p.append(b)
}

// append writes the 44 bytes of a position. Its numbers were checked against their bounds.
func (p Position) append(b []byte) []byte {
	for _, n := range [...]int{p.Number, p.Cohort, p.Attempt} {
		b = binary.BigEndian.AppendUint32(b, uint32(n)) //nolint:gosec // At most MaxSteps, checked where it enters.
	}
	return append(b, p.Transcript[:]...)
}

func (r *reader) header(kind byte) Position {
	r.Magic(magicMessage)
	if got := r.Byte(); r.Err == nil && got != kind {
		r.Err = fmt.Errorf("%w: message of kind %d, want %d", ErrMalformed, got, kind)
	}
	return r.position()
}

func (r *reader) position() Position {
	p := Position{Number: r.Uint32(), Cohort: r.Uint32(), Attempt: r.Uint32(), Transcript: r.Digest()}
	if r.Err == nil && (p.Number >= MaxSteps || p.Cohort > maxCohorts || p.Attempt > MaxAttempts) {
		r.Err = fmt.Errorf("%w: step %d, cohort %d, attempt %d; at most %d, %d, %d",
			ErrMalformed, p.Number, p.Cohort, p.Attempt, MaxSteps-1, maxCohorts, MaxAttempts)
	}
	return p
}

// count reads how many members a list is for.
func (r *reader) count() int {
	n := r.Uint16()
	if r.Err == nil && (n < MinMembers || n > MaxMembers) {
		r.Err = fmt.Errorf("%w: a list for %d members; cohorts have %d to %d", ErrMalformed, n, MinMembers, MaxMembers)
	}
	if r.Err != nil {
		return 0
	}
	return n
}

// Bytes returns the message as it travels.
func (u Upload) Bytes() []byte {
	b := header(kindUpload, u.Position)
	b = append(b, byte(len(u.Name))) //nolint:gosec // At most MaxName.
	b = append(b, u.Name...)
	b = append(b, byte(u.Bits))                           //nolint:gosec // 32 or 64.
	b = binary.BigEndian.AppendUint32(b, uint32(u.Lanes)) //nolint:gosec // At most MaxLanes.
	b = append(b, u.Commitment.Masked[:]...)
	b = append(b, u.Commitment.Self[:]...)
	b = append(b, u.Salt[:]...)
	return append(b, u.Masked...)
}

// ParseUpload reads what Upload.Bytes wrote and nothing else. Masked shares data's memory.
func ParseUpload(data []byte) (Upload, error) {
	r := reader{wire.Reader{Data: data}}
	u := Upload{Position: r.header(kindUpload)}
	u.Step = Step{Name: string(r.Take(int(r.Byte()))), Bits: int(r.Byte()), Lanes: r.Uint32()}
	u.Commitment = Commitment{Masked: r.Digest(), Self: r.Digest()}
	u.Salt, u.Masked = r.Key(), r.Rest()
	if r.Err != nil {
		return Upload{}, r.Err
	}
	if err := u.Step.check(); err != nil {
		return Upload{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(u.Masked) != u.size() {
		return Upload{}, fmt.Errorf("%w: step %s has %d masked bytes, want %d", ErrMalformed, u.Step, len(u.Masked), u.size())
	}
	return u, nil
}

// Bytes returns the message as it travels.
func (c Commitments) Bytes() []byte {
	b := header(kindCommitments, c.Position)
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.List))) //nolint:gosec // At most MaxMembers.
	for _, e := range c.List {
		b = append(b, e.Masked[:]...)
		b = append(b, e.Self[:]...)
	}
	return b
}

// ParseCommitments reads what Commitments.Bytes wrote and nothing else.
func ParseCommitments(data []byte) (Commitments, error) {
	r := reader{wire.Reader{Data: data}}
	c := Commitments{Position: r.header(kindCommitments)}
	for range r.count() {
		c.List = append(c.List, Commitment{Masked: r.Digest(), Self: r.Digest()})
	}
	if err := r.End(); err != nil {
		return Commitments{}, err
	}
	return c, nil
}

// Bytes returns the message as it travels.
func (v Reveal) Bytes() []byte { return append(header(kindReveal, v.Position), v.Self[:]...) }

// ParseReveal reads what Reveal.Bytes wrote and nothing else.
func ParseReveal(data []byte) (Reveal, error) {
	r := reader{wire.Reader{Data: data}}
	v := Reveal{Position: r.header(kindReveal), Self: r.Key()}
	if err := r.End(); err != nil {
		return Reveal{}, err
	}
	return v, nil
}

// Bytes returns the message as it travels.
func (b Broadcast) Bytes() []byte {
	out := header(kindBroadcast, b.Position)
	out = binary.BigEndian.AppendUint16(out, uint16(len(b.Reveals))) //nolint:gosec // At most MaxMembers.
	for _, self := range b.Reveals {
		out = append(out, self[:]...)
	}
	return append(out, b.Sum...)
}

// ParseBroadcast reads what Broadcast.Bytes wrote and nothing else. Sum shares data's
// memory.
func ParseBroadcast(data []byte) (Broadcast, error) {
	r := reader{wire.Reader{Data: data}}
	b := Broadcast{Position: r.header(kindBroadcast)}
	for range r.count() {
		b.Reveals = append(b.Reveals, r.Key())
	}
	b.Sum = r.Rest()
	if r.Err != nil {
		return Broadcast{}, r.Err
	}
	if _, err := ParseSum(b.Sum); err != nil {
		return Broadcast{}, err
	}
	return b, nil
}
