package replay

import (
	"context"

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
	if err := s.each(ctx, func(entry []byte) error {
		st, err := state.Fold(entry)
		if err != nil || st.Kind != comity.KindAllocation {
			return err
		}
		d, err := decided(state, st)
		all = append(all, d)
		return err
	}); err != nil {
		return nil, err
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
