package node

import (
	"bytes"
	"fmt"
	"net/http"
	"os"

	"comity/canon"
)

// objection is the refusal of this member's witness to cosign, if it refused because the
// log took something back. That it was asked with an old size is no reason to object.
func objection(a witnessAnswer) error {
	const otherSize = "text/x.tlog.size" // https://c2sp.org/tlog-witness
	conflict := a.Status == http.StatusConflict && a.ContentType != otherSize
	if !conflict && a.Status != http.StatusUnprocessableEntity {
		return nil
	}
	return fmt.Errorf("%w: its witness refuses to cosign (status %d): %s", ErrSplit, a.Status, bytes.TrimSpace(a.Body))
}

// maxEvidence bounds how many requests that its witness refused a member keeps: one
// proves that the log took something back, more say how often.
const maxEvidence = 16

// keepEvidence keeps an add-checkpoint request that the witness refused. Beside the
// checkpoint that it cosigned last (witness.state) it is the proof of a split: both carry
// the log's signature.
func (m *Member) keepEvidence(request []byte) error {
	folder := m.cfg.Home.path("evidence")
	if kept, err := os.ReadDir(folder); err == nil && len(kept) >= maxEvidence {
		return nil
	}
	return writeFile(m.cfg.Home.path("evidence", canon.Sum(request).Hex()[:16]), request)
}
