package body

import (
	"fmt"

	"comity/canon"
	"comity/chance"
	"comity/verifier/secagg"
)

// Lot is the public coin of a period's allocation. It follows from nonces that members
// committed to before any input of the period was known, so nobody could choose it.
func (s *State) Lot(period string) (canon.Digest, error) {
	d := s.view.Decisions[period]
	nonces := s.Nonces(d.Round)
	if len(nonces) == 0 {
		return canon.Digest{}, fmt.Errorf("lot of %s: no round with nonces stands behind its picture", period)
	}
	return canon.Digest(chance.Derive(secagg.PublicSeed(d.Round, nonces), "lot", period)), nil
}
