package secagg

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"

	"comity"
	"comity/canon"
	"comity/verifier/secagg/internal/wire"
)

// The fifth byte of a journal entry.
const (
	entryStart  = iota + 1 // First and only once: which round this is, and its secret.
	entryCohort            // A successor that was accepted.
	entryReveal            // A self mask that may have left the member.
)

// maxEntries bounds what is read back: a start, every cohort, every reveal.
const maxEntries = 1 + maxCohorts + MaxSteps + MaxAttempts

// place is what a member reveals at most once at.
type place struct{ number, attempt int }

// successor is what the journal remembers of an accepted cohort.
type successor struct {
	fromStep int
	digest   canon.Digest
}

// revealed is what the journal remembers of one reveal.
type revealed struct {
	Position
	list   canon.Digest  // Of the commitments that were answered.
	masked canon.Digest  // The member's own commitment.
	input  [keySize]byte // A keyed digest of the input.
	self   [keySize]byte
}

// memory is the journal of one round, read back.
type memory struct {
	journal Journal
	secret  [keySize]byte // All self masks and salts of the round derive from it.
	cohorts map[int]successor
	reveals map[place]revealed
	order   []revealed // The same, in the order in which they were written.
}

// remember reads the journal, or opens an empty one with a fresh round secret.
func remember(journal Journal, binding canon.Digest, coin io.Reader) (*memory, error) {
	entries, err := journal.Entries()
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	if len(entries) > maxEntries {
		return nil, fmt.Errorf("%w: %d entries, at most %d", ErrJournal, len(entries), maxEntries)
	}
	m := &memory{journal: journal, cohorts: map[int]successor{}, reveals: map[place]revealed{}}
	if len(entries) == 0 {
		if m.secret, err = wire.Draw(coin); err != nil {
			return nil, err
		}
		return m, m.append(entryStart, binding[:], m.secret[:])
	}
	for i, e := range entries {
		if err := m.read(i, e, binding); err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", ErrJournal, i, err)
		}
	}
	return m, nil
}

// read takes in one entry. A journal is our own file: what cannot have been written by
// append is refused, never repaired.
func (m *memory) read(i int, data []byte, binding canon.Digest) error {
	r := reader{wire.Reader{Data: data}}
	r.Magic(magicJournal)
	kind := r.Byte()
	if r.Err == nil && (kind == entryStart) != (i == 0) {
		return fmt.Errorf("%w: kind %d in this place", ErrMalformed, kind)
	}
	switch kind {
	case entryStart:
		if got := r.Digest(); r.Err == nil && got != binding {
			return fmt.Errorf("opened for %s, this round is %s", got, binding)
		}
		m.secret = r.Key()
	case entryCohort:
		number := r.Uint32()
		if _, twice := m.cohorts[number]; twice {
			return fmt.Errorf("%w: cohort %d twice", ErrMalformed, number)
		}
		m.cohorts[number] = successor{r.Uint32(), r.Digest()}
	case entryReveal:
		v := revealed{Position: r.position(), list: r.Digest(), masked: r.Digest(), input: r.Key(), self: r.Key()}
		if _, twice := m.reveals[place{v.Number, v.Attempt}]; twice {
			return fmt.Errorf("%w: step %d, attempt %d twice", ErrMalformed, v.Number, v.Attempt)
		}
		m.keep(v)
	default:
		return fmt.Errorf("%w: kind %d", ErrMalformed, kind)
	}
	return r.End()
}

func (m *memory) append(kind byte, fields ...[]byte) error {
	entry := append([]byte(magicJournal), kind)
	for _, f := range fields {
		entry = append(entry, f...)
	}
	if err := m.journal.Append(entry); err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	return nil
}

// accept notes the one successor of a cohort, before it has any effect.
func (m *memory) accept(c comity.Cohort, digest canon.Digest) error {
	if old, ok := m.cohorts[c.Number]; ok {
		if old.digest != digest {
			return fmt.Errorf("%w: number %d is %s, accepted was %s", ErrSuccessor, c.Number, digest, old.digest)
		}
		return nil
	}
	number := binary.BigEndian.AppendUint32(nil, uint32(c.Number))     //nolint:gosec // At most maxCohorts.
	number = binary.BigEndian.AppendUint32(number, uint32(c.FromStep)) //nolint:gosec // At most MaxSteps.
	if err := m.append(entryCohort, number, digest[:]); err != nil {
		return err
	}
	m.cohorts[c.Number] = successor{c.FromStep, digest}
	return nil
}

// reveal notes a reveal before it leaves, or confirms that exactly this one was noted.
func (m *memory) reveal(v revealed) error {
	if old, ok := m.reveals[place{v.Number, v.Attempt}]; ok {
		switch {
		case subtle.ConstantTimeCompare(old.self[:], v.self[:]) != 1 || old.masked != v.masked:
			return fmt.Errorf("%w: step %d, attempt %d: another self mask was revealed; raise the attempt", ErrRepeated, v.Number, v.Attempt)
		case old.Position != v.Position || old.list != v.list:
			return fmt.Errorf("%w: step %d, attempt %d: commitments %s, answered were %s", ErrEquivocation, v.Number, v.Attempt, v.list, old.list)
		}
		return nil
	}
	if err := m.append(entryReveal, v.Position.append(nil), v.list[:], v.masked[:], v.input[:], v.self[:]); err != nil {
		return err
	}
	m.keep(v)
	return nil
}

func (m *memory) keep(v revealed) {
	m.reveals[place{v.Number, v.Attempt}] = v
	m.order = append(m.order, v)
}

// unfinished lists what was revealed from step number on under cohorts up to cohort: to
// a history that goes on from there under the next cohort, those inputs are lost.
func (m *memory) unfinished(number, cohort int) []revealed {
	var lost []revealed
	for _, v := range m.order {
		if v.Number >= number && v.Cohort <= cohort {
			lost = append(lost, v)
		}
	}
	return lost
}

// superseded tells whether a successor of a cohort was accepted at or before a step.
func (m *memory) superseded(cohort, number int) bool {
	next, ok := m.cohorts[cohort+1]
	return ok && next.fromStep <= number
}
