package oneshot

import (
	"fmt"
	"io"

	"comity/canon"
	"comity/chance"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/wire"
)

// The fifth byte of a journal entry.
const (
	entryStart  = iota + 1 // First and only once: which group this is, and the secret.
	entryUpload            // A masked vector that may have left the member.
	entryUnmask            // Shares that may have left the member.
)

// uploaded is what a member remembers of its one upload.
type uploaded struct {
	dealers canon.Digest  // The cast it is masked with.
	input   [keySize]byte // A keyed digest of the input.
	masked  canon.Digest  // Its commitment.
}

// unmasked is what a member remembers of its one answer to survivors.
type unmasked struct {
	survivors canon.Digest
	seed      chance.Seed
}

// memory is a journal read back. Of each kind there is at most one entry.
type memory struct {
	journal  Journal
	secret   [keySize]byte // What a member deals out, and its salt, derive from it.
	uploaded *uploaded
	unmasked *unmasked
}

// remember reads the journal, or opens an empty one with a fresh secret.
func remember(journal Journal, binding canon.Digest, coin io.Reader) (*memory, error) {
	entries, err := journal.Entries()
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	m := &memory{journal: journal}
	if len(entries) == 0 {
		if m.secret, err = wire.Draw(coin); err != nil {
			return nil, err
		}
		return m, m.append(entryStart, binding[:], m.secret[:])
	}
	for i, e := range entries {
		if err := m.read(i, e, binding); err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", secagg.ErrJournal, i, err)
		}
	}
	return m, nil
}

// read takes in one entry. A journal is our own file: what cannot have been written by
// append is refused, never repaired.
func (m *memory) read(i int, data []byte, binding canon.Digest) error {
	r := wire.Reader{Data: data}
	r.Magic(magicJournal)
	switch kind := r.Byte(); {
	case r.Err != nil:
	case kind == entryStart && i == 0:
		if got := r.Digest(); r.Err == nil && got != binding {
			return fmt.Errorf("opened for %s, this is %s", got, binding)
		}
		m.secret = r.Key()
	case kind == entryUpload && i > 0 && m.uploaded == nil && m.unmasked == nil:
		m.uploaded = &uploaded{r.Digest(), r.Key(), r.Digest()}
	case kind == entryUnmask && i > 0 && m.uploaded != nil && m.unmasked == nil:
		m.unmasked = &unmasked{r.Digest(), chance.Seed(r.Key())}
	default:
		return fmt.Errorf("%w: kind %d in this place", secagg.ErrMalformed, kind)
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

// upload notes an upload before it leaves, or confirms that exactly this one was noted.
func (m *memory) upload(u uploaded) error {
	if old := m.uploaded; old != nil {
		if *old != u {
			return fmt.Errorf("%w: another input or other members than were uploaded for", secagg.ErrRepeated)
		}
		return nil
	}
	if err := m.append(entryUpload, u.dealers[:], u.input[:], u.masked[:]); err != nil {
		return err
	}
	m.uploaded = &u
	return nil
}

// unmask notes an answer before it leaves, or confirms that exactly this one was noted.
func (m *memory) unmask(u unmasked) error {
	if old := m.unmasked; old != nil {
		if *old != u {
			return fmt.Errorf("%w: survivors %s at another place, answered were %s", secagg.ErrEquivocation, u.survivors, old.survivors)
		}
		return nil
	}
	if err := m.append(entryUnmask, u.survivors[:], u.seed[:]); err != nil {
		return err
	}
	m.unmasked = &u
	return nil
}
