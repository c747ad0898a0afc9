package oneshot

import (
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
)

// Record is what the log has of one bucket so far: a hub continues from it, and Evidence
// holds the whole of it.
type Record struct {
	Deals      map[party.ID]comity.Deal
	Complaints []Filed // In log order.
	Commits    map[party.ID]comity.Commit
	Survivors  comity.Survivors // The first admissible one; no members while there is none.
	Size       int              // Of the log under the checkpoint that witnessed Survivors.
	Root       []byte           // Its root; none while there is none.
	Unmasks    map[party.ID]comity.Unmask
}

// Resume brings a new hub to where the log and its own store stand, in the given phase;
// a hub that had finished resumes in Unmasking and finishes again. What was logged but
// never reached the hub is missing, as it was before the crash.
func (h *Hub) Resume(r Record, phase Phase) error {
	if h.phase != Dealing || len(h.deals) > 0 {
		return fmt.Errorf("resume: %w: the hub is in use", secagg.ErrOrder)
	}
	for _, who := range slices.Sorted(maps.Keys(r.Deals)) {
		if err := h.again(bundleName(who), func(data []byte) error {
			b, err := ParseBundle(data)
			if err != nil {
				return err
			}
			return h.Deal(who, r.Deals[who], b)
		}); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
	}
	if phase >= Complaining {
		if err := h.CloseDeals(); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
		for _, f := range r.Complaints {
			_ = h.Complain(f.By, f.Complaint) // What proves nothing was refused before, too.
		}
	}
	if phase >= Uploading {
		if err := h.resumeUploads(r); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
	}
	if phase >= Unmasking {
		if err := h.resumeUnmasking(r); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
	}
	return nil
}

// again hands over what the store has under name; what it does not have never arrived.
func (h *Hub) again(name string, take func([]byte) error) error {
	data, err := h.cfg.Store.Get(name)
	if err != nil {
		return nil //nolint:nilerr // Put returns before a message is accepted.
	}
	return take(data)
}

func (h *Hub) resumeUploads(r Record) error {
	if _, err := h.CloseComplaints(); err != nil {
		return err
	}
	for _, who := range slices.Sorted(maps.Keys(r.Commits)) {
		if len(r.Survivors.Members) > 0 && !slices.Contains(r.Survivors.Members, who) {
			continue // It came too late to be in the sum.
		}
		if err := h.again(openedName(who), func(data []byte) error {
			if len(data) < keySize {
				return fmt.Errorf("%w: %d bytes of %s in the store", secagg.ErrMalformed, len(data), who)
			}
			u := Upload{Context: h.cfg.Group.context, Salt: [keySize]byte(data), Masked: data[keySize:]}
			return h.Upload(who, r.Commits[who], u)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) resumeUnmasking(r Record) error {
	if _, _, err := h.CloseUploads(); err != nil {
		return err
	}
	logged, err := canon.DigestOf(r.Survivors)
	if err != nil {
		return err
	}
	if logged != h.digest {
		return fmt.Errorf("%w: the store gives survivors %s, logged are %s", secagg.ErrJournal, h.digest, logged)
	}
	if r.Root == nil {
		return nil
	}
	if err := h.Witness(r.Size, r.Root); err != nil {
		return err
	}
	for _, who := range slices.Sorted(maps.Keys(r.Unmasks)) {
		_ = h.Unmask(who, r.Unmasks[who]) // What was refused before is refused again.
	}
	return nil
}
