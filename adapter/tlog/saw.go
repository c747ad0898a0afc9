package tlog

import (
	"fmt"

	"comity/durable"
	"comity/verifier/ledger"
)

// Saw takes note of a checkpoint that came with every entry it covers, which stand in the
// place of a consistency proof: root is that over their first so many. From then on the
// witness cosigns only what continues it. It signs nothing. Errors: ledger.ErrRollback,
// ledger.ErrProof, and those of a checkpoint that is not of this log.
func (w *Witness) Saw(checkpoint []byte, root func(size int64) ([32]byte, bool)) error {
	normal, err := ledger.Normalise(checkpoint, w.policy)
	if err != nil {
		return fmt.Errorf("note checkpoint: %w", err)
	}
	next, err := ledger.ParseCheckpoint(normal, w.policy)
	if err != nil {
		return fmt.Errorf("note checkpoint: %w", err)
	}
	if got, ok := root(next.Size); !ok || got != [32]byte(next.Root) {
		return fmt.Errorf("note checkpoint: %w: its root is %v, its %d entries give %x", ledger.ErrProof, next.Root, next.Size, got)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.latest.Size > next.Size {
		return fmt.Errorf("note checkpoint: %w: size %d after size %d", ledger.ErrRollback, next.Size, w.latest.Size)
	}
	if w.latest.Size > 0 {
		if before, ok := root(w.latest.Size); !ok || before != [32]byte(w.latest.Root) {
			return fmt.Errorf("note checkpoint: %w: size %d has roots %v and %x", ledger.ErrRollback, w.latest.Size, w.latest.Root, before)
		}
	}
	if next.Size == w.latest.Size {
		return nil
	}
	if err := durable.WriteFile(w.config.File, normal); err != nil {
		return fmt.Errorf("note checkpoint: %w", err)
	}
	w.latest = next
	return nil
}
