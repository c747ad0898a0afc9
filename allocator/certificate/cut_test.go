package certificate_test

import (
	"errors"
	"testing"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// TestACutAboveTheRanksIsRefused: the ranks in any order are a gini cut, and so is a mean
// of orders; one unit of the last place more is not.
func TestACutAboveTheRanksIsRefused(t *testing.T) {
	const one = 1 << certificate.RankBits
	p := comity.Problem{Limits: []comity.Limit{{ID: "l", Kind: certificate.LimitGini, Per: []quantity.Amount{1, 1, 1}, Bound: exact.Int(0)}}}
	for _, id := range []string{"PA", "PB", "PC"} {
		p.Needs = append(p.Needs, comity.Need{Party: party.ID(id)})
	}
	for _, v := range [][]canon.Int{
		{-2 * one, 0, 2 * one}, {2 * one, -2 * one, 0}, {0, 0, 0}, {one, one, -2 * one}, {one / 2, 0, -one / 2}, {-9 * one, one, one},
	} {
		if _, err := certificate.CutRow(p, comity.Cut{Vector: v}); err != nil {
			t.Errorf("%v: %v", v, err)
		}
	}
	for _, v := range [][]canon.Int{
		{-2 * one, 0, 2*one + 1}, {one + 1, one, -3 * one}, {one, 0, -one + 1}, {1, 0, 0}, {1 << 62, 1 << 62, -1 << 62},
	} {
		if _, err := certificate.CutRow(p, comity.Cut{Vector: v}); !errors.Is(err, certificate.ErrShape) {
			t.Errorf("%v: got %v, want ErrShape", v, err)
		}
	}
}
