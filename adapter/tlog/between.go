package tlog

import (
	"context"
	"fmt"

	"comity/verifier/ledger"

	merkle "golang.org/x/mod/sumdb/tlog"
)

// Between returns the log's own trees at two sizes and the proof that the newer
// continues the older. Their checkpoints carry no cosignatures: the roots follow from
// the entries, which follow from the signed head.
func (r *Reader) Between(ctx context.Context, older, newer int64) (from, to ledger.Checkpoint, proof merkle.TreeProof, err error) {
	if older < 0 || older > newer || newer > r.tree.N {
		return from, to, nil, fmt.Errorf("prove that %d entries continue %d: %w: the log has %d", newer, older, ledger.ErrRollback, r.tree.N)
	}
	hashes := hashesOf(ctx, r.files, r.tree)
	at := func(size int64) (c ledger.Checkpoint, err error) {
		c = ledger.Checkpoint{Origin: r.origin(), Size: size}
		c.Root, err = merkle.TreeHash(size, hashes)
		return c, err
	}
	if from, err = at(older); err != nil {
		return from, to, nil, asProofError(err)
	}
	if to, err = at(newer); err != nil {
		return from, to, nil, asProofError(err)
	}
	if older == 0 || older == newer {
		return from, to, nil, nil // RFC 6962, section 2.1.2: nothing to prove.
	}
	if proof, err = merkle.ProveTree(newer, older, hashes); err != nil {
		return from, to, nil, asProofError(err)
	}
	return from, to, proof, nil
}

// origin is the first line of the published checkpoint.
func (r *Reader) origin() string {
	for i, b := range r.checkpoint {
		if b == '\n' {
			return string(r.checkpoint[:i])
		}
	}
	return ""
}
