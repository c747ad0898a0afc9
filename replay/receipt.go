package replay

import (
	"context"
	"fmt"

	"comity"
	"comity/adapter/tlog"
	"comity/canon"
	"comity/verifier/ledger"
)

// Log returns the log's own files, checked against their root.
func (s *Source) Log() *tlog.Reader { return s.log }

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
