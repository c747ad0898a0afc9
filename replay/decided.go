package replay

import (
	"context"
	"fmt"

	"comity"
	"comity/allocator/program"
	"comity/body"
	"comity/canon"
	"comity/verifier/ledger"
)

// Decided is the allocation of one period with all that it rested on.
type Decided struct {
	Inputs     program.Inputs
	Lot        canon.Digest
	Allocation comity.Allocation
	About      canon.Digest // Of the allocation record.
}

// Decisions folds a log and returns its allocations, oldest first. The rules of package
// body check each entry and each certificate; nothing is trained or solved again.
func (s *Source) Decisions(ctx context.Context) ([]Decided, error) {
	var all []Decided
	state := body.New()
	const batch = 256
	for from := int64(0); from < s.log.Size(); from += batch {
		entries, err := s.log.Entries(ctx, from, min(s.log.Size(), from+batch))
		if err != nil {
			return nil, err
		}
		for i, e := range entries {
			st, err := state.Fold(e)
			if err != nil {
				return nil, fmt.Errorf("entry %d: %w", from+int64(i), err)
			}
			if st.Kind != comity.KindAllocation {
				continue
			}
			d, err := decided(state, st)
			if err != nil {
				return nil, fmt.Errorf("entry %d: %w", from+int64(i), err)
			}
			all = append(all, d)
		}
	}
	if _, _, err := s.log.Check(ledger.PolicyOf(state.Charter())); err != nil {
		return nil, err
	}
	return all, nil
}

// decided gathers what an allocation that was just folded rested on.
func decided(state *body.State, st comity.Statement) (d Decided, err error) {
	if err := canon.Unmarshal(st.Record, &d.Allocation); err != nil {
		return d, err
	}
	period := d.Allocation.Period
	d.About = state.View().Decisions[period].About
	if d.Inputs, err = state.Inputs(period); err != nil {
		return d, err
	}
	d.Lot, err = state.Lot(period)
	return d, err
}
