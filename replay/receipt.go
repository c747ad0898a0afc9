package replay

import (
	"context"
	"fmt"

	"comity"
	"comity/canon"
	"comity/verifier/ledger"
)

// Extra gathers what the reader of a receipt needs besides the proof: the entry, the
// sealed charter, and of an allocation its problem, which is a public blob.
func Extra(entry, sealed []byte, blob func(canon.Digest) ([]byte, error)) (ledger.Extra, error) {
	x := ledger.Extra{Entry: entry, Charter: sealed}
	e, err := ledger.Parse(entry)
	if err != nil {
		return x, err
	}
	if st := e.Statement(); st.Kind == comity.KindAllocation {
		var a comity.Allocation
		if err := canon.Unmarshal(st.Record, &a); err != nil {
			return x, err
		}
		if x.Problem, err = blob(a.Problem); err != nil {
			return x, err
		}
	}
	return x, nil
}

// Receipt makes the receipt of one entry from the log's files alone: nobody needs the
// hub to get one.
func (s *Source) Receipt(ctx context.Context, index int64, sealed, checkpoint []byte) ([]byte, error) {
	entries, err := s.log.Entries(ctx, index, index+1)
	if err != nil {
		return nil, err
	}
	proof, err := s.log.Prove(ctx, index)
	if err != nil {
		return nil, err
	}
	extra, err := Extra(entries[0], sealed, func(d canon.Digest) ([]byte, error) { return s.read(ctx, d) })
	if err != nil {
		return nil, fmt.Errorf("receipt of entry %d: %w", index, err)
	}
	return ledger.WriteReceipt(ledger.Receipt{Extra: extra, Index: index, Proof: proof, Checkpoint: checkpoint})
}

// Continues checks that the log goes on from the checkpoint in a receipt that somebody
// kept, and returns how many entries that had. The receipt must be of the log's own
// charter and satisfy it. A log that forgot or changed an entry since is
// ledger.ErrRollback; other errors are those of package ledger.
func (s *Source) Continues(ctx context.Context, receipt []byte) (size int64, err error) {
	_, rules, err := s.Charter(ctx)
	if err != nil {
		return 0, err
	}
	kept, err := ledger.ReadReceipt(receipt)
	if err != nil {
		return 0, err
	}
	older, err := kept.CheckInclusion(ledger.PolicyOf(rules))
	if err != nil {
		return 0, err
	}
	if older.Size > s.log.Size() {
		return 0, fmt.Errorf("%w: %d entries now, %d when the receipt was made", ledger.ErrRollback, s.log.Size(), older.Size)
	}
	then, _, _, err := s.log.Between(ctx, older.Size, s.log.Size())
	if err != nil {
		return 0, err
	}
	if then.Root != older.Root {
		return 0, fmt.Errorf("%w: the first %d entries have another root than when the receipt was made", ledger.ErrRollback, older.Size)
	}
	return older.Size, nil
}
