package replay

import (
	"context"

	"comity/body"
	"comity/verifier/ledger"
)

// State folds a log by the rules of package body, and checks that the witnesses have seen
// it. Nothing is trained, added or solved again.
func (s *Source) State(ctx context.Context) (*body.State, error) {
	state := body.New()
	if err := s.each(ctx, func(entry []byte) error {
		_, err := state.Fold(entry)
		return err
	}); err != nil {
		return nil, err
	}
	if _, _, err := s.log.Check(ledger.PolicyOf(state.Charter())); err != nil {
		return nil, err
	}
	return state, nil
}
